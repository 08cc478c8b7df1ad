//! Every invariant against every row: the file, the chains, and each release's books against its small tables.
//!
//! Nothing that can be read is left out because something else cannot: what is damaged becomes a finding, and the
//! check goes on. Texts hold ids and numbers, never addresses.

mod chains;
mod file;
mod lifecycle;
mod releases;
mod sessions;

use domain::{SenderEpoch, TenantId, Timestamp};
use ledger::{Book, CheckReport, Finding, Head, LedgerError};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::read;

/// Findings that are listed; the rest is counted.
const FINDINGS_MAX: usize = 1000;

/// Looks at everything in one read transaction.
pub(crate) fn run(
    connection: &Connection,
    sealed: &[Head],
    live: Option<SenderEpoch>,
    now: Timestamp,
) -> Result<CheckReport, Failure> {
    let mut notes = Notes::default();
    let outcome = file::check(connection, &mut notes);
    notes.part("the file", outcome)?;
    let outcome = chains::check(connection, sealed, &mut notes);
    notes.part("the chains", outcome)?;
    let outcome = releases::check(connection, live, now, &mut notes);
    notes.part("the releases", outcome)?;
    let outcome = read::heads(connection).map(|heads| notes.report.heads = heads);
    notes.part("the chains' heads", outcome)?;
    Ok(notes.into_report())
}

/// What the check has seen so far.
#[derive(Default)]
pub(super) struct Notes {
    /// The report in the making.
    pub report: CheckReport,
    rest: u64,
}

impl Notes {
    /// Notes something that must not be; `invariant` 0 is the chain or the file.
    pub fn find(
        &mut self,
        tenant: Option<TenantId>,
        book: Option<Book>,
        invariant: u8,
        text: impl Into<String>,
    ) {
        if self.report.findings.len() < FINDINGS_MAX {
            self.report.findings.push(Finding { tenant, book, invariant, text: text.into() });
        } else {
            self.rest += 1;
        }
    }

    /// Turns damage that ended a part of the check into a finding; other failures end the check.
    pub fn part(&mut self, what: &str, outcome: Result<(), Failure>) -> Result<(), Failure> {
        let Err(failure) = outcome else { return Ok(()) };
        match failure.during("checking the books") {
            LedgerError::Damaged { reason } => {
                self.find(None, None, 0, format!("{what} could not be read to the end: {reason}"));
                Ok(())
            }
            other => Err(other.into()),
        }
    }

    fn into_report(mut self) -> CheckReport {
        if self.rest > 0 {
            let text = format!("{} more findings are not listed", self.rest);
            self.report.findings.push(Finding { tenant: None, book: None, invariant: 0, text });
        }
        self.report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_limit_are_counted() {
        let mut notes = Notes::default();
        (0..FINDINGS_MAX + 7).for_each(|no| notes.find(None, None, 1, format!("finding {no}")));
        let report = notes.into_report();
        assert_eq!(report.findings.len(), FINDINGS_MAX + 1);
        assert!(report.findings.last().is_some_and(|last| last.text.starts_with("7 more")));
    }

    #[test]
    fn damage_is_a_finding_and_a_failing_disk_an_error() {
        let mut notes = Notes::default();
        let damaged = LedgerError::Damaged { reason: "a page".to_owned() };
        assert!(notes.part("a part", Err(damaged.into())).is_ok());
        assert_eq!(notes.report.findings.len(), 1);
        let io = LedgerError::Io { operation: "reading", reason: "a disk".to_owned() };
        assert!(notes.part("a part", Err(io.into())).is_err());
    }
}
