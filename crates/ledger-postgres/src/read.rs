//! Reading the books: statements, counters, recipients, attempts, and where the chains end.

use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use domain::{
    CredentialVersion, Fingerprint, IntentNo, IntentState, RelayId, ReleaseId, SenderEpoch, SessionId,
    Statement, TenantId, Timestamp,
};
use futures_util::TryStreamExt as _;
use ledger::rows::comparison_key;
use ledger::store::Stored;
use ledger::{
    AttemptView, Balance, Book, CheckReport, Head, LinkRow, LinkedRow, Live, OutcomeRow, Owed, ReadStore,
    RecipientView, Scope, SessionRow, StatementView,
};

use crate::columns::{self, Columns};
use crate::connection::{Connection, Values};
use crate::directory::no_release;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::plan::extent;
use crate::store::PostgresStore;
use crate::values::{whole, wide};
use crate::walk::walk;
use crate::{chained, check, queries};

#[async_trait]
impl ReadStore for PostgresStore {
    async fn sender_latest(&self) -> Stored<Option<SenderEpoch>> {
        self.read("reading the latest sender", |connection| {
            Box::pin(async move {
                let row = connection.one(queries::SENDER_LATEST, &[]).await?;
                let epoch: Option<i64> = Columns(&row).number_or_null(0)?;
                Ok(epoch.map(|epoch| SenderEpoch(epoch.cast_unsigned())))
            })
        })
        .await
    }

    async fn statement(&self, tenant: TenantId, release: ReleaseId, live: Live) -> Stored<StatementView> {
        self.read("making a statement", move |connection| {
            Box::pin(statement(connection, tenant, release, live.clone()))
        })
        .await
    }

    async fn counters(&self, tenant: TenantId, release: ReleaseId) -> Stored<Statement> {
        self.read("reading counters", move |connection| Box::pin(counters(connection, tenant, release))).await
    }

    async fn recipients(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        state: Option<IntentState>,
        live: Live,
        after: IntentNo,
        limit: u32,
    ) -> Stored<Vec<RecipientView>> {
        self.read("listing recipients", move |connection| {
            let live = live.clone();
            Box::pin(async move {
                let sealed = sealed(connection, tenant, release).await?;
                let scope = Scope { first: IntentNo(after.0.saturating_add(1)), ..sealed };
                recipients(connection, scope, (state, live), limit).await
            })
        })
        .await
    }

    async fn attempts(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        address: &str,
    ) -> Stored<Vec<AttemptView>> {
        let address: Arc<str> = comparison_key(address).into();
        self.read("listing attempts", move |connection| {
            let address = Arc::clone(&address);
            Box::pin(async move {
                let mut views = Vec::new();
                for intent in intents_of(connection, tenant, release, &address).await? {
                    attempts(connection, tenant, release, intent, &mut views).await?;
                }
                Ok(views)
            })
        })
        .await
    }

    async fn heads(&self) -> Stored<Vec<Head>> {
        self.read("reading the chains' heads", |connection| Box::pin(chained::heads(connection))).await
    }

    async fn book_rows(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        book: Book,
        first: IntentNo,
        last: IntentNo,
    ) -> Stored<Vec<LinkedRow>> {
        self.read("reading a book", move |connection| {
            Box::pin(chained::book_rows(connection, (tenant, release, book), first, last))
        })
        .await
    }

    async fn link_rows(
        &self,
        tenant: TenantId,
        book: Book,
        sender: SenderEpoch,
        after: u32,
        limit: u32,
    ) -> Stored<Vec<LinkRow>> {
        self.read("reading a chain", move |connection| {
            Box::pin(chained::link_rows(connection, (tenant, book, sender), after, limit))
        })
        .await
    }

    async fn check(&self, sealed: Vec<Head>, live: Live, now: Timestamp) -> Stored<CheckReport> {
        let sealed: Arc<[Head]> = sealed.into();
        self.read("checking the books", move |connection| {
            let sealed = Arc::clone(&sealed);
            let live = live.clone();
            Box::pin(async move { check::run(connection, &sealed, &live, now).await })
        })
        .await
    }
}

/// The sealed part of a release's audience: what stands unsealed is not owed yet.
pub(crate) async fn sealed(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<Scope, Failure> {
    release_state(connection, tenant, release).await?.ok_or_else(no_release)?;
    let (_, last) = extent(connection, tenant, release).await?;
    Ok(Scope { tenant, release, first: IntentNo(1), last })
}

/// The audience's own count.
pub(crate) async fn audience(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<u64, Failure> {
    let row = connection.one(queries::AUDIENCE_COUNT, &[&wide(tenant.0), &wide(release.0)]).await?;
    Columns(&row).id(0)
}

async fn statement(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    live: Live,
) -> Result<StatementView, Failure> {
    let scope = sealed(connection, tenant, release).await?;
    let mut balance = Balance::of(audience(connection, tenant, release).await?);
    walk::<()>(connection, scope, |owed| {
        balance.count(owed, &live);
        ControlFlow::Continue(())
    })
    .await?;
    let differences = balance.differences(&counters(connection, tenant, release).await?, release);
    Ok(StatementView { release, statement: balance.statement, differences })
}

/// The counters as they stand. One below zero is damage; it reads as a number that nothing agrees with.
pub(crate) async fn counters(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<Statement, Failure> {
    let row = connection.row(queries::COUNTER_GET, &[&wide(tenant.0), &wide(release.0)]).await?;
    let row = row.ok_or_else(no_release)?;
    let count = |column| Columns(&row).id(column);
    Ok(Statement {
        audience: count(0)?,
        accepted: count(1)?,
        rejected: count(2)?,
        suppressed: count(3)?,
        cancelled: count(4)?,
        expired: count(5)?,
        unknown: count(6)?,
        pending: count(7)?,
        duplicates: count(8)?,
    })
}

async fn recipients(
    connection: &Connection,
    scope: Scope,
    (state, live): (Option<IntentState>, Live),
    limit: u32,
) -> Result<Vec<RecipientView>, Failure> {
    let mut found: Vec<(Owed, IntentState)> = Vec::new();
    if limit == 0 {
        return Ok(Vec::new());
    }
    walk(connection, scope, |owed| {
        let of = owed.fold(&live).state();
        if state.is_none_or(|wanted| wanted == of) {
            found.push((owed.clone(), of));
        }
        if found.len() >= limit as usize { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })
    .await?;
    let mut views = Vec::with_capacity(found.len());
    for (owed, state) in found {
        views.push(recipient(connection, scope, &owed, state).await?);
    }
    Ok(views)
}

async fn recipient(
    connection: &Connection,
    scope: Scope,
    owed: &Owed,
    state: IntentState,
) -> Result<RecipientView, Failure> {
    let key = (wide(scope.tenant.0), wide(scope.release.0), whole(owed.intent.0));
    let address = connection.row(queries::RECIPIENT_GET, &[&key.0, &key.1, &key.2]).await?;
    let last = if owed.outcomes.is_empty() {
        None
    } else {
        outcomes(connection, scope.tenant, scope.release, owed.intent).await?.pop()
    };
    Ok(RecipientView {
        intent: owed.intent,
        address: address.as_ref().map(|row| Columns(row).value(0)).transpose()?,
        state,
        suppression: owed.suppression,
        attempts: u32::try_from(owed.attempts.len()).unwrap_or(u32::MAX),
        last,
    })
}

/// The intents that name an address, by one pass: an index would scatter writes when the audience is frozen.
async fn intents_of(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    address: &str,
) -> Result<Vec<IntentNo>, Failure> {
    release_state(connection, tenant, release).await?.ok_or_else(no_release)?;
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(0), &whole(u32::MAX)];
    let mut rows = connection.stream(queries::RECIPIENT_RANGE, values).await?;
    let mut found = Vec::new();
    while let Some(row) = rows.try_next().await? {
        if comparison_key(Columns(&row).value(1)?) == address {
            found.push(IntentNo(Columns(&row).number(0)?));
        }
    }
    Ok(found)
}

/// Outcomes of an intent with their texts, oldest first; the last one tells when it may be tried again.
async fn outcomes(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    intent: IntentNo,
) -> Result<Vec<OutcomeRow>, Failure> {
    let key = (wide(tenant.0), wide(release.0), whole(intent.0));
    let rows = connection.rows(queries::OUTCOME_LIST, &[&key.0, &key.1, &key.2]).await?;
    let outcome = |row: Columns<'_>| Ok(OutcomeRow { reply_text: row.value(10)?, ..columns::outcome(row)? });
    let mut outcomes = rows.iter().map(|row| outcome(Columns(row))).collect::<Result<Vec<_>, Failure>>()?;
    if let Some(last) = outcomes.last_mut() {
        let due = connection.row(queries::RETRY_DUE_GET, &[&key.0, &key.1, &key.2]).await?;
        last.retry_at = due.as_ref().map(|row| Columns(row).time(0)).transpose()?;
    }
    Ok(outcomes)
}

/// An intent's attempts with their sessions and verdicts, then its settlements.
async fn attempts(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    intent: IntentNo,
    views: &mut Vec<AttemptView>,
) -> Result<(), Failure> {
    let mut outcomes = outcomes(connection, tenant, release, intent).await?;
    let values: Values<'_> = &[&wide(tenant.0), &wide(release.0), &whole(intent.0)];
    for row in &connection.rows(queries::ATTEMPT_LIST, values).await? {
        let (attempt, sender) = columns::attempt(Columns(row))?;
        let (own, others) = outcomes.into_iter().partition(|outcome| outcome.key == attempt.key);
        outcomes = others;
        let session = session(connection, tenant, attempt.session).await?;
        views.push(AttemptView { attempt: Some(attempt), session, sender: Some(sender), outcomes: own });
    }
    if !outcomes.is_empty() {
        views.push(AttemptView { attempt: None, session: None, sender: None, outcomes });
    }
    Ok(())
}

async fn session(
    connection: &Connection,
    tenant: TenantId,
    session: SessionId,
) -> Result<Option<SessionRow>, Failure> {
    let row = connection.row(queries::SESSION_GET, &[&wide(tenant.0), &wide(session.0)]).await?;
    let stands = |row: Columns<'_>| {
        Ok(SessionRow {
            tenant,
            session,
            relay: RelayId(row.id(0)?),
            credential: CredentialVersion(row.number(1)?),
            fingerprint: Fingerprint(row.octets(2)?),
            peer: row.value(3)?,
            tls: row.value(4)?,
            sender: SenderEpoch(row.id(5)?),
            opened_at: row.time(6)?,
        })
    };
    row.as_ref().map(|row| stands(Columns(row))).transpose()
}
