//! The check of a whole store, but for the reading: what the rows must add up to, whichever store holds them.
//!
//! A store reads its rows in key order and hands them over; nothing here reads, and nothing is left out because
//! something else cannot be read: what is damaged becomes a finding. Texts hold ids and numbers, never addresses.

mod chains;
mod identity;
mod lifecycle;
mod log;
mod release;

use domain::TenantId;

use crate::chain::Book;
use crate::error::LedgerError;
use crate::read::{CheckReport, Finding};

pub use self::chains::{BookPass, Links, MinutePass};
pub use self::identity::Identity;
pub use self::log::LogPass;
pub use self::release::ReleaseLook;

/// Findings that are listed; the rest is counted.
const FINDINGS_MAX: usize = 1000;

/// What the check has seen so far.
#[derive(Debug, Default)]
pub struct Notes {
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
    ///
    /// # Errors
    /// Every failure that is not damage.
    pub fn part(&mut self, what: &str, outcome: Result<(), LedgerError>) -> Result<(), LedgerError> {
        match outcome {
            Err(LedgerError::Damaged { reason }) => {
                self.find(None, None, 0, format!("{what} could not be read to the end: {reason}"));
                Ok(())
            }
            other => other,
        }
    }

    /// The report, with a line for the findings that it does not list.
    #[must_use]
    pub fn into_report(mut self) -> CheckReport {
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
        assert!(notes.part("a part", Err(damaged)).is_ok());
        assert_eq!(notes.report.findings.len(), 1);
        let io = LedgerError::Io { operation: "reading", reason: "a disk".to_owned() };
        assert!(notes.part("a part", Err(io)).is_err());
    }
}
