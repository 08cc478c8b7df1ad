//! Header fields to octets: encoded words, folding, display names.
//!
//! Encoding itself is mail-builder's. This module chooses between its forms so that every line stays below 998
//! octets and so that text which merely looks like an encoded word is encoded too (RFC 2047 section 5 would
//! otherwise have a reader decode what somebody typed). Values hold no control characters; the caller checked.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use domain::EmailAddress;
use mail_builder::headers::Header;
use mail_builder::headers::address::EmailAddress as AddressField;
use mail_builder::headers::raw::Raw;
use mail_builder::headers::text::Text;

use crate::limits::HEADER_WORD_OCTETS_MAX;
use crate::mailbox::Mailbox;

/// White space in a row that a fold may carry whole to the next line.
const SPACES_MAX: usize = 40;
/// Octets of a line with encoded words (RFC 2047 section 2).
const ENCODED_LINE_OCTETS: usize = 76;
/// Octets of `=?utf-8?B?` and `?=`.
const ENCODED_WORD_FRAME_OCTETS: usize = 12;

/// How a field's value may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// Free text: encoded words where needed.
    Unstructured,
    /// Tokens or URIs: ASCII only, never encoded.
    Structured,
}

/// The kind of a field that a release may set.
pub(crate) fn kind_of(name: &str) -> FieldKind {
    let lower = name.to_ascii_lowercase();
    let free = lower.starts_with("x-")
        || ["comments", "keywords", "organization", "subject"].contains(&lower.as_str());
    if free { FieldKind::Unstructured } else { FieldKind::Structured }
}

/// Whether a structured value can be written: ASCII, no word too long for a line.
pub(crate) fn fits_structured(value: &str) -> bool {
    value.is_ascii() && folds(value)
}

/// Writes `Name: value` CRLF.
pub(crate) fn write_field(name: &str, value: &str, kind: FieldKind, out: &mut Vec<u8>) {
    write_name(name, out);
    let column = name.len() + 2;
    let plain = value.is_ascii() && folds(value) && !value.contains("=?");
    match kind {
        FieldKind::Structured => Raw::new(value).write_header(out, column),
        FieldKind::Unstructured if plain => Raw::new(value).write_header(out, column),
        FieldKind::Unstructured if value.contains("=?") => {
            write_encoded(value, column, out);
            out.extend_from_slice(b"\r\n");
        }
        FieldKind::Unstructured => Text::new(value).write_header(out, column),
    }
}

/// Writes `Name: display name <address>` CRLF.
pub(crate) fn write_mailbox(field: &str, name: Option<&str>, address: &EmailAddress, out: &mut Vec<u8>) {
    write_name(field, out);
    write_mailbox_at(field.len() + 2, name, address, out);
}

/// Writes `Name: display name <address>, display name <address> …` CRLF, each mailbox on a line of its own; nothing
/// for none.
pub(crate) fn write_mailboxes(field: &str, mailboxes: &[Mailbox], out: &mut Vec<u8>) {
    let mut column = field.len() + 2;
    for (index, mailbox) in mailboxes.iter().enumerate() {
        if index == 0 {
            write_name(field, out);
        } else {
            out.truncate(out.len().saturating_sub(2));
            out.extend_from_slice(b",\r\n ");
            column = 1;
        }
        write_mailbox_at(column, mailbox.name.as_deref(), &mailbox.address, out);
    }
}

fn write_mailbox_at(column: usize, name: Option<&str>, address: &EmailAddress, out: &mut Vec<u8>) {
    match name.map(str::trim).filter(|n| !n.is_empty()) {
        Some(name) if name.contains("=?") => {
            write_encoded(name, column, out);
            out.extend_from_slice(b"\r\n <");
            out.extend_from_slice(address.as_str().as_bytes());
            out.extend_from_slice(b">\r\n");
        }
        name => {
            let field = AddressField { name: name.map(Into::into), email: address.as_str().into() };
            field.write_header(out, column);
        }
    }
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
}

/// Whether folding at white space alone keeps every line short.
fn folds(value: &str) -> bool {
    let mut word = 0_usize;
    let mut spaces = 0_usize;
    for byte in value.bytes() {
        if byte == b' ' {
            (word, spaces) = (0, spaces + 1);
        } else {
            (word, spaces) = (word + 1, 0);
        }
        if word > HEADER_WORD_OCTETS_MAX || spaces > SPACES_MAX {
            return false;
        }
    }
    true
}

/// Encoded words for text that mail-builder would take as plain, the first one at `column`.
fn write_encoded(value: &str, column: usize, out: &mut Vec<u8>) {
    let mut rest = value;
    let mut column = column;
    while !rest.is_empty() {
        let room = ENCODED_LINE_OCTETS.saturating_sub(column + ENCODED_WORD_FRAME_OCTETS) / 4 * 3;
        let mut cut = rest.len().min(room.max(6));
        while !rest.is_char_boundary(cut) {
            cut -= 1;
        }
        let (word, after) = rest.split_at(cut);
        if rest.len() < value.len() {
            out.extend_from_slice(b"\r\n ");
        }
        out.extend_from_slice(b"=?utf-8?B?");
        out.extend_from_slice(STANDARD.encode(word).as_bytes());
        out.extend_from_slice(b"?=");
        rest = after;
        column = 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: &str) {
        let mut out = Vec::new();
        write_field("Subject", value, FieldKind::Unstructured, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), expected, "{value:?}");
    }

    #[test]
    fn text_is_encoded_only_where_needed() {
        check("Hello", "Subject: Hello\r\n");
        check("新製品①㈱髙ｶﾅ", "Subject: =?utf-8?B?5paw6KO95ZOB4pGg44ix6auZ7722776F?=\r\n");
        check("=?utf-8?B?44GC?=", "Subject: =?utf-8?B?PT91dGYtOD9CPzQ0R0M/PQ==?=\r\n");
    }

    #[test]
    fn long_words_and_gaps_do_not_make_long_lines() {
        for value in
            ["x".repeat(3000), format!("a{}b", " ".repeat(3000)), "あ".repeat(1000), "=?".repeat(900)]
        {
            let mut out = Vec::new();
            write_field("Subject", &value, FieldKind::Unstructured, &mut out);
            let longest = out.split(|b| *b == b'\n').map(<[u8]>::len).max();
            assert!(longest.is_some_and(|l| l <= 78), "{longest:?}");
        }
    }
}
