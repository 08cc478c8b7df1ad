//! One pass over a mail's octets: fields of the header, and facts about all of it.

use domain::EmailAddress;
use mail_parser::HeaderValue;
use mail_parser::parsers::MessageStream;

use super::{Field, Kind, RawError, RawFacts, RawLimits, RawMail};

/// Octets of a line without its break (RFC 5322 section 2.1.1).
const LINE_OCTETS_MAX: usize = 998;

pub(super) fn read<'a>(octets: &'a [u8], limits: &RawLimits) -> Result<RawMail<'a>, RawError> {
    if octets.len() > limits.octets_max {
        return Err(RawError::TooLarge { max: limits.octets_max });
    }
    if memchr::memchr(0, octets).is_some() {
        return Err(RawError::Nul);
    }
    let (fields, header_end) = header(octets, limits)?;
    refuse_repeated(&fields)?;
    let body_line_octets = lines(octets, header_end)?;
    let body = octets.get(header_end..).unwrap_or_default();
    let kept = fields.iter().filter(|field| !matches!(field.kind, Kind::Secret | Kind::SmtpApi));
    let needs_smtputf8 =
        kept.filter_map(|field| octets.get(field.all.clone())).any(|field| !field.is_ascii());
    let facts = RawFacts { eight_bit: needs_smtputf8 || !body.is_ascii(), needs_smtputf8, body_line_octets };
    Ok(RawMail { octets, fields, header_end, facts })
}

/// The fields, and where they end.
fn header(octets: &[u8], limits: &RawLimits) -> Result<(Vec<Field>, usize), RawError> {
    let mut fields: Vec<Field> = Vec::with_capacity(24);
    let (mut at, mut number) = (0, 0_usize);
    while let Some(rest) = octets.get(at..).filter(|rest| !rest.is_empty()) {
        number += 1;
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let line = rest.get(..length).unwrap_or_default();
        let text = line.strip_suffix(b"\r\n").ok_or(RawError::LineBreak)?;
        if text.is_empty() {
            break;
        }
        if text.len() > LINE_OCTETS_MAX {
            return Err(RawError::LineTooLong { line: number });
        }
        at += length;
        if at > limits.header_octets_max {
            return Err(RawError::HeaderTooLarge { max: limits.header_octets_max });
        }
        if matches!(text.first(), Some(b' ' | b'\t')) {
            let field = fields.last_mut().ok_or(RawError::NoHeader)?;
            field.all.end = at;
            field.value.end = at;
            continue;
        }
        let field = field(text, at - length, at).ok_or(match fields.is_empty() {
            true => RawError::NoHeader,
            false => RawError::NotAField { line: number },
        })?;
        if fields.len() == limits.fields_max {
            return Err(RawError::TooManyFields { max: limits.fields_max });
        }
        fields.push(field);
    }
    if fields.is_empty() { Err(RawError::NoHeader) } else { Ok((fields, at)) }
}

/// A field's first line. White space before the colon is obsolete and still read (RFC 5322 section 4.5.2), for
/// otherwise a `Bcc :` would leave with its addresses.
fn field(line: &[u8], start: usize, end: usize) -> Option<Field> {
    let colon = memchr::memchr(b':', line)?;
    let name = line.get(..colon)?.trim_ascii_end();
    if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
        return None;
    }
    Some(Field { kind: kind(name), all: start..end, value: start + colon + 1..end })
}

fn kind(name: &[u8]) -> Kind {
    let names: [(&[u8], Kind); 9] = [
        (b"from", Kind::From),
        (b"subject", Kind::Subject),
        (b"message-id", Kind::MessageId),
        (b"date", Kind::Date),
        (b"mime-version", Kind::MimeVersion),
        (b"x-smtpapi", Kind::SmtpApi),
        (b"bcc", Kind::Secret),
        (b"resent-bcc", Kind::Secret),
        (b"return-path", Kind::Secret),
    ];
    names.iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map_or(Kind::Other, |(_, kind)| *kind)
}

fn refuse_repeated(fields: &[Field]) -> Result<(), RawError> {
    let once = [(Kind::From, "From"), (Kind::SmtpApi, "X-SMTPAPI")];
    for (kind, name) in once {
        if fields.iter().filter(|field| field.kind == kind).count() > 1 {
            return Err(RawError::Twice { name });
        }
    }
    Ok(())
}

/// Refuses line breaks other than CRLF; the longest line behind the header.
fn lines(octets: &[u8], header_end: usize) -> Result<usize, RawError> {
    let mut longest = 0;
    let mut start = header_end;
    let mut breaks = 0_usize;
    for at in memchr::memchr_iter(b'\n', octets) {
        if at == 0 || octets.get(at - 1) != Some(&b'\r') {
            return Err(RawError::LineBreak);
        }
        breaks += 1;
        if at >= header_end {
            longest = longest.max((at - 1).saturating_sub(start));
            start = at + 1;
        }
    }
    if memchr::memchr_iter(b'\r', octets).count() != breaks {
        return Err(RawError::LineBreak);
    }
    Ok(longest.max(octets.len().saturating_sub(start)))
}

/// The addresses of a From field's value.
pub(super) fn addresses(value: &[u8]) -> Result<Vec<EmailAddress>, RawError> {
    let HeaderValue::Address(list) = MessageStream::new(value).parse_address() else {
        return Err(RawError::NoAuthor);
    };
    let addresses: Vec<EmailAddress> = list
        .iter()
        .map(|person| EmailAddress::parse(person.address.as_deref().unwrap_or_default()))
        .collect::<Result<_, _>>()
        .map_err(RawError::Author)?;
    if addresses.is_empty() { Err(RawError::NoAuthor) } else { Ok(addresses) }
}

/// A field's value as people read it.
pub(super) fn text(value: &[u8]) -> String {
    match MessageStream::new(value).parse_unstructured() {
        HeaderValue::Text(text) => text.into_owned(),
        _ => String::new(),
    }
}
