//! A release's content: the source file and its attachments, read once, then only ever taken from the books.
//!
//! Sizes are looked at before anything is read. What a mail looks like is `message`'s.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{Context, SHA256};
use ledger::ContentPart;
use message::{Attachment, ReleaseSource, SourceError, Template, TemplateError};

/// Octets of a whole message, encoded: what most relays take.
pub const MESSAGE_OCTETS_MAX: u64 = 25 << 20;
/// Octets of a release file.
const SOURCE_OCTETS_MAX: u64 = message::limits::SOURCE_OCTETS_MAX as u64;
/// The part that names the list's columns: what the fields of the stored recipients mean.
const COLUMNS_PART: u32 = u16::MAX as u32;

/// Why a release cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// A file cannot be read.
    #[error("{path} cannot be read: {reason}")]
    Read {
        /// Which file.
        path: PathBuf,
        /// The system's words.
        reason: io::Error,
    },
    /// Not a regular file.
    #[error("{path} is not a regular file")]
    NotAFile {
        /// Which file.
        path: PathBuf,
    },
    /// The source is too large.
    #[error(
        "{path} has {octets} octets; a release file may have {SOURCE_OCTETS_MAX}; move pictures and files to `attachments`"
    )]
    SourceTooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        octets: u64,
    },
    /// With this attachment the message becomes too large.
    #[error(
        "the attachment {path} has {}; encoded, the message would have {}, and at most {} can be mailed; \
         link to large files instead", mebibytes(*octets), mebibytes(*message_octets), mebibytes(MESSAGE_OCTETS_MAX)
    )]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its size.
        octets: u64,
        /// The message up to and with it.
        message_octets: u64,
    },
    /// The source cannot be parsed.
    #[error("{path}: {reason}")]
    Source {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: SourceError,
    },
    /// The source does not fit the list.
    #[error("{path}: {reason}")]
    Template {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: TemplateError,
    },
    /// The file has no usable name.
    #[error("{path} has no name that a release could have; give one with --name")]
    Name {
        /// Which file.
        path: PathBuf,
    },
    /// The stored content is not complete.
    #[error("the stored content of the release is not complete ({0}); run `hikyaku check`")]
    Stored(&'static str),
}

/// A release's content as read or as stored.
#[derive(Debug, Clone)]
pub struct ReleaseContent {
    /// Where it came from, for messages.
    origin: PathBuf,
    /// Part 0 is the source, then the attachments.
    parts: Vec<ContentPart>,
    /// The parsed source.
    source: ReleaseSource,
}

impl ReleaseContent {
    /// Reads a release file and its attachments.
    ///
    /// # Errors
    /// When a file cannot be read or is too large, or the source cannot be parsed.
    pub fn load(path: &Path) -> Result<Self, ContentError> {
        let size = size_of(path)?;
        if size > SOURCE_OCTETS_MAX {
            return Err(ContentError::SourceTooLarge { path: path.to_owned(), octets: size });
        }
        let bytes = read(path, SOURCE_OCTETS_MAX)?;
        let source = parse(path, &bytes)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        let files: Vec<PathBuf> = source.attachments.iter().map(|name| folder.join(name)).collect();
        let mut message_octets = bytes.len() as u64;
        for file in &files {
            let octets = size_of(file)?;
            message_octets = message_octets.saturating_add(encoded(octets));
            if message_octets > MESSAGE_OCTETS_MAX {
                return Err(ContentError::TooLarge { path: file.clone(), octets, message_octets });
            }
        }
        let mut parts = vec![ContentPart { part_no: 0, name: file_name(path), bytes }];
        for (part_no, file) in (1..).zip(&files) {
            parts.push(ContentPart {
                part_no,
                name: file_name(file),
                bytes: read(file, MESSAGE_OCTETS_MAX)?,
            });
        }
        Ok(Self { origin: path.to_owned(), parts, source })
    }

    /// Content as it was frozen, with the list's columns.
    ///
    /// # Errors
    /// When parts are missing or cannot be parsed any more.
    pub fn stored(mut parts: Vec<ContentPart>) -> Result<(Self, Vec<String>), ContentError> {
        let columns =
            parts.pop_if(|part| part.part_no == COLUMNS_PART).ok_or(ContentError::Stored("no columns"))?;
        let columns = serde_json::from_slice(&columns.bytes)
            .map_err(|_| ContentError::Stored("the columns are unreadable"))?;
        let first = parts.first().ok_or(ContentError::Stored("no source"))?;
        let origin = PathBuf::from(&first.name);
        let source = parse(&origin, &first.bytes)?;
        Ok((Self { origin, parts, source }, columns))
    }

    /// What is frozen: the parts, and the columns of the list whose recipients are stored with it.
    #[must_use]
    pub fn to_parts(&self, columns: &[String]) -> Vec<ContentPart> {
        let bytes = serde_json::to_vec(columns).unwrap_or_default();
        let columns = ContentPart { part_no: COLUMNS_PART, name: "columns".to_owned(), bytes };
        self.parts.iter().cloned().chain([columns]).collect()
    }

    /// SHA-256 over names and bytes of source and attachments.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for part in &self.parts {
            for piece in [part.name.as_bytes(), &part.bytes] {
                context.update(&(piece.len() as u64).to_be_bytes());
                context.update(piece);
            }
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    /// The parsed source.
    #[must_use]
    pub fn source(&self) -> &ReleaseSource {
        &self.source
    }

    /// Compiles the release over a list's columns.
    ///
    /// # Errors
    /// When a placeholder has no column, and so on.
    pub fn template(&self, columns: &[String]) -> Result<Template, ContentError> {
        let attachments: Vec<_> = self.parts[1..]
            .iter()
            .map(|part| Attachment { name: &part.name, content: &part.bytes })
            .collect();
        Template::compile(&self.source, columns, &attachments)
            .map_err(|reason| ContentError::Template { path: self.origin.clone(), reason })
    }
}

/// The name of a release: its file's name without ending.
///
/// # Errors
/// When the path has none.
pub fn release_name(path: &Path) -> Result<String, ContentError> {
    let name = path.file_stem().and_then(|stem| stem.to_str()).filter(|stem| !stem.trim().is_empty());
    name.map(str::to_owned).ok_or_else(|| ContentError::Name { path: path.to_owned() })
}

fn parse(path: &Path, bytes: &[u8]) -> Result<ReleaseSource, ContentError> {
    ReleaseSource::parse_bytes(bytes).map_err(|reason| ContentError::Source { path: path.to_owned(), reason })
}

fn size_of(path: &Path) -> Result<u64, ContentError> {
    let found =
        std::fs::metadata(path).map_err(|reason| ContentError::Read { path: path.to_owned(), reason })?;
    if found.is_file() { Ok(found.len()) } else { Err(ContentError::NotAFile { path: path.to_owned() }) }
}

fn read(path: &Path, octets_max: u64) -> Result<Vec<u8>, ContentError> {
    let refused = |reason| ContentError::Read { path: path.to_owned(), reason };
    let mut bytes = Vec::new();
    let read =
        File::open(path).map_err(refused)?.take(octets_max + 1).read_to_end(&mut bytes).map_err(refused)?;
    if read as u64 > octets_max { Err(refused(io::ErrorKind::FileTooLarge.into())) } else { Ok(bytes) }
}

/// Octets after base64 in lines of 76 (RFC 2045 section 6.8).
fn encoded(octets: u64) -> u64 {
    octets.div_ceil(57).saturating_mul(78)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn mebibytes(octets: u64) -> String {
    let tenths = octets.saturating_mul(10).div_ceil(1 << 20);
    format!("{}.{} MiB", tenths / 10, tenths % 10)
}
