//! What a mail of a stream is made of, as it is stored: octets, and a line of JSON that says what they are.

use domain::Timestamp;
use ledger::ContentPart;
use serde::{Deserialize, Serialize};

use crate::error::AppError;
use crate::list::FIELD_SEPARATOR;

/// The name of a stream's first part: no file has it, for it begins with a brace.
const STREAM: &str = "{stream}";

/// What the octets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailKind {
    /// A whole message, to be sent as it stands.
    Raw,
    /// A mailing, which is rendered when it is sent.
    Mailing,
}

/// What is said of a mail's octets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailContent {
    /// What the octets are.
    pub kind: MailKind,
    /// MAIL FROM.
    pub reverse_path: String,
    /// When it was taken in, ms since 1970: its Date where it has none.
    pub accepted_at: i64,
    /// Octets above 127 occur.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub eight_bit: bool,
    /// Header fields hold UTF-8 (RFC 6532).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub smtputf8: bool,
    /// The octets.
    #[serde(skip)]
    pub octets: Vec<u8>,
}

impl MailContent {
    /// When it was taken in.
    #[must_use]
    pub fn accepted(&self) -> Timestamp {
        Timestamp::from_millis(self.accepted_at)
    }

    /// As a part of its stream.
    pub(super) fn into_part(mut self, part_no: u32) -> Result<ContentPart, AppError> {
        let bytes = std::mem::take(&mut self.octets);
        let name = serde_json::to_string(&self).map_err(|_| AppError::Defect("writing a mail's line"))?;
        Ok(ContentPart { part_no, name, bytes })
    }

    /// Out of a part of its stream; `None` for one that was never written here.
    pub(super) fn of_part(part: ContentPart) -> Option<Self> {
        let content: Self = serde_json::from_str(&part.name).ok()?;
        Some(Self { octets: part.bytes, ..content })
    }
}

/// A stream's first part, which says that it is one.
pub(super) fn header() -> ContentPart {
    ContentPart { part_no: 0, name: STREAM.to_owned(), bytes: Vec::new() }
}

/// True for the first part of a stream.
pub(crate) fn is_stream(part: &ContentPart) -> bool {
    part.part_no == 0 && part.name == STREAM
}

/// A recipient's record: which part, and which personalization of it.
pub(super) fn fields(part: u32, personalization: u16) -> String {
    format!("{part}{FIELD_SEPARATOR}{personalization}")
}

/// The record of [`fields`].
pub(super) fn read_fields(fields: &str) -> Option<(u32, u16)> {
    let (part, personalization) = fields.split_once(FIELD_SEPARATOR)?;
    Some((part.parse().ok()?, personalization.parse().ok()?))
}
