//! `formatDate`: a moment of the data, shown by a pattern of tokens (`YYYY`, `MMMM`, `DD`, `hh`, `A` …).
//!
//! The moment comes from the data, never from a clock: milliseconds since 1970 or an ISO 8601 text. Names of months
//! and days are English, as SendGrid's.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde_json::Value;

/// Tokens, longer before shorter.
const TOKENS: &[&str] = &[
    "dddd", "MMMM", "YYYY", "ddd", "MMM", "DD", "MM", "YY", "HH", "hh", "mm", "ss", "ZZ", "M", "D", "d", "H",
    "h", "m", "s", "A", "a", "Z",
];
/// Octets of a pattern.
const PATTERN_OCTETS_MAX: usize = 500;

/// Shows a moment; `None` when it is none.
pub(super) fn format(at: &Value, pattern: &str, offset: &Value) -> Option<String> {
    if pattern.len() > PATTERN_OCTETS_MAX {
        return None;
    }
    let moment = moment(at)?;
    let zone = zone(offset).unwrap_or(TimeZone::UTC);
    let shown = moment.to_zoned(zone);
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    while !rest.is_empty() {
        if let Some(token) = TOKENS.iter().find(|token| rest.starts_with(**token)) {
            out.push_str(&jiff::fmt::strtime::format(directive(token), &shown).ok()?);
            rest = rest.get(token.len()..)?;
        } else if let Some((literal, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']')) {
            out.push_str(literal);
            rest = after;
        } else {
            let mut characters = rest.chars();
            out.extend(characters.next());
            rest = characters.as_str();
        }
    }
    Some(out)
}

/// A token in the words of `strftime`.
fn directive(token: &str) -> &'static str {
    match token {
        "dddd" => "%A",
        "ddd" => "%a",
        "d" => "%w",
        "MMMM" => "%B",
        "MMM" => "%b",
        "MM" => "%m",
        "M" => "%-m",
        "YYYY" => "%Y",
        "YY" => "%y",
        "DD" => "%d",
        "D" => "%-d",
        "HH" => "%H",
        "H" => "%-H",
        "hh" => "%I",
        "h" => "%-I",
        "mm" => "%M",
        "m" => "%-M",
        "ss" => "%S",
        "s" => "%-S",
        "A" => "%p",
        "a" => "%P",
        "ZZ" => "%z",
        _ => "%:z",
    }
}

fn moment(at: &Value) -> Option<Timestamp> {
    match at {
        Value::Number(number) => Timestamp::from_millisecond(number.as_i64()?).ok(),
        Value::String(text) => {
            let text = text.trim();
            if let Ok(moment) = text.parse::<Timestamp>() {
                return Some(moment);
            }
            if let Ok(local) = text.parse::<jiff::civil::DateTime>() {
                return local.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
            }
            text.parse::<i64>().ok().and_then(|ms| Timestamp::from_millisecond(ms).ok())
        }
        _ => None,
    }
}

/// `+0900`, `+09:00`, or minutes east of UTC.
fn zone(offset: &Value) -> Option<TimeZone> {
    let seconds = match offset {
        Value::Number(number) => i32::try_from(number.as_i64()?).ok()?.checked_mul(60)?,
        Value::String(text) => {
            let (sign, digits) = match text.trim().split_at_checked(1)? {
                ("+", digits) => (1, digits),
                ("-", digits) => (-1, digits),
                _ => return None,
            };
            let digits = digits.replace(':', "");
            let number: i32 = (digits.len() == 4 && digits.is_ascii()).then(|| digits.parse().ok())??;
            sign * (number / 100 * 3600 + number % 100 * 60)
        }
        _ => return None,
    };
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn moments_are_shown_by_their_pattern() {
        let check = |at: Value, pattern: &str, offset: Value, expected: Option<&str>| {
            assert_eq!(format(&at, pattern, &offset).as_deref(), expected, "{at} {pattern}");
        };
        let at = || json!("2026-11-25T03:04:05.000Z");
        check(at(), "YYYY-MM-DD hh:mm:ss A", Value::Null, Some("2026-11-25 03:04:05 AM"));
        check(
            at(),
            "dddd, MMMM D YYYY H:mm Z",
            json!("+0900"),
            Some("Wednesday, November 25 2026 12:04 +09:00"),
        );
        check(at(), "YYYY年M月D日", json!(540), Some("2026年11月25日"));
        check(at(), "ddd MMM DD YY h:m:s a ZZ", json!("-08:00"), Some("Tue Nov 24 26 7:4:5 pm -0800"));
        check(json!(1_795_392_123_456_i64), "[at] HH:mm", json!("+0900"), Some("at 09:02"));
        check(json!("2026-11-25"), "YYYY/M/D", Value::Null, Some("2026/11/25"));
        check(json!("tomorrow"), "YYYY", Value::Null, None);
        check(Value::Null, "YYYY", Value::Null, None);
        check(at(), &"Y".repeat(501), Value::Null, None);
        check(at(), "%Y %", Value::Null, Some("%Y %"));
    }
}
