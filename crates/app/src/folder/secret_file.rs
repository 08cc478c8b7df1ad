//! Small files that are written once and must never be half there: written aside, synced, renamed, synced again.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::FolderError;

/// The most that such a file holds.
const OCTETS_MAX: u64 = 4096;

/// The file's content; `fresh` after writing it, when there was no file. The caller owns the folder's lock.
pub(crate) fn ensure(path: &Path, fresh: &[u8]) -> Result<Vec<u8>, FolderError> {
    let refused = |reason| FolderError::File { path: path.to_owned(), reason };
    match read(path) {
        Ok(octets) => Ok(octets),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            write(path, fresh).map_err(refused)?;
            Ok(fresh.to_vec())
        }
        Err(error) => Err(refused(error)),
    }
}

/// The content of a small file.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut octets = Vec::new();
    File::open(path)?.take(OCTETS_MAX).read_to_end(&mut octets)?;
    Ok(octets)
}

fn write(path: &Path, octets: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    match std::fs::remove_file(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(octets)?;
    file.sync_all()?;
    std::fs::rename(&aside, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
