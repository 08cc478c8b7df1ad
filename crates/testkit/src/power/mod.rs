//! A folder that loses what was not synced: a power cut without a machine to cut.
//!
//! ```no_run
//! # fn main() -> Result<(), testkit::power::PowerError> {
//! # use testkit::power::PowerStore; use std::path::Path;
//! let mut store = PowerStore::mount(Path::new("/tmp/data"))?;
//! // … run a process on /tmp/data, kill -9 it, wait for its end …
//! store.cut(42)?;
//! // … the folder now holds what a disk would hold …
//! store.unmount()?;
//! # Ok(()) }
//! ```
//!
//! The folder is a FUSE file system in this process's memory: [`file`] says what becomes of unsynced pages,
//! [`disk`] what becomes of names, [`fuse`](self) what the kernel caches. Other processes use it like any folder. Needs
//! Linux, `/dev/fuse` and root. The store's owner must outlive its users: when the owner is killed the mount
//! point answers ENOTCONN until the next [`PowerStore::mount`] there clears it.
//!
//! What it leaves to others: killing the processes before [`PowerStore::cut`] (an open file makes the cut
//! fail, not lie), and making a boot id change, if they look at one.

pub mod disk;
pub mod file;
mod fuse;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use disk::Disk;
use fuser::{BackgroundSession, MountOption};
use rustix::mount::{UnmountFlags, unmount};

/// The store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum PowerError {
    /// Mounting failed: no `/dev/fuse`, not root, or no such folder.
    #[error("mounting the power-cut store at {path} failed: {source}")]
    Mount {
        /// The mount point.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Unmounting failed; EBUSY means that a process still has a file of the store open.
    #[error("unmounting the power-cut store at {path} failed (is a process still using it?): {source}")]
    Unmount {
        /// The mount point.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
}

/// A mounted folder that forgets on command. Dropping it unmounts it and forgets everything.
#[derive(Debug)]
pub struct PowerStore {
    path: PathBuf,
    disk: Arc<Mutex<Disk>>,
    session: Option<BackgroundSession>,
}

impl PowerStore {
    /// Mounts an empty store over an existing folder. A dead mount of an earlier owner is cleared first.
    ///
    /// # Errors
    /// When the system refuses to mount.
    pub fn mount(path: &Path) -> Result<Self, PowerError> {
        let dead =
            |error: &io::Error| error.raw_os_error() == Some(rustix::io::Errno::NOTCONN.raw_os_error());
        if std::fs::metadata(path).err().as_ref().is_some_and(dead) {
            let _ = unmount(path, UnmountFlags::DETACH);
        }
        let mut store =
            Self { path: path.to_owned(), disk: Arc::new(Mutex::new(Disk::default())), session: None };
        store.attach()?;
        Ok(store)
    }

    /// Where it is mounted.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The power goes and comes back: unsynced pages and names are each kept, dropped or torn by `seed`, and
    /// the folder holds the outcome. Every process that used the folder must be gone.
    ///
    /// # Errors
    /// [`PowerError::Unmount`] when a process still uses the folder; nothing was cut then.
    pub fn cut(&mut self, seed: u64) -> Result<(), PowerError> {
        // A fresh mount is the only sure way to drop the kernel's own cached pages.
        self.detach()?;
        self.disk().cut(seed);
        self.attach()
    }

    /// Sets how many octets all files may have together; growth beyond it gets ENOSPC.
    pub fn set_octets_max(&self, octets_max: Option<u64>) {
        self.disk().set_octets_max(octets_max);
    }

    /// With `true` every `fsync` fails with EIO and makes nothing durable.
    pub fn refuse_sync(&self, refuses: bool) {
        self.disk().refuse_sync(refuses);
    }

    /// How many `fsync`s there were so far.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.disk().syncs()
    }

    /// Unmounts the folder and forgets its content.
    ///
    /// # Errors
    /// When a process still uses it.
    pub fn unmount(mut self) -> Result<(), PowerError> {
        self.detach()
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn attach(&mut self) -> Result<(), PowerError> {
        let failed = |source| PowerError::Mount { path: self.path.clone(), source };
        let shown_time =
            std::fs::metadata(&self.path).and_then(|folder| folder.modified()).map_err(failed)?;
        let (uid, gid) = (rustix::process::getuid().as_raw(), rustix::process::getgid().as_raw());
        let files = fuse::PowerFs::new(Arc::clone(&self.disk), shown_time, uid, gid);
        let mut options = fuser::Config::default();
        options.mount_options = vec![MountOption::FSName("power-store".to_owned()), MountOption::NoAtime];
        options.acl = fuser::SessionACL::All;
        self.session = Some(fuser::spawn_mount(files, &self.path, &options).map_err(failed)?);
        Ok(())
    }

    /// Unmounts for good or not at all, then waits for the file system's thread.
    fn detach(&mut self) -> Result<(), PowerError> {
        let Some(session) = self.session.take() else { return Ok(()) };
        if let Err(error) = unmount(&self.path, UnmountFlags::empty()) {
            self.session = Some(session);
            return Err(PowerError::Unmount { path: self.path.clone(), source: error.into() });
        }
        // The kernel has let go, so the thread ends by itself; what it says of the end does not matter.
        let _ = session.umount_and_join();
        Ok(())
    }
}

impl Drop for PowerStore {
    fn drop(&mut self) {
        if self.detach().is_err() {
            let _ = unmount(&self.path, UnmountFlags::DETACH);
        }
    }
}
