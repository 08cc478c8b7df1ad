//! Which header fields a release may set itself.
//!
//! An allow list: fields that say who, when, what and how (From, Date, Content-Type, DKIM-Signature …) belong to
//! this room, trace fields to the servers on the way. Whatever is not known to be harmless is refused.

/// Names that are allowed besides the prefixes, in lower case.
const ALLOWED: &[&str] = &[
    "auto-submitted",
    "comments",
    "expires",
    "feedback-id",
    "importance",
    "in-reply-to",
    "keywords",
    "organization",
    "precedence",
    "priority",
    "references",
    "sensitivity",
];
/// Prefixes that are allowed, in lower case.
const ALLOWED_PREFIXES: &[&str] = &["x-", "list-"];
/// Octets of a name.
const NAME_OCTETS_MAX: usize = 70;

/// Why a release may not set a header field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderNameError {
    /// Not a field name of RFC 5322 section 3.6.8, or too long.
    #[error("a header's name has only ASCII letters, digits and hyphens, at most {NAME_OCTETS_MAX}")]
    Malformed,
    /// Written by this room or by servers.
    #[error(
        "only X-…, List-…, Precedence, Auto-Submitted, Feedback-ID, Organization, Importance, Priority, Keywords, \
         Comments, References and the like are the release's to set"
    )]
    Reserved,
    /// Set twice.
    #[error("it is set twice")]
    Twice,
}

/// Says whether a release may set the field `name`.
pub(super) fn check(name: &str) -> Result<(), HeaderNameError> {
    let well_formed = (1..=NAME_OCTETS_MAX).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && name.bytes().any(|b| b != b'-');
    if !well_formed {
        return Err(HeaderNameError::Malformed);
    }
    let lower = name.to_ascii_lowercase();
    let allowed = ALLOWED.contains(&lower.as_str())
        || ALLOWED_PREFIXES.iter().any(|p| lower.strip_prefix(p).is_some_and(|rest| !rest.is_empty()));
    if allowed { Ok(()) } else { Err(HeaderNameError::Reserved) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_harmless_names_pass() {
        for name in
            ["X-Campaign", "List-Id", "list-unsubscribe", "Precedence", "Auto-Submitted", "Feedback-ID"]
        {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in [
            "From",
            "to",
            "Cc",
            "Bcc",
            "Sender",
            "Subject",
            "Date",
            "Message-ID",
            "MIME-Version",
            "Return-Path",
            "Content-Type",
            "Content-Transfer-Encoding",
            "DKIM-Signature",
            "Received",
            "Reply-To",
            "Resent-From",
            "Authentication-Results",
            "ARC-Seal",
            "X-",
            "List-",
            "Errors-To",
            "Disposition-Notification-To",
        ] {
            assert_eq!(check(name), Err(HeaderNameError::Reserved), "{name}");
        }
        for name in ["", "X A", "X:A", "X-A\r\nBcc", "X-題", "---", &"X-".repeat(40)] {
            assert_eq!(check(name), Err(HeaderNameError::Malformed), "{name}");
        }
    }
}
