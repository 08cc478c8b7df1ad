//! What every page has: frame, escaping, times.

use std::time::Duration;

use domain::Timestamp;

use super::words::Language;

/// Text that is safe in HTML, in attributes too.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}

/// A value for an address line's query.
pub(super) fn query_value(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~@".contains(byte);
    text.bytes().map(|b| if plain(&b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Date and time in Japan, to the second.
pub(super) fn japan_time(at_ms: i64) -> String {
    let shifted = Timestamp::from_millis(at_ms) + Duration::from_secs(9 * 3600);
    let text = shifted.to_string();
    text.get(..19).unwrap_or(&text).replace('T', " ")
}

/// Octets as people read them.
pub(super) fn size(octets: u64) -> String {
    match octets {
        0..1024 => format!("{octets} B"),
        1024..1_048_576 => format!("{}.{} KiB", octets / 1024, octets % 1024 * 10 / 1024),
        _ => format!("{}.{} MiB", octets >> 20, ((octets & 0xf_ffff) * 10) >> 20),
    }
}

/// A whole page. `title` and `other_language` (the same page in the other language) are raw text, `body` is HTML.
pub(super) fn frame(language: Language, title: &str, other_language: &str, body: &str) -> String {
    let (lang, name) = (language.code(), language.pick("受信箱", "Inbox"));
    let (other, other_code) = (language.other_name(), language.other().code());
    let (title, link) = (escape(title), escape(other_language));
    format!(
        r#"<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title}</title><link rel="stylesheet" href="/style.css"></head>
<body><header><a class="brand" href="/?lang={lang}"><b aria-hidden="true">飛</b>Hikyaku <span>{name}</span></a>
<a class="language" href="{link}" hreflang="{other_code}" lang="{other_code}">{other}</a></header>
<main>{body}</main></body></html>
"#
    )
}

/// A mail that is not there (any more).
pub(super) fn missing(language: Language) -> String {
    let text = language.pick(
        "このメールはありません。古いメールから順に消えます。",
        "There is no such mail. The oldest mails go first.",
    );
    let back = language.pick("一覧へ", "Back to the list");
    let body = format!(r#"<p class="empty">{text}<br><a href="/?lang={}">{back}</a></p>"#, language.code());
    frame(language, "404", &format!("/?lang={}", language.other().code()), &body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_made_safe() {
        assert_eq!(escape(r#"<a href="x">'&"#), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;");
        assert_eq!(query_value("太 a@b&c"), "%E5%A4%AA%20a@b%26c");
    }

    #[test]
    fn times_and_sizes_read_well() {
        assert_eq!(japan_time(1_795_392_123_456), "2026-11-23 09:02:03");
        assert_eq!([size(17), size(5300), size(3 << 20)], ["17 B", "5.1 KiB", "3.0 MiB"]);
    }
}
