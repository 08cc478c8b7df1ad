//! A mail's bytes as texts to show, read by a parser that is not the product's.
//!
//! Every text is capped: a page shows mails of any size.

use mail_parser::{Address, MessageParser, MimeHeaders};

/// Octets of a part that are shown.
const PART_OCTETS_MAX: usize = 512 << 10;
/// Octets of a header value that are shown.
const VALUE_OCTETS_MAX: usize = 4096;
/// Header lines and attachments that are listed.
const LINES_MAX: usize = 100;

/// What a page shows of a mail.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Decoded {
    /// The subject.
    pub subject: String,
    /// Who it says it is from.
    pub from: String,
    /// Whom it says it is to.
    pub to: String,
    /// The plain text part.
    pub text: Option<String>,
    /// True when there is an HTML part.
    pub has_html: bool,
    /// Each header as it stands in the mail, unfolded.
    pub headers: Vec<(String, String)>,
    /// Names and octets of attachments.
    pub attachments: Vec<(String, usize)>,
}

/// Subject and sender only, for lists.
pub(super) fn summary(content: &[u8]) -> (String, String) {
    let Some(mail) = MessageParser::default().parse_headers(content) else { return Default::default() };
    (cap(mail.subject().unwrap_or_default(), VALUE_OCTETS_MAX), people(mail.from()))
}

/// The whole mail.
pub(super) fn decode(content: &[u8]) -> Decoded {
    let Some(mail) = MessageParser::default().parse(content) else { return Decoded::default() };
    let unfold = |value: &str| value.split_whitespace().collect::<Vec<_>>().join(" ");
    let headers = mail.headers_raw().take(LINES_MAX);
    let attachment = |part: &mail_parser::MessagePart<'_>| {
        let name = part.attachment_name().unwrap_or("attachment");
        (cap(name, VALUE_OCTETS_MAX), part.contents().len())
    };
    Decoded {
        subject: cap(mail.subject().unwrap_or_default(), VALUE_OCTETS_MAX),
        from: people(mail.from()),
        to: people(mail.to()),
        text: own_text(&mail).map(|text| cap(&text, PART_OCTETS_MAX)),
        has_html: own_html(&mail).is_some(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), cap(&unfold(value), VALUE_OCTETS_MAX)))
            .collect(),
        attachments: mail.attachments().take(LINES_MAX).map(attachment).collect(),
    }
}

/// The HTML part as it stands in the mail.
pub(super) fn html(content: &[u8]) -> Option<String> {
    let mail = MessageParser::default().parse(content)?;
    own_html(&mail).map(|html| cap(&html, PART_OCTETS_MAX))
}

/// The text part, unless it was made from the HTML part.
fn own_text(mail: &mail_parser::Message<'_>) -> Option<String> {
    let part = mail.parts.get(*mail.text_body.first()? as usize)?;
    part.is_text().then(|| mail.body_text(0).map(Into::into)).flatten()
}

/// The HTML part, unless it was made from the text part.
fn own_html(mail: &mail_parser::Message<'_>) -> Option<String> {
    let part = mail.parts.get(*mail.html_body.first()? as usize)?;
    part.is_text_html().then(|| mail.body_html(0).map(Into::into)).flatten()
}

fn people(address: Option<&Address<'_>>) -> String {
    let shown = |one: &mail_parser::Addr<'_>| match (one.name(), one.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    };
    let all: Vec<String> = address.into_iter().flat_map(Address::iter).take(20).map(shown).collect();
    cap(&all.join(", "), VALUE_OCTETS_MAX)
}

fn cap(text: &str, octets_max: usize) -> String {
    if text.len() <= octets_max {
        return text.to_owned();
    }
    format!("{}…", &text[..text.floor_char_boundary(octets_max)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: =?UTF-8?B?6auZ5qmL?= <press@example.jp>\r\nTo: taro@example.jp\r\n\
        Subject: =?UTF-8?B?4pGg44ix?=\r\nX-Long: a\r\n b\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n44GT44KT44Gr44Gh44Gv\r\n--b\r\n\
        Content-Type: text/html; charset=utf-8\r\n\r\n<p>hi</p>\r\n--b--\r\n";

    #[test]
    fn parts_and_headers_are_decoded() {
        let decoded = decode(MAIL.as_bytes());
        assert_eq!((decoded.subject.as_str(), decoded.from.as_str()), ("①㈱", "髙橋 <press@example.jp>"));
        assert_eq!(decoded.text.as_deref(), Some("こんにちは"));
        assert!(decoded.has_html && html(MAIL.as_bytes()).is_some_and(|html| html.contains("<p>hi</p>")));
        assert!(decoded.headers.contains(&("X-Long".to_owned(), "a b".to_owned())));
        assert_eq!(summary(MAIL.as_bytes()).0, "①㈱");
    }

    #[test]
    fn what_is_no_mail_is_shown_as_nothing() {
        assert_eq!(decode(b""), Decoded::default());
        assert!(!decode(b"\r\n\r\nplain").has_html);
    }
}
