//! A whole installation from one store into another: every row as it is, chains included, from one state of the source.
//!
//! It can be broken off at any row and run again: rows go in the order of their keys, and the target's books say that
//! they are not whole until every table of every tenant has the digest that it has at the source. Nobody sends from a
//! target before that, nor from a source that was moved away after it.
//!
//! Left to others: what a row means (`ledger::copy`), folders and keys beyond their check, what is printed.

mod agreement;

use std::sync::Arc;

use domain::Timestamp;
use ledger::copy::{CopyRow, TABLES, Value};
use ledger::{CopyStore, InstallationRow, InstallationUse, LedgerError, Snapshot, Store};

use crate::error::AppError;
pub use agreement::TableCount;

/// Books as both ends of a transfer see them.
#[derive(Clone)]
pub struct Side {
    /// What is in them.
    pub books: Arc<dyn Store>,
    /// Their rows as they are.
    pub rows: Arc<dyn CopyStore>,
    /// Where they are, for people.
    pub place: String,
}

impl Side {
    /// The same store by both of its faces.
    pub fn of<S: Store + CopyStore + 'static>(store: Arc<S>, place: impl Into<String>) -> Self {
        Self { books: Arc::clone(&store) as Arc<dyn Store>, rows: store, place: place.into() }
    }
}

/// Why nothing was, or not all is, transferred.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// Somebody sends from the source.
    #[error(
        "{place}: sender {sender} holds work of it; end it (or wait for its lease's end, {until}), then run this again"
    )]
    InUse {
        /// Which books.
        place: String,
        /// Whose run.
        sender: i64,
        /// When its lease ends.
        until: Timestamp,
    },
    /// The source is a copy that is not whole, or was moved elsewhere.
    #[error("{place}: its books are {state}; nothing is copied from them")]
    NoSource {
        /// Which books.
        place: String,
        /// In a word.
        state: &'static str,
    },
    /// The target has rows of its own.
    #[error("{place} holds other books; name an empty database, or a new folder")]
    HoldsOther {
        /// Which books.
        place: String,
    },
    /// Source and target differ although all was copied.
    #[error(
        "{table} differs between {from} and {to}{}; somebody wrote to one of them meanwhile: empty the target and run \
         this again",
        tenant.map(|tenant| format!(" for tenant {tenant}")).unwrap_or_default()
    )]
    Differs {
        /// Which table.
        table: &'static str,
        /// Whose rows.
        tenant: Option<domain::TenantId>,
        /// The source.
        from: String,
        /// The target.
        to: String,
    },
}

/// Refuses a source that is being sent from.
///
/// # Errors
/// [`TransferError::InUse`], or when it cannot be read.
pub async fn refuse_used(source: &Side, now: Timestamp) -> Result<(), AppError> {
    let mut snapshot = source.rows.snapshot().await?;
    let chunks = TABLES.iter().find(|table| table.name == "delivery_chunk");
    let chunks = chunks.ok_or(AppError::Defect("looking for the table of chunks"))?;
    let mut after: Option<CopyRow> = None;
    loop {
        let page = snapshot.rows(chunks, after.as_ref()).await?;
        for row in &page {
            if let (Value::Number(sender), Value::Number(until)) = (&row[6], &row[8])
                && *until > now.as_millis()
            {
                let (place, until) = (source.place.clone(), Timestamp::from_millis(*until));
                return Err(TransferError::InUse { place, sender: *sender, until }.into());
            }
        }
        match page.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}

/// Copies all of the source's rows into the target and compares both. The target is not for sending yet:
/// [`conclude`] must follow. `told` hears of each table before it is copied.
///
/// # Errors
/// [`TransferError`], or when a store fails; it can be run again.
pub async fn copy(
    source: &Side,
    target: &Side,
    key_check: [u8; 32],
    told: &(dyn Fn(&'static str) + Send + Sync),
) -> Result<Vec<TableCount>, AppError> {
    let given = source.books.installation_get().await?;
    let state = given.map_or(InstallationUse::Open, |row| row.use_now);
    if state == InstallationUse::Receiving {
        return Err(TransferError::NoSource { place: source.place.clone(), state: state.word() }.into());
    }
    let mut snapshot = source.rows.snapshot().await?;
    let stands = target.books.installation_get().await?;
    match stands {
        Some(row) if row.key_check != key_check => return Err(holds_other(target)),
        Some(InstallationRow { use_now: InstallationUse::Receiving, .. }) => {}
        // All may be there already: then they agree.
        Some(_) => {
            let same = agreement::compare((source, &mut *snapshot), target).await;
            return same.map_err(|error| if is_difference(&error) { holds_other(target) } else { error });
        }
        None if state == InstallationUse::Moved => {
            return Err(TransferError::NoSource { place: source.place.clone(), state: state.word() }.into());
        }
        None => begin(target, key_check).await?,
    }
    let mut there = target.rows.snapshot().await?;
    for table in TABLES {
        told(table.name);
        let mut after = there.last(table).await?;
        loop {
            let page = snapshot.rows(table, after.as_ref()).await?;
            let Some(last) = page.last().cloned() else { break };
            after = Some(last);
            target.rows.copy_insert(table, sendable(table.name, page)).await?;
        }
    }
    drop(there);
    told("digests");
    agreement::compare((source, &mut *snapshot), target).await
}

/// After a copy: nobody sends from the source any more if it was moved, and everybody may from the target.
///
/// # Errors
/// When a store fails; it can be run again, with the copy before it.
pub async fn conclude(source: &Side, target: &Side, is_moved: bool) -> Result<(), LedgerError> {
    if is_moved {
        source.books.installation_use(InstallationUse::Moved).await?;
    }
    target.books.installation_use(InstallationUse::Open).await
}

/// Marks an empty target as receiving.
async fn begin(target: &Side, key_check: [u8; 32]) -> Result<(), AppError> {
    let mut snapshot = target.rows.snapshot().await?;
    for table in TABLES {
        if snapshot.last(table).await?.is_some() {
            return Err(holds_other(target));
        }
    }
    let row = InstallationRow { key_check, use_now: InstallationUse::Receiving };
    target.books.installation_ensure(row).await?;
    Ok(())
}

fn holds_other(target: &Side) -> AppError {
    TransferError::HoldsOther { place: target.place.clone() }.into()
}

fn is_difference(error: &AppError) -> bool {
    matches!(error, AppError::Transfer(TransferError::Differs { .. }))
}

/// What every store can hold: reply texts, which stand in no digest of the books, without U+0000.
fn sendable(table: &str, mut rows: Vec<CopyRow>) -> Vec<CopyRow> {
    if table == "reply_text" {
        for value in rows.iter_mut().flatten() {
            if let Value::Text(text) = value
                && text.contains('\0')
            {
                *text = text.replace('\0', "\u{fffd}");
            }
        }
    }
    rows
}

/// Reads a table page by page.
async fn each_row(
    snapshot: &mut dyn Snapshot,
    table: &'static ledger::copy::Table,
    mut each: impl FnMut(&CopyRow),
) -> Result<(), LedgerError> {
    let mut after: Option<CopyRow> = None;
    loop {
        let page = sendable(table.name, snapshot.rows(table, after.as_ref()).await?);
        page.iter().for_each(&mut each);
        match page.into_iter().next_back() {
            Some(last) => after = Some(last),
            None => return Ok(()),
        }
    }
}
