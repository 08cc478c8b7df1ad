//! The accounts of chunks that entries come to after they were given back.

use std::collections::BTreeMap;

use domain::{IntentNo, ReleaseId};

use crate::commit::Author;
use crate::connection::Values;
use crate::draft::Draft;
use crate::failure::Failure;
use crate::schedule::Chunks;
use crate::values::{whole, wide};
use crate::{queries, walk};

/// Makes the accounts anew of those of these intents' chunks, locked by the caller, that are not out on lease: a chunk
/// that is gets its account as it is given back.
pub(crate) async fn returned(
    draft: &Draft,
    author: Author,
    chunks: &Chunks,
    intents: impl Iterator<Item = (ReleaseId, IntentNo)>,
) -> Result<(), Failure> {
    let chunk = |(release, intent)| Some((release, chunks.covering(release, intent)?));
    let returned = intents.filter_map(chunk).filter(|(_, chunk)| chunk.holder.is_none());
    let returned: BTreeMap<_, _> =
        returned.map(|(release, chunk)| ((release, chunk.no), chunk.scope(author.tenant, release))).collect();
    for ((release, no), scope) in returned {
        let standing = walk::standing(draft, scope, author.now).await?;
        let (sealed, accounted) = (standing.sealed().to_bytes(), standing.accounted());
        let (tenant, digest) = (wide(author.tenant.0), accounted.to_bytes());
        let (release, no, count) = (wide(release.0), whole(no.0), wide(accounted.count()));
        let values: Values<'_> =
            &[&tenant, &release, &no, &sealed.as_slice(), &count, &digest.as_slice(), &standing.open()];
        draft.execute(queries::DELIVERY_CHUNK_ACCOUNT, values).await?;
    }
    Ok(())
}
