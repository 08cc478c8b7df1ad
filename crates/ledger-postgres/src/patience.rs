//! How often, and after what pauses, the same transaction is tried again.

use std::time::Duration;

use ledger::LedgerError;
use runtime::Clock;

use crate::failure::{Failure, Remedy};

/// Tries at most; the pauses of a server that is away add up to some seconds, in which it may start again.
const TRIES_MAX: u32 = 10;
/// Tries at most of whoever has just come, and rather says at once that nobody is there.
const TRIES_SHORT: u32 = 4;
/// Tries without a pause, where it was others' work that got in the way.
const AT_ONCE_MAX: u32 = 3;
const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// What is left of it for one call.
pub(crate) struct Patience<'a> {
    clock: &'a dyn Clock,
    operation: &'static str,
    tries: u32,
    tries_max: u32,
    pause: Duration,
}

impl<'a> Patience<'a> {
    /// All of it.
    pub fn new(clock: &'a dyn Clock, operation: &'static str) -> Self {
        Self { clock, operation, tries: 0, tries_max: TRIES_MAX, pause: PAUSE_FIRST }
    }

    /// Little: for the first that is asked of a server.
    pub fn short(clock: &'a dyn Clock, operation: &'static str) -> Self {
        Self { tries_max: TRIES_SHORT, ..Self::new(clock, operation) }
    }

    /// Waits as the failure asks for; an error when trying again does not help or helped too little.
    pub async fn after(&mut self, failure: Failure) -> Result<(), LedgerError> {
        self.tries += 1;
        match failure.remedy() {
            Remedy::None => return Err(failure.during(self.operation)),
            _ if self.tries >= self.tries_max => return Err(failure.during(self.operation)),
            Remedy::AtOnce if self.tries <= AT_ONCE_MAX => {}
            Remedy::AtOnce | Remedy::Later => {
                self.clock.sleep(self.pause).await;
                self.pause = (self.pause * 2).min(PAUSE_MAX);
            }
        }
        Ok(())
    }
}
