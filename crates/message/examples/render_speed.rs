//! Renders many personal mails and prints their size; time it from outside.
//!
//! `time render_speed MAILS KIB [sign]` renders that many mails of about so many KiB into one reused buffer, with
//! `sign` also RSA-2048 signatures. The clock is the caller's, as everywhere in this room.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine;
use domain::{EmailAddress, Timestamp};
use message::{DkimSigner, MailDate, MailIdentity, ReleaseSource, Template};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mails: usize = arguments.next().unwrap_or_default().parse().unwrap_or(100_000);
    let kib: usize = arguments.next().unwrap_or_default().parse().unwrap_or(5);
    let mode = arguments.next().unwrap_or_default();
    let template = template(kib * 1024)?;
    let signer = if mode == "sign" { Some(signer()?) } else { None };
    let mut out = Vec::new();
    let mut octets = 0_usize;
    for number in 0..mails {
        let to = EmailAddress::parse("taro.yamada@example.com")?;
        let id = format!("0192f3a4-{number}@example.jp");
        let identity = MailIdentity {
            message_id: &id,
            date: MailDate { at: Timestamp::from_millis(1_795_392_123_456), offset_minutes: 540 },
            to: &to,
            to_name: Some("山田 太郎"),
            unsubscribe: None,
        };
        out.clear();
        template.render_into(
            &["taro.yamada@example.com", "株式会社さくら", "山田 太郎"],
            &identity,
            &mut out,
        )?;
        octets += out.len();
        if let Some(signer) = &signer {
            octets += signer.sign(&out, &[], Timestamp::EPOCH)?.len();
        }
    }
    println!("{mails} mails of {} octets", octets / mails.max(1));
    Ok(())
}

/// A Japanese release whose mails have about `octets` octets.
fn template(octets: usize) -> anyhow::Result<Template> {
    let columns = ["email", "会社名", "氏名"].map(str::to_owned);
    let compile = |paragraphs: usize| -> anyhow::Result<Template> {
        let text = "新しい飛脚便は、荷物が確かに届いたことを一通ずつ証明します。\n".repeat(paragraphs);
        let file = format!(
            "---\nsubject: '【{{{{ 会社名 }}}}様】新製品のお知らせ'\nfrom: さくら <pr@example.jp>\n---\n# お知らせ\n\n{{{{ 氏名 }}}} 様\n\n{text}"
        );
        Ok(Template::compile(&ReleaseSource::parse(&file)?, &columns, &[])?)
    };
    let mut paragraphs = 1;
    while compile(paragraphs)?.size_hint() < octets {
        paragraphs += 1 + paragraphs / 20;
    }
    compile(paragraphs)
}

fn signer() -> anyhow::Result<DkimSigner> {
    let pair = KeyPair::generate(KeySize::Rsa2048)?;
    let der: Pkcs8V1Der<'_> = pair.as_der()?;
    let text = base64::engine::general_purpose::STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    Ok(DkimSigner::new("example.jp", "s", &pem)?)
}
