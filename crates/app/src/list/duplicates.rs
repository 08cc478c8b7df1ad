//! Finds equal keys among any number of rows in bounded memory: keyed 128-bit hashes, spread over partitions that
//! are spilled to files once they outgrow memory, then sorted one partition at a time.
//!
//! Two different keys are taken for equal with a probability below 2^-64 even at a thousand million rows. The files
//! hold hashes under a key that is drawn anew each time and never stored: they reveal no address.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ledger::sha256;

use super::{Bits, ListError};

/// Partitions: at 20 million rows each holds 7.5 MiB.
const PARTITIONS: usize = 64;
/// Octets of one entry: 16 of the hash, 8 of the row's number.
const ENTRY: usize = 24;
/// Octets of a partition in memory before it is spilled.
const SPILL_OCTETS: usize = 256 * 1024 / ENTRY * ENTRY;

/// Collects keys, then says which rows repeat an earlier one.
pub struct DuplicateFinder {
    folder: PathBuf,
    key: [u8; 32],
    partitions: Vec<Partition>,
    scratch: Vec<u8>,
}

#[derive(Default)]
struct Partition {
    buffer: Vec<u8>,
    file: Option<File>,
}

impl DuplicateFinder {
    /// A finder that spills into `folder`; `key` is 32 fresh random octets.
    #[must_use]
    pub fn new(folder: &Path, key: [u8; 32]) -> Self {
        let partitions = (0..PARTITIONS).map(|_| Partition::default()).collect();
        Self { folder: folder.to_owned(), key, partitions, scratch: Vec::with_capacity(320) }
    }

    /// Adds a row's address, compared as [`domain::EmailAddress::comparison_key`] does.
    ///
    /// # Errors
    /// When a partition cannot be spilled.
    pub fn add(&mut self, row: u64, address: &str) -> Result<(), ListError> {
        self.scratch.clear();
        self.scratch.extend(self.key);
        if address.is_ascii() {
            self.scratch.extend(address.bytes().map(|octet| octet.to_ascii_lowercase()));
        } else {
            self.scratch.extend(address.to_lowercase().as_bytes());
        }
        let hash = sha256(&self.scratch);
        let number = usize::from(hash[0]) % PARTITIONS;
        let partition = &mut self.partitions[number];
        partition.buffer.extend(&hash[..16]);
        partition.buffer.extend(row.to_be_bytes());
        if partition.buffer.len() < SPILL_OCTETS {
            return Ok(());
        }
        let path = self.folder.join(format!("partition-{number}"));
        partition.spill(&path).map_err(|reason| ListError::Write { path, reason })
    }

    /// The rows whose key stands in an earlier row.
    ///
    /// # Errors
    /// When a partition cannot be read back.
    pub fn finish(self) -> Result<Bits, ListError> {
        let mut repeated = Bits::default();
        for (number, partition) in self.partitions.into_iter().enumerate() {
            let path = self.folder.join(format!("partition-{number}"));
            let octets = partition.read_back(&path).map_err(|reason| ListError::Write { path, reason })?;
            mark_repeated(&octets, &mut repeated);
        }
        Ok(repeated)
    }
}

impl Partition {
    fn spill(&mut self, path: &Path) -> io::Result<()> {
        if self.file.is_none() {
            let file = OpenOptions::new().read(true).append(true).create_new(true).mode(0o600).open(path)?;
            self.file = Some(file);
        }
        if let Some(file) = &mut self.file {
            file.write_all(&self.buffer)?;
        }
        self.buffer.clear();
        Ok(())
    }

    fn read_back(self, path: &Path) -> io::Result<Vec<u8>> {
        if self.file.is_none() {
            return Ok(self.buffer);
        }
        let mut octets = Vec::new();
        File::open(path)?.read_to_end(&mut octets)?;
        octets.extend(self.buffer);
        std::fs::remove_file(path)?;
        Ok(octets)
    }
}

/// Entries sort by hash, then by row: all but the first of a hash are repetitions.
fn mark_repeated(octets: &[u8], repeated: &mut Bits) {
    let mut entries: Vec<(u128, u64)> = octets.as_chunks::<ENTRY>().0.iter().map(parse).collect();
    entries.sort_unstable();
    for pair in entries.windows(2) {
        if pair[0].0 == pair[1].0 {
            repeated.set(pair[1].1);
        }
    }
}

fn parse(entry: &[u8; ENTRY]) -> (u128, u64) {
    let (mut hash, mut row) = ([0; 16], [0; 8]);
    hash.copy_from_slice(&entry[..16]);
    row.copy_from_slice(&entry[16..]);
    (u128::from_be_bytes(hash), u64::from_be_bytes(row))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(rows: u64, key_of: impl Fn(u64) -> u64) {
        let folder = tempfile::tempdir().unwrap();
        let mut finder = DuplicateFinder::new(folder.path(), [3; 32]);
        let mut seen = std::collections::HashSet::new();
        let mut expected = Bits::default();
        for row in 0..rows {
            let key = key_of(row);
            finder.add(row, &format!("{key}@example.jp")).unwrap();
            if !seen.insert(key) {
                expected.set(row);
            }
        }
        assert!(finder.finish().unwrap() == expected, "{rows} rows");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "partitions are removed");
    }

    #[test]
    fn the_first_of_a_key_stays() {
        check(0, |row| row);
        check(10, |row| row % 3);
        check(1, |row| row);
    }

    #[test]
    fn spilled_partitions_give_the_same() {
        check(900_000, |row| row * 7 % 800_000);
    }
}
