//! Why octets are no mail that can be sent on. Names lines and fields, never quotes them.

use crate::limits::SMTPAPI_OCTETS_MAX;

/// Why a mail is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RawError {
    /// Over [`super::RawLimits::octets_max`].
    #[error("the mail has more than {max} octets. Link to large files instead")]
    TooLarge {
        /// The limit.
        max: usize,
    },
    /// Over [`super::RawLimits::header_octets_max`].
    #[error("the header has more than {max} octets")]
    HeaderTooLarge {
        /// The limit.
        max: usize,
    },
    /// Over [`super::RawLimits::fields_max`].
    #[error("the header has more than {max} fields")]
    TooManyFields {
        /// The limit.
        max: usize,
    },
    /// Nothing that is a header.
    #[error("the mail has no header. It must begin with fields such as `Subject: …`")]
    NoHeader,
    /// A line of the header that is no field.
    #[error("line {line} of the header is no field. Put a blank line between header and text")]
    NotAField {
        /// The line.
        line: usize,
    },
    /// A line of the header over 998 octets.
    #[error("line {line} of the header has more than 998 octets. Fold it")]
    LineTooLong {
        /// The line.
        line: usize,
    },
    /// A NUL octet.
    #[error("the mail has a NUL octet. Encode binary parts with base64")]
    Nul,
    /// A CR or LF that is not part of CRLF.
    #[error("the mail has a line break that is not CRLF (RFC 5321 section 2.3.8)")]
    LineBreak,
    /// A field that may stand once.
    #[error("the field {name} stands more than once")]
    Twice {
        /// The field.
        name: &'static str,
    },
    /// An author whose address cannot be used.
    #[error("the address in From cannot be used: {0}")]
    Author(domain::AddressError),
    /// A From without an address.
    #[error("From holds no address")]
    NoAuthor,
    /// Over [`SMTPAPI_OCTETS_MAX`].
    #[error("X-SMTPAPI has more than {SMTPAPI_OCTETS_MAX} octets. Send several mails")]
    SmtpApiTooLong,
}
