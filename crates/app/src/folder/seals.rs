//! Where every hash chain ended, kept outside the database, so that rows cut off at a chain's end show.
//!
//! One line a head: time, book, tenant, sender's epoch, link number, rows, chain value. Only ever appended to and
//! synced; a last line without its end (a crash while writing) is not counted.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use domain::{SenderEpoch, TenantId, Timestamp};
use ledger::{Book, Head};

use super::FolderError;
use crate::error::hex;
use crate::export::octets;

/// The most that is read back; older seals are covered by newer ones of the same chain.
const OCTETS_MAX: u64 = 256 << 20;

type ChainKey = (Book, TenantId, SenderEpoch);

/// The file of seals.
#[derive(Debug, Clone)]
pub struct Seals {
    path: PathBuf,
    written: HashMap<ChainKey, u32>,
}

impl Seals {
    /// The seals of a data folder.
    #[must_use]
    pub fn in_folder(dir: &Path) -> Self {
        Self { path: dir.join("seals.log"), written: HashMap::new() }
    }

    /// Appends the heads that moved since this value last wrote, and syncs.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, now: Timestamp, heads: &[Head]) -> Result<(), FolderError> {
        let moved: Vec<_> =
            heads.iter().filter(|head| self.written.get(&key(head)) != Some(&head.link_no)).collect();
        if moved.is_empty() {
            return Ok(());
        }
        let text: String = moved.iter().map(|head| line(now, head)).collect();
        self.write(&text).map_err(|reason| FolderError::File { path: self.path.clone(), reason })?;
        self.written.extend(moved.into_iter().map(|head| (key(head), head.link_no)));
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
        let mut octets = Vec::new();
        match std::fs::File::open(&self.path) {
            Ok(file) => file.take(OCTETS_MAX).read_to_end(&mut octets).map_err(refused)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok((Vec::new(), Vec::new())),
            Err(error) => return Err(refused(error)),
        };
        let text = String::from_utf8_lossy(&octets);
        let mut last: HashMap<ChainKey, Head> = HashMap::new();
        let mut unreadable = Vec::new();
        for (index, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| line.ends_with('\n')) {
            match parse(line.trim_end()) {
                Some(head) => {
                    let known = last.entry(key(&head)).or_insert(head);
                    if head.link_no >= known.link_no {
                        *known = head;
                    }
                }
                None => unreadable.push(index + 1),
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
    let file = std::fs::File::open(path)?;
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
