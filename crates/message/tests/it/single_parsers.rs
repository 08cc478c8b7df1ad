//! Single mails read by Python's `email`: blind copies, encoded words, pictures, calendars.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use message::Mailing;
use message::mailing::MailingFile;
use serde_json::{Value, json};

use crate::fixture::{assert_wire_form, mailbox, mailing, rendered, whole};
use crate::peers;

const CALENDAR: &str = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:発表会①\r\nEND:VCALENDAR\r\n";

fn file(name: &str, content_id: Option<&str>, octets: &[u8]) -> MailingFile {
    MailingFile {
        name: name.to_owned(),
        media_type: None,
        inline: content_id.is_some(),
        content_id: content_id.map(str::to_owned),
        octets: octets.to_vec(),
    }
}

/// A mailing and what Python must see: subject, names of To, of Cc, tree.
fn cases() -> Vec<(Mailing, Value)> {
    let mut copies = mailing("①㈱髙﨑 ～ ﾊﾝｶｸｶﾅ", &[("text/plain", "本文\r\n")]);
    let one = &mut copies.personalizations[0];
    one.to = vec![
        mailbox("taro@example.com", Some("髙﨑 𠮷野")),
        mailbox("b@example.com", Some("Yamada, \"Taro\" (PR)")),
    ];
    one.cc = vec![mailbox("c@example.com", Some(&"長い名前の株式会社".repeat(12)))];
    one.bcc = vec![mailbox("hidden@example.com", Some("隠れた人"))];
    let copies_seen = json!({
        "subject": "①㈱髙﨑 ～ ﾊﾝｶｸｶﾅ",
        "to": [["髙﨑 𠮷野", "taro@example.com"], ["Yamada, \"Taro\" (PR)", "b@example.com"]],
        "cc": [["長い名前の株式会社".repeat(12), "c@example.com"]],
        "parts": [["text/plain", null, null, null, "本文"]],
    });
    let mut invitation = mailing(
        "絵文字 👨‍👩‍👧‍👦",
        &[
            ("text/plain", "招待"),
            ("text/html", "<img src=\"cid:logo@x\">"),
            ("text/calendar; method=REQUEST", CALENDAR),
        ],
    );
    invitation.attachments =
        vec![file("ロゴ.png", Some("logo@x"), b"\x89PNG"), file("招待状①.ics", None, b"BEGIN")];
    let invitation_seen = json!({
        "subject": "絵文字 👨‍👩‍👧‍👦",
        "to": [["", "taro@example.com"]],
        "cc": [],
        "parts": [
            ["multipart/mixed", null, null, null, null],
            ["multipart/alternative", null, null, null, null],
            ["text/plain", null, null, null, "招待"],
            ["text/calendar", null, null, null, CALENDAR.replace("\r\n", "\n").trim_end()],
            ["multipart/related", null, null, null, null],
            ["text/html", null, null, null, "<img src=\"cid:logo@x\">"],
            ["image/png", "ロゴ.png", "<logo@x>", "inline", "89504e47"],
            ["text/calendar", "招待状①.ics", null, "attachment", "424547494e"],
        ],
    });
    let mut picture = mailing("=?utf-8?B?44GC?= は文字", &[("text/html", "<img src=\"cid:l@x\">")]);
    picture.attachments = vec![file("l.gif", Some("l@x"), b"GIF")];
    let picture_seen = json!({
        "subject": "=?utf-8?B?44GC?= は文字",
        "to": [["", "taro@example.com"]],
        "cc": [],
        "parts": [
            ["multipart/related", null, null, null, null],
            ["text/html", null, null, null, "<img src=\"cid:l@x\">"],
            ["image/gif", "l.gif", "<l@x>", "inline", "474946"],
        ],
    });
    vec![(copies, copies_seen), (invitation, invitation_seen), (picture, picture_seen)]
}

#[test]
fn python_email_reads_single_mails() -> Result<()> {
    let Some(python) = peers::peer("HIKYAKU_PEERS_PYTHON")? else { return Ok(()) };
    let cases = cases();
    let mut input = Vec::new();
    for (mailing, _) in &cases {
        let octets = whole(&rendered(mailing, 0)?);
        assert_wire_form(&octets);
        assert!(!String::from_utf8_lossy(&octets).contains("hidden@"));
        input.push(STANDARD.encode(octets));
    }
    let seen = peers::run(&python, "read_parts.py", None, &json!(input))?;
    let seen = seen.as_array().context("no list")?;
    assert_eq!(seen.len(), cases.len());
    for ((_, wanted), seen) in cases.iter().zip(seen) {
        for key in ["subject", "to", "cc"] {
            assert_eq!(seen.get(key), wanted.get(key), "{key}");
        }
        assert_eq!(seen.get("parts"), wanted.get("parts"));
        assert_eq!(seen.get("from"), Some(&json!([["", "pr@example.jp"]])));
        assert_eq!(seen.get("defects"), Some(&json!([])));
        let fields = seen["fields"].to_string().to_lowercase();
        assert!(!fields.contains("bcc") && fields.contains("mime-version"), "{fields}");
    }
    Ok(())
}
