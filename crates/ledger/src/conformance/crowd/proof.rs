//! Fills a store with a crowd, and holds what it finds against what was planted.

use std::collections::BTreeMap;

use domain::{ReleaseId, TenantId, Timestamp};

use super::rows::sent_until;
use super::{Crowd, CrowdSize};
use crate::census::{CensusRequest, Place, VerdictWindow, bands};
use crate::conformance::Breach;
use crate::conformance::bench::same;
use crate::copy::CopyStore;
use crate::nodes::Live;
use crate::store::Store;

/// Stores a crowd.
///
/// # Errors
/// When the store fails.
pub async fn fill(store: &impl CopyStore, crowd: &Crowd) -> Result<(), Breach> {
    for (table, rows) in crowd.all().flatten() {
        for page in rows.chunks(table.page as usize) {
            store.copy_insert(table, page.to_vec()).await?;
        }
    }
    Ok(())
}

/// The check finds the lost mails and nothing else; both censuses name them all; the times have every verdict.
///
/// # Errors
/// What was not so.
pub async fn prove<S: Store + CopyStore>(store: &S, size: CrowdSize) -> Result<(), Breach> {
    let crowd = Crowd::of(size);
    fill(store, &crowd).await?;
    let now = Timestamp::from_millis(sent_until().as_millis() + 86_400_000);
    let report = store.check(Vec::new(), Live::default(), now).await?;
    let other: Vec<_> = report.findings.iter().filter(|finding| finding.invariant != 8).collect();
    same("findings of the check but for lost mails", other, Vec::new())?;
    same("lost mails that it finds", report.findings.len() as u64, crowd.lost())?;
    same("mails", report.intents, size.intents)?;
    let planted: BTreeMap<(TenantId, ReleaseId), _> = crowd
        .releases
        .iter()
        .filter(|release| !release.lost.is_empty())
        .map(|release| ((release.tenant, release.release), release.lost.clone()))
        .collect();
    let census = store.census(CensusRequest { tenant: None, now, ids_max: 1_000_000 }).await?;
    let missing = census.releases.iter().filter(|gap| gap.at(Place::Missing) > 0);
    let missing: BTreeMap<_, _> = missing.map(|gap| ((gap.tenant, gap.release), gap.ids.clone())).collect();
    same("what the census names", &missing, &planted)?;
    let unsent = census.releases.iter().map(crate::census::ReleaseGap::unsent);
    same("its bands", bands(unsent), bands(planted.values().map(|lost| lost.len() as u64)))?;
    let in_flight: u64 = census.releases.iter().map(|gap| gap.at(Place::InFlight)).sum();
    let books = store.books_census(None).await?;
    same(
        "mails that the books have open",
        books.gaps.iter().map(|gap| gap.open).sum(),
        crowd.lost() + in_flight,
    )?;
    let named = books.gaps.iter().filter(|gap| planted.contains_key(&(gap.tenant, gap.release)));
    let named: BTreeMap<_, _> = named.map(|gap| ((gap.tenant, gap.release), gap.ids.clone())).collect();
    same("what the books alone name", &named, &planted)?;
    same("mails that they have", books.intents, size.intents)?;
    let window = VerdictWindow { tenant: None, from: Timestamp::EPOCH, to: now, bucket_minutes: 60 };
    let times = store.verdict_times(window).await?;
    let said: u64 = times.iter().flat_map(|bucket| bucket.verdicts).sum();
    same("verdicts by time", said, report.outcomes)
}
