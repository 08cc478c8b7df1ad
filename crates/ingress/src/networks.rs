//! Who is connected from where: limits for all, for each client's network, and for failed logins.
//!
//! Leaves to the callers what they say. Invariants: a place that was given is given back when it is dropped; no more
//! networks are remembered than configured and connected; only numbers are kept of each.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::Moment;

use crate::config::Limits;
use crate::counters::{Counters, Rule, add};

/// Where clients are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Network {
    V4([u8; 4]),
    /// A /64: what one customer has at least.
    V6(u64),
    /// A /48: what one customer has at most.
    Site(u64),
}

/// The network of an address, and its site.
fn networks_of(address: IpAddr) -> (Network, Option<Network>) {
    match address.to_canonical() {
        IpAddr::V4(address) => (Network::V4(address.octets()), None),
        IpAddr::V6(address) => {
            let high = (address.to_bits() >> 64) as u64;
            (Network::V6(high), Some(Network::Site(high >> 16)))
        }
    }
}

/// What is known of one network.
#[derive(Debug)]
struct Entry {
    open: usize,
    /// When the next connection would come if they came evenly.
    even_arrival: Moment,
    login_failures: u32,
    /// No login before this.
    login_from: Moment,
    failed_at: Moment,
    seen: Moment,
}

/// All networks.
#[derive(Debug)]
pub(crate) struct Networks {
    limits: Limits,
    counters: Arc<Counters>,
    entries: Mutex<HashMap<Network, Entry>>,
}

/// A connection that was let in.
#[derive(Debug)]
pub(crate) struct Place {
    networks: Arc<Networks>,
    address: IpAddr,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Networks {
    pub fn new(limits: Limits, counters: Arc<Counters>) -> Arc<Self> {
        Arc::new(Self { limits, counters, entries: Mutex::default() })
    }

    /// Lets a connection in, or names the rule that forbids it, which is counted.
    pub fn admit(self: &Arc<Self>, address: IpAddr, now: Moment) -> Result<Place, Rule> {
        let admitted = self.try_admit(address, now);
        match admitted {
            Ok(()) => {
                add(&self.counters.connections, 1);
                Ok(Place { networks: Arc::clone(self), address })
            }
            Err(rule) => {
                self.counters.refuse(rule);
                Err(rule)
            }
        }
    }

    fn try_admit(&self, address: IpAddr, now: Moment) -> Result<(), Rule> {
        let (network, site) = networks_of(address);
        let mut entries = self.entries();
        // Under the lock, so that nobody else takes the last place meanwhile.
        if self.counters.connections_open.load(Ordering::Relaxed) >= self.limits.connections_max as u64 {
            return Err(Rule::Connections);
        }
        self.make_room(&mut entries);
        let crowd = |network: Network| entries.get(&network).map_or(0, |entry| entry.open);
        let crowded = crowd(network) >= self.limits.network_connections_max
            || site.is_some_and(|site| crowd(site) >= self.limits.site_connections_max);
        if crowded {
            return Err(Rule::NetworkConnections);
        }
        let entry = entries.entry(network).or_insert_with(|| Entry::new(now));
        entry.arrive(self.limits.network_arrivals_per_minute, now)?;
        entry.open += 1;
        if let Some(site) = site {
            let entry = entries.entry(site).or_insert_with(|| Entry::new(now));
            entry.open += 1;
            entry.seen = now;
        }
        add(&self.counters.connections_open, 1);
        Ok(())
    }

    /// True when this network may try a login now.
    pub fn may_log_in(&self, address: IpAddr, now: Moment) -> bool {
        self.entries().get(&networks_of(address).0).is_none_or(|entry| entry.login_from <= now)
    }

    /// A login of this network failed.
    pub fn login_failed(&self, address: IpAddr, now: Moment) {
        let mut entries = self.entries();
        let entry = entries.entry(networks_of(address).0).or_insert_with(|| Entry::new(now));
        entry.fail(&self.limits, now);
    }

    fn leave(&self, address: IpAddr) {
        let (network, site) = networks_of(address);
        let mut entries = self.entries();
        for network in [Some(network), site].into_iter().flatten() {
            if let Some(entry) = entries.get_mut(&network) {
                entry.open = entry.open.saturating_sub(1);
            }
        }
        self.counters.connections_open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Forgets a quarter of the networks when there are too many: those without a connection that were quiet for
    /// longest.
    fn make_room(&self, entries: &mut HashMap<Network, Entry>) {
        let most = self.limits.networks_max.max(4);
        if entries.len() < most {
            return;
        }
        let mut quiet: Vec<Moment> =
            entries.values().filter(|entry| entry.open == 0).map(|entry| entry.seen).collect();
        let Some(last) = quiet.len().min(most / 4).checked_sub(1) else { return };
        let (_, horizon, _) = quiet.select_nth_unstable(last);
        let horizon = *horizon;
        entries.retain(|_, entry| entry.open > 0 || entry.seen > horizon);
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Network, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(now: Moment) -> Self {
        Self {
            open: 0,
            even_arrival: now,
            login_failures: 0,
            login_from: Moment::ZERO,
            failed_at: Moment::ZERO,
            seen: now,
        }
    }

    /// The generic cell rate algorithm: a minute's connections may come at once, then evenly.
    fn arrive(&mut self, per_minute: u32, now: Moment) -> Result<(), Rule> {
        self.seen = now;
        let between = MINUTE / per_minute.max(1);
        let due = self.even_arrival.max(now);
        if due.since(now) > MINUTE - between {
            return Err(Rule::NetworkArrivals);
        }
        self.even_arrival = due + between;
        Ok(())
    }

    fn fail(&mut self, limits: &Limits, now: Moment) {
        self.seen = now;
        if now.since(self.failed_at) >= limits.login_delay_max * 2 {
            self.login_failures = 0;
        }
        self.failed_at = now;
        self.login_failures = self.login_failures.saturating_add(1);
        if let Some(beyond) = self.login_failures.checked_sub(limits.network_login_failures_free.max(1)) {
            let delay = limits.login_delay_min.saturating_mul(1 << beyond.min(20));
            self.login_from = now + delay.min(limits.login_delay_max);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.networks.leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Moment {
        Moment::from_micros(ms * 1000)
    }

    fn networks(change: impl FnOnce(&mut Limits)) -> Arc<Networks> {
        let mut limits = Limits::default();
        change(&mut limits);
        Networks::new(limits, Arc::new(Counters::default()))
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn clients_are_counted_by_their_network() {
        let check = |a: &str, b: &str, same: (bool, bool)| {
            let (a, b) = (networks_of(ip(a)), networks_of(ip(b)));
            assert_eq!((a.0 == b.0, a.1 == b.1), same);
        };
        check("192.0.2.1", "192.0.2.1", (true, true));
        check("192.0.2.1", "192.0.2.2", (false, true));
        check("192.0.2.1", "::ffff:192.0.2.1", (true, true));
        check("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", (true, true));
        check("2001:db8:1:2::1", "2001:db8:1:3::1", (false, true));
        check("2001:db8:1:2::1", "2001:db8:2:2::1", (false, false));
    }

    #[test]
    fn places_run_out_and_come_back() {
        let networks = networks(|limits| {
            limits.connections_max = 4;
            limits.network_connections_max = 2;
            limits.site_connections_max = 3;
        });
        let admit = |text: &str| networks.admit(ip(text), at(0));
        let one = admit("2001:db8:1:1::1").expect("a place");
        let two = admit("2001:db8:1:1::2").expect("a place");
        assert_eq!(admit("2001:db8:1:1::3").err(), Some(Rule::NetworkConnections));
        let three = admit("2001:db8:1:2::1").expect("another network has its own");
        assert_eq!(admit("2001:db8:1:3::1").err(), Some(Rule::NetworkConnections), "the site is full");
        let four = admit("192.0.2.1").expect("another site has its own");
        assert_eq!(admit("192.0.2.2").err(), Some(Rule::Connections));
        drop((one, four));
        let places = [admit("2001:db8:1:1::9").expect("given back"), admit("192.0.2.2").expect("given back")];
        let counters = &networks.counters;
        assert_eq!(counters.refused(Rule::NetworkConnections), 2);
        assert_eq!(counters.connections_open.load(Ordering::Relaxed), 4);
        drop((two, three, places));
        assert_eq!(counters.connections_open.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn arrivals_are_limited_by_the_minute() {
        let networks = networks(|limits| limits.network_arrivals_per_minute = 3);
        let arrive = |ms| networks.admit(ip("192.0.2.1"), at(ms)).map(drop);
        for ms in [0, 0, 0] {
            assert_eq!(arrive(ms), Ok(()));
        }
        assert_eq!(arrive(0), Err(Rule::NetworkArrivals));
        assert_eq!(networks.admit(ip("192.0.2.2"), at(0)).map(drop), Ok(()), "each has its own");
        assert_eq!(arrive(19_999), Err(Rule::NetworkArrivals));
        assert_eq!(arrive(20_000), Ok(()));
        assert_eq!(arrive(20_001), Err(Rule::NetworkArrivals));
        for _ in 0..3 {
            assert_eq!(arrive(200_000), Ok(()));
        }
        assert_eq!(arrive(200_000), Err(Rule::NetworkArrivals));
    }

    #[test]
    fn failed_logins_make_a_network_wait_longer_each_time() {
        let networks = networks(|limits| {
            limits.network_login_failures_free = 2;
            limits.login_delay_max = Duration::from_secs(3);
        });
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        networks.login_failed(one, at(0));
        assert!(networks.may_log_in(one, at(0)));
        let waits = |from: u64, wait: u64| {
            networks.login_failed(one, at(from));
            assert!(!networks.may_log_in(one, at(from + wait - 1)), "{from}");
            assert!(networks.may_log_in(one, at(from + wait)), "{from}");
        };
        waits(0, 1000);
        waits(1000, 2000);
        waits(3000, 3000);
        waits(6000, 3000);
        assert!(networks.may_log_in(other, at(6000)), "each has its own");
        networks.login_failed(one, at(12_000));
        assert!(networks.may_log_in(one, at(12_000)), "forgotten after twice the longest wait");
    }

    #[test]
    fn no_more_networks_are_remembered_than_configured() {
        let networks = networks(|limits| limits.networks_max = 100);
        let address = |n: u64| IpAddr::from((u128::from(n) << 80).to_be_bytes());
        let kept = networks.admit(address(0), at(0)).expect("a place");
        for n in 1..10_000 {
            drop(networks.admit(address(n), at(n)));
            assert!(networks.entries().len() <= 102, "{n}");
        }
        assert!(networks.entries().contains_key(&networks_of(address(0)).0), "who is connected is kept");
        assert!(networks.entries().contains_key(&networks_of(address(9999)).0), "the newest is kept");
        drop(kept);
    }
}
