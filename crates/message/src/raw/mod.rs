//! A mail that came as octets, by SMTP: what stands in its header, and its octets as they are sent on.
//!
//! [`RawMail::read`] finds the header's fields in one pass and copies nothing. [`RawMail::octets_for_sending`] takes
//! out what must not leave (Bcc, X-SMTPAPI, Return-Path) and adds what every mail needs; all else goes out octet for
//! octet as it came.
//!
//! Left to others: what the mail says (`mail-parser` reads that where it is wanted), whose address the author may use.
//!
//! Invariants: header lines hold at most 998 octets, every line ends with CRLF, no octet is NUL, and there is at most
//! one From. A blind copy's address that stands in a field of its own never leaves.

mod error;
mod fields;
mod sending;

use std::borrow::Cow;
use std::ops::Range;

use domain::EmailAddress;

pub use error::RawError;
pub use sending::RawIdentity;

/// What a mail may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawLimits {
    /// Octets of all of it.
    pub octets_max: usize,
    /// Octets of its header.
    pub header_octets_max: usize,
    /// Fields of its header.
    pub fields_max: usize,
}

/// A mail whose header was read; borrows its octets.
#[derive(Clone)]
pub struct RawMail<'a> {
    octets: &'a [u8],
    fields: Vec<Field>,
    /// Behind the last field, before the blank line.
    header_end: usize,
    facts: RawFacts,
}

/// A field of the header.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Field {
    kind: Kind,
    /// From its name to behind its last line break.
    all: Range<usize>,
    /// From behind the colon, line breaks within included.
    value: Range<usize>,
}

/// The fields that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    From,
    Subject,
    MessageId,
    Date,
    MimeVersion,
    SmtpApi,
    /// Names blind copies, or where bounces go: never sent on.
    Secret,
    Other,
}

/// What a transport needs to know of the mail as it is sent on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RawFacts {
    /// Octets above 127 occur (RFC 6152).
    pub eight_bit: bool,
    /// They occur in the header (RFC 6531).
    pub needs_smtputf8: bool,
    /// Octets of the longest line of the body, without its line break; RFC 5322 allows 998.
    pub body_line_octets: usize,
}

impl Default for RawLimits {
    fn default() -> Self {
        Self { octets_max: crate::limits::MAILING_OCTETS_MAX, header_octets_max: 1 << 20, fields_max: 500 }
    }
}

impl<'a> RawMail<'a> {
    /// Reads a mail's header.
    ///
    /// # Errors
    /// When the octets are no mail, or not within the limits; with the line, from 1.
    pub fn read(octets: &'a [u8], limits: &RawLimits) -> Result<Self, RawError> {
        fields::read(octets, limits)
    }

    /// The octets as they came.
    #[must_use]
    pub fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// What stands behind the blank line; empty when there is none.
    #[must_use]
    pub fn body(&self) -> &'a [u8] {
        let rest = self.octets.get(self.header_end..).unwrap_or_default();
        rest.strip_prefix(b"\r\n").unwrap_or(rest)
    }

    /// What a transport needs to know.
    #[must_use]
    pub fn facts(&self) -> RawFacts {
        self.facts
    }

    /// The authors' addresses; empty when there is no From.
    ///
    /// # Errors
    /// When the field holds something that is no address, or none.
    pub fn from(&self) -> Result<Vec<EmailAddress>, RawError> {
        match self.first(Kind::From) {
            Some(field) => fields::addresses(self.octets.get(field.value.clone()).unwrap_or_default()),
            None => Ok(Vec::new()),
        }
    }

    /// Whether there is a Subject.
    #[must_use]
    pub fn has_subject(&self) -> bool {
        self.first(Kind::Subject).is_some()
    }

    /// The subject as people read it, its encoded words decoded.
    #[must_use]
    pub fn subject(&self) -> Option<String> {
        self.first(Kind::Subject)
            .map(|field| fields::text(self.octets.get(field.value.clone()).unwrap_or_default()))
    }

    /// The Message-ID with its angle brackets, as it stands.
    #[must_use]
    pub fn message_id(&self) -> Option<Cow<'a, str>> {
        self.first(Kind::MessageId).map(|field| self.unfolded(field))
    }

    /// The Date as it stands.
    #[must_use]
    pub fn date(&self) -> Option<Cow<'a, str>> {
        self.first(Kind::Date).map(|field| self.unfolded(field))
    }

    /// The text of the X-SMTPAPI field without its folds. It should be ASCII; what a library made encoded words of
    /// (RFC 2047), as Python's does with other letters, is read all the same: an object never begins like one.
    ///
    /// # Errors
    /// When it stands twice, or is too long.
    pub fn smtpapi(&self) -> Result<Option<Cow<'a, str>>, RawError> {
        let mut found = self.fields.iter().filter(|field| field.kind == Kind::SmtpApi);
        let Some(field) = found.next() else { return Ok(None) };
        if found.next().is_some() {
            return Err(RawError::Twice { name: "X-SMTPAPI" });
        }
        if field.value.len() > crate::limits::SMTPAPI_OCTETS_MAX {
            return Err(RawError::SmtpApiTooLong);
        }
        let text = self.unfolded(field);
        match text.starts_with("=?") {
            true => {
                let value = self.octets.get(field.value.clone()).unwrap_or_default();
                Ok(Some(Cow::Owned(fields::text(value))))
            }
            false => Ok(Some(text)),
        }
    }

    /// The mail as it is sent on.
    ///
    /// # Errors
    /// When the identity cannot be written; only what is missing is taken from it.
    pub fn octets_for_sending(
        &self,
        identity: &RawIdentity<'_>,
    ) -> Result<Vec<u8>, crate::template::RenderError> {
        sending::octets(self, identity)
    }

    fn first(&self, kind: Kind) -> Option<&Field> {
        self.fields.iter().find(|field| field.kind == kind)
    }

    /// A value without its line breaks, trimmed (RFC 5322 section 2.2.3).
    fn unfolded(&self, field: &Field) -> Cow<'a, str> {
        let value = self.octets.get(field.value.clone()).unwrap_or_default();
        match String::from_utf8_lossy(value) {
            Cow::Borrowed(text) if !text.trim().contains('\r') => Cow::Borrowed(text.trim()),
            text => Cow::Owned(text.replace("\r\n", "").trim().to_owned()),
        }
    }
}

impl std::fmt::Debug for RawMail<'_> {
    /// What people wrote stays out of debug output.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RawMail")
            .field("octets", &self.octets.len())
            .field("fields", &self.fields.len())
            .finish_non_exhaustive()
    }
}
