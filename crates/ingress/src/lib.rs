//! SMTP submission as a service: the asynchronous shell around [`smtp::server`], for any number of listening sockets
//! with STARTTLS (port 587) or implicit TLS (port 465).
//!
//! Who may log in, who may send from which address, and what becomes of a mail is asked of a [`Desk`] and its
//! [`Account`]s, which the composition root brings. This room knows no tenant, no key and no book; it opens no
//! outgoing connection, and reads the time from `runtime`'s [`Clock`](runtime::Clock) alone.
//!
//! Invariants:
//! * 250 for a message is said only after [`Account::accept`] returned `Ok`.
//! * Everything that a client can make the service hold has a limit ([`Limits`]), and every refusal is counted by its
//!   rule ([`Counters`]). Nothing is read while replies wait to be written.
//! * Where TLS is required, nothing but EHLO, NOOP, STARTTLS and QUIT is done in the clear.
//! * No address, subject or secret reaches a log.

mod budget;
mod config;
mod counters;
mod desk;
mod dialogue;
mod envelope;
mod link;
mod listener;
mod networks;
mod refusal;
mod service;
mod session;
mod timer;

pub use config::{Limits, Listener, ListenerMode, Settings};
pub use counters::{AnswerTimes, Counters, Rule};
pub use desk::{Account, Desk, LoginAttempt, LoginRefusal, SubmittedMail};
pub use refusal::{NotARefusal, Refusal};
pub use service::{Drained, Service, StartError};
