//! Reading the journal of an earlier process.

use std::collections::HashMap;
use std::io;
use std::path::Path;

use ledger::AttemptKey;

use super::slot::{HEADER_OCTETS, Header, JournaledReply, SLOT_OCTETS, read_dot, read_reply};
use super::{Journal, RING_SLOTS};

/// The largest journal that is read: 4,096 rings.
const FILE_OCTETS_MAX: u64 = (HEADER_OCTETS + 4096 * RING_SLOTS * SLOT_OCTETS) as u64;

/// What stands in the journal for one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mark {
    /// Its message end may have been sent.
    Dot,
    /// Its reply arrived.
    Reply(JournaledReply),
}

/// Every mark of one journal.
#[derive(Debug, Default)]
pub struct Replay {
    marks: HashMap<AttemptKey, Mark>,
}

impl Replay {
    /// Reads the journal of this id, if it is there, whole, and of this boot; `None` means that it proves nothing.
    ///
    /// # Errors
    /// When a file that exists cannot be read.
    pub fn open(folder: &Path, id: u64, boot: [u8; 16]) -> io::Result<Option<Self>> {
        let path = Journal::path(folder, id);
        match std::fs::metadata(&path) {
            Ok(facts) if facts.len() <= FILE_OCTETS_MAX => {}
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        }
        let file = std::fs::read(&path)?;
        Ok(Header::read(&file)
            .filter(|header| header.id == id && header.boot == boot)
            .filter(|header| file.len() == HEADER_OCTETS + header.rings * RING_SLOTS * SLOT_OCTETS)
            .map(|header| Self::of_slots(&file, header.rings * RING_SLOTS)))
    }

    /// What stands for this attempt; `None`: its message end was never written.
    #[must_use]
    pub fn mark(&self, key: AttemptKey) -> Option<&Mark> {
        self.marks.get(&key)
    }

    fn of_slots(file: &[u8], slots: usize) -> Self {
        let marks = (0..slots).filter_map(|no| {
            let offset = HEADER_OCTETS + no * SLOT_OCTETS;
            let key = read_dot(file, offset)?;
            Some((key, read_reply(file, offset).map_or(Mark::Dot, Mark::Reply)))
        });
        Self { marks: marks.collect() }
    }
}
