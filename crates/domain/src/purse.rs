//! Messages that a sender may start of a relay's limit that many senders share: granted ahead, kept until they are used.
//!
//! Whoever grants counts what is held here as sent, so that the senders' messages never exceed the limit together,
//! however long one of them waits before it starts a message.

/// Messages granted, on the wire, and answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Purse {
    left: u32,
    in_flight: u32,
    answered: u32,
}

impl Purse {
    /// Takes in a grant.
    pub fn deposit(&mut self, messages: u32) {
        self.left = self.left.saturating_add(messages);
    }

    /// Starts one message, if one is left; each start needs one [`Self::finish`].
    pub fn try_start(&mut self) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.in_flight += 1;
        true
    }

    /// Ends one message: `counted` unless it never reached the receiver.
    pub fn finish(&mut self, counted: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if counted {
            self.answered += 1;
        } else {
            self.left += 1;
        }
    }

    /// Messages that may still be started or are on the wire.
    #[must_use]
    pub const fn held(&self) -> u32 {
        self.left + self.in_flight
    }

    /// Messages answered that whoever grants was not told of.
    #[must_use]
    pub const fn answered(&self) -> u32 {
        self.answered
    }

    /// Whoever grants was told of so many answered ones.
    pub fn told(&mut self, answered: u32) {
        self.answered = self.answered.saturating_sub(answered);
    }

    /// Gives back what was not started.
    pub fn give_back(&mut self) {
        self.left = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_held_until_it_is_answered() {
        let mut purse = Purse::default();
        assert!(!purse.try_start());
        purse.deposit(2);
        assert!(purse.try_start() && purse.try_start() && !purse.try_start());
        assert_eq!(purse.held(), 2);
        purse.finish(true);
        purse.finish(false);
        assert_eq!((purse.held(), purse.answered()), (1, 1));
        purse.told(1);
        assert_eq!(purse.answered(), 0);
        purse.give_back();
        assert!(!purse.try_start());
    }
}
