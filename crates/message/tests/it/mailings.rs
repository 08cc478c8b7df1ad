//! Mailings: the stored form, whole mails read back, substitutions, limits with their places.

use anyhow::{Context, Result};
use mail_parser::{HeaderForm, MimeHeaders, PartType};
use message::mailing::{
    Content, Footer, HeaderLine, MailTemplate, MailingFile, Personalization, TemplateKind,
};
use message::{Mailing, RenderError};

use crate::fixture::{assert_wire_form, identity, mailbox, mailing, parsed, rendered, whole};

fn file(name: &str, content_id: Option<&str>, octets: &[u8]) -> MailingFile {
    MailingFile {
        name: name.to_owned(),
        media_type: None,
        inline: content_id.is_some(),
        content_id: content_id.map(str::to_owned),
        octets: octets.to_vec(),
    }
}

fn content(media_type: &str, text: &str) -> Content {
    Content { media_type: media_type.to_owned(), text: text.to_owned() }
}

#[test]
fn a_plain_mail_has_exactly_this_form() -> Result<()> {
    let mut mailing = mailing("Hello", &[("text/plain", "Hi Taro.\nBye.")]);
    mailing.from.name = Some("Sakura".to_owned());
    let one = &mut mailing.personalizations[0];
    one.cc = vec![mailbox("b@example.com", Some("髙﨑"))];
    one.bcc = vec![mailbox("hidden@example.com", None)];
    let mail = rendered(&mailing, 0)?;
    let expected = "Date: Mon, 23 Nov 2026 09:02:03 +0900\r\nMessage-ID: <0192f3a4.7@example.jp>\r\n\
        To: <taro@example.com>\r\nCc: =?utf-8?B?6auZ76iR?= <b@example.com>\r\n\
        List-Unsubscribe: <https://example.jp/u/0192f3a4>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\
        From: \"Sakura\" <pr@example.jp>\r\nMIME-Version: 1.0\r\nSubject: Hello\r\n\
        Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
        Hi Taro.\r\nBye.\r\n";
    assert_eq!(String::from_utf8(whole(&mail))?, expected);
    Ok(())
}

#[test]
fn all_forms_and_files_read_back_in_their_places() -> Result<()> {
    let mut mailing = mailing(
        "【㈱髙島①】ご招待 👨‍👩‍👧‍👦",
        &[
            ("text/html", "<p>本文</p><img src=\"cid:logo@example\">"),
            ("text/calendar; method=REQUEST", "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n"),
            ("text/plain", "ﾊﾝｶｸｶﾅ"),
        ],
    );
    mailing.attachments =
        vec![file("資料①.pdf", None, b"\0\xff pdf"), file("ロゴ.png", Some("logo@example"), b"\x89PNG")];
    let octets = whole(&rendered(&mailing, 0)?);
    assert_wire_form(&octets);
    let message = parsed(&octets)?;
    assert_eq!(message.subject(), Some("【㈱髙島①】ご招待 👨‍👩‍👧‍👦"));
    let types: Vec<String> = message
        .parts
        .iter()
        .map(|part| part.content_type().map(|t| format!("{}/{}", t.ctype(), t.subtype().unwrap_or_default())))
        .map(Option::unwrap_or_default)
        .collect();
    let wanted = [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/calendar",
        "multipart/related",
        "text/html",
        "image/png",
        "application/pdf",
    ];
    assert_eq!(types, wanted);
    assert_eq!(message.parts[3].content_type().and_then(|t| t.attribute("method")), Some("REQUEST"));
    assert_eq!(message.parts[6].content_id(), Some("logo@example"));
    assert!(message.parts[6].content_disposition().is_some_and(|d| d.is_inline()));
    assert_eq!(message.parts[7].attachment_name(), Some("資料①.pdf"));
    assert_eq!(message.parts[7].contents(), b"\0\xff pdf");
    assert!(matches!(&message.parts[2].body, PartType::Text(text) if text.trim() == "ﾊﾝｶｸｶﾅ"));
    Ok(())
}

#[test]
fn the_stored_form_is_stable_and_gives_the_same_octets() -> Result<()> {
    let text = r#"{"from":{"email":"pr@example.jp","name":"株式会社さくら"},"subject":"件名 -n-",
        "contents":[{"type":"text/plain","value":"本文"}],"headers":[{"name":"X-A","value":"あ"}],
        "attachments":[{"filename":"a.txt","content":"YWJj"}],
        "personalizations":[{"to":[{"email":"taro@example.com"}],"substitutions":{"-n-":"春"},
        "dynamic_template_data":{"a":[1,null]}}],"settings":{"bypass_bounces":true}}"#;
    let stored: Mailing = serde_json::from_str(text)?;
    let again: Mailing = serde_json::from_slice(&serde_json::to_vec(&stored)?)?;
    assert!(stored == again);
    assert_eq!(serde_json::to_value(&stored)?["attachments"][0]["content"], "YWJj");
    assert_eq!(whole(&rendered(&stored, 0)?), whole(&rendered(&again, 0)?));
    assert_eq!(rendered(&stored, 0)?.digest(), rendered(&again, 0)?.digest());
    assert!(serde_json::from_str::<Mailing>(&text.replace("taro@example.com", "taro")).is_err());
    Ok(())
}

#[test]
fn each_personalization_is_its_own_and_nobody_sees_a_blind_copy() -> Result<()> {
    let mut mailing =
        mailing("件名 -name-", &[("text/plain", "こんにちは -name-\n"), ("text/html", "<b>-name-</b>")]);
    mailing.headers = vec![header("X-Who", "-name-"), header("X-Same", "x")];
    let mut second = Personalization {
        to: vec![mailbox("hanako@example.com", Some("花子"))],
        bcc: vec![mailbox("boss@example.com", None)],
        from: Some(mailbox("other@example.jp", Some("別の人"))),
        subject: "別の件名 -name-".to_owned(),
        headers: vec![header("x-same", "y")],
        ..Personalization::default()
    };
    second.substitutions.insert("-name-".to_owned(), "<花子>\r\nBcc: evil@example.com".to_owned());
    mailing.personalizations[0].substitutions.insert("-name-".to_owned(), "太郎".to_owned());
    mailing.personalizations.push(second);
    let octets = whole(&rendered(&mailing, 1)?);
    assert_wire_form(&octets);
    let message = parsed(&octets)?;
    assert_eq!(message.subject(), Some("別の件名 <花子> Bcc: evil@example.com"));
    assert!(message.bcc().is_none());
    assert_eq!(message.from().and_then(|f| f.first()).and_then(|f| f.name()), Some("別の人"));
    let values = |name: &str| {
        message
            .header_as(name.to_owned(), HeaderForm::Text)
            .iter()
            .filter_map(|h| h.as_text().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(values("X-Who"), ["<花子> Bcc: evil@example.com"]);
    assert_eq!(values("X-Same"), ["y"]);
    // In contents a value stands as it was given, as at SendGrid.
    assert_eq!(message.body_html(0).as_deref(), Some("<b><花子>\r\nBcc: evil@example.com</b>"));
    assert!(!String::from_utf8_lossy(&octets).contains("boss@example.com"));
    assert_eq!(parsed(&whole(&rendered(&mailing, 0)?))?.subject(), Some("件名 太郎"));
    assert_eq!(
        mailing.compile()?.render(2, &identity()).err(),
        Some(RenderError::NoPersonalization { index: 2, count: 2 })
    );
    Ok(())
}

#[test]
fn a_legacy_template_stands_around_the_mailings_own_text() -> Result<()> {
    let mut mailing = mailing("春", &[("text/plain", "a < b\nc")]);
    mailing.template = Some(MailTemplate {
        id: "1".to_owned(),
        kind: TemplateKind::Legacy,
        subject: "[<%subject%>]".to_owned(),
        html: "<html><body><%body%><a href=\"<%asm_group_unsubscribe_raw_url%>\">停止</a></body></html>"
            .to_owned(),
        text: "前\n<%body%>\n後".to_owned(),
    });
    mailing.settings.footer = Some(Footer { text: "足".to_owned(), html: "<i>足</i>".to_owned() });
    let octets = whole(&rendered(&mailing, 0)?);
    let message = parsed(&octets)?;
    assert_eq!(message.subject(), Some("[春]"));
    assert_eq!(
        message.body_text(0).map(|t| t.replace("\r\n", "\n")).as_deref(),
        Some("前\na < b\nc\n後\n足")
    );
    let html = "<html><body>a &lt; b<br>\r\nc<a href=\"https://example.jp/u/0192f3a4\">停止</a><i>足</i></body></html>";
    assert_eq!(message.body_html(0).as_deref(), Some(html));
    Ok(())
}

#[test]
fn nobody_named_is_undisclosed() -> Result<()> {
    let mut mailing = mailing("s", &[("text/plain", "b")]);
    mailing.personalizations[0].named = Some(message::mailing::Named::default());
    let text = String::from_utf8(whole(&rendered(&mailing, 0)?))?;
    assert!(text.contains("\r\nTo: undisclosed-recipients:;\r\n") && !text.contains("taro"), "{text}");
    Ok(())
}

#[test]
fn addresses_of_every_kind_are_written() -> Result<()> {
    let mut mailing = mailing("s", &[("text/plain", "b")]);
    let people = ["\"a..b\"@docomo.ne.jp", "taro@例え.jp", "c@example.com"];
    let name = "N".repeat(1000);
    mailing.personalizations[0].to = people.iter().map(|p| mailbox(p, Some("=?utf-8?Q?x?="))).collect();
    mailing.personalizations[0].to.push(mailbox("d@example.com", Some(&name)));
    mailing.from.name = Some("とても長い名前の株式会社".repeat(20));
    let octets = whole(&rendered(&mailing, 0)?);
    assert_wire_form(&octets);
    let message = parsed(&octets)?;
    let to: Vec<_> =
        message.to().context("no To")?.iter().map(|a| a.address().unwrap_or_default().to_owned()).collect();
    assert_eq!(to, ["\"a..b\"@docomo.ne.jp", "taro@xn--r8jz45g.jp", "c@example.com", "d@example.com"]);
    assert_eq!(message.from().and_then(|f| f.first()).and_then(|f| f.name()), mailing.from.name.as_deref());
    mailing.personalizations[0].to = vec![mailbox("太郎@example.jp", None)];
    let mail = rendered(&mailing, 0)?;
    assert!(mail.facts.needs_smtputf8 && mail.facts.eight_bit);
    Ok(())
}

fn header(name: &str, value: &str) -> HeaderLine {
    HeaderLine { name: name.to_owned(), value: value.to_owned() }
}

fn check(change: impl FnOnce(&mut Mailing), expected: &str) {
    let mut mailing = mailing("s", &[("text/plain", "b")]);
    change(&mut mailing);
    let shown = mailing.check().err().map(|e| e.to_string()).unwrap_or_default();
    assert!(
        shown.starts_with(expected) && (expected.is_empty() == shown.is_empty()),
        "{expected}: {shown:?}"
    );
}

#[test]
fn every_limit_names_its_place() {
    let person = |n: usize| mailbox(&format!("a{n}@example.jp"), None);
    let one = |p: Personalization| move |m: &mut Mailing| m.personalizations = vec![p];
    let to = || Personalization { to: vec![person(0)], ..Personalization::default() };
    check(|_| {}, "");
    check(|m| m.personalizations.clear(), "personalizations: it is missing");
    check(
        |m| m.personalizations = (0..1001).map(|_| to()).collect(),
        "personalizations: there are more than 1000",
    );
    check(one(Personalization::default()), "personalizations.0.to: it is missing");
    check(one(Personalization { to: (0..1000).map(person).collect(), ..to() }), "");
    check(
        one(Personalization {
            to: (0..600).map(person).collect(),
            bcc: (600..1001).map(person).collect(),
            ..to()
        }),
        "personalizations.0.bcc.400: with it there are more than 1000",
    );
    check(
        one(Personalization { cc: vec![mailbox("A0@Example.JP", None)], ..to() }),
        "personalizations.0.cc.0.email: the address stands twice",
    );
    check(
        one(Personalization { to: vec![mailbox("a@example.jp", Some("a\r\nBcc: b"))], ..to() }),
        "personalizations.0.to.0.name: ",
    );
    let pairs = |octets: usize| [("k".to_owned(), "v".repeat(octets - 1))].into_iter().collect();
    check(one(Personalization { substitutions: pairs(10_000), ..to() }), "");
    check(
        one(Personalization { substitutions: pairs(10_001), ..to() }),
        "personalizations.0.substitutions: ",
    );
    check(one(Personalization { custom_args: pairs(10_001), ..to() }), "personalizations.0.custom_args: ");
    check(|m| m.custom_args = pairs(10_001), "custom_args: ");
    check(
        one(Personalization { headers: vec![header("BCC", "x")], ..to() }),
        "personalizations.0.headers.BCC: this header cannot be set",
    );
    check(|m| m.headers = vec![header("X-A", "a\r\nBcc: b")], "headers.X-A: a header's value cannot hold");
    check(|m| m.headers = vec![header("X-A\r\nBcc", "b")], "headers.X-A\\r\\nBcc: a header's name");
    check(|m| m.subject.clear(), "subject: the subject is missing");
    check(|m| m.subject = "あ".repeat(3000), "subject: it is longer than 8192");
    check(|m| m.contents.clear(), "content: it is missing");
    check(
        |m| m.contents.push(content("TEXT/plain; charset=x", "b")),
        "content.1.type: this media type stands twice",
    );
    check(|m| m.contents.push(content("multipart/mixed", "b")), "content.1.type: this is no media type");
    check(|m| m.contents.push(content("text/html", "")), "content.1.value: it is missing");
    check(|m| m.categories = vec!["a".repeat(256)], "categories.0: a category has 1 to 255");
    check(|m| m.categories = vec!["あ".repeat(255)], "");
    check(|m| m.categories = (0..11).map(|n| n.to_string()).collect(), "categories: there are more than 10");
    check(|m| m.categories = vec!["a".to_owned(), "a".to_owned()], "categories.1: the category stands twice");
    check(|m| m.attachments = vec![file("a/b", None, b"")], "attachments.0.filename: ");
    check(|m| m.attachments = vec![file("a", Some("x>\r\nBcc: b"), b"")], "attachments.0.content_id: ");
    check(
        |m| m.attachments = vec![file("a", None, &vec![0; 23 << 20])],
        "attachments: the mailing has more than 31457280",
    );
    check(|m| m.ip_pool = Some("x".to_owned()), "ip_pool_name: ");
    check(|m| m.from.name = Some("a\0".to_owned()), "from.name: ");
}
