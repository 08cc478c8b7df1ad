//! Reading the books: statements, recipients, attempts, and the check of everything.
//!
//! `live` are the senders that are at work now: their open attempts are pending, those of all others are unknown.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use domain::{EmailAddress, IntentNo, IntentState, ReleaseId, SenderEpoch, Timestamp};
use ledger::{
    AttemptView, CheckReport, Finding, Live, RecipientView, ReleaseRow, ReleaseState, StatementView, Store,
};
use runtime::Clock;

use crate::access::{Access, Right};
use crate::control::is_served;
use crate::error::AppError;
use crate::folder::Seals;

/// Recipients read at a time.
const PAGE: u32 = 5000;

/// How long after its last sign of life a sender over shared books is taken to be at work.
pub const ALIVE_FOR: Duration = Duration::from_secs(10);

/// The senders at work now: over books of the folder its owner, over shared books all that give signs of life.
///
/// # Errors
/// When the books cannot be read.
pub async fn live_senders(store: &dyn Store, dir: &Path, clock: &dyn Clock) -> Result<Live, AppError> {
    if store.is_shared() {
        let since = Timestamp::from_millis(clock.now().as_millis() - ALIVE_FOR.as_millis() as i64);
        let seen = store.sender_list(since).await?;
        return Ok(seen.iter().filter(|view| view.is_alive(since)).map(|view| view.sender).collect());
    }
    Ok(if is_served(dir) { store.sender_latest().await?.into() } else { Live::default() })
}

/// The same for who sends itself, and knows that it does.
///
/// # Errors
/// When the books cannot be read.
pub async fn live_beside(store: &dyn Store, clock: &dyn Clock, own: SenderEpoch) -> Result<Live, AppError> {
    if !store.is_shared() {
        return Ok(Some(own).into());
    }
    let since = Timestamp::from_millis(clock.now().as_millis() - ALIVE_FOR.as_millis() as i64);
    let seen = store.sender_list(since).await?;
    Ok(seen.iter().filter(|view| view.is_alive(since)).map(|view| view.sender).chain([own]).collect())
}

/// A release of the tenant by id, by name (the newest of that name), or by its file.
///
/// # Errors
/// [`AppError::NotFound`], also for releases of other tenants.
pub async fn find_release(
    store: &dyn Store,
    access: &Access,
    text: &str,
) -> Result<(ReleaseRow, ReleaseState), AppError> {
    let releases = store.release_list(access.require(Right::Read)?).await?;
    let id = text.parse::<ReleaseId>().ok();
    let stem = Path::new(text).file_stem().and_then(|stem| stem.to_str());
    let by_id = releases.iter().find(|(row, _)| Some(row.release) == id);
    let by_name = || releases.iter().find(|(row, _)| row.name == text);
    let by_file = || releases.iter().find(|(row, _)| Some(row.name.as_str()) == stem);
    by_id.or_else(by_name).or_else(by_file).cloned().ok_or_else(|| AppError::NotFound {
        what: format!("release `{text}` of tenant `{}`", access.tenant_name()),
        remedy: "`hikyaku statement` shows all releases of a tenant".to_owned(),
    })
}

/// A release with its trial balance.
#[derive(Debug, Clone)]
pub struct ReleaseStatement {
    /// The release.
    pub release: ReleaseRow,
    /// Whether it may be sent.
    pub state: ReleaseState,
    /// Its trial balance.
    pub view: StatementView,
}

/// Which releases of a tenant a statement is made of.
#[derive(Debug, Clone)]
pub enum Selection {
    /// One, by name, file or id.
    Release(String),
    /// Those that were frozen in a span of time.
    Frozen(Range<Timestamp>),
    /// All.
    All,
}

/// Statements of the selected releases, newest first.
///
/// # Errors
/// When the release does not exist or the books cannot be read.
pub async fn statements(
    store: &dyn Store,
    access: &Access,
    selection: &Selection,
    live: &Live,
) -> Result<Vec<ReleaseStatement>, AppError> {
    let tenant = access.require(Right::Read)?;
    let mut rows = match selection {
        Selection::Release(text) => vec![find_release(store, access, text).await?],
        Selection::Frozen(_) | Selection::All => store.release_list(tenant).await?,
    };
    if let Selection::Frozen(span) = selection {
        rows.retain(|(row, _)| span.contains(&row.created_at));
    }
    let mut statements = Vec::with_capacity(rows.len());
    for (release, state) in rows {
        let view = store.statement(tenant, release.release, live.clone()).await?;
        statements.push(ReleaseStatement { release, state, view });
    }
    Ok(statements)
}

/// Recipients of a release in one state (or all), page by page.
///
/// # Errors
/// When the release does not exist, the books cannot be read, or `each` fails.
pub async fn recipients(
    store: &dyn Store,
    access: &Access,
    release: &str,
    state: Option<IntentState>,
    live: &Live,
    mut each: impl FnMut(RecipientView) -> Result<(), AppError>,
) -> Result<(), AppError> {
    let (row, _) = find_release(store, access, release).await?;
    let mut after = IntentNo(0);
    loop {
        let page = store.recipients(row.tenant, row.release, state, live.clone(), after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.intent;
        page.into_iter().try_for_each(&mut each)?;
    }
}

/// Every attempt and settlement for one address of a release.
///
/// # Errors
/// When the address is malformed, or the release does not exist.
pub async fn attempts(
    store: &dyn Store,
    access: &Access,
    release: &str,
    address: &str,
) -> Result<Vec<AttemptView>, AppError> {
    let (row, _) = find_release(store, access, release).await?;
    let address =
        EmailAddress::parse(address).map_err(|error| AppError::BadInput(format!("--to: {error}")))?;
    Ok(store.attempts(row.tenant, row.release, address.as_str()).await?)
}

/// Every invariant against every row of the installation, the sealed heads included.
///
/// # Errors
/// When the books or the seals cannot be read at all; what is wrong in them is in the report.
pub async fn check(store: &dyn Store, dir: &Path, clock: &dyn Clock) -> Result<CheckReport, AppError> {
    let (sealed, unreadable) = Seals::in_folder(dir).read()?;
    let live = live_senders(store, dir, clock).await?;
    let mut report = store.check(sealed, live, clock.now()).await?;
    report.findings.extend(unreadable.into_iter().map(|line| Finding {
        tenant: None,
        book: None,
        invariant: 0,
        text: format!("line {line} of seals.log cannot be read"),
    }));
    Ok(report)
}
