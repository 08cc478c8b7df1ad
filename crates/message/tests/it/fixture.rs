//! What the tests share: a release, a record, an identity, and a mail read back.

use anyhow::{Context, Result};
use domain::{EmailAddress, Timestamp};
use mail_parser::{Message, MessageParser};
use message::mailing::{Content, Personalization};
use message::{
    Attachment, MailDate, MailIdentity, Mailbox, Mailing, MailingIdentity, ReleaseSource, Rendered, Template,
    Unsubscribe,
};

/// The columns of every test list.
pub const COLUMNS: [&str; 4] = ["email", "会社名", "氏名", "url"];

/// A release file around a subject and a body; `more` are further lines of front matter.
pub fn release(subject: &str, more: &str, body: &str) -> String {
    let subject = subject.replace('\'', "''");
    format!("---\nsubject: '{subject}'\nfrom: 株式会社さくら広報 <pr@example.jp>\n{more}---\n{body}")
}

/// Compiles a release file over [`COLUMNS`].
pub fn compile(file: &str, attachments: &[Attachment<'_>]) -> Result<Template> {
    let columns = COLUMNS.map(str::to_owned);
    Ok(Template::compile(&ReleaseSource::parse(file)?, &columns, attachments)?)
}

/// Renders for `to`, with everything else fixed.
pub fn render(template: &Template, record: [&str; 4], to_name: Option<&str>) -> Result<Rendered> {
    let to = EmailAddress::parse("taro@example.com")?;
    let identity = MailIdentity {
        message_id: "0192f3a4.7@example.jp",
        date: MailDate { at: Timestamp::from_millis(1_795_392_123_456), offset_minutes: 540 },
        to: &to,
        to_name,
        unsubscribe: Some(Unsubscribe {
            https: Some("https://example.jp/u/0192f3a4"),
            mailto: Some("mailto:unsubscribe@example.jp?subject=0192f3a4"),
        }),
    };
    Ok(template.render(&record, &identity)?)
}

/// A mailbox that must be one.
pub fn mailbox(address: &str, name: Option<&str>) -> Mailbox {
    Mailbox { name: name.map(str::to_owned), address: EmailAddress::parse(address).expect("an address") }
}

/// A mailing to one person.
pub fn mailing(subject: &str, contents: &[(&str, &str)]) -> Mailing {
    let mut mailing = Mailing::new(mailbox("pr@example.jp", None));
    mailing.subject = subject.to_owned();
    let content = |(media_type, text): &(&str, &str)| Content {
        media_type: (*media_type).to_owned(),
        text: (*text).to_owned(),
    };
    mailing.contents = contents.iter().map(content).collect();
    mailing.personalizations =
        vec![Personalization { to: vec![mailbox("taro@example.com", None)], ..Personalization::default() }];
    mailing
}

/// Everything of a mailing's mail that is not in the mailing.
pub fn identity() -> MailingIdentity<'static> {
    MailingIdentity {
        message_id: "0192f3a4.7@example.jp",
        date: MailDate { at: Timestamp::from_millis(1_795_392_123_456), offset_minutes: 540 },
        unsubscribe: Some(Unsubscribe { https: Some("https://example.jp/u/0192f3a4"), mailto: None }),
    }
}

/// The mail of one personalization.
pub fn rendered(mailing: &Mailing, personalization: usize) -> Result<Rendered> {
    Ok(mailing.compile()?.render(personalization, &identity())?)
}

/// Head and tail as one message.
pub fn whole(mail: &Rendered) -> Vec<u8> {
    [mail.head.as_slice(), &mail.tail].concat()
}

/// The message as mail-parser reads it.
pub fn parsed(octets: &[u8]) -> Result<Message<'_>> {
    MessageParser::default().parse(octets).context("mail-parser reads nothing")
}

/// Checks what every mail must be: CRLF line ends only, no line over 998 octets, ASCII.
pub fn assert_wire_form(octets: &[u8]) {
    let text = std::str::from_utf8(octets).expect("ASCII");
    assert!(text.is_ascii(), "not ASCII");
    assert!(text.ends_with("\r\n"), "does not end with CRLF");
    assert!(!text.replace("\r\n", "").contains(['\r', '\n', '\0']), "a bare CR, LF or a NUL");
    let longest = text.split("\r\n").map(str::len).max();
    assert!(longest <= Some(998), "a line of {longest:?} octets");
}
