//! Real servers of other makers: as relays Debian's Postfix and OpenSMTPD, npm's Haraka, PyPI's aiosmtpd; and Debian's
//! PostgreSQL as a store's server, and its Knot DNS and Unbound as name servers.
//!
//! Each runs privately, on a free port of 127.0.0.1 with files of its own, beside whatever the machine runs;
//! the mails that a relay received are the oracle of a test. Installing them is `cargo xtask peers`, not this
//! module: it starts only what is [`prepared`](Prepared). All calls block, within bounded times.
//!
//! Invariants: a server ends with its [`RunningRelay`], [`RunningPostgres`], [`PostgresPair`] or [`RunningDns`], or with the process that holds it, however that ends;
//! secrets appear in no error and no `Debug`.

mod aiosmtpd;
mod dns;
mod haraka;
mod inbox;
mod opensmtpd;
mod postfix;
mod postgres;
mod postgres_pair;
mod prepared;
mod relay;
mod supervised;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use aiosmtpd::Aiosmtpd;
pub use dns::{DnsZone, RunningDns, dns_or_skip};
pub use haraka::Haraka;
pub use inbox::ReceivedMail;
pub use opensmtpd::OpenSmtpd;
pub use postfix::Postfix;
pub use postgres::{Postgres, RunningPostgres, postgres_or_skip};
pub use postgres_pair::{PostgresPair, Replication};
pub use prepared::{Prepared, prepared_or_skip};
pub use relay::RunningRelay;

/// A relay could not be started, or its mails not be read.
#[derive(Debug, thiserror::Error)]
pub enum PeersError {
    /// The servers are not on this machine yet.
    #[error("the peer {what} is not prepared in {folder}: run cargo xtask peers")]
    NotPrepared {
        /// Which part lacks.
        what: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// The options ask for something that this server cannot do.
    #[error("{server} cannot be started so: {reason}")]
    Options {
        /// The server.
        server: &'static str,
        /// What it cannot do.
        reason: &'static str,
    },
    /// Its files could not be written.
    #[error("preparing the folder of {server} failed: {source}")]
    Folder {
        /// The server.
        server: &'static str,
        /// What the file system said.
        source: std::io::Error,
    },
    /// Its certificate could not be made.
    #[error(transparent)]
    Certificate(#[from] crate::certs::CertsError),
    /// The process could not be started.
    #[error("starting {server} failed: {source}")]
    Spawn {
        /// The server.
        server: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ended, or did not greet in time.
    #[error("{server} did not greet: {reason}; the end of its log:\n{log}")]
    Start {
        /// The server.
        server: &'static str,
        /// Ended, or too slow.
        reason: &'static str,
        /// The last lines that it wrote.
        log: String,
    },
    /// The folder of received mails could not be read.
    #[error("reading the received mails failed: {0}")]
    Inbox(std::io::Error),
    /// Fewer mails than awaited came in time.
    #[error("{received} mails of {awaited} were received within {within:?}; the end of the log:\n{log}")]
    Late {
        /// How many are there.
        received: usize,
        /// How many were awaited.
        awaited: usize,
        /// How long was waited.
        within: Duration,
        /// The last lines that the server wrote.
        log: String,
    },
}

/// A user of a relay. `Debug` hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The user name for AUTH (no tab, no line end).
    pub user: String,
    /// The secret for AUTH (no tab, no line end).
    pub secret: String,
}

impl Account {
    /// An account of these.
    #[must_use]
    pub fn new(user: impl Into<String>, secret: impl Into<String>) -> Self {
        Self { user: user.into(), secret: secret.into() }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a relay does with the mails that it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// It keeps them in a folder; [`RunningRelay::received`] reads it.
    Inbox,
    /// It hands them to this SMTP server, without encryption (Postfix and OpenSMTPD alone).
    Onward(SocketAddr),
}

/// How a relay is started.
#[derive(Debug, Clone)]
pub struct RelayOptions {
    /// Who may send through it after AUTH. Without any, everyone on this machine may, and AUTH is not offered.
    pub accounts: Vec<Account>,
    /// Whether it offers STARTTLS, and AUTH behind it alone.
    pub starttls: bool,
    /// Where the mails go.
    pub delivery: Delivery,
    /// Where its private folder is made; the system's temporary folder if `None`. A benchmark names a disk here.
    pub folder: Option<PathBuf>,
}

impl Default for RelayOptions {
    /// STARTTLS, then AUTH for one account; mails are kept.
    fn default() -> Self {
        Self {
            accounts: vec![Account::new("courier", "hikyaku-test-secret")],
            starttls: true,
            delivery: Delivery::Inbox,
            folder: None,
        }
    }
}

impl RelayOptions {
    /// No STARTTLS, no AUTH; mails are kept.
    #[must_use]
    pub fn open() -> Self {
        Self { accounts: Vec::new(), starttls: false, ..Self::default() }
    }

    /// What a benchmark compares with: production defaults, no TLS, no AUTH, everything handed on to `sink`.
    #[must_use]
    pub fn production(sink: SocketAddr) -> Self {
        Self { delivery: Delivery::Onward(sink), ..Self::open() }
    }
}
