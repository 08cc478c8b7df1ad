//! What can be wrong with a release's placeholders and files, and with one record.

use crate::limits::{
    ATTACHMENT_OCTETS_MAX, ATTACHMENTS_MAX, DISPLAY_NAME_OCTETS_MAX, FIELD_OCTETS_MAX,
    HEADER_VALUE_OCTETS_MAX, HEADER_WORD_OCTETS_MAX, MARKDOWN_DEPTH_MAX, PART_OCTETS_MAX,
    PLACEHOLDER_OCTETS_MAX, PLACEHOLDERS_MAX,
};

/// Why a release does not fit a list.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// A placeholder's `}}` is not on its line.
    #[error("line {line}: `{{{{` without `}}}}` on the same line. To show braces, write {{{{ \"{{{{\" }}}}")]
    Unclosed {
        /// The line.
        line: usize,
    },
    /// A Jinja statement.
    #[error("line {line}: `{{%` is not supported, only `{{{{ … }}}}`. To show it, write {{{{ \"{{%\" }}}}")]
    Statement {
        /// The line.
        line: usize,
    },
    /// Over [`PLACEHOLDER_OCTETS_MAX`].
    #[error("line {line}: a placeholder is longer than {PLACEHOLDER_OCTETS_MAX} octets")]
    PlaceholderTooLong {
        /// The line.
        line: usize,
    },
    /// Over [`PLACEHOLDERS_MAX`].
    #[error("the release has more than {PLACEHOLDERS_MAX} placeholders")]
    TooManyPlaceholders,
    /// A name that the list does not have.
    #[error("line {line}: there is no column `{name}`{}. The list has: {known}", suggestion.as_ref().map(|s| format!("; did you mean `{s}`?")).unwrap_or_default())]
    UnknownColumn {
        /// The line.
        line: usize,
        /// The name.
        name: String,
        /// The nearest column.
        suggestion: Option<String>,
        /// The columns.
        known: String,
    },
    /// An expression that cannot be read or evaluated.
    #[error("line {line}: `{expression}` cannot be evaluated: {reason}")]
    Expression {
        /// The line.
        line: usize,
        /// The expression.
        expression: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A field of tokens or URIs with other characters, or with a word longer than a line.
    #[error(
        "line {line}: the header `{name}` must be ASCII with no word over {HEADER_WORD_OCTETS_MAX} octets; percent-encode URLs"
    )]
    HeaderValue {
        /// The line.
        line: usize,
        /// The field's name.
        name: String,
    },
    /// Nested deeper than [`MARKDOWN_DEPTH_MAX`].
    #[error("lists or quotations are nested more than {MARKDOWN_DEPTH_MAX} deep")]
    TooDeep,
    /// The Markdown could not be written as HTML.
    #[error("the text could not be turned into HTML")]
    Markdown,
    /// Over [`ATTACHMENTS_MAX`].
    #[error("{count} attachments; at most {ATTACHMENTS_MAX} are allowed")]
    TooManyAttachments {
        /// How many.
        count: usize,
    },
    /// A name with a path, a control character, or too long.
    #[error("the attachment name `{name}` cannot be used. Give the file a plain name")]
    AttachmentName {
        /// The name.
        name: String,
    },
    /// Over [`ATTACHMENT_OCTETS_MAX`].
    #[error(
        "with `{name}` the attachments have {octets} octets; at most {ATTACHMENT_OCTETS_MAX} can be mailed. Link to large files instead"
    )]
    AttachmentsTooLarge {
        /// The file that is too much.
        name: String,
        /// Octets up to and with it.
        octets: usize,
    },
}

/// Why one mail cannot be made. Names columns, never quotes values.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RenderError {
    /// The record has not as many fields as the list has columns.
    #[error("the record has {found} fields, the list has {expected} columns")]
    FieldCount {
        /// Columns of the list.
        expected: usize,
        /// Fields of the record.
        found: usize,
    },
    /// A control character, or in a header field a line break.
    #[error("`{name}` has a line break or control character that cannot stand where the release uses it")]
    Control {
        /// The column or expression.
        name: String,
    },
    /// Over [`FIELD_OCTETS_MAX`].
    #[error("`{name}` is longer than {FIELD_OCTETS_MAX} octets")]
    FieldTooLong {
        /// The column or expression.
        name: String,
    },
    /// A header field over [`HEADER_VALUE_OCTETS_MAX`].
    #[error("the header `{name}` would be longer than {HEADER_VALUE_OCTETS_MAX} octets")]
    HeaderTooLong {
        /// The field's name.
        name: String,
    },
    /// A field of tokens or URIs would not be ASCII or not fit a line.
    #[error("the header `{name}` would not be ASCII or have a word over {HEADER_WORD_OCTETS_MAX} octets")]
    HeaderValue {
        /// The field's name.
        name: String,
    },
    /// A link of another scheme than http, https, mailto or tel.
    #[error("`{name}` starts a link but is no http, https, mailto or tel address")]
    Link {
        /// The column or expression.
        name: String,
    },
    /// An expression failed for this record.
    #[error("`{expression}` cannot be evaluated for this record")]
    Expression {
        /// The expression.
        expression: String,
    },
    /// A part over [`PART_OCTETS_MAX`].
    #[error("the mail would be larger than {PART_OCTETS_MAX} octets")]
    TooLarge,
    /// A personalization that a mailing does not have.
    #[error("the mailing has no personalization {index}; it has {count}, counted from 0")]
    NoPersonalization {
        /// Which.
        index: usize,
        /// How many there are.
        count: usize,
    },
    /// A dynamic template that cannot be filled.
    #[error("{0}")]
    Dynamic(crate::mailing::dynamic::DynamicError),
    /// The recipient's display name.
    #[error("the recipient's name has a control character or more than {DISPLAY_NAME_OCTETS_MAX} octets")]
    ToName,
    /// The Message-ID.
    #[error("the message id is not of the form left@right in printable ASCII")]
    MessageId,
    /// The Date.
    #[error("the date is out of range")]
    Date,
    /// An unsubscribe target.
    #[error(
        "the unsubscribe target is no percent-encoded `{scheme}` URI of at most {HEADER_WORD_OCTETS_MAX} octets"
    )]
    UnsubscribeUri {
        /// The scheme that it should have.
        scheme: &'static str,
    },
}
