//! What a service is told before it starts: names, sockets, limits.

use std::net::TcpListener;
use std::time::Duration;

use smtp::Mechanism;
use smtp::server::ServerConfig;

/// A socket to accept clients on.
#[derive(Debug)]
pub struct Listener {
    /// Bound and listening. Its backlog is the caller's choice.
    pub socket: TcpListener,
    /// How TLS begins on it.
    pub mode: ListenerMode,
}

/// How TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListenerMode {
    /// In the clear, then STARTTLS (RFC 3207): port 587.
    StartTls,
    /// At once (RFC 8314): port 465.
    ImplicitTls,
}

/// How a service greets, and what it puts up with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The name in the greeting and the EHLO response.
    pub hostname: String,
    /// Nothing but EHLO, NOOP, STARTTLS and QUIT in the clear. Off for quick starts on the loopback alone: then keys
    /// cross the link in the clear.
    pub require_tls: bool,
    /// See there.
    pub limits: Limits,
}

impl Settings {
    /// TLS is required, limits are the default ones.
    #[must_use]
    pub fn new(hostname: impl Into<String>) -> Self {
        Self { hostname: hostname.into(), require_tls: true, limits: Limits::default() }
    }

    /// What the sans-IO half is told.
    pub(crate) fn server_config(&self, with_tls: bool) -> ServerConfig {
        let mut server = ServerConfig::new(self.hostname.clone());
        let limits = &self.limits;
        server.size_max = limits.message_octets_max;
        server.recipients_max = limits.recipients_max;
        server.bad_commands_max = limits.bad_commands_max;
        server.idle_commands_max = limits.idle_commands_max;
        server.extensions.starttls = with_tls;
        server.extensions.auth = vec![Mechanism::Plain, Mechanism::Login];
        server.require_tls = self.require_tls;
        server.auth_without_tls = !self.require_tls;
        server.require_auth = true;
        server.dsn_parameters = true;
        server.expel_early_content = true;
        server.refuse_nul = true;
        server
    }
}

/// Limits on what comes from outside. A *network* is an IPv4 address, or an IPv6 /64; a *site* is an IPv6 /48.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all. Each needs a file descriptor.
    pub connections_max: usize,
    /// Connections of one network.
    pub network_connections_max: usize,
    /// Connections of one site.
    pub site_connections_max: usize,
    /// New connections of one network: so many at once, and so many in each minute after.
    pub network_arrivals_per_minute: u32,
    /// Networks that are remembered; those that were quiet for longest are forgotten first.
    pub networks_max: usize,
    /// From the connection, or STARTTLS, to the end of the TLS handshake.
    pub handshake_time_max: Duration,
    /// From the connection to a login that succeeded.
    pub login_time_max: Duration,
    /// For one whole command (RFC 5321 section 4.5.3.2.7 asks for five minutes).
    pub command_time_max: Duration,
    /// For a message's content beyond what [`Self::content_octets_per_second_min`] gives it.
    pub content_time_grace: Duration,
    /// Slower than this, content runs out of its time.
    pub content_octets_per_second_min: u32,
    /// For a client to take our replies.
    pub reply_time_max: Duration,
    /// For the desk to answer.
    pub answer_time_max: Duration,
    /// For a whole session.
    pub session_time_max: Duration,
    /// Messages of one session.
    pub session_messages_max: u32,
    /// Recipients of one message.
    pub recipients_max: usize,
    /// Octets of one message.
    pub message_octets_max: u64,
    /// Memory of all messages under way together, in octets.
    pub messages_memory_max: u64,
    /// Failed logins of one connection before it ends.
    pub session_login_failures_max: u32,
    /// Failed logins of one network before each further one makes it wait.
    pub network_login_failures_free: u32,
    /// The first wait; it doubles with each failure.
    pub login_delay_min: Duration,
    /// The longest wait. A network without a failure for twice as long starts anew.
    pub login_delay_max: Duration,
    /// Refused or unknown commands of one session.
    pub bad_commands_max: usize,
    /// Commands of one session that lead nowhere (EHLO, RSET, NOOP, VRFY) since its last message.
    pub idle_commands_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 10_000,
            network_connections_max: 500,
            site_connections_max: 2_000,
            network_arrivals_per_minute: 6_000,
            networks_max: 65_536,
            handshake_time_max: Duration::from_secs(30),
            login_time_max: Duration::from_secs(120),
            command_time_max: Duration::from_secs(300),
            content_time_grace: Duration::from_secs(180),
            content_octets_per_second_min: 4_096,
            reply_time_max: Duration::from_secs(60),
            answer_time_max: Duration::from_secs(120),
            session_time_max: Duration::from_secs(2 * 3600),
            session_messages_max: 10_000,
            recipients_max: 1_000,
            message_octets_max: 30 * 1024 * 1024,
            messages_memory_max: 512 * 1024 * 1024,
            session_login_failures_max: 3,
            network_login_failures_free: 10,
            login_delay_min: Duration::from_secs(1),
            login_delay_max: Duration::from_secs(900),
            bad_commands_max: 20,
            idle_commands_max: 100,
        }
    }
}
