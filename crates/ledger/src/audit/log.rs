//! The audit logs, recomputed: in each no number is missing, no entry was changed, each follows the one before.
//!
//! Entries that were cut off at the end do not show: the log has no head outside the store.

use domain::TenantId;

use super::Notes;
use crate::documents::{AuditRow, audit_chain};

/// One reading of the logs of all tenants, by tenant and number.
#[derive(Default)]
pub struct LogPass {
    /// Whose log is read, its entry that was met last, and the chain's value behind that.
    last: Option<(TenantId, u64, [u8; 32])>,
}

impl LogPass {
    /// Takes the next entry.
    pub fn add(&mut self, row: &AuditRow, notes: &mut Notes) {
        let tenant = row.tenant;
        let (number, before) = match self.last {
            Some((of, number, chain)) if of == tenant => (number, chain),
            _ => (0, [0; 32]),
        };
        let expected = number.saturating_add(1);
        let objection = if row.number != expected {
            Some(format!(
                "entry {} of the audit log follows entry {number}: those between are missing",
                row.number
            ))
        } else if audit_chain(&before, row) != row.chain {
            Some(format!(
                "entry {} of the audit log was changed, or does not follow the one before",
                row.number
            ))
        } else {
            None
        };
        if let Some(text) = objection {
            notes.find(Some(tenant), None, 0, text);
        }
        self.last = Some((tenant, row.number, row.chain));
    }
}

#[cfg(test)]
mod tests {
    use domain::Timestamp;

    use super::*;
    use crate::documents::{AuditNote, DocumentWrite};

    fn entry(tenant: u64, last: Option<&AuditRow>) -> AuditRow {
        let text = |text: &str| text.to_owned();
        let note = AuditNote {
            actor: text("髙橋"),
            action: text("key.create"),
            object: text("①"),
            detail: text(""),
        };
        let write = DocumentWrite {
            tenant: TenantId(tenant),
            changes: Vec::new(),
            note: None,
            now: Timestamp::from_millis(7),
        };
        AuditRow::after(last.map(|row| (row.number, row.chain)), &write, &note)
    }

    fn findings(rows: &[AuditRow]) -> Vec<String> {
        let (mut pass, mut notes) = (LogPass::default(), Notes::default());
        rows.iter().for_each(|row| pass.add(row, &mut notes));
        notes.into_report().findings.into_iter().map(|finding| finding.text).collect()
    }

    #[test]
    fn a_gap_a_change_and_a_chain_of_another_are_found() {
        let first = entry(1, None);
        let second = entry(1, Some(&first));
        let third = entry(1, Some(&second));
        let theirs = entry(2, None);
        assert_eq!(findings(&[first.clone(), second.clone(), third.clone(), theirs.clone()]), [""; 0]);
        let gap = findings(&[first.clone(), third.clone(), theirs.clone()]);
        assert_eq!(gap, ["entry 3 of the audit log follows entry 1: those between are missing"]);
        let mut changed = second.clone();
        changed.note.object = "②".to_owned();
        let found = findings(&[first.clone(), changed, third.clone()]);
        assert_eq!(found, ["entry 2 of the audit log was changed, or does not follow the one before"]);
        let stranger = AuditRow { tenant: TenantId(1), ..entry(2, Some(&first)) };
        assert_eq!(findings(&[first, stranger, third]).len(), 2);
        assert_eq!(findings(&[second]).len(), 1, "the first is missing");
    }
}
