//! A copy of a data folder as it stood at one moment, and a new folder made from one.
//!
//! What was sent after the copy was taken is not in it: a restored folder would send it once more. So everything in
//! it that may be sent is put on hold, until a person lets it go. Attempts that were open become unknown, as after a
//! power cut, for their journal of dots is not copied.
//!
//! Left to others: copying the database (the store knows how), and the lock (a copy can be taken beside the owner).

mod manifest;

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use domain::Timestamp;
use ledger::{ReleaseState, Store};
use runtime::Clock;

use crate::access::{Access, Right};
use crate::error::AppError;
use crate::folder::look_into;
use crate::hold::{Changed, HoldOrder, hold};
use manifest::{Entry, Manifest};

/// Small files of a data folder, copied before the database: seals must not be ahead of the chains that they seal.
/// The last is missing where nothing was sealed yet.
const SMALL_FILES: [&str; 4] = ["installation.key", "node", "signing.key", "seals.log"];

/// Why there is no copy, or no folder from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The target holds something.
    #[error("{path} exists and is not empty; name a new folder, so that nothing in it is written over")]
    NotEmpty {
        /// Which folder.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("{path}: {reason}; check its permissions and the free space")]
    File {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// The folder is no whole copy.
    #[error("{path} is no whole backup ({reason}); take another one")]
    Damaged {
        /// Which folder or file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A copy that was taken, or used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// When it was taken.
    pub taken_at: Timestamp,
    /// Its files.
    pub files: usize,
    /// Octets of all of them.
    pub octets: u64,
}

/// A copy that is being taken.
pub struct Backup {
    target: PathBuf,
    taken_at: Timestamp,
    files: Vec<Entry>,
}

impl Backup {
    /// Copies the small files of the data folder into `target`, a new folder of mode 0700: it holds the installation's
    /// keys. The caller then copies the books into it, as they stand at one moment.
    ///
    /// # Errors
    /// When something stands at the target, or a file cannot be copied.
    pub fn begin(dir: &Path, target: &Path, clock: &dyn Clock) -> Result<Self, AppError> {
        let dir = look_into(dir)?;
        make_empty(target)?;
        let taken_at = clock.now();
        let mut files = Vec::new();
        for name in SMALL_FILES {
            files.extend(copy(&dir, target, name)?);
        }
        Ok(Self { target: target.to_owned(), taken_at, files })
    }

    /// Takes the books that were copied into the file `database` to what the copy holds. One without its manifest is none.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn finish(mut self, database: &str) -> Result<Copied, AppError> {
        self.files.push(sync_and_digest(&self.target, database)?);
        let manifest = Manifest { taken_at: self.taken_at, files: self.files };
        manifest.write(&self.target)?;
        Ok(manifest.copied())
    }
}

/// Makes a data folder from a copy, after every file of it was compared with its digest. [`put_on_hold`] must follow.
///
/// # Errors
/// When the copy is damaged, something stands at `dir`, or a file cannot be copied.
pub fn restore(source: &Path, dir: &Path) -> Result<Copied, AppError> {
    let manifest = Manifest::read(source)?;
    make_empty(dir)?;
    for entry in &manifest.files {
        let found = copy(source, dir, &entry.name)?;
        if found.as_ref() != Some(entry) {
            let reason = format!("{} is not what it was when the copy was taken", entry.name);
            return Err(BackupError::Damaged { path: source.to_owned(), reason }.into());
        }
    }
    sync_folder(dir)?;
    Ok(manifest.copied())
}

/// Pauses every release of the installation that may be sent and still owes something.
///
/// # Errors
/// When the books cannot be written.
pub async fn put_on_hold(store: &dyn Store, clock: &dyn Clock, user: &str) -> Result<Vec<Changed>, AppError> {
    let mut held = Vec::new();
    for tenant in store.tenant_list().await? {
        let access = Access::admit(store, &tenant.name, user, Right::Operate).await?;
        held.extend(hold(store, clock, &access, None, HoldOrder::Pause).await?);
    }
    held.retain(|one| one.to == ReleaseState::Paused.word());
    Ok(held)
}

fn refused(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |reason| BackupError::File { path, reason }
}

fn make_empty(dir: &Path) -> Result<(), BackupError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(refused(dir))?;
    match std::fs::read_dir(dir).map_err(refused(dir))?.next() {
        None => Ok(()),
        Some(_) => Err(BackupError::NotEmpty { path: dir.to_owned() }),
    }
}

/// Copies one file, synced; `None` when there is none.
fn copy(from: &Path, to: &Path, name: &str) -> Result<Option<Entry>, BackupError> {
    let (from, to) = (from.join(name), to.join(name));
    let mut source = match File::open(&from) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(refused(&from)(error)),
    };
    let mut target =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(refused(&to))?;
    let entry =
        manifest::digest(name, &mut source, |octets| target.write_all(octets)).map_err(refused(&from))?;
    target.sync_all().map_err(refused(&to))?;
    Ok(Some(entry))
}

/// The digest of a file that somebody else wrote here.
fn sync_and_digest(folder: &Path, name: &str) -> Result<Entry, BackupError> {
    let path = folder.join(name);
    let mut file = File::open(&path).map_err(refused(&path))?;
    file.sync_all().map_err(refused(&path))?;
    manifest::digest(name, &mut file, |_| Ok(())).map_err(refused(&path))
}

fn sync_folder(folder: &Path) -> Result<(), BackupError> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(refused(folder))
}

fn read_small(path: &Path, octets_max: u64) -> Result<Vec<u8>, BackupError> {
    let mut octets = Vec::new();
    let file = File::open(path).map_err(refused(path))?;
    file.take(octets_max).read_to_end(&mut octets).map_err(refused(path))?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::manifest::MANIFEST_FILE;
    use super::*;
    use runtime::SystemClock;

    fn folder_with(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        folder
    }

    fn taken(target: &Path) -> Result<Copied, AppError> {
        let files = [("lock", ""), ("installation.key", "k"), ("node", "n"), ("signing.key", "s")];
        let folder = folder_with(&files);
        let backup = Backup::begin(folder.path(), target, &SystemClock)?;
        std::fs::write(target.join("books.db"), "books").unwrap();
        backup.finish("books.db")
    }

    #[test]
    fn a_copy_comes_back_whole() {
        let place = tempfile::tempdir().unwrap();
        let (copy, restored) = (place.path().join("copy"), place.path().join("new/data"));
        let copied = taken(&copy).unwrap();
        assert_eq!((copied.files, copied.octets), (4, 8));
        assert_eq!(restore(&copy, &restored).unwrap(), copied);
        assert_eq!(std::fs::read_to_string(restored.join("books.db")).unwrap(), "books");
        assert!(!restored.join("lock").exists() && !restored.join(MANIFEST_FILE).exists());
    }

    /// What a restore of a copy says after this was done to it.
    fn check(harm: impl FnOnce(&Path), expected: &str) {
        let place = tempfile::tempdir().unwrap();
        let copy = place.path().join("copy");
        taken(&copy).unwrap();
        harm(&copy);
        let said = restore(&copy, &place.path().join("data")).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }

    #[test]
    fn a_damaged_copy_is_refused() {
        check(|copy| std::fs::write(copy.join("books.db"), "bocks").unwrap(), "books.db is not what it was");
        check(|copy| std::fs::remove_file(copy.join("node")).unwrap(), "node is not what it was");
        check(|copy| std::fs::remove_file(copy.join(MANIFEST_FILE)).unwrap(), "is no whole backup");
        check(|copy| std::fs::write(copy.join(MANIFEST_FILE), "{}").unwrap(), "is no whole backup");
    }

    #[test]
    fn nothing_is_written_over() {
        let place = folder_with(&[("a", "b")]);
        assert!(taken(place.path()).unwrap_err().to_string().contains("is not empty"));
        let copy = place.path().join("copy");
        taken(&copy).unwrap();
        assert!(restore(&copy, place.path()).unwrap_err().to_string().contains("is not empty"));
    }
}
