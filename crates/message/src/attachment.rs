//! Attached files: encoded once into the tail that all mails of a release share.
//!
//! Reading files and deciding which are wanted is the caller's. Every attachment is base64, so no boundary of
//! ours can occur in it.

use mail_builder::encoders::base64::Base64Encoder;
use mail_builder::headers::Header;
use mail_builder::headers::content_type::ContentType;
use mail_builder::headers::text::Text;

use crate::limits::{ATTACHMENT_OCTETS_MAX, ATTACHMENTS_MAX, FILE_NAME_OCTETS_MAX};
use crate::template::TemplateError;

/// A file to attach.
#[derive(Debug, Clone, Copy)]
pub struct Attachment<'a> {
    /// The name that the recipient sees, without a path.
    pub name: &'a str,
    /// Its content.
    pub content: &'a [u8],
}

/// Media types by file name extension; everything else is `application/octet-stream`.
const MEDIA_TYPES: &[(&str, &str)] = &[
    ("pdf", "application/pdf"),
    ("zip", "application/zip"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("svg", "image/svg+xml"),
    ("txt", "text/plain"),
    ("csv", "text/csv"),
    ("ics", "text/calendar"),
    ("mp4", "video/mp4"),
    ("mp3", "audio/mpeg"),
    ("doc", "application/msword"),
    ("xls", "application/vnd.ms-excel"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
];

/// Refuses attachments that cannot be sent.
pub(crate) fn check(attachments: &[Attachment<'_>]) -> Result<(), TemplateError> {
    if attachments.len() > ATTACHMENTS_MAX {
        return Err(TemplateError::TooManyAttachments { count: attachments.len() });
    }
    let mut octets = 0_usize;
    for attachment in attachments {
        let name = attachment.name;
        if !is_plain_name(name) {
            return Err(TemplateError::AttachmentName { name: name.escape_debug().take(255).collect() });
        }
        octets = octets.saturating_add(attachment.content.len());
        if octets > ATTACHMENT_OCTETS_MAX {
            return Err(TemplateError::AttachmentsTooLarge { name: name.to_owned(), octets });
        }
    }
    Ok(())
}

/// Whether a name is short, and holds no path and no control character.
pub(crate) fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= FILE_NAME_OCTETS_MAX
        && !name.chars().any(|c| c.is_control() || matches!(c, '/' | '\\'))
}

/// The parts of all attachments and the closing boundary; empty when there are none.
pub(crate) fn tail(attachments: &[Attachment<'_>], boundary: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for attachment in attachments {
        out.extend_from_slice(format!("\r\n--{boundary}\r\n").as_bytes());
        let header =
            FileHeader { name: attachment.name, media_type: media_type(attachment.name), inline: false };
        write_file(&header, None, attachment.content, &mut out);
    }
    if !attachments.is_empty() {
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    }
    out
}

/// How a file presents itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FileHeader<'a> {
    /// Its name, without a path or control characters.
    pub(crate) name: &'a str,
    /// Checked by the caller; without `name`.
    pub(crate) media_type: &'a str,
    /// Shown within the mail rather than below it.
    pub(crate) inline: bool,
}

/// A file's part: MIME header, blank line, base64 that ends with a line break.
pub(crate) fn write_file(
    header: &FileHeader<'_>,
    content_id: Option<&str>,
    content: &[u8],
    out: &mut Vec<u8>,
) {
    write_header(header, out);
    if let Some(id) = content_id {
        out.extend_from_slice(b"Content-ID: <");
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(b">\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Base64Encoder::new().wrap_lines().encode_into(content, out);
    if !out.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
}

/// Both spellings of the name: RFC 2231 in Content-Disposition, and for older readers RFC 2047 in Content-Type.
fn write_header(header: &FileHeader<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Type: ");
    out.extend_from_slice(header.media_type.as_bytes());
    out.extend_from_slice(b";\r\n name=\"");
    out.extend_from_slice(&name_fallback(header.name));
    out.extend_from_slice(b"\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: ");
    let shown = if header.inline { "inline" } else { "attachment" };
    let disposition = ContentType::new(shown).attribute("filename", header.name);
    disposition.write_header(out, "Content-Disposition: ".len());
}

/// The name for inside a quoted string: encoded words, or escaped ASCII.
fn name_fallback(name: &str) -> Vec<u8> {
    let mut value = Vec::new();
    if name.is_ascii() {
        for byte in name.bytes() {
            if matches!(byte, b'"' | b'\\') {
                value.push(b'\\');
            }
            value.push(byte);
        }
    } else {
        Text::new(name).write_header(&mut value, " name=\"".len());
        value.truncate(value.len().saturating_sub(2));
    }
    value
}

/// By the name's extension.
pub(crate) fn media_type(name: &str) -> &'static str {
    let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase()).unwrap_or_default();
    MEDIA_TYPES.iter().find(|(e, _)| *e == extension).map_or("application/octet-stream", |(_, t)| t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_japanese_name_is_written_both_ways() {
        let tail = tail(&[Attachment { name: "日本語.pdf", content: b"abc" }], "=_m");
        let expected = "\r\n--=_m\r\nContent-Type: application/pdf;\r\n name=\"=?utf-8?B?5pel5pys6KqeLnBkZg==?=\"\r\n\
            Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n \
            filename*=UTF-8''%E6%97%A5%E6%9C%AC%E8%AA%9E.pdf\r\n\r\nYWJj\r\n--=_m--\r\n";
        assert_eq!(String::from_utf8_lossy(&tail), expected);
    }

    #[test]
    fn unusable_attachments_are_refused() {
        let check = |name: &str, good: bool| {
            assert_eq!(super::check(&[Attachment { name, content: b"" }]).is_ok(), good, "{name:?}");
        };
        check("a.pdf", true);
        check("", false);
        check("a/b.pdf", false);
        check("a\r\nb.pdf", false);
        check(&"あ".repeat(86), false);
        let big = vec![0; ATTACHMENT_OCTETS_MAX / 2 + 1];
        let two = [Attachment { name: "a", content: &big }, Attachment { name: "b", content: &big }];
        assert!(matches!(super::check(&two), Err(TemplateError::AttachmentsTooLarge { .. })));
    }
}
