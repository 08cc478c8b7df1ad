//! Where every hash chain ended, kept outside the database, so that rows cut off at a chain's end show.
//!
//! One line a head: time, book, tenant, sender's epoch, link number, rows, chain value. Only ever appended to and
//! synced; a last line without its end (a crash while writing) is not counted.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use domain::{SenderEpoch, TenantId, Timestamp};
use ledger::{Book, Head};

use super::FolderError;
use crate::error::hex;
use crate::export::octets;

/// The most that a line can have.
const LINE_OCTETS_MAX: u64 = 4096;

type ChainKey = (Book, TenantId, SenderEpoch);

/// The file of seals.
#[derive(Debug, Clone)]
pub struct Seals {
    path: PathBuf,
    /// The last sealed link of each chain; read from the file before the first append.
    written: Option<HashMap<ChainKey, u32>>,
}

impl Seals {
    /// The seals of a data folder.
    #[must_use]
    pub fn in_folder(dir: &Path) -> Self {
        Self { path: dir.join("seals.log"), written: None }
    }

    /// Appends the heads that moved since they were last sealed, and syncs.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn append(&mut self, now: Timestamp, heads: &[Head]) -> Result<(), FolderError> {
        let mut written = match self.written.take() {
            Some(written) => written,
            None => self.read()?.0.iter().map(|head| (key(head), head.link_no)).collect(),
        };
        let moved: Vec<_> =
            heads.iter().filter(|head| written.get(&key(head)) != Some(&head.link_no)).collect();
        if !moved.is_empty() {
            let text: String = moved.iter().map(|head| line(now, head)).collect();
            self.write(&text).map_err(|reason| FolderError::File { path: self.path.clone(), reason })?;
        }
        written.extend(moved.into_iter().map(|head| (key(head), head.link_no)));
        self.written = Some(written);
        Ok(())
    }

    fn write(&self, text: &str) -> io::Result<()> {
        let mut file =
            OpenOptions::new().append(true).create(true).read(true).mode(0o600).open(&self.path)?;
        if ends_torn(&self.path)? {
            file.write_all(b"\n")?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// The last seal of each chain, and the numbers of lines that cannot be read.
    ///
    /// # Errors
    /// When the file cannot be read; a missing one is no seals.
    pub fn read(&self) -> Result<(Vec<Head>, Vec<usize>), FolderError> {
        let refused = |reason| FolderError::File { path: self.path.clone(), reason };
        let mut file = match File::open(&self.path) {
            Ok(file) => BufReader::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
            Err(error) => return Err(refused(error)),
        };
        let mut last: HashMap<ChainKey, Head> = HashMap::new();
        let mut unreadable = Vec::new();
        let mut octets = Vec::new();
        for number in 1.. {
            octets.clear();
            // A longer line is no seal; what is left of it is not one either.
            let read = file.by_ref().take(LINE_OCTETS_MAX).read_until(b'\n', &mut octets).map_err(refused)?;
            if read == 0 || (!octets.ends_with(b"\n") && octets.len() < LINE_OCTETS_MAX as usize) {
                break;
            }
            match str::from_utf8(&octets).ok().and_then(|line| parse(line.trim_end())) {
                Some(head) => {
                    let known = last.entry(key(&head)).or_insert(head);
                    if head.link_no >= known.link_no {
                        *known = head;
                    }
                }
                None => unreadable.push(number),
            }
        }
        let mut heads: Vec<_> = last.into_values().collect();
        heads.sort_by_key(key);
        Ok((heads, unreadable))
    }
}

fn key(head: &Head) -> ChainKey {
    (head.book, head.tenant, head.sender)
}

fn ends_torn(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::FileExt;
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut last = [b'\n'];
    if length > 0 {
        file.read_exact_at(&mut last, length - 1)?;
    }
    Ok(last != [b'\n'])
}

fn line(now: Timestamp, head: &Head) -> String {
    let Head { book, tenant, sender, link_no, rows, chain } = head;
    format!("{now} {} {tenant} {sender} {link_no} {rows} {}\n", book.word(), hex(chain))
}

fn parse(line: &str) -> Option<Head> {
    let mut words = line.split(' ').skip(1);
    let book = words.next().and_then(|word| Book::ALL.into_iter().find(|book| book.word() == word))?;
    let tenant = words.next()?.parse().ok()?;
    let sender = SenderEpoch(words.next()?.parse().ok()?);
    let link_no = words.next()?.parse().ok()?;
    let rows = words.next()?.parse().ok()?;
    let chain = octets(words.next()?)?;
    words.next().is_none().then_some(Head { book, tenant, sender, link_no, rows, chain })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_moved_is_sealed_by_whoever_comes_next() {
        let folder = tempfile::tempdir().unwrap();
        let first =
            Head::genesis(Book::Intents, TenantId(1), SenderEpoch(1)).extend(5, [1; 32], Timestamp::EPOCH).1;
        let other =
            Head::genesis(Book::Attempts, TenantId(1), SenderEpoch(1)).extend(2, [2; 32], Timestamp::EPOCH).1;
        let moved = first.extend(3, [3; 32], Timestamp::EPOCH).1;
        let lines = || std::fs::read_to_string(folder.path().join("seals.log")).unwrap().lines().count();
        let seal = |heads: &[Head]| {
            Seals::in_folder(folder.path()).append(Timestamp::EPOCH, heads).unwrap();
            lines()
        };
        assert_eq!(seal(&[first, other]), 2);
        assert_eq!(seal(&[first, other]), 2, "nothing moved since the last sender");
        assert_eq!(seal(&[moved, other]), 3);
        let (heads, unreadable) = Seals::in_folder(folder.path()).read().unwrap();
        assert_eq!((heads, unreadable), (vec![moved, other], Vec::new()));
    }
}
