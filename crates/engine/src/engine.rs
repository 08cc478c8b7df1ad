//! The engine of one process: its epoch, its journal, its relay actors and the runs of releases through them.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{CredentialVersion, NodeId, RelayId, SenderEpoch, TenantId};
use ledger::{InstallationKey, LedgerError, SenderRow, Store};
use runtime::{Clock, Entropy, Network};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::compose::{Composer, ReleaseWork};
use crate::config::EngineConfig;
use crate::journal::Journal;
use crate::presence;
use crate::recorder::Progress;
use crate::recover::{RecoverError, Recovered, recover, replay_lost};
use crate::relay::tls::TrustError;
use crate::relay::{Ground, RelayActor, RelaySpec, RelayStatus};
use crate::run::ReleaseRun;
use crate::runner::Runner;
use crate::sweep;

/// The window of which earlier processes' use of a limited relay is recalled.
const RECALL: Duration = Duration::from_secs(60);

/// What an engine is started with.
pub struct EngineParts {
    /// The books. The caller holds the data folder's lock.
    pub store: Arc<dyn Store>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// Connections.
    pub network: Arc<dyn Network>,
    /// The installation's key.
    pub key: InstallationKey,
    /// Which node.
    pub node: NodeId,
    /// The machine's name, for people.
    pub host: String,
    /// This boot of the machine.
    pub boot: [u8; 16],
    /// Where the journals of dots lie.
    pub journal_folder: PathBuf,
    /// The numbers.
    pub config: EngineConfig,
}

/// Why an engine could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] LedgerError),
    /// What the last process left could not be taken in.
    #[error(transparent)]
    Recover(#[from] RecoverError),
    /// The journal of dots could not be made.
    #[error("the journal of dots cannot be made in the data folder: {0}")]
    Journal(#[from] io::Error),
}

/// The most rings that a journal is read back with.
const JOURNAL_RINGS_MAX: usize = 4096;

type RelayKey = (TenantId, RelayId, CredentialVersion);

/// One actor with its tasks.
struct Running {
    actor: Arc<RelayActor>,
    keeper: Task,
    recorder: Task,
}

/// The engine of one process. Dropped without a drain it falls, as by a kill: its tasks end where they are.
pub struct Engine {
    ground: Arc<Ground>,
    relays: Mutex<HashMap<RelayKey, Running>>,
    runs: Mutex<Vec<(RelayKey, Task)>>,
    rounds: Vec<Round>,
}

/// A task of the engine. It ends with it: what falls without a drain must not go on sending behind its successor's back.
struct Task(JoinHandle<()>);

impl Task {
    fn begin(work: impl Future<Output = ()> + Send + 'static) -> Self {
        Self(tokio::spawn(work))
    }

    fn is_finished(&self) -> bool {
        self.0.is_finished()
    }

    async fn finished(mut self) {
        let _ = (&mut self.0).await;
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A task that does the same every while, for as long as the engine lives.
struct Round {
    stop: watch::Sender<bool>,
    task: Task,
}

impl Round {
    fn begin<F: Future<Output = ()> + Send + 'static>(keep: impl FnOnce(watch::Receiver<bool>) -> F) -> Self {
        let (stop, stopped) = watch::channel(false);
        Self { stop, task: Task::begin(keep(stopped)) }
    }

    /// Lets what is under way come to its end: chunks that were taken over must not go back without outcomes.
    async fn end(self) {
        self.stop.send_replace(true);
        self.task.finished().await;
    }
}

impl Engine {
    /// Registers this run, takes in what the last one left, and is ready for relays.
    ///
    /// # Errors
    /// When the books or the journals cannot be used.
    pub async fn start(parts: EngineParts) -> Result<(Self, Recovered), StartError> {
        let now = parts.clock.now();
        let journal_id = parts.entropy.bits()?;
        let rings = parts.config.sessions_max.clamp(1, JOURNAL_RINGS_MAX);
        let journal = Journal::create(&parts.journal_folder, journal_id, parts.boot, rings)?;
        let row = SenderRow { node: parts.node, journal: journal_id, boot: parts.boot, started_at: now };
        let sender = parts.store.sender_register(row).await?;
        let ground = Arc::new(Ground {
            store: parts.store,
            clock: parts.clock,
            entropy: parts.entropy,
            network: parts.network,
            journal,
            key: parts.key,
            sender,
            node: parts.node,
            host: parts.host,
            boot: parts.boot,
            journal_folder: parts.journal_folder,
            config: parts.config,
            next_session: AtomicU64::new(journal_id),
            broken: watch::Sender::new(None),
        });
        let is_shared = ground.store.is_shared();
        if is_shared {
            presence::beat(&ground, false).await?;
        }
        let mut recovered = recover(&*ground.store, presence::options(&ground)).await?;
        if is_shared {
            recovered += replay_lost(&*ground.store, presence::options(&ground)).await?;
        }
        Journal::remove_others(&ground.journal_folder, journal_id)?;
        let mut rounds = vec![Round::begin(|stop| sweep::keep(Arc::clone(&ground), stop))];
        if is_shared {
            rounds.push(Round::begin(|stop| presence::keep(Arc::clone(&ground), stop)));
        }
        Ok((Self { ground, relays: Mutex::default(), runs: Mutex::default(), rounds }, recovered))
    }

    /// This run's epoch.
    #[must_use]
    pub fn sender(&self) -> SenderEpoch {
        self.ground.sender
    }

    /// The actor of this relay and credential version, opened if need be, or anew if it was drained or stopped.
    /// Actors of older versions of the same relay are told to drain: a session never changes its credential.
    ///
    /// # Errors
    /// When the TLS trust cannot be read or the store fails.
    pub async fn relay(&self, spec: RelaySpec) -> Result<Arc<RelayActor>, OpenRelayError> {
        let key = (spec.tenant, spec.relay, spec.credential);
        let known = self.relays().get(&key).map(|running| Arc::clone(&running.actor));
        match known {
            Some(actor) if !actor.orders().borrow().drain => {
                // One of an older version may have been opened after it.
                self.drain_older(key);
                return Ok(actor);
            }
            Some(_) => self.finish_relay(key).await,
            None => {}
        }
        let now = self.ground.clock.now();
        let since = domain::Timestamp::from_millis(now.as_millis() - RECALL.as_millis() as i64);
        let used = match spec.limits.messages_per_minute_max {
            Some(_) => self.ground.store.relay_use(spec.tenant, spec.relay, since).await?,
            None => Vec::new(),
        };
        // The store keeps whole seconds: each is taken to have been sent at its end.
        let ago = |at| now.since(at).saturating_sub(Duration::from_secs(1));
        let used: Vec<_> = used.into_iter().map(|(at, count)| (ago(at), count)).collect();
        let actor = RelayActor::new(spec, Arc::clone(&self.ground), &used)?;
        self.drain_older(key);
        let mut relays = self.relays();
        let running = relays.entry(key).or_insert_with(|| spawn(&actor));
        Ok(Arc::clone(&running.actor))
    }

    /// Ends once this process must stop sending; gives the reason.
    pub async fn broken(&self) -> String {
        let mut broken = self.ground.broken.subscribe();
        match broken.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone()) {
            Some(reason) => reason.to_string(),
            None => std::future::pending().await,
        }
    }

    /// Closes the actors of relays through which no release is being sent. Not beside a call of [`Self::relay`] whose
    /// actor is yet to be used.
    pub async fn retire_idle(&self) {
        let is_idle = |running: &Running| running.actor.is_idle();
        let idle: Vec<RelayKey> =
            self.relays().iter().filter(|(_, running)| is_idle(running)).map(|(key, _)| *key).collect();
        for key in idle {
            if let Some(running) = self.relays().get(&key) {
                running.actor.drain();
            }
            self.finish_relay(key).await;
        }
    }

    /// True while the actor of this secret finishes what it has on the wire, and takes nothing more.
    #[must_use]
    pub fn is_ending(&self, tenant: TenantId, relay: RelayId, credential: CredentialVersion) -> bool {
        let relays = self.relays();
        let running = relays.get(&(tenant, relay, credential));
        running.is_some_and(|running| running.actor.orders().borrow().drain && !running.keeper.is_finished())
    }

    fn drain_older(&self, key: RelayKey) {
        let relays = self.relays();
        let older = relays
            .iter()
            .filter(|((tenant, relay, version), _)| (*tenant, *relay) == (key.0, key.1) && *version < key.2);
        older.for_each(|(_, other)| other.actor.drain());
    }

    /// Runs a release through its relay's actor, in whatever state the books have it.
    #[must_use]
    pub fn send(&self, work: ReleaseWork, composer: Arc<dyn Composer>, actor: Arc<RelayActor>) -> ReleaseRun {
        let (orders, nudges) = watch::channel(0);
        let (ended, end) = watch::channel(None);
        let spec = &actor.spec;
        let relay = (spec.tenant, spec.relay, spec.credential);
        let more = Arc::new(Notify::new());
        let runner = Runner::new(Arc::new(work), composer, actor, (nudges, Arc::clone(&more)));
        let task = Task::begin(async move {
            let end = runner.run().await;
            ended.send_replace(Some(end));
        });
        let mut runs = lock(&self.runs);
        runs.retain(|(_, run)| !run.is_finished());
        runs.push((relay, task));
        drop(runs);
        ReleaseRun::new(orders, more, end)
    }

    /// Finishes what is on the wire, records it, gives back every lease. True when all was accounted for in time;
    /// else the next process finds the rest in the journal.
    ///
    /// # Errors
    /// When the books fail.
    pub async fn drain(mut self) -> Result<bool, LedgerError> {
        let running: Vec<Running> = self.relays().drain().map(|(_, running)| running).collect();
        running.iter().for_each(|relay| relay.actor.drain());
        let runs = std::mem::take(&mut *lock(&self.runs));
        let timeout = self.ground.clock.sleep(self.ground.config.drain_timeout);
        let quiet = async {
            for (_, run) in runs {
                run.finished().await;
            }
            let mut whole = true;
            for relay in running {
                relay.keeper.finished().await;
                relay.actor.recorder.close();
                relay.recorder.finished().await;
                whole &= matches!(&*relay.actor.recorder.progress().borrow(), Progress::Durable(_));
                whole &= !matches!(&*relay.actor.status().borrow(), RelayStatus::Broken(_));
                whole &= relay.actor.outbox.is_accounted();
            }
            whole
        };
        let whole = tokio::select! {
            whole = quiet => whole,
            () = timeout => false,
        };
        for round in std::mem::take(&mut self.rounds) {
            round.end().await;
        }
        if whole {
            self.ground.store.lease_return_all(self.ground.sender, self.ground.clock.now()).await?;
            // What could not be removed is removed at the next start.
            let _ = self.ground.journal.remove();
        }
        if self.ground.store.is_shared() {
            presence::beat(&self.ground, true).await?;
        }
        Ok(whole)
    }

    /// Waits until a drained actor's sessions and commits are over, and forgets it.
    async fn finish_relay(&self, key: RelayKey) {
        let Some(running) = self.relays().remove(&key) else { return };
        // Its releases first: they may still give chunks back, which the recorder must commit.
        let all = std::mem::take(&mut *lock(&self.runs));
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(relay, _)| *relay == key);
        lock(&self.runs).extend(others);
        for (_, run) in own {
            run.finished().await;
        }
        running.keeper.finished().await;
        running.actor.recorder.close();
        running.recorder.finished().await;
    }

    fn relays(&self) -> MutexGuard<'_, HashMap<RelayKey, Running>> {
        lock(&self.relays)
    }
}

/// Why a relay's actor could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenRelayError {
    /// The TLS trust cannot be read.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] LedgerError),
}

fn spawn(actor: &Arc<RelayActor>) -> Running {
    let kept = Arc::clone(actor);
    let keeper = Task::begin(async move {
        let mut broken = kept.ground.broken.subscribe();
        let keeping = Arc::clone(&kept).keep();
        tokio::pin!(keeping);
        tokio::select! {
            () = &mut keeping => return,
            reason = broken.wait_for(Option::is_some) => {
                if let Some(reason) = reason.ok().and_then(|reason| reason.clone()) {
                    kept.obey_break(reason);
                }
            }
        }
        keeping.await;
    });
    let recording = Arc::clone(actor);
    let recorder = Task::begin(async move {
        Arc::clone(&recording.recorder).run().await;
        let progress = recording.recorder.progress().borrow().clone();
        if let Progress::Failed(error) = progress {
            recording.break_off(error.into());
        }
    });
    Running { actor: Arc::clone(actor), keeper, recorder }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
