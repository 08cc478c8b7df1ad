//! How fast log-ins may be tried: growing delays for each account and each network of clients, and when an account is locked.
//!
//! Kept in memory, with bounds, for each process: a try that fails must not make anybody's books grow, and an account that does
//! not exist must cost what others cost. Who restarts forgets; with N processes N times the tries are possible, which the lock
//! and the delays leave far too few to guess a password of twelve characters. A try is charged when it begins, so that many at the same
//! time gain nothing.
//!
//! A device that somebody logged in with before has a tally of its own: strangers who guess make nobody wait there. It is known by
//! a mark that only the device holds (`step`), for if the account knew it, tries would tell whether the account exists.
//! Invariant: nothing here asks whether an account exists.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::time::Duration;

use domain::Moment;

/// How tries are slowed down.
struct Rule {
    /// Failures without delay.
    free: u32,
    /// The longest delay.
    delay_max: Duration,
    /// In so long one failure is forgotten.
    forgets_one: Duration,
}

/// Tries of one account, from wherever; nothing is forgotten but all in a day.
const ACCOUNTS: Rule =
    Rule { free: 3, delay_max: Duration::from_secs(15 * 60), forgets_one: FORGOTTEN_AFTER };
/// Tries of one network: behind it there may be an office, in which everybody errs once a day and nobody is to wait.
const NETWORKS: Rule =
    Rule { free: 20, delay_max: Duration::from_secs(5 * 60), forgets_one: Duration::from_secs(60) };
/// Failures in a row after which an account is locked (NIST SP 800-63B allows 100).
pub const LOCK_AFTER: u32 = 50;
/// The first delay; each failure doubles it.
const DELAY_FIRST: Duration = Duration::from_secs(1);
/// After this long without a failure all is forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Accounts, and networks, that are remembered.
const REMEMBERED_MAX: usize = 10_000;

/// A network of clients: 24 bits of IPv4, 48 of IPv6, which is what one customer has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Network(String);

impl Network {
    /// The one that an address is in.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V4(address) => {
                let [a, b, c, _] = address.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(address) => {
                let [a, b, c, ..] = address.segments();
                format!("{a:x}:{b:x}:{c:x}::/48")
            }
        })
    }
}

/// Whose tries are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// The address that is tried, whether it has an account or not.
    pub user: String,
    /// A device of this user's, by its number; `None`: anything else.
    pub device: Option<u64>,
}

/// A try that was let through, and charged.
#[derive(Debug)]
#[must_use]
pub struct Try {
    account: Account,
    network: Network,
    /// With this one, so many failed in a row.
    pub in_a_row: u32,
}

/// The tallies.
#[derive(Debug, Default)]
pub struct Throttle {
    accounts: HashMap<Account, Tally>,
    networks: HashMap<Network, Tally>,
}

#[derive(Debug, Clone, Copy)]
struct Tally {
    failures: u32,
    last: Moment,
}

impl Tally {
    /// Failures that are not forgotten yet, where one is in each of these spans, and all are in a day.
    fn left(&self, forgets_one: Duration, now: Moment) -> u32 {
        let since = now.since(self.last);
        if since >= FORGOTTEN_AFTER {
            return 0;
        }
        let spans = since.as_secs() / forgets_one.as_secs().max(1);
        self.failures.saturating_sub(u32::try_from(spans).unwrap_or(u32::MAX))
    }
}

impl Throttle {
    /// Lets a try through, charged as if it failed, or says how long to wait.
    ///
    /// # Errors
    /// The wait.
    pub fn begin(&mut self, account: Account, network: Network, now: Moment) -> Result<Try, Duration> {
        let waits = [
            wait(self.accounts.get(&account), &ACCOUNTS, now),
            wait(self.networks.get(&network), &NETWORKS, now),
        ];
        let longest = waits.into_iter().max().unwrap_or_default();
        if !longest.is_zero() {
            return Err(longest);
        }
        charge(&mut self.networks, network.clone(), &NETWORKS, now);
        let in_a_row = charge(&mut self.accounts, account.clone(), &ACCOUNTS, now);
        Ok(Try { account, network, in_a_row })
    }

    /// The try was no failure, but is not the whole log-in either: only its own charge is taken back.
    pub fn passed(&mut self, done: &Try) {
        give_back(&mut self.accounts, &done.account);
        give_back(&mut self.networks, &done.network);
    }

    /// The log-in is complete: the account's failures are forgotten, and the network has its charge back.
    pub fn succeeded(&mut self, done: &Try) {
        self.accounts.remove(&done.account);
        give_back(&mut self.networks, &done.network);
    }

    /// Whatever is known of an account is forgotten: it was unlocked.
    pub fn forget(&mut self, user: &str) {
        self.accounts.retain(|account, _| account.user != user);
    }
}

/// How long after the last failure the next try must wait.
fn delay(failures: u32, rule: &Rule) -> Duration {
    match failures.checked_sub(rule.free) {
        None => Duration::ZERO,
        Some(over) => DELAY_FIRST
            .checked_mul(1 << over.min(20))
            .map_or(rule.delay_max, |delay| delay.min(rule.delay_max)),
    }
}

fn wait(tally: Option<&Tally>, rule: &Rule, now: Moment) -> Duration {
    let Some(tally) = tally else { return Duration::ZERO };
    delay(tally.left(rule.forgets_one, now), rule).saturating_sub(now.since(tally.last))
}

fn charge<K: Hash + Eq + Clone>(all: &mut HashMap<K, Tally>, key: K, rule: &Rule, now: Moment) -> u32 {
    if all.len() >= REMEMBERED_MAX && !all.contains_key(&key) {
        make_room(all, now);
    }
    let tally = all.entry(key).or_insert(Tally { failures: 0, last: now });
    tally.failures = tally.left(rule.forgets_one, now).saturating_add(1);
    tally.last = now;
    tally.failures
}

fn give_back<K: Hash + Eq>(all: &mut HashMap<K, Tally>, key: &K) {
    if let Some(tally) = all.get_mut(key) {
        tally.failures = tally.failures.saturating_sub(1);
        if tally.failures == 0 {
            all.remove(key);
        }
    }
}

/// What is over goes; if nothing is, the one that failed least and longest ago: whoever floods pushes out the flood.
fn make_room<K: Hash + Eq + Clone>(all: &mut HashMap<K, Tally>, now: Moment) {
    all.retain(|_, tally| now.since(tally.last) < FORGOTTEN_AFTER);
    if all.len() >= REMEMBERED_MAX {
        let least =
            all.iter().min_by_key(|(_, tally)| (tally.failures, tally.last)).map(|(key, _)| key.clone());
        least.map(|key| all.remove(&key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Moment {
        Moment::from_micros(seconds * 1_000_000)
    }

    fn account(user: &str) -> Account {
        Account { user: user.to_owned(), device: None }
    }

    fn network(number: u32) -> Network {
        Network(format!("network {number}"))
    }

    #[test]
    fn networks_are_what_one_customer_has() {
        let of = |text: &str| Network::of(text.parse().expect("an address")).0;
        assert_eq!(of("192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("::ffff:192.0.2.77"), "192.0.2.0/24");
        assert_eq!(of("2001:db8:1:2::3"), "2001:db8:1::/48");
    }

    #[test]
    fn delays_of_an_account_grow_to_their_longest() {
        let seconds = |failures| delay(failures, &ACCOUNTS).as_secs();
        let found: Vec<_> = [0, 2, 3, 4, 5, 12, 13, 50, u32::MAX].map(seconds).to_vec();
        assert_eq!(found, [0, 0, 1, 2, 4, 512, 900, 900, 900]);
    }

    #[test]
    fn an_account_waits_from_wherever_it_is_tried() {
        let mut throttle = Throttle::default();
        for number in 0..3 {
            assert!(throttle.begin(account("a"), network(number), at(0)).is_ok());
        }
        assert_eq!(throttle.begin(account("a"), network(9), at(0)).err(), Some(Duration::from_secs(1)));
        assert!(throttle.begin(account("b"), network(9), at(0)).is_ok(), "others do not");
        assert_eq!(throttle.begin(account("a"), network(9), at(1)).map(|done| done.in_a_row).ok(), Some(4));
        assert_eq!(throttle.begin(account("a"), network(9), at(2)).err(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_network_waits_whatever_it_tries() {
        let mut throttle = Throttle::default();
        for number in 0..NETWORKS.free {
            assert!(throttle.begin(account(&number.to_string()), network(1), at(0)).is_ok());
        }
        let refused = throttle.begin(account("one more"), network(1), at(0));
        assert_eq!(refused.err(), Some(Duration::from_secs(1)));
        assert!(throttle.begin(account("one more"), network(2), at(0)).is_ok());
    }

    #[test]
    fn a_device_has_a_tally_of_its_own() {
        let mut throttle = Throttle::default();
        for number in 0..40 {
            let _ = throttle.begin(account("a"), network(number), at(u64::from(number)));
        }
        let device = Account { user: "a".to_owned(), device: Some(7) };
        assert!(throttle.begin(device, network(77), at(40)).is_ok());
    }

    #[test]
    fn a_network_forgets_one_failure_a_minute() {
        let mut throttle = Throttle::default();
        for number in 0..NETWORKS.free {
            let _ = throttle.begin(account(&number.to_string()), network(1), at(0));
        }
        assert!(throttle.begin(account("x"), network(1), at(600)).is_ok());
        assert_eq!(throttle.networks[&network(1)].failures, NETWORKS.free - 10 + 1);
    }

    #[test]
    fn a_right_password_alone_forgets_no_failure() {
        let mut throttle = Throttle::default();
        for _ in 0..2 {
            let _ = throttle.begin(account("a"), network(1), at(0));
        }
        let passed = throttle.begin(account("a"), network(1), at(0)).expect("let through");
        throttle.passed(&passed);
        let again = throttle.begin(account("a"), network(1), at(0)).expect("let through");
        assert_eq!(again.in_a_row, 3);
        throttle.succeeded(&again);
        let anew = throttle.begin(account("a"), network(1), at(0)).expect("let through");
        assert_eq!(anew.in_a_row, 1);
        assert_eq!(throttle.networks[&network(1)].failures, 3, "a network's failures stay");
    }

    #[test]
    fn a_day_without_failures_forgets() {
        let mut throttle = Throttle::default();
        for second in 0..4 {
            let _ = throttle.begin(account("a"), network(1), at(second));
        }
        let later = throttle.begin(account("a"), network(1), at(3 + 24 * 3600)).expect("let through");
        assert_eq!(later.in_a_row, 1);
    }

    #[test]
    fn a_flood_of_names_pushes_out_the_flood() {
        let mut throttle = Throttle::default();
        for second in 0..3 {
            let _ = throttle.begin(account("victim"), network(0), at(second));
        }
        for number in 0..u32::try_from(REMEMBERED_MAX).unwrap_or(0) + 100 {
            let _ = throttle.begin(account(&number.to_string()), network(number + 1), at(10));
        }
        assert!(throttle.accounts.len() <= REMEMBERED_MAX && throttle.networks.len() <= REMEMBERED_MAX);
        assert_eq!(throttle.accounts[&account("victim")].failures, 3);
    }
}
