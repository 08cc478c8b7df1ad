//! What runs in the sender's process: the engine, and what `app` does around it for an operator.
//!
//! Enters companies, relays and credentials, freezes audiences (going on where a crash left off), runs releases until
//! they are settled, obeys orders, takes new secrets, seals heads, and drains when told to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use domain::{NodeId, RetrySchedule, UnknownPolicy};
use engine::{Engine, EngineParts, RelayActor, ReleaseEnd, ReleaseRun, ReleaseWork};
use ledger::{InstallationKey, LedgerError, ReleaseRow, ReleaseState, Store};
use ledger_sqlite::{Place, SqliteOptions, SqliteStore};
use runtime::Clock;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::store::ObservedStore;
use crate::mail::SimComposer;
use crate::scenario::{Order, Release, SECOND, Scenario};
use crate::world::Shared;
use crate::world::clock::{SimClock, SimEntropy, Wait};
use crate::world::net::SimNetwork;

/// How long a stopped relay is left alone before somebody tries again.
const STOPPED_PAUSE_US: u64 = 20 * SECOND;
/// How often heads are sealed.
const SEAL_US: u64 = 60 * SECOND;
/// The name of the simulated disk.
pub const DISK: &str = "simulated";

/// What a process stands on.
#[derive(Clone)]
pub struct Premises {
    /// The world.
    pub world: Shared,
    /// The plan.
    pub scenario: Arc<Scenario>,
    /// Where the journals of dots lie.
    pub journals: PathBuf,
    /// This boot of the machine.
    pub boot: [u8; 16],
    /// Becomes true when the process is to end in order.
    pub stop: watch::Receiver<bool>,
    /// Counts new secrets.
    pub secrets: watch::Receiver<u64>,
}

impl Premises {
    /// The books on the simulated disk.
    ///
    /// # Errors
    /// As the store's.
    pub fn open_store(&self) -> Result<SqliteStore, LedgerError> {
        let options = SqliteOptions {
            vfs: Some(DISK.to_owned()),
            place: Place::CallersThread,
            checkpoint_pages: 64,
            ..SqliteOptions::default()
        };
        SqliteStore::open(std::path::Path::new("/"), options)
    }
}

/// The installation's key.
#[must_use]
pub fn installation_key() -> InstallationKey {
    InstallationKey::new(&[7; 32])
}

/// One life of the process.
pub struct Operator {
    premises: Premises,
    plain: Arc<SqliteStore>,
    store: Arc<dyn Store>,
}

/// What the tasks of a life share.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) world: Shared,
    pub(super) clock: SimClock,
    pub(super) store: Arc<dyn Store>,
    pub(super) engine: Arc<Engine>,
    pub(super) scenario: Arc<Scenario>,
    secrets: watch::Receiver<u64>,
    runs: Arc<Mutex<BTreeMap<u64, Arc<ReleaseRun>>>>,
}

impl Operator {
    /// Over open books.
    #[must_use]
    pub fn new(premises: Premises, plain: Arc<SqliteStore>) -> Self {
        let (world, scenario) = (premises.world.clone(), &premises.scenario);
        let lease_s = scenario.config.lease.as_secs();
        let store = ObservedStore::new(Arc::clone(&plain), world, scenario.store_us_max, lease_s);
        Self { premises, plain, store: Arc::new(store) }
    }

    /// Until the process ends; why it does.
    pub async fn live(self) -> String {
        match self.work().await {
            Ok(why) => why,
            Err(error) => format!("failed: {error:#}"),
        }
    }

    async fn work(self) -> anyhow::Result<String> {
        let Self { mut premises, plain, store } = self;
        let world = premises.world.clone();
        let (engine, recovered) = Engine::start(parts(&premises, &store)).await?;
        world.lock().note(format!("recovered {recovered:?}"));
        world.lock().known.recovered = Some(recovered);
        let engine = Arc::new(engine);
        let desk = Desk {
            clock: SimClock(world.clone()),
            world,
            store,
            engine: Arc::clone(&engine),
            scenario: Arc::clone(&premises.scenario),
            secrets: premises.secrets.clone(),
            runs: Arc::default(),
        };
        let mut tasks = JoinSet::new();
        for number in 0..desk.scenario.releases.len() {
            tasks.spawn(desk.clone().run_release(number));
            tasks.spawn(desk.clone().carry_out_orders(number));
        }
        tasks.spawn(desk.clone().seal_heads());
        drop(desk);
        let failure = loop {
            tokio::select! {
                biased;
                Ok(_) = premises.stop.wait_for(|stop| *stop) => break None,
                Some(ended) = tasks.join_next() => match ended {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => break Some(error),
                    Err(error) => break Some(anyhow::anyhow!("a defect: {error}")),
                },
            }
        };
        tasks.shutdown().await;
        drop(tasks);
        if let Some(error) = failure {
            return Err(error);
        }
        let engine = Arc::into_inner(engine).ok_or_else(|| anyhow::anyhow!("the engine is still in use"))?;
        let whole = engine.drain().await?;
        plain.close().await?;
        Ok(format!("drained, {}", if whole { "whole" } else { "not whole" }))
    }
}

fn parts(premises: &Premises, store: &Arc<dyn Store>) -> EngineParts {
    EngineParts {
        store: Arc::clone(store),
        clock: Arc::new(SimClock(premises.world.clone())),
        entropy: Arc::new(SimEntropy(premises.world.clone())),
        network: Arc::new(SimNetwork(premises.world.clone())),
        key: installation_key(),
        node: NodeId(1),
        host: "sim".to_owned(),
        boot: premises.boot,
        journal_folder: premises.journals.clone(),
        config: premises.scenario.config,
    }
}

impl Desk {
    async fn run_release(mut self, number: usize) -> anyhow::Result<()> {
        let plan = self.scenario.releases[number].clone();
        Wait::until(&self.world, plan.start_us).await;
        let row = self.freeze(&plan).await?;
        loop {
            self.secrets.borrow_and_update();
            let actor = self.open_relay(plan.tenant).await?;
            let composer = Arc::new(SimComposer { release: plan.number });
            let run = Arc::new(self.engine.send(work(&plan, &row), composer, actor));
            self.runs.lock().unwrap_or_else(PoisonError::into_inner).insert(plan.number, Arc::clone(&run));
            let end = self.until_ended(&run, plan.tenant).await?;
            self.world.lock().note(format!("run of r{} ended: {end:?}", plan.number));
            match end {
                ReleaseEnd::Settled | ReleaseEnd::Waiting => return self.confirm(&plan, &row).await,
                ReleaseEnd::Drained => {}
                ReleaseEnd::RelayStopped(_) => Wait::of(&self.world, STOPPED_PAUSE_US).await,
                ReleaseEnd::Broken(reason) => anyhow::bail!("broken: {reason}"),
            }
        }
    }

    /// The actor for the company's newest secret.
    async fn open_relay(&self, tenant: u64) -> anyhow::Result<Arc<RelayActor>> {
        let (spec, version) = self.relay_spec(tenant).await?;
        let actor = self.engine.relay(spec).await?;
        let mut world = self.world.lock();
        let wall = world.wall_ms();
        world.known.in_force.push((tenant, version, wall));
        Ok(actor)
    }

    /// Waits for the run; a new secret meanwhile opens a new actor, which has the old one drain.
    async fn until_ended(&mut self, run: &ReleaseRun, tenant: u64) -> anyhow::Result<ReleaseEnd> {
        loop {
            tokio::select! {
                biased;
                end = run.ended() => return Ok(end),
                Ok(()) = self.secrets.changed() => {
                    self.open_relay(tenant).await?;
                }
            }
        }
    }

    /// Nothing is owed any more, says the run: so must the books (invariants 1 and 8).
    async fn confirm(&self, plan: &Release, row: &ReleaseRow) -> anyhow::Result<()> {
        let view = self.store.statement(row.tenant, row.release, Some(self.engine.sender()).into()).await?;
        let mut world = self.world.lock();
        world.note(format!("r{} settled: {:?}", plan.number, view.statement));
        if view.statement.pending > 0 {
            world.breach(format!("8 finished: r{} ended with mails pending", plan.number));
        }
        if view.statement.difference() != 0 || !view.differences.is_empty() {
            world.breach(format!("1 conservation: r{}: {:?}", plan.number, view.differences));
        }
        world.known.settled.insert(plan.number);
        Ok(())
    }

    async fn carry_out_orders(self, number: usize) -> anyhow::Result<()> {
        let plan = self.scenario.releases[number].clone();
        for (place, order) in plan.orders.iter().enumerate() {
            Wait::until(&self.world, order.at_us).await;
            let known = self.world.lock().known.ordered.contains(&(plan.number, place));
            if !known && self.carry_out(&plan, order).await {
                self.world.lock().known.ordered.insert((plan.number, place));
            }
        }
        Ok(())
    }

    /// False when the books failed: people try again with the next process.
    async fn carry_out(&self, plan: &Release, order: &Order) -> bool {
        let Some(row) = self.world.lock().known.releases.get(&plan.number).cloned() else { return true };
        // As in `app`: nothing is ordered of a release whose audience is being written.
        let Ok((_, state)) = self.store.release_get(row.tenant, row.release).await else { return false };
        if !matches!(state, ReleaseState::Active | ReleaseState::Paused) {
            return true;
        }
        if order.state == ReleaseState::Cancelled {
            self.world.lock().known.cancelled.insert(plan.number);
        }
        let now = self.clock.now();
        if order.state == ReleaseState::Active {
            let mut world = self.world.lock();
            let wall = world.wall_ms();
            let own = world.known.holds.iter_mut().filter(|(of, ..)| *of == plan.number);
            own.for_each(|(.., until)| *until = wall.min(*until));
        }
        let set = self.store.release_state_set(row.tenant, row.release, order.state, now).await;
        self.world.lock().note(format!("order for r{}: {:?}: {set:?}", plan.number, order.state));
        if set.is_ok() && order.state != ReleaseState::Active {
            let mut world = self.world.lock();
            let wall = world.wall_ms();
            world.known.holds.push((plan.number, wall, i64::MAX));
        }
        let run = self.runs.lock().unwrap_or_else(PoisonError::into_inner).get(&plan.number).cloned();
        if let Some(run) = run.filter(|_| order.told) {
            run.recheck();
        }
        set.is_ok()
    }

    async fn seal_heads(self) -> anyhow::Result<()> {
        loop {
            Wait::of(&self.world, SEAL_US).await;
            let heads = self.store.heads().await?;
            self.world.lock().known.seal(heads);
        }
    }
}

fn work(plan: &Release, row: &ReleaseRow) -> ReleaseWork {
    ReleaseWork {
        tenant: row.tenant,
        release: row.release,
        relay: row.relay,
        reverse_path: format!("pr@t{}.example", plan.tenant),
        lane: row.lane,
        policy: row.policy,
        retry: RetrySchedule::starting_at(plan.retry_initial),
        patience: None,
        held: AtomicBool::new(false),
    }
}

/// True where a release may double mails.
#[must_use]
pub fn may_double(plan: &Release) -> bool {
    plan.policy == UnknownPolicy::ResendOnce
}
