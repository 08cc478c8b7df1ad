//! One session without IO: the server half's events, turned into what the session must do next.
//!
//! Answers by itself what needs nobody else: recipients, limits, memory. Leaves to [`crate::session`] the link, the
//! desk and the waiting. Invariant: it never accepts a login, a sender or a message by itself.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use domain::{AddressError, EmailAddress, Moment};
use smtp::client::Body;
use smtp::server::{ContentFault, Event, Limit, Mail, Proof, Server};

use crate::budget::Share;
use crate::config::Limits;
use crate::counters::{Counters, Rule, add};
use crate::desk::SubmittedMail;
use crate::envelope::Envelope;
use crate::refusal::Refusal;
use crate::service::Shared;

/// Pending octets of replies from which on they are written before another command is done.
const PENDING_OCTETS_MAX: usize = 4096;
/// Octets read at once: in front of a message, and within one.
const READ_OCTETS: usize = 16 * 1024;
const READ_CONTENT_OCTETS: usize = 64 * 1024;
/// Octets of the client's name that are kept.
const NAME_OCTETS_MAX: usize = 255;

/// What the session must do.
pub(crate) enum Next {
    /// Write what is pending, and go on.
    Flush,
    /// Write what is pending, then read.
    Input,
    /// Write what is pending, then begin TLS.
    StartTls,
    /// Ask the desk.
    LogIn { user: String, proof: Proof },
    /// Ask the account about the envelope's sender.
    Sender,
    /// Ask the account about the envelope's last recipient.
    Recipient,
    /// Ask the account to make it durable.
    Message(SubmittedMail),
    /// Write what is pending, then close.
    Close,
}

/// See the module.
pub(crate) struct Dialogue {
    pub server: Server,
    pub envelope: Envelope,
    shared: Arc<Shared>,
    share: Share,
    peer: IpAddr,
    greeted_as: String,
    messages: u32,
    /// Login succeeded.
    pub authenticated: bool,
    connected_at: Moment,
    /// When a reply was last written.
    command_since: Moment,
    content_since: Option<Moment>,
}

impl Dialogue {
    /// On a fresh link, with the greeting pending.
    pub fn new(shared: Arc<Shared>, peer: IpAddr, encrypted: bool, now: Moment) -> Self {
        Self {
            server: Server::new(Arc::clone(&shared.server), encrypted),
            envelope: Envelope::default(),
            share: Share::new(Arc::clone(&shared.budget)),
            shared,
            peer,
            greeted_as: String::new(),
            messages: 0,
            authenticated: false,
            connected_at: now,
            command_since: now,
            content_since: None,
        }
    }

    /// Works through what was received, until the session must act.
    pub fn advance(&mut self, now: Moment) -> Next {
        loop {
            if self.server.pending().len() >= PENDING_OCTETS_MAX && !self.server.is_closed() {
                return Next::Flush;
            }
            if let Some(next) = self.step() {
                if !matches!(next, Next::Input) {
                    return next;
                }
                self.watch_content(now);
                return if self.server.is_closed() { Next::Close } else { Next::Input };
            }
        }
    }

    /// Replies were written: the client's next command begins.
    pub fn replied(&mut self, now: Moment) {
        self.command_since = now;
    }

    /// How much to read at once.
    pub fn read_octets(&self) -> usize {
        if self.server.content_octets() > Some(READ_OCTETS as u64) {
            READ_CONTENT_OCTETS
        } else {
            READ_OCTETS
        }
    }

    /// True when nothing would be lost by an end of the session.
    pub fn is_at_rest(&self) -> bool {
        !self.envelope.open && self.server.content_octets().is_none()
    }

    /// Until when the client has time for what it is doing, and by which rule.
    pub fn patience(&self) -> (Moment, Rule) {
        let limits = &self.shared.settings.limits;
        let of_session = (self.connected_at + limits.session_time_max, Rule::SessionTime);
        let of_login = (self.connected_at + limits.login_time_max, Rule::LoginTime);
        let of_step = match self.content_since {
            Some(since) => (since + self.content_time(limits), Rule::ContentTime),
            None => (self.command_since + limits.command_time_max, Rule::CommandTime),
        };
        let of_login = if self.authenticated { of_session } else { of_login };
        [of_step, of_login, of_session].into_iter().fold(of_step, |a, b| if b.0 < a.0 { b } else { a })
    }

    /// Refuses what the server asks; 421 ends the session.
    pub fn refuse(&mut self, refusal: &Refusal) {
        self.server.reply(refusal.reply());
    }

    /// The message at hand was answered.
    pub fn message_answered(&mut self) {
        self.messages += 1;
        self.forget();
    }

    fn content_time(&self, limits: &Limits) -> Duration {
        let octets = self.server.content_octets().unwrap_or(0);
        let rate = u64::from(limits.content_octets_per_second_min.max(1));
        limits.content_time_grace + Duration::from_millis(octets.saturating_mul(1000) / rate)
    }

    /// The mail transaction is over.
    fn forget(&mut self) {
        self.envelope = Envelope::default();
        self.share.give_back();
    }

    /// All that was received is used: holds the content so far against its limits.
    fn watch_content(&mut self, now: Moment) {
        let Some(octets) = self.server.content_octets() else {
            self.content_since = None;
            return;
        };
        self.content_since.get_or_insert(now);
        if octets > self.shared.settings.limits.message_octets_max.saturating_mul(2) {
            // The refusal waits for an end that does not come.
            self.counters().refuse(Rule::MessageOctets);
            self.refuse(&Refusal::expel("Message is much too large"));
        } else if !self.hold(self.server.content_memory()) {
            self.counters().refuse(Rule::MessagesMemory);
            self.server.refuse_content(no_memory().reply().clone());
        }
    }

    /// Holds memory for the message: `octets`, and its envelope.
    fn hold(&mut self, octets: usize) -> bool {
        self.share.hold((octets + self.envelope.memory()) as u64)
    }

    fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// One event; `None` to go on.
    fn step(&mut self) -> Option<Next> {
        let Some(event) = self.server.poll_event() else {
            return Some(if self.server.is_closed() { Next::Close } else { Next::Input });
        };
        match event {
            Event::Ehlo { name } => {
                let end = name.floor_char_boundary(NAME_OCTETS_MAX);
                self.greeted_as = name[..end].to_owned();
                self.forget();
            }
            Event::Reset => self.forget(),
            Event::StartTls => return Some(Next::StartTls),
            Event::Auth { user, proof, .. } => return Some(Next::LogIn { user, proof }),
            Event::Mail(mail) => {
                let Mail { reverse_path, size, body, smtputf8 } = mail;
                let sender =
                    (!reverse_path.is_empty()).then(|| EmailAddress::parse(reverse_path)).transpose();
                (self.envelope.eight_bit, self.envelope.smtputf8) = (body == Body::EightBitMime, smtputf8);
                return self.sender(sender, size.unwrap_or(0));
            }
            Event::Rcpt { forward_path } => {
                let recipient = EmailAddress::parse(forward_path);
                return self.recipient(recipient);
            }
            Event::Data => self.server.accept(),
            Event::Message { .. } => return self.message(),
            Event::MessageRefused(fault) => self.message_refused(fault),
            Event::LimitReached(limit) => self.counters().refuse(match limit {
                Limit::MessageSize => Rule::MessageOctets,
                Limit::Recipients => Rule::Recipients,
            }),
            Event::Quit => return Some(Next::Close),
            Event::Expelled => {
                self.counters().refuse(Rule::BadCommands);
                return Some(Next::Close);
            }
            // Not in the mode that is asked for.
            Event::Content { .. } | Event::MessageEnd { .. } => {}
        }
        None
    }

    fn sender(&mut self, sender: Result<Option<EmailAddress>, AddressError>, size: u64) -> Option<Next> {
        let limits = &self.shared.settings.limits;
        let refusal = if *self.shared.draining.borrow() {
            Refusal::going_away()
        } else if self.messages >= limits.session_messages_max {
            self.counters().refuse(Rule::SessionMessages);
            Refusal::expel("Too many messages in this session; connect again")
        } else if size > self.shared.budget.free() {
            self.counters().refuse(Rule::MessagesMemory);
            no_memory()
        } else {
            match sender {
                Ok(sender) => {
                    self.envelope.reverse_path = sender;
                    return Some(Next::Sender);
                }
                Err(error) => Refusal::address(7, error),
            }
        };
        self.refuse_message(&refusal);
        None
    }

    /// Refuses a message, or a MAIL command in its stead.
    pub fn refuse_message(&mut self, refusal: &Refusal) {
        let counters = &self.shared.counters;
        let counter: &AtomicU64 =
            if refusal.is_transient() { &counters.messages_deferred } else { &counters.messages_rejected };
        add(counter, 1);
        self.refuse(refusal);
        self.forget();
    }

    fn recipient(&mut self, recipient: Result<EmailAddress, AddressError>) -> Option<Next> {
        match recipient {
            Ok(recipient) => {
                self.envelope.add(recipient);
                if self.hold(0) {
                    return Some(Next::Recipient);
                }
                self.envelope.recipients.pop();
                self.counters().refuse(Rule::MessagesMemory);
                self.refuse(&no_memory());
            }
            Err(error) => self.refuse(&Refusal::address(3, error)),
        }
        None
    }

    fn message_refused(&mut self, fault: ContentFault) {
        let counters = self.counters();
        let counter = match fault {
            ContentFault::GivenUp => &counters.messages_deferred,
            ContentFault::TooLarge | ContentFault::BareLineEnd | ContentFault::Nul => {
                &counters.messages_rejected
            }
        };
        add(counter, 1);
        match fault {
            // Counted when it was given up.
            ContentFault::GivenUp => {}
            ContentFault::TooLarge => counters.refuse(Rule::MessageOctets),
            ContentFault::BareLineEnd | ContentFault::Nul => counters.refuse(Rule::MalformedContent),
        }
        self.message_answered();
    }

    fn message(&mut self) -> Option<Next> {
        let mut octets = self.server.take_message();
        // What was reserved ahead of a long message goes back; for a short one it is not worth a copy.
        if octets.capacity() > READ_CONTENT_OCTETS {
            octets.shrink_to_fit();
        }
        if !self.hold(octets.capacity()) {
            self.counters().refuse(Rule::MessagesMemory);
            self.messages += 1;
            self.refuse_message(&no_memory());
            return None;
        }
        let envelope = std::mem::take(&mut self.envelope);
        self.envelope.open = true;
        Some(Next::Message(SubmittedMail {
            reverse_path: envelope.reverse_path,
            recipients: envelope.recipients,
            octets,
            eight_bit: envelope.eight_bit,
            smtputf8: envelope.smtputf8,
            greeted_as: self.greeted_as.clone(),
            peer: self.peer,
            encrypted: self.server.is_encrypted(),
            at: self.shared.clock.now(),
        }))
    }
}

fn no_memory() -> Refusal {
    Refusal::full("Too much mail is under way; try again later")
}
