//! Whether a standby that takes the server's place would have every commit that was answered.
//!
//! Hikyaku cannot prevent a promotion; it says plainly what one would lose.

use std::fmt;

use deadpool_postgres::Pool;

use crate::columns::Columns;
use crate::failure::Failure;
use crate::queries;

/// What follows the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standby {
    /// Nothing that it knows of: what its disk has is all there is.
    None,
    /// A commit is answered after a standby has it too.
    Synchronous,
    /// A commit is answered before these many standbys have it.
    Asynchronous(u32),
}

impl Standby {
    /// True when a promotion may lose commits that were answered.
    #[must_use]
    pub const fn may_lose_commits(self) -> bool {
        matches!(self, Self::Asynchronous(_))
    }

    fn of(standbys: u32, names: &str, synchronous_commit: &str) -> Self {
        let waits = ["on", "remote_write", "remote_apply"].contains(&synchronous_commit);
        match (standbys, !names.trim().is_empty() && waits) {
            (_, true) => Self::Synchronous,
            (0, false) => Self::None,
            (standbys, false) => Self::Asynchronous(standbys),
        }
    }
}

impl fmt::Display for Standby {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("no standby"),
            Self::Synchronous => f.write_str("a synchronous standby"),
            Self::Asynchronous(standbys) => write!(
                f,
                "{standbys} ASYNCHRONOUS standby: should it take the server's place, the last commits are gone, and mails \
                 that were sent after them are sent again; set synchronous_standby_names on the server"
            ),
        }
    }
}

pub(crate) async fn look(pool: &Pool) -> Result<Standby, Failure> {
    let row = pool.get().await?.query_one(queries::STANDBY_STATE, &[]).await?;
    let row = Columns(&row);
    Ok(Standby::of(row.number(0)?, row.value(1)?, row.value(2)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_that_nobody_waits_for_is_asynchronous() {
        assert_eq!(Standby::of(0, "", "on"), Standby::None);
        assert_eq!(Standby::of(1, "", "on"), Standby::Asynchronous(1));
        assert_eq!(Standby::of(1, "FIRST 1 (a)", "local"), Standby::Asynchronous(1));
        assert_eq!(Standby::of(1, "FIRST 1 (a)", "on"), Standby::Synchronous);
        // The standby is away: commits wait for it.
        assert_eq!(Standby::of(0, "FIRST 1 (a)", "on"), Standby::Synchronous);
    }
}
