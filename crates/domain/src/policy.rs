//! What may be done next with an intent: retry, wait, resend an unknown, or nothing.

use std::time::Duration;

use crate::ids::{IntentNo, ReleaseId};

crate::worded! {
    /// What a tenant wants done with mails whose message end was never answered (invariant 4).
    #[derive(Default)]
    pub enum UnknownPolicy {
        /// Never send again by itself: no recipient gets it twice, some may not get it.
        #[default]
        Hold => "hold",
        /// Send once more with the same Message-ID: every recipient gets it, some may get it twice.
        ResendOnce => "resend-once",
    }
}

/// How an intent's tries are spaced: `initial × 2^(n-1)`, at most `delay_max`, less up to a fifth of jitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySchedule {
    /// The wait after the first failure.
    pub initial: Duration,
    /// The longest wait between two tries.
    pub delay_max: Duration,
}

impl RetrySchedule {
    /// A schedule that starts at `initial` and never waits longer than an hour (or `initial`, if that is more).
    #[must_use]
    pub fn starting_at(initial: Duration) -> Self {
        Self { initial, delay_max: initial.max(Duration::from_secs(3600)) }
    }

    /// The wait after the failure of a try (counted from 1); an attempt that never used its permit is none.
    ///
    /// The jitter is derived from the intent, so that a due time can be rebuilt from the books.
    #[must_use]
    pub fn delay(&self, release: ReleaseId, intent: IntentNo, try_no: u16) -> Duration {
        let doublings = u32::from(try_no.saturating_sub(1)).min(24);
        let full = self.initial.saturating_mul(1 << doublings).min(self.delay_max);
        let draw = scatter(release.0 ^ (u64::from(intent.0) << 20) ^ u64::from(try_no)) % 1000;
        full.saturating_sub(full * u32::try_from(draw).unwrap_or(0) / 5000)
    }
}

/// A bit mixer (the finaliser of splitmix64): spreads neighbours over the whole range.
pub(crate) fn scatter(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

crate::coded! {
    /// Where a release stands in the queue of its relay.
    #[derive(Default)]
    pub enum Lane {
        /// Goes ahead of everything of the same relay.
        Urgent = 0 => "urgent",
        /// The usual.
        #[default]
        Bulk = 1 => "bulk",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap_with_bounded_jitter() {
        let schedule = RetrySchedule::starting_at(Duration::from_secs(60));
        let check = |attempt: u16, full_s: u64| {
            for intent in 0..100 {
                let delay = schedule.delay(ReleaseId(9), IntentNo(intent), attempt);
                let full = Duration::from_secs(full_s);
                assert!(delay <= full && delay >= full * 4 / 5, "try {attempt}: {delay:?} of {full:?}");
            }
        };
        check(1, 60);
        check(2, 120);
        check(6, 1920);
        check(7, 3600);
        check(u16::MAX, 3600);
    }

    #[test]
    fn neighbours_do_not_come_back_together() {
        let schedule = RetrySchedule::starting_at(Duration::from_secs(60));
        let mut delays: Vec<_> = (0..100).map(|i| schedule.delay(ReleaseId(9), IntentNo(i), 1)).collect();
        delays.sort();
        delays.dedup();
        assert!(delays.len() > 80, "only {} distinct delays", delays.len());
    }
}
