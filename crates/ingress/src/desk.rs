//! What the service asks: who may log in, who may send from where, and whether a mail is durable.
//!
//! The composition root implements both traits. Leaves to it tenants, keys, password hashing and its bounds, the reading
//! of messages, and durability.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{EmailAddress, Timestamp};
use smtp::Secret;

use crate::refusal::Refusal;

/// Who may log in, and what becomes of their mails.
#[async_trait]
pub trait Desk: Send + Sync + 'static {
    /// Checks the user and secret that a client gave by AUTH PLAIN or LOGIN. The future may be dropped when it takes
    /// longer than [`crate::Limits::answer_time_max`]; the client is then told to try later.
    ///
    /// # Errors
    /// Why it may not log in now.
    async fn log_in(&self, attempt: LoginAttempt<'_>) -> Result<Arc<dyn Account>, LoginRefusal>;
}

/// One authenticated client's rights.
#[async_trait]
pub trait Account: Send + Sync + 'static {
    /// Whether it may send from this address; `None` is the empty return path (`MAIL FROM:<>`).
    ///
    /// # Errors
    /// The reply, with the remedy in its text.
    async fn may_send_from(&self, reverse_path: Option<&EmailAddress>) -> Result<(), Refusal>;

    /// Whether it may send to this address; asked at RCPT, so that one bad recipient does not cost the message. By
    /// default, to every well-formed one.
    ///
    /// # Errors
    /// The reply, with the remedy in its text.
    fn may_send_to(&self, _forward_path: &EmailAddress) -> Result<(), Refusal> {
        Ok(())
    }

    /// Makes a mail durable, and gives the id under which it can be asked for. Only after that the client hears 250.
    ///
    /// A client that goes away meanwhile does not end the future. It is dropped when it takes longer than
    /// [`crate::Limits::answer_time_max`] or when a drain runs out of time; the mail may then be durable although the
    /// client was not told so, and will come again. So it is with a client that never hears the 250: SMTP promises
    /// at least once.
    ///
    /// # Errors
    /// Why it is not taken: then nothing of it may be sent.
    async fn accept(&self, mail: SubmittedMail) -> Result<String, Refusal>;
}

/// What a client shows to log in.
pub struct LoginAttempt<'a> {
    /// As whom.
    pub user: &'a str,
    /// The password or key.
    pub secret: &'a Secret,
    /// From where.
    pub peer: IpAddr,
    /// Over TLS.
    pub encrypted: bool,
}

impl fmt::Debug for LoginAttempt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginAttempt").field("encrypted", &self.encrypted).finish_non_exhaustive()
    }
}

/// Why a client may not log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// No such user, or another secret: 535 5.7.8. Counts against the connection and its network.
    #[error("the credentials are wrong")]
    Rejected,
    /// Too many tries by the desk's own count: 421 4.7.0, and the session ends.
    #[error("too many logins were tried")]
    Throttled,
    /// The desk cannot tell now: 454 4.7.0. Counts against nobody.
    #[error("logins cannot be checked now")]
    Unavailable,
}

/// A mail as a client handed it in.
pub struct SubmittedMail {
    /// The return path; `None` for the empty one.
    pub reverse_path: Option<EmailAddress>,
    /// Whom it is for, in order, repetitions kept; at least one.
    pub recipients: Vec<EmailAddress>,
    /// The message: dots unstuffed, only CRLF ends a line, no NUL. The last line has its CRLF after DATA, and may lack
    /// it after BDAT.
    pub octets: Vec<u8>,
    /// The client declared 8-bit content (RFC 6152).
    pub eight_bit: bool,
    /// The client asked for SMTPUTF8 (RFC 6531).
    pub smtputf8: bool,
    /// The name that the client gave in EHLO: unchecked, for a Received field.
    pub greeted_as: String,
    /// From where it came.
    pub peer: IpAddr,
    /// It came over TLS.
    pub encrypted: bool,
    /// When its end was read.
    pub at: Timestamp,
}

impl fmt::Debug for SubmittedMail {
    /// No address and no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubmittedMail")
            .field("recipients", &self.recipients.len())
            .field("octets", &self.octets.len())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}
