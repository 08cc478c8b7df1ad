//! Envelopes: what the engine offers, the checks on it, and its commands on the wire.
//!
//! Leaves replies to [`super::transaction`]. Invariant: no address reaches the wire that could end a command or
//! a path early.

use std::io::Write as _;

use super::capabilities::Capabilities;
use super::outcome::{OfferError, Unsendable};

/// Recipients of one envelope (what RFC 5321 section 4.5.3.1.8 lets every client count on).
pub const RECIPIENTS_MAX: usize = 100;
/// Octets of a path without its brackets (RFC 5321 section 4.5.3.1.3).
const PATH_OCTETS_MAX: usize = 254;

/// The kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Body {
    /// ASCII only.
    SevenBit,
    /// Octets above 127 (RFC 6152).
    EightBitMime,
}

/// One message's sender, recipients and needs.
#[derive(Clone, Copy)]
pub struct Envelope<'a> {
    /// The engine's number; comes back in each event.
    pub id: u64,
    /// The return path; empty for none.
    pub reverse_path: &'a str,
    /// One to [`RECIPIENTS_MAX`] addresses.
    pub recipients: &'a [&'a str],
    /// Octets of the message.
    pub size: u64,
    /// The kind of content.
    pub body: Body,
    /// The header needs SMTPUTF8. (Addresses that need it are noticed by themselves.)
    pub smtputf8: bool,
}

impl Envelope<'_> {
    fn needs_smtputf8(&self) -> bool {
        self.smtputf8 || !self.reverse_path.is_ascii() || self.recipients.iter().any(|path| !path.is_ascii())
    }

    /// Refuses what must not go on the wire, whatever the caller promised.
    pub(super) fn check(&self) -> Result<(), OfferError> {
        if self.recipients.is_empty() || self.recipients.len() > RECIPIENTS_MAX {
            return Err(OfferError::RecipientCount);
        }
        let reverse_is_fine = self.reverse_path.is_empty() || is_safe_path(self.reverse_path);
        if reverse_is_fine && self.recipients.iter().all(|path| is_safe_path(path)) {
            Ok(())
        } else {
            Err(OfferError::UnsafeAddress)
        }
    }

    /// Why this server cannot take it, by its own announcement.
    pub(super) fn unsendable(&self, capabilities: &Capabilities) -> Option<Unsendable> {
        let limit = capabilities.size_max.filter(|limit| *limit > 0 && *limit < self.size);
        if let Some(limit) = limit {
            Some(Unsendable::TooLarge { size: self.size, limit })
        } else if self.needs_smtputf8() && !capabilities.smtputf8 {
            Some(Unsendable::NeedsSmtpUtf8)
        } else if self.body == Body::EightBitMime && !capabilities.eight_bit_mime {
            Some(Unsendable::NeedsEightBitMime)
        } else {
            None
        }
    }

    /// Writes MAIL, each RCPT and, unless BDAT follows, DATA: one line each.
    pub(super) fn write_commands(&self, out: &mut Vec<u8>, capabilities: &Capabilities, with_data: bool) {
        for part in [b"MAIL FROM:<".as_slice(), self.reverse_path.as_bytes(), b">"] {
            out.extend_from_slice(part);
        }
        if capabilities.size_max.is_some() {
            // Writing to a Vec cannot fail.
            let _ = write!(out, " SIZE={}", self.size);
        }
        if self.body == Body::EightBitMime {
            out.extend_from_slice(b" BODY=8BITMIME");
        }
        if self.needs_smtputf8() {
            out.extend_from_slice(b" SMTPUTF8");
        }
        out.extend_from_slice(b"\r\n");
        for path in self.recipients {
            for part in [b"RCPT TO:<".as_slice(), path.as_bytes(), b">\r\n"] {
                out.extend_from_slice(part);
            }
        }
        if with_data {
            out.extend_from_slice(b"DATA\r\n");
        }
    }
}

/// True for a path that cannot break out of its angle brackets or its line.
fn is_safe_path(path: &str) -> bool {
    if path.is_empty() || path.len() > PATH_OCTETS_MAX || path.chars().any(char::is_control) {
        return false;
    }
    let (mut quoted, mut escaped) = (false, false);
    for octet in path.bytes() {
        match octet {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'<' | b'>' | b' ' if !quoted => return false,
            _ => {}
        }
    }
    !quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unsafe_paths_are_refused() {
        let check = |path: &str, fine| assert_eq!(is_safe_path(path), fine, "{path:?}");
        check("taro@example.jp", true);
        check("\"a b>c\"@example.jp", true);
        check("\"a\\\"> b\"@example.jp", true);
        check("太郎@example.jp", true);
        check("", false);
        check("a@example.jp> SIZE=1", false);
        check("a@example.jp\r\nDATA", false);
        check("a@example.jp\n", false);
        check("a\0@example.jp", false);
        check("a\u{85}@example.jp", false);
        check("\"open@example.jp", false);
        check("\"a\\\"@example.jp> X", false);
        check("<a@example.jp", false);
        check(&"x".repeat(255), false);
    }
}
