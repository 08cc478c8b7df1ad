//! Who sends what through which relay.

use std::time::Duration;

use domain::{CredentialVersion, RelayId, ReleaseId, TenantId, UnknownPolicy};

use super::Kept;
use super::bench::{Bench, refused, same};
use super::stage::{Stage, at, content, credential_row, relay_row};
use crate::directory::{ReleaseRow, ReleaseState, TenantRow};
use crate::error::LedgerError;
use crate::rows::{DeliveryCommit, RelayUse};

pub(super) async fn a_tenant_is_found_by_its_name(bench: &Bench<'_>) -> Kept {
    let store = bench.store().await?;
    let row =
        |id: u64, name: &str| TenantRow { tenant: TenantId(id), name: name.to_owned(), created_at: at(0) };
    same("a new tenant", store.tenant_ensure(row(2, "beta")).await?, row(2, "beta"))?;
    same("the same name under another id", store.tenant_ensure(row(3, "beta")).await?, row(2, "beta"))?;
    store.tenant_ensure(row(4, "alpha")).await?;
    same("all tenants by name", store.tenant_list().await?, vec![row(4, "alpha"), row(2, "beta")])
}

pub(super) async fn a_relay_is_found_by_its_account(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let standing = relay_row(stage.tenant);
    let again = crate::RelayRow { relay: RelayId(101), created_at: at(9), ..standing.clone() };
    same("the same account", stage.store.relay_ensure(again.clone()).await?, standing)?;
    for other in [
        crate::RelayRow { port: 465, ..again.clone() },
        crate::RelayRow { relay: RelayId(102), user: "other".to_owned(), ..again.clone() },
        crate::RelayRow { relay: RelayId(103), security: domain::LinkSecurity::None, ..again.clone() },
    ] {
        same("another account", stage.store.relay_ensure(other.clone()).await?, other)?;
    }
    let stranger = crate::RelayRow { tenant: TenantId(77), ..again };
    refused("a relay of no tenant", stage.store.relay_ensure(stranger).await)
}

pub(super) async fn a_new_secret_is_the_next_version(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    for (secret, version) in [(1, 1), (2, 2), (1, 1), (3, 3), (2, 2)] {
        let row = stage.store.credential_ensure(credential_row(stage.tenant, secret)).await?;
        same("the version of a secret", row.version, CredentialVersion(version))?;
    }
    Ok(())
}

pub(super) async fn releases_are_listed_newest_first(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    let first = stage.release_row();
    let second = ReleaseRow { release: ReleaseId(901), created_at: at(5), ..first.clone() };
    stage.store.release_create(second.clone(), Vec::new()).await?;
    let planning = |row: &ReleaseRow| (row.clone(), ReleaseState::Planning);
    let listed = stage.store.release_list(stage.tenant).await?;
    same("the releases", listed, vec![planning(&second), planning(&first)])?;
    same("one release", stage.store.release_get(stage.tenant, first.release).await?, planning(&first))?;
    same("its content", stage.store.content_get(stage.tenant, first.release).await?, content())?;
    let missing = stage.store.release_get(TenantId(77), first.release).await;
    same("a release of another tenant", missing, Err(LedgerError::NotFound { what: "the release" }))?;
    refused("the same release again", stage.store.release_create(first, Vec::new()).await)
}

pub(super) async fn a_cancelled_release_stays_cancelled(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let set = async |state| stage.store.release_state_set(stage.tenant, stage.release, state, at(3)).await;
    let state = async || stage.store.release_get(stage.tenant, stage.release).await.map(|found| found.1);
    same("after the seal", state().await?, ReleaseState::Active)?;
    for next in [ReleaseState::Paused, ReleaseState::Active, ReleaseState::Cancelled, ReleaseState::Cancelled]
    {
        set(next).await?;
        same("the state", state().await?, next)?;
    }
    refused("a cancelled release made active", set(ReleaseState::Active).await)?;
    refused("a cancelled release paused", set(ReleaseState::Paused).await)?;
    same("the state at last", state().await?, ReleaseState::Cancelled)
}

pub(super) async fn a_pause_does_not_count_towards_the_deadline(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let planned = stage.store.release_get(stage.tenant, stage.release).await?.0.deadline_at;
    let set = async |state, second| {
        stage.store.release_state_set(stage.tenant, stage.release, state, at(second)).await?;
        let (row, _) = stage.store.release_get(stage.tenant, stage.release).await?;
        Ok::<_, LedgerError>(row.deadline_at)
    };
    same("while paused", set(ReleaseState::Paused, 10).await?, planned)?;
    same("after a pause of 15 s", set(ReleaseState::Active, 25).await?, planned + Duration::from_secs(15))?;
    same("made active again", set(ReleaseState::Active, 40).await?, planned + Duration::from_secs(15))?;
    same("paused again", set(ReleaseState::Paused, 50).await?, planned + Duration::from_secs(15))?;
    same("a clock set back", set(ReleaseState::Active, 45).await?, planned + Duration::from_secs(15))?;
    set(ReleaseState::Paused, 60).await?;
    stage.freeze_batch(stage.batch(2, 4..=5), 2).await?;
    same("extended within a pause", set(ReleaseState::Active, 70).await?, planned + Duration::from_secs(25))
}

pub(super) async fn a_release_is_rescheduled(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 3, 3).await?;
    let changed = ReleaseRow {
        policy: UnknownPolicy::Hold,
        retry_initial_ms: 5,
        deadline_at: at(9000),
        list_digest: [4; 32],
        ..stage.release_row()
    };
    stage.store.release_state_set(stage.tenant, stage.release, ReleaseState::Paused, at(2)).await?;
    stage.store.release_reschedule(&changed, at(9), at(8)).await?;
    stage.store.release_state_set(stage.tenant, stage.release, ReleaseState::Active, at(11)).await?;
    let changed = ReleaseRow { deadline_at: at(9003), ..changed };
    let (found, state) = stage.store.release_get(stage.tenant, stage.release).await?;
    same("the release, with the list's digest from the seal, and the pause since", found, changed.clone())?;
    same("its state", state, ReleaseState::Active)?;
    let missing = ReleaseRow { tenant: TenantId(77), ..changed };
    let answer = stage.store.release_reschedule(&missing, at(9), at(8)).await;
    same("a release of another tenant", answer, Err(LedgerError::NotFound { what: "the release" }))
}

pub(super) async fn the_use_of_a_relay_is_summed_by_second(bench: &Bench<'_>) -> Kept {
    let stage = Stage::set(bench).await?;
    for (second, messages) in [(30, 5), (30, 2), (31, 1), (90, 4)] {
        let relay_use = vec![RelayUse { relay: RelayId(100), messages }];
        let commit = DeliveryCommit { relay_use, ..DeliveryCommit::default() };
        stage.store.delivery_commit(stage.tenant, stage.sender, at(second), commit).await?;
    }
    let used = async |tenant, since| stage.store.relay_use(TenantId(tenant), RelayId(100), at(since)).await;
    same("all uses", used(1, 0).await?, vec![(at(30), 7), (at(31), 1), (at(90), 4)])?;
    same("the later ones", used(1, 31).await?, vec![(at(31), 1), (at(90), 4)])?;
    same("those of another tenant", used(2, 0).await?, Vec::new())
}
