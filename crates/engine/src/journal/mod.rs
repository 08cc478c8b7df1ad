//! The local journal of dots (invariant 5): what this process had handed to the kernel, for the process after it.
//!
//! A shared memory-mapped file with one ring of slots per session. It survives a kill, for the pages belong to
//! the kernel; it does not survive a power cut, and is then not believed (the boot id differs). Nothing waits
//! for the disk here. A *dot* mark stands before the first write that holds any octet of the message end; a
//! *reply* mark follows the reply's arrival; a slot is free again once its outcome is durable in the books.

mod replay;
mod slot;

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ledger::AttemptKey;
use memmap2::MmapRaw;

pub use replay::{Mark, Replay};
pub use slot::JournaledReply;

use slot::{HEADER_OCTETS, Header, SLOT_OCTETS};

/// Slots of one ring: messages of one session whose outcome is not durable yet.
pub const RING_SLOTS: usize = 16;

/// The journal that this process writes.
#[derive(Debug)]
pub struct Journal {
    map: MmapRaw,
    path: PathBuf,
    id: u64,
    free: Mutex<Vec<usize>>,
}

impl Journal {
    /// Creates the file `dots-<id>.journal` in `folder` (mode 0600) with `rings` rings.
    ///
    /// # Errors
    /// When the file cannot be made or mapped.
    pub fn create(folder: &Path, id: u64, boot: [u8; 16], rings: usize) -> io::Result<Arc<Self>> {
        let path = Self::path(folder, id);
        let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
        allocate(&file, HEADER_OCTETS + rings * RING_SLOTS * SLOT_OCTETS)?;
        let map = MmapRaw::map_raw(&file)?;
        Header { id, boot, rings }.write(&map);
        Ok(Arc::new(Self { map, path, id, free: Mutex::new((0..rings).rev().collect()) }))
    }

    /// Where the journal of this id lies.
    #[must_use]
    pub fn path(folder: &Path, id: u64) -> PathBuf {
        folder.join(format!("dots-{id:016x}.journal"))
    }

    /// The id that stands in the sender's row.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// A ring for one session; `None` when all are in use.
    #[must_use]
    pub fn ring(self: &Arc<Self>) -> Option<Ring> {
        let ring = self.free.lock().ok()?.pop()?;
        Some(Ring { journal: Arc::clone(self), ring, used: [false; RING_SLOTS] })
    }

    /// Removes every other journal of the folder: after their open attempts have durable outcomes.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove_others(folder: &Path, kept: u64) -> io::Result<()> {
        let kept = Self::path(folder, kept);
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if name.starts_with("dots-") && name.ends_with(".journal") && path != kept {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Removes the file: after a run whose every attempt has a durable outcome.
    ///
    /// # Errors
    /// When the file system refuses.
    pub fn remove(&self) -> io::Result<()> {
        std::fs::remove_file(&self.path)
    }
}

/// Real blocks, so that a full disk shows here and not as a fault on a mapped page.
fn allocate(file: &File, octets: usize) -> io::Result<()> {
    let zeros = vec![0; octets];
    io::Write::write_all(&mut &*file, &zeros)
}

/// One session's slots. Dropping it gives the ring back; its marks stay until they are written over.
#[derive(Debug)]
pub struct Ring {
    journal: Arc<Journal>,
    ring: usize,
    used: [bool; RING_SLOTS],
}

/// A marked slot of a ring; give it back with [`Ring::free`] once the outcome is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotNo(usize);

impl Ring {
    /// True while a further message may be marked.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.used.contains(&false)
    }

    /// Marks that the message end of this attempt is about to be written; `None` when no slot is free.
    pub fn mark_dot(&mut self, key: AttemptKey) -> Option<SlotNo> {
        let place = self.used.iter().position(|used| !used)?;
        self.used[place] = true;
        slot::write_dot(&self.journal.map, self.offset(place), key);
        Some(SlotNo(place))
    }

    /// Marks the reply that arrived for the slot's message.
    pub fn mark_reply(&mut self, slot: SlotNo, reply: &JournaledReply) {
        slot::write_reply(&self.journal.map, self.offset(slot.0), reply);
    }

    /// Gives a slot back: its outcome is durable.
    pub fn free(&mut self, slot: SlotNo) {
        self.used[slot.0] = false;
    }

    fn offset(&self, place: usize) -> usize {
        HEADER_OCTETS + (self.ring * RING_SLOTS + place) * SLOT_OCTETS
    }
}

impl Drop for Ring {
    /// A ring whose messages have no durable outcome yet is not given out again.
    fn drop(&mut self) {
        if !self.used.contains(&true)
            && let Ok(mut free) = self.journal.free.lock()
        {
            free.push(self.ring);
        }
    }
}

#[cfg(test)]
mod tests;
