//! What a server tells its shell.

use crate::Mechanism;
use crate::client::Body;
use crate::sasl::server::Proof;

/// What happened. Those marked *asks* wait for [`super::Server::accept`] or [`super::Server::reply`]; until then
/// no further event comes.
#[derive(Debug)]
pub enum Event<'a> {
    /// EHLO or HELO, already answered. A transaction under way was given up.
    Ehlo {
        /// The name that the client gave.
        name: &'a str,
    },
    /// STARTTLS, already answered: write what is pending, do the handshake, call `tls_started`. Octets that had
    /// arrived behind the command were dropped.
    StartTls,
    /// *Asks.* A client logs in.
    Auth {
        /// How.
        mechanism: Mechanism,
        /// As whom.
        user: String,
        /// What it knows.
        proof: Proof,
    },
    /// *Asks.* MAIL.
    Mail(Mail<'a>),
    /// *Asks.* RCPT.
    Rcpt {
        /// The address.
        forward_path: &'a str,
    },
    /// *Asks.* DATA: accepting says 354. (BDAT asks nothing before its content.)
    Data,
    /// The next part of the content, in [`super::ContentMode::Slices`].
    Content {
        /// The octets; a line, a CRLF or a doubled dot may be split between two slices.
        octets: &'a [u8],
        /// True after DATA: dots at the start of lines are doubled. False after BDAT.
        stuffed: bool,
    },
    /// *Asks.* The whole content, unstuffed, in [`super::ContentMode::Whole`]. Accepting takes responsibility.
    Message {
        /// The content, its last CRLF included.
        octets: &'a [u8],
    },
    /// *Asks.* The content was complete, in [`super::ContentMode::Slices`]. Accepting takes responsibility.
    MessageEnd {
        /// Octets of all slices.
        octets: u64,
    },
    /// A command asked for more than the configuration grants, already answered: MAIL with 552, RCPT with 452.
    LimitReached(Limit),
    /// The content was complete and has been refused.
    MessageRefused(ContentFault),
    /// RSET, already answered: the transaction was given up.
    Reset,
    /// QUIT, already answered: write what is pending, then close.
    Quit,
    /// Too many bad commands, or content that was not asked for; already answered with 421: write what is pending,
    /// then close.
    Expelled,
}

/// A limit that a command ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`super::ServerConfig::size_max`], by the size that MAIL announced.
    MessageSize,
    /// [`super::ServerConfig::recipients_max`].
    Recipients,
}

/// A MAIL command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mail<'a> {
    /// The return path; empty for none.
    pub reverse_path: &'a str,
    /// The size that the client announced.
    pub size: Option<u64>,
    /// The kind of content.
    pub body: Body,
    /// SMTPUTF8 was asked for.
    pub smtputf8: bool,
}

/// Why content was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContentFault {
    /// Larger than [`super::ServerConfig::size_max`].
    #[error("the message is too large")]
    TooLarge,
    /// A CR or LF that is no part of a CRLF.
    #[error("the message has a line end that is not CRLF")]
    BareLineEnd,
    /// A NUL octet.
    #[error("the message has a NUL octet")]
    Nul,
    /// By [`super::Server::refuse_content`].
    #[error("the message was given up by the server")]
    GivenUp,
}
