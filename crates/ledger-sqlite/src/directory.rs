//! The directory: tenants, relays, versions of secrets, releases and their frozen content.

use async_trait::async_trait;
use domain::{ReleaseId, TenantId, Timestamp};
use ledger::store::Stored;
use ledger::{
    ContentPart, CredentialRow, DirectoryStore, InstallationRow, InstallationUse, LedgerError, RelayRow,
    ReleaseRow, ReleaseState, TenantRow,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{self, wide};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::queries;
use crate::reschedule::reschedule;
use crate::store::SqliteStore;

#[async_trait]
impl DirectoryStore for SqliteStore {
    async fn installation_get(&self) -> Stored<Option<InstallationRow>> {
        self.read("reading whose books these are", installation_get).await
    }

    async fn installation_ensure(&self, row: InstallationRow) -> Stored<InstallationRow> {
        self.write("storing whose books these are", 1, move |draft| {
            let values = params![row.key_check, row.use_now.code()];
            draft.connection().prepare_cached(queries::INSTALLATION_INSERT)?.execute(values)?;
            Ok(installation_get(draft.connection())?.unwrap_or(row))
        })
        .await
    }

    async fn installation_use(&self, use_now: InstallationUse) -> Stored<()> {
        self.write("storing what the books are for", 1, move |draft| {
            let mut update = draft.connection().prepare_cached(queries::INSTALLATION_USE)?;
            match update.execute([use_now.code()])? {
                1 => Ok(()),
                _ => Err(LedgerError::NotFound { what: "the installation" }.into()),
            }
        })
        .await
    }

    async fn tenant_ensure(&self, row: TenantRow) -> Stored<TenantRow> {
        self.write("storing a tenant", 1, move |draft| tenant_ensure(draft, &row)).await
    }

    async fn tenant_list(&self) -> Stored<Vec<TenantRow>> {
        self.read("listing the tenants", |connection| {
            let mut list = connection.prepare_cached(queries::TENANT_LIST)?;
            Ok(list.query_map([], columns::tenant)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn relay_ensure(&self, row: RelayRow) -> Stored<RelayRow> {
        self.write("storing a relay", 1, move |draft| relay_ensure(draft, &row)).await
    }

    async fn credential_ensure(&self, row: CredentialRow) -> Stored<CredentialRow> {
        self.write("storing a credential", 1, move |draft| credential_ensure(draft, &row)).await
    }

    async fn release_list(&self, tenant: TenantId) -> Stored<Vec<(ReleaseRow, ReleaseState)>> {
        self.read("listing the releases", move |connection| {
            let mut list = connection.prepare_cached(queries::RELEASE_LIST)?;
            Ok(list.query_map([wide(tenant.0)], columns::release)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn release_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<(ReleaseRow, ReleaseState)> {
        self.read("reading a release", move |connection| release_get(connection, tenant, release)).await
    }

    async fn release_state_set(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        state: ReleaseState,
        now: Timestamp,
    ) -> Stored<()> {
        self.write("setting a release's state", 1, move |draft| state_set(draft, tenant, release, state, now))
            .await
    }

    async fn release_reschedule(&self, row: &ReleaseRow, resend_at: Timestamp, now: Timestamp) -> Stored<()> {
        let row = row.clone();
        self.write("rescheduling a release", 1, move |draft| {
            if reschedule(draft, &row, resend_at, now)? { Ok(()) } else { Err(no_release()) }
        })
        .await
    }

    async fn content_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<Vec<ContentPart>> {
        self.read("reading a release's content", move |connection| {
            let mut list = connection.prepare_cached(queries::CONTENT_PART_LIST)?;
            let parts = list.query_map(params![wide(tenant.0), wide(release.0)], |row| {
                Ok(ContentPart { part_no: row.get(0)?, name: row.get(1)?, bytes: row.get(2)? })
            })?;
            Ok(parts.collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// The answer to a question about a release that the tenant does not have.
pub(crate) fn no_release() -> Failure {
    LedgerError::NotFound { what: "the release" }.into()
}

/// One release of the tenant.
pub(crate) fn release_get(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<(ReleaseRow, ReleaseState), Failure> {
    let mut get = connection.prepare_cached(queries::RELEASE_GET)?;
    let found = get.query_row(params![wide(tenant.0), wide(release.0)], columns::release).optional()?;
    found.ok_or_else(no_release)
}

fn installation_get(connection: &Connection) -> Result<Option<InstallationRow>, Failure> {
    let mut get = connection.prepare_cached(queries::INSTALLATION_GET)?;
    Ok(get.query_row([], columns::installation).optional()?)
}

fn tenant_ensure(draft: &Draft<'_>, row: &TenantRow) -> Result<TenantRow, Failure> {
    let mut get = draft.prepare(queries::TENANT_GET_BY_NAME)?;
    if let Some(standing) = get.query_row([&row.name], columns::tenant).optional()? {
        return Ok(standing);
    }
    let values = params![wide(row.tenant.0), row.name, row.created_at.as_millis()];
    draft.prepare(queries::TENANT_INSERT)?.execute(values)?;
    Ok(row.clone())
}

fn relay_ensure(draft: &Draft<'_>, row: &RelayRow) -> Result<RelayRow, Failure> {
    let account = params![wide(row.tenant.0), row.host, row.port, row.security.word(), row.user];
    let mut get = draft.prepare(queries::RELAY_GET_BY_ACCOUNT)?;
    if let Some(standing) = get.query_row(account, columns::relay).optional()? {
        return Ok(standing);
    }
    draft.prepare(queries::RELAY_INSERT)?.execute(params![
        wide(row.tenant.0),
        wide(row.relay.0),
        row.host,
        row.port,
        row.security.word(),
        row.user,
        row.kind.word(),
        row.created_at.as_millis()
    ])?;
    Ok(row.clone())
}

fn credential_ensure(draft: &Draft<'_>, row: &CredentialRow) -> Result<CredentialRow, Failure> {
    let key = params![wide(row.tenant.0), wide(row.relay.0), row.fingerprint.0];
    let mut get = draft.prepare(queries::CREDENTIAL_GET_BY_FINGERPRINT)?;
    if let Some(standing) = get.query_row(key, columns::credential).optional()? {
        return Ok(standing);
    }
    let values =
        params![wide(row.tenant.0), wide(row.relay.0), row.fingerprint.0, row.created_at.as_millis()];
    draft.prepare(queries::CREDENTIAL_INSERT)?.execute(values)?;
    Ok(get.query_row(key, columns::credential)?)
}

fn state_set(
    draft: &Draft<'_>,
    tenant: TenantId,
    release: ReleaseId,
    state: ReleaseState,
    now: Timestamp,
) -> Result<(), Failure> {
    let standing = release_state(draft.connection(), tenant, release)?.ok_or_else(no_release)?;
    if standing == state {
        return Ok(());
    }
    if standing == ReleaseState::Cancelled {
        return Err(Failure::refused("a cancelled release stays cancelled"));
    }
    if state == ReleaseState::Planning {
        return Err(Failure::refused("a release is planned once"));
    }
    let values = params![wide(tenant.0), wide(release.0), state.code(), now.as_millis()];
    draft.prepare(queries::RELEASE_STATE_SET)?.execute(values)?;
    Ok(())
}
