//! The clocks and the entropy of the simulated world, as the engine takes them.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use domain::{Moment, Timestamp};
use runtime::{Clock, Entropy, Pending};

use super::Shared;

/// The world's clocks.
#[derive(Clone)]
pub struct SimClock(pub Shared);

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.lock().wall_ms())
    }

    fn moment(&self) -> Moment {
        Moment::from_micros(self.0.lock().now_us())
    }

    fn sleep_until(&self, moment: Moment) -> Pending<'static, ()> {
        Box::pin(Wait::until(&self.0, moment.as_micros()))
    }
}

/// The world's random bits.
#[derive(Clone)]
pub struct SimEntropy(pub Shared);

impl Entropy for SimEntropy {
    fn fill(&self, buffer: &mut [u8]) -> io::Result<()> {
        self.0.lock().entropy.fill(buffer);
        Ok(())
    }
}

/// A wait for a time.
pub struct Wait {
    world: Shared,
    timer: u64,
}

impl Wait {
    /// Until the boot clock reads `at_us`.
    #[must_use]
    pub fn until(world: &Shared, at_us: u64) -> Self {
        let timer = world.lock().begin_wait(at_us);
        Self { world: world.clone(), timer }
    }

    /// For so long from now.
    #[must_use]
    pub fn of(world: &Shared, span_us: u64) -> Self {
        let at = world.lock().now_us + span_us;
        Self::until(world, at)
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut world = self.world.lock();
        match world.timers.get_mut(&self.timer) {
            Some(timer) if !timer.over => {
                timer.waker = Some(context.waker().clone());
                Poll::Pending
            }
            _ => Poll::Ready(()),
        }
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.world.lock().timers.remove(&self.timer);
    }
}
