//! Which header fields a request may set. SendGrid refuses those that have a field of their own in the request; this
//! house also keeps what it writes itself and what only servers write.

use super::error::MailingFault;
use crate::header::{self, FieldKind};
use crate::limits::HEADER_VALUE_OCTETS_MAX;

/// In lower case. The first two lines are SendGrid's.
const RESERVED: &[&str] = &[
    "x-sg-id",
    "x-sg-eid",
    "received",
    "dkim-signature",
    "content-type",
    "content-transfer-encoding",
    "to",
    "from",
    "subject",
    "reply-to",
    "cc",
    "bcc",
    "date",
    "message-id",
    "mime-version",
    "return-path",
    "x-smtpapi",
    "authentication-results",
    "delivered-to",
];
/// In lower case.
const RESERVED_PREFIXES: &[&str] = &["content-", "resent-", "arc-"];
/// Octets of a name.
const NAME_OCTETS_MAX: usize = 70;

/// Whether the field is not the request's to set.
pub(crate) fn is_reserved(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    RESERVED.contains(&lower.as_str()) || RESERVED_PREFIXES.iter().any(|prefix| lower.starts_with(prefix))
}

/// Says whether a request may set the field.
pub(super) fn check_name(name: &str) -> Result<(), MailingFault> {
    let well_formed = (1..=NAME_OCTETS_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_graphic() && b != b':');
    if !well_formed {
        return Err(MailingFault::HeaderName);
    }
    if is_reserved(name) { Err(MailingFault::HeaderReserved) } else { Ok(()) }
}

/// Says whether a value can be written as it stands, before substitutions.
pub(super) fn check_value(name: &str, value: &str) -> Result<(), MailingFault> {
    if value.len() > HEADER_VALUE_OCTETS_MAX {
        return Err(MailingFault::HeaderTooLong);
    }
    if value.chars().any(char::is_control) {
        return Err(MailingFault::HeaderControl);
    }
    let structured = header::kind_of(name) == FieldKind::Structured;
    if structured && !header::fits_structured(value) { Err(MailingFault::HeaderValue) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_names_are_refused_however_they_are_written() {
        for name in [
            "X-SG-ID",
            "x-sg-eid",
            "Received",
            "dkim-signature",
            "CONTENT-TYPE",
            "Content-Transfer-Encoding",
            "To",
            "from",
            "Subject",
            "Reply-To",
            "CC",
            "Bcc",
            "Message-ID",
            "Date",
            "MIME-Version",
            "Return-Path",
            "Resent-Bcc",
            "Content-ID",
            "X-SMTPAPI",
        ] {
            assert_eq!(check_name(name), Err(MailingFault::HeaderReserved), "{name}");
        }
        for name in ["", "Bcc:", "Bcc ", "X\r\nBcc", "X-題", &"x".repeat(71)] {
            assert_eq!(check_name(name), Err(MailingFault::HeaderName), "{name:?}");
        }
        for name in [
            "X-A",
            "List-Unsubscribe",
            "In-Reply-To",
            "References",
            "Feedback-ID",
            "X_a",
            "Precedence",
            "Sender",
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
    }

    #[test]
    fn values_are_one_line() {
        assert_eq!(check_value("X-A", "髙島 ㈱"), Ok(()));
        assert_eq!(check_value("X-A", "a\r\nBcc: b"), Err(MailingFault::HeaderControl));
        assert_eq!(check_value("X-A", "a\nb"), Err(MailingFault::HeaderControl));
        assert_eq!(check_value("References", "髙"), Err(MailingFault::HeaderValue));
        assert_eq!(check_value("X-A", &"x".repeat(9000)), Err(MailingFault::HeaderTooLong));
    }
}
