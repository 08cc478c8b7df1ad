//! Whole mails: their exact form once, their parts, sameness, and what makes one impossible.

use anyhow::Result;
use mail_parser::HeaderForm;
use message::{Attachment, RenderError, TemplateError};

use crate::fixture::{assert_wire_form, compile, parsed, release, render, whole};
use mail_parser::MimeHeaders;

const RECORD: [&str; 4] = ["taro@example.com", "㈱髙島①", "山田 太郎", "https://example.jp/a?b=1&c=2"];

#[test]
fn a_plain_mail_has_exactly_this_form() -> Result<()> {
    let file = "---\nsubject: Hello {{ email }}\nfrom: Sakura <pr@example.jp>\nheaders:\n  Precedence: bulk\n---\nHi {{ email }}.\n";
    let mail = render(&compile(file, &[])?, RECORD, Some("Taro"))?;
    let text = String::from_utf8(whole(&mail))?;
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let boundary = head.split("boundary=\"").nth(1).and_then(|b| b.split('"').next()).unwrap_or_default();
    assert!(boundary.starts_with("=_a"));
    let expected_head = format!(
        "Date: Mon, 23 Nov 2026 09:02:03 +0900\r\nMessage-ID: <0192f3a4.7@example.jp>\r\nTo: \"Taro\" <taro@example.com>\r\n\
         List-Unsubscribe: <https://example.jp/u/0192f3a4>,\r\n <mailto:unsubscribe@example.jp?subject=0192f3a4>\r\n\
         List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nFrom: \"Sakura\" <pr@example.jp>\r\nMIME-Version: 1.0\r\n\
         Precedence: bulk\r\nSubject: Hello taro@example.com\r\n\
         Content-Type: multipart/alternative;\r\n boundary=\"{boundary}\""
    );
    assert_eq!(head, expected_head);
    let start = format!(
        "--{boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
         Hi taro@example.com.\r\n\r\n--{boundary}\r\nContent-Type: text/html; charset=utf-8\r\n"
    );
    assert!(body.starts_with(&start), "{body}");
    assert!(body.ends_with(&format!("\r\n--{boundary}--\r\n")), "{body}");
    Ok(())
}

#[test]
fn japanese_parts_and_attachments_read_back() -> Result<()> {
    let file = release(
        "【{{ 会社名 }}】のお知らせ",
        "headers:\n  X-Company: '{{ 会社名 }}'\n",
        "# {{ 会社名 }} {{ 氏名 }}様\n\n[詳細]({{ url }})\n",
    );
    let content: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let template = compile(&file, &[Attachment { name: "日本語.pdf", content: &content }])?;
    let mail = render(&template, RECORD, Some("山田 太郎"))?;
    let octets = whole(&mail);
    assert_wire_form(&octets);
    assert_eq!(mail.size(), octets.len() as u64);
    let message = parsed(&octets)?;
    assert_eq!(message.subject(), Some("【㈱髙島①】のお知らせ"));
    assert_eq!(message.from().and_then(|f| f.first()).and_then(|f| f.name()), Some("株式会社さくら広報"));
    assert_eq!(message.to().and_then(|f| f.first()).and_then(|f| f.name()), Some("山田 太郎"));
    assert_eq!(
        message.header_as("X-Company", HeaderForm::Text).first().and_then(|h| h.as_text()),
        Some("㈱髙島①")
    );
    let text = message.body_text(0).map(|t| t.replace("\r\n", "\n"));
    assert_eq!(text.as_deref(), Some("■ ㈱髙島① 山田 太郎様\n\n詳細 (https://example.jp/a?b=1&c=2)\n"));
    let html = message.body_html(0).unwrap_or_default();
    assert!(html.contains("<title>【㈱髙島①】のお知らせ</title>"), "{html}");
    assert!(html.contains("<a href=\"https://example.jp/a?b=1&amp;c=2\">詳細</a>"), "{html}");
    let attachment = message.attachment(0).expect("an attachment");
    assert_eq!(attachment.attachment_name(), Some("日本語.pdf"));
    assert_eq!(attachment.contents(), content);
    assert_eq!(message.attachment_count(), 1);
    Ok(())
}

#[test]
fn the_same_inputs_give_the_same_octets() -> Result<()> {
    let file = release("件名 {{ 氏名 }}", "", "本文 {{ 会社名 | default('様', true) }}\n");
    let (one, two) = (compile(&file, &[])?, compile(&file, &[])?);
    let (a, b) = (render(&one, RECORD, None)?, render(&two, RECORD, None)?);
    assert_eq!(whole(&a), whole(&b));
    assert_eq!(a.digest(), b.digest());
    let other = render(&one, ["taro@example.com", "x", "y", "z"], None)?;
    assert_ne!(a.digest(), other.digest());
    let with_file = compile(&file, &[Attachment { name: "a.txt", content: b"1" }])?;
    let with_other = compile(&file, &[Attachment { name: "a.txt", content: b"2" }])?;
    assert_ne!(render(&with_file, RECORD, None)?.digest(), render(&with_other, RECORD, None)?.digest());
    Ok(())
}

#[test]
fn a_list_unsubscribe_of_the_release_replaces_the_callers() -> Result<()> {
    let more = "headers:\n  List-Unsubscribe: '<https://example.jp/u?m={{ email }}&n={{ 氏名 }}>'\n";
    let mail = render(&compile(&release("s", more, "b"), &[])?, RECORD, None)?;
    let text = String::from_utf8(mail.head)?;
    let wanted = "List-Unsubscribe: <https://example.jp/u?m=taro%40example.com&n=%E5%B1%B1%E7%94%B0%20%E5%A4%AA%E9%83%8E>\r\n";
    assert!(text.contains(wanted), "{text}");
    assert_eq!(text.matches("List-Unsubscribe").count(), 1);
    Ok(())
}

fn check_render(file: &str, record: [&str; 4], expected: Option<RenderError>) -> Result<()> {
    let template = compile(file, &[])?;
    let rendered = render(&template, record, None).err().and_then(|e| e.downcast::<RenderError>().ok());
    assert_eq!(rendered, expected, "render {file:?}");
    assert_eq!(template.check(&record).err(), expected, "check {file:?}");
    Ok(())
}

#[test]
fn bad_records_are_refused_by_name_before_and_at_rendering() -> Result<()> {
    let name = || "氏名".to_owned();
    let body = release("s", "", "{{ 氏名 }} [x]({{ url }})");
    check_render(&body, ["", "", "a\r\nb\tc", "https://example.jp"], None)?;
    check_render(&body, ["", "", "a\0b", ""], Some(RenderError::Control { name: name() }))?;
    check_render(&body, ["", "", "a", "javascript:x"], Some(RenderError::Link { name: "url".to_owned() }))?;
    let long = "x".repeat(70_000);
    check_render(&body, ["", "", &long, ""], Some(RenderError::FieldTooLong { name: name() }))?;
    let subject = release("{{ 氏名 }}", "", "x");
    check_render(&subject, ["", "", "a\nBcc: b", ""], Some(RenderError::Control { name: name() }))?;
    check_render(&subject, ["", "", "a\u{85}b", ""], Some(RenderError::Control { name: name() }))?;
    let long = "あ".repeat(3000);
    check_render(
        &subject,
        ["", "", &long, ""],
        Some(RenderError::HeaderTooLong { name: "Subject".to_owned() }),
    )?;
    let structured = release("s", "headers:\n  Feedback-ID: '{{ 氏名 }}'\n", "x");
    check_render(
        &structured,
        ["", "", "山", ""],
        Some(RenderError::HeaderValue { name: "Feedback-ID".to_owned() }),
    )?;
    let number = release("s", "", "{{ 氏名 | int + 1 }}");
    let expression = "氏名 | int + 1".to_owned();
    check_render(&number, ["", "", "三", ""], Some(RenderError::Expression { expression }))?;
    check_render(&number, ["", "", "3", ""], None)
}

#[test]
fn a_failed_render_leaves_the_buffer_alone() -> Result<()> {
    let template = compile(&release("s", "", "{{ 氏名 }} [x]({{ url }})"), &[])?;
    let to = domain::EmailAddress::parse("a@example.jp")?;
    let date = message::MailDate { at: domain::Timestamp::EPOCH, offset_minutes: 0 };
    let mut identity =
        message::MailIdentity { message_id: "a@b", date, to: &to, to_name: None, unsubscribe: None };
    let mut out = b"before".to_vec();
    let bad = template.render_into(&["", "", "x", "data:x"], &identity, &mut out);
    assert!(bad.is_err());
    assert_eq!(out, b"before");
    let short = template.render_into(&["", ""], &identity, &mut out);
    assert_eq!(short, Err(RenderError::FieldCount { expected: 4, found: 2 }));
    identity.message_id = "a b@c";
    assert_eq!(template.render_into(&["", "", "", ""], &identity, &mut out), Err(RenderError::MessageId));
    assert_eq!(out, b"before");
    Ok(())
}

#[test]
fn placeholders_without_a_column_are_named_with_their_line() {
    let check = |file: &str, expected: &str| {
        let error = compile(file, &[]).err().and_then(|e| e.downcast::<TemplateError>().ok());
        let shown = error.map(|e| e.to_string()).unwrap_or_default();
        assert!(shown.contains(expected), "{file:?}: {shown:?}");
    };
    check(&release("{{ 会社 }}", "", "x"), "line 2: there is no column `会社`; did you mean `会社名`?");
    check(
        &release("s", "", "x\n\n{{ nobody }}\n"),
        "line 7: there is no column `nobody`. The list has: email, 会社名",
    );
    check(&release("s", "headers:\n  X-A: '{{ mail }}'\n", "x"), "line 5: there is no column `mail`");
    check(
        &release("s", "headers:\n  List-Id: '日本 <a.example.jp>'\n", "x"),
        "line 5: the header `List-Id` must be ASCII",
    );
    check(&release("s", "", "{% for x in y %}"), "line 5: `{%` is not supported");
}
#[test]
fn smtputf8_is_asked_for_only_when_an_address_needs_it() -> Result<()> {
    let template = compile(&release("件名", "", "本文"), &[])?;
    let date = message::MailDate { at: domain::Timestamp::EPOCH, offset_minutes: 0 };
    for (address, expected) in [("taro@例え.jp", false), ("太郎@example.jp", true)] {
        let to = domain::EmailAddress::parse(address)?;
        let identity =
            message::MailIdentity { message_id: "a@b", date, to: &to, to_name: None, unsubscribe: None };
        let mail = template.render(&["", "", "", ""], &identity)?;
        assert_eq!((mail.facts.needs_smtputf8, mail.facts.eight_bit), (expected, expected), "{address}");
        assert_eq!(mail.head.is_ascii(), !expected, "{address}");
    }
    Ok(())
}
