//! The first pass over a list: everything that must be known before anything is frozen.

use std::path::Path;

use domain::AudienceDigest;

use super::reader::Met;
use super::tally::Tally;
use super::{Bits, DuplicateFinder, ListError, ListFile, RejectedRow, Rejects, Row, RowCheck, RowReader};

/// How a list is scanned.
pub struct ScanOptions<'a> {
    /// Further checks of each row.
    pub check: &'a dyn RowCheck,
    /// Where partitions may be spilled.
    pub tmp: &'a Path,
    /// 32 fresh random octets.
    pub key: [u8; 32],
    /// Where every rejected row is written, if anywhere.
    pub rejects: Option<&'a Path>,
}

/// What the first pass found.
#[derive(Debug, Clone)]
pub struct ListScan {
    /// SHA-256 over the file.
    pub digest: [u8; 32],
    /// The audience's own count and digest: every usable row, duplicates included.
    pub audience: AudienceDigest,
    /// Rows after the header.
    pub rows_read: u64,
    /// Rows left out.
    pub rows_rejected: u64,
    /// The first of them.
    pub rejected: Vec<RejectedRow>,
    /// Which rows of the file can be used, counted from 0.
    pub usable: Bits,
    /// Which usable rows repeat the mailbox of an earlier one, counted from 0 among the usable.
    pub duplicates: Bits,
}

/// Reads the whole list once.
///
/// # Errors
/// When the list as a whole cannot be used; single bad rows are counted and left out.
pub fn scan(list: &ListFile, options: &ScanOptions<'_>) -> Result<ListScan, ListError> {
    let finder = DuplicateFinder::new(options.tmp, options.key);
    let scan = std::thread::scope(|scope| read_all(list, options, Tally::start(scope, finder)))?;
    refuse_empty(list, &scan)?;
    Ok(scan)
}

fn read_all(list: &ListFile, options: &ScanOptions<'_>, mut tally: Tally<'_>) -> Result<ListScan, ListError> {
    let mut reader = RowReader::open(list)?;
    let mut rejects = Rejects::new(options.rejects)?;
    let mut usable = Bits::default();
    let mut rows_read = 0;
    while let Some(met) = reader.next(options.check)? {
        match met {
            Met::Rejected(row) => rejects.add(row)?,
            Met::Row(Row { address, fields }) => {
                tally.add(address.as_str(), fields);
                usable.set(rows_read);
            }
        }
        rows_read += 1;
    }
    let (rows_rejected, rejected) = rejects.finish()?;
    let (audience, duplicates) = tally.finish()?;
    Ok(ListScan { digest: reader.digest(), audience, rows_read, rows_rejected, rejected, usable, duplicates })
}

fn refuse_empty(list: &ListFile, scan: &ListScan) -> Result<(), ListError> {
    let path = list.path.clone();
    match scan.rejected.first() {
        _ if scan.audience.count() > 0 => Ok(()),
        None => Err(ListError::NoRows { path }),
        Some(first) => Err(ListError::NoUsableRow {
            path,
            rows: scan.rows_read,
            line: first.line,
            reason: first.reason.to_string(),
        }),
    }
}
