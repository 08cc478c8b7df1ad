//! One client's session, from greeting to end: the asynchronous shell around [`Dialogue`].
//!
//! One read takes what the client sent, one write gives all replies to it. Every wait has a deadline by the given
//! clock. Invariants: 250 for a message is queued only after [`Account::accept`] returned `Ok`; nothing is read while
//! replies wait to be written; a client that goes away does not end a question to the desk.

use std::future::poll_fn;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use smtp::ExposeSecret as _;
use smtp::server::Proof;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::config::ListenerMode;
use crate::counters::{Rule, add};
use crate::desk::{Account, LoginAttempt, LoginRefusal, SubmittedMail};
use crate::dialogue::{Dialogue, Next};
use crate::link::Link;
use crate::networks::Place;
use crate::refusal::{Refusal, queued};
use crate::service::Shared;
use crate::timer::Timer;

/// How long a client gets to take a last reply, and to close.
const FAREWELL_MAX: Duration = Duration::from_secs(2);
/// Octets that are read and forgotten behind a last reply, so that the kernel does not reset the link before the client
/// has read it.
const FAREWELL_OCTETS_MAX: usize = 256 * 1024;
/// Octets of a user's name and of a secret, beyond which nobody is asked.
const USER_OCTETS_MAX: usize = 320;
const SECRET_OCTETS_MAX: usize = 1024;

/// Why a session ended.
#[derive(Debug)]
enum Ending {
    /// The last reply has been written.
    Over,
    /// The client closed, or the link broke.
    Gone,
    /// The client took too long.
    Late(Rule),
    /// The service is going away.
    Draining,
}

impl From<io::Error> for Ending {
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

/// See the module.
pub(crate) struct Session {
    shared: Arc<Shared>,
    link: Link,
    dialogue: Dialogue,
    timer: Timer,
    draining: watch::Receiver<bool>,
    account: Option<Arc<dyn Account>>,
    peer: IpAddr,
    failed_logins: u32,
    /// Messages whose 250 is pending.
    unwritten: u64,
    _place: Place,
}

impl Session {
    /// On a link that was let in.
    pub fn new(link: TcpStream, mode: ListenerMode, peer: IpAddr, place: Place, shared: Arc<Shared>) -> Self {
        let encrypted = mode == ListenerMode::ImplicitTls;
        let now = shared.clock.moment();
        Self {
            link: Link::Plain(link),
            dialogue: Dialogue::new(Arc::clone(&shared), peer, encrypted, now),
            timer: Timer::new(Arc::clone(&shared.clock)),
            draining: shared.draining.clone(),
            account: None,
            peer,
            failed_logins: 0,
            unwritten: 0,
            shared,
            _place: place,
        }
    }

    /// Serves the client to the end.
    pub async fn run(mut self) {
        let implicit = self.dialogue.server.is_encrypted();
        let begun = if implicit { self.handshake().await } else { Ok(()) };
        let Err(ending) = match begun {
            Ok(()) => self.converse().await,
            Err(ending) => Err(ending),
        };
        tracing::debug!(?ending, encrypted = self.dialogue.server.is_encrypted(), "an SMTP session ended");
        match ending {
            Ending::Gone => {}
            Ending::Over => self.close().await,
            Ending::Late(rule) => {
                self.shared.counters.refuse(rule);
                // Who does not take replies does not take this one; a broken handshake has no words.
                if !matches!(rule, Rule::ReplyTime | Rule::HandshakeTime) {
                    self.bid_farewell(&Refusal::late()).await;
                }
            }
            Ending::Draining => self.bid_farewell(&Refusal::going_away()).await,
        }
        add(&self.shared.counters.acknowledgements_lost, self.unwritten);
    }

    async fn converse(&mut self) -> Result<std::convert::Infallible, Ending> {
        loop {
            match self.dialogue.advance(self.shared.clock.moment()) {
                Next::Flush => self.flush().await?,
                Next::Input => {
                    self.flush().await?;
                    self.read().await?;
                }
                Next::StartTls => {
                    self.flush().await?;
                    self.handshake().await?;
                    self.dialogue.server.tls_started();
                }
                Next::LogIn { user, proof } => self.log_in(&user, &proof).await?,
                Next::Sender => self.ask_about_sender().await?,
                Next::Recipient => self.judge_recipient(),
                Next::Message(mail) => self.hand_over(mail).await?,
                Next::Close => {
                    self.flush().await?;
                    return Err(Ending::Over);
                }
            }
        }
    }

    /// Waits for the client's octets, no longer than it may take.
    async fn read(&mut self) -> Result<(), Ending> {
        let (deadline, rule) = self.dialogue.patience();
        let at_rest = self.dialogue.is_at_rest();
        let octets = self.dialogue.read_octets();
        let Self { link, dialogue, timer, draining, .. } = self;
        let reading = poll_fn(|context| link.poll_read(context, &mut dialogue.server, octets));
        tokio::select! {
            biased;
            _ = draining.wait_for(|draining| *draining), if at_rest => Err(Ending::Draining),
            read = timer.within(deadline, reading) => match read {
                None => Err(Ending::Late(rule)),
                Some(Ok(0)) => Err(Ending::Gone),
                Some(read) => Ok(read.map(drop)?),
            },
        }
    }

    /// Writes what is pending.
    async fn flush(&mut self) -> Result<(), Ending> {
        if self.dialogue.server.pending().is_empty() {
            return Ok(());
        }
        let deadline = self.shared.clock.moment() + self.shared.settings.limits.reply_time_max;
        let Self { link, dialogue, timer, .. } = self;
        let server = &mut dialogue.server;
        let writing = poll_fn(|context| {
            while !server.pending().is_empty() {
                match link.poll_write(context, server.pending()) {
                    Poll::Ready(Ok(count)) => server.written(count),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            link.poll_flush(context)
        });
        timer.within(deadline, writing).await.ok_or(Ending::Late(Rule::ReplyTime))??;
        self.unwritten = 0;
        self.dialogue.replied(self.shared.clock.moment());
        Ok(())
    }

    async fn handshake(&mut self) -> Result<(), Ending> {
        // Checked when the service started: STARTTLS is offered only with a configuration.
        let Some(config) = self.shared.tls.as_ref().map(|tls| Arc::clone(&tls.borrow())) else {
            return Err(Ending::Gone);
        };
        let deadline = self.shared.clock.moment() + self.shared.settings.limits.handshake_time_max;
        let counters = &self.shared.counters;
        match self.timer.within(deadline, self.link.encrypt(config)).await {
            None => Err(Ending::Late(Rule::HandshakeTime)),
            Some(Ok(())) => {
                add(&counters.handshakes, 1);
                Ok(())
            }
            Some(Err(_)) => {
                add(&counters.handshakes_failed, 1);
                Err(Ending::Gone)
            }
        }
    }

    /// The answer to a question to the desk; `None` when it takes too long. Replies that are due go out meanwhile, and
    /// a link that breaks then does not end the question.
    async fn ask<T>(&mut self, question: impl Future<Output = T>) -> (Option<T>, Result<(), Ending>) {
        let mut question = pin!(question);
        // A desk that answers at once costs neither a timer nor a write of its own.
        if let Some(answer) = poll_once(question.as_mut()).await {
            return (Some(answer), Ok(()));
        }
        let clock = Arc::clone(&self.shared.clock);
        let deadline = clock.moment() + self.shared.settings.limits.answer_time_max;
        let mut timer = Timer::new(clock);
        let (answer, flushed) = tokio::join!(timer.within(deadline, question), self.flush());
        if answer.is_none() {
            self.shared.counters.refuse(Rule::AnswerTime);
        }
        (answer, flushed)
    }

    async fn log_in(&mut self, user: &str, proof: &Proof) -> Result<(), Ending> {
        let shared = Arc::clone(&self.shared);
        let counters = &shared.counters;
        if !shared.networks.may_log_in(self.peer, shared.clock.moment()) {
            counters.refuse(Rule::NetworkLogins);
            self.dialogue.refuse(&throttled());
            return Ok(());
        }
        let secret = proof.secret().filter(|secret| {
            user.len() <= USER_OCTETS_MAX && secret.expose_secret().len() <= SECRET_OCTETS_MAX
        });
        let (answer, flushed) = match secret {
            None => (Some(Err(LoginRefusal::Rejected)), Ok(())),
            Some(secret) => {
                let encrypted = self.dialogue.server.is_encrypted();
                let attempt = LoginAttempt { user, secret, peer: self.peer, encrypted };
                self.ask(shared.desk.log_in(attempt)).await
            }
        };
        match answer {
            Some(Ok(account)) => {
                add(&counters.logins_accepted, 1);
                self.account = Some(account);
                self.dialogue.authenticated = true;
                self.dialogue.server.accept();
            }
            Some(Err(LoginRefusal::Rejected)) => self.reject_login(),
            Some(Err(LoginRefusal::Throttled)) => {
                counters.refuse(Rule::NetworkLogins);
                self.dialogue.refuse(&throttled());
            }
            Some(Err(LoginRefusal::Unavailable)) | None => {
                add(&counters.logins_unavailable, 1);
                self.dialogue.refuse(&Refusal::login_unavailable());
            }
        }
        flushed
    }

    fn reject_login(&mut self) {
        let shared = &self.shared;
        add(&shared.counters.logins_rejected, 1);
        shared.networks.login_failed(self.peer, shared.clock.moment());
        self.failed_logins += 1;
        if self.failed_logins >= shared.settings.limits.session_login_failures_max {
            shared.counters.refuse(Rule::SessionLogins);
            self.dialogue
                .refuse(&Refusal::expel("Too many failed logins in this session; check user and key"));
        } else {
            self.dialogue.refuse(&Refusal::login_rejected());
        }
    }

    /// The account; without one nothing gets as far as to need it.
    fn account(&self) -> Result<Arc<dyn Account>, Ending> {
        self.account.clone().ok_or(Ending::Gone)
    }

    async fn ask_about_sender(&mut self) -> Result<(), Ending> {
        let account = self.account()?;
        let sender = self.dialogue.envelope.reverse_path.take();
        let (answer, flushed) = self.ask(account.may_send_from(sender.as_ref())).await;
        match answer.unwrap_or_else(|| Err(too_slow())) {
            Ok(()) => {
                self.dialogue.envelope.reverse_path = sender;
                self.dialogue.envelope.open = true;
                self.dialogue.server.accept();
            }
            Err(refusal) => self.dialogue.refuse_message(&refusal),
        }
        flushed
    }

    fn judge_recipient(&mut self) {
        let recipients = &mut self.dialogue.envelope.recipients;
        let verdict = match (&self.account, recipients.last()) {
            (Some(account), Some(recipient)) => account.may_send_to(recipient),
            _ => Err(too_slow()),
        };
        match verdict {
            Ok(()) => self.dialogue.server.accept(),
            Err(refusal) => {
                recipients.pop();
                self.dialogue.refuse(&refusal);
            }
        }
    }

    /// A message is complete: the desk makes it durable, then the client hears so.
    async fn hand_over(&mut self, mail: SubmittedMail) -> Result<(), Ending> {
        let account = self.account()?;
        let octets = mail.octets.len() as u64;
        let began = self.shared.clock.moment();
        let (answer, flushed) = self.ask(account.accept(mail)).await;
        match answer.unwrap_or_else(|| Err(too_slow())) {
            Ok(id) => {
                self.dialogue.server.reply(&queued(&id));
                self.unwritten += 1;
                add(&self.shared.counters.messages_accepted, 1);
                add(&self.shared.counters.octets_accepted, octets);
            }
            Err(refusal) => self.dialogue.refuse_message(&refusal),
        }
        self.dialogue.message_answered();
        self.shared.counters.answer_times.record(self.shared.clock.moment().since(began));
        flushed
    }

    /// Says 421 and closes.
    async fn bid_farewell(&mut self, refusal: &Refusal) {
        self.dialogue.refuse(refusal);
        let deadline = self.shared.clock.moment() + FAREWELL_MAX;
        let Self { link, dialogue, timer, .. } = self;
        let server = &mut dialogue.server;
        let saying = poll_fn(|context| {
            while !server.pending().is_empty() {
                match link.poll_write(context, server.pending()) {
                    Poll::Ready(Ok(count)) => server.written(count),
                    other => return other.map(drop),
                }
            }
            link.poll_flush(context).map(drop)
        });
        timer.within(deadline, saying).await;
        self.close().await;
    }

    /// Closes in order. What the client still sends is taken and forgotten for a moment: octets that
    /// nobody read would make the kernel reset the link, and the last reply might not arrive.
    async fn close(&mut self) {
        let deadline = self.shared.clock.moment() + FAREWELL_MAX;
        let Self { link, dialogue, timer, .. } = self;
        let server = &mut dialogue.server;
        let mut left = FAREWELL_OCTETS_MAX;
        let mut shut = false;
        let closing = poll_fn(|context| {
            if !shut {
                shut = true;
                if link.poll_shutdown(context).is_pending() {
                    shut = false;
                    return Poll::Pending;
                }
            }
            while left > 0 {
                match link.poll_read(context, server, 4096) {
                    Poll::Ready(Ok(count)) if count > 0 => left = left.saturating_sub(count),
                    Poll::Ready(_) => break,
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(())
        });
        timer.within(deadline, closing).await;
    }
}

/// What the future gives if it gives it now.
async fn poll_once<T>(mut question: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    poll_fn(|context| {
        Poll::Ready(match question.as_mut().poll(context) {
            Poll::Ready(answer) => Some(answer),
            Poll::Pending => None,
        })
    })
    .await
}

fn throttled() -> Refusal {
    Refusal::expel("Too many failed logins from your network; wait and try again")
}

fn too_slow() -> Refusal {
    Refusal::try_later("The message could not be stored in time; try again later")
}
