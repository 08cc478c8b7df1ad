//! From PostgreSQL's errors to what a caller must do about them, and whether trying again may help.
//!
//! Texts are the server's own words about tables and constraints, never its details: those hold values of rows.

use deadpool_postgres::PoolError;
use ledger::LedgerError;
use tokio_postgres::error::SqlState;

/// What went wrong inside a call, before it is known during which operation.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The server or the way to it failed or refused.
    Sql(tokio_postgres::Error),
    /// No connection could be had.
    Pool(String),
    /// The call itself found why it cannot be done.
    Ledger(LedgerError),
    /// Another node was faster: the same again may pass.
    Again(&'static str),
}

/// Whether the same transaction may be tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// At once: it was rolled back for others' sake.
    AtOnce,
    /// After a pause: there is no way to the server just now.
    Later,
    /// Not at all.
    None,
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::Sql(error),
            PoolError::PostCreateHook(deadpool_postgres::HookError::Backend(error)) => Self::Sql(error),
            PoolError::PostCreateHook(deadpool_postgres::HookError::Message(reason)) => {
                Self::Ledger(LedgerError::Unfit { reason: reason.into_owned() })
            }
            PoolError::Closed => Self::Ledger(LedgerError::Closed),
            PoolError::Timeout(_) | PoolError::NoRuntimeSpecified => Self::Pool(error.to_string()),
        }
    }
}

impl Failure {
    /// A row that contradicts what stands.
    pub fn refused(reason: impl Into<String>) -> Self {
        Self::Ledger(LedgerError::Refused { operation: "", reason: reason.into() })
    }

    /// A column that holds no value that was ever written.
    pub fn damaged(reason: impl std::fmt::Display) -> Self {
        let reason = format!("a column holds no value that was ever written: {reason}");
        Self::Ledger(LedgerError::Damaged { reason })
    }

    /// Whether the same may be tried again.
    pub fn remedy(&self) -> Remedy {
        match self {
            Self::Ledger(_) => Remedy::None,
            Self::Again(_) => Remedy::AtOnce,
            Self::Pool(_) => Remedy::Later,
            Self::Sql(error) => match error.code() {
                Some(state) => of_state(state),
                // Not the server's word: the way to it broke, or never was.
                None if error.is_closed() || error.source_is_io() => Remedy::Later,
                None => Remedy::None,
            },
        }
    }

    /// True when a key that must be unique stands already.
    pub fn is_duplicate(&self) -> bool {
        matches!(self, Self::Sql(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION))
    }

    /// As an error of the store.
    pub fn during(self, operation: &'static str) -> LedgerError {
        match self {
            Self::Ledger(LedgerError::Refused { operation: "", reason }) => {
                LedgerError::Refused { operation, reason }
            }
            Self::Ledger(error) => error,
            Self::Pool(reason) => LedgerError::Io { operation, reason },
            Self::Again(reason) => LedgerError::Io { operation, reason: reason.to_owned() },
            Self::Sql(error) => sorted(&error, operation),
        }
    }
}

/// What a driver's error wraps.
trait Source {
    fn source_is_io(&self) -> bool;
}

impl Source for tokio_postgres::Error {
    fn source_is_io(&self) -> bool {
        let source =
            std::error::Error::source(self).and_then(|source| source.downcast_ref::<std::io::Error>());
        // A server that TLS does not trust will not be trusted a second later.
        source.is_some_and(|error| error.kind() != std::io::ErrorKind::InvalidData)
    }
}

fn of_state(state: &SqlState) -> Remedy {
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE]
        .contains(state)
    {
        return Remedy::AtOnce;
    }
    let gone = [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::READ_ONLY_SQL_TRANSACTION,
    ];
    // The server ended a session that was silent within a transaction (25P03), or at all (57P05): nothing of it stands.
    let silent = ["25P03", "57P05"].contains(&state.code());
    if silent || gone.contains(state) || state.code().starts_with("08") {
        Remedy::Later
    } else {
        Remedy::None
    }
}

fn sorted(error: &tokio_postgres::Error, operation: &'static str) -> LedgerError {
    let Some(server) = error.as_db_error() else {
        let source = std::error::Error::source(error).map(|source| format!(": {source}"));
        let reason = format!("{error}{}", source.unwrap_or_default());
        return LedgerError::Io { operation, reason };
    };
    let reason = server.message().to_owned();
    match server.code().code() {
        "53100" => LedgerError::Full { operation },
        "XX001" | "XX002" => LedgerError::Damaged { reason },
        // Integrity constraints; values that no column of that type can hold.
        code if code.starts_with("23") || code.starts_with("22") => {
            LedgerError::Refused { operation, reason }
        }
        code => LedgerError::Io { operation, reason: format!("{reason} ({code})") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_has_its_remedy() {
        let check = |code: &str, expected: Remedy| {
            assert_eq!(of_state(&SqlState::from_code(code)), expected, "{code}")
        };
        check("40001", Remedy::AtOnce);
        check("40P01", Remedy::AtOnce);
        check("57P01", Remedy::Later);
        check("08006", Remedy::Later);
        check("25P03", Remedy::Later);
        check("25006", Remedy::Later);
        check("23503", Remedy::None);
        check("23505", Remedy::None);
        check("58030", Remedy::None);
        check("53100", Remedy::None);
    }
}
