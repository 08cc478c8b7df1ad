//! Token buckets: how often somebody may do something. Only numbers are kept of each.
//!
//! Invariant: no more buckets are remembered than [`BUCKETS_MAX`] and those that are not full.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Moment;

/// Buckets that are remembered before full ones are forgotten.
const BUCKETS_MAX: usize = 65_536;

/// So many at once, and so many in each span after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate {
    pub count: u32,
    pub span: Duration,
}

impl Rate {
    fn between(self) -> Duration {
        self.span / self.count.max(1)
    }
}

/// What is left of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Level {
    /// How many are allowed at once.
    pub limit: u32,
    /// How many more are allowed now.
    pub remaining: u32,
    /// How long until the bucket is full again.
    pub full_in: Duration,
    /// How long until the next one is allowed; zero when one is.
    pub next_in: Duration,
}

/// A bucket is the moment at which it is full: the generic cell rate algorithm.
#[derive(Debug)]
pub(crate) struct Buckets<K>(Mutex<HashMap<K, Moment>>);

impl<K> Default for Buckets<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Buckets<K> {
    /// Takes one token; `Err` when there is none.
    pub fn take(&self, key: K, rate: Rate, now: Moment) -> Result<Level, Level> {
        let mut all = self.lock();
        if all.len() >= BUCKETS_MAX {
            all.retain(|_, full_at| *full_at > now);
        }
        let full_at = all.get(&key).copied().unwrap_or(now).max(now);
        let before = level(full_at, rate, now);
        if before.remaining == 0 {
            return Err(before);
        }
        let full_at = full_at + rate.between();
        all.insert(key, full_at);
        Ok(level(full_at, rate, now))
    }

    /// How it stands.
    pub fn look(&self, key: &K, rate: Rate, now: Moment) -> Level {
        let full_at = self.lock().get(key).copied().unwrap_or(now).max(now);
        level(full_at, rate, now)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Moment>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn level(full_at: Moment, rate: Rate, now: Moment) -> Level {
    let between = rate.between().max(Duration::from_nanos(1));
    let full_in = full_at.since(now);
    let missing = u32::try_from(full_in.as_nanos().div_ceil(between.as_nanos())).unwrap_or(u32::MAX);
    let remaining = rate.count.saturating_sub(missing);
    let next_in = match remaining {
        0 => full_in.saturating_sub(between * rate.count.saturating_sub(1)),
        _ => Duration::ZERO,
    };
    Level { limit: rate.count, remaining, full_in, next_in }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { count: 3, span: Duration::from_secs(3) };

    fn at(ms: u64) -> Moment {
        Moment::from_micros(ms * 1000)
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let buckets = Buckets::default();
        let take = |ms| buckets.take("a", RATE, at(ms)).map(|level| level.remaining).map_err(|l| l.next_in);
        assert_eq!([take(0), take(0), take(0)], [Ok(2), Ok(1), Ok(0)]);
        assert_eq!(take(0), Err(Duration::from_secs(1)));
        assert_eq!(take(999), Err(Duration::from_millis(1)));
        assert_eq!(take(1000), Ok(0));
        assert_eq!(take(10_000), Ok(2), "no more than full");
        assert_eq!(buckets.take("b", RATE, at(0)).map(|level| level.remaining), Ok(2), "each has its own");
    }

    #[test]
    fn full_buckets_are_forgotten() {
        let buckets = Buckets::default();
        for n in 0..3 * BUCKETS_MAX as u64 {
            let _ = buckets.take(n, RATE, at(n));
        }
        assert!(buckets.lock().len() <= BUCKETS_MAX);
    }
}
