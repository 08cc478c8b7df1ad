//! Which releases have mails that no sender has in hand, which ones, and how many came to what in a window of time.
//!
//! With an [`Access`] of one tenant; without one for the operator, as `check`: whoever may read the installation.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use domain::{Moment, TenantId, Timestamp};
use ledger::census::{bands, open_by_release};
use ledger::{
    BooksCensus, BooksGap, Census, CensusRequest, Place, ReleaseGap, Store, VerdictBucket, VerdictWindow,
};
use runtime::Clock;

use crate::access::{Access, Right};
use crate::error::AppError;

/// The longest window that is counted by the minute; longer ones are by the hour.
const BY_MINUTE_MAX: Duration = Duration::from_secs(6 * 3600);

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// Releases frozen in this window alone, and verdicts within it.
    pub window: Option<Range<Timestamp>>,
    /// How many intents are named at most.
    pub ids_max: u32,
    /// Also by the books alone, however long that takes.
    pub full: bool,
}

/// A release of which the books alone say something else than the small tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    /// As its books alone have it.
    pub books: BooksGap,
    /// How many of its intents are open by the small tables.
    pub known_open: u64,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct Reconciliation {
    /// Names of the tenants that are met.
    pub tenants: BTreeMap<TenantId, String>,
    /// Releases with anything open.
    pub releases: Vec<ReleaseGap>,
    /// Chunks whose account is to be made anew.
    pub uncounted: u64,
    /// Releases by how many of their mails no sender has in hand; see [`ledger::census::BANDS`].
    pub bands: [u64; 6],
    /// Minutes of a bucket, and the buckets.
    pub times: Option<(u32, Vec<VerdictBucket>)>,
    /// What the books alone say, and where the small tables do not know of it.
    pub books: Option<(BooksCensus, Vec<Disagreement>)>,
    /// How long the census took, the window, and the books' census.
    pub took: [Duration; 3],
}

impl Reconciliation {
    /// Intents at a place.
    #[must_use]
    pub fn at(&self, place: Place) -> u64 {
        self.releases.iter().map(|gap| gap.at(place)).sum()
    }

    /// True when every mail is accounted for or in somebody's hand, and all that was read agrees.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        let agree = self.books.as_ref().is_none_or(|(_, differ)| differ.is_empty());
        agree && self.releases.iter().all(|gap| gap.unsent() == 0)
    }
}

/// Answers.
///
/// # Errors
/// When the right does not suffice, the window is empty, or the books cannot be read.
pub async fn reconcile(
    store: &dyn Store,
    access: Option<&Access>,
    question: &Question,
    clock: &dyn Clock,
) -> Result<Reconciliation, AppError> {
    let tenant = access.map(|access| access.require(Right::Read)).transpose()?;
    if question.window.as_ref().is_some_and(Range::is_empty) {
        return Err(AppError::BadInput("--window: it ends before it begins".to_owned()));
    }
    let mut watch = Watch(clock, clock.moment());
    let request = CensusRequest { tenant, now: clock.now(), ids_max: question.ids_max };
    let census = store.census(request).await?;
    let known_open = open_by_release(&census.releases);
    let mut found = of_window(census, question.window.as_ref());
    found.took[0] = watch.lap();
    if let Some(window) = &question.window {
        found.times = Some(times(store, tenant, window).await?);
        found.took[1] = watch.lap();
    }
    let known = store.tenant_list().await?.into_iter();
    let known = known.filter(|row| tenant.is_none_or(|tenant| tenant == row.tenant));
    found.tenants = known.map(|row| (row.tenant, row.name)).collect();
    if question.full {
        watch.lap();
        let books = store.books_census(tenant).await?;
        let differ = disagreements(&books, &known_open);
        found.books = Some((books, differ));
        found.took[2] = watch.lap();
    }
    Ok(found)
}

fn of_window(census: Census, window: Option<&Range<Timestamp>>) -> Reconciliation {
    let mut releases = census.releases;
    releases.retain(|gap| window.is_none_or(|window| window.contains(&gap.created_at)));
    let bands = bands(releases.iter().map(ReleaseGap::unsent));
    Reconciliation { releases, uncounted: census.uncounted, bands, ..Reconciliation::default() }
}

async fn times(
    store: &dyn Store,
    tenant: Option<TenantId>,
    window: &Range<Timestamp>,
) -> Result<(u32, Vec<VerdictBucket>), AppError> {
    let bucket_minutes = if window.end.since(window.start) <= BY_MINUTE_MAX { 1 } else { 60 };
    let asked = VerdictWindow { tenant, from: window.start, to: window.end, bucket_minutes };
    Ok((bucket_minutes, store.verdict_times(asked).await?))
}

/// Where the books do not agree with each other, or have more open than the small tables know of. Fewer are what came in
/// between the two readings.
fn disagreements(
    books: &BooksCensus,
    known: &BTreeMap<(TenantId, domain::ReleaseId), u64>,
) -> Vec<Disagreement> {
    let mut found = Vec::new();
    for gap in &books.gaps {
        let known_open = known.get(&(gap.tenant, gap.release)).copied().unwrap_or(0);
        if !gap.is_sound() || gap.open > known_open {
            found.push(Disagreement { books: gap.clone(), known_open });
        }
    }
    found
}

/// Tells how long each part took.
struct Watch<'a>(&'a dyn Clock, Moment);

impl Watch<'_> {
    fn lap(&mut self) -> Duration {
        let now = self.0.moment();
        let span = now.since(self.1);
        self.1 = now;
        span
    }
}
