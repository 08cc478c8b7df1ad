//! A relay actor: the one owner of the sessions of one (tenant, relay, credential version).
//!
//! There is no pool to look a session up in: mails reach a session only through the outbox of its own actor, and
//! each actor has its own TLS configuration and ticket store, throttle and breaker. A new credential version is a
//! new actor; this one drains.

mod complaint;
mod keeper;
mod part;
mod share;
pub mod tls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::breaker::Breaker;
use domain::throttle::Throttle;
use domain::{
    CredentialVersion, Fingerprint, LinkSecurity, Moment, NodeId, RelayId, RelayLimits, SenderEpoch,
    SessionId, TenantId,
};
use ledger::{InstallationKey, LedgerError, RelayUse, Store};
use runtime::{Clock, Entropy, Network};
use smtp::Secret;
use tokio::sync::watch;

use crate::config::EngineConfig;
use crate::direct::{DirectRoute, DomainLane, Lanes};
use crate::journal::Journal;
use crate::outbox::Outbox;
use crate::recorder::Recorder;
use complaint::Complaints;
pub(crate) use complaint::without_addresses;
pub(crate) use share::Counted;
use share::Share;

pub use tls::TlsTrust;

/// How soon it is looked again whether leases hold, after they did not.
pub(crate) const LEASE_PAUSE: Duration = Duration::from_millis(50);

/// What the engine stands on.
pub struct Ground {
    /// The books.
    pub store: Arc<dyn Store>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// Connections.
    pub network: Arc<dyn Network>,
    /// The journal of dots.
    pub journal: Arc<Journal>,
    /// The installation's key.
    pub key: InstallationKey,
    /// This run.
    pub sender: SenderEpoch,
    /// Of which node.
    pub node: NodeId,
    /// The machine's name, for people.
    pub host: String,
    /// This boot of the machine.
    pub boot: [u8; 16],
    /// Where the node's journals lie.
    pub journal_folder: PathBuf,
    /// The numbers.
    pub config: EngineConfig,
    /// The next session's low id bits: a random start, then one after the other, so that two sessions of one
    /// millisecond never get the same id.
    pub next_session: AtomicU64,
    /// Set once nothing more may be sent by this process.
    pub broken: watch::Sender<Option<BrokenReason>>,
}

/// One relay with one version of its secret.
#[derive(Clone)]
pub struct RelaySpec {
    /// Whose account it is.
    pub tenant: TenantId,
    /// Which relay.
    pub relay: RelayId,
    /// Which version of the secret.
    pub credential: CredentialVersion,
    /// The keyed hash of the secret.
    pub fingerprint: Fingerprint,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the link is protected.
    pub security: LinkSecurity,
    /// User name and secret; `None` authenticates nobody.
    pub login: Option<Login>,
    /// How much the relay takes.
    pub limits: RelayLimits,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// Whose certificates are believed.
    pub trust: TlsTrust,
    /// BDAT instead of DATA where offered (RFC 3030).
    pub use_chunking: bool,
    /// Set for the direct route: mails go to the receivers' own servers, and host, port, security and login are not used.
    pub direct: Option<Arc<DirectRoute>>,
}

/// User name and secret of a relay account.
#[derive(Clone)]
pub struct Login {
    /// The user name.
    pub user: String,
    /// The secret.
    pub secret: Secret,
    /// The one mechanism to use; `None`: the best that is offered.
    pub mechanism: Option<smtp::Mechanism>,
}

impl std::fmt::Debug for RelaySpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RelaySpec({} {} v{} {})", self.tenant, self.relay, self.credential, self.fingerprint)
    }
}

/// How a relay fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RelayStatus {
    /// Sessions may be opened.
    Open,
    /// Sessions failed in a row; one probe at a time until one works. The reason is for operators.
    Faltering(String),
    /// The relay cannot work as configured. The reason names the remedy.
    Stopped(String),
    /// The books failed, or an identity did not fit: nothing more is sent by this process.
    Broken(BrokenReason),
}

/// Why a process must stop sending.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokenReason {
    /// The store failed.
    #[error("{0}")]
    Store(#[from] LedgerError),
    /// A mail met a session of another tenant, relay or credential (invariant 6).
    #[error(
        "a mail of {mail} was about to go over a session of {session}; this is a defect, nothing was sent"
    )]
    Identity {
        /// Whose mail.
        mail: String,
        /// Whose session.
        session: String,
    },
    /// A session's task ended by a defect: its mails are accounted for by the next process, from the journal.
    #[error(
        "a task of the engine ended by a defect; start again: what was on the wire is known from the journal"
    )]
    Defect,
}

/// The actor's parts that its sessions share.
pub struct RelayActor {
    /// What it serves.
    pub spec: RelaySpec,
    /// What it stands on.
    pub ground: Arc<Ground>,
    /// Its mails.
    pub outbox: Arc<Outbox>,
    /// Its group commit.
    pub recorder: Arc<Recorder>,
    tls: Option<Arc<rustls::ClientConfig>>,
    /// The domain, for an actor's part on the direct route.
    lane: Option<DomainLane>,
    /// The domains, for an actor of the direct route.
    lanes: Option<Arc<Lanes>>,
    pub(crate) share: Arc<Share>,
    breaker: Mutex<Breaker>,
    pub(crate) complaints: Arc<Mutex<Complaints>>,
    lease_end_us: Arc<AtomicU64>,
    /// The relay refuses commands that come right behind a message (RFC 2920 allows them; some servers do not).
    refuses_behind_content: AtomicBool,
    /// The last of its replies that mattered for this was late: see [`Self::reply_is_late`].
    is_late: AtomicBool,
    status: watch::Sender<RelayStatus>,
    orders: watch::Sender<Orders>,
}

/// What sessions must obey, at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Orders {
    /// Finish what is on the wire, then quit.
    pub drain: bool,
    /// Counts changes of releases' holds, so that sessions look again at what they have in hand.
    pub holds: u64,
}

impl RelayActor {
    /// An actor, and its keeper to be run beside it. `used` is what earlier processes sent in the last minute.
    ///
    /// # Errors
    /// When the TLS trust cannot be read.
    pub fn new(
        spec: RelaySpec,
        ground: Arc<Ground>,
        used: &[(Duration, u32)],
    ) -> Result<Arc<Self>, tls::TrustError> {
        let recorder =
            Recorder::new(spec.tenant, ground.sender, Arc::clone(&ground.store), Arc::clone(&ground.clock));
        let outbox = Outbox::new(Arc::clone(&recorder), ground.config.ready_octets_max);
        let tls = match spec.security {
            // The direct route has a configuration for each link: see `direct::verifier`.
            _ if spec.direct.is_some() => None,
            LinkSecurity::None => None,
            LinkSecurity::StartTls | LinkSecurity::Implicit => Some(tls::client_config(&spec.trust)?),
        };
        let lanes = spec.direct.as_ref().map(|_| Lanes::new(spec.limits.sessions_max));
        let now = ground.clock.moment();
        let mut throttle = Throttle::per_minute(spec.limits.messages_per_minute_max);
        used.iter().for_each(|(ago, count)| throttle.recall(*count, now - *ago));
        let share = match ground.store.is_shared() {
            true => Share::of_many(&spec.limits),
            false => Share::whole(&spec.limits, throttle),
        };
        let lease_end_us = Arc::new(AtomicU64::new((now + ground.config.lease).as_micros()));
        Ok(Arc::new(Self {
            spec,
            ground,
            outbox,
            recorder,
            tls,
            lane: None,
            lanes,
            share: Arc::new(share),
            breaker: Mutex::default(),
            complaints: Arc::default(),
            lease_end_us,
            refuses_behind_content: AtomicBool::new(false),
            is_late: AtomicBool::new(false),
            status: watch::Sender::new(RelayStatus::Open),
            orders: watch::Sender::new(Orders::default()),
        }))
    }

    /// A watch over how the relay fares.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<RelayStatus> {
        self.status.subscribe()
    }

    /// A watch over what sessions must obey.
    #[must_use]
    pub fn orders(&self) -> watch::Receiver<Orders> {
        self.orders.subscribe()
    }

    /// Has every session finish what is on the wire, and quit.
    pub fn drain(&self) {
        self.orders.send_modify(|orders| orders.drain = true);
    }

    /// Has every session look again at which releases are held.
    pub fn holds_changed(&self) {
        self.orders.send_modify(|orders| orders.holds += 1);
    }

    /// Stops the process' sending, by every actor: the books failed or an identity did not fit.
    pub fn break_off(&self, reason: BrokenReason) {
        self.obey_break(reason.clone());
        self.ground.broken.send_replace(Some(reason));
    }

    /// Stops this actor's sending, because the process must stop.
    pub fn obey_break(&self, reason: BrokenReason) {
        self.status.send_replace(RelayStatus::Broken(reason));
        self.drain();
    }

    /// A session is ready: others may follow it.
    pub fn session_ready(&self) {
        if let Some(lane) = &self.lane {
            lane.session_ready();
            self.outbox.demand.notify_one();
            return;
        }
        self.breaker().session_ready();
        self.status.send_if_modified(|status| {
            let recovered = matches!(status, RelayStatus::Faltering(_));
            if recovered {
                *status = RelayStatus::Open;
            }
            recovered
        });
        self.outbox.demand.notify_one();
    }

    /// The TLS configuration that only this actor's sessions use.
    #[must_use]
    pub fn tls(&self) -> Option<Arc<rustls::ClientConfig>> {
        self.tls.clone()
    }

    /// Asks the relay's limits to start a message.
    pub fn try_start_message(&self, session: SessionId) -> bool {
        self.share.try_start(self.ground.clock.moment(), session)
    }

    /// When the limits may next have room, if not by an answer alone.
    #[must_use]
    pub fn room_at(&self) -> Option<Moment> {
        self.share.room_at(self.ground.clock.moment())
    }

    /// Ends a message for the limits; gives what to record of it.
    pub fn finish_message(&self, counted: bool) -> Option<RelayUse> {
        self.spec.limits.messages_per_minute_max?;
        self.share.finish(self.spec.relay, counted, self.ground.clock.moment())
    }

    /// Given when the session that asks is to end, for other senders need it; to be kept until it has.
    pub(crate) fn must_close_session(&self) -> Option<Counted> {
        self.share.must_close()
    }

    /// True when no release is being sent through it and nothing of one is on its way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.share.is_idle() && self.outbox.is_accounted()
    }

    /// True while other senders leave at least one session of the relay to this one.
    #[must_use]
    pub fn may_have_sessions(&self) -> bool {
        self.share.sessions_max() > 0
    }

    /// True while it makes sense to lease more: a session is left to this sender, and its leases are known to hold. What
    /// is leased without that would only be given back, with a permit spent.
    #[must_use]
    pub fn may_lease(&self) -> bool {
        self.may_have_sessions() && self.lease_holds()
    }

    /// How many envelopes a session may have with its SMTP client: one more behind the content, where the relay lets.
    #[must_use]
    pub fn envelopes_on_wire_max(&self) -> usize {
        let one_at_a_time =
            self.refuses_behind_content.load(Ordering::Relaxed) || self.is_late.load(Ordering::Relaxed);
        if one_at_a_time { 1 } else { 2 }
    }

    /// A reply is late. Until one is prompt again nothing is offered behind a message: with a relay that is slow with
    /// every reply, each session would have to give up its next envelope, and end.
    pub fn reply_is_late(&self) {
        self.is_late.store(true, Ordering::Relaxed);
    }

    /// A reply came soon: see [`Self::reply_is_late`].
    pub fn reply_is_prompt(&self) {
        if self.is_late.load(Ordering::Relaxed) {
            self.is_late.store(false, Ordering::Relaxed);
        }
    }

    /// The relay refused an envelope because it came right behind a message.
    pub fn no_more_behind_content(&self) {
        if !self.refuses_behind_content.swap(true, Ordering::Relaxed) {
            tracing::info!(relay = %self.spec.relay, "the relay takes no commands behind a message: one at a time");
        }
    }

    /// True while leases hold for longer than the margin: a message end may be sent.
    #[must_use]
    pub fn lease_holds(&self) -> bool {
        let end = Moment::from_micros(self.lease_end_us.load(Ordering::Acquire));
        self.ground.clock.moment() + self.ground.config.lease_margin < end
    }

    /// The leases were renewed by a call that started at `asked`.
    pub fn lease_renewed(&self, asked: Moment) {
        let end = (asked + self.ground.config.lease).as_micros();
        self.lease_end_us.fetch_max(end, Ordering::AcqRel);
    }

    fn breaker(&self) -> MutexGuard<'_, Breaker> {
        lock(&self.breaker)
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
