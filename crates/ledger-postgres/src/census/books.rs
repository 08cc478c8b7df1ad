//! Each release by its books alone: the server compares row by row, and gives what does not fit.

use domain::{AudienceDigest, ReleaseId, TenantId};
use ledger::{BooksCensus, BooksGap, Scope};

use super::open;
use crate::columns::Columns;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::queries;
use crate::read::sealed;
use crate::seal::digest_of;
use crate::values::{whole, wide};

/// The releases of one tenant, or of all.
pub(super) async fn releases(
    connection: &Connection,
    tenant: Option<TenantId>,
) -> Result<Vec<(TenantId, ReleaseId)>, Failure> {
    let rows = connection.rows(queries::RELEASE_LIST_ALL, &[]).await?;
    let all = rows.iter().map(Columns).map(|row| Ok((TenantId(row.id(0)?), ReleaseId(row.id(1)?))));
    let all = all.collect::<Result<Vec<_>, Failure>>()?;
    Ok(all.into_iter().filter(|(of, _)| tenant.is_none_or(|tenant| tenant == *of)).collect())
}

/// What the books of these say.
pub(super) async fn census(
    connection: &Connection,
    releases: &[(TenantId, ReleaseId)],
) -> Result<BooksCensus, Failure> {
    let mut census = BooksCensus::default();
    for (tenant, release) in releases {
        census.add(gap(connection, sealed(connection, *tenant, *release).await?).await?);
    }
    Ok(census)
}

async fn gap(connection: &Connection, scope: Scope) -> Result<BooksGap, Failure> {
    let (tenant, release) = (wide(scope.tenant.0), wide(scope.release.0));
    let mut gap = BooksGap::new(scope.tenant, scope.release, u64::from(scope.last.0));
    let row = connection.one(queries::INTENT_COUNT, &[&tenant, &release, &whole(scope.last.0)]).await?;
    gap.intents = Columns(&row).number(0)?;
    let row = connection.one(queries::OUTCOME_STRAY_COUNT, &[&tenant, &release]).await?;
    gap.without_attempt = Columns(&row).number(0)?;
    let open = open::intents(connection, vec![(scope, None)]).await?;
    open.into_iter().flatten().for_each(|intent| gap.find_open(intent));
    for row in &connection.rows(queries::AUDIENCE_WAVE_LIST, &[&tenant, &release]).await? {
        let row = Columns(row);
        let (first, last): (u32, Option<u32>) = (row.number(1)?, row.number_or_null(2)?);
        let (Some(last), Some(digest)) = (last, row.octets_or_null(3)?) else { continue };
        let found = digest_of(connection, scope.tenant, scope.release, (first, last)).await?;
        let count = (u64::from(last) + 1).saturating_sub(u64::from(first));
        gap.wave(&AudienceDigest::from_parts(count, &digest), &found);
    }
    Ok(gap)
}
