//! Who logged in: each (user, secret) pair once, with its counters.
//!
//! Relay limits are judged by these counts, so they err to neither side within their grain: the rolling
//! minute has buckets of 100 ms and covers between 59.9 and 60 s; it never counts a longer span.

use std::collections::HashMap;

use domain::Moment;
use serde::{Deserialize, Serialize};

/// Buckets of the rolling minute.
const BUCKETS: usize = 600;
/// Microseconds of one bucket.
const BUCKET_US: u64 = 100_000;
/// Pairs told apart; every further one counts as the anonymous one.
const CREDENTIALS_MAX: usize = 100_000;

/// What one credential did.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialCount {
    /// User; empty without AUTH.
    pub user: String,
    /// Secret; empty without AUTH.
    pub secret: String,
    /// Account of the sink's table; empty without.
    pub account: String,
    /// Open connections.
    pub connections_now: u32,
    /// Most connections open at once.
    pub connections_peak: u32,
    /// Mails whose end was read.
    pub mails: u64,
    /// Most mails over one connection.
    pub mails_per_connection_max: u32,
    /// Most mails within 60 seconds.
    pub mails_per_minute_max: u64,
}

/// All credentials seen; number 0 is the anonymous one.
#[derive(Debug)]
pub struct Credentials {
    index: HashMap<(String, String), u32>,
    counts: Vec<CredentialCount>,
    minutes: Vec<RollingMinute>,
}

impl Default for Credentials {
    fn default() -> Self {
        Self {
            index: HashMap::new(),
            counts: vec![CredentialCount::default()],
            minutes: vec![RollingMinute::default()],
        }
    }
}

impl Credentials {
    /// The number of a pair; a new one is added.
    pub fn intern(&mut self, user: &str, secret: &str, account: &str) -> u32 {
        let key = (user.to_owned(), secret.to_owned());
        if let Some(number) = self.index.get(&key) {
            return *number;
        }
        let Some(number) = u32::try_from(self.counts.len()).ok().filter(|n| (*n as usize) < CREDENTIALS_MAX)
        else {
            return 0;
        };
        let (user, secret) = key.clone();
        self.counts.push(CredentialCount { user, secret, account: account.to_owned(), ..Default::default() });
        self.minutes.push(RollingMinute::default());
        self.index.insert(key, number);
        number
    }

    /// The counters of a number; the anonymous ones for an unknown number.
    #[must_use]
    pub fn get(&self, number: u32) -> &CredentialCount {
        self.counts.get(number as usize).unwrap_or(&self.counts[0])
    }

    /// All counters, the anonymous ones first.
    #[must_use]
    pub fn counts(&self) -> &[CredentialCount] {
        &self.counts
    }

    /// A connection is now this credential's.
    pub fn connection_opened(&mut self, number: u32) {
        if let Some(count) = self.counts.get_mut(number as usize) {
            count.connections_now += 1;
            count.connections_peak = count.connections_peak.max(count.connections_now);
        }
    }

    /// A connection is no longer this credential's.
    pub fn connection_closed(&mut self, number: u32) {
        if let Some(count) = self.counts.get_mut(number as usize) {
            count.connections_now = count.connections_now.saturating_sub(1);
        }
    }

    /// The `message_no`th mail of a connection was read to its end.
    pub fn mail_read(&mut self, number: u32, message_no: u32, now: Moment) {
        let number = number as usize;
        if let (Some(count), Some(minute)) = (self.counts.get_mut(number), self.minutes.get_mut(number)) {
            count.mails += 1;
            count.mails_per_connection_max = count.mails_per_connection_max.max(message_no);
            count.mails_per_minute_max = count.mails_per_minute_max.max(minute.add(now));
        }
    }
}

/// Events of the last 60 seconds.
#[derive(Debug, Default)]
struct RollingMinute {
    buckets: Vec<u32>,
    newest: u64,
    sum: u64,
}

impl RollingMinute {
    /// Counts one event and gives the count of the minute that ends with it.
    fn add(&mut self, now: Moment) -> u64 {
        let bucket = now.as_micros() / BUCKET_US;
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS];
            self.newest = bucket;
        }
        let passed = bucket.saturating_sub(self.newest);
        for step in 1..=passed.min(BUCKETS as u64) {
            self.sum -= u64::from(std::mem::take(&mut self.buckets[place(self.newest + step)]));
        }
        self.newest += passed;
        self.buckets[place(self.newest)] += 1;
        self.sum += 1;
        self.sum
    }
}

fn place(bucket: u64) -> usize {
    usize::try_from(bucket % BUCKETS as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minute_rolls() {
        let check = |seconds: &[f64], expected: &[u64]| {
            let mut minute = RollingMinute::default();
            let moment = |s: &f64| Moment::from_micros((s * 1e6) as u64);
            let sums: Vec<u64> = seconds.iter().map(|s| minute.add(moment(s))).collect();
            assert_eq!(sums, expected, "{seconds:?}");
        };
        check(&[0.0, 1.0, 59.8], &[1, 2, 3]);
        check(&[0.0, 1.0, 60.0], &[1, 2, 2]);
        check(&[0.0, 0.05, 61.0, 400.0], &[1, 2, 1, 1]);
    }

    #[test]
    fn one_user_with_two_secrets_is_two_credentials() {
        let mut credentials = Credentials::default();
        let (first, second) =
            (credentials.intern("apikey", "s1", "a"), credentials.intern("apikey", "s2", "b"));
        assert_ne!(first, second);
        assert_eq!(credentials.intern("apikey", "s1", "a"), first);
        credentials.connection_opened(first);
        credentials.connection_opened(first);
        credentials.connection_closed(first);
        assert_eq!((credentials.get(first).connections_now, credentials.get(first).connections_peak), (1, 2));
        assert_eq!(credentials.get(second).connections_peak, 0);
    }
}
