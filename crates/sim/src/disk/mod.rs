//! A disk in memory under the real SQLite: it survives a kill, loses what was not synced in a power cut, fills up, and
//! fails to sync.
//!
//! What becomes of unsynced pages and names is [`testkit::power`]'s model. This adds lives: a handle that was opened
//! before a kill can do nothing any more, as a dead process cannot.

mod locks;
mod vfs;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use testkit::power::disk::{Disk, DiskError, ROOT};

use crate::dice::Dice;
use locks::Locks;
use vfs::SharedMemory;

/// Everything on the disk, and who holds what of it.
pub struct Storage {
    disk: Disk,
    /// Counts kills: handles of an earlier life are dead.
    life: u64,
    handles: u64,
    locks: BTreeMap<u64, Locks>,
    shared: BTreeMap<u64, Arc<SharedMemory>>,
    dice: Dice,
}

/// The disk of one run.
#[derive(Clone)]
pub struct SimDisk(Arc<Mutex<Storage>>);

impl SimDisk {
    /// An empty disk, known to SQLite under this name.
    ///
    /// # Errors
    /// When SQLite takes no further file system.
    pub fn mount(name: &str, dice: Dice) -> anyhow::Result<Self> {
        let storage = Storage {
            disk: Disk::default(),
            life: 0,
            handles: 0,
            locks: BTreeMap::new(),
            shared: BTreeMap::new(),
            dice,
        };
        let disk = Self(Arc::new(Mutex::new(storage)));
        vfs::register(name, Arc::clone(&disk.0))?;
        Ok(disk)
    }

    /// The process dies: what it had written stays, synced or not; its handles are dead.
    pub fn kill(&self) {
        self.lock().end_life();
    }

    /// The power goes too: what was not synced is kept, dropped or torn.
    pub fn cut_power(&self) {
        let mut storage = self.lock();
        storage.end_life();
        let seed = storage.dice.next();
        storage.disk.cut(seed);
    }

    /// No file can grow while it is full.
    pub fn set_full(&self, full: bool) {
        self.lock().disk.set_octets_max(full.then_some(0));
    }

    /// No sync succeeds while it refuses; what it refused may count as written from then on, or not.
    pub fn refuse_sync(&self, refuses: bool) {
        let mut storage = self.lock();
        let forgets = storage.dice.chance(500);
        storage.disk.forget_unsynced(forgets);
        storage.disk.refuse_sync(refuses);
    }

    fn lock(&self) -> MutexGuard<'_, Storage> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage {
    fn end_life(&mut self) {
        self.life += 1;
        self.locks.clear();
        self.shared.clear();
    }

    /// Opens a file, made if it is missing and may be.
    fn open(&mut self, name: &OsStr, create: bool) -> Result<u64, DiskError> {
        let inode = match self.disk.lookup(ROOT, name) {
            Err(DiskError::NotFound) if create => self.disk.create(ROOT, name, 0o600, false)?,
            found => found?,
        };
        self.disk.opened(inode);
        Ok(inode)
    }

    fn remove(&mut self, name: &OsString, synced: bool) -> Result<(), DiskError> {
        self.disk.remove(ROOT, name, false)?;
        if synced { self.disk.sync(ROOT) } else { Ok(()) }
    }
}
