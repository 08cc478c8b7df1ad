//! Makes many single mails and prints their size; time it from outside.
//!
//! `time single_speed KIND MAILS` with one of these kinds: `plain` (compile and render a mail of two fixed parts), `substituted`,
//! `dynamic` (the template read anew for each), `cached` (the template read once), `attached` (`cached` with a PDF of
//! 100 KiB), `stored` (from the stored JSON), `read` (a mail of 5 KiB that came by SMTP), `sent` (read, and made ready to
//! leave), `anew` (taken apart by X-SMTPAPI and rendered). The clock is the caller's, as everywhere in this room.

use std::sync::Arc;

use anyhow::{Context, Result};
use domain::{EmailAddress, Timestamp};
use message::mailing::{Content, DynamicTemplate, MailTemplate, MailingFile, Personalization, TemplateKind};
use message::raw::RawIdentity;
use message::smtpapi::mailing_of;
use message::{MailDate, Mailbox, Mailing, MailingIdentity, RawLimits, RawMail, SmtpApi, Unsubscribe};

const HTML: &str = "<html><body><h1>{{shop}}</h1><p>{{insert name \"default=お客様\"}} 様</p>\
    <table>{{#each items}}<tr><td>{{name}}</td><td>{{price}}円</td></tr>{{/each}}</table>\
    {{#greaterThan total 5000}}<p>送料無料です。</p>{{else}}<p>送料は500円です。</p>{{/greaterThan}}\
    <p>ご注文ありがとうございます。お届けは{{formatDate at \"YYYY年M月D日\" \"+0900\"}}です。</p>";
const TEXT: &str = "{{insert name \"default=お客様\"}} 様\n\n{{#each items}}・{{name}} {{price}}円\n{{/each}}\nありがとうございます。\n";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let kind = arguments.next().unwrap_or_default();
    let mails: usize = arguments.next().unwrap_or_default().parse().unwrap_or(10_000);
    let work = Work::new(&kind)?;
    let mut octets = 0;
    for _ in 0..mails {
        octets += work.one(&kind)?;
    }
    println!("{kind}: {mails} of {} octets", octets / mails.max(1));
    Ok(())
}

/// What every round uses.
struct Work {
    mailing: Mailing,
    template: Option<Arc<DynamicTemplate>>,
    stored: String,
    raw: Vec<u8>,
    api: SmtpApi,
    from: EmailAddress,
}

impl Work {
    fn new(kind: &str) -> Result<Self> {
        let from = EmailAddress::parse("shop@example.jp")?;
        let mut mailing =
            Mailing::new(Mailbox { name: Some("さくら商店".to_owned()), address: from.clone() });
        mailing.personalizations = vec![personalization()?];
        let filling = "<p>新しい飛脚便は、荷物が確かに届いたことを一通ずつ証明します。</p>\r\n".repeat(20);
        let template = MailTemplate {
            id: "d-1".to_owned(),
            kind: TemplateKind::Dynamic,
            subject: "{{shop}}: ご注文を承りました".to_owned(),
            html: format!("{HTML}{filling}</body></html>"),
            text: TEXT.to_owned(),
        };
        if matches!(kind, "plain" | "substituted") {
            mailing.subject = "ご注文を承りました -name-".to_owned();
            mailing.contents = vec![content("text/plain", "-name- 様\n"), content("text/html", &filling)];
        } else {
            mailing.template = Some(template.clone());
        }
        if kind != "substituted" {
            mailing.personalizations[0].substitutions.clear();
        }
        if kind == "attached" {
            let octets = (0..=255).cycle().take(100 * 1024).collect();
            let name = "領収書.pdf".to_owned();
            mailing.attachments =
                vec![MailingFile { name, media_type: None, inline: false, content_id: None, octets }];
        }
        Ok(Self {
            stored: serde_json::to_string(&mailing)?,
            template: Some(Arc::new(DynamicTemplate::compile(&template)?)),
            mailing,
            raw: raw(),
            api: SmtpApi::parse(r#"{"to":["taro@example.com"],"sub":{"-name-":["太郎"]}}"#)?,
            from,
        })
    }

    /// One round; the octets that it gave.
    fn one(&self, kind: &str) -> Result<usize> {
        let template = || self.template.clone().context("a template");
        let size = |mailing: &Mailing| -> Result<usize> {
            Ok(mailing.compile()?.render(0, &identity())?.size() as usize)
        };
        Ok(match kind {
            "cached" | "attached" => {
                self.mailing.compile_with(template()?)?.render(0, &identity())?.size() as usize
            }
            "stored" => {
                let mailing: Mailing = serde_json::from_str(&self.stored)?;
                mailing.compile_with(template()?)?.render(0, &identity())?.size() as usize
            }
            "read" => RawMail::read(&self.raw, &RawLimits::default())?.facts().body_line_octets,
            "sent" => {
                let mail = RawMail::read(&self.raw, &RawLimits::default())?;
                mail.from()?;
                let identity =
                    RawIdentity { message_id: "1@example.jp", date: identity().date, from: &self.from };
                mail.octets_for_sending(&identity)?.len()
            }
            "anew" => {
                let mail = RawMail::read(&self.raw, &RawLimits::default())?;
                size(&mailing_of(&mail, &self.api, &[])?)?
            }
            _ => size(&self.mailing)?,
        })
    }
}

fn content(media_type: &str, text: &str) -> Content {
    Content { media_type: media_type.to_owned(), text: text.to_owned() }
}

fn identity() -> MailingIdentity<'static> {
    MailingIdentity {
        message_id: "0192f3a4-7@example.jp",
        date: MailDate { at: Timestamp::from_millis(1_795_392_123_456), offset_minutes: 540 },
        unsubscribe: Some(Unsubscribe { https: Some("https://example.jp/u/0192f3a4"), mailto: None }),
    }
}

fn personalization() -> Result<Personalization> {
    let address = EmailAddress::parse("taro.yamada@example.com")?;
    let mut one = Personalization {
        to: vec![Mailbox { name: Some("山田 太郎".to_owned()), address }],
        ..Personalization::default()
    };
    one.substitutions.insert("-name-".to_owned(), "山田 太郎".to_owned());
    let data = serde_json::json!({
        "shop": "さくら商店", "name": "山田 太郎", "total": 7400, "at": "2026-11-25T03:04:05Z",
        "items": [{"name": "りんご", "price": 1200}, {"name": "みかん", "price": 3400}, {"name": "柿", "price": 2800}],
    });
    one.data = data.as_object().cloned().unwrap_or_default();
    Ok(one)
}

/// A mail of 5 KiB with 15 fields.
fn raw() -> Vec<u8> {
    let mut mail = String::from(
        "Received: from a by b; Mon, 23 Nov 2026 09:02:03 +0900\r\nFrom: =?utf-8?B?44GV44GP44KJ?= <shop@example.jp>\r\n\
         To: taro@example.com\r\nSubject: =?utf-8?B?44GU5rOo5paH?= -name-\r\nBcc: boss@example.jp\r\nX-SMTPAPI: {\"category\":\"a\"}\r\n",
    );
    for number in 0..7 {
        mail.push_str(&format!("X-Field-{number}: some value of some length, as mails have\r\n"));
    }
    mail.push_str("MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n");
    while mail.len() < 5 * 1024 {
        mail.push_str("-name- This is a line of text with about seventy octets, as most lines are.\r\n");
    }
    mail.into_bytes()
}
