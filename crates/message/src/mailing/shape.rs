//! The MIME tree of a mailing: what stands before, between and behind the texts, the same for all its mails.
//!
//! ```text
//! mixed                  only with attachments
//! ├─ alternative         only with several texts
//! │  ├─ text/plain
//! │  └─ related          only with HTML and pictures shown in it (RFC 2387)
//! │     ├─ text/html
//! │     └─ pictures      from here on the tail that all mails share
//! └─ attachments
//! ```

use super::wording::Wording;
use super::{MailingFile, media_type};
use crate::attachment::{self, FileHeader};
use crate::digest::Sha256;

/// The tree, flattened.
pub(super) struct Shape {
    /// What stands before each text; one for each.
    pub(super) openings: Vec<Vec<u8>>,
    /// What stands behind the last text.
    pub(super) tail: Vec<u8>,
}

/// Lays the tree out.
pub(super) fn lay_out(wordings: &[Wording], files: &[MailingFile]) -> Shape {
    let names = Boundaries::of(wordings, files);
    let last_is_html = wordings.last().is_some_and(|w| media_type::essence(&w.media_type) == "text/html");
    let (shown, attached): (Vec<_>, Vec<_>) =
        files.iter().partition(|file| file.inline && file.content_id.is_some() && last_is_html);
    let mut opening = Vec::new();
    if !attached.is_empty() {
        multipart("mixed", &names.mixed, "", &mut opening);
        delimiter(&names.mixed, &mut opening);
    }
    let several = wordings.len() > 1;
    if several {
        multipart("alternative", &names.alternative, "", &mut opening);
    }
    let mut openings = Vec::with_capacity(wordings.len());
    for index in 0..wordings.len() {
        if several {
            delimiter(&names.alternative, &mut opening);
        }
        if index + 1 == wordings.len() && !shown.is_empty() {
            multipart("related", &names.related, ";\r\n type=\"text/html\"", &mut opening);
            delimiter(&names.related, &mut opening);
        }
        openings.push(std::mem::take(&mut opening));
    }
    let mut tail = Vec::new();
    write_files(&shown, &names.related, &mut tail);
    if several {
        tail.extend_from_slice(format!("--{}--\r\n", names.alternative).as_bytes());
    }
    write_files(&attached, &names.mixed, &mut tail);
    Shape { openings, tail }
}

fn multipart(subtype: &str, boundary: &str, more: &str, out: &mut Vec<u8>) {
    let text = format!("Content-Type: multipart/{subtype}{more};\r\n boundary=\"{boundary}\"\r\n\r\n");
    out.extend_from_slice(text.as_bytes());
}

fn delimiter(boundary: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
}

/// Every text and every file ends with a line break, which is the delimiter's (RFC 2046 section 5.1.1).
fn write_files(files: &[&MailingFile], boundary: &str, out: &mut Vec<u8>) {
    for file in files {
        delimiter(boundary, out);
        let media_type = file_media_type(file);
        let header = FileHeader { name: &file.name, media_type: &media_type, inline: file.inline };
        attachment::write_file(&header, file.content_id.as_deref(), &file.octets, out);
    }
    if !files.is_empty() {
        out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    }
}

/// What a file says that it is. A message may not be base64 (RFC 2046 section 5.2.1), so it is said to be octets.
fn file_media_type(file: &MailingFile) -> String {
    match &file.media_type {
        None => attachment::media_type(&file.name).to_owned(),
        Some(given) if media_type::essence(given).starts_with("message/") => {
            "application/octet-stream".to_owned()
        }
        Some(given) => media_type::written(given, &["name"]),
    }
}

/// `=_` cannot occur in base64 or quoted-printable, so no part can hold a boundary; the digest keeps boundaries of
/// different mailings apart where mails are nested.
struct Boundaries {
    alternative: String,
    related: String,
    mixed: String,
}

impl Boundaries {
    fn of(wordings: &[Wording], files: &[MailingFile]) -> Self {
        let mut sha = Sha256::new();
        let mut add = |octets: &[u8]| {
            sha.update(&(octets.len() as u64).to_be_bytes());
            sha.update(octets);
        };
        for wording in wordings {
            add(wording.media_type.as_bytes());
            if let super::wording::Source::Literal(text) = &wording.source {
                add(text.as_bytes());
            }
        }
        for file in files {
            add(file.name.as_bytes());
            add(&(file.octets.len() as u64).to_be_bytes());
        }
        let digest = sha.finish();
        let name: String = digest.iter().take(12).map(|octet| format!("{octet:02x}")).collect();
        Self { alternative: format!("=_a{name}"), related: format!("=_r{name}"), mixed: format!("=_m{name}") }
    }
}
