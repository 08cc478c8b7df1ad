//! The operator's own addresses that mails leave from, and how much a new one may send a day.
//!
//! Receivers distrust an address that sends much from its first day on. So a new one follows a schedule: so many
//! mails on each day since its start, counted in whole UTC days, and no limit after the last line.

use std::net::IpAddr;

use crate::time::Timestamp;

/// Mails on day 1, 2, … of a new address. Ours, cautious: about doubling, as the large senders' published schedules do.
const WARM_UP: [u32; 22] = [
    50, 100, 200, 400, 800, 1_500, 3_000, 5_000, 8_000, 12_000, 18_000, 25_000, 35_000, 50_000, 70_000,
    100_000, 150_000, 200_000, 300_000, 450_000, 700_000, 1_000_000,
];

/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// An address that mails leave from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SourceAddress {
    /// The address; it must be one of this machine's.
    pub ip: IpAddr,
    /// The UTC day on which it began, in days since 1970; `None` for one that is known to receivers.
    pub started_day: Option<i64>,
}

/// The UTC day of a time, in days since 1970.
#[must_use]
pub const fn day_of(now: Timestamp) -> i64 {
    now.as_millis().div_euclid(DAY_MS)
}

/// The UTC midnight after `now`.
#[must_use]
pub const fn next_day(now: Timestamp) -> Timestamp {
    Timestamp::from_millis((day_of(now) + 1) * DAY_MS)
}

impl SourceAddress {
    /// How many mails it may send on this day; `None` is unlimited. Before its first day: none.
    #[must_use]
    pub fn mails_max(&self, day: i64) -> Option<u32> {
        let age = day - self.started_day?;
        match usize::try_from(age) {
            Err(_) => Some(0),
            Ok(age) => WARM_UP.get(age).copied(),
        }
    }
}

/// How much an address has sent on its latest day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceUse {
    /// Which.
    pub address: SourceAddress,
    day: i64,
    mails: u32,
}

impl SourceUse {
    /// An address that has sent `mails` on `day`.
    #[must_use]
    pub const fn new(address: SourceAddress, day: i64, mails: u32) -> Self {
        Self { address, day, mails }
    }

    /// Takes one mail into account; false when the day's are used up.
    pub fn try_take(&mut self, now: Timestamp) -> bool {
        self.turn(now);
        if self.address.mails_max(self.day).is_some_and(|max| self.mails >= max) {
            return false;
        }
        self.mails = self.mails.saturating_add(1);
        true
    }

    /// Takes one mail back that was not sent.
    pub fn give_back(&mut self) {
        self.mails = self.mails.saturating_sub(1);
    }

    /// True when one more may be sent now.
    #[must_use]
    pub fn has_room(&self, now: Timestamp) -> bool {
        let mut copy = *self;
        copy.try_take(now)
    }

    /// Day and mails, for keeping.
    #[must_use]
    pub const fn count(&self) -> (i64, u32) {
        (self.day, self.mails)
    }

    /// A clock that was set back gives no second day.
    fn turn(&mut self, now: Timestamp) {
        let today = day_of(now);
        if today > self.day {
            (self.day, self.mails) = (today, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64, ms: i64) -> Timestamp {
        Timestamp::from_millis(day * DAY_MS + ms)
    }

    fn address(started_day: Option<i64>) -> SourceAddress {
        SourceAddress { ip: IpAddr::from([192, 0, 2, 1]), started_day }
    }

    #[test]
    fn the_schedule_goes_by_days_since_the_start() {
        let check = |day, expected| assert_eq!(address(Some(100)).mails_max(day), expected, "day {day}");
        check(99, Some(0));
        check(100, Some(50));
        check(101, Some(100));
        check(121, Some(1_000_000));
        check(122, None);
        assert_eq!(address(None).mails_max(100), None);
        assert!(WARM_UP.is_sorted());
    }

    #[test]
    fn a_day_holds_its_mails_and_no_more() {
        let mut used = SourceUse::new(address(Some(100)), 100, 48);
        assert!(used.try_take(at(100, 5)) && used.try_take(at(100, 6)));
        assert!(!used.try_take(at(100, DAY_MS - 1)) && !used.has_room(at(100, 7)));
        used.give_back();
        assert!(used.has_room(at(100, 7)) && used.has_room(at(100, 7)), "asking takes nothing");
        assert!(used.try_take(at(100, 7)) && !used.try_take(at(100, 8)));
        assert_eq!((0..200).filter(|_| used.try_take(at(101, 0))).count(), 100);
        assert!(!used.try_take(at(100, 0)), "a clock set back gives nothing");
        assert_eq!(next_day(at(100, 5)), at(101, 0));
    }
}
