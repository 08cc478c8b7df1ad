//! An intent's state as a fold over its entries: the same whatever the order in which they are read.
//!
//! Invariant 2: any acceptance makes the intent accepted, and a second one is counted as a duplicate; a message
//! end without a known answer makes it unknown, never expired or pending. No state is ever stored.

use crate::ids::AttemptNo;
use crate::outcome::{SuppressionReason, Verdict};

crate::worded! {
    /// What an intent amounts to, by its entries; in the order of the statement.
    pub enum IntentState {
        /// A 2xx reply is stored.
        Accepted => "accepted",
        /// A final refusal is stored.
        Rejected => "rejected",
        /// Frozen into the audience as not owed.
        Suppressed => "suppressed",
        /// Stopped by a person.
        Cancelled => "cancelled",
        /// Not sent by its deadline.
        Expired => "expired",
        /// Its message end may have arrived; there is no answer.
        Unknown => "unknown",
        /// Owed, and nothing final stands against it.
        Pending => "pending",
    }
}

/// One entry of an intent, as the fold sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Entry {
    /// An attempt whose sender may still be at work on it.
    OpenLive(AttemptNo),
    /// An attempt of an earlier epoch that nobody works on any more.
    OpenStale(AttemptNo),
    /// A verdict over an attempt; or a settlement, with attempt number 0.
    Outcome(AttemptNo, Verdict),
    /// A witness that names the attempt as accepted.
    WitnessAccepted(AttemptNo),
}

/// Bits of what is known of one attempt.
mod known {
    pub const OPEN_STALE: u8 = 1;
    pub const ACCEPTED: u8 = 2;
    pub const ANSWERED_NO: u8 = 4;
    pub const REJECTED: u8 = 8;
    pub const UNKNOWN: u8 = 16;
}

/// The running fold of one intent. Feed it every entry, in any order, then ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntentFold {
    /// The first attempts inline, for nearly every intent has one or two.
    few: [u8; 4],
    /// Later attempts, by number.
    more: Vec<(AttemptNo, u8)>,
    suppressed: bool,
    cancelled: bool,
    expired: bool,
}

impl IntentFold {
    /// A fold of an intent that is owed (`None`) or suppressed.
    #[must_use]
    pub fn new(suppression: Option<SuppressionReason>) -> Self {
        Self { suppressed: suppression.is_some(), ..Self::default() }
    }

    /// Takes one entry.
    pub fn add(&mut self, entry: Entry) {
        match entry {
            Entry::OpenLive(_) => {}
            Entry::OpenStale(no) => *self.attempt(no) |= known::OPEN_STALE,
            Entry::WitnessAccepted(no) => *self.attempt(no) |= known::ACCEPTED,
            Entry::Outcome(_, Verdict::Cancelled) => self.cancelled = true,
            Entry::Outcome(_, Verdict::Expired) => self.expired = true,
            Entry::Outcome(no, verdict) => *self.attempt(no) |= bits_of(verdict),
        }
    }

    /// What the intent amounts to.
    #[must_use]
    pub fn state(&self) -> IntentState {
        let any = |test: fn(u8) -> bool| self.attempts().any(test);
        if any(|bits| bits & known::ACCEPTED != 0) {
            IntentState::Accepted
        } else if any(dot_is_unresolved) {
            IntentState::Unknown
        } else if any(|bits| bits & known::REJECTED != 0) {
            IntentState::Rejected
        } else if self.suppressed {
            IntentState::Suppressed
        } else if self.cancelled {
            IntentState::Cancelled
        } else if self.expired {
            IntentState::Expired
        } else {
            IntentState::Pending
        }
    }

    /// How many acceptances stand beyond the first: each is a mail that somebody received twice.
    #[must_use]
    pub fn duplicates(&self) -> u32 {
        let accepted = self.attempts().filter(|bits| bits & known::ACCEPTED != 0).count();
        u32::try_from(accepted.saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// How many attempts ended without an answer to their message end.
    #[must_use]
    pub fn unresolved_dots(&self) -> u32 {
        u32::try_from(self.attempts().filter(|bits| dot_is_unresolved(*bits)).count()).unwrap_or(u32::MAX)
    }

    /// True when any attempt was refused for good.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        self.attempts().any(|bits| bits & known::REJECTED != 0)
    }

    fn attempt(&mut self, no: AttemptNo) -> &mut u8 {
        let index = usize::from(no.0);
        if index < self.few.len() {
            return &mut self.few[index];
        }
        let place = self.more.iter().position(|(known_no, _)| *known_no == no).unwrap_or_else(|| {
            self.more.push((no, 0));
            self.more.len() - 1
        });
        &mut self.more[place].1
    }

    fn attempts(&self) -> impl Iterator<Item = u8> {
        self.few.iter().copied().chain(self.more.iter().map(|(_, bits)| *bits))
    }
}

fn bits_of(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Accepted => known::ACCEPTED,
        Verdict::Deferred => known::ANSWERED_NO,
        Verdict::Rejected => known::ANSWERED_NO | known::REJECTED,
        Verdict::Unknown => known::UNKNOWN,
        Verdict::Cancelled | Verdict::Expired => 0,
    }
}

/// A stale open attempt or an unknown is resolved by any later answer to the same attempt.
fn dot_is_unresolved(bits: u8) -> bool {
    bits & (known::OPEN_STALE | known::UNKNOWN) != 0 && bits & (known::ACCEPTED | known::ANSWERED_NO) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: AttemptNo = AttemptNo(1);
    const TWO: AttemptNo = AttemptNo(2);
    const NONE: AttemptNo = AttemptNo(0);

    fn fold(entries: &[Entry]) -> IntentFold {
        let mut fold = IntentFold::new(None);
        entries.iter().for_each(|entry| fold.add(*entry));
        fold
    }

    #[test]
    fn states_by_table() {
        use Entry::{OpenLive, OpenStale, Outcome, WitnessAccepted};
        let check = |entries: &[Entry], state: IntentState| {
            assert_eq!(fold(entries).state(), state, "{entries:?}");
        };
        check(&[], IntentState::Pending);
        check(&[OpenLive(ONE)], IntentState::Pending);
        check(&[OpenStale(ONE)], IntentState::Unknown);
        check(&[OpenStale(ONE), Outcome(ONE, Verdict::Deferred)], IntentState::Pending);
        check(&[Outcome(ONE, Verdict::Unknown)], IntentState::Unknown);
        check(&[Outcome(ONE, Verdict::Unknown), Outcome(NONE, Verdict::Expired)], IntentState::Unknown);
        check(&[Outcome(ONE, Verdict::Unknown), Outcome(TWO, Verdict::Rejected)], IntentState::Unknown);
        check(&[Outcome(ONE, Verdict::Unknown), Outcome(ONE, Verdict::Rejected)], IntentState::Rejected);
        check(&[Outcome(ONE, Verdict::Unknown), Outcome(TWO, Verdict::Accepted)], IntentState::Accepted);
        check(&[Outcome(ONE, Verdict::Unknown), WitnessAccepted(ONE)], IntentState::Accepted);
        check(&[Outcome(NONE, Verdict::Cancelled), Outcome(ONE, Verdict::Accepted)], IntentState::Accepted);
        check(&[Outcome(NONE, Verdict::Cancelled)], IntentState::Cancelled);
        check(&[Outcome(AttemptNo(9), Verdict::Rejected)], IntentState::Rejected);
    }

    #[test]
    fn a_second_acceptance_is_a_duplicate() {
        let twice = fold(&[Entry::Outcome(ONE, Verdict::Accepted), Entry::Outcome(TWO, Verdict::Accepted)]);
        assert_eq!(twice.duplicates(), 1);
        let same = fold(&[Entry::Outcome(ONE, Verdict::Accepted), Entry::WitnessAccepted(ONE)]);
        assert_eq!(same.duplicates(), 0);
    }

    #[test]
    fn suppressed_is_kept_apart_from_pending() {
        assert_eq!(IntentFold::new(Some(SuppressionReason::Complaint)).state(), IntentState::Suppressed);
    }
}
