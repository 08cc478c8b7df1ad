//! The directory: tenants, relays, versions of secrets, releases and their frozen content.

use async_trait::async_trait;
use domain::{ReleaseId, TenantId, Timestamp};
use ledger::store::Stored;
use ledger::{
    ContentPart, CredentialRow, DirectoryStore, InstallationRow, InstallationUse, LedgerError, RelayRow,
    ReleaseRow, ReleaseState, TenantRow,
};

use crate::columns::{self, Columns};
use crate::connection::{Connection, Values};
use crate::draft::Draft;
use crate::failure::Failure;
use crate::queries;
use crate::reschedule::reschedule;
use crate::store::{PostgresStore, Write};
use crate::values::{whole, wide};

/// A write to the row of no tenant that says whose books these are. Its mark outlives those of longer ago.
const INSTALLATION: Write = Write { operation: "", tenant: TenantId(0), at: Timestamp::EPOCH };

#[async_trait]
impl DirectoryStore for PostgresStore {
    async fn installation_get(&self) -> Stored<Option<InstallationRow>> {
        self.read("reading whose books these are", |connection| Box::pin(installation_get(connection))).await
    }

    async fn installation_ensure(&self, row: InstallationRow) -> Stored<InstallationRow> {
        let write = Write { operation: "storing whose books these are", ..INSTALLATION };
        self.write(write, move |draft| {
            Box::pin(async move {
                let (check, state) = (row.key_check.as_slice(), whole(row.use_now.code()));
                draft.execute(queries::INSTALLATION_INSERT, &[&check, &state]).await?;
                Ok(installation_get(draft).await?.unwrap_or(row))
            })
        })
        .await
    }

    async fn installation_use(&self, use_now: InstallationUse) -> Stored<()> {
        let write = Write { operation: "storing what the books are for", ..INSTALLATION };
        self.write(write, move |draft| {
            Box::pin(async move {
                match draft.execute(queries::INSTALLATION_USE, &[&whole(use_now.code())]).await? {
                    1 => Ok(()),
                    _ => Err(LedgerError::NotFound { what: "the installation" }.into()),
                }
            })
        })
        .await
    }

    async fn tenant_ensure(&self, row: TenantRow) -> Stored<TenantRow> {
        let write = Write { operation: "storing a tenant", tenant: row.tenant, at: row.created_at };
        self.write(write, move |draft| {
            let row = row.clone();
            Box::pin(async move { tenant_ensure(draft, row).await.map_err(faster) })
        })
        .await
    }

    async fn tenant_list(&self) -> Stored<Vec<TenantRow>> {
        self.read("listing the tenants", |connection| {
            Box::pin(async move {
                let rows = connection.rows(queries::TENANT_LIST, &[]).await?;
                rows.iter().map(|row| columns::tenant(Columns(row))).collect()
            })
        })
        .await
    }

    async fn relay_ensure(&self, row: RelayRow) -> Stored<RelayRow> {
        let write = Write { operation: "storing a relay", tenant: row.tenant, at: row.created_at };
        self.write(write, move |draft| {
            let row = row.clone();
            Box::pin(async move { relay_ensure(draft, row).await.map_err(faster) })
        })
        .await
    }

    async fn credential_ensure(&self, row: CredentialRow) -> Stored<CredentialRow> {
        let write = Write { operation: "storing a credential", tenant: row.tenant, at: row.created_at };
        self.write(write, move |draft| {
            Box::pin(async move { credential_ensure(draft, &row).await.map_err(faster) })
        })
        .await
    }

    async fn release_list(&self, tenant: TenantId) -> Stored<Vec<(ReleaseRow, ReleaseState)>> {
        self.read("listing the releases", move |connection| {
            Box::pin(async move {
                let rows = connection.rows(queries::RELEASE_LIST, &[&wide(tenant.0)]).await?;
                rows.iter().map(|row| columns::release(Columns(row))).collect()
            })
        })
        .await
    }

    async fn release_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<(ReleaseRow, ReleaseState)> {
        self.read("reading a release", move |connection| Box::pin(release_get(connection, tenant, release)))
            .await
    }

    async fn release_state_set(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        state: ReleaseState,
        now: Timestamp,
    ) -> Stored<()> {
        let write = Write { operation: "setting a release's state", tenant, at: now };
        self.write(write, move |draft| {
            Box::pin(async move {
                state_set(draft, tenant, release, state, now).await?;
                draft.execute(queries::WORK_NOTIFY, &[]).await.map(drop)
            })
        })
        .await
    }

    async fn release_reschedule(&self, row: &ReleaseRow, resend_at: Timestamp, now: Timestamp) -> Stored<()> {
        let row = row.clone();
        let write = Write { operation: "rescheduling a release", tenant: row.tenant, at: now };
        self.write(write, move |draft| {
            let row = row.clone();
            Box::pin(async move {
                if reschedule(draft, &row, resend_at, now).await? { Ok(()) } else { Err(no_release()) }
            })
        })
        .await
    }

    async fn content_get(&self, tenant: TenantId, release: ReleaseId) -> Stored<Vec<ContentPart>> {
        self.read("reading a release's content", move |connection| {
            Box::pin(async move {
                let key = (wide(tenant.0), wide(release.0));
                let rows = connection.rows(queries::CONTENT_PART_LIST, &[&key.0, &key.1]).await?;
                rows.iter().map(|row| content_part(Columns(row))).collect()
            })
        })
        .await
    }
}

pub(crate) fn content_part(row: Columns<'_>) -> Result<ContentPart, Failure> {
    Ok(ContentPart { part_no: row.number(0)?, name: row.value(1)?, bytes: row.value(2)? })
}

/// The answer to a question about a release that the tenant does not have.
pub(crate) fn no_release() -> Failure {
    LedgerError::NotFound { what: "the release" }.into()
}

/// What another node stored between our look and our insertion will be found by the next look.
fn faster(failure: Failure) -> Failure {
    if failure.is_duplicate() {
        Failure::Again("the same row was being stored by another node")
    } else {
        failure
    }
}

/// One release of the tenant.
pub(crate) async fn release_get(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<(ReleaseRow, ReleaseState), Failure> {
    let row = connection.row(queries::RELEASE_GET, &[&wide(tenant.0), &wide(release.0)]).await?;
    columns::release(Columns(&row.ok_or_else(no_release)?))
}

async fn installation_get(connection: &Connection) -> Result<Option<InstallationRow>, Failure> {
    let row = connection.row(queries::INSTALLATION_GET, &[]).await?;
    row.map(|row| columns::installation(Columns(&row))).transpose()
}

async fn tenant_ensure(draft: &Draft, row: TenantRow) -> Result<TenantRow, Failure> {
    if let Some(standing) = draft.row(queries::TENANT_GET_BY_NAME, &[&row.name]).await? {
        return columns::tenant(Columns(&standing));
    }
    let (tenant, created_at) = (wide(row.tenant.0), whole(row.created_at.as_millis()));
    draft.execute(queries::TENANT_INSERT, &[&tenant, &row.name, &created_at]).await?;
    Ok(row)
}

async fn relay_ensure(draft: &Draft, row: RelayRow) -> Result<RelayRow, Failure> {
    let (tenant, relay, port) = (wide(row.tenant.0), wide(row.relay.0), whole(row.port));
    let (security, kind) = (row.security.word(), row.kind.word());
    let account: Values<'_> = &[&tenant, &row.host, &port, &security, &row.user];
    if let Some(standing) = draft.row(queries::RELAY_GET_BY_ACCOUNT, account).await? {
        return columns::relay(Columns(&standing));
    }
    let created_at = whole(row.created_at.as_millis());
    let values: Values<'_> = &[&tenant, &relay, &row.host, &port, &security, &row.user, &kind, &created_at];
    draft.execute(queries::RELAY_INSERT, values).await?;
    Ok(row)
}

async fn credential_ensure(draft: &Draft, row: &CredentialRow) -> Result<CredentialRow, Failure> {
    let (tenant, relay) = (wide(row.tenant.0), wide(row.relay.0));
    let fingerprint = row.fingerprint.0.as_slice();
    let key: Values<'_> = &[&tenant, &relay, &fingerprint];
    if let Some(standing) = draft.row(queries::CREDENTIAL_GET_BY_FINGERPRINT, key).await? {
        return columns::credential(Columns(&standing));
    }
    let created_at = whole(row.created_at.as_millis());
    draft.execute(queries::CREDENTIAL_INSERT, &[&tenant, &relay, &fingerprint, &created_at]).await?;
    let stored = draft.one(queries::CREDENTIAL_GET_BY_FINGERPRINT, key).await?;
    columns::credential(Columns(&stored))
}

async fn state_set(
    draft: &Draft,
    tenant: TenantId,
    release: ReleaseId,
    state: ReleaseState,
    now: Timestamp,
) -> Result<(), Failure> {
    let key = (wide(tenant.0), wide(release.0));
    let row = draft.row(queries::RELEASE_STATE_LOCK, &[&key.0, &key.1]).await?.ok_or_else(no_release)?;
    let standing = Columns(&row).coded(0, ReleaseState::from_code)?;
    if standing == state {
        return Ok(());
    }
    if standing == ReleaseState::Cancelled {
        return Err(Failure::refused("a cancelled release stays cancelled"));
    }
    if state == ReleaseState::Planning {
        return Err(Failure::refused("a release is planned once"));
    }
    let values = (whole(state.code()), whole(now.as_millis()));
    draft.execute(queries::RELEASE_STATE_SET, &[&key.0, &key.1, &values.0, &values.1]).await.map(drop)
}
