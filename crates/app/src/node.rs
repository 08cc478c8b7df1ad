//! The use case *node*: a sender that works on whatever releases are owed, of all tenants, until it is told to end.
//!
//! It looks at the books again and again; nothing that it is told is needed, a hint only makes it look sooner. What it works on is chosen evenly among
//! tenants, and each release's mails go only through its own tenant's relay actor.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use domain::{CredentialVersion, Moment, RelayId, ReleaseId, SenderEpoch, TenantId};
use engine::{Engine, Recovered, RelaySpec, ReleaseEnd, ReleaseRun};
use ledger::WorkItem;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::compose::composer;
use crate::control::{Control, Served};
use crate::error::AppError;
use crate::hold::settle_all_cancelled;
use crate::route::Route;
use crate::send::{Premises, Sealing, parts, work};

/// How often the books are asked for work.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// However often it is told that there is work, it looks no sooner again.
const LOOK_SOON: Duration = Duration::from_millis(10);
/// Releases that are worked on at the same time.
const RELEASES_MAX: usize = 256;
/// A release of which nothing is due for longer is left, and begun again when it is.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a release is left alone after its relay was stopped, or it could not be started.
const LEAVE_ALONE: Duration = Duration::from_secs(30);

/// What a node did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeReport {
    /// Runs of releases that it began; one of which nothing is due for long is begun again later.
    pub runs: u64,
    /// What it found at its start.
    pub recovered: Recovered,
}

type Key = (TenantId, ReleaseId);

/// What a sender's process has beside its loop.
pub struct Desk<'a> {
    /// Told when there is something to send, by who shares the process.
    pub told: Arc<Notify>,
    /// The control socket, where orders come by; `None`: they are found in the books alone.
    pub control: Option<&'a Control>,
}

/// Sends until `drain` becomes true, then finishes what is on the wire and gives everything back. `ready` is told of the
/// engine's sender once it sends; what it gives is kept until all is over.
///
/// # Errors
/// When the books fail.
pub async fn serve<T>(
    premises: &Premises,
    desk: Desk<'_>,
    mut drain: watch::Receiver<bool>,
    ready: impl FnOnce(SenderEpoch, Recovered) -> T,
) -> Result<NodeReport, AppError> {
    let (engine, recovered) = Engine::start(parts(premises)).await?;
    let sender = engine.sender();
    if let Some(control) = desk.control {
        control.begin(sender);
    }
    let mut sealing = Sealing::start(premises);
    let _kept = ready(sender, recovered);
    let mut node = Node {
        premises,
        control: desk.control,
        engine,
        runs: JoinSet::new(),
        running: HashMap::new(),
        newest: HashMap::new(),
        left: HashMap::new(),
    };
    let mut report = NodeReport { recovered, ..NodeReport::default() };
    let done = loop {
        match node.look().await {
            Ok(started) => report.runs += started,
            Err(error) => break Err(error),
        }
        tokio::select! {
            Ok(_) = drain.wait_for(|drain| *drain) => break Ok(()),
            reason = node.engine.broken() => break Err(AppError::Broken(reason)),
            () = premises.store.work_hint() => {}
            () = desk.told.notified() => premises.clock.sleep(LOOK_SOON).await,
            () = premises.clock.sleep(LOOK_EVERY) => {}
        }
    };
    let drained = node.engine.drain().await;
    let settled = settle_all_cancelled(&*premises.store, &*premises.clock, sender).await;
    let sealed = sealing.finish().await;
    done?;
    drained?;
    settled?;
    sealed?;
    Ok(report)
}

/// A run under way.
struct Running {
    credential: CredentialVersion,
    run: Arc<ReleaseRun>,
}

struct Node<'a> {
    premises: &'a Premises,
    control: Option<&'a Control>,
    engine: Engine,
    runs: JoinSet<(Key, CredentialVersion, ReleaseEnd)>,
    running: HashMap<Key, Running>,
    /// Each relay with the newest secret that any release's route named.
    newest: HashMap<(TenantId, RelayId), RelaySpec>,
    /// Until when releases are left alone.
    left: HashMap<Key, Moment>,
}

impl Node<'_> {
    /// Reaps runs that ended, begins what is owed; says how many were begun.
    async fn look(&mut self) -> Result<u64, AppError> {
        self.reap();
        self.engine.retire_idle().await;
        let now = self.premises.clock.moment();
        self.left.retain(|_, until| *until > now);
        let mut begun = 0;
        for item in evenly(self.premises.store.work_list(self.premises.clock.now()).await?) {
            let key = (item.tenant, item.release);
            let known = self.running.get(&key);
            // A newer secret takes the place of what runs, however many run.
            let is_full = known.is_none() && self.running.len() >= RELEASES_MAX;
            let is_newest = known.is_some_and(|running| Some(running.credential) >= item.credential);
            if let Some(running) = known.filter(|_| is_newest) {
                // Something of it became due that it may not know of: a wave of a stream, or a time that came.
                running.run.more_is_due();
            }
            if is_full || is_newest || self.left.contains_key(&key) {
                continue;
            }
            match self.begin(key).await {
                Ok(Some(running)) => {
                    self.running.insert(key, running);
                    begun += 1;
                }
                Ok(None) => {}
                Err(AppError::Ledger(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::error!(release = %key.1, %error, "a release cannot be sent by this node");
                    self.left.insert(key, now + LEAVE_ALONE);
                }
            }
        }
        Ok(begun)
    }

    /// Begins to send a release; `None`: not yet, for its relay's actor is ending.
    async fn begin(&mut self, (tenant, release): Key) -> Result<Option<Running>, AppError> {
        let store = &self.premises.store;
        let (row, _) = store.release_get(tenant, release).await?;
        let sealed = store.route_get(tenant, release).await?;
        let sealed = sealed.ok_or_else(|| {
            AppError::BadInput(format!(
                "no node knows how to send release `{}`; run `hikyaku send` for it once more, with the same files and \
                 --database-url",
                row.name
            ))
        })?;
        let keys = self.premises.folder.keys();
        let mut route = Route::open(sealed, &keys.routes, &keys.installation, &row)?;
        self.renew_secret(&mut route.spec);
        let signer = route.dkim.as_ref().map(crate::route::Signature::signer).transpose()?;
        let (composer, reverse_path) = composer(self.premises, &row, signer).await?;
        let RelaySpec { relay, credential, .. } = route.spec;
        if self.engine.is_ending(tenant, relay, credential) {
            return Ok(None);
        }
        let actor = self.engine.relay(route.spec).await?;
        let run = Arc::new(self.engine.send(work(&row, reverse_path, Some(PATIENCE)), composer, actor));
        if let Some(control) = self.control {
            control.serve(Served { tenant, release, run: Arc::clone(&run) });
        }
        let ended = Arc::clone(&run);
        self.runs.spawn(async move { ((tenant, release), credential, ended.ended().await) });
        Ok(Some(Running { credential, run }))
    }

    /// A secret that was replaced is the old one for every release of its relay, also for those that were frozen with it.
    fn renew_secret(&mut self, spec: &mut RelaySpec) {
        let newest = self.newest.entry((spec.tenant, spec.relay)).or_insert_with(|| spec.clone());
        if newest.credential < spec.credential {
            *newest = spec.clone();
        }
        if spec.credential < newest.credential {
            spec.credential = newest.credential;
            spec.fingerprint = newest.fingerprint;
            spec.login.clone_from(&newest.login);
        }
    }

    fn reap(&mut self) {
        let now = self.premises.clock.moment();
        while let Some(ended) = self.runs.try_join_next() {
            let Ok((key, version, end)) = ended else { continue };
            // The run of a newer credential may have taken its place.
            if self.running.get(&key).is_some_and(|running| running.credential == version) {
                self.running.remove(&key);
                if matches!(end, ReleaseEnd::RelayStopped(_)) {
                    self.left.insert(key, now + LEAVE_ALONE);
                }
            }
        }
    }
}

/// One release of each tenant, then a second of each, and so on.
fn evenly(items: Vec<WorkItem>) -> Vec<WorkItem> {
    let mut of_tenant: BTreeMap<TenantId, usize> = BTreeMap::new();
    let mut turns: Vec<(usize, WorkItem)> = Vec::with_capacity(items.len());
    for item in items {
        let turn = of_tenant.entry(item.tenant).or_default();
        turns.push((*turn, item));
        *turn += 1;
    }
    turns.sort_by_key(|(turn, _)| *turn);
    turns.into_iter().map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_take_turns() {
        let item = |tenant, release| WorkItem {
            tenant: TenantId(tenant),
            release: ReleaseId(release),
            credential: None,
        };
        let turns = evenly(vec![item(1, 1), item(1, 2), item(1, 3), item(2, 4), item(3, 5), item(3, 6)]);
        let turns: Vec<u64> = turns.iter().map(|item| item.release.0).collect();
        assert_eq!(turns, [1, 4, 5, 2, 6, 3]);
    }
}
