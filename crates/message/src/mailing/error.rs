//! What can be wrong with a mailing: where, and what to do about it. Never quotes what people wrote.

use crate::limits::{
    CATEGORIES_MAX, CATEGORY_CHARACTERS_MAX, CUSTOM_ARGS_OCTETS_MAX, DISPLAY_NAME_OCTETS_MAX,
    DYNAMIC_DATA_DEPTH_MAX, FILE_NAME_OCTETS_MAX, HEADER_VALUE_OCTETS_MAX, HEADER_WORD_OCTETS_MAX,
    MAILING_HEADERS_MAX, MAILING_OCTETS_MAX, PERSONALIZATIONS_MAX, RECIPIENTS_MAX, REPLY_TO_MAX,
    SHOWN_GROUPS_MAX, SUBSTITUTION_OCTETS_MAX,
};
use crate::mailing::dynamic::DynamicError;

/// A fault and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {fault}")]
pub struct MailingError {
    /// A JSON path into the request, such as `personalizations.0.to.0.email`.
    pub place: String,
    /// What is wrong.
    pub fault: MailingFault,
}

/// What is wrong with a mailing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailingFault {
    /// Something that must be there.
    #[error("it is missing or empty. Give at least one {what}")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// Over [`PERSONALIZATIONS_MAX`].
    #[error("there are more than {PERSONALIZATIONS_MAX} personalizations. Send several requests")]
    TooManyPersonalizations,
    /// Over [`RECIPIENTS_MAX`].
    #[error(
        "with it there are more than {RECIPIENTS_MAX} recipients over to, cc and bcc. Send several requests"
    )]
    TooManyRecipients,
    /// Twice in one personalization.
    #[error(
        "the address stands twice in this personalization. Each address may stand once over to, cc and bcc"
    )]
    DuplicateRecipient,
    /// A display name that cannot be written.
    #[error(
        "the name has a control character (a line break …) or more than {DISPLAY_NAME_OCTETS_MAX} octets"
    )]
    Name,
    /// Over [`REPLY_TO_MAX`].
    #[error("there are more than {REPLY_TO_MAX} addresses for answers")]
    TooManyReplyTo,
    /// A mail without a subject.
    #[error("the subject is missing. Set it here, in each personalization, or in the template")]
    NoSubject,
    /// Over [`HEADER_VALUE_OCTETS_MAX`].
    #[error("it is longer than {HEADER_VALUE_OCTETS_MAX} octets")]
    HeaderTooLong,
    /// Over [`MAILING_HEADERS_MAX`].
    #[error("there are more than {MAILING_HEADERS_MAX} header fields")]
    TooManyHeaders,
    /// No field name of RFC 5322 section 3.6.8.
    #[error("a header's name has only visible ASCII characters but the colon, at most 70")]
    HeaderName,
    /// A field that is not the request's to set.
    #[error(
        "this header cannot be set. Use the request's own fields; Date and Message-ID are written when the mail is made"
    )]
    HeaderReserved,
    /// A line break or control character.
    #[error("a header's value cannot hold a line break or control character")]
    HeaderControl,
    /// A field of tokens or URIs with other characters, or with a word longer than a line.
    #[error(
        "this header must be ASCII with no word over {HEADER_WORD_OCTETS_MAX} octets; percent-encode URLs"
    )]
    HeaderValue,
    /// A media type.
    #[error("this is no media type for a part, such as `text/html` or `application/pdf`")]
    MediaType,
    /// Text or HTML twice.
    #[error("this media type stands twice. Give each once")]
    DuplicateContent,
    /// A file name.
    #[error(
        "the file name is empty, has a path or a control character, or is longer than {FILE_NAME_OCTETS_MAX} octets"
    )]
    FileName,
    /// A content id.
    #[error(
        "a content id has only visible ASCII characters but `<`, `>` and quotes, at most 250, and stands once"
    )]
    ContentId,
    /// Over [`MAILING_OCTETS_MAX`].
    #[error(
        "the mailing has more than {MAILING_OCTETS_MAX} octets with its attachments. Link to large files instead"
    )]
    TooLarge,
    /// Over [`CATEGORIES_MAX`].
    #[error("there are more than {CATEGORIES_MAX} categories")]
    TooManyCategories,
    /// Over [`CATEGORY_CHARACTERS_MAX`], empty, or with a control character.
    #[error("a category has 1 to {CATEGORY_CHARACTERS_MAX} characters and no control character")]
    Category,
    /// Twice.
    #[error("the category stands twice")]
    DuplicateCategory,
    /// Over [`CUSTOM_ARGS_OCTETS_MAX`].
    #[error("the custom arguments have more than {CUSTOM_ARGS_OCTETS_MAX} octets, names and values together")]
    CustomArgs,
    /// Over [`SUBSTITUTION_OCTETS_MAX`].
    #[error("the substitutions have more than {SUBSTITUTION_OCTETS_MAX} octets, keys and values together")]
    Substitutions,
    /// A key without a character would stand everywhere.
    #[error("a key to be replaced cannot be empty")]
    EmptyKey,
    /// Over [`SHOWN_GROUPS_MAX`].
    #[error("there are more than {SHOWN_GROUPS_MAX} groups to display")]
    TooManyGroups,
    /// The pool's name.
    #[error("a pool's name has 2 to 64 characters")]
    PoolName,
    /// Over [`DYNAMIC_DATA_DEPTH_MAX`].
    #[error("the data is nested more than {DYNAMIC_DATA_DEPTH_MAX} deep")]
    DataTooDeep,
    /// The template cannot be used.
    #[error("{0}")]
    Template(DynamicError),
}

/// Builds [`MailingError`]s.
pub(crate) fn fault(place: impl Into<String>, fault: MailingFault) -> MailingError {
    MailingError { place: place.into(), fault }
}
