//! A mail as it is sent on: less what must not leave, plus what every mail must have (RFC 5322 section 3.6).

use domain::EmailAddress;

use super::{Kind, RawMail};
use crate::header;
use crate::identity::{MailDate, check_message_id};
use crate::template::RenderError;

/// What is written where the mail does not say it.
#[derive(Debug, Clone, Copy)]
pub struct RawIdentity<'a> {
    /// The Message-ID without its angle brackets.
    pub message_id: &'a str,
    /// The Date field.
    pub date: MailDate,
    /// The author: the envelope's sender.
    pub from: &'a EmailAddress,
}

pub(super) fn octets(mail: &RawMail<'_>, identity: &RawIdentity<'_>) -> Result<Vec<u8>, RenderError> {
    let mut out = Vec::with_capacity(mail.octets.len() + 256);
    if mail.first(Kind::Date).is_none() {
        out.extend_from_slice(b"Date: ");
        out.extend_from_slice(identity.date.format()?.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if mail.first(Kind::MessageId).is_none() {
        check_message_id(identity.message_id)?;
        out.extend_from_slice(b"Message-ID: <");
        out.extend_from_slice(identity.message_id.as_bytes());
        out.extend_from_slice(b">\r\n");
    }
    if mail.first(Kind::From).is_none() {
        header::write_mailbox("From", None, identity.from, &mut out);
    }
    if mail.first(Kind::MimeVersion).is_none() {
        out.extend_from_slice(b"MIME-Version: 1.0\r\n");
    }
    // Fields follow each other without gaps, so what stays is copied in runs.
    let mut start = 0;
    for field in mail.fields.iter().filter(|field| matches!(field.kind, Kind::Secret | Kind::SmtpApi)) {
        out.extend_from_slice(mail.octets.get(start..field.all.start).unwrap_or_default());
        start = field.all.end;
    }
    out.extend_from_slice(mail.octets.get(start..).unwrap_or_default());
    Ok(out)
}
