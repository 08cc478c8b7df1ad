//! The client of one SMTP session: opening (greeting, EHLO, STARTTLS, AUTH), then one envelope after the other.
//!
//! The shell owns the link: it feeds [`Client::receive`], writes [`Client::pending`] and reports with
//! [`Client::written`] what the kernel accepted, *before* it feeds anything that it read later. The engine offers
//! the next envelope, is told when the server waits for content, and sends it; with PIPELINING the content, its
//! end and the next envelope's commands are one flight.
//!
//! Left to others: dialling, TLS, when to stop using a session, retry, and every record.
//!
//! Invariants:
//! * At most one message whose end was queued has no reply.
//! * When the session ends, a message is `Unknown` exactly if the kernel had accepted its whole end; after that
//!   nothing is pending any more. A session is never re-authenticated.
//! * A server that asks for content is never answered with an empty message: the session is closed instead.

mod capabilities;
mod config;
mod content_queue;
mod dialogue;
mod envelope;
mod opening;
mod outcome;
mod transaction;

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use domain::{Moment, Phase};

pub use capabilities::Capabilities;
pub use config::{ClientConfig, Credentials, TimeLimits, TlsMode};
pub use content_queue::MessageEnd;
pub use envelope::{Body, Envelope, RECIPIENTS_MAX};
pub use outcome::{
    DeferCause, DeliveryResult, EndCause, Event, MessageError, OfferError, SessionEnd, Settlement, Unsendable,
};

use crate::Mechanism;
use crate::outgoing::Outgoing;
use crate::reply_reader::ReplyReader;
use crate::sasl::client::Exchange;
use content_queue::ContentQueue;
use transaction::Transaction;

/// Where the session stands.
enum State {
    /// The shell does the TLS handshake.
    Handshake,
    Greeting,
    Ehlo,
    Helo,
    StartTls,
    Auth(Exchange),
    /// Envelopes may be offered.
    Mail,
    Closed,
}

/// A command, or a message end, whose reply is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    Rset,
    Mail,
    Rcpt,
    Data,
    End,
    Quit,
}

/// The client of one session.
pub struct Client {
    config: ClientConfig,
    state: State,
    greeted: bool,
    encrypted: bool,
    authenticated: Option<Mechanism>,
    capabilities: Capabilities,
    reader: ReplyReader,
    out: Outgoing,
    content: ContentQueue,
    events: VecDeque<Event>,
    /// Replies that are due in the mail state, in order. The first always belongs to the first transaction.
    expected: VecDeque<Expected>,
    /// Envelopes on the wire: the first may have its content written, the second its commands.
    active: VecDeque<Transaction>,
    held: Option<Transaction>,
    /// The server holds a failed transaction: RSET goes before the next MAIL.
    reset_needed: bool,
    quitting: bool,
    /// When the last whole reply arrived or octets were accepted.
    progress: Moment,
    spare_commands: Vec<u8>,
}

impl Client {
    /// A client for a link that is up (and, with [`TlsMode::Implicit`], not yet encrypted).
    #[must_use]
    pub fn new(config: ClientConfig, now: Moment) -> Self {
        let mut client = Self {
            config,
            state: State::Greeting,
            greeted: false,
            encrypted: false,
            authenticated: None,
            capabilities: Capabilities::default(),
            reader: ReplyReader::default(),
            out: Outgoing::default(),
            content: ContentQueue::default(),
            events: VecDeque::new(),
            expected: VecDeque::new(),
            active: VecDeque::new(),
            held: None,
            reset_needed: false,
            quitting: false,
            progress: now,
            spare_commands: Vec::new(),
        };
        client.open();
        client
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// True while [`Self::poll_event`] has something to give.
    #[must_use]
    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    /// Octets for the kernel, in order. The slice only grows at its end until [`Self::written`] cuts its front, so
    /// a TLS shell may feed it ahead of what the kernel has accepted. Empty once the session is closed: then also
    /// discard what was fed to TLS but not yet accepted.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.out.pending()
    }

    /// The kernel has accepted the first `count` octets of [`Self::pending`] (through TLS: all records that carry
    /// any of them, wholly).
    pub fn written(&mut self, count: usize, now: Moment) {
        if count == 0 {
            return;
        }
        self.out.advance(count);
        self.progress = now;
        if self.content.is_queueing() {
            self.queue_content();
        }
    }

    /// The plaintext offset of the first octet of [`Self::pending`]: the octets accepted so far.
    #[must_use]
    pub fn accepted_octets(&self) -> u64 {
        self.out.accepted()
    }

    /// The end of the message that is being written, while the kernel has not accepted all of it. `None` also
    /// while a long message is not yet queued up to its end.
    #[must_use]
    pub fn message_end(&self) -> Option<MessageEnd> {
        self.content.end().filter(|end| end.past > self.out.accepted())
    }

    /// How many octets of [`Self::pending`] may be written without touching a message end; `None` when none is in
    /// it, so that all may.
    #[must_use]
    pub fn octets_before_message_end(&self) -> Option<usize> {
        let end = self.message_end()?;
        usize::try_from(end.first.saturating_sub(self.out.accepted())).ok()
    }

    /// The link's peer sent `input`.
    pub fn receive(&mut self, mut input: &[u8], now: Moment) {
        while !input.is_empty() {
            match self.state {
                State::Closed => return,
                State::Handshake => return self.end(EndCause::PlaintextInjection),
                _ => {}
            }
            let before = input;
            match self.reader.read(&mut input) {
                Ok(None) => return,
                Ok(Some(_)) => {
                    self.progress = now;
                    self.take_reply(!input.is_empty());
                }
                Err(error) => return self.end_malformed(error, before),
            }
        }
    }

    /// The server closed the link, or its sending half.
    pub fn end_of_file(&mut self, _now: Moment) {
        self.end(if self.quitting_idle() { EndCause::Quit } else { EndCause::EndOfFile });
    }

    /// The link broke (reset, write error); `reason` is shown to operators.
    pub fn link_failed(&mut self, reason: &str, _now: Moment) {
        let cause =
            if self.quitting_idle() { EndCause::Quit } else { EndCause::LinkFailed(reason.to_owned()) };
        self.end(cause);
    }

    /// The handshake asked for by [`Event::StartTls`] succeeded.
    pub fn tls_started(&mut self, now: Moment) {
        if matches!(self.state, State::Handshake) {
            self.progress = now;
            self.encrypted = true;
            self.after_handshake();
        }
    }

    /// The handshake failed; `reason` is shown to operators.
    pub fn tls_failed(&mut self, reason: &str, _now: Moment) {
        if matches!(self.state, State::Handshake) {
            self.end(EndCause::TlsFailed(reason.to_owned()));
        }
    }

    /// When [`Self::tick`] is due, if nothing else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Moment> {
        self.time_limit().map(|(limit, _)| self.progress + limit)
    }

    /// Ends the session if the server has taken too long.
    pub fn tick(&mut self, now: Moment) {
        if let Some((limit, step)) = self.time_limit()
            && now >= self.progress + limit
        {
            self.end(EndCause::TimeLimit(step));
        }
    }

    /// Ends the session with QUIT once the envelope on the wire is settled; one that is held is given back.
    pub fn quit(&mut self, now: Moment) {
        self.progress = now;
        self.quitting = true;
        if let Some(held) = self.held.take() {
            self.settle_at_end(held, &EndCause::Quit, false);
        }
        match self.state {
            State::Mail => self.go_on(),
            State::Closed => {}
            _ => self.end(EndCause::Quit),
        }
    }

    /// Gives the session up without another octet: for a permit that was refused after [`Event::EnvelopeAccepted`],
    /// a lost lease, or a shutdown that cannot wait.
    pub fn abandon(&mut self) {
        self.end(EndCause::Abandoned);
    }

    /// What the server offers; empty before [`Event::Ready`].
    #[must_use]
    pub fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    /// True once TLS is up.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The mechanism by which the session authenticated.
    #[must_use]
    pub fn authenticated_with(&self) -> Option<Mechanism> {
        self.authenticated
    }

    /// True once the session is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    fn quitting_idle(&self) -> bool {
        self.quitting && self.active.is_empty()
    }

    fn time_limit(&self) -> Option<(Duration, &'static str)> {
        let limits = &self.config.time_limits;
        Some(match &self.state {
            State::Closed => return None,
            State::Handshake => (limits.tls, "the TLS handshake"),
            State::Greeting => (limits.greeting, "the greeting"),
            State::Ehlo | State::Helo => (limits.ehlo, "the reply to EHLO"),
            State::StartTls => (limits.ehlo, "the reply to STARTTLS"),
            State::Auth(_) => (limits.auth, "the reply to AUTH"),
            State::Mail => match self.expected.front()? {
                Expected::Rset => (limits.mail, "the reply to RSET"),
                Expected::Mail => (limits.mail, "the reply to MAIL"),
                Expected::Rcpt => (limits.rcpt, "the reply to RCPT"),
                Expected::Data => (limits.data_init, "the reply to DATA"),
                Expected::End if self.end_is_written() => (limits.data_done, "the reply to the message"),
                Expected::End => (limits.data_block, "the message to be taken"),
                Expected::Quit => (limits.quit, "the reply to QUIT"),
            },
        })
    }

    /// True when the kernel has accepted the whole end of the message that is queued.
    fn end_is_written(&self) -> bool {
        self.content.end().is_some_and(|end| end.past <= self.out.accepted())
    }

    fn phase(&self) -> Phase {
        match &self.state {
            State::Handshake | State::StartTls => Phase::Tls,
            State::Greeting => Phase::Connect,
            State::Ehlo | State::Helo | State::Auth(_) => Phase::Auth,
            State::Mail | State::Closed => self
                .active
                .front()
                .map_or(Phase::Permit, |first| first.phase(self.out.accepted(), self.end_is_written())),
        }
    }
}

impl fmt::Debug for Client {
    /// Neither octets nor configuration: both may hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("phase", &self.phase())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
