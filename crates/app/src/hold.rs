//! Pause, resume, cancel: orders of people about releases, stored before anybody is told.
//!
//! What is on the wire when an order arrives ends first; nothing new starts. A cancelled release is never sent
//! again; what it still owes is settled as cancelled.

use domain::{ReleaseId, SenderEpoch, TenantId, Verdict};
use engine::Engine;
use ledger::{ReleaseRow, ReleaseState, SettleRequest, Store};
use runtime::Clock;
use serde::{Deserialize, Serialize};

use crate::access::{Access, Right};
use crate::books::find_release;
use crate::error::AppError;
use crate::send::{Premises, parts, seal};

/// Chunks settled in one transaction.
const SETTLE_CHUNKS: u32 = 64;

/// What a person wants of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldOrder {
    /// Start nothing new until resumed.
    Pause,
    /// Go on.
    Resume,
    /// Never send what is still owed.
    Cancel,
}

impl HoldOrder {
    /// The state that the order leads to from `state`; `None` when it does not apply.
    fn target(self, state: ReleaseState) -> Option<ReleaseState> {
        match (self, state) {
            (Self::Pause, ReleaseState::Active) => Some(ReleaseState::Paused),
            (Self::Resume, ReleaseState::Paused) => Some(ReleaseState::Active),
            (Self::Cancel, ReleaseState::Active | ReleaseState::Paused) => Some(ReleaseState::Cancelled),
            _ => None,
        }
    }
}

/// A release whose state was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// Its id.
    pub release: String,
    /// What people call it.
    pub name: String,
    /// The state before, in a word.
    pub from: String,
    /// The state now, in a word.
    pub to: String,
}

impl Changed {
    /// True when nothing of it is to be sent any more.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.to == ReleaseState::Cancelled.word()
    }

    /// Its id.
    pub(crate) fn id(&self) -> Result<ReleaseId, AppError> {
        self.release.parse().map_err(|_| AppError::Defect("reading an id of its own"))
    }
}

/// Carries out an order for one release, or for all of the tenant that still owe something.
///
/// # Errors
/// When a named release does not exist or the order does not apply to it.
pub async fn hold(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    release: Option<&str>,
    order: HoldOrder,
) -> Result<Vec<Changed>, AppError> {
    let tenant = access.require(Right::Send)?;
    let releases = match release {
        Some(text) => vec![find_release(store, access, text).await?],
        None => owing(store, access).await?,
    };
    let mut changed = Vec::new();
    for (row, state) in releases {
        // A cancellation that was cut off before all was settled is taken up again.
        let cut_off = order == HoldOrder::Cancel
            && state == ReleaseState::Cancelled
            && store.counters(tenant, row.release).await?.pending > 0;
        match order.target(state).or(cut_off.then_some(state)) {
            Some(target) => {
                store.release_state_set(tenant, row.release, target, clock.now()).await?;
                changed.push(Changed {
                    release: row.release.to_string(),
                    name: row.name,
                    from: state.word().to_owned(),
                    to: target.word().to_owned(),
                });
            }
            None if release.is_some() => {
                return Err(AppError::BadInput(format!(
                    "release `{}` is {}; this does not apply",
                    row.name,
                    state.word()
                )));
            }
            None => {}
        }
    }
    Ok(changed)
}

/// The same while nobody serves the folder: this process owns it for a moment, and settles what was cancelled.
///
/// # Errors
/// As [`hold`], and when the books cannot be written.
pub async fn hold_unserved(
    premises: &Premises,
    access: &Access,
    release: Option<&str>,
    order: HoldOrder,
) -> Result<Vec<Changed>, AppError> {
    let changed = hold(&*premises.store, &*premises.clock, access, release, order).await?;
    if order != HoldOrder::Cancel || changed.is_empty() {
        return Ok(changed);
    }
    let (engine, _) = Engine::start(parts(premises)).await?;
    for one in &changed {
        settle_cancelled(&*premises.store, &*premises.clock, engine.sender(), access.tenant(), one.id()?)
            .await?;
    }
    engine.drain().await?;
    seal(&*premises.store, &*premises.clock, &mut premises.folder.seals()).await?;
    Ok(changed)
}

/// Settles what a cancelled release still owes in chunks that are not out on lease.
pub(crate) async fn settle_cancelled(
    store: &dyn Store,
    clock: &dyn Clock,
    sender: SenderEpoch,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<(), AppError> {
    loop {
        let request = SettleRequest {
            tenant,
            release,
            verdict: Verdict::Cancelled,
            sender,
            now: clock.now(),
            chunks_max: SETTLE_CHUNKS,
        };
        if store.delivery_settle(request).await?.chunks_left == 0 {
            return Ok(());
        }
    }
}

/// The same for every cancelled release of the installation: a sender that ends leaves none half settled.
pub(crate) async fn settle_all_cancelled(
    store: &dyn Store,
    clock: &dyn Clock,
    sender: SenderEpoch,
) -> Result<(), AppError> {
    for tenant in store.tenant_list().await?.into_iter().map(|row| row.tenant) {
        for (row, state) in store.release_list(tenant).await? {
            let owes =
                state == ReleaseState::Cancelled && store.counters(tenant, row.release).await?.pending > 0;
            if owes {
                settle_cancelled(store, clock, sender, tenant, row.release).await?;
            }
        }
    }
    Ok(())
}

/// The tenant's releases that still owe something, by their counters.
async fn owing(store: &dyn Store, access: &Access) -> Result<Vec<(ReleaseRow, ReleaseState)>, AppError> {
    let mut owing = Vec::new();
    for (row, state) in store.release_list(access.tenant()).await? {
        let counts = store.counters(access.tenant(), row.release).await?;
        if counts.pending + counts.unknown > 0 {
            owing.push((row, state));
        }
    }
    Ok(owing)
}
