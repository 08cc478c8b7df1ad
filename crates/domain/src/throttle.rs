//! A relay's message rate: at most `limit` messages in any window, by the *receiver's* count.
//!
//! The receiver counts a message somewhere between its envelope and its reply. A message may therefore start
//! only when those in flight and those answered within the window leave room: whatever the link's delay, no
//! window of the receiver's clock can then hold more than the limit.

use std::collections::VecDeque;
use std::time::Duration;

use crate::time::Moment;

/// Counts messages in flight and answered; says when the next may start.
#[derive(Debug)]
pub struct Throttle {
    limit: Option<u32>,
    window: Duration,
    in_flight: u32,
    answered: VecDeque<Moment>,
}

impl Throttle {
    /// A throttle of `limit` messages in any minute; `None` is unlimited and keeps no log.
    #[must_use]
    pub fn per_minute(limit: Option<u32>) -> Self {
        Self { limit, window: Duration::from_secs(60), in_flight: 0, answered: VecDeque::new() }
    }

    /// Takes in what an earlier process sent: `count` messages answered at `at`.
    pub fn recall(&mut self, count: u32, at: Moment) {
        if self.limit.is_some() {
            self.answered.extend((0..count).map(|_| at));
        }
    }

    /// Starts one message, if there is room now; each start needs one [`Self::finish`].
    pub fn try_start(&mut self, now: Moment) -> bool {
        let Some(limit) = self.limit else { return true };
        self.forget(now);
        if self.occupied() >= limit {
            return false;
        }
        self.in_flight += 1;
        true
    }

    /// When room may next appear; `None` when only an answer in flight can make it.
    #[must_use]
    pub fn room_at(&self) -> Option<Moment> {
        self.answered.front().map(|first| *first + self.window)
    }

    /// Ends one message: `counted` unless it never reached the receiver.
    pub fn finish(&mut self, counted: bool, now: Moment) {
        if self.limit.is_none() {
            return;
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        if counted {
            self.answered.push_back(now);
        }
    }

    fn occupied(&self) -> u32 {
        self.in_flight.saturating_add(u32::try_from(self.answered.len()).unwrap_or(u32::MAX))
    }

    fn forget(&mut self, now: Moment) {
        while self.answered.front().is_some_and(|first| now.since(*first) >= self.window) {
            self.answered.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_full_window_reopens_a_minute_after_the_first_answer() {
        let mut throttle = Throttle::per_minute(Some(2));
        assert!(throttle.try_start(at(0)) && throttle.try_start(at(0)));
        assert!(!throttle.try_start(at(0)));
        assert_eq!(throttle.room_at(), None);
        throttle.finish(true, at(5));
        assert!(!throttle.try_start(at(64)));
        assert_eq!(throttle.room_at(), Some(at(65)));
        assert!(throttle.try_start(at(65)));
    }

    #[test]
    fn what_never_arrived_gives_its_place_back() {
        let mut throttle = Throttle::per_minute(Some(1));
        assert!(throttle.try_start(at(0)));
        throttle.finish(false, at(1));
        assert!(throttle.try_start(at(1)));
    }

    proptest! {
        /// Whenever the receiver counts each message between its start and its answer, no window exceeds the limit.
        #[test]
        fn no_window_of_the_receiver_exceeds_the_limit(
            steps in prop::collection::vec((0u64..20, 0u64..30, any::<bool>()), 1..200),
            limit in 1u32..8,
        ) {
            let mut throttle = Throttle::per_minute(Some(limit));
            let (mut now, mut counted, mut open) = (0, Vec::new(), Vec::new());
            for (pause, delay, count_early) in steps {
                now += pause;
                open.retain(|(started, done)| {
                    let over = *done <= now;
                    if over {
                        throttle.finish(true, at(*done));
                        counted.push(if count_early { *started } else { *done });
                    }
                    !over
                });
                if throttle.try_start(at(now)) {
                    open.push((now, now + delay));
                }
            }
            counted.sort_unstable();
            for (i, first) in counted.iter().enumerate() {
                let within = counted[i..].iter().take_while(|t| **t < first + 60).count();
                prop_assert!(within <= limit as usize, "{within} within a minute of {first} s");
            }
        }
    }
}
