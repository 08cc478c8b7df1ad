//! Figures for operators: plain atomics, read by whoever shows them.
//!
//! Nothing here names a client, an address or a message. Figures of one moment need not fit each other to the last
//! one: each is exact by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A rule by which something was refused or cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// [`crate::Limits::connections_max`].
    Connections,
    /// [`crate::Limits::network_connections_max`] or [`crate::Limits::site_connections_max`].
    NetworkConnections,
    /// [`crate::Limits::network_arrivals_per_minute`].
    NetworkArrivals,
    /// [`crate::Limits::handshake_time_max`].
    HandshakeTime,
    /// [`crate::Limits::login_time_max`].
    LoginTime,
    /// [`crate::Limits::command_time_max`].
    CommandTime,
    /// [`crate::Limits::content_time_grace`] and [`crate::Limits::content_octets_per_second_min`].
    ContentTime,
    /// [`crate::Limits::reply_time_max`].
    ReplyTime,
    /// [`crate::Limits::answer_time_max`]: here the service was too slow, not the client.
    AnswerTime,
    /// [`crate::Limits::session_time_max`].
    SessionTime,
    /// [`crate::Limits::session_messages_max`].
    SessionMessages,
    /// [`crate::Limits::recipients_max`].
    Recipients,
    /// [`crate::Limits::message_octets_max`].
    MessageOctets,
    /// [`crate::Limits::messages_memory_max`].
    MessagesMemory,
    /// [`crate::Limits::session_login_failures_max`].
    SessionLogins,
    /// The waits after [`crate::Limits::network_login_failures_free`], and those by the desk's own count.
    NetworkLogins,
    /// [`crate::Limits::bad_commands_max`], [`crate::Limits::idle_commands_max`], or content that nobody asked for.
    BadCommands,
    /// Bare CR or LF, or NUL, in a message.
    MalformedContent,
}

impl Rule {
    /// Every rule.
    pub const ALL: [Self; 18] = [
        Self::Connections,
        Self::NetworkConnections,
        Self::NetworkArrivals,
        Self::HandshakeTime,
        Self::LoginTime,
        Self::CommandTime,
        Self::ContentTime,
        Self::ReplyTime,
        Self::AnswerTime,
        Self::SessionTime,
        Self::SessionMessages,
        Self::Recipients,
        Self::MessageOctets,
        Self::MessagesMemory,
        Self::SessionLogins,
        Self::NetworkLogins,
        Self::BadCommands,
        Self::MalformedContent,
    ];

    /// A word for a metric's label.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::NetworkConnections => "network_connections",
            Self::NetworkArrivals => "network_arrivals",
            Self::HandshakeTime => "handshake_time",
            Self::LoginTime => "login_time",
            Self::CommandTime => "command_time",
            Self::ContentTime => "content_time",
            Self::ReplyTime => "reply_time",
            Self::AnswerTime => "answer_time",
            Self::SessionTime => "session_time",
            Self::SessionMessages => "session_messages",
            Self::Recipients => "recipients",
            Self::MessageOctets => "message_octets",
            Self::MessagesMemory => "messages_memory",
            Self::SessionLogins => "session_logins",
            Self::NetworkLogins => "network_logins",
            Self::BadCommands => "bad_commands",
            Self::MalformedContent => "malformed_content",
        }
    }
}

/// The figures of one service since its start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Connections that are open.
    pub connections_open: AtomicU64,
    /// Connections that were let in.
    pub connections: AtomicU64,
    /// Connections that the kernel could not hand over (no file descriptors left, for example).
    pub accepts_failed: AtomicU64,
    /// TLS handshakes that succeeded.
    pub handshakes: AtomicU64,
    /// TLS handshakes that the client or the link broke.
    pub handshakes_failed: AtomicU64,
    /// Logins that succeeded.
    pub logins_accepted: AtomicU64,
    /// Logins with wrong credentials.
    pub logins_rejected: AtomicU64,
    /// Logins that the desk could not check.
    pub logins_unavailable: AtomicU64,
    /// Messages that the desk made durable.
    pub messages_accepted: AtomicU64,
    /// Messages that were complete, or MAIL commands, and got a 4xx reply.
    pub messages_deferred: AtomicU64,
    /// Messages that were complete, or MAIL commands, and got a 5xx reply.
    pub messages_rejected: AtomicU64,
    /// Durable messages whose 250 could not be written: their clients may send them again.
    pub acknowledgements_lost: AtomicU64,
    /// Octets of the durable messages.
    pub octets_accepted: AtomicU64,
    /// Sessions that ended by a panic, which is a mistake in the program.
    pub sessions_failed: AtomicU64,
    /// From the end of a message's content to its reply.
    pub answer_times: AnswerTimes,
    rules: [AtomicU64; Rule::ALL.len()],
}

impl Counters {
    /// How often this rule refused or cut something.
    #[must_use]
    pub fn refused(&self, rule: Rule) -> u64 {
        self.rules[rule as usize].load(Ordering::Relaxed)
    }

    pub(crate) fn refuse(&self, rule: Rule) {
        add(&self.rules[rule as usize], 1);
    }
}

pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.fetch_add(count, Ordering::Relaxed);
}

/// A histogram of times.
#[derive(Debug, Default)]
pub struct AnswerTimes {
    buckets: [AtomicU64; AnswerTimes::BOUNDS_MS.len() + 1],
    sum_us: AtomicU64,
}

impl AnswerTimes {
    /// Upper bounds of the buckets, in milliseconds; the last bucket has none.
    pub const BOUNDS_MS: [u64; 16] =
        [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000];

    /// Times in each bucket, not cumulative.
    #[must_use]
    pub fn buckets(&self) -> [u64; Self::BOUNDS_MS.len() + 1] {
        std::array::from_fn(|place| self.buckets[place].load(Ordering::Relaxed))
    }

    /// The sum of all times, in microseconds.
    #[must_use]
    pub fn sum_us(&self) -> u64 {
        self.sum_us.load(Ordering::Relaxed)
    }

    pub(crate) fn record(&self, time: Duration) {
        let us = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let place = Self::BOUNDS_MS.partition_point(|bound| bound * 1000 < us);
        add(&self.buckets[place], 1);
        add(&self.sum_us, us);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_has_its_own_count_and_word() {
        let counters = Counters::default();
        for (count, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(rule as usize, count, "{rule:?} stands at its place");
            (0..=count).for_each(|_| counters.refuse(rule));
        }
        for (count, rule) in Rule::ALL.into_iter().enumerate() {
            assert_eq!(counters.refused(rule), count as u64 + 1, "{rule:?}");
        }
        let mut words = Rule::ALL.map(Rule::word).to_vec();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Rule::ALL.len());
    }

    #[test]
    fn times_fall_into_their_buckets() {
        let times = AnswerTimes::default();
        let check = |time: Duration, place: usize| {
            let before = times.buckets()[place];
            times.record(time);
            assert_eq!(times.buckets()[place], before + 1, "{time:?}");
        };
        check(Duration::ZERO, 0);
        check(Duration::from_millis(1), 0);
        check(Duration::from_micros(1001), 1);
        check(Duration::from_secs(120), 15);
        check(Duration::from_secs(121), 16);
        assert_eq!(times.sum_us(), 241_002_001);
    }
}
