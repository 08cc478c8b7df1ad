//! One SMTP connection of a relay actor: authenticated once, with one credential, for one tenant.
//!
//! Mails are *in hand* once a permit was asked for them (some ahead), and *on the wire* once offered to the SMTP
//! client. The message end is sent only when the attempt is durable and not fenced, the lease holds, the identity
//! fits, and the journal bears the dot mark. Every mail that this session took leaves it with an outcome.

mod accounting;
mod hand;
mod link;
mod plan;
mod verdict;
mod wire;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::breaker::SessionHealth;
use domain::{Moment, SessionId};
use ledger::SessionRow;
use runtime::{Connection, DialOptions};
use smtp::client::{Client, Event, SessionEnd};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::compose::ReadyMail;
use crate::journal::{Ring, SlotNo};
use crate::recorder::{Progress, Ticket};
use crate::relay::{BrokenReason, Counted, LEASE_PAUSE, Orders, RelayActor};
use link::Link;
pub use plan::LinkPlan;
use wire::Wire;

/// After a reply that took longer than this, no permits are asked for beyond what fits on the wire.
const REPLY_SLOW: std::time::Duration = std::time::Duration::from_secs(1);
/// How long a session stays open without work.
const IDLE_MAX: std::time::Duration = std::time::Duration::from_secs(5);
/// The same on the direct route, where thousands of other domains wait for the session's place.
const IDLE_DIRECT_MAX: std::time::Duration = std::time::Duration::from_millis(250);

/// What a session that is over says of its relay.
#[derive(Debug)]
pub struct SessionReport {
    /// Good, failed or hopeless.
    pub health: SessionHealth,
    /// Why it ended, where that was not by choice.
    pub reason: Option<String>,
    /// It was ready to send.
    pub opened: bool,
    /// How the dialogue ended.
    pub end: Option<SessionEnd>,
}

impl SessionReport {
    fn failed(reason: String) -> Self {
        Self { health: SessionHealth::Failed, reason: Some(reason), opened: false, end: None }
    }

    fn good() -> Self {
        Self { health: SessionHealth::Good, reason: None, opened: false, end: None }
    }
}

/// Opens a connection and sends until there is nothing to do, the relay wants no more, or the link breaks.
pub async fn run(actor: Arc<RelayActor>, ring: Ring) -> SessionReport {
    let options = DialOptions {
        timeout: actor.ground.config.connect_timeout,
        user_timeout: actor.ground.config.tcp_user_timeout,
    };
    let network = Arc::clone(&actor.ground.network);
    let mut orders = actor.orders();
    let dialled = tokio::select! {
        dialled = network.dial(&actor.spec.host, actor.spec.port, options) => dialled,
        _ = orders.wait_for(|orders| orders.drain) => {
            return SessionReport::good();
        }
    };
    let connection = match dialled {
        Ok(connection) => connection,
        Err(error) => return SessionReport::failed(format!("cannot connect: {error}")),
    };
    let plan = LinkPlan::of_relay(&actor, &connection);
    converse(actor, ring, connection, plan).await.0
}

/// Talks over a link until there is nothing to do, the other end wants no more, or the link breaks. The ring is given
/// back for a next one.
pub async fn converse(
    actor: Arc<RelayActor>,
    ring: Ring,
    connection: Connection,
    plan: LinkPlan,
) -> (SessionReport, Ring) {
    let number = actor.ground.next_session.fetch_add(1, Ordering::Relaxed);
    let id = SessionId::generate(actor.ground.clock.now().as_millis(), number);
    let now = actor.ground.clock.moment();
    let mut session = Session {
        client: Client::new(plan.client_config(&actor), now),
        wire: Wire::new(connection.stream),
        plan,
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
        hopeless: None,
        quitting: false,
        closing: None,
        releasing: JoinSet::new(),
        ordered: false,
        last_ticket: None,
        idle_since: now,
        progress_at: now,
        is_slow: false,
        timer: None,
        progress: actor.recorder.progress(),
        orders: actor.orders(),
        actor,
    };
    let outcome = session.serve().await;
    session.finish(outcome).await
}

/// A mail for which a permit was asked.
struct Armed {
    /// By which the SMTP client knows it.
    id: u64,
    mail: ReadyMail,
    permit: Ticket,
    slot: Option<SlotNo>,
    /// It was offered while another mail was on the wire.
    behind: bool,
    /// The outbox knows that it waits for a late reply.
    stuck: bool,
    /// Why the SMTP client would not take it: a defect of composing, which no retry mends.
    unfit: Option<String>,
}

struct Session {
    actor: Arc<RelayActor>,
    client: Client,
    wire: Wire,
    plan: LinkPlan,
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
    /// Why no session opened like this one will ever carry a mail.
    hopeless: Option<String>,
    /// QUIT was asked for: nothing more is taken in hand.
    quitting: bool,
    /// It ends for other senders' sake.
    closing: Option<Counted>,
    /// Mails that left the hand unused, while their permits become durable.
    releasing: JoinSet<()>,
    /// Orders came while the session waited, and were not looked at yet.
    ordered: bool,
    last_ticket: Option<Ticket>,
    idle_since: Moment,
    /// When content was last sent, or answered.
    progress_at: Moment,
    /// The last answer took long.
    is_slow: bool,
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
                self.pass_on_behind_late_reply();
                self.fill_hand();
                self.offer_next().await?;
                self.send_permitted()?;
            } else if self.orders.borrow().drain {
                self.client.quit(self.actor.ground.clock.moment());
            }
            if !self.client.has_events() {
                self.wait().await;
            }
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
        let config = self.plan.tls.clone();
        let limit = smtp::client::TimeLimits::default().tls;
        let outcome = match config {
            None => Err("no TLS configuration".to_owned()),
            Some(config) => {
                let late = self.actor.ground.clock.sleep(limit);
                tokio::select! {
                    outcome = self.wire.start_tls(config, &self.plan.host) => outcome,
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
        self.actor.session_ready();
        self.idle_since = self.actor.ground.clock.moment();
        self.actor.recorder.session(SessionRow {
            tenant: spec.tenant,
            session: self.id,
            relay: spec.relay,
            credential: spec.credential,
            fingerprint: spec.fingerprint,
            peer: self.plan.peer.clone(),
            tls: self.tls_words(),
            sender: self.actor.ground.sender,
            opened_at: self.actor.ground.clock.now(),
        });
    }

    /// The link's protection for the books; nothing of a relay's link in clear.
    fn tls_words(&self) -> String {
        let facts = self.wire.tls_facts();
        match &self.plan.evidence {
            Some(evidence) => evidence.words(facts, self.client.capabilities().starttls),
            None => facts.unwrap_or_default(),
        }
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
        let idle = self.is_spent() && now.since(self.idle_since) >= self.idle_max();
        let over = self.draining || idle || (self.is_spent() && !self.may_take_more());
        if !self.quitting && !over {
            self.closing = self.actor.must_close_session();
        }
        if !self.quitting && (over || self.closing.is_some()) {
            self.quitting = true;
            self.client.quit(now);
        }
    }

    fn idle_max(&self) -> std::time::Duration {
        if self.actor.lane().is_some() { IDLE_DIRECT_MAX } else { IDLE_MAX }
    }

    /// Nothing in hand and nothing on the wire.
    fn is_spent(&self) -> bool {
        self.on_wire.is_empty() && self.hand.is_empty()
    }

    /// The relay owes a reply for long.
    fn is_late(&self) -> bool {
        let waited = self.actor.ground.clock.moment().since(self.progress_at);
        !self.on_wire.is_empty() && waited >= self.actor.ground.config.reply_late
    }

    fn may_take_more(&self) -> bool {
        !self.quitting
            && !self.actor.is_left_alone()
            && self.actor.spec.limits.messages_per_connection_max.is_none_or(|max| self.taken < max)
    }

    /// Waits for the link, for commits that something waits for, for mails, for orders, or for a time limit.
    async fn wait(&mut self) {
        let Some(wake_at) = self.wake_at() else { return };
        let clock = &self.actor.ground.clock;
        if self.timer.as_ref().is_none_or(|(at, _)| *at > wake_at) {
            self.timer = Some((wake_at, clock.sleep_until(wake_at)));
        }
        let hungry = self.ready
            && self.hand.is_empty()
            && !self.is_late()
            && self.on_wire.len() < self.actor.envelopes_on_wire_max()
            && self.may_take_more();
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
        let mut limit = self.client.deadline().unwrap_or(idle_from + self.idle_max());
        if self.on_wire.iter().any(|armed| !armed.stuck) || !self.hand.is_empty() && !self.on_wire.is_empty()
        {
            limit = limit.min(self.progress_at + self.actor.ground.config.reply_late);
        }
        let leased = self.actor.lease_holds();
        if self.ready && !leased {
            limit = limit.min(self.actor.ground.clock.moment() + LEASE_PAUSE);
        }
        // Without leases nothing starts, whatever the throttle has room for.
        let throttled = if self.quitting
            || !leased
            || self.hand.is_empty()
            || self.on_wire.len() >= self.actor.envelopes_on_wire_max()
        {
            None
        } else {
            self.actor.room_at()
        };
        Some(throttled.map_or(limit, |room| room.min(limit)))
    }
}
