//! Spans of time on the command line: `500ms`, `60s`, `10m`, `2h`, `3d`.

use std::time::Duration;

/// The longest span that is taken: ten years.
const DAYS_MAX: u64 = 3653;

/// Reads a span.
///
/// # Errors
/// When it is no whole number with a unit, or is over the limit.
pub fn parse(text: &str) -> Result<Duration, String> {
    let refused = || format!("`{text}` is no span of time; write for example 500ms, 60s, 10m, 2h or 3d");
    let digits = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(refused)?;
    let number: u64 = text[..digits].parse().map_err(|_| refused())?;
    let unit_ms = match &text[digits..] {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(refused()),
    };
    let span = number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(refused)?;
    if span <= Duration::from_secs(DAYS_MAX * 86_400) { Ok(span) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read() {
        let check = |text: &str, ms: Option<u64>| {
            assert_eq!(parse(text).ok(), ms.map(Duration::from_millis), "{text}");
        };
        check("500ms", Some(500));
        check("60s", Some(60_000));
        check("10m", Some(600_000));
        check("2h", Some(7_200_000));
        check("3d", Some(259_200_000));
        for refused in ["", "10", "m", "-1s", "1.5s", "1 s", "99999d", "18446744073709551615d"] {
            check(refused, None);
        }
    }
}
