//! An author: an address with an optional display name (RFC 5322 section 3.4, one mailbox).
//!
//! Reads what people write in front matter (`株式会社さくら <pr@example.jp>`, the name quoted or not). Groups, lists
//! and comments are not read. A name never holds a control character.

use domain::{AddressError, EmailAddress};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::limits::DISPLAY_NAME_OCTETS_MAX;

/// A mail address with an optional display name; stored as `{"email": …, "name": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mailbox {
    /// The display name, unquoted; `None` when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address.
    #[serde(rename = "email", serialize_with = "address_as_text", deserialize_with = "address_of_text")]
    pub address: EmailAddress,
}

/// Why a text is no mailbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MailboxError {
    /// The address part is unusable.
    #[error("{0}")]
    Address(#[from] AddressError),
    /// A control character in the name.
    #[error("the name has a control character (a line break, a tab …)")]
    NameControl,
    /// The name is too long.
    #[error("the name is longer than {DISPLAY_NAME_OCTETS_MAX} octets")]
    NameTooLong,
}

impl Mailbox {
    /// Reads `Name <address>`, `"Name" <address>` or a bare address.
    ///
    /// # Errors
    /// When the address is unusable or the name holds a control character or is too long.
    pub fn parse(text: &str) -> Result<Self, MailboxError> {
        let text = text.trim();
        let Some(inner) = text.strip_suffix('>') else {
            return Ok(Self { name: None, address: EmailAddress::parse(text)? });
        };
        let Some((name, address)) = inner.rsplit_once('<') else {
            return Err(MailboxError::Address(AddressError::LocalCharacter));
        };
        let name = unquoted(name.trim());
        check_name(&name)?;
        Ok(Self { name: (!name.is_empty()).then_some(name), address: EmailAddress::parse(address)? })
    }
}

fn address_as_text<S: Serializer>(address: &EmailAddress, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(address.as_str())
}

fn address_of_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EmailAddress, D::Error> {
    let text = String::deserialize(deserializer)?;
    EmailAddress::parse(&text).map_err(serde::de::Error::custom)
}

/// Refuses a display name that cannot stand in a header field.
pub(crate) fn check_name(name: &str) -> Result<(), MailboxError> {
    if name.len() > DISPLAY_NAME_OCTETS_MAX {
        return Err(MailboxError::NameTooLong);
    }
    if name.chars().any(char::is_control) { Err(MailboxError::NameControl) } else { Ok(()) }
}

/// The content of a quoted string (RFC 5322 section 3.2.4); any other text as it is.
fn unquoted(text: &str) -> String {
    let Some(inner) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) else {
        return text.to_owned();
    };
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        plain.extend(if c == '\\' { characters.next() } else { Some(c) });
    }
    plain.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(Option<&str>, &str), MailboxError>) {
        let parsed = Mailbox::parse(text);
        let seen = parsed.as_ref().map(|m| (m.name.as_deref(), m.address.as_str())).map_err(|e| *e);
        assert_eq!(seen, expected, "{text:?}");
    }

    #[test]
    fn names_and_addresses_are_read() {
        check("pr@example.jp", Ok((None, "pr@example.jp")));
        check("<pr@example.jp>", Ok((None, "pr@example.jp")));
        check("株式会社さくら <pr@example.jp>", Ok((Some("株式会社さくら"), "pr@example.jp")));
        check("\"Sakura, \\\"Inc.\\\"\" <pr@example.jp>", Ok((Some("Sakura, \"Inc.\""), "pr@example.jp")));
        check("Sakura, Inc. <pr@example.jp>", Ok((Some("Sakura, Inc."), "pr@example.jp")));
    }

    #[test]
    fn bad_mailboxes_are_refused() {
        check("Sakura", Err(MailboxError::Address(AddressError::NoAt)));
        check("a@example.jp, b@example.jp", Err(MailboxError::Address(AddressError::LocalCharacter)));
        check("pr@example.jp>", Err(MailboxError::Address(AddressError::LocalCharacter)));
        check("x\r\nBcc: y <pr@example.jp>", Err(MailboxError::NameControl));
        check(&format!("{} <pr@example.jp>", "x".repeat(1025)), Err(MailboxError::NameTooLong));
    }
}
