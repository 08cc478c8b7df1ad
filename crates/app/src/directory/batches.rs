//! Batch ids: what a client gives to mails for later, to pause or cancel them together.
//!
//! A batch is one document, and each release under it another. A release joins by a change of both, from the version of
//! the batch that it saw: so either an order finds the release, or the release finds the order. Left to others: what
//! a pause does to a release (the store's state).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::ReleaseId;
use ledger::{Expected, LedgerError, ReleaseState, Store};
use runtime::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Directory, Entry, Kind, change, note};
use crate::access::{Access, Right};
use crate::error::AppError;

/// Random octets of a batch id.
const ID_OCTETS: usize = 24;
/// How often a release tries to join a batch that others change.
const TRIES: usize = 20;
/// Members read at a time.
const PAGE: u32 = 500;

/// What was ordered for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchOrder {
    /// Nothing: its mails are sent at their time.
    Open,
    /// Nothing of it is sent until it is open again.
    Pause,
    /// Nothing of it is ever sent.
    Cancel,
}

/// A batch; its document's id is its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// What was ordered.
    pub order: BatchOrder,
}

impl Kind for Batch {
    const KIND: &'static str = "mail-batch";
}

/// A release under a batch; its document's id is `BATCH/RELEASE`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Member {}

impl Kind for Member {
    const KIND: &'static str = "mail-batch-member";
}

/// Makes a batch id.
///
/// # Errors
/// When there are no random bits, or the store fails.
pub async fn create(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    access: &Access,
) -> Result<String, AppError> {
    access.require(Right::Send)?;
    let mut octets = [0; ID_OCTETS];
    entropy.fill(&mut octets).map_err(AppError::Entropy)?;
    let id = URL_SAFE_NO_PAD.encode(octets);
    let made = change(&id, Expected::Nothing, &Batch { order: BatchOrder::Open })?;
    Directory::of(store, clock, access).note_all_down(vec![made]).await?;
    Ok(id)
}

/// One batch.
///
/// # Errors
/// [`AppError::NotFound`], also for those of other tenants.
pub async fn get(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    id: &str,
) -> Result<Entry<Batch>, AppError> {
    access.require(Right::Read)?;
    Directory::of(store, clock, access).get(id).await?.ok_or_else(no_batch)
}

/// Batches that are paused or cancelled, by id.
///
/// # Errors
/// When the store fails.
pub async fn held(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
) -> Result<Vec<Entry<Batch>>, AppError> {
    access.require(Right::Read)?;
    let mut all = Directory::of(store, clock, access).list::<Batch>().await?;
    all.retain(|entry| entry.value.order != BatchOrder::Open);
    Ok(all)
}

/// Orders something for a batch, and for every release under it. Given again, it goes on where it was cut off.
///
/// # Errors
/// [`AppError::NotFound`]; [`AppError::BadInput`] for one that was cancelled; when the store fails.
pub async fn order(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    id: &str,
    order: BatchOrder,
) -> Result<(), AppError> {
    access.require(Right::Send)?;
    let found = get(store, clock, access, id).await?;
    if found.value.order == BatchOrder::Cancel && order != BatchOrder::Cancel {
        return Err(cancelled());
    }
    let directory = Directory::of(store, clock, access);
    let changed = change(id, Expected::Version(found.version), &Batch { order })?;
    directory.write(vec![changed], note(access, "batch.order", id, &json!({ "order": order }))).await?;
    for release in members(&directory, id).await? {
        apply(store, clock, access, release, order).await?;
    }
    Ok(())
}

/// Refuses a batch that no mail can join.
///
/// # Errors
/// [`AppError::NotFound`], or [`AppError::BadInput`] when it was cancelled.
pub async fn require_open(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    id: &str,
) -> Result<(), AppError> {
    match get(store, clock, access, id).await?.value.order {
        BatchOrder::Cancel => Err(cancelled()),
        BatchOrder::Open | BatchOrder::Pause => Ok(()),
    }
}

/// Puts a release, of which nothing is due yet, under a batch and what was ordered for it.
pub(crate) async fn enlist(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    id: &str,
    release: ReleaseId,
) -> Result<(), AppError> {
    let directory = Directory::of(store, clock, access);
    for _ in 0..TRIES {
        let found = directory.get::<Batch>(id).await?.ok_or_else(no_batch)?;
        let seen = change(id, Expected::Version(found.version), &found.value)?;
        let member = change(&format!("{id}/{release}"), Expected::Any, &Member {})?;
        match directory.note_all_down(vec![seen, member]).await {
            Err(AppError::Ledger(LedgerError::Stale { .. })) => {}
            Err(error) => return Err(error),
            Ok(()) if found.value.order == BatchOrder::Cancel => return Err(cancelled()),
            Ok(()) => return apply(store, clock, access, release, found.value.order).await,
        }
    }
    Err(AppError::Busy)
}

async fn members(directory: &Directory<'_>, id: &str) -> Result<Vec<ReleaseId>, AppError> {
    let prefix = format!("{id}/");
    let (mut all, mut after) = (Vec::new(), prefix.clone());
    loop {
        let page = directory.page::<Member>(&after, PAGE).await?;
        let is_last = page.len() < PAGE as usize;
        for entry in page {
            match entry.id.strip_prefix(&prefix) {
                Some(release) => all.extend(release.parse::<ReleaseId>()),
                None => return Ok(all),
            }
            after = entry.id;
        }
        if is_last {
            return Ok(all);
        }
    }
}

/// Of a release whose mails do not stand yet too: the wave that comes leaves a pause, and is refused by a cancellation.
async fn apply(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    release: ReleaseId,
    order: BatchOrder,
) -> Result<(), AppError> {
    let (_, state) = store.release_get(access.tenant(), release).await?;
    let target = match (order, state) {
        (_, ReleaseState::Cancelled) => return Ok(()),
        (BatchOrder::Cancel, _) => ReleaseState::Cancelled,
        (BatchOrder::Pause, ReleaseState::Planning | ReleaseState::Active) => ReleaseState::Paused,
        (BatchOrder::Open, ReleaseState::Paused) => ReleaseState::Active,
        (BatchOrder::Pause | BatchOrder::Open, _) => return Ok(()),
    };
    Ok(store.release_state_set(access.tenant(), release, target, clock.now()).await?)
}

fn no_batch() -> AppError {
    AppError::NotFound {
        what: "this batch".to_owned(),
        remedy: "make one with POST /v3/mail/batch".to_owned(),
    }
}

fn cancelled() -> AppError {
    AppError::BadInput("batch_id: the batch was cancelled for good; make another".to_owned())
}
