//! The server of one SMTP session, for a sink or a submission service.
//!
//! The shell owns the link: it feeds [`Server::receive`] (or reads into [`Server::space`]), takes events until
//! there is none, answers those that ask, and then writes [`Server::pending`]: so the replies to a pipelined
//! flight go out as one write.
//!
//! Left to others: TLS, who may log in, which recipients are taken, durability, time limits.
//!
//! Invariants:
//! * Only CRLF "." CRLF ends DATA, only CRLF ends a command; octets of a refused BDAT chunk are never read as
//!   commands.
//! * Nothing that arrived before TLS is read after it.
//! * A positive reply to a message is written only after the shell's [`Server::accept`] or [`Server::reply`].

mod answer;
mod auth;
mod command;
mod config;
mod content;
mod event;
mod input;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use domain::Reply;

pub use crate::sasl::server::Proof;
pub use config::{BareLineEnds, ContentMode, Extensions, ServerConfig};
pub use event::{ContentFault, Event, Limit, Mail};

use crate::Mechanism;
use crate::client::Body;
use crate::content::{DataScanner, LineEnds};
use crate::outgoing::Outgoing;
use crate::sasl::server::Exchange;
use input::Input;

/// What the next octets are.
enum State {
    Command,
    Auth(Exchange),
    Data(DataScanner),
    Chunk(content::Chunk),
    Handshake,
    Closed,
}

/// The event that waits for the shell's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Auth,
    Mail,
    Rcpt,
    Data,
    Message,
}

/// One step's result. Borrows nothing, so that steps can be repeated until one is an event.
enum Step {
    /// More input, or an answer, is needed.
    Wait,
    /// Something was done that is no event.
    Done,
    Ehlo,
    StartTls,
    Auth {
        mechanism: Mechanism,
        user: String,
        proof: Proof,
    },
    Mail {
        size: Option<u64>,
        body: Body,
    },
    Rcpt,
    Data,
    Content {
        range: Range<usize>,
        stuffed: bool,
    },
    MessageComplete,
    LimitReached(Limit),
    MessageRefused(ContentFault),
    Reset,
    Quit,
    Expelled,
}

/// The mail transaction (RFC 5321 section 3.3).
#[derive(Default)]
struct MailTransaction {
    started: bool,
    smtputf8: bool,
    recipients: usize,
    /// A BDAT chunk was taken, so that DATA may not follow.
    chunked: bool,
    octets: u64,
    too_large: bool,
    /// Line ends of the chunks so far.
    chunk_lines: LineEnds,
    /// What to say at the content's end, whatever it is.
    refusal: Option<Reply>,
}

/// The server of one session.
pub struct Server {
    config: Arc<ServerConfig>,
    state: State,
    input: Input,
    out: Outgoing,
    asked: Option<Asked>,
    /// EHLO or HELO was said.
    greeted: bool,
    encrypted: bool,
    authenticated: bool,
    cram_challenge: Option<String>,
    bad_commands: usize,
    idle_commands: usize,
    /// The rest of an over-long line is being skipped.
    skipping_line: bool,
    transaction: MailTransaction,
    /// The name or address of the event at hand.
    text: String,
    message: Vec<u8>,
}

impl Server {
    /// A server on a fresh link, with its greeting pending. `encrypted` when TLS is up already (implicit TLS).
    #[must_use]
    pub fn new(config: Arc<ServerConfig>, encrypted: bool) -> Self {
        let mut out = Outgoing::default();
        out.push(format!("220 {} ESMTP\r\n", config.hostname).as_bytes());
        Self {
            config,
            state: State::Command,
            input: Input::default(),
            out,
            asked: None,
            greeted: false,
            encrypted,
            authenticated: false,
            cram_challenge: None,
            bad_commands: 0,
            idle_commands: 0,
            skipping_line: false,
            transaction: MailTransaction::default(),
            text: String::new(),
            message: Vec::new(),
        }
    }

    /// Offers CRAM-MD5 with this challenge (RFC 2195: unique, unpredictable, in the form of a message id with its
    /// angle brackets). Another is needed for each session.
    pub fn set_cram_challenge(&mut self, challenge: String) {
        self.cram_challenge = Some(challenge);
    }

    /// The client sent `octets`.
    pub fn receive(&mut self, octets: &[u8]) {
        self.space(octets.len())[..octets.len()].copy_from_slice(octets);
        self.filled(octets.len());
    }

    /// Room for at least `octets` more, to read into without a copy; then call [`Self::filled`].
    pub fn space(&mut self, octets: usize) -> &mut [u8] {
        self.input.space(octets)
    }

    /// The first `octets` of [`Self::space`] came from the client.
    pub fn filled(&mut self, octets: usize) {
        self.input.filled(octets);
        // What arrives in the clear while the handshake is due, or after the end, is not read.
        if matches!(self.state, State::Handshake | State::Closed) {
            self.input.clear();
        }
    }

    /// The next thing that happened; `None` when more input, or the answer to the last event, is needed.
    pub fn poll_event(&mut self) -> Option<Event<'_>> {
        let step = loop {
            match self.step() {
                Step::Wait => return None,
                Step::Done => {}
                step => break step,
            }
        };
        self.event(step)
    }

    /// Gives back the room that is not in use: for when nothing came, so that a session at rest holds next to nothing.
    pub fn release(&mut self) {
        self.input.release();
        self.out.release();
    }

    /// Octets for the client.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.out.pending()
    }

    /// The kernel took the first `count` octets of [`Self::pending`].
    pub fn written(&mut self, count: usize) {
        self.out.advance(count);
    }

    /// True while the server waits for the shell's answer: reading more input would only fill memory.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        self.asked.is_some()
    }

    /// True once the session is over: write what is pending, then close.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }

    /// True once TLS is up.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.encrypted
    }

    /// The handshake asked for by [`Event::StartTls`] succeeded. The client must begin anew with EHLO (RFC 3207
    /// section 4.2).
    pub fn tls_started(&mut self) {
        if matches!(self.state, State::Handshake) {
            self.encrypted = true;
            self.greeted = false;
            self.authenticated = false;
            self.reset();
            self.state = State::Command;
        }
    }

    /// The content that [`Event::Message`] showed, without a copy; empty at any other time. The answer is still due.
    pub fn take_message(&mut self) -> Vec<u8> {
        match self.asked {
            Some(Asked::Message) => std::mem::take(&mut self.message),
            _ => Vec::new(),
        }
    }

    /// Octets of content so far, as sent, while a message's content is under way (also between two chunks, and where
    /// the content is refused and only used up).
    #[must_use]
    pub fn content_octets(&self) -> Option<u64> {
        match &self.state {
            State::Data(_) => Some(self.transaction.octets),
            State::Chunk(chunk) => Some(self.transaction.octets.max(chunk.used())),
            _ => self.transaction.chunked.then_some(self.transaction.octets),
        }
    }

    /// Memory that the content at hand takes, in octets.
    #[must_use]
    pub fn content_memory(&self) -> usize {
        self.message.capacity()
    }

    /// Refuses the content that is under way with this 4xx or 5xx reply, which is said at its end; what came is
    /// dropped and what comes is not kept. Without content under way it does nothing.
    pub fn refuse_content(&mut self, reply: Reply) {
        if self.content_octets().is_some() {
            self.message = Vec::new();
            self.transaction.refusal = Some(reply);
        }
    }

    fn step(&mut self) -> Step {
        if self.asked.is_some() {
            return Step::Wait;
        }
        match self.state {
            State::Command => self.step_command(),
            State::Auth(_) => self.step_auth(),
            State::Data(_) => self.step_data(),
            State::Chunk(_) => self.step_chunk(),
            State::Handshake | State::Closed => Step::Wait,
        }
    }

    fn event(&mut self, step: Step) -> Option<Event<'_>> {
        let whole = self.config.content == ContentMode::Whole;
        Some(match step {
            Step::Wait | Step::Done => return None,
            Step::Ehlo => Event::Ehlo { name: &self.text },
            Step::StartTls => Event::StartTls,
            Step::Auth { mechanism, user, proof } => Event::Auth { mechanism, user, proof },
            Step::Mail { size, body } => Event::Mail(Mail {
                reverse_path: &self.text,
                size,
                body,
                smtputf8: self.transaction.smtputf8,
            }),
            Step::Rcpt => Event::Rcpt { forward_path: &self.text },
            Step::Data => Event::Data,
            Step::Content { range, stuffed } => Event::Content { octets: self.input.get(range), stuffed },
            Step::MessageComplete if whole => Event::Message { octets: &self.message },
            Step::MessageComplete => Event::MessageEnd { octets: self.transaction.octets },
            Step::LimitReached(limit) => Event::LimitReached(limit),
            Step::MessageRefused(fault) => Event::MessageRefused(fault),
            Step::Reset => Event::Reset,
            Step::Quit => Event::Quit,
            Step::Expelled => Event::Expelled,
        })
    }

    fn ask(&mut self, asked: Asked, step: Step) -> Step {
        self.asked = Some(asked);
        step
    }

    /// Forgets the mail transaction.
    fn reset(&mut self) {
        self.transaction = MailTransaction::default();
        self.message.clear();
    }
}

impl fmt::Debug for Server {
    /// No octets: they may hold secrets and personal data.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("asked", &self.asked)
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
