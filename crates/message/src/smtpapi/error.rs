//! What can be wrong with X-SMTPAPI, or with a mail that it wants made anew: where, and what to do.

use domain::AddressError;

use crate::limits::{
    CATEGORIES_MAX, MIME_PARTS_MAX, RECIPIENTS_MAX, SMTPAPI_OCTETS_MAX, SUBSTITUTION_OCTETS_MAX,
};
use crate::mailing::MailingError;
use crate::raw::RawError;

/// A fault and its place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("X-SMTPAPI{}{place}: {fault}", if place.is_empty() { "" } else { " " })]
pub struct SmtpApiError {
    /// A JSON path into the field, such as `sub.-name-.2`; empty for all of it.
    pub place: String,
    /// What is wrong.
    pub fault: SmtpApiFault,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SmtpApiFault {
    /// Over [`SMTPAPI_OCTETS_MAX`].
    #[error("the field has more than {SMTPAPI_OCTETS_MAX} octets. Send several mails")]
    TooLong,
    /// No JSON.
    #[error("it is no JSON (column {column}). Write an object, and fold only between its parts")]
    Json {
        /// Where reading ended.
        column: usize,
    },
    /// Another kind of value.
    #[error("it must be {wanted}")]
    Kind {
        /// What it must be.
        wanted: &'static str,
    },
    /// An address.
    #[error("{0}")]
    Address(AddressError),
    /// A display name.
    #[error("the name has a control character or is too long")]
    Name,
    /// Over [`RECIPIENTS_MAX`].
    #[error("there are more than {RECIPIENTS_MAX} recipients. Send several mails")]
    TooManyRecipients,
    /// Over [`CATEGORIES_MAX`].
    #[error("there are more than {CATEGORIES_MAX} categories")]
    TooManyCategories,
    /// A list that is not as long as `to`.
    #[error("it has {found} values, and there are {expected} addresses in `to`. Give one for each")]
    Count {
        /// Addresses of `to`.
        expected: usize,
        /// Values.
        found: usize,
    },
    /// Over [`SUBSTITUTION_OCTETS_MAX`].
    #[error("the substitutions have more than {SUBSTITUTION_OCTETS_MAX} octets for one address")]
    Substitutions,
    /// The mail itself.
    #[error("{0}")]
    Mail(RawError),
    /// A mail that cannot be taken apart.
    #[error("the mail's parts cannot be read")]
    Parts,
    /// Over [`MIME_PARTS_MAX`].
    #[error("the mail has more than {MIME_PARTS_MAX} parts")]
    TooManyParts,
    /// What came of it is no mailing.
    #[error("{0}")]
    Mailing(MailingError),
}

/// Builds [`SmtpApiError`]s.
pub(super) fn fault(place: impl Into<String>, fault: SmtpApiFault) -> SmtpApiError {
    SmtpApiError { place: place.into(), fault }
}
