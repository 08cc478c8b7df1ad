//! The trial balance of a release while it is counted, and what contradicts it.

use domain::{IntentState, ReleaseId, Statement};

use crate::nodes::Live;
use crate::owed::Owed;
use crate::read::Difference;

/// The trial balance, and the same as counters should have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Balance {
    /// By whole folds.
    pub statement: Statement,
    /// By folds without open attempts.
    pub counted: Statement,
}

impl Balance {
    /// An empty balance of so large an audience.
    #[must_use]
    pub fn of(audience: u64) -> Self {
        let empty = Statement { audience, ..Statement::default() };
        Self { statement: empty, counted: empty }
    }

    /// Counts one intent.
    pub fn count(&mut self, owed: &Owed, live: &Live) {
        let counted = owed.counted();
        self.counted.count(counted.state());
        self.counted.duplicates += u64::from(counted.duplicates());
        let is_open = owed.open().next().is_some();
        let whole = if is_open { owed.fold(live) } else { counted };
        self.statement.count(whole.state());
        self.statement.duplicates += u64::from(whole.duplicates());
    }

    /// What contradicts the statement: the audience's own count, and the counters.
    #[must_use]
    pub fn differences(&self, counters: &Statement, release: ReleaseId) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut compare = |what: String, expected: u64, stands: u64| {
            if expected != stands {
                let (expected, stands) = (expected.to_string(), stands.to_string());
                found.push(Difference { release, what, expected, found: stands });
            }
        };
        let rows = self.statement.accounted();
        compare("intents in the book against the audience".to_owned(), self.statement.audience, rows);
        compare("the counter of the audience".to_owned(), self.counted.audience, counters.audience);
        for state in IntentState::ALL {
            compare(format!("the counter of {state}"), self.counted.of(state), counters.of(state));
        }
        compare("the counter of duplicates".to_owned(), self.counted.duplicates, counters.duplicates);
        found
    }
}
