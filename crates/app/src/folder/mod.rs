//! The data folder of one installation: who owns it, its secret files, its seals.
//!
//! One process owns a folder at a time (an exclusive lock on `lock`); readers take no lock. What lies in the
//! database is `ledger`'s business; this module only names the folder in which a store is opened.
//!
//! | file | what |
//! |---|---|
//! | `lock` | the owner's process id; locked while it lives |
//! | `installation.key` | 32 random octets under which secrets and replies are fingerprinted (0600) |
//! | `node` | the installation's id |
//! | `signing.key` | Ed25519 key that signs exports (0600) |
//! | `seals.log` | where every hash chain ended, each minute |
//! | `control.sock` | orders for the owner, while it serves (0600) |
//! | `tmp/` | spilled partitions of a list being read; emptied at each start |

pub mod seals;
mod secret_file;
mod signing;

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::hmac;
use domain::NodeId;
use ledger::InstallationKey;
use runtime::{Clock, Entropy};

use crate::route::RouteKey;
use crate::vault::{KeyRing, Vault};

pub use seals::Seals;
pub use signing::{SigningKey, is_signed};

/// The file of the installation's key.
pub const INSTALLATION_KEY_FILE: &str = "installation.key";

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Another process owns it.
    #[error(
        "the data folder {dir} is in use by another process{}; wait for it to end, stop it, or use another --data",
        pid.as_ref().map(|pid| format!(" (pid {pid})")).unwrap_or_default()
    )]
    InUse {
        /// Which folder.
        dir: PathBuf,
        /// The owner, if it could be read.
        pid: Option<String>,
    },
    /// There is none.
    #[error("there is no data folder at {dir}; name the one that `hikyaku send` used with --data")]
    Missing {
        /// Where it was looked for.
        dir: PathBuf,
    },
    /// It has an installation key already, which is not the one that was given.
    #[error(
        "the data folder {dir} has another {INSTALLATION_KEY_FILE} than the one of --installation-key; leave the flag \
         out, or name a new --data"
    )]
    HasOtherKey {
        /// Which folder.
        dir: PathBuf,
    },
    /// A file in it cannot be made, read or synced.
    #[error(
        "the data folder cannot be used: {path}: {reason}; check its owner, its permissions and the free space"
    )]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// A file in it holds something else than it should.
    #[error("{path} is damaged ({reason}); restore it from a backup: without it the books cannot be proven")]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
}

/// A data folder that this process owns until the value is dropped.
#[derive(Debug)]
pub struct DataFolder {
    dir: PathBuf,
    node: NodeId,
    keys: FolderKeys,
    /// Held, never read: the lock ends with it.
    _lock: File,
}

/// The installation's keys.
#[derive(Clone)]
pub struct FolderKeys {
    /// Fingerprints secrets and replies.
    pub installation: InstallationKey,
    /// Makes tokens that only this installation can have made (unsubscription).
    pub tokens: hmac::Key,
    /// Encrypts how releases are sent.
    pub routes: RouteKey,
    /// Seals secrets that stand in documents.
    pub vault: Arc<Vault>,
}

impl std::fmt::Debug for FolderKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FolderKeys(…)")
    }
}

impl FolderKeys {
    /// The keys of a folder that somebody else may own.
    ///
    /// # Errors
    /// When there is none, or it is damaged.
    pub fn read(dir: &Path) -> Result<Self, FolderError> {
        Self::from_file(&dir.join(INSTALLATION_KEY_FILE))
    }

    /// The keys that a file makes.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn from_file(path: &Path) -> Result<Self, FolderError> {
        Ok(Self::new(&installation_key(path)?))
    }

    fn new(octets: &[u8; 32]) -> Self {
        let master = hmac::Key::new(hmac::HMAC_SHA256, octets);
        let tokens = hmac::sign(&master, b"hikyaku recipient tokens");
        let tokens = hmac::Key::new(hmac::HMAC_SHA256, tokens.as_ref());
        let routes = RouteKey::of(&master);
        let mut first = [0; 32];
        first.copy_from_slice(hmac::sign(&master, b"hikyaku secrets at rest").as_ref());
        let vault = Arc::new(Vault::new(Box::new(KeyRing::new(first, []))));
        Self { installation: InstallationKey::new(octets), tokens, routes, vault }
    }
}

impl DataFolder {
    /// Opens the folder as its owner, making it and its files where they are missing.
    ///
    /// # Errors
    /// [`FolderError::InUse`] when another process owns it; else when a file cannot be made or read.
    pub fn open(dir: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<Self, FolderError> {
        Self::open_with_key(dir, None, clock, entropy)
    }

    /// The same; a folder that is made anew gets a copy of the installation key in the file `key`.
    ///
    /// # Errors
    /// As [`Self::open`]; [`FolderError::HasOtherKey`] when the folder has another one; and when `key` holds none.
    pub fn open_with_key(
        dir: &Path,
        key: Option<&Path>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, FolderError> {
        let given = key.map(installation_key).transpose()?;
        make_dir(dir)?;
        let lock = take_lock(dir)?;
        let tmp = dir.join("tmp");
        make_dir(&tmp)?;
        empty(&tmp)?;
        let mut fresh = [0; 32];
        let path = dir.join(INSTALLATION_KEY_FILE);
        entropy.fill(&mut fresh).map_err(|reason| FolderError::File { path: path.clone(), reason })?;
        secret_file::ensure(&path, &given.unwrap_or(fresh))?;
        let octets = installation_key(&path)?;
        if given.is_some_and(|given| given != octets) {
            return Err(FolderError::HasOtherKey { dir: dir.to_owned() });
        }
        let path = dir.join("signing.key");
        entropy.fill(&mut fresh).map_err(|reason| FolderError::File { path, reason })?;
        SigningKey::ensure(dir, &fresh)?;
        let node = ensure_node(dir, clock, entropy)?;
        Ok(Self { dir: dir.to_owned(), node, keys: FolderKeys::new(&octets), _lock: lock })
    }

    /// Where it lies.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where a list's partitions may be spilled.
    #[must_use]
    pub fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    /// The installation's id.
    #[must_use]
    pub fn node(&self) -> NodeId {
        self.node
    }

    /// The installation's keys.
    #[must_use]
    pub fn keys(&self) -> &FolderKeys {
        &self.keys
    }

    /// The seals of the chains.
    #[must_use]
    pub fn seals(&self) -> Seals {
        Seals::in_folder(&self.dir)
    }
}

/// A folder that a reader looks into without owning it.
///
/// # Errors
/// [`FolderError::Missing`] when it is none.
pub fn look_into(dir: &Path) -> Result<PathBuf, FolderError> {
    if dir.join("lock").is_file() {
        Ok(dir.to_owned())
    } else {
        Err(FolderError::Missing { dir: dir.to_owned() })
    }
}

/// The key in a file.
fn installation_key(path: &Path) -> Result<[u8; 32], FolderError> {
    let octets = secret_file::read(path);
    let octets = octets.map_err(|reason| FolderError::File { path: path.to_owned(), reason })?;
    octets.try_into().map_err(|_| FolderError::Damaged {
        path: path.to_owned(),
        reason: "it does not hold 32 octets".to_owned(),
    })
}

fn make_dir(dir: &Path) -> Result<(), FolderError> {
    let refused = |reason| FolderError::File { path: dir.to_owned(), reason };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused)
}

fn empty(dir: &Path) -> Result<(), FolderError> {
    let refused = |reason| FolderError::File { path: dir.to_owned(), reason };
    for entry in std::fs::read_dir(dir).map_err(refused)? {
        std::fs::remove_file(entry.map_err(refused)?.path()).map_err(refused)?;
    }
    Ok(())
}

fn take_lock(dir: &Path) -> Result<File, FolderError> {
    let path = dir.join("lock");
    let refused = |reason| FolderError::File { path: path.clone(), reason };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(refused)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // The owner's id is a help for people; without it the message is still right.
            let _ = (&file).take(20).read_to_string(&mut pid);
            let pid = pid.trim().to_owned();
            return Err(FolderError::InUse { dir: dir.to_owned(), pid: (!pid.is_empty()).then_some(pid) });
        }
        Err(TryLockError::Error(reason)) => return Err(refused(reason)),
    }
    let written = (|| {
        file.set_len(0)?;
        file.seek(SeekFrom::Start(0))?;
        writeln!(file, "{}", std::process::id())
    })();
    written.map_err(refused)?;
    Ok(file)
}

fn ensure_node(dir: &Path, clock: &dyn Clock, entropy: &dyn Entropy) -> Result<NodeId, FolderError> {
    let path = dir.join("node");
    let bits = entropy.bits().map_err(|reason| FolderError::File { path: path.clone(), reason })?;
    let fresh = format!("{}\n", NodeId::generate(clock.now().as_millis(), bits));
    let text = secret_file::ensure(&path, fresh.as_bytes())?;
    let id = std::str::from_utf8(&text).ok().and_then(|text| text.trim().parse().ok());
    id.ok_or_else(|| FolderError::Damaged { path, reason: "it holds no node id".to_owned() })
}
