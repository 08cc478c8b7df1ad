//! UTF-8 or CP932: found out by one pass over the octets, never guessed row by row.
//!
//! A file that is valid UTF-8 is UTF-8. Any other is taken as CP932 (the Shift_JIS that Windows writes), strictly,
//! unless it has a UTF-8 byte order mark or starts with several characters that only UTF-8 can mean: such a file is
//! damaged UTF-8, and reading it as CP932 would turn every name into rubbish.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use encoding_rs::SHIFT_JIS;

use super::ListError;

/// Octets looked at in one go.
const BLOCK: usize = 256 * 1024;
/// Characters of three or more octets that prove that a file was meant as UTF-8.
const PROOF_CHARACTERS: usize = 4;

/// How a list is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// UTF-8, with or without a byte order mark.
    Utf8,
    /// CP932, Microsoft's Shift_JIS.
    Cp932,
}

impl Charset {
    /// Decodes one field; `None` when it is not in this charset.
    #[must_use]
    pub fn decode(self, octets: &[u8]) -> Option<Cow<'_, str>> {
        match self {
            Self::Utf8 => std::str::from_utf8(octets).ok().map(Cow::Borrowed),
            Self::Cp932 => SHIFT_JIS.decode_without_bom_handling_and_without_replacement(octets),
        }
    }
}

/// Finds out the charset of a file.
///
/// # Errors
/// When the file cannot be read, is UTF-16, or is damaged UTF-8.
pub(super) fn detect(path: &Path) -> Result<Charset, ListError> {
    let refused = |reason| ListError::Read { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(refused)?;
    let mut walk = Utf8Walk::default();
    let mut block = vec![0; BLOCK];
    let mut carried = 0;
    loop {
        let read = file.read(&mut block[carried..]).map_err(refused)?;
        let filled = carried + read;
        if walk.is_first_block()
            && (block[..filled].starts_with(b"\xff\xfe") || block[..filled].starts_with(b"\xfe\xff"))
        {
            return Err(wrong(path, 1, 0, "UTF-16"));
        }
        let at_end = read == 0;
        match walk.take(&block[..filled], at_end) {
            Some(used) => {
                block.copy_within(used..filled, 0);
                carried = filled - used;
            }
            None if walk.must_be_utf8() => {
                return Err(wrong(path, walk.line, walk.octet, "not UTF-8, though what stands before it is"));
            }
            None => return Ok(Charset::Cp932),
        }
        if at_end {
            return Ok(Charset::Utf8);
        }
    }
}

pub(super) fn wrong(path: &Path, line: u64, octet: u64, reason: &'static str) -> ListError {
    ListError::Charset { path: path.to_owned(), line, octet, reason }
}

/// Where a walk over octets that should be UTF-8 stands.
struct Utf8Walk {
    line: u64,
    octet: u64,
    bom: bool,
    proof: usize,
}

impl Default for Utf8Walk {
    fn default() -> Self {
        Self { line: 1, octet: 0, bom: false, proof: 0 }
    }
}

impl Utf8Walk {
    fn is_first_block(&self) -> bool {
        self.octet == 0
    }

    fn must_be_utf8(&self) -> bool {
        self.bom || self.proof >= PROOF_CHARACTERS
    }

    /// Takes the valid octets of a block; `None` at the first invalid one. Up to 3 octets may be left over.
    fn take(&mut self, block: &[u8], at_end: bool) -> Option<usize> {
        self.bom |= self.is_first_block() && block.starts_with("\u{feff}".as_bytes());
        let (valid, fine) = match std::str::from_utf8(block) {
            Ok(text) => (text, true),
            Err(error) => {
                let valid = std::str::from_utf8(&block[..error.valid_up_to()]).unwrap_or_default();
                (valid, error.error_len().is_none() && !at_end)
            }
        };
        if self.proof < PROOF_CHARACTERS && !valid.is_ascii() {
            self.proof += valid.chars().filter(|c| c.len_utf8() > 2).take(PROOF_CHARACTERS).count();
        }
        self.line += valid.bytes().filter(|b| *b == b'\n').count() as u64;
        self.octet += valid.len() as u64;
        fine.then_some(valid.len())
    }
}
