//! How often, and after what pauses, the same transaction is tried again.
//!
//! Where others' work got in the way, tries are counted; where there is no way to the server, time is, for another server
//! may be taking its place. No lease is renewed meanwhile, so nothing is sent when it comes too late.

use std::time::Duration;

use domain::Moment;
use ledger::LedgerError;
use runtime::Clock;

use crate::failure::{Failure, Remedy};

/// Tries at most where others' work gets in the way.
const TRIES_MAX: u32 = 10;
/// Tries at most of whoever has just come, and rather says at once that nobody is there.
const TRIES_SHORT: u32 = 4;
/// Tries without a pause, where it was others' work that got in the way.
const AT_ONCE_MAX: u32 = 3;
/// How long a server may be away: one that fails over by a usual manager of clusters is back within a minute.
const AWAY_MAX: Duration = Duration::from_secs(120);
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What is left of it for one call.
pub(crate) struct Patience<'a> {
    clock: &'a dyn Clock,
    operation: &'static str,
    tries: u32,
    tries_max: u32,
    /// Until when a server that is away is waited for; `None`: as often as others.
    until: Option<Moment>,
    pause: Duration,
}

impl<'a> Patience<'a> {
    /// All of it.
    pub fn new(clock: &'a dyn Clock, operation: &'static str) -> Self {
        let until = Some(clock.moment() + AWAY_MAX);
        Self { clock, operation, tries: 0, tries_max: TRIES_MAX, until, pause: PAUSE_FIRST }
    }

    /// Little: for the first that is asked of a server.
    pub fn short(clock: &'a dyn Clock, operation: &'static str) -> Self {
        Self { tries_max: TRIES_SHORT, until: None, ..Self::new(clock, operation) }
    }

    /// Waits as the failure asks for; an error when trying again does not help or helped too little.
    pub async fn after(&mut self, failure: Failure) -> Result<(), LedgerError> {
        let remedy = failure.remedy();
        // Waiting for a server uses up no tries of those that others' work will need.
        let is_away = remedy == Remedy::Later && self.until.is_some();
        self.tries += u32::from(!is_away);
        let is_over = match self.until.filter(|_| is_away) {
            Some(until) => self.clock.moment() >= until,
            None => self.tries >= self.tries_max,
        };
        match remedy {
            Remedy::None => return Err(failure.during(self.operation)),
            _ if is_over => return Err(failure.during(self.operation)),
            Remedy::AtOnce if self.tries <= AT_ONCE_MAX => {}
            Remedy::AtOnce | Remedy::Later => {
                self.clock.sleep(self.pause).await;
                self.pause = (self.pause * 2).min(PAUSE_MAX);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::PoisonError;

    use domain::Timestamp;
    use futures_util::FutureExt as _;
    use runtime::Pending;

    use super::*;

    /// Whoever waits by it is there at once, and it is that late then.
    struct Hasty(Mutex<Moment>);

    impl Clock for Hasty {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(0)
        }

        fn moment(&self) -> Moment {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        fn sleep_until(&self, moment: Moment) -> Pending<'static, ()> {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = moment;
            Box::pin(std::future::ready(()))
        }
    }

    /// How often a call is tried that fails so each time, and how long that takes.
    fn check(patience: fn(&Hasty) -> Patience<'_>, failure: fn() -> Failure) -> (u32, Duration) {
        let clock = Hasty(Mutex::new(Moment::from_micros(0)));
        let mut patience = patience(&clock);
        let mut tries = 1;
        while patience.after(failure()).now_or_never().expect("a hasty clock").is_ok() {
            tries += 1;
        }
        (tries, clock.moment().since(Moment::from_micros(0)))
    }

    #[test]
    fn a_server_that_is_away_is_waited_for_and_others_work_is_not() {
        let away = || Failure::Pool("nobody is there".to_owned());
        let (_, waited) = check(|clock| Patience::new(clock, "a write"), away);
        assert!((AWAY_MAX..AWAY_MAX + PAUSE_MAX).contains(&waited), "{waited:?}");
        let (tries, waited) = check(|clock| Patience::new(clock, "a write"), || Failure::Again("others"));
        assert!(tries == TRIES_MAX && waited < Duration::from_secs(10), "{tries} {waited:?}");
        let (tries, waited) = check(|clock| Patience::short(clock, "opening"), away);
        assert!(tries == TRIES_SHORT && waited < Duration::from_secs(1), "{tries} {waited:?}");
    }
}
