//! The use case *send*: from files and a relay to a settled statement. Run again with the same files it finishes
//! what is left; nothing is sent twice.
//!
//! In three steps, so that nothing is written before all that can be checked was: [`Checked::load`] reads the
//! files, [`Checked::scan`] reads the whole list, [`send`] freezes and sends. Left to others: the sending itself
//! (`engine`), where the store is (the composition root).

mod course;
mod direct;
mod extend;
mod freeze;
mod prepare;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use domain::{Lane, RelayKind, RelayLimits, ReleaseId, TenantId, UnknownPolicy};
use engine::{
    Engine, EngineConfig, EngineParts, Login, Recovered, RelayActor, RelaySpec, ReleaseEnd, ReleaseWork,
    TlsTrust,
};
use ledger::{CredentialRow, Live, RelayRow, ReleaseRow, ReleaseState, StatementView, Store};
use runtime::{Clock, Entropy, Network};
use smtp::ExposeSecret;
use tokio::sync::watch;

use crate::access::{Access, Right};
use crate::compose::composer;
use crate::control::{Control, Served};
use crate::directory::relays::RelayDesk;
use crate::error::AppError;
use crate::folder::{DataFolder, Seals};
use crate::hold::settle_all_cancelled;
use crate::list::ListScan;
use crate::relay::RelayUrl;
use crate::route::{Route, Signature};

pub use course::Again;
pub use direct::DirectRequest;
pub use prepare::{Checked, DkimRequest, Prepared};

/// How often chain heads are sealed while sending.
const SEAL_INTERVAL: Duration = Duration::from_secs(60);

/// What is asked for.
#[derive(Debug, Clone)]
pub struct SendRequest {
    /// The release file.
    pub release: PathBuf,
    /// What the release is called; `None`: its file's name without ending.
    pub name: Option<String>,
    /// The list.
    pub list: PathBuf,
    /// The relay, its secret included.
    pub relay: RelayUrl,
    /// Set for the direct route, of which `relay` is [`RelayUrl::direct`].
    pub direct: Option<DirectRequest>,
    /// Which service the relay is.
    pub kind: RelayKind,
    /// How much it takes.
    pub limits: RelayLimits,
    /// Whose certificates are believed.
    pub trust: TlsTrust,
    /// BDAT instead of DATA where offered.
    pub use_chunking: bool,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// What is done with unknown mails.
    pub policy: UnknownPolicy,
    /// How long from now mails may be tried.
    pub deadline: Duration,
    /// The wait after a first failure.
    pub retry_initial: Duration,
    /// Its place in the relay's queue.
    pub lane: Lane,
    /// What a release of the same name means.
    pub again: Again,
    /// Freeze it and leave the sending to other senders of the books.
    pub detach: bool,
    /// Refuse the whole list when any row is bad.
    pub strict: bool,
    /// Where every rejected row is written.
    pub rejects: Option<PathBuf>,
    /// How mails are signed.
    pub dkim: Option<DkimRequest>,
}

/// What a sender stands on.
pub struct Premises {
    /// The data folder, owned.
    pub folder: DataFolder,
    /// The books in it.
    pub store: Arc<dyn Store>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// Connections.
    pub network: Arc<dyn Network>,
    /// This boot of the machine.
    pub boot: [u8; 16],
    /// The engine's numbers.
    pub config: EngineConfig,
}

/// What a watcher is told while a send runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The audience is being frozen.
    Freezing {
        /// Recipients.
        recipients: u64,
    },
    /// Mails go out (or wait, when paused).
    Sending {
        /// Whose.
        tenant: TenantId,
        /// Which release.
        release: ReleaseId,
        /// Active or paused.
        state: ReleaseState,
    },
}

/// Signals from and to whoever runs a send.
pub struct SendSignals {
    /// Becomes true when the sender is to finish what is on the wire and end.
    pub drain: watch::Receiver<bool>,
    /// Told of each stage.
    pub stage: Box<dyn Fn(Stage) + Send + Sync>,
}

/// What a send came to.
#[derive(Debug, Clone)]
pub struct SendReport {
    /// The release as it stands.
    pub release: ReleaseRow,
    /// The trial balance from the books.
    pub statement: StatementView,
    /// What the list held.
    pub list: Arc<ListScan>,
    /// How the run ended.
    pub end: ReleaseEnd,
    /// What the process before this one had left on the wire.
    pub recovered: Recovered,
    /// How long the first pass over the list took, with everything before it, in ms.
    pub scan_ms: u64,
    /// How long freezing took, both passes over the list included, in ms.
    pub freeze_ms: u64,
    /// How long all took, in ms.
    pub elapsed_ms: u64,
}

impl SendReport {
    /// True when nothing is left and the books balance.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.statement.statement.is_settled() && self.statement.differences.is_empty()
    }
}

/// Freezes (or finds) the release and sends what is owed.
///
/// # Errors
/// When the release contradicts what was frozen, or folder, books or relay cannot be used.
pub async fn send(
    premises: &Premises,
    access: &Access,
    prepared: Prepared,
    signals: SendSignals,
) -> Result<SendReport, AppError> {
    access.require(Right::Send)?;
    let control = Control::open(&premises.folder, RelayDesk::of(premises));
    let (engine, recovered) = Engine::start(parts(premises)).await?;
    let engine = Arc::new(engine);
    let sender = engine.sender();
    control.begin(sender);
    let mut sealing = Sealing::start(premises);
    let job =
        Job { premises, access, prepared: &prepared, engine: &engine, control: &control, signals: &signals };
    let done = job.run().await;
    let drained = match Arc::into_inner(engine) {
        Some(engine) => engine.drain().await.map_err(AppError::from),
        None => Err(AppError::Defect("the engine was being ended")),
    };
    let settled = settle_all_cancelled(&*premises.store, &*premises.clock, sender).await;
    let sealed = sealing.finish().await;
    let (release, end, freeze_ms) = done?;
    if let ReleaseEnd::Broken(reason) = &end {
        return Err(AppError::Broken(reason.clone()));
    }
    drained?;
    settled?;
    sealed?;
    let statement = premises.store.statement(access.tenant(), release.release, Live::default()).await?;
    let elapsed_ms = prepared.elapsed_ms(&*premises.clock);
    let (list, scan_ms) = (prepared.scan, prepared.scan_ms);
    Ok(SendReport { release, statement, list, end, recovered, scan_ms, freeze_ms, elapsed_ms })
}

/// The engine's parts on these premises.
pub(crate) fn parts(premises: &Premises) -> EngineParts {
    EngineParts {
        store: Arc::clone(&premises.store),
        clock: Arc::clone(&premises.clock),
        entropy: Arc::clone(&premises.entropy),
        network: Arc::clone(&premises.network),
        key: premises.folder.keys().installation.clone(),
        node: premises.folder.node(),
        host: runtime::host_name(),
        boot: premises.boot,
        journal_folder: premises.folder.dir().to_owned(),
        config: premises.config,
    }
}

/// One send under way.
struct Job<'a> {
    premises: &'a Premises,
    access: &'a Access,
    prepared: &'a Prepared,
    engine: &'a Engine,
    control: &'a Control,
    signals: &'a SendSignals,
}

impl Job<'_> {
    async fn run(&self) -> Result<(ReleaseRow, ReleaseEnd, u64), AppError> {
        let actor = self.open_relay().await?;
        (self.signals.stage)(Stage::Freezing { recipients: self.prepared.scan.audience.count() });
        let frozen =
            freeze::freeze(self.premises, self.access, self.prepared, self.engine.sender(), actor.spec.relay);
        let (row, state) = frozen.await?;
        let freeze_ms = self.prepared.elapsed_ms(&*self.premises.clock);
        let signer = self.prepared.signature().as_ref().map(Signature::signer).transpose()?;
        let (composer, reverse_path) = composer(self.premises, &row, signer).await?;
        self.share_route(&row, actor.spec.clone()).await?;
        if self.prepared.request.detach {
            return Ok((row, ReleaseEnd::Drained, freeze_ms));
        }
        (self.signals.stage)(Stage::Sending { tenant: row.tenant, release: row.release, state });
        let run = Arc::new(self.engine.send(work(&row, reverse_path, None), composer, actor));
        self.control.serve(Served { tenant: row.tenant, release: row.release, run: Arc::clone(&run) });
        let mut drain = self.signals.drain.clone();
        let end = tokio::select! {
            end = run.ended() => end,
            Ok(_) = drain.wait_for(|drain| *drain) => ReleaseEnd::Drained,
        };
        Ok((row, end, freeze_ms))
    }

    /// Enters relay and credential into the directory and opens the actor.
    async fn open_relay(&self) -> Result<Arc<RelayActor>, AppError> {
        let request = &self.prepared.request;
        let (store, tenant) = (&self.premises.store, self.access.tenant());
        if request.direct.is_some() && store.is_shared() {
            // Name servers and source addresses are a machine's own: other nodes could not take part.
            return Err(AppError::BadInput(
                "--relay direct needs books of its own: give --data without --database-url".to_owned(),
            ));
        }
        let now = self.premises.clock.now();
        let bits = self.premises.entropy.bits().map_err(AppError::Entropy)?;
        let url = &request.relay;
        let row = RelayRow {
            tenant,
            relay: domain::RelayId::generate(now.as_millis(), bits),
            host: url.host.clone(),
            port: url.port,
            security: url.security,
            user: url.user.clone(),
            kind: request.kind,
            created_at: now,
        };
        let relay = store.relay_ensure(row).await?.relay;
        let secret = url.secret.as_ref().map_or(&b""[..], |secret| secret.expose_secret().as_bytes());
        let fingerprint = self.premises.folder.keys().installation.fingerprint(tenant, relay, secret);
        let version = domain::CredentialVersion(1);
        let row = CredentialRow { tenant, relay, version, fingerprint, created_at: now };
        let credential = store.credential_ensure(row).await?.version;
        let direct = request.direct.as_ref();
        let direct = direct.map(|direct| direct::route(direct, &request.trust, self.premises)).transpose()?;
        let login = url.secret.clone().map(|secret| Login {
            user: url.user.clone(),
            secret,
            mechanism: url.mechanism,
        });
        let spec = RelaySpec {
            tenant,
            relay,
            credential,
            fingerprint,
            host: url.host.clone(),
            port: url.port,
            security: url.security,
            login,
            limits: request.limits,
            ehlo_name: request.ehlo_name.clone(),
            trust: request.trust.clone(),
            use_chunking: request.use_chunking,
            direct,
        };
        Ok(self.engine.relay(spec).await?)
    }

    /// Tells the other senders of shared books how the release is sent.
    async fn share_route(&self, row: &ReleaseRow, spec: RelaySpec) -> Result<(), AppError> {
        let (premises, dkim) = (self.premises, self.prepared.signature());
        if !premises.store.is_shared() {
            return Ok(());
        }
        let key = &premises.folder.keys().routes;
        let route = Route { spec, dkim };
        let sealed = route.seal(key, &*premises.entropy, row.release, premises.clock.now())?;
        Ok(premises.store.route_put(sealed).await?)
    }
}

/// What the engine is to know of a release.
pub(crate) fn work(row: &ReleaseRow, reverse_path: String, patience: Option<Duration>) -> ReleaseWork {
    let initial = Duration::from_millis(row.retry_initial_ms);
    ReleaseWork {
        tenant: row.tenant,
        release: row.release,
        relay: row.relay,
        reverse_path,
        lane: row.lane,
        policy: row.policy,
        retry: domain::RetrySchedule::starting_at(initial),
        patience,
        held: false.into(),
    }
}

/// Seals the chains' heads each minute, and once more at the end.
pub(crate) struct Sealing {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    seals: Arc<tokio::sync::Mutex<Seals>>,
    task: tokio::task::JoinHandle<()>,
}

impl Sealing {
    /// Begins.
    pub fn start(premises: &Premises) -> Self {
        let (store, clock) = (Arc::clone(&premises.store), Arc::clone(&premises.clock));
        let seals = Arc::new(tokio::sync::Mutex::new(premises.folder.seals()));
        let task = tokio::spawn({
            let (store, clock, seals) = (Arc::clone(&store), Arc::clone(&clock), Arc::clone(&seals));
            async move {
                loop {
                    clock.sleep(SEAL_INTERVAL).await;
                    if let Err(error) = seal(&*store, &*clock, &mut *seals.lock().await).await {
                        tracing::error!(%error, "the chains' heads could not be sealed");
                    }
                }
            }
        });
        Self { store, clock, seals, task }
    }

    /// The last time.
    pub async fn finish(&mut self) -> Result<(), AppError> {
        self.task.abort();
        seal(&*self.store, &*self.clock, &mut *self.seals.lock().await).await
    }
}

/// Seals where the chains end now.
pub(crate) async fn seal(store: &dyn Store, clock: &dyn Clock, seals: &mut Seals) -> Result<(), AppError> {
    let heads = store.heads().await?;
    Ok(seals.append(clock.now(), &heads)?)
}
