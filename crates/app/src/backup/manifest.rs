//! What a copy holds: each file with its length and digest. Written last, so that a copy without one is no copy.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use aws_lc_rs::digest::{Context, SHA256};
use domain::Timestamp;
use serde::{Deserialize, Serialize};

use super::{BackupError, Copied, read_small, refused, sync_folder};
use crate::error::hex;

/// The manifest's name in a copy.
pub(super) const MANIFEST_FILE: &str = "backup.json";
/// The version of this form.
const FORMAT: u32 = 1;
/// Octets of a manifest.
const OCTETS_MAX: u64 = 64 * 1024;
/// Octets read at a time.
const BLOCK: usize = 1 << 20;

/// One file of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) octets: u64,
    sha256: String,
}

/// All of a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manifest {
    pub(super) taken_at: Timestamp,
    pub(super) files: Vec<Entry>,
}

/// As it stands in the file.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    taken_at_ms: i64,
    files: Vec<Entry>,
}

impl Manifest {
    pub(super) fn copied(&self) -> Copied {
        let octets = self.files.iter().map(|entry| entry.octets).sum();
        Copied { taken_at: self.taken_at, files: self.files.len(), octets }
    }

    /// Writes it, synced, and syncs the folder.
    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let (taken_at_ms, files) = (self.taken_at.as_millis(), self.files.clone());
        let path = folder.join(MANIFEST_FILE);
        let written = serde_json::to_vec_pretty(&Written { format: FORMAT, taken_at_ms, files });
        let octets = written.map_err(|error| refused(&path)(error.into()))?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(refused(&path))?;
        file.write_all(&octets).and_then(|()| file.sync_all()).map_err(refused(&path))?;
        sync_folder(folder)
    }

    /// Reads it back; file names that lead elsewhere are refused.
    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let damaged = |reason: String| BackupError::Damaged { path: folder.to_owned(), reason };
        let path = folder.join(MANIFEST_FILE);
        if !path.is_file() {
            return Err(damaged(format!("it has no {MANIFEST_FILE}")));
        }
        let octets = read_small(&path, OCTETS_MAX)?;
        let written: Written = serde_json::from_slice(&octets)
            .map_err(|error| damaged(format!("{MANIFEST_FILE} cannot be read: {error}")))?;
        if written.format != FORMAT {
            return Err(damaged(format!("its form {} is not known; update Hikyaku", written.format)));
        }
        let plain = |name: &str| !name.is_empty() && !name.starts_with('.') && !name.contains('/');
        if let Some(entry) = written.files.iter().find(|entry| !plain(&entry.name)) {
            return Err(damaged(format!("`{}` is no name of a file in it", entry.name)));
        }
        Ok(Self { taken_at: Timestamp::from_millis(written.taken_at_ms), files: written.files })
    }
}

/// Length and digest of what is read; each block is handed on.
pub(super) fn digest(
    name: &str,
    source: &mut impl Read,
    mut each: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<Entry> {
    let mut block = vec![0; BLOCK];
    let (mut hash, mut octets) = (Context::new(&SHA256), 0);
    loop {
        let read = source.read(&mut block)?;
        if read == 0 {
            return Ok(Entry { name: name.to_owned(), octets, sha256: hex(hash.finish().as_ref()) });
        }
        hash.update(&block[..read]);
        each(&block[..read])?;
        octets += read as u64;
    }
}
