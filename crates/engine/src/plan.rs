//! Freezes an audience: streams recipients into intents, then has the store compare the rows with the count and
//! digest that the list's reader took on its own.
//!
//! Memory is bounded by two batches, whatever the list's length. An interrupted freeze is gone on with: rows that
//! stand already are skipped by number, for the list is frozen by its digest.

use std::sync::Arc;

use domain::{AudienceDigest, IntentNo, ReleaseId, SenderEpoch, SuppressionReason, TenantId};
use ledger::{AudienceSeal, IntentBatch, IntentRow, LedgerError, Store};
use runtime::Clock;

/// Rows of one batch.
const BATCH_ROWS: usize = 8192;

/// Whose audience is frozen.
#[derive(Debug, Clone, Copy)]
pub struct WaveKey {
    /// Whose.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// Which wave.
    pub wave: u16,
    /// Who writes.
    pub sender: SenderEpoch,
    /// The number of the first intent of the wave.
    pub first: IntentNo,
}

/// Writes one wave of a release's audience.
pub struct Planner {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    key: WaveKey,
    /// Rows of the wave that stood before.
    stored: u32,
    /// Rows met so far.
    met: u32,
    batch: Vec<IntentRow>,
    writing: Option<tokio::task::JoinHandle<Result<(), LedgerError>>>,
}

impl Planner {
    /// Starts, or goes on with, a wave.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        key: WaveKey,
    ) -> Result<Self, LedgerError> {
        let stored = store.intent_count(key.tenant, key.release, key.wave).await?;
        Ok(Self { store, clock, key, stored, met: 0, batch: Vec::with_capacity(BATCH_ROWS), writing: None })
    }

    /// Takes the next recipient; `fields` are its record's values joined by U+001F.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn add(
        &mut self,
        address: &str,
        fields: &str,
        suppression: Option<SuppressionReason>,
    ) -> Result<(), LedgerError> {
        let intent = IntentNo(self.key.first.0 + self.met);
        self.met += 1;
        if self.met <= self.stored {
            return Ok(());
        }
        let row = IntentRow { intent, address: address.to_owned(), fields: fields.to_owned(), suppression };
        self.batch.push(row);
        if self.batch.len() == BATCH_ROWS { self.flush().await } else { Ok(()) }
    }

    /// Writes the rest and seals the wave.
    ///
    /// # Errors
    /// [`LedgerError::AudienceMismatch`] when the rows are not what the list's reader counted.
    pub async fn seal(
        mut self,
        digest: AudienceDigest,
        list_digest: [u8; 32],
        chunk_intents: u32,
    ) -> Result<AudienceDigest, LedgerError> {
        self.flush().await?;
        self.written().await?;
        let seal = AudienceSeal {
            tenant: self.key.tenant,
            release: self.key.release,
            wave: self.key.wave,
            digest,
            list_digest,
            chunk_intents,
            due_at: self.clock.now(),
            now: self.clock.now(),
        };
        self.store.audience_seal(seal).await
    }

    /// Hands the batch to the store; the next one gathers meanwhile.
    async fn flush(&mut self) -> Result<(), LedgerError> {
        self.written().await?;
        if self.batch.is_empty() {
            return Ok(());
        }
        let batch = IntentBatch {
            tenant: self.key.tenant,
            release: self.key.release,
            wave: self.key.wave,
            sender: self.key.sender,
            now: self.clock.now(),
            intents: std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH_ROWS)),
        };
        let store = Arc::clone(&self.store);
        self.writing = Some(tokio::spawn(async move { store.intent_insert_batch(batch).await }));
        Ok(())
    }

    async fn written(&mut self) -> Result<(), LedgerError> {
        match self.writing.take() {
            None => Ok(()),
            Some(writing) => writing.await.unwrap_or(Err(LedgerError::Closed)),
        }
    }
}
