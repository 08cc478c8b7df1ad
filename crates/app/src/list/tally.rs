//! The hashing half of the first pass, on a thread of its own: the audience's digest, and duplicates.
//!
//! Reading and hashing take about equally long; side by side the pass takes half the time.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Scope, ScopedJoinHandle};

use domain::AudienceDigest;
use ledger::recipient_hash;

use super::{Bits, DuplicateFinder, ListError};

/// Recipients handed over at a time.
const BATCH_ROWS: usize = 1024;
/// Batches that may wait.
const BATCHES_WAITING: usize = 8;

/// Recipients as one text with the lengths of its pieces.
#[derive(Default)]
struct Batch {
    text: String,
    lengths: Vec<(usize, usize)>,
}

/// Takes recipients in list order.
pub struct Tally<'scope> {
    batch: Batch,
    batches: SyncSender<Batch>,
    hashing: ScopedJoinHandle<'scope, Result<(AudienceDigest, Bits), ListError>>,
}

impl<'scope> Tally<'scope> {
    /// Starts the thread.
    pub fn start<'env>(scope: &'scope Scope<'scope, 'env>, finder: DuplicateFinder) -> Self {
        let (batches, waiting) = sync_channel(BATCHES_WAITING);
        Self { batch: Batch::default(), batches, hashing: scope.spawn(move || hash_all(&waiting, finder)) }
    }

    /// Takes one recipient.
    pub fn add(&mut self, address: &str, fields: &str) {
        self.batch.text.push_str(address);
        self.batch.text.push_str(fields);
        self.batch.lengths.push((address.len(), fields.len()));
        if self.batch.lengths.len() == BATCH_ROWS {
            let next = Batch {
                text: String::with_capacity(self.batch.text.len() * 5 / 4),
                lengths: Vec::with_capacity(BATCH_ROWS),
            };
            // A thread that ended early says why when it is joined.
            let _ = self.batches.send(std::mem::replace(&mut self.batch, next));
        }
    }

    /// The digest over all, and which of them repeat an earlier mailbox.
    pub fn finish(self) -> Result<(AudienceDigest, Bits), ListError> {
        let _ = self.batches.send(self.batch);
        drop(self.batches);
        self.hashing.join().unwrap_or(Err(ListError::Defect))
    }
}

fn hash_all(
    waiting: &Receiver<Batch>,
    mut finder: DuplicateFinder,
) -> Result<(AudienceDigest, Bits), ListError> {
    let mut audience = AudienceDigest::default();
    for batch in waiting {
        let mut rest = batch.text.as_str();
        for (address_octets, fields_octets) in batch.lengths {
            let (address, after) = rest.split_at(address_octets);
            let (fields, after) = after.split_at(fields_octets);
            rest = after;
            finder.add(audience.count(), address)?;
            audience.add(&recipient_hash(address, fields));
        }
    }
    Ok((audience, finder.finish()?))
}
