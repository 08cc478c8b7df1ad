//! One SMTP connection of a relay actor: authenticated once, with one credential, for one tenant.
//!
//! Mails are *in hand* once a permit was asked for them (some ahead), and *on the wire* once offered to the SMTP
//! client. The message end is sent only when the attempt is durable and not fenced, the lease holds, the identity
//! fits, and the journal bears the dot mark. Every mail that this session took leaves it with an outcome.

mod verdict;
mod wire;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use domain::breaker::SessionHealth;
use domain::{LinkSecurity, Moment, Phase, SessionId, Verdict};
use ledger::{AttemptPermit, AttemptRow, LedgerError, OutcomeRow, SessionRow};
use runtime::DialOptions;
use smtp::client::{Body, Client, ClientConfig, Credentials, Envelope, Event, SessionEnd, Settlement, TlsMode};
use tokio::sync::watch;

use crate::compose::ReadyMail;
use crate::journal::{JournaledReply, Ring, SlotNo};
use crate::recorder::{Progress, Ticket};
use crate::relay::{BrokenReason, Orders, RelayActor};
use wire::Wire;

/// How long a session stays open without work.
const IDLE_MAX: std::time::Duration = std::time::Duration::from_secs(5);
/// Mails that may be with the SMTP client: one being answered, one offered behind it.
const ON_WIRE_MAX: usize = 2;

/// What a session that is over says of its relay.
#[derive(Debug)]
pub struct SessionReport {
    /// Good, failed or hopeless.
    pub health: SessionHealth,
    /// Why it ended, where that was not by choice.
    pub reason: Option<String>,
}

impl SessionReport {
    /// The report in the name of a session that cannot give its own.
    #[must_use]
    pub fn panicked() -> Self {
        Self { health: SessionHealth::Failed, reason: Some("the session's task ended by a defect".to_owned()) }
    }

    fn failed(reason: String) -> Self {
        Self { health: SessionHealth::Failed, reason: Some(reason) }
    }
}

/// Opens a connection and sends until there is nothing to do, the relay wants no more, or the link breaks.
pub async fn run(actor: Arc<RelayActor>, ring: Ring) -> SessionReport {
    let options = DialOptions {
        timeout: actor.ground.config.connect_timeout,
        user_timeout: actor.ground.config.tcp_user_timeout,
    };
    let network = Arc::clone(&actor.ground.network);
    let connection = match network.dial(&actor.spec.host, actor.spec.port, options).await {
        Ok(connection) => connection,
        Err(error) => return SessionReport::failed(format!("cannot connect: {error}")),
    };
    let id = match actor.ground.entropy.bits() {
        Ok(bits) => SessionId::generate(actor.ground.clock.now().as_millis(), bits),
        Err(error) => return SessionReport::failed(error.to_string()),
    };
    let now = actor.ground.clock.moment();
    let mut session = Session {
        client: Client::new(client_config(&actor), now),
        wire: Wire::new(connection.stream),
        peer: connection.peer.to_string(),
        id,
        ring,
        ready: false,
        end: None,
        hand: VecDeque::new(),
        on_wire: VecDeque::new(),
        settling: VecDeque::new(),
        armed: 0,
        taken: 0,
        carried: 0,
        draining: false,
        ordered: false,
        last_ticket: None,
        idle_since: now,
        timer: None,
        progress: actor.recorder.progress(),
        orders: actor.orders(),
        actor,
    };
    let outcome = session.serve().await;
    session.finish(outcome).await
}

fn client_config(actor: &RelayActor) -> ClientConfig {
    let spec = &actor.spec;
    let mut config = ClientConfig::new(spec.ehlo_name.clone());
    config.tls = match spec.security {
        LinkSecurity::None => TlsMode::None,
        LinkSecurity::StartTls => TlsMode::StartTls,
        LinkSecurity::Implicit => TlsMode::Implicit,
    };
    config.credentials = spec.login.as_ref().map(|login| Credentials {
        user: login.user.clone(),
        secret: login.secret.clone(),
        mechanism: login.mechanism,
    });
    // Clear text is only ever used where the operator wrote tls=none.
    config.allow_plaintext_auth = spec.security == LinkSecurity::None;
    config.use_chunking = spec.use_chunking;
    config
}

/// A mail for which a permit was asked.
struct Armed {
    /// By which the SMTP client knows it.
    id: u64,
    mail: ReadyMail,
    permit: Ticket,
    slot: Option<SlotNo>,
}

struct Session {
    actor: Arc<RelayActor>,
    client: Client,
    wire: Wire,
    peer: String,
    id: SessionId,
    ring: Ring,
    ready: bool,
    end: Option<SessionEnd>,
    hand: VecDeque<Armed>,
    on_wire: VecDeque<Armed>,
    /// Slots whose outcome is not durable yet.
    settling: VecDeque<(SlotNo, Ticket)>,
    armed: u64,
    taken: u32,
    carried: u32,
    draining: bool,
    /// Orders came while the session waited, and were not looked at yet.
    ordered: bool,
    last_ticket: Option<Ticket>,
    idle_since: Moment,
    timer: Option<(Moment, runtime::Pending<'static, ()>)>,
    progress: watch::Receiver<Progress>,
    orders: watch::Receiver<Orders>,
}

impl Session {
    /// Until the client is closed and every event of it is dealt with.
    async fn serve(&mut self) -> Result<(), BrokenReason> {
        loop {
            self.take_events().await?;
            if self.client.is_closed() {
                return Ok(());
            }
            if self.ready {
                self.free_slots();
                self.obey_orders();
                self.fill_hand();
                self.offer_next()?;
                self.send_permitted()?;
            }
            self.wait().await;
        }
    }

    async fn take_events(&mut self) -> Result<(), BrokenReason> {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::StartTls => self.start_tls().await,
                Event::Ready => self.opened(),
                Event::EnvelopeAccepted { .. } => {}
                Event::Settled(settlement) => self.settle(settlement).await?,
                Event::Closed(end) => self.end = Some(end),
            }
        }
        Ok(())
    }

    async fn start_tls(&mut self) {
        let config = self.actor.tls();
        let limit = smtp::client::TimeLimits::default().tls;
        let outcome = match config {
            None => Err("no TLS configuration".to_owned()),
            Some(config) => {
                let late = self.actor.ground.clock.sleep(limit);
                tokio::select! {
                    outcome = self.wire.start_tls(config, &self.actor.spec.host) => outcome,
                    () = late => Err("the handshake took too long".to_owned()),
                }
            }
        };
        let now = self.actor.ground.clock.moment();
        match outcome {
            Ok(()) => self.client.tls_started(now),
            Err(reason) => self.client.tls_failed(&reason, now),
        }
    }

    fn opened(&mut self) {
        let spec = &self.actor.spec;
        self.ready = true;
        self.idle_since = self.actor.ground.clock.moment();
        self.actor.recorder.session(SessionRow {
            tenant: spec.tenant,
            session: self.id,
            relay: spec.relay,
            credential: spec.credential,
            fingerprint: spec.fingerprint,
            peer: self.peer.clone(),
            tls: self.wire.tls_facts().unwrap_or_default(),
            sender: self.actor.ground.sender,
            opened_at: self.actor.ground.clock.now(),
        });
    }

    fn free_slots(&mut self) {
        while let Some((slot, ticket)) = self.settling.front().copied() {
            if !self.actor.recorder.is_durable(ticket) {
                return;
            }
            self.ring.free(slot);
            self.settling.pop_front();
        }
    }

    /// Looks again at what is in hand when releases were held; quits when told to, when used up, or idle for long.
    fn obey_orders(&mut self) {
        if std::mem::take(&mut self.ordered) || self.orders.has_changed().unwrap_or(false) {
            self.draining = self.orders.borrow_and_update().drain;
            self.drop_held();
        }
        let now = self.actor.ground.clock.moment();
        let idle = self.is_spent() && now.since(self.idle_since) >= IDLE_MAX;
        if self.draining || idle || (self.is_spent() && !self.may_take_more()) {
            self.client.quit(now);
        }
    }

    /// Mails of held releases leave the hand; their outcomes must not block here, for a permit may be under way.
    fn drop_held(&mut self) {
        let hand = std::mem::take(&mut self.hand).into_iter();
        let (held, kept) = hand.partition(|armed| self.draining || armed.mail.work.is_held());
        self.hand = kept;
        let held: VecDeque<Armed> = held;
        for armed in held {
            self.taken = self.taken.saturating_sub(1);
            let actor = Arc::clone(&self.actor);
            tokio::spawn(async move { release_unused(&actor, armed).await });
        }
    }

    /// Nothing in hand and nothing on the wire.
    fn is_spent(&self) -> bool {
        self.on_wire.is_empty() && self.hand.is_empty()
    }

    fn may_take_more(&self) -> bool {
        self.actor.spec.limits.messages_per_connection_max.is_none_or(|max| self.taken < max)
    }

    /// Asks for permits ahead.
    fn fill_hand(&mut self) {
        let ahead = self.actor.ground.config.permits_ahead.max(1);
        while self.hand.len() + self.on_wire.len() < ahead && self.may_take_more() && !self.client.is_closed() {
            let Some(mail) = self.actor.outbox.take() else { return };
            if mail.work.is_held() {
                self.actor.outbox.done(mail.key.release, mail.chunk);
                continue;
            }
            self.taken += 1;
            let permit = self.actor.recorder.permit(self.permit_row(&mail));
            self.last_ticket = Some(permit);
            self.armed += 1;
            self.hand.push_back(Armed { id: self.armed, mail, permit, slot: None });
        }
    }

    fn permit_row(&self, mail: &ReadyMail) -> AttemptPermit {
        let spec = &self.actor.spec;
        let row = AttemptRow {
            key: mail.key,
            session: self.id,
            relay: spec.relay,
            credential: spec.credential,
            fingerprint: spec.fingerprint,
            body_digest: mail.content.digest,
            opened_at: self.actor.ground.clock.now(),
        };
        AttemptPermit { row, chunk: mail.chunk, lease: mail.lease }
    }

    /// Gives the client its next envelope, once the throttle lets a message start.
    fn offer_next(&mut self) -> Result<(), BrokenReason> {
        while self.on_wire.len() < ON_WIRE_MAX && self.client.can_offer() {
            let Some(armed) = self.hand.front() else { return Ok(()) };
            self.check_identity(&armed.mail)?;
            if !self.actor.try_start_message() {
                return Ok(());
            }
            let Some(armed) = self.hand.pop_front() else { return Ok(()) };
            let now = self.actor.ground.clock.moment();
            let mail = &armed.mail;
            let envelope = Envelope {
                id: armed.id,
                reverse_path: &mail.work.reverse_path,
                recipients: &[&mail.address],
                size: mail.octets() as u64,
                body: if mail.content.eight_bit { Body::EightBitMime } else { Body::SevenBit },
                smtputf8: mail.content.smtputf8,
            };
            let offered = self.client.offer(&envelope, now);
            self.on_wire.push_back(armed);
            if let Err(error) = offered {
                // The addresses were parsed at the edge, so this is a defect; the session ends, the mail does not.
                tracing::error!(%error, "the SMTP client did not take an envelope");
                self.client.abandon();
            }
        }
        Ok(())
    }

    /// Invariant 6, right before MAIL FROM.
    fn check_identity(&self, mail: &ReadyMail) -> Result<(), BrokenReason> {
        let spec = &self.actor.spec;
        if mail.key.tenant == spec.tenant && mail.work.tenant == spec.tenant && mail.work.relay == spec.relay {
            return Ok(());
        }
        Err(BrokenReason::Identity {
            mail: format!("{} for {}", mail.key.tenant, mail.work.relay),
            session: format!("{} of {}", spec.tenant, spec.relay),
        })
    }

    /// Sends the content that the server waits for, if its permit is durable; a refused permit ends the session.
    fn send_permitted(&mut self) -> Result<(), BrokenReason> {
        let Some(id) = self.client.permitted() else { return Ok(()) };
        let Some(place) = self.on_wire.iter().position(|armed| armed.id == id) else {
            self.client.abandon();
            return Ok(());
        };
        if let Progress::Failed(error) = &*self.progress.borrow_and_update() {
            return Err(error.clone().into());
        }
        if !self.actor.recorder.is_durable(self.on_wire[place].permit) || !self.ring.has_room() {
            return Ok(());
        }
        let key = self.on_wire[place].mail.key;
        if self.actor.recorder.is_fenced(key) {
            self.client.abandon();
            return Ok(());
        }
        let now = self.actor.ground.clock.moment();
        let content = &self.on_wire[place].mail.content;
        if let Err(error) = self.client.send_message(&content.head, content.tail.as_ref(), now) {
            tracing::error!(%error, "a composed mail cannot be sent");
            self.client.abandon();
        }
        Ok(())
    }

    /// Waits for the link, for commits that something waits for, for mails, for orders, or for a time limit.
    async fn wait(&mut self) {
        let Some(wake_at) = self.wake_at() else { return };
        let clock = &self.actor.ground.clock;
        if self.timer.as_ref().is_none_or(|(at, _)| *at > wake_at) {
            self.timer = Some((wake_at, clock.sleep_until(wake_at)));
        }
        let hungry = self.ready && self.hand.is_empty() && self.on_wire.len() < ON_WIRE_MAX && self.may_take_more();
        let waits_for_commit = self.client.permitted().is_some();
        let Self { client, wire, ring, on_wire, actor, progress, orders, ordered, timer, .. } = self;
        let Some((_, sleep)) = timer.as_mut() else { return };
        let mut link = Link { client, wire, ring, on_wire, actor };
        tokio::select! {
            biased;
            () = poll_fn(|context| link.poll(context)) => {}
            _ = progress.changed(), if waits_for_commit => {}
            () = actor.outbox.arrived.notified(), if hungry => {}
            _ = orders.changed() => *ordered = true,
            () = sleep => {
                self.timer = None;
                self.client.tick(self.actor.ground.clock.moment());
            }
        }
    }

    /// The next moment at which something may be due without anything happening.
    fn wake_at(&self) -> Option<Moment> {
        if self.client.is_closed() {
            return None;
        }
        let idle_from = if self.is_spent() { self.idle_since } else { self.actor.ground.clock.moment() };
        let limit = self.client.deadline().unwrap_or(idle_from + IDLE_MAX);
        let throttled = if self.hand.is_empty() || self.on_wire.len() == ON_WIRE_MAX {
            None
        } else {
            self.actor.room_at()
        };
        Some(throttled.map_or(limit, |room| room.min(limit)))
    }

    async fn settle(&mut self, settlement: Settlement) -> Result<(), BrokenReason> {
        let Some(place) = self.on_wire.iter().position(|armed| armed.id == settlement.id) else {
            return Ok(());
        };
        let Some(armed) = self.on_wire.remove(place) else { return Ok(()) };
        let Some(result) = settlement.results.first() else { return Ok(()) };
        let now = self.actor.ground.clock.now();
        let row = verdict::outcome(&armed.mail, result, &self.actor.ground.key, now);
        if let Some(slot) = armed.slot
            && row.verdict != Verdict::Unknown
        {
            self.ring.mark_reply(slot, &journaled(&row));
        }
        if row.verdict == Verdict::Unknown {
            self.wire.reset_on_drop();
        }
        self.carried += u32::from(row.verdict == Verdict::Accepted);
        self.idle_since = self.actor.ground.clock.moment();
        let used = self.actor.finish_message(row.phase > Phase::Permit);
        self.record(armed, row, used).await
    }

    /// Pushes the outcome. A permit that is not durable yet is waited for: a fenced attempt has no outcome.
    async fn record(
        &mut self,
        armed: Armed,
        row: OutcomeRow,
        used: Option<ledger::RelayUse>,
    ) -> Result<(), BrokenReason> {
        let recorder = Arc::clone(&self.actor.recorder);
        if !recorder.is_durable(armed.permit) {
            recorder.durable(armed.permit).await?;
        }
        if !recorder.take_fenced(armed.mail.key) {
            let ticket = recorder.outcome(row, used);
            self.last_ticket = Some(ticket);
            if let Some(slot) = armed.slot {
                self.settling.push_back((slot, ticket));
            }
        }
        self.actor.outbox.done(armed.mail.key.release, armed.mail.chunk);
        Ok(())
    }

    /// Accounts for whatever is left, and reports.
    async fn finish(mut self, outcome: Result<(), BrokenReason>) -> SessionReport {
        if let Err(reason) = outcome {
            self.wire.reset_on_drop();
            self.actor.break_off(reason);
            return SessionReport::failed("the books failed or an identity did not fit".to_owned());
        }
        for armed in std::mem::take(&mut self.hand) {
            release_unused(&self.actor, armed).await;
        }
        if let Some(ticket) = self.last_ticket
            && let Err(error) = self.actor.recorder.durable(ticket).await
        {
            self.actor.break_off(error.into());
        }
        self.free_slots();
        let Some(end) = &self.end else { return SessionReport { health: SessionHealth::Good, reason: None } };
        let health = verdict::health(end, self.carried);
        let user = self.actor.spec.login.as_ref().map(|login| login.user.as_str());
        SessionReport { health, reason: Some(verdict::reason(end, user)) }
    }
}

async fn release_unused(actor: &RelayActor, armed: Armed) {
    let durable = actor.recorder.durable(armed.permit).await;
    match durable {
        Ok(()) if !actor.recorder.take_fenced(armed.mail.key) => {
            actor.recorder.outcome(verdict::unused(&armed.mail, actor.ground.clock.now()), None);
        }
        Ok(()) => {}
        // The books failed: the next process finds the open attempt and no dot mark.
        Err(error) => actor.break_off(LedgerError::into(error)),
    }
    actor.outbox.done(armed.mail.key.release, armed.mail.chunk);
}

fn journaled(row: &OutcomeRow) -> JournaledReply {
    JournaledReply {
        verdict: row.verdict,
        phase: row.phase,
        code: row.code,
        enhanced: row.enhanced,
        digest: row.reply_digest,
        text: row.reply_text.clone(),
        at: row.at,
    }
}

/// What the link needs while the session waits.
struct Link<'a> {
    client: &'a mut Client,
    wire: &'a mut Wire,
    ring: &'a mut Ring,
    on_wire: &'a mut VecDeque<Armed>,
    actor: &'a Arc<RelayActor>,
}

impl Link<'_> {
    /// Writes what is pending; ready once something was received, or the link or the session ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while !self.client.pending().is_empty() {
            if !self.may_send() {
                self.client.abandon();
                return Poll::Ready(());
            }
            match self.wire.poll_send(context, self.client.pending()) {
                Poll::Ready(Ok(count)) => {
                    self.client.written(count, self.actor.ground.clock.moment());
                    if count == 0 {
                        break;
                    }
                }
                Poll::Ready(Err(error)) => {
                    self.client.link_failed(&error.to_string(), self.actor.ground.clock.moment());
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        match self.wire.poll_receive(context) {
            Poll::Pending => return Poll::Pending,
            Poll::Ready(Ok(Some(octets))) => self.client.receive(octets, self.actor.ground.clock.moment()),
            Poll::Ready(Ok(None)) => self.client.end_of_file(self.actor.ground.clock.moment()),
            Poll::Ready(Err(error)) => {
                self.client.link_failed(&error.to_string(), self.actor.ground.clock.moment());
            }
        }
        Poll::Ready(())
    }

    /// Before a write that may hold octets of a message end: the lease must hold, and the dot mark must stand.
    fn may_send(&mut self) -> bool {
        if self.client.message_end().is_none() {
            return true;
        }
        let Some(armed) = self.on_wire.front_mut() else { return false };
        if !self.actor.lease_holds() {
            return false;
        }
        if armed.slot.is_none() {
            armed.slot = self.ring.mark_dot(armed.mail.key);
        }
        armed.slot.is_some()
    }
}
