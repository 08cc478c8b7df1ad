//! One mail: who, what, the HTML part in a frame that may do nothing, the text part, headers, attachments.

use crate::sink::KeptMail;

use super::decode::{Decoded, decode};
use super::page::{escape, frame, japan_time, size};
use super::words::Language;

/// The page.
pub(super) fn render(mail: &KeptMail, language: Language) -> String {
    let decoded = decode(&mail.content);
    let none = language.pick("（件名なし）", "(no subject)");
    let subject = if decoded.subject.is_empty() { none } else { &decoded.subject };
    let back = language.pick("← 一覧", "← All mails");
    let mut body = format!(
        r#"<p class="back"><a href="/?lang={}">{back}</a></p><article><h1>{}</h1>"#,
        language.code(),
        escape(subject)
    );
    body.push_str(&facts(mail, &decoded, language));
    body.push_str(&parts(mail, &decoded, language));
    body.push_str("</article>");
    let other = format!("/mail/{}?lang={}", mail.seq, language.other().code());
    frame(language, subject, &other, &body)
}

fn facts(mail: &KeptMail, decoded: &Decoded, language: Language) -> String {
    let row = |name: &str, value: &str| {
        if value.is_empty() { String::new() } else { format!("<dt>{name}</dt><dd>{}</dd>", escape(value)) }
    };
    let attachments: Vec<String> = decoded
        .attachments
        .iter()
        .map(|(name, octets)| format!("{name} ({})", size(*octets as u64)))
        .collect();
    format!(
        "<dl>{}{}{}{}{}{}</dl>",
        row(language.pick("差出人", "From"), &decoded.from),
        row(language.pick("宛先", "To"), &decoded.to),
        row(language.pick("エンベロープ", "Envelope"), &format!("{} → {}", mail.from, mail.to.join(", "))),
        row(language.pick("受信（日本）", "Received (Japan)"), &japan_time(mail.at_ms)),
        row(language.pick("大きさ", "Size"), &size(mail.octets)),
        row(language.pick("添付", "Attachments"), &attachments.join(", ")),
    )
}

fn parts(mail: &KeptMail, decoded: &Decoded, language: Language) -> String {
    let mut out = String::new();
    if decoded.has_html {
        let title = language.pick("HTML 本文", "HTML part");
        out.push_str(&format!(
            r#"<section><h2>{title}</h2><iframe sandbox="" src="/mail/{}/html" title="{title}"></iframe></section>"#,
            mail.seq
        ));
    }
    if let Some(text) = &decoded.text {
        let title = language.pick("テキスト本文", "Text part");
        out.push_str(&format!("<section><h2>{title}</h2><pre>{}</pre></section>", escape(text)));
    }
    let line = |(name, value): &(String, String)| {
        format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", escape(name), escape(value))
    };
    out.push_str(&format!(
        r#"<details><summary>{} ({})</summary><table class="headers"><tbody>{}</tbody></table></details>
<p><a href="/mail/{}/source">{}</a></p>"#,
        language.pick("すべてのヘッダー", "All headers"),
        decoded.headers.len(),
        decoded.headers.iter().map(line).collect::<String>(),
        mail.seq,
        language.pick("ソースを見る", "Show the source"),
    ));
    out
}
