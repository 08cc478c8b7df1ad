//! A span of time on the command line.

use std::ops::Range;

use anyhow::Context;
use domain::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// `FROM..TO`, each as `2026-11-17T09:00` in the zone, or with an offset of its own (`…Z`, `…+09:00`).
///
/// # Errors
/// When it is no such span, or the zone does not exist.
pub fn parse(text: &str, zone: &str) -> anyhow::Result<Range<Timestamp>> {
    let no_window = || {
        format!(
            "--window {text}: no such span; write it as 2026-11-17T09:00..2026-11-18T09:00 or with offsets (…Z)"
        )
    };
    let (from, to) = text.split_once("..").with_context(no_window)?;
    let zone = TimeZone::get(zone).with_context(|| {
        format!("--zone {zone}: no such time zone; name one as the tz database does, such as Asia/Tokyo")
    })?;
    let at = |text: &str| -> anyhow::Result<Timestamp> {
        let instant = match text.parse::<jiff::Timestamp>() {
            Ok(instant) => instant,
            Err(_) => text.parse::<DateTime>().with_context(no_window)?.to_zoned(zone.clone())?.timestamp(),
        };
        Ok(Timestamp::from_millis(instant.as_millisecond()))
    };
    Ok(at(from)?..at(to)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_in_their_zone() {
        let check = |text: &str, from: i64, to: i64| {
            let span = parse(text, "Asia/Tokyo").expect(text);
            assert_eq!((span.start.as_millis(), span.end.as_millis()), (from, to), "{text}");
        };
        check("2026-11-24..2026-11-25", 1_795_446_000_000, 1_795_532_400_000);
        check("2026-11-24T00:00..2026-11-24T00:01", 1_795_446_000_000, 1_795_446_060_000);
        check("2026-11-24T00:00Z..2026-11-24T10:00+09:00", 1_795_478_400_000, 1_795_482_000_000);
    }

    #[test]
    fn what_is_no_span_is_named() {
        for text in ["", "2026-11-24", "yesterday..today", "2026-11-24..2026-13-01"] {
            let error = format!("{:#}", parse(text, "UTC").expect_err(text));
            assert!(error.contains("no such span"), "{error}");
        }
    }
}
