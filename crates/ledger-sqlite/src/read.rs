//! Reading the books: statements, counters, recipients, attempts, and where the chains end.

use std::ops::ControlFlow;

use async_trait::async_trait;
use domain::{IntentNo, IntentState, ReleaseId, SenderEpoch, Statement, TenantId, Timestamp};
use ledger::rows::comparison_key;
use ledger::store::Stored;
use ledger::{
    AttemptView, Balance, Book, CheckReport, Head, LinkRow, LinkedRow, Live, OutcomeRow, Owed, ReadStore,
    RecipientView, Scope, SessionRow, StatementView,
};
use rusqlite::{Connection, OptionalExtension, params};

use crate::chained;
use crate::chains::stored_head;
use crate::check;
use crate::columns::{self, known, wide};
use crate::directory::no_release;
use crate::failure::Failure;
use crate::lease::release_state;
use crate::queries;
use crate::store::SqliteStore;
use crate::walk::walk;

#[async_trait]
impl ReadStore for SqliteStore {
    async fn sender_latest(&self) -> Stored<Option<SenderEpoch>> {
        self.read("reading the latest sender", |connection| {
            let mut latest = connection.prepare_cached(queries::SENDER_LATEST)?;
            let epoch: Option<i64> = latest.query_row([], |row| row.get(0))?;
            Ok(epoch.map(|epoch| SenderEpoch(epoch.cast_unsigned())))
        })
        .await
    }

    async fn statement(&self, tenant: TenantId, release: ReleaseId, live: Live) -> Stored<StatementView> {
        self.read("making a statement", move |connection| statement(connection, tenant, release, live)).await
    }

    async fn counters(&self, tenant: TenantId, release: ReleaseId) -> Stored<Statement> {
        self.read("reading counters", move |connection| counters(connection, tenant, release)).await
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
            let scope =
                Scope { first: IntentNo(after.0.saturating_add(1)), ..sealed(connection, tenant, release)? };
            recipients(connection, scope, state, live, limit)
        })
        .await
    }

    async fn attempts(
        &self,
        tenant: TenantId,
        release: ReleaseId,
        address: &str,
    ) -> Stored<Vec<AttemptView>> {
        let address = comparison_key(address);
        self.read("listing attempts", move |connection| {
            let mut views = Vec::new();
            for intent in intents_of(connection, tenant, release, &address)? {
                attempts(connection, tenant, release, intent, &mut views)?;
            }
            Ok(views)
        })
        .await
    }

    async fn heads(&self) -> Stored<Vec<Head>> {
        self.read("reading the chains' heads", heads).await
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
            chained::book_rows(connection, (tenant, release, book), first, last)
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
            chained::link_rows(connection, (tenant, book, sender), after, limit)
        })
        .await
    }

    async fn check(&self, sealed: Vec<Head>, live: Live, now: Timestamp) -> Stored<CheckReport> {
        self.read("checking the books", move |connection| check::run(connection, &sealed, &live, now)).await
    }
}

/// The sealed part of a release's audience: what stands unsealed is not owed yet.
pub(crate) fn sealed(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<Scope, Failure> {
    release_state(connection, tenant, release)?.ok_or_else(no_release)?;
    let mut extent = connection.prepare_cached(queries::AUDIENCE_EXTENT)?;
    let last = extent.query_row(params![wide(tenant.0), wide(release.0)], |row| row.get(1))?;
    Ok(Scope { tenant, release, first: IntentNo(1), last: IntentNo(last) })
}

pub(crate) fn audience(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<u64, Failure> {
    let mut count = connection.prepare_cached(queries::AUDIENCE_COUNT)?;
    let count: i64 = count.query_row(params![wide(tenant.0), wide(release.0)], |row| row.get(0))?;
    Ok(count.cast_unsigned())
}

fn statement(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    live: Live,
) -> Result<StatementView, Failure> {
    let scope = sealed(connection, tenant, release)?;
    let mut balance = Balance::of(audience(connection, tenant, release)?);
    walk::<()>(connection, scope, |owed| {
        balance.count(owed, &live);
        Ok(ControlFlow::Continue(()))
    })?;
    let differences = balance.differences(&counters(connection, tenant, release)?, release);
    Ok(StatementView { release, statement: balance.statement, differences })
}

pub(crate) fn counters(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
) -> Result<Statement, Failure> {
    let mut get = connection.prepare_cached(queries::COUNTER_GET)?;
    let found = get.query_row(params![wide(tenant.0), wide(release.0)], |row| {
        // A counter below zero is damage; it reads as a number that nothing agrees with.
        let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
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
    });
    found.optional()?.ok_or_else(no_release)
}

fn recipients(
    connection: &Connection,
    scope: Scope,
    state: Option<IntentState>,
    live: Live,
    limit: u32,
) -> Result<Vec<RecipientView>, Failure> {
    let mut views = Vec::new();
    if limit == 0 {
        return Ok(views);
    }
    walk(connection, scope, |owed| {
        let of = owed.fold(&live).state();
        if state.is_none_or(|wanted| wanted == of) {
            views.push(recipient(connection, scope, owed, of)?);
        }
        let enough = views.len() >= limit as usize;
        Ok(if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(views)
}

fn recipient(
    connection: &Connection,
    scope: Scope,
    owed: &Owed,
    state: IntentState,
) -> Result<RecipientView, Failure> {
    let key = params![wide(scope.tenant.0), wide(scope.release.0), owed.intent.0];
    let mut get = connection.prepare_cached(queries::RECIPIENT_GET)?;
    let address = get.query_row(key, |row| row.get(0)).optional()?;
    let intent = owed.intent;
    let last = if owed.outcomes.is_empty() {
        None
    } else {
        outcomes(connection, scope.tenant, scope.release, intent)?.pop()
    };
    Ok(RecipientView {
        intent,
        address,
        state,
        suppression: owed.suppression,
        attempts: u32::try_from(owed.attempts.len()).unwrap_or(u32::MAX),
        last,
    })
}

/// The intents that name an address, by one pass: an index would scatter writes when the audience is frozen.
fn intents_of(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    address: &str,
) -> Result<Vec<IntentNo>, Failure> {
    release_state(connection, tenant, release)?.ok_or_else(no_release)?;
    let mut list = connection.prepare_cached(queries::RECIPIENT_RANGE)?;
    let mut rows = list.query(params![wide(tenant.0), wide(release.0), 0, u32::MAX])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let other = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let same =
            other.eq_ignore_ascii_case(address) || (!other.is_ascii() && comparison_key(other) == address);
        if same {
            found.push(IntentNo(row.get(0)?));
        }
    }
    Ok(found)
}

/// Outcomes of an intent with their texts, oldest first; the last one tells when it may be tried again.
fn outcomes(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    intent: IntentNo,
) -> Result<Vec<OutcomeRow>, Failure> {
    let key = params![wide(tenant.0), wide(release.0), intent.0];
    let mut list = connection.prepare_cached(queries::OUTCOME_LIST)?;
    let rows =
        list.query_map(key, |row| Ok(OutcomeRow { reply_text: row.get(10)?, ..columns::outcome(row)? }))?;
    let mut outcomes = rows.collect::<Result<Vec<_>, _>>()?;
    if let Some(last) = outcomes.last_mut() {
        let mut retry = connection.prepare_cached(queries::RETRY_DUE_GET)?;
        let due: Option<i64> = retry.query_row(key, |row| row.get(0)).optional()?;
        last.retry_at = due.map(Timestamp::from_millis);
    }
    Ok(outcomes)
}

/// An intent's attempts with their sessions and verdicts, then its settlements.
fn attempts(
    connection: &Connection,
    tenant: TenantId,
    release: ReleaseId,
    intent: IntentNo,
    views: &mut Vec<AttemptView>,
) -> Result<(), Failure> {
    let mut outcomes = outcomes(connection, tenant, release, intent)?;
    let mut list = connection.prepare_cached(queries::ATTEMPT_LIST)?;
    let mut rows = list.query(params![wide(tenant.0), wide(release.0), intent.0])?;
    while let Some(row) = rows.next()? {
        let (attempt, sender) = columns::attempt(row)?;
        let (own, others) = outcomes.into_iter().partition(|outcome| outcome.key == attempt.key);
        outcomes = others;
        let session = session(connection, tenant, attempt.session)?;
        views.push(AttemptView { attempt: Some(attempt), session, sender: Some(sender), outcomes: own });
    }
    if !outcomes.is_empty() {
        views.push(AttemptView { attempt: None, session: None, sender: None, outcomes });
    }
    Ok(())
}

fn session(
    connection: &Connection,
    tenant: TenantId,
    session: domain::SessionId,
) -> Result<Option<SessionRow>, Failure> {
    let mut get = connection.prepare_cached(queries::SESSION_GET)?;
    let found = get.query_row(params![wide(tenant.0), wide(session.0)], |row| {
        Ok(SessionRow {
            tenant,
            session,
            relay: domain::RelayId(columns::id(row, 0)?),
            credential: domain::CredentialVersion(row.get(1)?),
            fingerprint: domain::Fingerprint(row.get(2)?),
            peer: row.get(3)?,
            tls: row.get(4)?,
            sender: SenderEpoch(columns::id(row, 5)?),
            opened_at: columns::time(row, 6)?,
        })
    });
    Ok(found.optional()?)
}

/// Where every chain ends: one seek a chain, however long it is.
pub(crate) fn heads(connection: &Connection) -> Result<Vec<Head>, Failure> {
    let mut next = connection.prepare_cached(queries::LINK_CHAIN_NEXT)?;
    let mut at = (i64::MIN, 0, 0);
    let mut heads = Vec::new();
    loop {
        let chain = next.query_row(params![at.0, at.1, at.2], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, u8>(1)?, row.get::<_, i64>(2)?))
        });
        let Some((tenant, book, sender)) = chain.optional()? else { return Ok(heads) };
        at = (tenant, book, sender);
        let book = known(1, i64::from(book), Book::from_code(book))?;
        let (tenant, sender) = (TenantId(tenant.cast_unsigned()), SenderEpoch(sender.cast_unsigned()));
        heads.push(stored_head(connection, book, tenant, sender)?);
    }
}
