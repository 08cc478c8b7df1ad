//! A release file: YAML front matter between `---` lines, then a Markdown body.
//!
//! Reads and checks the text only: attachments are named here and loaded by the caller; placeholders are checked
//! by [`crate::Template::compile`], which knows the list's columns.
//!
//! Invariants: no field holds CR, LF, NUL or another control character; header names are safe to set; every
//! error names the line and the remedy.

mod error;
mod fields;
mod header_name;
mod yaml;

pub use error::SourceError;
pub use header_name::HeaderNameError;

use crate::limits::SOURCE_OCTETS_MAX;
use crate::mailbox::Mailbox;

/// A release file that was read and checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSource {
    /// The subject, placeholders included.
    pub subject: SourceText,
    /// The author.
    pub from: Mailbox,
    /// Where replies go, if not to the author.
    pub reply_to: Option<Mailbox>,
    /// More header fields, in the file's order.
    pub headers: Vec<HeaderField>,
    /// Relative paths of the files to attach, in the file's order.
    pub attachments: Vec<String>,
    /// The language of the text (BCP 47), `ja` when the file does not say.
    pub lang: String,
    /// The Markdown body.
    pub body: SourceText,
}

/// A piece of the file with the line it starts on (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    /// The text.
    pub text: String,
    /// The line of its first character.
    pub line: usize,
}

/// A header field that the release sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// Its name, as written.
    pub name: String,
    /// Its value, placeholders included.
    pub value: SourceText,
}

impl ReleaseSource {
    /// Reads a release file. A byte order mark and CRLF line ends are fine.
    ///
    /// # Errors
    /// The first thing that is wrong, with its line and the remedy.
    pub fn parse(file: &str) -> Result<Self, SourceError> {
        if file.len() > SOURCE_OCTETS_MAX {
            return Err(SourceError::TooLarge { octets: file.len() });
        }
        let split = split(file.strip_prefix('\u{feff}').unwrap_or(file))?;
        let mapping = yaml::mapping(split.front)?;
        let source = fields::read(split.front, &mapping, split.body, split.body_line)?;
        if source.body.text.trim().is_empty() {
            return Err(SourceError::EmptyBody);
        }
        Ok(source)
    }

    /// Like [`ReleaseSource::parse`], for the octets of a file.
    ///
    /// # Errors
    /// Also when the file is not UTF-8.
    pub fn parse_bytes(file: &[u8]) -> Result<Self, SourceError> {
        if file.len() > SOURCE_OCTETS_MAX {
            return Err(SourceError::TooLarge { octets: file.len() });
        }
        match std::str::from_utf8(file) {
            Ok(text) => Self::parse(text),
            Err(error) => {
                let before = file.get(..error.valid_up_to()).unwrap_or_default();
                Err(SourceError::NotUtf8 { line: 1 + memchr::memchr_iter(b'\n', before).count() })
            }
        }
    }
}

/// The two halves of the file.
struct Split<'a> {
    front: &'a str,
    body: &'a str,
    body_line: usize,
}

/// Splits at the `---` lines; the front matter starts on line 2.
fn split(file: &str) -> Result<Split<'_>, SourceError> {
    let mut offset = 0;
    let mut front_start = None;
    for (index, line) in file.split_inclusive('\n').enumerate() {
        let fence = line.trim_end() == "---";
        match front_start {
            None if fence => front_start = Some(offset + line.len()),
            None => return Err(SourceError::NoFrontMatter),
            Some(start) if fence => {
                let front = file.get(start..offset).unwrap_or_default();
                let body = file.get(offset + line.len()..).unwrap_or_default();
                return Ok(Split { front, body, body_line: index + 2 });
            }
            Some(_) => {}
        }
        offset += line.len();
    }
    Err(if front_start.is_some() { SourceError::Unclosed } else { SourceError::NoFrontMatter })
}
