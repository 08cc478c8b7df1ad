//! From a release's source to a [`Template`].

use super::part::Part;
use super::{PersonalField, Template, TemplateError};
use crate::attachment::{self, Attachment};
use crate::digest::Sha256;
use crate::escape::Escape;
use crate::expression::{Expressions, ValueOf};
use crate::header::{self, FieldKind};
use crate::markdown;
use crate::piece::{Piece, Pieces};
use crate::placeholder::runs;
use crate::source::{HeaderField, ReleaseSource};

pub(super) fn compile(
    source: &ReleaseSource,
    columns: &[String],
    attachments: &[Attachment<'_>],
) -> Result<Template, TemplateError> {
    attachment::check(attachments)?;
    let mut expressions = Expressions::new(columns);
    let fields = fields(source, &mut expressions)?;
    let subject = Pieces::of_runs(&runs(&source.subject)?, &mut expressions, Escape::Line)?;
    let body = markdown::compile(&source.body, &mut expressions)?;
    let html = page(&source.lang, &subject, body.html);
    let boundaries = Boundaries::of(source, attachments);
    let tail = attachment::tail(attachments, &boundaries.mixed);
    let Usage { used, links } = usage(&fields, &body.text, &html);
    let (fixed_fields, personal_fields) = split_fields(source, fields);
    Ok(Template {
        used,
        links,
        fixed_fields,
        personal_fields,
        own_unsubscribe: source.headers.iter().any(|h| h.name.eq_ignore_ascii_case("List-Unsubscribe")),
        author_needs_smtputf8: needs_smtputf8(source),
        opening: opening(&boundaries, !attachments.is_empty()),
        parts: [
            Part::new(&boundaries.alternative, "plain", body.text),
            Part::new(&boundaries.alternative, "html", html),
        ],
        closing: format!("--{}--\r\n", boundaries.alternative).into_bytes(),
        tail_digest: {
            let mut sha = Sha256::new();
            sha.update(&tail);
            sha.finish()
        },
        tail: tail.into(),
        expressions,
    })
}

/// A field before it is known whether it is personal.
struct Field {
    name: String,
    kind: FieldKind,
    value: Pieces,
}

/// The subject and the release's own fields.
fn fields(source: &ReleaseSource, expressions: &mut Expressions) -> Result<Vec<Field>, TemplateError> {
    let subject = HeaderField { name: "Subject".to_owned(), value: source.subject.clone() };
    let mut fields = Vec::with_capacity(source.headers.len() + 1);
    for header in std::iter::once(&subject).chain(&source.headers) {
        let kind = header::kind_of(&header.name);
        let in_uri = header.name.to_ascii_lowercase().starts_with("list-");
        let escape = if in_uri { Escape::UrlComponent } else { Escape::Line };
        let value = Pieces::of_runs(&runs(&header.value)?, expressions, escape)?;
        if kind == FieldKind::Structured && !value.literals().all(header::fits_structured) {
            return Err(TemplateError::HeaderValue { line: header.value.line, name: header.name.clone() });
        }
        fields.push(Field { name: header.name.clone(), kind, value });
    }
    Ok(fields)
}

/// Writes what is the same for everybody; keeps the rest.
fn split_fields(source: &ReleaseSource, fields: Vec<Field>) -> (Vec<u8>, Vec<PersonalField>) {
    let mut fixed = Vec::new();
    let mut personal = Vec::new();
    header::write_mailbox("From", source.from.name.as_deref(), &source.from.address, &mut fixed);
    if let Some(reply_to) = &source.reply_to {
        header::write_mailbox("Reply-To", reply_to.name.as_deref(), &reply_to.address, &mut fixed);
    }
    fixed.extend_from_slice(b"MIME-Version: 1.0\r\n");
    for Field { name, kind, value } in fields {
        match value.fixed() {
            Some(text) => header::write_field(&name, &text, kind, &mut fixed),
            None => personal.push(PersonalField { name, kind, value }),
        }
    }
    (fixed, personal)
}

/// The whole HTML document.
fn page(lang: &str, subject: &Pieces, body: Pieces) -> Pieces {
    let literal = |text: String| Piece::Literal(text.into());
    let mut pieces = vec![literal(format!(
        "<!DOCTYPE html>\r\n<html lang=\"{lang}\">\r\n<head>\r\n<meta charset=\"utf-8\">\r\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\r\n\
         <style>body{{font-family:sans-serif;line-height:1.7}}table{{border-collapse:collapse}}\
         th,td{{border:1px solid #bbb;padding:4px 8px}}img{{max-width:100%}}</style>\r\n<title>"
    ))];
    let title = subject.with_escape(Escape::Html).0.into_iter().map(|piece| match piece {
        Piece::Literal(text) => {
            let mut escaped = String::with_capacity(text.len());
            // Html never refuses a value.
            let _ = crate::escape::push(Escape::Html, &text, &mut escaped);
            literal(escaped)
        }
        value @ Piece::Value(..) => value,
    });
    pieces.extend(title);
    pieces.push(literal("</title>\r\n</head>\r\n<body>\r\n".to_owned()));
    pieces.extend(body.0);
    pieces.push(literal("</body>\r\n</html>\r\n".to_owned()));
    Pieces(pieces)
}

/// What has to be checked in each record.
struct Usage {
    /// Every value in use, and whether a header field uses it.
    used: Vec<(ValueOf, bool)>,
    /// Those that start links.
    links: Vec<(ValueOf, Escape)>,
}

/// Collects the values in use, header use first, for it is the stricter one.
fn usage(fields: &[Field], text: &Pieces, html: &Pieces) -> Usage {
    let mut used: Vec<(ValueOf, bool)> = Vec::new();
    let in_fields = fields.iter().flat_map(|f| f.value.values()).map(|(of, _)| (of, true));
    let in_parts = text.values().chain(html.values()).map(|(of, _)| (of, false));
    for (of, in_header) in in_fields.chain(in_parts) {
        if !used.iter().any(|(seen, _)| *seen == of) {
            used.push((of, in_header));
        }
    }
    let links = html.values().filter(|(_, e)| matches!(e, Escape::UrlStart { .. })).collect();
    Usage { used, links }
}

/// `=_` cannot occur in base64 or quoted-printable, so no part can hold a boundary; the digest keeps boundaries of
/// different releases apart where mails are nested.
struct Boundaries {
    alternative: String,
    mixed: String,
}

impl Boundaries {
    fn of(source: &ReleaseSource, attachments: &[Attachment<'_>]) -> Self {
        let mut sha = Sha256::new();
        for text in [source.subject.text.as_str(), source.from.address.as_str(), source.body.text.as_str()] {
            sha.update(&(text.len() as u64).to_be_bytes());
            sha.update(text.as_bytes());
        }
        for attachment in attachments {
            sha.update(attachment.name.as_bytes());
            sha.update(&(attachment.content.len() as u64).to_be_bytes());
        }
        let digest = sha.finish();
        let name: String = digest.iter().take(12).map(|octet| format!("{octet:02x}")).collect();
        Self { alternative: format!("=_a{name}"), mixed: format!("=_m{name}") }
    }
}

/// The last header fields, the blank line, and what leads to the first part.
fn opening(boundaries: &Boundaries, mixed: bool) -> Vec<u8> {
    let alternative =
        format!("Content-Type: multipart/alternative;\r\n boundary=\"{}\"\r\n\r\n", boundaries.alternative);
    if !mixed {
        return alternative.into_bytes();
    }
    let outer = &boundaries.mixed;
    format!("Content-Type: multipart/mixed;\r\n boundary=\"{outer}\"\r\n\r\n--{outer}\r\n{alternative}")
        .into_bytes()
}

fn needs_smtputf8(source: &ReleaseSource) -> bool {
    let reply_to = source.reply_to.as_ref().map(|r| &r.address);
    std::iter::once(&source.from.address).chain(reply_to).any(domain::EmailAddress::needs_smtputf8)
}
