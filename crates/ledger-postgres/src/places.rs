//! Where a tenant's chunks begin and end, as far as this store has locked them: that never changes once they are sealed,
//! so an outcome's chunk need not be looked for in the database each time.

use std::collections::{BTreeMap, BTreeSet};

use domain::{ChunkNo, IntentNo, ReleaseId};
use ledger::Chunk;

/// Chunks remembered of a tenant; some hundreds of mails each.
const CHUNKS_MAX: usize = 4096;

/// Names a chunk within its tenant.
pub(crate) type ChunkKey = (ReleaseId, ChunkNo);

/// Names an intent within its tenant.
pub(crate) type IntentKey = (ReleaseId, IntentNo);

/// By release and first intent: the number, and the last intent.
#[derive(Default)]
pub(crate) struct Places(BTreeMap<IntentKey, (ChunkNo, IntentNo)>);

impl Places {
    /// Adds the chunks of these intents to `chunks`; gives the intents whose chunk is not known.
    pub fn resolve(&self, intents: BTreeSet<IntentKey>, chunks: &mut BTreeSet<ChunkKey>) -> Vec<IntentKey> {
        let mut unknown = Vec::new();
        for (release, intent) in intents {
            match self.of(release, intent) {
                Some(no) => drop(chunks.insert((release, no))),
                None => unknown.push((release, intent)),
            }
        }
        unknown
    }

    fn of(&self, release: ReleaseId, intent: IntentNo) -> Option<ChunkNo> {
        let (_, (no, last)) = self.0.range((release, IntentNo(0))..=(release, intent)).next_back()?;
        (intent <= *last).then_some(*no)
    }

    /// Remembers chunks that were read.
    pub fn learn<'a>(&mut self, chunks: impl Iterator<Item = (ReleaseId, &'a Chunk)>) {
        if self.0.len() > CHUNKS_MAX {
            self.0.clear();
        }
        self.0.extend(chunks.map(|(release, chunk)| ((release, chunk.first), (chunk.no, chunk.last))));
    }
}

#[cfg(test)]
mod tests {
    use domain::LeaseEpoch;

    use super::*;

    fn chunk(no: u32, first: u32, last: u32) -> Chunk {
        let (no, first, last) = (ChunkNo(no), IntentNo(first), IntentNo(last));
        Chunk { no, first, last, due_at: None, holder: None, lease: LeaseEpoch(1) }
    }

    #[test]
    fn an_intent_is_of_the_chunk_that_holds_it_and_of_no_other() {
        let (release, other) = (ReleaseId(7), ReleaseId(6));
        let mut places = Places::default();
        places.learn([(release, &chunk(0, 1, 256)), (release, &chunk(2, 513, 600))].into_iter());
        let asked =
            [(release, 1), (release, 256), (release, 257), (release, 513), (release, 601), (other, 1)];
        let intents = asked.map(|(release, intent)| (release, IntentNo(intent))).into_iter().collect();
        let mut chunks = BTreeSet::from([(other, ChunkNo(9))]);
        let unknown = places.resolve(intents, &mut chunks);
        assert_eq!(
            chunks,
            BTreeSet::from([(other, ChunkNo(9)), (release, ChunkNo(0)), (release, ChunkNo(2))])
        );
        assert_eq!(unknown, [(other, IntentNo(1)), (release, IntentNo(257)), (release, IntentNo(601))]);
    }

    #[test]
    fn what_is_remembered_has_an_end() {
        let mut places = Places::default();
        for no in 0..2 * u32::try_from(CHUNKS_MAX).expect("small") {
            places.learn([(ReleaseId(1), &chunk(no, no * 256 + 1, no * 256 + 256))].into_iter());
            assert!(places.0.len() <= CHUNKS_MAX + 1);
        }
    }
}
