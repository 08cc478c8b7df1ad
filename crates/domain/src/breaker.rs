//! A relay's breaker: after repeated session failures it lets one probe through at growing intervals, so that a
//! relay in trouble is not hammered, and it stops for good at the first refusal of the credential.

use std::time::Duration;

use crate::time::Moment;

/// Session failures in a row that open the breaker.
pub const FAILURES_TO_OPEN: u32 = 3;
/// The first pause of an open breaker; it doubles with each failed probe.
pub const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest pause of an open breaker.
pub const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What a session that ended says of its relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionHealth {
    /// It authenticated, or carried mail.
    Good,
    /// It could not be opened, or broke.
    Failed,
    /// The relay can never work as configured: credential refused, certificate invalid, not SMTP.
    Hopeless,
}

/// The breaker's three positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Closed { failures: u32 },
    Open { until: Moment, pause: Duration, probing: bool },
    Stopped,
}

/// Says whether a new session may be opened now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    position: Position,
}

impl Default for Breaker {
    fn default() -> Self {
        Self { position: Position::Closed { failures: 0 } }
    }
}

impl Breaker {
    /// Asks to open a session; when the breaker is open, only one probe is let through after each pause.
    pub fn try_open(&mut self, now: Moment) -> bool {
        match &mut self.position {
            Position::Closed { .. } => true,
            Position::Open { until, probing, .. } if now >= *until && !*probing => {
                *probing = true;
                true
            }
            Position::Open { .. } | Position::Stopped => false,
        }
    }

    /// When a probe may next be let through; `None` when closed, stopped or while a probe is out.
    #[must_use]
    pub fn probe_at(&self) -> Option<Moment> {
        match self.position {
            Position::Open { until, probing: false, .. } => Some(until),
            _ => None,
        }
    }

    /// True once the relay was found hopeless; only a new credential version or configuration mends it.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.position == Position::Stopped
    }

    /// True while sessions are held back.
    #[must_use]
    pub fn is_open(&self) -> bool {
        matches!(self.position, Position::Open { .. })
    }

    /// A session is ready. A probe that got so far closes the breaker, but one more failure opens it again: the
    /// relay has not carried a mail yet.
    pub fn session_ready(&mut self) {
        if let Position::Open { probing: true, .. } = self.position {
            self.position = Position::Closed { failures: FAILURES_TO_OPEN - 1 };
        }
    }

    /// Takes in what a session showed.
    pub fn observe(&mut self, health: SessionHealth, now: Moment) {
        self.position = match (self.position, health) {
            (Position::Stopped, _) | (_, SessionHealth::Hopeless) => Position::Stopped,
            (_, SessionHealth::Good) => Position::Closed { failures: 0 },
            (Position::Closed { failures }, SessionHealth::Failed) if failures + 1 < FAILURES_TO_OPEN => {
                Position::Closed { failures: failures + 1 }
            }
            (Position::Closed { .. }, SessionHealth::Failed) => {
                Position::Open { until: now + PAUSE_MIN, pause: PAUSE_MIN, probing: false }
            }
            (Position::Open { pause, probing: true, .. }, SessionHealth::Failed) => {
                let pause = (pause * 2).min(PAUSE_MAX);
                Position::Open { until: now + pause, pause, probing: false }
            }
            (open @ Position::Open { .. }, SessionHealth::Failed) => open,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn opens_after_three_failures_and_probes_with_doubling_pauses() {
        let mut breaker = Breaker::default();
        for _ in 0..3 {
            assert!(breaker.try_open(at(0)));
            breaker.observe(SessionHealth::Failed, at(0));
        }
        assert!(!breaker.try_open(at(0)), "open");
        assert_eq!(breaker.probe_at(), Some(at(1)));
        assert!(breaker.try_open(at(1)), "one probe");
        assert!(!breaker.try_open(at(1)), "and only one");
        breaker.observe(SessionHealth::Failed, at(1));
        assert_eq!(breaker.probe_at(), Some(at(3)));
        assert!(breaker.try_open(at(3)));
        breaker.observe(SessionHealth::Good, at(3));
        assert!(breaker.try_open(at(3)) && breaker.try_open(at(3)), "closed again");
    }

    #[test]
    fn sessions_that_were_already_up_do_not_lengthen_the_pause() {
        let mut breaker = Breaker::default();
        (0..50).for_each(|_| breaker.observe(SessionHealth::Failed, at(0)));
        assert_eq!(breaker.probe_at(), Some(at(1)));
    }

    #[test]
    fn a_probe_that_is_ready_lets_others_in_until_the_next_failure() {
        let mut breaker = Breaker::default();
        (0..3).for_each(|_| breaker.observe(SessionHealth::Failed, at(0)));
        assert!(breaker.try_open(at(1)) && !breaker.try_open(at(1)));
        breaker.session_ready();
        assert!(breaker.try_open(at(1)) && breaker.try_open(at(1)));
        breaker.observe(SessionHealth::Failed, at(2));
        assert!(!breaker.try_open(at(2)));
    }

    #[test]
    fn a_hopeless_relay_stays_stopped() {
        let mut breaker = Breaker::default();
        breaker.observe(SessionHealth::Hopeless, at(0));
        breaker.observe(SessionHealth::Good, at(1));
        assert!(breaker.is_stopped() && !breaker.try_open(at(1000)));
    }
}
