//! Puts a value into a text so that it stays a value: one way for each kind of place.
//!
//! Which place a placeholder stands in is decided when the template is compiled. Control characters are refused
//! before (see [`crate::template`]); this module only escapes and checks link schemes.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Escape {
    /// A header field's text, one line.
    Line,
    /// Plain text; line breaks become CRLF.
    Text,
    /// HTML text or a quoted attribute.
    Html,
    /// Inside a URL: percent-encoded, so that it stays one component (RFC 3986 section 2.1).
    UrlComponent,
    /// A URL's start: the value may be a whole URL, of a harmless scheme only.
    UrlStart {
        /// Whether the URL stands in an HTML attribute.
        html: bool,
        /// Whether `:` follows the placeholder, so that the value alone is the scheme.
        is_scheme: bool,
    },
}

/// The value would make a link of a scheme that is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UnsafeLink;

/// Schemes that links may have.
const SCHEMES: &[&str] = &["http", "https", "mailto", "tel"];
/// All but the unreserved characters of RFC 3986 section 2.3.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// What may not stand in a URL at all.
const WHOLE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'\'')
    .add(b'(')
    .add(b')');

/// Appends `value`, escaped for its place.
pub(crate) fn push(escape: Escape, value: &str, out: &mut String) -> Result<(), UnsafeLink> {
    match escape {
        Escape::Line => out.push_str(value),
        Escape::Text => push_lines(value, out),
        Escape::Html => push_html(value, out),
        Escape::UrlComponent => out.extend(utf8_percent_encode(value, COMPONENT)),
        Escape::UrlStart { html, is_scheme } => {
            let value = value.trim();
            if !scheme_is_harmless(value, is_scheme) {
                return Err(UnsafeLink);
            }
            let encoded: Cow<'_, str> = utf8_percent_encode(value, WHOLE).into();
            if html { push_html(&encoded, out) } else { out.push_str(&encoded) }
        }
    }
    Ok(())
}

/// Appends text whose line breaks, of any kind, become CRLF.
pub(crate) fn push_lines(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr::memchr2(b'\r', b'\n', rest.as_bytes()) {
        let (line, tail) = rest.split_at(at);
        out.push_str(line);
        out.push_str("\r\n");
        rest = tail.strip_prefix("\r\n").or_else(|| tail.get(1..)).unwrap_or_default();
    }
    out.push_str(rest);
}

/// Appends text that is safe between tags and in quoted attributes.
fn push_html(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) =
        rest.bytes().position(|b| matches!(b, b'&' | b'<' | b'>' | b'"' | b'\'' | b'\r' | b'\n'))
    {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        let (special, after) = tail.split_at(1);
        out.push_str(match special {
            "&" => "&amp;",
            "<" => "&lt;",
            ">" => "&gt;",
            "\"" => "&quot;",
            "'" => "&#39;",
            "\r" if after.starts_with('\n') => "",
            _ => "\r\n",
        });
        rest = after;
    }
    out.push_str(rest);
}

/// Whether a URL that starts with `value` can only be of an allowed scheme, or of none.
fn scheme_is_harmless(value: &str, is_scheme: bool) -> bool {
    let end = value.find([':', '/', '?', '#']);
    let scheme = match end {
        Some(at) if value.as_bytes().get(at) == Some(&b':') => value.get(..at).unwrap_or_default(),
        None if is_scheme => value,
        _ => return true,
    };
    SCHEMES.iter().any(|allowed| scheme.eq_ignore_ascii_case(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(escape: Escape, value: &str, expected: Option<&str>) {
        let mut out = String::new();
        let result = push(escape, value, &mut out).ok().map(|()| out.as_str());
        assert_eq!(result, expected, "{escape:?} {value:?}");
    }

    #[test]
    fn each_place_has_its_escape() {
        check(Escape::Line, "a & <b>", Some("a & <b>"));
        check(Escape::Text, "a\nb\r\nc\rd", Some("a\r\nb\r\nc\r\nd"));
        check(Escape::Html, "</script>\"'&", Some("&lt;/script&gt;&quot;&#39;&amp;"));
        check(Escape::Html, "a\nb\r\nc", Some("a\r\nb\r\nc"));
        check(Escape::UrlComponent, "a&b=c/山 田@x:y", Some("a%26b%3Dc%2F%E5%B1%B1%20%E7%94%B0%40x%3Ay"));
    }

    #[test]
    fn links_keep_harmless_schemes_only() {
        let start = Escape::UrlStart { html: true, is_scheme: false };
        check(start, "https://example.jp/?a=1&b=山", Some("https://example.jp/?a=1&amp;b=%E5%B1%B1"));
        check(start, " HTTP://example.jp/ ", Some("HTTP://example.jp/"));
        check(start, "mailto:a@example.jp", Some("mailto:a@example.jp"));
        check(start, "/path:x", Some("/path:x"));
        check(start, "", Some(""));
        check(start, "\"><script>", Some("%22%3E%3Cscript%3E"));
        for bad in
            ["javascript:alert(1)", "JaVaScRiPt:x", " javascript:x", "java\tscript:x", "data:text/html,x"]
        {
            check(start, bad, None);
        }
        let scheme = Escape::UrlStart { html: false, is_scheme: true };
        check(scheme, "https", Some("https"));
        check(scheme, "javascript", None);
        check(scheme, "", None);
    }
}
