//! What readers get: statements, recipients, attempts, and the findings of a check.

use domain::{IntentNo, IntentState, ReleaseId, SenderEpoch, Statement, SuppressionReason, TenantId};

use crate::chain::{Book, Head, LinkBuilder};
use crate::rows::{AttemptRow, OutcomeRow, SessionRow, WitnessRow};

/// Two books, or a book and a count of it, that do not agree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Of which release.
    pub release: ReleaseId,
    /// What disagrees, in an operator's words.
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// A release's statement, made from the books, with everything that contradicts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementView {
    /// Which release.
    pub release: ReleaseId,
    /// The trial balance.
    pub statement: Statement,
    /// Audience against rows, rows against counters; empty when all agree.
    pub differences: Vec<Difference>,
}

/// One recipient of a release, with its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientView {
    /// Which intent.
    pub intent: IntentNo,
    /// The address; `None` once erased.
    pub address: Option<String>,
    /// What became of it.
    pub state: IntentState,
    /// Why it was not owed.
    pub suppression: Option<SuppressionReason>,
    /// How many attempts.
    pub attempts: u32,
    /// The last entry against it.
    pub last: Option<OutcomeRow>,
}

/// One attempt with its session and every verdict over it; a settlement has no attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// The attempt; `None` for a settlement.
    pub attempt: Option<AttemptRow>,
    /// The session; `None` for a settlement.
    pub session: Option<SessionRow>,
    /// Which run of a sender wrote it.
    pub sender: Option<SenderEpoch>,
    /// The verdicts, oldest first.
    pub outcomes: Vec<OutcomeRow>,
}

/// Something in the books that must not be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whose books, where it is about one tenant.
    pub tenant: Option<TenantId>,
    /// Which book, where it is about one.
    pub book: Option<Book>,
    /// The invariant of ARCHITECTURE.md that it breaks (1 to 9); 0 for the chain and the file itself.
    pub invariant: u8,
    /// Where, and what: ids and numbers, never addresses.
    pub text: String,
}

/// What a check of the whole data folder saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Releases looked at.
    pub releases: u64,
    /// Rows of the intents book.
    pub intents: u64,
    /// Rows of the attempts book.
    pub attempts: u64,
    /// Rows of the outcomes book.
    pub outcomes: u64,
    /// Rows of the witnesses book.
    pub witnesses: u64,
    /// Links recomputed.
    pub links: u64,
    /// Where every chain ends now.
    pub heads: Vec<Head>,
    /// What must not be; empty is good.
    pub findings: Vec<Finding>,
}

/// A row of a chained book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BookRow {
    /// What is owed.
    Intent {
        /// Of which release.
        release: ReleaseId,
        /// Which intent.
        intent: IntentNo,
        /// In which wave.
        wave: u16,
        /// Why it is not owed.
        suppression: Option<SuppressionReason>,
    },
    /// What was tried.
    Attempt(AttemptRow),
    /// What came of it (without text and retry time, which the book does not hold).
    Outcome(OutcomeRow),
    /// What others saw.
    Witness(WitnessRow),
}

impl BookRow {
    /// Adds the row to the root of its link.
    pub fn add_to(&self, tenant: TenantId, link: &mut LinkBuilder) {
        match self {
            Self::Intent { release, intent, wave, suppression } => {
                link.intent((tenant, *release, *intent), *wave, *suppression);
            }
            Self::Attempt(row) => link.attempt(row),
            Self::Outcome(row) => link.outcome(row),
            Self::Witness(row) => link.witness(row),
        }
    }
}

/// A row with the link of its chain that covers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkedRow {
    /// Which run of a sender wrote it.
    pub sender: SenderEpoch,
    /// Which link covers it.
    pub link_no: u32,
    /// The row.
    pub row: BookRow,
}
