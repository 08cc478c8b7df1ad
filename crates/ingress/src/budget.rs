//! Memory that all messages under way may take together.
//!
//! Leaves to the sessions what they say when there is none left. Invariant: what shares hold is never more than the
//! budget, and a share gives back what it holds when it ends, however that happens.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Octets that may be held, and those that are.
#[derive(Debug)]
pub(crate) struct Budget {
    octets_max: u64,
    held: AtomicU64,
}

impl Budget {
    pub fn new(octets_max: u64) -> Arc<Self> {
        Arc::new(Self { octets_max, held: AtomicU64::new(0) })
    }

    /// Octets that nobody holds.
    pub fn free(&self) -> u64 {
        self.octets_max.saturating_sub(self.held.load(Ordering::Relaxed))
    }

    fn take(&self, octets: u64) -> bool {
        let more = |held: u64| held.checked_add(octets).filter(|sum| *sum <= self.octets_max);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }
}

/// What one session holds.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    held: u64,
}

impl Share {
    /// Nothing yet.
    pub fn new(budget: Arc<Budget>) -> Self {
        Self { budget, held: 0 }
    }

    /// Holds `octets` from now on; false, and unchanged, where the budget does not allow it. Less is always allowed.
    #[must_use]
    pub fn hold(&mut self, octets: u64) -> bool {
        let allowed = octets <= self.held || self.budget.take(octets - self.held);
        if allowed {
            self.budget.held.fetch_sub(self.held.saturating_sub(octets), Ordering::Relaxed);
            self.held = octets;
        }
        allowed
    }

    /// Holds nothing from now on.
    pub fn give_back(&mut self) {
        self.budget.held.fetch_sub(std::mem::take(&mut self.held), Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.give_back();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_never_hold_more_than_the_budget() {
        let budget = Budget::new(100);
        let (mut a, mut b) = (Share::new(Arc::clone(&budget)), Share::new(Arc::clone(&budget)));
        assert!(a.hold(60) && b.hold(40));
        assert_eq!(budget.free(), 0);
        assert!(!b.hold(41) && !a.hold(u64::MAX));
        assert!(b.hold(10) && a.hold(90));
        assert!(!b.hold(11));
        drop(a);
        assert!(b.hold(100));
        b.give_back();
        assert_eq!(budget.free(), 100);
    }
}
