//! The two clocks: wall time for evidence, boot time (sleep included) for limits and leases.

use std::time::Duration;

use domain::{Moment, Timestamp};
use rustix::time::{ClockId, clock_gettime};

use crate::Pending;

/// Tells the time and waits.
pub trait Clock: Send + Sync {
    /// The wall clock.
    fn now(&self) -> Timestamp;

    /// The boot clock.
    fn moment(&self) -> Moment;

    /// Ends when the boot clock has reached `moment`.
    fn sleep_until(&self, moment: Moment) -> Pending<'static, ()>;

    /// Ends after `span`.
    fn sleep(&self, span: Duration) -> Pending<'static, ()> {
        self.sleep_until(self.moment() + span)
    }
}

/// The machine's clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let time = clock_gettime(ClockId::Realtime);
        Timestamp::from_millis(time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }

    fn moment(&self) -> Moment {
        let time = clock_gettime(ClockId::Boottime);
        let micros = time.tv_sec * 1_000_000 + time.tv_nsec / 1000;
        Moment::from_micros(u64::try_from(micros).unwrap_or(0))
    }

    fn sleep_until(&self, moment: Moment) -> Pending<'static, ()> {
        Box::pin(tokio::time::sleep(moment.since(self.moment())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clocks_run_forward() {
        let clock = SystemClock;
        let (moment, now) = (clock.moment(), clock.now());
        assert!(clock.moment() >= moment && clock.now() >= now);
        assert!(now > Timestamp::from_millis(1_700_000_000_000));
    }
}
