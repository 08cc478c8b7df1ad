//! What a client is told before it starts: its name, TLS, credentials and time limits.

use std::fmt;
use std::time::Duration;

use crate::Secret;
use crate::sasl::Mechanism;

/// How the link is to be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TlsMode {
    /// Never.
    None,
    /// By STARTTLS (RFC 3207), or the session ends.
    StartTls,
    /// By STARTTLS where the server offers it and agrees.
    StartTlsIfOffered,
    /// From the first octet (RFC 8314).
    Implicit,
}

/// Who logs in.
#[derive(Clone)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password or, for the bearer mechanisms, the access token.
    pub secret: Secret,
    /// The mechanism to use; the best offered one of PLAIN, LOGIN and CRAM-MD5 when `None`.
    pub mechanism: Option<Mechanism>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// How long to wait for the server, step by step (RFC 5321 section 4.5.3.2).
///
/// A limit runs anew whenever a whole reply arrives or the kernel accepts octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeLimits {
    /// The greeting.
    pub greeting: Duration,
    /// The reply to EHLO, HELO or STARTTLS.
    pub ehlo: Duration,
    /// The TLS handshake.
    pub tls: Duration,
    /// Each reply during AUTH.
    pub auth: Duration,
    /// The reply to MAIL or RSET.
    pub mail: Duration,
    /// The reply to RCPT.
    pub rcpt: Duration,
    /// The reply to DATA.
    pub data_init: Duration,
    /// The kernel taking more of a message.
    pub data_block: Duration,
    /// The reply to the message end.
    pub data_done: Duration,
    /// The reply to QUIT.
    pub quit: Duration,
}

impl Default for TimeLimits {
    fn default() -> Self {
        let minutes = |count: u64| Duration::from_secs(60 * count);
        Self {
            greeting: minutes(5),
            ehlo: minutes(5),
            tls: minutes(1),
            auth: minutes(2),
            mail: minutes(5),
            rcpt: minutes(5),
            data_init: minutes(2),
            data_block: minutes(3),
            data_done: minutes(10),
            quit: Duration::from_secs(10),
        }
    }
}

/// Everything that a client is told before it starts.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// The name given in EHLO: a domain name or an address literal (RFC 5321 section 4.1.3).
    pub ehlo_name: String,
    /// How the link is to be encrypted.
    pub tls: TlsMode,
    /// Who logs in; `None` for a relay that asks for nothing.
    pub credentials: Option<Credentials>,
    /// Lets mechanisms that show the secret run over a link without encryption.
    pub allow_plaintext_auth: bool,
    /// How long to wait for the server.
    pub time_limits: TimeLimits,
    /// Sends content by BDAT (RFC 3030) where the server offers CHUNKING.
    pub use_chunking: bool,
}

impl ClientConfig {
    /// A configuration without TLS, credentials or CHUNKING, with the usual time limits.
    #[must_use]
    pub fn new(ehlo_name: impl Into<String>) -> Self {
        Self {
            ehlo_name: ehlo_name.into(),
            tls: TlsMode::None,
            credentials: None,
            allow_plaintext_auth: false,
            time_limits: TimeLimits::default(),
            use_chunking: false,
        }
    }
}
