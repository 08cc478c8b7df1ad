//! A mail address that is safe to put on the wire: parsed once, at the edge.
//!
//! Accepts the dot-string and quoted-string forms of RFC 5321 section 4.1.2 and non-ASCII per RFC 6531. Domain
//! literals, source routes, comments and display names are refused. The domain is kept in its ASCII
//! (A-label) form; the local part stays as given, for only the receiver may interpret it.

use std::fmt;

/// Octets of a local part (RFC 5321 section 4.5.3.1.1).
pub const LOCAL_PART_OCTETS_MAX: usize = 64;
/// Octets of a domain (RFC 5321 section 4.5.3.1.2).
pub const DOMAIN_OCTETS_MAX: usize = 255;
/// Octets of a whole address: a path of 256 less its angle brackets.
pub const ADDRESS_OCTETS_MAX: usize = 254;

/// A checked mail address.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EmailAddress {
    text: String,
    at: usize,
}

/// Why a text is no usable mail address, in an operator's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Nothing but white space.
    #[error("the address is empty")]
    Empty,
    /// No `@`.
    #[error("the address has no `@`")]
    NoAt,
    /// A line break, NUL or other control character.
    #[error("the address contains a control character")]
    Control,
    /// White space, brackets, commas … outside quotes.
    #[error(
        "the part before `@` has a character that is not allowed there; give the address alone, without name or brackets"
    )]
    LocalCharacter,
    /// A dot first, last or doubled, or an empty local part.
    #[error("the part before `@` is empty or has a dot at its start, its end or twice in a row")]
    LocalDots,
    /// A quoted local part that does not close or has bad content.
    #[error("the quoted part before `@` is malformed")]
    LocalQuotes,
    /// Not a domain name.
    #[error("the part after `@` is not a domain name")]
    Domain,
    /// Longer than SMTP carries.
    #[error("the address is longer than SMTP allows (64 octets before `@`, 254 in all)")]
    TooLong,
}

impl EmailAddress {
    /// Parses an address; surrounding white space is dropped.
    ///
    /// # Errors
    /// The first reason that the text cannot be sent to.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim_matches([' ', '\t', '\u{3000}']);
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.chars().any(char::is_control) {
            return Err(AddressError::Control);
        }
        let at = text.rfind('@').ok_or(AddressError::NoAt)?;
        let (local, domain) = (&text[..at], &text[at + 1..]);
        if local.len() > LOCAL_PART_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        check_local(local)?;
        let domain = ascii_domain(domain)?;
        if domain.len() > DOMAIN_OCTETS_MAX || local.len() + 1 + domain.len() > ADDRESS_OCTETS_MAX {
            return Err(AddressError::TooLong);
        }
        Ok(Self { text: format!("{local}@{domain}"), at: local.len() })
    }

    /// The address as it goes on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.text[..self.at]
    }

    /// What stands after the `@`: ASCII, lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// True when sending needs SMTPUTF8 (RFC 6531).
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.text.is_ascii()
    }

    /// The form in which two spellings of one mailbox are equal: lower case throughout.
    #[must_use]
    pub fn comparison_key(&self) -> String {
        if self.text.is_ascii() { self.text.to_ascii_lowercase() } else { self.text.to_lowercase() }
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for EmailAddress {
    /// Personal data stays out of debug output: only the domain is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress(…@{})", self.domain())
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

fn check_local(local: &str) -> Result<(), AddressError> {
    if let Some(inner) = local.strip_prefix('"') {
        return check_quoted(inner);
    }
    if local.is_empty() || local.starts_with('.') || local.ends_with('.') || local.contains("..") {
        return Err(AddressError::LocalDots);
    }
    let allowed = |c: char| c == '.' || is_atom_character(c);
    if local.chars().all(allowed) { Ok(()) } else { Err(AddressError::LocalCharacter) }
}

/// `atext` of RFC 5322, or any non-ASCII character that is not white space (RFC 6531).
fn is_atom_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || (!c.is_ascii() && !c.is_whitespace())
}

/// The rest of a quoted string after its opening quote, closing quote included.
fn check_quoted(rest: &str) -> Result<(), AddressError> {
    let inner = rest.strip_suffix('"').ok_or(AddressError::LocalQuotes)?;
    let mut characters = inner.chars();
    while let Some(c) = characters.next() {
        let fine = match c {
            '\\' => characters.next().is_some_and(|escaped| (' '..='~').contains(&escaped)),
            '"' => false,
            _ => true,
        };
        if !fine {
            return Err(AddressError::LocalQuotes);
        }
    }
    Ok(())
}

/// Lower case for ASCII; A-labels (RFC 5891) for the rest.
fn ascii_domain(domain: &str) -> Result<String, AddressError> {
    let ascii = if domain.is_ascii() {
        domain.to_ascii_lowercase()
    } else {
        idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Domain)?
    };
    let label_is_fine = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let all_numeric_end = ascii.rsplit('.').next().is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    if ascii.split('.').all(label_is_fine) && !all_numeric_end {
        Ok(ascii)
    } else {
        Err(AddressError::Domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<&str, AddressError>) {
        let parsed = EmailAddress::parse(text);
        assert_eq!(parsed.as_ref().map(EmailAddress::as_str).map_err(|e| *e), expected, "{text:?}");
    }

    #[test]
    fn usual_addresses_pass() {
        check("taro@example.jp", Ok("taro@example.jp"));
        check("  Taro.Yamada+pr@Example.CO.JP ", Ok("Taro.Yamada+pr@example.co.jp"));
        check("\"a..b\"@docomo.ne.jp", Ok("\"a..b\"@docomo.ne.jp"));
        check("\"with\\\"quote\"@example.jp", Ok("\"with\\\"quote\"@example.jp"));
        check("太郎@例え.jp", Ok("太郎@xn--r8jz45g.jp"));
        check("root@localhost", Ok("root@localhost"));
        check("\u{3000}a@example.jp\u{3000}", Ok("a@example.jp"));
    }

    #[test]
    fn each_fault_has_its_reason() {
        use AddressError::{Control, Domain, Empty, LocalCharacter, LocalDots, LocalQuotes, NoAt, TooLong};
        check("   ", Err(Empty));
        check("taro.example.jp", Err(NoAt));
        check("a@example.jp\r\nRCPT TO:<b@example.jp>", Err(Control));
        check("a\0b@example.jp", Err(Control));
        check("a b@example.jp", Err(LocalCharacter));
        check("<a@example.jp>", Err(LocalCharacter));
        check("a,b@example.jp", Err(LocalCharacter));
        check("a..b@docomo.ne.jp", Err(LocalDots));
        check(".a@example.jp", Err(LocalDots));
        check("@example.jp", Err(LocalDots));
        check("\"a\"b\"@example.jp", Err(LocalQuotes));
        check("\"a@example.jp", Err(LocalQuotes));
        check("a@example..jp", Err(Domain));
        check("a@-example.jp", Err(Domain));
        check("a@[192.0.2.1]", Err(Domain));
        check("a@192.0.2.1", Err(Domain));
        check("a@", Err(Domain));
        check(&format!("{}@example.jp", "x".repeat(65)), Err(TooLong));
        check(&format!("a@{}.jp", "x.".repeat(127)), Err(Domain));
        check(&format!("a@{}jp", "xx.".repeat(84)), Err(TooLong));
    }

    #[test]
    fn spellings_of_one_mailbox_compare_equal() {
        let key = |text: &str| EmailAddress::parse(text).map(|a| a.comparison_key());
        assert_eq!(key("Taro@EXAMPLE.jp"), key("taro@example.JP"));
        assert_ne!(key("taro@example.jp"), key("jiro@example.jp"));
    }

    #[test]
    fn debug_hides_the_person() {
        let shown = EmailAddress::parse("taro@example.jp").map(|a| format!("{a:?}"));
        assert_eq!(shown.as_deref(), Ok("EmailAddress(…@example.jp)"));
    }
}
