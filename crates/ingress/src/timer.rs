//! A session's one alarm: it is set anew only when a deadline comes before the one that it waits for, so that a
//! session whose deadlines move with each command does not set a timer for each.
//!
//! Leaves to the caller what being late means.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use domain::Moment;
use runtime::{Clock, Pending};

/// See the module.
pub(crate) struct Timer {
    clock: Arc<dyn Clock>,
    /// When it will ring, never after the deadline that it was last used for.
    armed: Option<(Moment, Pending<'static, ()>)>,
}

impl Timer {
    /// Not set.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, armed: None }
    }

    /// What `work` gives, or `None` once the boot clock has reached `deadline`. Work that is done is never late.
    pub async fn within<T>(&mut self, deadline: Moment, work: impl Future<Output = T>) -> Option<T> {
        let mut work = pin!(work);
        poll_fn(|context| {
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Poll::Ready(Some(done));
            }
            loop {
                match &mut self.armed {
                    Some((at, ring)) if *at <= deadline => {
                        if ring.as_mut().poll(context).is_pending() {
                            return Poll::Pending;
                        }
                        self.armed = None;
                        if self.clock.moment() >= deadline {
                            return Poll::Ready(None);
                        }
                    }
                    _ => self.armed = Some((deadline, self.clock.sleep_until(deadline))),
                }
            }
        })
        .await
    }
}
