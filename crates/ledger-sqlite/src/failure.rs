//! From SQLite's errors to what a caller must do about them.
//!
//! Texts are the database's own words about tables and constraints: they hold no value of a row.

use ledger::LedgerError;
use rusqlite::ErrorCode;

/// What went wrong inside a call, before it is known during which operation.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database failed or refused.
    Sql(rusqlite::Error),
    /// The call itself found why it cannot be done.
    Ledger(LedgerError),
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl Failure {
    /// A row that contradicts what stands.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Ledger(LedgerError::Refused { operation: "", reason: reason.into() })
    }

    /// As an error of the store.
    pub fn during(self, operation: &'static str) -> LedgerError {
        match self {
            Self::Ledger(LedgerError::Refused { operation: "", reason }) => {
                LedgerError::Refused { operation, reason }
            }
            Self::Ledger(error) => error,
            Self::Sql(error) => sorted(&error, operation),
        }
    }
}

fn sorted(error: &rusqlite::Error, operation: &'static str) -> LedgerError {
    use rusqlite::Error::{
        FromSqlConversionFailure, IntegralValueOutOfRange, InvalidColumnType, SqliteFailure, Utf8Error,
    };
    let reason = error.to_string();
    match error {
        SqliteFailure(cause, _) => match cause.code {
            ErrorCode::DiskFull => LedgerError::Full { operation },
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => LedgerError::Damaged { reason },
            ErrorCode::ConstraintViolation => LedgerError::Refused { operation, reason },
            _ => LedgerError::Io { operation, reason },
        },
        FromSqlConversionFailure(..)
        | IntegralValueOutOfRange(..)
        | InvalidColumnType(..)
        | Utf8Error(..) => LedgerError::Damaged {
            reason: format!("a column holds no value that was ever written: {reason}"),
        },
        _ => LedgerError::Io { operation, reason },
    }
}

/// True when the writer must never try again: what is on the disk is in doubt.
pub(crate) fn is_final(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Full { .. } | LedgerError::Io { .. } | LedgerError::Damaged { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi;

    #[test]
    fn each_code_has_its_remedy() {
        let check = |code: i32, word: &str, last: bool| {
            let sql = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
            let error = Failure::from(sql).during("testing");
            assert!(format!("{error:?}").starts_with(word), "{code}: {error:?}");
            assert_eq!(is_final(&error), last, "{code}");
        };
        check(ffi::SQLITE_FULL, "Full", true);
        check(ffi::SQLITE_IOERR_FSYNC, "Io", true);
        check(ffi::SQLITE_IOERR, "Io", true);
        check(ffi::SQLITE_READONLY, "Io", true);
        check(ffi::SQLITE_BUSY, "Io", true);
        check(ffi::SQLITE_CORRUPT, "Damaged", true);
        check(ffi::SQLITE_NOTADB, "Damaged", true);
        check(ffi::SQLITE_CONSTRAINT_FOREIGNKEY, "Refused", false);
        check(ffi::SQLITE_CONSTRAINT_CHECK, "Refused", false);
    }
}
