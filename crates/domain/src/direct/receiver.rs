//! How much a receiver's domain is given at a time: one table for the large ones, one line for all others.

use std::time::Duration;

use super::back_off::BackOffSchedule;

/// How much one domain is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReceiverLimits {
    /// Who it is.
    pub name: &'static str,
    /// Connections at the same time.
    pub sessions_max: u32,
    /// Messages over one connection.
    pub messages_per_connection_max: u32,
    /// How long to wait after it had enough.
    pub back_off: BackOffSchedule,
    /// Where the numbers are from.
    pub source: &'static str,
}

const fn seconds(first: u64, longest: u64) -> BackOffSchedule {
    BackOffSchedule { first: Duration::from_secs(first), longest: Duration::from_secs(longest) }
}

const OURS: &str = "ours, cautious: the receiver publishes no number";

/// Domains, and what they get. A domain that ends with `.DOMAIN` of a line counts as it.
const RECEIVERS: &[(&[&str], ReceiverLimits)] = &[
    (&["gmail.com", "googlemail.com"], limits("gmail", 10, 100, seconds(60, 1800), OURS)),
    (
        &["yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "myyahoo.com"],
        limits(
            "yahoo",
            5,
            20,
            seconds(120, 3600),
            "20 messages a connection: help.yahoo.com SLN3433; connections ours",
        ),
    ),
    (&["yahoo.co.jp", "ybb.ne.jp"], limits("yahoo-japan", 3, 20, seconds(120, 3600), OURS)),
    (
        &["outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.jp", "hotmail.co.jp", "live.jp"],
        limits(
            "outlook",
            10,
            100,
            seconds(120, 3600),
            "Outlook.com's policies for senders allow 500 connections in all; ours, far below",
        ),
    ),
    (
        &["docomo.ne.jp", "spmode.ne.jp"],
        limits(
            "docomo",
            2,
            50,
            seconds(180, 3600),
            "asks for few sessions, at most 100 recipients each; ours",
        ),
    ),
    (
        &["au.com", "ezweb.ne.jp", "uqmobile.jp"],
        limits("au", 2, 50, seconds(180, 3600), "asks not to hold many or long sessions; numbers ours"),
    ),
    (
        &[
            "softbank.ne.jp",
            "i.softbank.jp",
            "vodafone.ne.jp",
            "disney.ne.jp",
            "ymobile.ne.jp",
            "yahoo.ne.jp",
        ],
        limits("softbank", 2, 50, seconds(180, 3600), OURS),
    ),
    (&["icloud.com", "me.com", "mac.com"], limits("icloud", 5, 50, seconds(120, 3600), OURS)),
];

/// Everybody else: small servers take a few connections well.
const OTHERS: ReceiverLimits = limits("other", 5, 100, seconds(60, 1800), OURS);

const fn limits(
    name: &'static str,
    sessions_max: u32,
    messages_per_connection_max: u32,
    back_off: BackOffSchedule,
    source: &'static str,
) -> ReceiverLimits {
    ReceiverLimits { name, sessions_max, messages_per_connection_max, back_off, source }
}

impl ReceiverLimits {
    /// The limits for a domain (ASCII, lower case).
    #[must_use]
    pub fn of(domain: &str) -> Self {
        let is = |known: &str| {
            domain.strip_suffix(known).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        RECEIVERS
            .iter()
            .find(|(domains, _)| domains.iter().any(|known| is(known)))
            .map_or(OTHERS, |(_, limits)| *limits)
    }

    /// All lines of the table, the one for all others last.
    pub fn all() -> impl Iterator<Item = Self> {
        RECEIVERS.iter().map(|(_, limits)| *limits).chain([OTHERS])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn domains_find_their_line() {
        let check = |domain: &str, name: &str| assert_eq!(ReceiverLimits::of(domain).name, name, "{domain}");
        check("gmail.com", "gmail");
        check("yahoo.co.jp", "yahoo-japan");
        check("yahoo.com", "yahoo");
        check("i.softbank.jp", "softbank");
        check("ezweb.ne.jp", "au");
        check("docomo.ne.jp", "docomo");
        check("d.vodafone.ne.jp", "softbank");
        check("example.jp", "other");
        check("notgmail.com", "other");
        check("me.com", "icloud");
        check("home.com", "other");
    }

    #[test]
    fn every_line_sends_something_and_waits() {
        for limits in ReceiverLimits::all() {
            assert!(limits.sessions_max > 0 && limits.messages_per_connection_max > 0, "{}", limits.name);
            assert!(limits.back_off.first <= limits.back_off.longest, "{}", limits.name);
        }
    }
}
