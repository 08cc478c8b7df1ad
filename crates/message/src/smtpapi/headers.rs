//! The fields of a mail's header that its mailing keeps, and the people whom it names.

use domain::EmailAddress;
use mail_parser::{Address, HeaderForm, HeaderValue, Message};

use crate::header::{self, FieldKind};
use crate::mailbox::{Mailbox, check_name};
use crate::mailing::{HeaderLine, is_reserved_header};

/// Fields that are not reserved and not for others to see.
const DROPPED: &[&str] = &["return-path", "x-smtpapi"];

/// People of an address field, groups flattened. What is no address that mails can go to is left out.
pub(super) fn people(address: Option<&Address<'_>>) -> Vec<Mailbox> {
    let Some(address) = address else { return Vec::new() };
    address.iter().filter_map(|person| mailbox(person.name.as_deref(), person.address.as_deref()?)).collect()
}

fn mailbox(name: Option<&str>, address: &str) -> Option<Mailbox> {
    let address = EmailAddress::parse(address).ok()?;
    let name = name.map(str::trim).filter(|name| !name.is_empty() && check_name(name).is_ok());
    Some(Mailbox { name: name.map(str::to_owned), address })
}

/// The fields that are the author's own, in their order; each decoded where it is free text.
pub(super) fn lines(message: &Message<'_>) -> Vec<HeaderLine> {
    let mut lines = Vec::new();
    for field in message.headers() {
        let name = field.name.as_str();
        if is_reserved_header(name) || DROPPED.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        let octets = message.raw_message.get(field.offset_start as usize..field.offset_end as usize);
        let raw = String::from_utf8_lossy(octets.unwrap_or_default());
        let value = match header::kind_of(name) {
            FieldKind::Structured => raw.replace(['\r', '\n'], ""),
            FieldKind::Unstructured => free_text(raw.as_bytes()),
        };
        lines.push(HeaderLine { name: name.to_owned(), value: value.trim().to_owned() });
    }
    lines
}

/// Free text of one line.
fn free_text(octets: &[u8]) -> String {
    let mut stream = mail_parser::parsers::MessageStream::new(octets);
    match stream.parse_unstructured() {
        HeaderValue::Text(text) => text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect(),
        _ => String::new(),
    }
}

/// The subject as people read it.
pub(super) fn subject(message: &Message<'_>) -> String {
    let found = message.header_as("Subject", HeaderForm::Text).into_iter().next();
    match found {
        Some(HeaderValue::Text(text)) => text.into_owned(),
        _ => String::new(),
    }
}
