//! A clock that moves only when a test says so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::{Moment, Timestamp};
use runtime::{Clock, Pending};
use tokio::sync::{Notify, oneshot};

use crate::rig::PATIENCE;

/// Where the clock begins.
pub const START: Moment = Moment::from_micros(1_000_000_000);

/// Whatever has not happened on the loopback after this, by the machine's clock, waits for something.
pub const STANDSTILL: Duration = Duration::from_millis(500);

#[derive(Default)]
struct Hands {
    gone: Duration,
    alarms: Vec<(Moment, oneshot::Sender<()>)>,
}

/// See the module.
#[derive(Default)]
pub struct ManualClock {
    hands: Mutex<Hands>,
    armed: Notify,
}

impl ManualClock {
    /// What has gone by since the start.
    pub fn gone(&self) -> Duration {
        self.with(|hands| hands.gone)
    }

    /// Lets time go by.
    pub fn advance(&self, span: Duration) {
        self.with(|hands| {
            hands.gone += span;
            let now = START + hands.gone;
            let (due, later): (Vec<_>, Vec<_>) = hands
                .alarms
                .drain(..)
                .filter(|(_, alarm)| !alarm.is_closed())
                .partition(|(at, _)| *at <= now);
            hands.alarms = later;
            for (_, alarm) in due {
                let _ = alarm.send(());
            }
        });
    }

    /// Waits until somebody waits for a moment ahead; how far ahead the first one is.
    pub async fn armed(&self) -> Duration {
        loop {
            let changed = self.armed.notified();
            if let Some(ahead) = self.first_ahead() {
                return ahead;
            }
            changed.await;
        }
    }

    /// Waits until the first alarm is so far ahead: then who sets it waits, and for nothing that comes sooner.
    pub async fn armed_for(&self, ahead: Duration) {
        let waiting = async {
            while self.armed().await != ahead {
                tokio::task::yield_now().await;
            }
        };
        let late = tokio::time::timeout(PATIENCE, waiting).await.is_err();
        assert!(!late, "nobody waits for {ahead:?}");
    }

    /// Jumps from alarm to alarm until `work` is done.
    pub async fn run<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                ahead = self.armed() => self.advance(ahead),
            }
            // Whom the alarm woke gets the time to act, before another alarm is taken for the next one.
            if let Ok(done) = tokio::time::timeout(STANDSTILL, &mut work).await {
                return done;
            }
        }
    }

    fn first_ahead(&self) -> Option<Duration> {
        self.with(|hands| {
            let now = START + hands.gone;
            let waiting = hands.alarms.iter().filter(|(_, alarm)| !alarm.is_closed());
            waiting.map(|(at, _)| at.since(now)).min()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Hands) -> T) -> T {
        act(&mut self.hands.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_795_392_000_000) + self.gone()
    }

    fn moment(&self) -> Moment {
        START + self.gone()
    }

    fn sleep_until(&self, moment: Moment) -> Pending<'static, ()> {
        let ring = self.with(|hands| {
            (moment > START + hands.gone).then(|| {
                let (alarm, ring) = oneshot::channel();
                hands.alarms.push((moment, alarm));
                ring
            })
        });
        self.armed.notify_waiters();
        Box::pin(async move {
            if let Some(ring) = ring {
                let _ = ring.await;
            }
        })
    }
}
