//! Media types as a request gives them (RFC 2045 section 5.1): checked, and written without what is ours to say.

/// Octets of a media type with its parameters.
const OCTETS_MAX: usize = 200;

/// Type and subtype in lower case, without parameters.
pub(crate) fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Whether it can stand in a Content-Type field of a part that is no multipart.
pub(crate) fn is_usable(media_type: &str) -> bool {
    let Some((first, second)) = media_type.split(';').next().and_then(|e| e.trim().split_once('/')) else {
        return false;
    };
    media_type.len() <= OCTETS_MAX
        && is_token(first)
        && is_token(second)
        && !first.eq_ignore_ascii_case("multipart")
        && parameters(media_type).all(|parameter| parameter.is_some())
}

/// As it is written: parameters each behind `; `, but those that the caller writes itself (`left_out`, lower case).
pub(crate) fn written(media_type: &str, left_out: &[&str]) -> String {
    let mut text = essence(media_type);
    for (name, value) in parameters(media_type).flatten() {
        if !left_out.contains(&name.to_ascii_lowercase().as_str()) {
            text.push_str("; ");
            text.push_str(name);
            text.push('=');
            text.push_str(value);
        }
    }
    text
}

/// Names and values; `None` for what is none. A `;` within quotes is not read: such a parameter is refused.
fn parameters(media_type: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    media_type.split(';').skip(1).filter(|text| !text.trim().is_empty()).map(|text| {
        let (name, value) = text.trim().split_once('=')?;
        let (name, value) = (name.trim_end(), value.trim_start());
        let quoted = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
        let fine = match quoted {
            Some(inner) => {
                inner.bytes().all(|b| (b.is_ascii_graphic() || b == b' ') && !b"\"\\".contains(&b))
            }
            None => is_token(value),
        };
        (is_token(name) && fine).then_some((name, value))
    })
}

/// A token of RFC 2045 section 5.1.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?=".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_media_types_pass() {
        for good in [
            "text/html",
            "Text/HTML; charset=\"iso-2022-jp\"",
            "text/calendar; method=REQUEST;",
            "text/x-amp-html",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ] {
            assert!(is_usable(good), "{good}");
        }
        for bad in [
            "",
            "text",
            "text/",
            "/html",
            "text/html\r\nBcc: a",
            "text/html; a",
            "text/html; a=\"b\r\n\"",
            "multipart/mixed",
            "text/ht ml",
            "text/html; a=b\"",
            "テキスト/html",
        ] {
            assert!(!is_usable(bad), "{bad:?}");
        }
    }

    #[test]
    fn parameters_are_kept_but_those_of_ours() {
        let check = |given: &str, expected: &str| assert_eq!(written(given, &["charset", "name"]), expected);
        check("Text/Calendar;method=REQUEST; charset=utf-7", "text/calendar; method=REQUEST");
        check("text/plain ; format=flowed ;", "text/plain; format=flowed");
        check("image/png; name=\"a b.png\"", "image/png");
    }
}
