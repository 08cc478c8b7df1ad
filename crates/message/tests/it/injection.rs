//! Nothing that a list holds can become a header field, a part, a tag, an encoded word or a template.

use anyhow::Result;
use mail_parser::HeaderForm;

use crate::fixture::{assert_wire_form, compile, parsed, release, render, whole};

/// Values that try to be something else.
const HOSTILE: &[&str] = &[
    "</script><script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "{{ email }}",
    "{{ 7 * 7 }}{% raw %}",
    "=?utf-8?B?44GC?=",
    "=?utf-8?Q?=0D=0ABcc:_x@example.com?=",
    "--=_a0123456789",
    "**太字** [x](javascript:alert(1))",
    "hkq0x0t hkq0xbr",
    "&#60;b&#62;",
    "\" <evil@example.com>, \"",
    "a,b;c:d<e>(f)\\",
];

#[test]
fn hostile_values_read_back_as_themselves() -> Result<()> {
    let file = release(
        "件名 {{ 氏名 }}",
        "headers:\n  X-Name: '{{ 氏名 }}'\n",
        "A {{ 氏名 }} B\n\n[x](https://example.jp/?q={{ 氏名 }})\n",
    );
    let template = compile(&file, &[])?;
    for value in HOSTILE {
        let mail = render(&template, ["a@example.jp", "c", value, "u"], Some(value))?;
        let octets = whole(&mail);
        assert_wire_form(&octets);
        let message = parsed(&octets)?;
        assert_eq!(message.subject(), Some(format!("件名 {value}").as_str()));
        assert_eq!(
            message.header_as("X-Name", HeaderForm::Text).first().and_then(|h| h.as_text()),
            Some(*value)
        );
        let to = message.to().and_then(|t| t.first());
        assert_eq!(to.and_then(|t| t.name()), Some(*value));
        assert_eq!(to.and_then(|t| t.address()), Some("taro@example.com"));
        assert_eq!(message.to().map(|t| t.iter().count()), Some(1));
        assert_eq!(message.parts.len(), 3, "{value:?}");
        assert!(message.bcc().is_none());
        let text = message.body_text(0).unwrap_or_default().into_owned();
        assert!(text.contains(&format!("A {value} B\r\n")), "{text}");
        let html = message.body_html(0).unwrap_or_default().into_owned();
        assert!(!html.contains("<script") && !html.contains("<img") && !html.contains("<b>"), "{html}");
        assert!(!html.contains("49"), "{html}");
        let href = html.split("href=\"").nth(1).and_then(|h| h.split('"').next()).unwrap_or_default();
        assert!(
            href.starts_with("https://example.jp/?q=") && !href.contains([' ', '<', '\'', '{']),
            "{href}"
        );
    }
    Ok(())
}

#[test]
fn a_literal_that_looks_like_an_encoded_word_stays_literal() -> Result<()> {
    let template = compile(&release("=?utf-8?B?44GC?=", "", "x"), &[])?;
    let octets = whole(&render(&template, ["", "", "", ""], None)?);
    assert_eq!(parsed(&octets)?.subject(), Some("=?utf-8?B?44GC?="));
    Ok(())
}
