//! Which hosts take mail for a domain, and in which order (RFC 5321 section 5.1, RFC 7505).

use std::net::{IpAddr, Ipv4Addr};

use crate::policy::scatter;
use crate::reply::EnhancedStatus;

/// Hosts of one domain that are tried; the rest of a longer list is not looked at.
pub const HOSTS_MAX: usize = 8;

/// One MX record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MxRecord {
    /// Lower is tried first.
    pub preference: u16,
    /// The host's name without the final dot; empty for the root (`.`).
    pub host: String,
}

/// Where a domain's mails go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// The hosts named by MX records, in the order in which they are to be tried.
    Hosts(Vec<String>),
    /// There is no MX record: the domain itself, if it has an address (the implicit MX).
    Implicit,
    /// Nowhere, for good.
    Nowhere(NoRoute),
}

/// Why no mail can ever be sent to a domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoRoute {
    /// A null MX (RFC 7505).
    #[error("the domain says that it takes no mail (null MX, RFC 7505)")]
    NullMx,
    /// The name does not exist (NXDOMAIN).
    #[error("the domain does not exist in the DNS (NXDOMAIN)")]
    NoDomain,
    /// There is neither an MX record nor an address.
    #[error("the domain has neither an MX record nor an address")]
    NoHost,
    /// Every MX record names what cannot be a host.
    #[error("none of the domain's MX records names a usable host")]
    NoUsableHost,
}

impl NoRoute {
    /// The status to record (RFC 3463, RFC 7505).
    #[must_use]
    pub const fn status(self) -> EnhancedStatus {
        let (subject, detail) = match self {
            Self::NullMx => (1, 10),
            Self::NoDomain => (1, 2),
            Self::NoHost | Self::NoUsableHost => (4, 4),
        };
        EnhancedStatus { class: 5, subject, detail }
    }
}

impl Destination {
    /// From a domain's MX records as the DNS gave them. `seed` decides the order within one preference: the same
    /// seed gives the same order.
    #[must_use]
    pub fn of(records: &[MxRecord], seed: u64) -> Self {
        match records {
            [] => return Self::Implicit,
            [only] if only.host.is_empty() => return Self::Nowhere(NoRoute::NullMx),
            _ => {}
        }
        let mut hosts: Vec<(u16, u64, String)> = Vec::new();
        for (place, record) in records.iter().enumerate().filter(|(_, record)| is_host(&record.host)) {
            let host = record.host.to_ascii_lowercase();
            match hosts.iter_mut().find(|(.., known)| *known == host) {
                Some((preference, ..)) => *preference = record.preference.min(*preference),
                None => hosts.push((record.preference, scatter(seed ^ scatter(place as u64)), host)),
            }
        }
        if hosts.is_empty() {
            return Self::Nowhere(NoRoute::NoUsableHost);
        }
        hosts.sort_unstable();
        hosts.truncate(HOSTS_MAX);
        Self::Hosts(hosts.into_iter().map(|(.., host)| host).collect())
    }
}

/// True for an address that a stranger's DNS may send us to: not this machine's own, not one of a private network.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => is_public_v4(four),
        IpAddr::V6(six) => match six.to_ipv4_mapped() {
            Some(four) => is_public_v4(four),
            None => {
                !(six.is_loopback()
                    || six.is_unspecified()
                    || six.is_multicast()
                    || six.is_unique_local()
                    || six.is_unicast_link_local())
            }
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    !(first == 0
        || first >= 224
        || is_shared
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local())
}

/// A name that can be looked up; an address in place of a name is none (RFC 5321 section 5.1 wants a name).
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_'))
    };
    let is_address = name.parse::<IpAddr>().is_ok();
    name.len() <= 253 && !is_address && name.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn mx(preference: u16, host: &str) -> MxRecord {
        MxRecord { preference, host: host.to_owned() }
    }

    fn hosts(records: &[MxRecord], seed: u64) -> Vec<String> {
        match Destination::of(records, seed) {
            Destination::Hosts(hosts) => hosts,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn lower_preferences_come_first() {
        assert_eq!(hosts(&[mx(20, "b.example"), mx(10, "A.example")], 1), ["a.example", "b.example"]);
        assert_eq!(
            hosts(&[mx(20, "a.example"), mx(10, "a.example"), mx(15, "b.example")], 1)[0],
            "a.example"
        );
    }

    #[test]
    fn the_seed_alone_decides_within_one_preference() {
        let records = [mx(10, "a.example"), mx(10, "b.example"), mx(10, "c.example"), mx(5, "first.example")];
        let firsts: std::collections::BTreeSet<_> =
            (0..64).map(|seed| hosts(&records, seed)[1].clone()).collect();
        assert_eq!(firsts.len(), 3, "each of the three comes first for some seed");
        assert_eq!(hosts(&records, 7), hosts(&records, 7));
        assert!((0..64).all(|seed| hosts(&records, seed)[0] == "first.example"));
    }

    #[test]
    fn a_domain_may_have_no_mail_host() {
        let check = |records: &[MxRecord], expected| assert_eq!(Destination::of(records, 0), expected);
        check(&[], Destination::Implicit);
        check(&[mx(0, "")], Destination::Nowhere(NoRoute::NullMx));
        check(&[mx(10, "192.0.2.1"), mx(10, "no host.example")], Destination::Nowhere(NoRoute::NoUsableHost));
        // RFC 7505 section 3: a null MX beside others is no null MX, and no host.
        check(&[mx(0, ""), mx(10, "a.example")], Destination::Hosts(vec!["a.example".to_owned()]));
    }

    #[test]
    fn a_strangers_dns_leads_to_public_addresses_alone() {
        let check = |address: &str, expected| {
            assert_eq!(is_public(address.parse().expect("an address")), expected, "{address}");
        };
        for public in ["203.0.113.9", "100.63.0.1", "2001:db8::1", "::ffff:203.0.113.9"] {
            check(public, true);
        }
        let own =
            ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.0.1", "0.0.0.0", "224.0.0.1"];
        for not_public in
            own.into_iter().chain(["100.64.0.1", "::1", "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1"])
        {
            check(not_public, false);
        }
    }

    #[test]
    fn reasons_have_their_status() {
        let check = |reason: NoRoute, status: &str| assert_eq!(reason.status().to_string(), status);
        check(NoRoute::NullMx, "5.1.10");
        check(NoRoute::NoDomain, "5.1.2");
        check(NoRoute::NoHost, "5.4.4");
    }

    proptest! {
        #[test]
        fn plans_are_sorted_bounded_and_without_repetition(
            records in prop::collection::vec((0_u16..4, "[a-e]{1,2}\\.example"), 1..40), seed: u64,
        ) {
            let records: Vec<_> = records.iter().map(|(p, host)| mx(*p, host)).collect();
            let plan = hosts(&records, seed);
            let best = |host: &String| records.iter().filter(|r| r.host == *host).map(|r| r.preference).min();
            prop_assert!(plan.len() <= HOSTS_MAX);
            prop_assert!(plan.is_sorted_by_key(best));
            let distinct: std::collections::BTreeSet<_> = plan.iter().collect();
            prop_assert_eq!(distinct.len(), plan.len());
        }
    }
}
