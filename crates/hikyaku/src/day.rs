//! A calendar day of a time zone as a span of time.

use std::ops::Range;

use anyhow::Context;
use domain::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// From the day's first moment up to the next day's; days on which clocks change are shorter or longer.
///
/// # Errors
/// When the day or the zone does not exist.
pub fn span(day: &str, zone: &str) -> anyhow::Result<Range<Timestamp>> {
    let zone = TimeZone::get(zone).with_context(|| {
        format!(
            "--zone {zone}: no such time zone; name one as the tz database does, such as Asia/Tokyo or UTC"
        )
    })?;
    let no_day = || format!("--day {day}: no such day; write it as 2026-11-24");
    let day: Date = day.parse().with_context(no_day)?;
    let start = |day: Date| -> anyhow::Result<Timestamp> {
        let start = day.to_zoned(zone.clone()).with_context(no_day)?;
        Ok(Timestamp::from_millis(start.timestamp().as_millisecond()))
    };
    Ok(start(day)?..start(day.tomorrow().with_context(no_day)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(day: &str, zone: &str, hours: i64, start_ms: i64) {
        let span = span(day, zone).unwrap();
        assert_eq!(span.start.as_millis(), start_ms, "{day} {zone}");
        assert_eq!((span.end.as_millis() - span.start.as_millis()) / 3_600_000, hours, "{day} {zone}");
    }

    #[test]
    fn days_start_where_their_zone_says() {
        check("2026-11-24", "Asia/Tokyo", 24, 1_795_446_000_000);
        check("2026-11-24", "UTC", 24, 1_795_478_400_000);
        check("2026-03-08", "America/New_York", 23, 1_772_946_000_000);
    }

    #[test]
    fn what_is_no_day_or_zone_is_named() {
        let error = |day, zone| format!("{:#}", span(day, zone).unwrap_err());
        assert!(error("2026-02-30", "UTC").contains("write it as"));
        assert!(error("yesterday", "UTC").contains("--day yesterday"));
        assert!(error("2026-11-24", "Japan/Edo").contains("--zone Japan/Edo"));
    }
}
