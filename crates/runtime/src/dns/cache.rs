//! Answers by name and kind, as long as their time to live says, within a bound.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Moment;
use hickory_resolver::proto::rr::{RData, RecordType};

use crate::resolver::Looked;

/// Answers kept at a time.
const ANSWERS_MAX: usize = 20_000;
/// The longest that an answer is kept, whatever its time to live.
const KEPT_MAX: Duration = Duration::from_secs(3600);

/// An answer with how long it holds.
pub struct Kept {
    pub looked: Looked<RData>,
    pub ttl: Duration,
}

type Key = (String, RecordType);

/// The answers.
#[derive(Default)]
pub struct Cache(Mutex<HashMap<Key, (Moment, Looked<RData>)>>);

impl Cache {
    /// The answer, if one is kept that still holds.
    pub fn get(&self, key: &Key, now: Moment) -> Option<Looked<RData>> {
        self.lock().get(key).filter(|(until, _)| now < *until).map(|(_, looked)| looked.clone())
    }

    /// Keeps an answer. A full cache forgets what is over, and everything when nothing is.
    pub fn put(&self, key: Key, looked: Looked<RData>, ttl: Duration, now: Moment) {
        let mut kept = self.lock();
        if kept.len() >= ANSWERS_MAX {
            kept.retain(|_, (until, _)| now < *until);
        }
        if kept.len() >= ANSWERS_MAX {
            kept.clear();
        }
        kept.insert(key, (now + ttl.min(KEPT_MAX), looked));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, (Moment, Looked<RData>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolver::Answer;

    fn key(no: usize) -> Key {
        (format!("{no}.example"), RecordType::MX)
    }

    fn nothing() -> Looked<RData> {
        Ok(Answer { records: Vec::new(), secure: false })
    }

    #[test]
    fn an_answer_holds_for_its_time_to_live() {
        let (cache, start) = (Cache::default(), Moment::ZERO);
        cache.put(key(1), nothing(), Duration::from_secs(10), start);
        assert!(cache.get(&key(1), start + Duration::from_secs(9)).is_some());
        assert!(cache.get(&key(1), start + Duration::from_secs(10)).is_none());
        cache.put(key(1), nothing(), Duration::MAX, start);
        assert!(cache.get(&key(1), start + KEPT_MAX).is_none());
    }

    #[test]
    fn it_is_bounded() {
        let cache = Cache::default();
        for no in 0..ANSWERS_MAX + 1 {
            cache.put(key(no), nothing(), Duration::from_secs(10), Moment::ZERO);
        }
        assert!(cache.lock().len() <= ANSWERS_MAX);
        assert!(cache.get(&key(ANSWERS_MAX), Moment::ZERO).is_some());
    }
}
