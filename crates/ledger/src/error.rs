//! What can go wrong in a store, by what the caller must do about it.

use domain::{AudienceDigest, ReleaseId};

/// A store's failure. Texts name tables and operations, never addresses, subjects or secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The disk or the database is full.
    #[error(
        "no space is left for the books while {operation}; free space and run again: nothing durable was lost"
    )]
    Full {
        /// What was being done.
        operation: &'static str,
    },
    /// Reading, writing or syncing failed: no dot may be sent any more (the process must end).
    #[error("the books could not be written or read while {operation}: {reason}")]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The database's own words.
        reason: String,
    },
    /// The database file is damaged.
    #[error(
        "the books are damaged ({reason}); restore a backup, or run `hikyaku check` on a copy to see what is readable"
    )]
    Damaged {
        /// The database's own words.
        reason: String,
    },
    /// The database was written by a newer or foreign program.
    #[error("this is not a data folder of this version of Hikyaku: {reason}")]
    Foreign {
        /// What was found.
        reason: String,
    },
    /// The database server does not keep what it is given, or cannot be used as it was asked to be.
    #[error("this database server cannot hold the books: {reason}")]
    Unfit {
        /// What it lacks, and the remedy.
        reason: String,
    },
    /// A row contradicts a key or check of the schema: a defect, or the breach of an invariant.
    #[error("the books refused a row while {operation}: {reason}")]
    Refused {
        /// What was being done.
        operation: &'static str,
        /// The database's own words.
        reason: String,
    },
    /// The planner's rows are not the audience that was counted.
    #[error(
        "release {release}: the audience counted {counted} but the rows give {stored}; nothing of it is sent"
    )]
    AudienceMismatch {
        /// The release.
        release: ReleaseId,
        /// By the list's reader.
        counted: AudienceDigest,
        /// By the rows.
        stored: AudienceDigest,
    },
    /// What was asked for does not exist for this tenant.
    #[error("{what} does not exist")]
    NotFound {
        /// What was asked for.
        what: &'static str,
    },
    /// A document is not as its writer saw it: somebody else changed, made or removed it meanwhile.
    #[error("{what} was changed by somebody else meanwhile; look at it again")]
    Stale {
        /// Its kind and id.
        what: String,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
