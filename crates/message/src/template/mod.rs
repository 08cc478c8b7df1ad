//! A release over a list's columns, ready to make mails.
//!
//! [`Template::compile`] does all that is the same for every recipient: Markdown, fixed header fields, the
//! encoding of parts without placeholders, attachments. [`Template::render`] puts in one record and one identity.
//!
//! Invariants: the same inputs give the same bytes; a failed render leaves its buffer as it was.

mod compile;
mod error;
mod part;
mod render;

use std::sync::Arc;

pub use error::{RenderError, TemplateError};

use crate::attachment::Attachment;
use crate::digest::Sha256;
use crate::escape::Escape;
use crate::expression::{Expressions, ValueOf};
use crate::header::FieldKind;
use crate::identity::MailIdentity;
use crate::piece::Pieces;
use crate::source::ReleaseSource;
use part::Part;

/// A compiled release.
pub struct Template {
    expressions: Expressions,
    /// Every value that is used, and whether it stands in a header field.
    used: Vec<(ValueOf, bool)>,
    /// Values that start a URL.
    links: Vec<(ValueOf, Escape)>,
    /// `From`, `Reply-To`, `MIME-Version` and fixed fields.
    fixed_fields: Vec<u8>,
    /// Fields with placeholders.
    personal_fields: Vec<PersonalField>,
    /// The release sets `List-Unsubscribe` itself.
    own_unsubscribe: bool,
    /// The author's address needs SMTPUTF8.
    author_needs_smtputf8: bool,
    /// `Content-Type` of the whole, the blank line, and what stands before the first part.
    opening: Vec<u8>,
    parts: [Part; 2],
    /// What stands after the last part.
    closing: Vec<u8>,
    tail: Arc<[u8]>,
    tail_digest: [u8; 32],
}

/// A header field whose value has placeholders.
struct PersonalField {
    name: String,
    kind: FieldKind,
    value: Pieces,
}

/// One recipient's mail: `head` then `tail` are the message, CRLF line ends, not dot-stuffed.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// All that is personal: header fields, text part, HTML part.
    pub head: Vec<u8>,
    /// Attachments, the same for all mails of the template; empty without any.
    pub tail: Arc<[u8]>,
    /// What the transport must be able to do.
    pub facts: RenderedFacts,
    pub(crate) tail_digest: [u8; 32],
}

/// What a transport needs to know of a rendered mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RenderedFacts {
    /// Octets above 127 occur (RFC 6152); only in SMTPUTF8 addresses, parts are always encoded.
    pub eight_bit: bool,
    /// An address in the header is not ASCII (RFC 6531).
    pub needs_smtputf8: bool,
}

impl Rendered {
    /// Octets of head and tail, for the SIZE parameter (RFC 1870).
    #[must_use]
    pub fn size(&self) -> u64 {
        (self.head.len() as u64).saturating_add(self.tail.len() as u64)
    }

    /// A name for the content: SHA-256 over the head and the tail's own SHA-256. Costs one pass over the head.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut sha = Sha256::new();
        sha.update(&self.head);
        sha.update(&self.tail_digest);
        sha.finish()
    }
}

impl Template {
    /// Checks a release against the list's columns and prepares it.
    ///
    /// `attachments` are the files that [`ReleaseSource::attachments`] names, loaded, in any order the caller wants.
    ///
    /// # Errors
    /// A placeholder without a column, a malformed expression, an attachment over its limit …, with the line.
    pub fn compile(
        source: &ReleaseSource,
        columns: &[String],
        attachments: &[Attachment<'_>],
    ) -> Result<Self, TemplateError> {
        compile::compile(source, columns, attachments)
    }

    /// Makes one mail.
    ///
    /// # Errors
    /// When the record or the identity cannot be put into a mail; never quotes a value.
    pub fn render<S: AsRef<str>>(
        &self,
        record: &[S],
        identity: &MailIdentity<'_>,
    ) -> Result<Rendered, RenderError> {
        let mut head = Vec::with_capacity(self.size_hint());
        let facts = self.render_into(record, identity, &mut head)?;
        Ok(Rendered { head, tail: Arc::clone(&self.tail), facts, tail_digest: self.tail_digest })
    }

    /// Appends one mail's head to a buffer; the tail is [`Template::tail`].
    ///
    /// # Errors
    /// As [`Template::render`]; the buffer is then as before.
    pub fn render_into<S: AsRef<str>>(
        &self,
        record: &[S],
        identity: &MailIdentity<'_>,
        out: &mut Vec<u8>,
    ) -> Result<RenderedFacts, RenderError> {
        let start = out.len();
        let result = render::render(self, record, identity, out);
        if result.is_err() {
            out.truncate(start);
        }
        result
    }

    /// Whether a record can be rendered, as far as the record alone decides it: field count, control characters,
    /// lengths, links, expressions. Much cheaper than a render; for refusing bad rows before anything is sent.
    ///
    /// # Errors
    /// What [`Template::render`] would say of this record.
    pub fn check<S: AsRef<str>>(&self, record: &[S]) -> Result<(), RenderError> {
        render::check(self, record)
    }

    /// The attachments' octets, which follow every head; empty without attachments.
    #[must_use]
    pub fn tail(&self) -> Arc<[u8]> {
        Arc::clone(&self.tail)
    }

    /// The columns (by index) that the release uses in plain placeholders; expressions may use more.
    pub fn used_columns(&self) -> impl Iterator<Item = usize> {
        self.used.iter().filter_map(|(of, _)| match of {
            ValueOf::Column(index) => Some(*index),
            ValueOf::Expression(_) => None,
        })
    }

    /// Octets that a head will take, roughly.
    #[must_use]
    pub fn size_hint(&self) -> usize {
        let parts: usize = self.parts.iter().map(Part::size_hint).sum();
        parts + self.fixed_fields.len() + self.opening.len() + self.closing.len() + 1024
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Template").field("columns", &self.expressions.column_count()).finish_non_exhaustive()
    }
}
