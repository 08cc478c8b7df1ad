//! The second pass over a list: usable rows in batches, read on a thread of their own while the store writes.

use std::sync::Arc;

use domain::SuppressionReason;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::reader::Met;
use super::{ListError, ListFile, ListScan, Row, RowCheck, RowReader};

/// Rows handed over at a time.
const BATCH_ROWS: usize = 1024;
/// Batches that may wait.
const BATCHES_WAITING: usize = 4;

/// A row on its way to the planner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedRow {
    /// Counted from 0 among the usable rows.
    pub index: u64,
    /// The address as it goes on the wire.
    pub address: String,
    /// The form in which spellings of one mailbox are equal.
    pub comparison_key: String,
    /// The fields, joined.
    pub fields: String,
    /// Why it is not owed, if it is not.
    pub suppression: Option<SuppressionReason>,
}

/// Batches of rows as they come; [`Self::finish`] says whether the list was still the same.
pub struct StreamedRows {
    batches: mpsc::Receiver<Vec<OwnedRow>>,
    reading: JoinHandle<Result<(), ListError>>,
}

impl StreamedRows {
    /// The next rows; `None` at the end or after a failure.
    pub async fn next(&mut self) -> Option<Vec<OwnedRow>> {
        self.batches.recv().await
    }

    /// Whether everything was read, and nothing had changed since the scan.
    ///
    /// # Errors
    /// [`ListError::Changed`], or why it could not be read.
    pub async fn finish(self) -> Result<(), ListError> {
        drop(self.batches);
        self.reading.await.unwrap_or(Err(ListError::Defect))
    }
}

/// Starts reading the rows that the scan found usable.
#[must_use]
pub fn stream(list: Arc<ListFile>, scan: Arc<ListScan>) -> StreamedRows {
    let (sender, batches) = mpsc::channel(BATCHES_WAITING);
    let reading = tokio::task::spawn_blocking(move || read_all(&list, &scan, &sender));
    StreamedRows { batches, reading }
}

fn read_all(
    list: &ListFile,
    scan: &ListScan,
    batches: &mpsc::Sender<Vec<OwnedRow>>,
) -> Result<(), ListError> {
    let changed = || ListError::Changed { path: list.path.clone() };
    let mut reader = RowReader::open(list)?;
    let mut batch = Vec::with_capacity(BATCH_ROWS);
    let (mut row, mut index) = (0, 0);
    loop {
        if row >= scan.rows_read || !scan.usable.get(row) {
            if !reader.skip()? {
                break;
            }
            row += 1;
            continue;
        }
        match reader.next(&Unchecked)? {
            Some(Met::Row(met)) => batch.push(owned(met, index, scan)),
            Some(Met::Rejected(_)) | None => return Err(changed()),
        }
        (row, index) = (row + 1, index + 1);
        if batch.len() == BATCH_ROWS {
            let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH_ROWS));
            // Nobody listens any more: the planner failed, and says why itself.
            if batches.blocking_send(full).is_err() {
                return Ok(());
            }
        }
    }
    if row != scan.rows_read || reader.digest() != scan.digest {
        return Err(changed());
    }
    let _ = batches.blocking_send(batch);
    Ok(())
}

fn owned(row: Row<'_>, index: u64, scan: &ListScan) -> OwnedRow {
    OwnedRow {
        index,
        comparison_key: row.address.comparison_key(),
        address: row.address.as_str().to_owned(),
        fields: row.fields.to_owned(),
        suppression: scan.duplicates.get(index).then_some(SuppressionReason::Duplicate),
    }
}

/// The scan checked the rows; the digest says that they are the same.
struct Unchecked;

impl RowCheck for Unchecked {
    fn check(&self, _record: &[&str]) -> Result<(), String> {
        Ok(())
    }
}
