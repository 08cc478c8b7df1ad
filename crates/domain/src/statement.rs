//! The trial balance of a release, a tenant or a day: what was owed, and what became of it.

use crate::fold::IntentState;

/// Counts per state. Made from the books; counters are only ever compared with it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statement {
    /// How many were frozen, by the audience's own count.
    pub audience: u64,
    /// A 2xx reply is stored.
    pub accepted: u64,
    /// A final refusal is stored.
    pub rejected: u64,
    /// Not owed.
    pub suppressed: u64,
    /// Stopped by a person.
    pub cancelled: u64,
    /// Not sent by the deadline.
    pub expired: u64,
    /// No answer to the message end.
    pub unknown: u64,
    /// Still owed.
    pub pending: u64,
    /// Acceptances beyond the first of an intent; not part of the balance.
    pub duplicates: u64,
}

impl Statement {
    /// Counts one intent.
    pub fn count(&mut self, state: IntentState) {
        *self.slot(state) += 1;
    }

    /// The count of one state.
    #[must_use]
    pub fn of(mut self, state: IntentState) -> u64 {
        *self.slot(state)
    }

    /// The right side of the balance.
    #[must_use]
    pub fn accounted(&self) -> u64 {
        self.accepted
            + self.rejected
            + self.suppressed
            + self.cancelled
            + self.expired
            + self.unknown
            + self.pending
    }

    /// Audience less what is accounted: 0 when the books balance, negative when rows exceed the audience.
    #[must_use]
    pub fn difference(&self) -> i64 {
        i64::try_from(self.audience).unwrap_or(i64::MAX) - i64::try_from(self.accounted()).unwrap_or(i64::MAX)
    }

    /// True when every intent is accepted, rejected, suppressed or cancelled, and the books balance.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.difference() == 0 && self.unknown + self.expired + self.pending == 0
    }

    /// Adds another release's statement.
    pub fn join(&mut self, other: &Self) {
        self.audience += other.audience;
        self.duplicates += other.duplicates;
        for state in IntentState::ALL {
            *self.slot(state) += other.of(state);
        }
    }

    fn slot(&mut self, state: IntentState) -> &mut u64 {
        match state {
            IntentState::Accepted => &mut self.accepted,
            IntentState::Rejected => &mut self.rejected,
            IntentState::Suppressed => &mut self.suppressed,
            IntentState::Cancelled => &mut self.cancelled,
            IntentState::Expired => &mut self.expired,
            IntentState::Unknown => &mut self.unknown,
            IntentState::Pending => &mut self.pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balance_shows_a_missing_intent() {
        let mut statement = Statement { audience: 8, ..Statement::default() };
        IntentState::ALL.into_iter().for_each(|state| statement.count(state));
        assert_eq!((statement.accounted(), statement.difference()), (7, 1));
        assert!(!statement.is_settled());
    }

    #[test]
    fn settled_needs_every_intent_terminal() {
        let mut statement = Statement { audience: 2, accepted: 2, ..Statement::default() };
        assert!(statement.is_settled());
        statement.join(&Statement { audience: 1, unknown: 1, ..Statement::default() });
        assert!(!statement.is_settled());
        assert_eq!(statement.audience, 3);
    }
}
