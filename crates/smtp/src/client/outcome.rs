//! What a client tells the engine: events, results by recipient, and why a session ended.

use domain::{Phase, Reply};

use crate::ReplyError;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// Do the TLS handshake now, then call `tls_started` or `tls_failed`.
    StartTls,
    /// Authenticated where so configured: envelopes may be offered. `capabilities()` tells what is offered.
    Ready,
    /// The envelope has at least one accepted recipient and the server waits for its content.
    EnvelopeAccepted {
        /// The engine's number of the envelope.
        id: u64,
    },
    /// An envelope is done with.
    Settled(Settlement),
    /// The session is over: close the link, and discard whatever was not yet accepted by the kernel.
    Closed(SessionEnd),
}

/// How an envelope ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settlement {
    /// The engine's number of the envelope.
    pub id: u64,
    /// One result for each recipient, in the order of the envelope.
    pub results: Vec<DeliveryResult>,
    /// How far the envelope got.
    pub phase: Phase,
}

/// What became of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryResult {
    /// A 2xx reply to the message end.
    Accepted(Reply),
    /// A failure before the message end was written, or a 4xx reply: may be tried again by itself.
    Deferred {
        /// How far it got; [`Phase::Dot`] for a 4xx reply to the message end.
        phase: Phase,
        /// Why.
        cause: DeferCause,
    },
    /// A 5xx reply.
    Rejected {
        /// The step that was refused; [`Phase::Dot`] for a reply to the message end.
        phase: Phase,
        /// The reply.
        reply: Reply,
    },
    /// This server cannot take the message by its own announcement: nothing was sent.
    Unsendable(Unsendable),
    /// The whole message end was written and no reply to it arrived.
    Unknown {
        /// Why the reply is missing.
        cause: EndCause,
    },
}

impl DeliveryResult {
    /// The server's words, where there are any.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match self {
            Self::Accepted(reply) | Self::Rejected { reply, .. } => Some(reply),
            Self::Deferred { cause: DeferCause::Reply(reply), .. }
            | Self::Deferred { cause: DeferCause::SessionEnded(EndCause::Refused(reply)), .. }
            | Self::Unknown { cause: EndCause::Refused(reply) } => Some(reply),
            Self::Deferred { .. } | Self::Unsendable(_) | Self::Unknown { .. } => None,
        }
    }
}

/// Why a recipient is to be tried again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeferCause {
    /// The server answered this envelope so.
    #[error("the server answered: {0}")]
    Reply(Reply),
    /// The session ended before the message end was written.
    #[error("{0}")]
    SessionEnded(EndCause),
}

/// Why a message cannot be sent over this session: a property of the message and the server's EHLO response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// Larger than the server's SIZE (RFC 1870).
    #[error("the message has {size} octets and the server takes at most {limit}")]
    TooLarge {
        /// Octets of the message.
        size: u64,
        /// Octets that the server takes.
        limit: u64,
    },
    /// Needs SMTPUTF8 (RFC 6531), which the server does not offer.
    #[error("the address or message needs SMTPUTF8, which the server does not offer")]
    NeedsSmtpUtf8,
    /// Needs 8BITMIME (RFC 6152), which the server does not offer.
    #[error("the message needs 8BITMIME, which the server does not offer")]
    NeedsEightBitMime,
}

/// The end of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionEnd {
    /// The step in which the session was; [`Phase::Permit`] when no envelope was under way.
    pub phase: Phase,
    /// Why it ended.
    pub cause: EndCause,
}

/// Why a session ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndCause {
    /// The engine asked for it, and QUIT was said.
    #[error("the session was ended with QUIT")]
    Quit,
    /// The engine gave the session up.
    #[error("the session was abandoned")]
    Abandoned,
    /// The server closed the link.
    #[error("the server closed the connection")]
    EndOfFile,
    /// The link broke; the shell's words.
    #[error("the connection failed: {0}")]
    LinkFailed(String),
    /// The server took too long.
    #[error("the server did not answer in time (waiting for {0})")]
    TimeLimit(&'static str),
    /// A reply that ends the session: a refused greeting, EHLO, STARTTLS, AUTH or RSET, or any 421.
    #[error("the server refused: {0}")]
    Refused(Reply),
    /// The peer does not speak SMTP.
    #[error("the server does not speak SMTP; it sent \"{first_octets}\"")]
    NotSmtp {
        /// What it sent first, escaped.
        first_octets: String,
    },
    /// A reply that breaks the rules of RFC 5321 section 4.2.
    #[error("{0}")]
    Malformed(ReplyError),
    /// A well-formed reply where none, or another kind, was due.
    #[error("the server answered out of step ({0})")]
    OutOfStep(&'static str),
    /// 354 although no recipient was accepted: an empty message must not be sent.
    #[error("the server asked for content although it accepted no recipient")]
    DataWithoutRecipients,
    /// Octets in the clear behind the reply to STARTTLS.
    #[error("data arrived in the clear after STARTTLS (an attack or a broken server)")]
    PlaintextInjection,
    /// STARTTLS is required and not offered.
    #[error("TLS is required and the server does not offer STARTTLS")]
    StartTlsNotOffered,
    /// The handshake failed; the shell's words.
    #[error("the TLS handshake failed: {0}")]
    TlsFailed(String),
    /// No mechanism that both sides know.
    #[error("no common AUTH mechanism; the server offers: {offered}")]
    NoCommonMechanism {
        /// The names in the server's EHLO response.
        offered: String,
    },
    /// Only mechanisms that show the secret, over a link in the clear.
    #[error("refusing to send the password without TLS; the server offers: {offered}")]
    PlaintextAuth {
        /// The names in the server's EHLO response.
        offered: String,
    },
    /// A configured text that must not go on the wire.
    #[error("the configured {0} holds characters that SMTP cannot carry")]
    UnsafeConfig(&'static str),
}

/// Why an envelope was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OfferError {
    /// The session is not ready, is ending or has ended.
    #[error("the session takes no envelopes now")]
    NotReady,
    /// One envelope waits already.
    #[error("an envelope is waiting already")]
    Occupied,
    /// An address with control characters, white space or brackets outside quotes.
    #[error("an address holds characters that must not go on the wire")]
    UnsafeAddress,
    /// No recipient, or more than [`super::RECIPIENTS_MAX`].
    #[error("an envelope has 1 to 100 recipients")]
    RecipientCount,
}

/// Why a message was not taken. Nothing of it was queued; call `abandon` if there is no other message to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// No accepted envelope waits for its content.
    #[error("the server is not waiting for a message")]
    NotPermitted,
    /// No content.
    #[error("the message is empty")]
    Empty,
    /// A CR or LF that is no part of a CRLF.
    #[error("the message has a line end that is not CRLF")]
    BareLineEnd,
}
