//! When a domain is left alone: it said that it has enough, or could not be reached.
//!
//! After trouble nothing is sent to the domain until the wait is over; then one session probes. Each further
//! trouble doubles the wait, one accepted message ends it. Trouble of one mailbox is not the domain's.

use std::time::Duration;

use crate::reply::Reply;
use crate::time::Moment;

/// Temporary refusals in a row, without an accepted message between, that are taken for the domain's.
pub const REFUSALS_MAX: u32 = 5;

/// How long a domain is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackOffSchedule {
    /// The first wait.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

/// What befell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No session could be opened, or the domain closed it as busy (421): at once.
    Domain,
    /// A mail was refused for now, which may be the mailbox or the domain: several in a row are the domain.
    Mail,
    /// A mail was refused for a reason of its mailbox (RFC 3463, x.1 and x.2): says nothing of the domain.
    Mailbox,
}

impl Trouble {
    /// What a 4xx reply tells.
    #[must_use]
    pub fn of(reply: &Reply) -> Self {
        match reply.enhanced {
            _ if reply.code.get() == 421 => Self::Domain,
            Some(status) if matches!(status.subject, 1 | 2) => Self::Mailbox,
            _ => Self::Mail,
        }
    }
}

/// One domain's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainBackOff {
    schedule: BackOffSchedule,
    refusals: u32,
    wait: Option<Wait>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wait {
    length: Duration,
    until: Moment,
    probing: bool,
}

impl DomainBackOff {
    /// A domain without trouble.
    #[must_use]
    pub const fn new(schedule: BackOffSchedule) -> Self {
        Self { schedule, refusals: 0, wait: None }
    }

    /// Asks to open a session: during a wait none, after it one that probes.
    pub fn try_open(&mut self, now: Moment) -> bool {
        match &mut self.wait {
            None => true,
            Some(wait) if now >= wait.until && !wait.probing => {
                wait.probing = true;
                true
            }
            Some(_) => false,
        }
    }

    /// Until when nothing is to be sent; `None` when something may.
    #[must_use]
    pub fn waits_until(&self, now: Moment) -> Option<Moment> {
        self.wait.map(|wait| wait.until).filter(|until| now < *until)
    }

    /// True from the first trouble until a message is accepted.
    #[must_use]
    pub const fn is_troubled(&self) -> bool {
        self.wait.is_some()
    }

    /// Until when the state matters: as long again as the last wait was.
    #[must_use]
    pub fn matters_until(&self) -> Option<Moment> {
        self.wait.map(|wait| wait.until + wait.length)
    }

    /// A message was accepted.
    pub fn accepted(&mut self) {
        self.refusals = 0;
        self.wait = None;
    }

    /// A probe ended and told nothing: another may be opened.
    pub fn probe_over(&mut self) {
        if let Some(wait) = &mut self.wait {
            wait.probing = false;
        }
    }

    /// Takes trouble in; true when a wait begins with it. Trouble while one lasts is part of the same.
    pub fn trouble(&mut self, trouble: Trouble, now: Moment) -> bool {
        match trouble {
            Trouble::Mailbox => return false,
            Trouble::Mail => {
                self.refusals += 1;
                if self.refusals < REFUSALS_MAX && self.wait.is_none() {
                    return false;
                }
            }
            Trouble::Domain => {}
        }
        if self.waits_until(now).is_some() {
            return false;
        }
        let doubled = self.wait.map_or(self.schedule.first, |wait| wait.length.saturating_mul(2));
        let length = doubled.min(self.schedule.longest);
        self.refusals = 0;
        self.wait = Some(Wait { length, until: now + length, probing: false });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::ReplyCode;

    const SCHEDULE: BackOffSchedule =
        BackOffSchedule { first: Duration::from_secs(10), longest: Duration::from_secs(35) };

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn each_further_trouble_doubles_the_wait_up_to_the_longest() {
        let mut domain = DomainBackOff::new(SCHEDULE);
        let mut now = at(0);
        for length in [10, 20, 35, 35] {
            assert!(domain.trouble(Trouble::Domain, now));
            assert!(!domain.try_open(now + Duration::from_millis(length * 1000 - 1)), "{length}");
            now = now + Duration::from_secs(length);
            assert!(domain.try_open(now), "{length}: one probe");
            assert!(!domain.try_open(now), "{length}: only one");
        }
        domain.accepted();
        assert!(domain.try_open(now) && domain.try_open(now));
        assert!(domain.trouble(Trouble::Domain, now));
        assert_eq!(domain.waits_until(now), Some(now + SCHEDULE.first), "a success forgets");
    }

    #[test]
    fn trouble_within_a_wait_does_not_prolong_it() {
        let mut domain = DomainBackOff::new(SCHEDULE);
        assert!(domain.trouble(Trouble::Domain, at(0)));
        assert!(!domain.trouble(Trouble::Domain, at(5)));
        assert_eq!(domain.waits_until(at(5)), Some(at(10)));
    }

    #[test]
    fn refusals_in_a_row_are_the_domains_and_mailboxes_never() {
        let mut domain = DomainBackOff::new(SCHEDULE);
        for _ in 1..REFUSALS_MAX {
            assert!(!domain.trouble(Trouble::Mail, at(1)));
            assert!(!domain.trouble(Trouble::Mailbox, at(1)));
        }
        domain.accepted();
        for _ in 1..REFUSALS_MAX {
            assert!(!domain.trouble(Trouble::Mail, at(2)));
        }
        assert!(domain.trouble(Trouble::Mail, at(2)));
        assert!(domain.is_troubled());
    }

    #[test]
    fn a_probe_that_is_refused_begins_the_next_wait() {
        let mut domain = DomainBackOff::new(SCHEDULE);
        domain.trouble(Trouble::Domain, at(0));
        assert!(domain.try_open(at(10)));
        assert!(domain.trouble(Trouble::Mail, at(11)));
        assert_eq!(domain.waits_until(at(11)), Some(at(31)));
        assert!(domain.try_open(at(31)));
        domain.probe_over();
        assert!(domain.try_open(at(32)), "a probe that told nothing is followed by another");
    }

    #[test]
    fn replies_tell_whose_trouble_it_is() {
        let check = |code: u16, status: Option<&str>, expected| {
            let code = ReplyCode::new(code).expect("a code");
            let enhanced = status.and_then(|status| status.parse().ok());
            let reply = Reply { code, enhanced, text: String::new() };
            assert_eq!(Trouble::of(&reply), expected, "{reply}");
        };
        check(421, None, Trouble::Domain);
        check(421, Some("4.2.1"), Trouble::Domain);
        check(452, Some("4.2.2"), Trouble::Mailbox);
        check(450, Some("4.1.1"), Trouble::Mailbox);
        check(451, Some("4.7.1"), Trouble::Mail);
        check(451, None, Trouble::Mail);
    }
}
