//! What the sink says in one connection, without IO: events of the server half in, answers and book entries out.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use domain::{EnhancedStatus, Reply, ReplyCode};
use runtime::{Clock, Entropy, SystemClock, SystemEntropy};
use smtp::ExposeSecret;
use smtp::server::{ContentMode, Event, Proof, Server, ServerConfig};

use super::arena::MailView;
use super::behaviour::Act;
use super::config::{AuthRule, Keep, SinkConfig, TlsMode};
use super::content::{Content, digest};
use super::handle::Shared;
use super::record::{Login, Verdict};

/// What the shell does after writing what is pending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Read more.
    Input,
    /// The TLS handshake, then [`Dialogue::tls_started`].
    StartTls,
    /// Let time pass, then [`Dialogue::accept_message`].
    Wait(Duration),
    /// End the connection in order.
    Close,
    /// Drop the connection.
    Cut,
    /// Read once, then reset the connection.
    CutInContent,
    /// Say something that is no SMTP, then only read.
    Garbage,
    /// Only read.
    Silence,
}

/// One connection's state.
pub(super) struct Dialogue {
    shared: Arc<Shared>,
    server: Server,
    session: u32,
    credential: u32,
    messages: u32,
    from: String,
    to: Vec<String>,
    act: Act,
    content: Content,
    in_content: bool,
}

impl Dialogue {
    /// A connection that was just accepted, its greeting pending.
    ///
    /// # Errors
    /// When the random source of CRAM-MD5's challenge fails.
    pub fn new(shared: Arc<Shared>) -> io::Result<Self> {
        let session = shared.book().connection_opened();
        let implicit = shared.config.tls.as_ref().is_some_and(|tls| tls.mode == TlsMode::Implicit);
        let mut dialogue = Self {
            server: Server::new(Arc::clone(&shared.server), implicit),
            session,
            credential: 0,
            messages: 0,
            from: String::new(),
            to: Vec::new(),
            act: Act::Accept,
            content: Content::default(),
            in_content: false,
            shared,
        };
        let challenge = format!("<{:016x}@{}>", SystemEntropy.bits()?, dialogue.shared.config.hostname);
        dialogue.server.set_cram_challenge(challenge);
        Ok(dialogue)
    }

    /// Works through what was received, until the shell must act.
    pub fn advance(&mut self) -> Next {
        loop {
            if let Some(next) = self.step() {
                return next;
            }
        }
    }

    pub fn space(&mut self, octets: usize) -> &mut [u8] {
        self.server.space(octets)
    }

    pub fn filled(&mut self, octets: usize) {
        self.server.filled(octets);
    }

    pub fn pending(&self) -> &[u8] {
        self.server.pending()
    }

    pub fn written(&mut self, octets: usize) {
        self.server.written(octets);
    }

    pub fn tls_started(&mut self) {
        self.server.tls_started();
    }

    /// Gives the mail its 250.
    pub fn accept_message(&mut self) {
        self.server.accept();
    }

    /// One event; `None` to go on.
    fn step(&mut self) -> Option<Next> {
        let Some(event) = self.server.poll_event() else {
            return Some(if self.server.is_closed() { Next::Close } else { Next::Input });
        };
        match event {
            Event::Ehlo { .. } | Event::Reset => self.begin_transaction(),
            Event::StartTls => return Some(Next::StartTls),
            Event::Auth { mechanism, user, proof } => self.login(mechanism.name(), user, &proof),
            Event::Mail(mail) => {
                self.from.clear();
                self.from.push_str(mail.reverse_path);
                self.begin_mail();
            }
            Event::Rcpt { forward_path } => {
                self.to.push(forward_path.to_owned());
                self.recipient();
            }
            Event::Data => {
                self.server.accept();
                self.in_content = true;
                if self.act == Act::CutBeforeDot {
                    self.write_down(Verdict::CutBeforeDot, 0, None, false);
                    return Some(Next::CutInContent);
                }
            }
            Event::Content { octets, .. } => {
                self.in_content = true;
                self.content.scan_slice(octets, &self.shared.config.wanted_headers);
            }
            Event::MessageEnd { octets } => return self.message_read(octets, None),
            Event::Message { octets } => {
                let keep = self.shared.config.keep;
                self.content.scan_whole(octets, &self.shared.config.wanted_headers);
                let digest = (keep >= Keep::Digest).then(|| digest(octets));
                let length = octets.len() as u64;
                if keep >= Keep::Headers && verdict_of(&self.act).is_kept() {
                    self.content.keep(octets, keep);
                }
                return self.message_read(length, digest);
            }
            Event::MessageRefused(_) => {
                self.messages += 1;
                self.write_down(Verdict::RefusedData, 0, None, false);
                self.begin_transaction();
            }
            Event::LimitReached(_) => {}
            Event::Quit => return Some(Next::Close),
            Event::Expelled => {
                self.shared.book().totals_mut().protocol_errors += 1;
                return Some(Next::Close);
            }
        }
        None
    }

    fn begin_transaction(&mut self) {
        self.to.clear();
        self.act = Act::Accept;
        self.content.clear();
        self.in_content = false;
    }

    fn begin_mail(&mut self) {
        self.begin_transaction();
        let limit = self.shared.judge().behaviour().close_after_messages;
        if limit.is_some_and(|limit| self.messages >= limit) {
            self.server.reply(&reply(const { code(421) }, "4.7.0", "too many messages in this connection"));
        } else {
            self.server.accept();
        }
    }

    /// Judges the recipient at the end of the list.
    fn recipient(&mut self) {
        let age = SystemClock.moment().since(self.shared.started);
        let act = match self.to.last() {
            Some(address) => self.shared.judge().recipient(address, age),
            None => return,
        };
        let (verdict, answer) = match act {
            Act::Refuse => {
                (Verdict::RefusedRcpt, reply(const { code(550) }, "5.1.1", "no such recipient here"))
            }
            Act::Defer => {
                (Verdict::DeferredRcpt, reply(const { code(451) }, "4.7.1", "greylisted, try again later"))
            }
            Act::Storm => {
                (Verdict::Storm, reply(const { code(421) }, "4.3.2", "the system is not accepting mail now"))
            }
            _ => {
                if self.act == Act::Accept {
                    self.act = act;
                }
                return self.server.accept();
            }
        };
        self.write_down(verdict, 0, None, true);
        self.to.pop();
        self.server.reply(&answer);
    }

    /// The end of a mail was read, and the server waits for the answer.
    fn message_read(&mut self, octets: u64, digest: Option<[u8; 16]>) -> Option<Next> {
        self.messages += 1;
        let verdict = verdict_of(&self.act);
        self.write_down(verdict, octets, digest, false);
        let act = std::mem::replace(&mut self.act, Act::Accept);
        self.begin_transaction();
        let delay = self.shared.judge().behaviour().reply_delay;
        match act {
            Act::RefuseData => {
                self.server.reply(&reply(const { code(554) }, "5.7.1", "the mail is refused by policy"))
            }
            Act::DeferData => {
                self.server.reply(&reply(const { code(452) }, "4.2.2", "the mailbox is full for now"))
            }
            Act::CutAfterDot | Act::CutBeforeDot => return Some(Next::Cut),
            Act::NeverReply => return Some(Next::Silence),
            Act::Garbage => return Some(Next::Garbage),
            Act::Slow(span) => return Some(Next::Wait(span)),
            Act::Accept | Act::Refuse | Act::Defer | Act::Storm => match delay {
                Some(span) => return Some(Next::Wait(span)),
                None => self.server.accept(),
            },
        }
        None
    }

    /// Puts the mail at hand, or only its newest recipient, into the book.
    fn write_down(&mut self, verdict: Verdict, octets: u64, digest: Option<[u8; 16]>, newest_only: bool) {
        let to = if newest_only { &self.to[self.to.len().saturating_sub(1)..] } else { &self.to[..] };
        let view = MailView {
            session: self.session,
            message_no: if newest_only { 0 } else { self.messages },
            credential: self.credential,
            from: &self.from,
            to,
            message_id: if newest_only { b"" } else { &self.content.scan.message_id },
            headers: if newest_only { &[] } else { &self.content.scan.values },
            octets,
            digest,
            verdict,
            at_ms: SystemClock.now().as_millis(),
        };
        let kept = self.content.kept();
        self.shared.book().mail(&view, kept, SystemClock.moment());
    }

    fn login(&mut self, mechanism: &str, user: String, proof: &Proof) {
        let (accepted, secret, account) = self.decide_login(&user, proof);
        let at_ms = SystemClock.now().as_millis();
        let mechanism = mechanism.to_owned();
        let login = Login { session: self.session, mechanism, user, secret, account, accepted, at_ms };
        let number = self.shared.book().login(login);
        if accepted {
            self.credential = number;
            self.server.accept();
        } else {
            self.server.reply(&reply(const { code(535) }, "5.7.8", "authentication credentials invalid"));
        }
    }

    /// Whether they may come in, the secret they showed, and whose account it is.
    fn decide_login(&self, user: &str, proof: &Proof) -> (bool, String, String) {
        let shown = proof.secret().map(|secret| secret.expose_secret().to_owned()).unwrap_or_default();
        let is_shown = |secret: &String| proof.matches(&secret.as_str().into());
        if self.shared.judge().behaviour().refused_secrets.iter().any(is_shown) {
            return (false, shown, String::new());
        }
        match &self.shared.config.auth {
            AuthRule::Any => (true, shown, String::new()),
            AuthRule::Off | AuthRule::RefuseAll => (false, shown, String::new()),
            AuthRule::Table(accounts) => {
                let fits = accounts.iter().find(|row| row.user == user && is_shown(&row.secret));
                match fits {
                    Some(row) => (true, row.secret.clone(), row.account.clone()),
                    None => (false, shown, String::new()),
                }
            }
        }
    }
}

impl Drop for Dialogue {
    fn drop(&mut self) {
        let mut book = self.shared.book();
        book.totals_mut().torn_mails += u64::from(self.in_content);
        book.connection_closed(self.credential);
    }
}

/// What a mail that was read to its end becomes.
fn verdict_of(act: &Act) -> Verdict {
    match act {
        Act::RefuseData => Verdict::RefusedData,
        Act::DeferData => Verdict::DeferredData,
        Act::CutBeforeDot => Verdict::CutBeforeDot,
        Act::CutAfterDot => Verdict::CutAfterDot,
        Act::NeverReply => Verdict::NoReply,
        Act::Garbage => Verdict::Garbage,
        Act::Accept | Act::Slow(_) | Act::Refuse | Act::Defer | Act::Storm => Verdict::Accepted,
    }
}

fn reply(code: ReplyCode, enhanced: &str, text: &str) -> Reply {
    Reply { code, enhanced: enhanced.parse::<EnhancedStatus>().ok(), text: text.to_owned() }
}

/// Checked at compile time where it is used for a constant.
const fn code(number: u16) -> ReplyCode {
    match ReplyCode::new(number) {
        Some(code) => code,
        None => panic!("not a reply code"),
    }
}

/// The server half's configuration for a sink's.
pub(super) fn server_config(config: &SinkConfig) -> ServerConfig {
    let mut server = ServerConfig::new(config.hostname.clone());
    let offered = config.extensions;
    server.extensions.pipelining = offered.pipelining;
    server.extensions.eight_bit_mime = offered.eight_bit_mime;
    server.extensions.smtputf8 = offered.smtputf8;
    server.extensions.chunking = offered.chunking;
    server.extensions.enhanced_status_codes = offered.enhanced_status_codes;
    server.extensions.size = offered.size;
    let mode = config.tls.as_ref().map(|tls| tls.mode);
    server.extensions.starttls = matches!(mode, Some(TlsMode::StartTls | TlsMode::StartTlsRequired));
    server.require_tls = mode == Some(TlsMode::StartTlsRequired);
    server.auth_without_tls = mode != Some(TlsMode::StartTlsRequired);
    server.require_auth = matches!(config.auth, AuthRule::Table(_) | AuthRule::RefuseAll);
    if !matches!(config.auth, AuthRule::Off) {
        server.extensions.auth = smtp::Mechanism::ALL.to_vec();
    }
    server.size_max = config.limits.size_max;
    server.recipients_max = config.limits.recipients_max;
    server.content = if config.keep == Keep::Nothing { ContentMode::Slices } else { ContentMode::Whole };
    server
}
