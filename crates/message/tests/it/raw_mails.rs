//! Mails that came by SMTP: what is read, what is refused, what leaves; and X-SMTPAPI's mails made anew.

use anyhow::Result;
use domain::{EmailAddress, Timestamp};
use mail_parser::MimeHeaders;
use message::raw::{RawFacts, RawIdentity};
use message::smtpapi::mailing_of;
use message::{MailDate, RawLimits, RawMail, SmtpApi};

use crate::fixture::{assert_wire_form, parsed, rendered, whole};

fn sent(octets: &[u8]) -> Result<String> {
    let from = EmailAddress::parse("envelope@example.jp")?;
    let date = MailDate { at: Timestamp::from_millis(1_795_392_123_456), offset_minutes: 540 };
    let identity = RawIdentity { message_id: "7@example.jp", date, from: &from };
    let mail = RawMail::read(octets, &RawLimits::default())?;
    Ok(String::from_utf8_lossy(&mail.octets_for_sending(&identity)?).into_owned())
}

#[test]
fn a_whole_mail_leaves_as_it_came() -> Result<()> {
    let mail = "from:  =?utf-8?B?44GC?= <a@example.jp>\r\nSUBJECT : x\r\n\ty\r\nMessage-Id: <1@x>\r\ndate: Mon, 23 Nov 2026 09:02:03 +0900\r\n\
        Mime-Version: 1.0\r\nX-Odd:\r\n\r\n本文\t \r\n.\r\n\r\nFrom: none\r\nBcc: text@example.jp\r\n";
    assert_eq!(sent(mail.as_bytes())?, mail);
    let read = RawMail::read(mail.as_bytes(), &RawLimits::default())?;
    assert_eq!(read.subject().as_deref(), Some("x y"));
    assert_eq!(read.message_id().as_deref(), Some("<1@x>"));
    assert_eq!(read.from()?.iter().map(EmailAddress::as_str).collect::<Vec<_>>(), ["a@example.jp"]);
    assert_eq!(read.facts(), RawFacts { eight_bit: true, needs_smtputf8: false, body_line_octets: 20 });
    assert!(read.body().starts_with("本文".as_bytes()));
    Ok(())
}

#[test]
fn blind_copies_and_instructions_never_leave() -> Result<()> {
    let mail = "Return-Path: <r@x>\r\nBcc: b1@x,\r\n b2@x\r\nSubject: s\r\nbcc : b3@x\r\nX-SMTPAPI: {\"to\":\r\n [\"b4@x\"]}\r\nResent-Bcc: b5@x\r\n\r\nbody";
    let expected = "Date: Mon, 23 Nov 2026 09:02:03 +0900\r\nMessage-ID: <7@example.jp>\r\nFrom: <envelope@example.jp>\r\n\
        MIME-Version: 1.0\r\nSubject: s\r\n\r\nbody";
    assert_eq!(sent(mail.as_bytes())?, expected);
    let read = RawMail::read(mail.as_bytes(), &RawLimits::default())?;
    assert_eq!(read.smtpapi()?.as_deref(), Some("{\"to\": [\"b4@x\"]}"));
    let utf8 = RawMail::read("Bcc: 髙@x\r\nSubject: s\r\n\r\n".as_bytes(), &RawLimits::default())?;
    assert_eq!(utf8.facts(), RawFacts::default());
    let utf8 = RawMail::read("Subject: 髙\r\n\r\n".as_bytes(), &RawLimits::default())?;
    assert!(utf8.facts().needs_smtputf8 && utf8.facts().eight_bit);
    Ok(())
}

#[test]
fn instructions_in_encoded_words_are_read() -> Result<()> {
    // As Python's email package folds {"sub": {"-name-": ["山田"]}}.
    let mail = "X-SMTPAPI: =?utf-8?b?eyJzdWIiOiB7Ii1uYW1lLSI6IFsi5bGx?=\r\n =?utf-8?b?55SwIl19fQ==?=\r\n\r\n";
    let read = RawMail::read(mail.as_bytes(), &RawLimits::default())?;
    assert_eq!(read.smtpapi()?.as_deref(), Some("{\"sub\": {\"-name-\": [\"山田\"]}}"));
    Ok(())
}

#[test]
fn what_is_no_mail_is_refused() {
    let check = |mail: &str, expected: &str| {
        let limits = RawLimits { octets_max: 5000, header_octets_max: 2000, fields_max: 3 };
        let shown = match RawMail::read(mail.as_bytes(), &limits).and_then(|m| m.from().map(|_| m)) {
            Ok(_) => "read".to_owned(),
            Err(error) => error.to_string(),
        };
        assert!(shown.starts_with(expected), "{mail:?}: {shown}");
    };
    check("Subject: a\r\n\r\nb", "read");
    check("Subject: a\r\n", "read");
    check("", "the mail has no header");
    check("\r\nbody", "the mail has no header");
    check("just text\r\n", "the mail has no header");
    check(" Subject: a\r\n\r\n", "the mail has no header");
    check("From a@x Mon Nov 23\r\nSubject: s\r\n\r\n", "the mail has no header");
    check("Subject: a\r\nno field\r\n\r\nb", "line 2 of the header is no field");
    check("Subject: a\r\nB\u{85}: c\r\n\r\nb", "line 2 of the header is no field");
    check("Subject: a\0\r\n\r\n", "the mail has a NUL octet");
    check("Subject: a\r\n\r\nb\nc", "the mail has a line break that is not CRLF");
    check("Subject: a\r\n\r\nb\rc", "the mail has a line break that is not CRLF");
    check("Subject: a\nBcc: b\r\n\r\n", "the mail has a line break that is not CRLF");
    check("Subject: a", "the mail has a line break that is not CRLF");
    check(&format!("Subject: {}\r\n\r\n", "a".repeat(990)), "line 1 of the header has more than 998");
    check(&format!("Subject: {}\r\n\r\n", "a".repeat(989)), "read");
    check("A: 1\r\nB: 2\r\nC: 3\r\nD: 4\r\n\r\n", "the header has more than 3 fields");
    check(&format!("A: {0}\r\nB: {0}\r\nC: {0}\r\n\r\n", "a".repeat(900)), "the header has more than 2000");
    check(&format!("A: b\r\n\r\n{}", "a".repeat(5000)), "the mail has more than 5000");
    check("From: a@example.jp\r\nFrom: b@example.jp\r\n\r\n", "the field From stands more than once");
    check("From: Taro\r\n\r\n", "");
    check("From: a..b@docomo.ne.jp\r\n\r\n", "the address in From cannot be used");
}

const TREE: &str = "From: =?iso-2022-jp?B?GyRCOzMbKEI=?= <pr@example.jp>\r\nTo: List <list@example.jp>\r\nCc: c@example.jp\r\nSubject: =?utf-8?B?5Lu25ZCN?= -n-\r\n\
    Message-ID: <old@x>\r\nDate: Mon, 23 Nov 2026 09:02:03 +0900\r\nReply-To: desk@example.jp\r\nX-A: =?utf-8?B?44GC?=\r\nReferences: <1@x>\r\n <2@x>\r\nReceived: x\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\nContent-Type: multipart/related; boundary=r\r\n\r\n--r\r\n\
    Content-Type: multipart/alternative; boundary=a\r\n\r\n--a\r\nContent-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$BK\\J8\x1b(B -n-\r\n--a\r\n\
    Content-Type: text/html\r\n\r\n<b>%s%</b><img src=\"cid:l@x\">\r\n--a\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\nBEGIN:VCALENDAR\r\n--a--\r\n--r\r\n\
    Content-Type: image/png\r\nContent-ID: <l@x>\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw==\r\n--r--\r\n--m\r\n\
    Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=\"../../%E8%B3%87.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nAAE=\r\n--m--\r\n";

#[test]
fn a_mail_with_instructions_is_made_anew_for_each_address() -> Result<()> {
    let octets = TREE.as_bytes();
    let raw = RawMail::read(octets, &RawLimits::default())?;
    let api = SmtpApi::parse(
        r#"{"to":["太郎 <taro@example.com>","hanako@example.com"],"sub":{"-n-":["太郎","花子"]},"section":{"%s%":"-n-様"},"category":["春"],
        "unique_args":{"k":1},"send_each_at":[1,2]}"#,
    )?;
    let mailing = mailing_of(&raw, &api, &[])?;
    assert_eq!(mailing.personalizations.len(), 2);
    assert_eq!(mailing.personalizations[1].send_at, Some(2));
    let octets = whole(&rendered(&mailing, 1)?);
    assert_wire_form(&octets);
    let message = parsed(&octets)?;
    assert_eq!(message.subject(), Some("件名 花子"));
    assert_eq!(message.from().and_then(|f| f.first()).and_then(|f| f.name()), Some("山"));
    assert_eq!(message.to().and_then(|f| f.first()).and_then(|f| f.address()), Some("hanako@example.com"));
    assert!(message.cc().is_none() && !String::from_utf8_lossy(&octets).contains("taro@example.com"));
    assert_eq!(message.message_id(), Some("0192f3a4.7@example.jp"));
    assert_eq!(message.header_raw("References").map(str::trim), Some("<1@x> <2@x>"));
    assert_eq!(message.header_values("Received").count(), 0);
    assert_eq!(message.body_text(0).as_deref(), Some("本文 花子"));
    assert_eq!(message.body_html(0).as_deref(), Some("<b>花子様</b><img src=\"cid:l@x\">"));
    let names: Vec<_> = message.attachments().filter_map(|a| a.attachment_name()).collect();
    assert_eq!(names, ["part-1.png", "%E8%B3%87.pdf"]);
    assert_eq!(message.attachments().find_map(|a| a.content_id()), Some("l@x"));
    assert!(
        message
            .parts
            .iter()
            .any(|p| p.content_type().is_some_and(|t| t.attribute("method") == Some("REQUEST")))
    );
    Ok(())
}

#[test]
fn without_to_the_envelope_receives_and_the_mail_names_whom_it_named() -> Result<()> {
    let raw = RawMail::read(TREE.as_bytes(), &RawLimits::default())?;
    let api = SmtpApi::parse(r#"{"sub":{"-n-":["皆"]},"section":{"%s%":"x"}}"#)?;
    let hidden = [EmailAddress::parse("hidden@example.com")?, EmailAddress::parse("Hidden@example.com")?];
    let mailing = mailing_of(&raw, &api, &hidden)?;
    assert_eq!(mailing.personalizations[0].to.len(), 1);
    let octets = whole(&rendered(&mailing, 0)?);
    let message = parsed(&octets)?;
    assert_eq!(message.to().and_then(|f| f.first()).and_then(|f| f.address()), Some("list@example.jp"));
    assert_eq!(message.cc().and_then(|f| f.first()).and_then(|f| f.address()), Some("c@example.jp"));
    assert!(!String::from_utf8_lossy(&octets).to_lowercase().contains("hidden@"));
    assert_eq!(message.subject(), Some("件名 皆"));
    Ok(())
}
