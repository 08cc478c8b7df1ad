//! Which failures of sessions are worth a line in the log, and what of them: a relay in trouble fails hundreds of them
//! a second, all for one reason, and its replies may quote addresses, which no log may hold.

use std::time::Duration;

use domain::Moment;

/// The same reason is said again after so long.
const SAME_AGAIN: Duration = Duration::from_secs(60);
/// Another reason is said after so long.
const OTHER: Duration = Duration::from_secs(1);

/// What was said last, and how much was not.
#[derive(Debug, Default)]
pub struct Complaints {
    said: Option<(String, Moment)>,
    unsaid: u64,
}

impl Complaints {
    /// Takes a failure in; `Some` with the number of those since the last line if this one is worth a line.
    pub fn take(&mut self, reason: &str, now: Moment) -> Option<u64> {
        let worth = self.said.as_ref().is_none_or(|(last, at)| {
            let wait = if last == reason { SAME_AGAIN } else { OTHER };
            now.since(*at) >= wait
        });
        if !worth {
            self.unsaid += 1;
            return None;
        }
        self.said = Some((reason.to_owned(), now));
        Some(std::mem::take(&mut self.unsaid))
    }
}

/// A relay's words without the addresses in them.
pub fn without_addresses(text: &str) -> String {
    let words = text.split(' ').map(|word| if word.contains('@') { "…" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_out() {
        let check = |text: &str, expected: &str| assert_eq!(without_addresses(text), expected);
        check("421 4.7.0 <yamada@example.jp>: try later", "421 4.7.0 … try later");
        check("cannot connect: refused", "cannot connect: refused");
    }

    #[test]
    fn a_reason_is_said_once_a_minute_and_counted() {
        let mut complaints = Complaints::default();
        let mut check = |reason: &str, at_ms: u64, expected: Option<u64>| {
            assert_eq!(
                complaints.take(reason, Moment::from_micros(at_ms * 1000)),
                expected,
                "{reason} at {at_ms}"
            );
        };
        check("421", 0, Some(0));
        check("421", 1, None);
        check("refused", 2, None);
        check("refused", 1000, Some(2));
        check("421", 1001, None);
        check("refused", 60_999, None);
        check("refused", 61_000, Some(2));
    }
}
