//! What the room is told before it starts: limits and rates.

use std::net::IpAddr;
use std::time::Duration;

/// Everything that an installation may set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ApiConfig {
    /// See there.
    pub limits: Limits,
    /// See there.
    pub rates: Rates,
    /// Proxies whose `X-Forwarded-For` is believed; of others it is not even read.
    pub proxies: Vec<IpAddr>,
    /// `/metrics` answers anybody, rather than the loopback alone.
    pub open_metrics: bool,
}

/// Limits on what comes from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections at the same time. Each needs a file descriptor.
    pub connections_max: usize,
    /// Requests that are worked on at the same time.
    pub requests_max: usize,
    /// For a request's head, also of one that follows another on its connection.
    pub head_time_max: Duration,
    /// For a request's body.
    pub body_time_max: Duration,
    /// For the answer. What was begun goes on when it runs out.
    pub answer_time_max: Duration,
    /// Octets of a request's head.
    pub head_octets_max: usize,
    /// Octets of a request's body, inflated.
    pub body_octets_max: usize,
    /// How many octets one compressed octet may become, beyond the first MiB.
    pub inflation_max: usize,
    /// Memory of all bodies under way together, in octets.
    pub bodies_memory_max: usize,
    /// How deep JSON may nest.
    pub depth_max: usize,
    /// For requests under way when a drain begins.
    pub drain_time_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            requests_max: 2_048,
            head_time_max: Duration::from_secs(30),
            body_time_max: Duration::from_secs(120),
            answer_time_max: Duration::from_secs(60),
            head_octets_max: 64 << 10,
            body_octets_max: 30 << 20,
            inflation_max: 100,
            bodies_memory_max: 512 << 20,
            depth_max: 100,
            drain_time_max: Duration::from_secs(30),
        }
    }
}

/// How often a key may call: so many at once, and so many in each span after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rates {
    /// Calls a minute of all routes but mail/send.
    pub managing_per_minute: u32,
    /// Calls a second of mail/send.
    pub sending_per_second: u32,
    /// Failed logins a minute of one client's network.
    pub failures_per_minute: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { managing_per_minute: 600, sending_per_second: 20_000, failures_per_minute: 60 }
    }
}
