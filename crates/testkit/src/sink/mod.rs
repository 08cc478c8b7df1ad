//! A catch-all SMTP server whose own log is the oracle of every delivery test.
//!
//! ```no_run
//! # fn main() -> Result<(), testkit::sink::SinkError> {
//! use testkit::sink::{Sink, SinkConfig};
//! let sink = Sink::start(SinkConfig::default())?;
//! // … send to sink.addr() …
//! println!("{} mails arrived", sink.snapshot().kept);
//! # Ok(()) }
//! ```
//!
//! A sink runs on a thread of its own with its own executor, so that in-process tests can use it from any
//! runtime or none. The protocol is the `smtp` room's server half; this module is the shell around it: sockets,
//! TLS, faults on purpose ([`behaviour`]), and the book ([`book`]).
//!
//! Invariants: an entry is in the book before its reply is on the wire; a mail is *kept* if and only if its end
//! was read and it was not refused, whatever the sender was told; with the same [`Behaviour`] the same
//! recipients meet the same faults.

pub mod arena;
pub mod behaviour;
mod behaviour_text;
pub mod book;
pub mod config;
mod content;
pub mod credentials;
mod dialogue;
mod handle;
pub mod kept;
mod link;
mod listener;
pub mod log_file;
pub mod record;
pub mod scan;
mod session;
pub mod snapshot;

pub use behaviour::{Act, Behaviour, Rule, When};
pub use config::{Account, AuthRule, Extensions, Keep, LogMode, SinkConfig, SinkLimits, TlsMode, TlsSetup};
pub use credentials::CredentialCount;
pub use handle::{Sink, SinkError, SinkHandle, SinkReader};
pub use kept::KeptMail;
pub use log_file::read_log;
pub use record::{LogLine, Login, Mail, Verdict};
pub use snapshot::Snapshot;
