//! The changes of the retry schedule and of chunks' due times that one transaction makes, written in one go.

use std::collections::BTreeMap;

use domain::{ChunkNo, IntentNo, ReleaseId, TenantId, Timestamp};
use futures_util::future::try_join_all;
use ledger::{Chunk, Standing};

use crate::columns::{self, Columns};
use crate::connection::{Connection, Values};
use crate::failure::Failure;
use crate::queries;
use crate::values::{Whole, whole, wide};
use crate::walk::columns_of;

/// Chunks whose rows the transaction has locked.
#[derive(Default)]
pub(crate) struct Chunks {
    by_number: BTreeMap<(ReleaseId, ChunkNo), Chunk>,
    /// By the first intent.
    numbers: BTreeMap<(ReleaseId, IntentNo), ChunkNo>,
}

impl Chunks {
    /// Locks the chunks of these numbers, and those that hold these intents.
    pub async fn lock(
        connection: &Connection,
        tenant: TenantId,
        numbers: &[(ReleaseId, ChunkNo)],
        intents: &[(ReleaseId, IntentNo)],
    ) -> Result<Self, Failure> {
        if numbers.is_empty() && intents.is_empty() {
            return Ok(Self::default());
        }
        let (releases, chunks): (Vec<_>, Vec<_>) =
            numbers.iter().map(|(release, no)| (wide(release.0), whole(no.0))).unzip();
        let of = columns_of(intents);
        let values: Values<'_> = &[&wide(tenant.0), &releases, &chunks, &of.0, &of.1];
        let rows = connection.rows(queries::DELIVERY_CHUNK_LOCK, values).await?;
        rows.iter().map(locked).collect()
    }

    /// Of what other statements locked: rows of (release, chunk).
    pub fn of(rows: &[tokio_postgres::Row]) -> Result<Self, Failure> {
        rows.iter().map(locked).collect()
    }

    /// A chunk by its number.
    pub fn get(&self, release: ReleaseId, no: ChunkNo) -> Option<&Chunk> {
        self.by_number.get(&(release, no))
    }

    /// The chunk that holds an intent.
    pub fn covering(&self, release: ReleaseId, intent: IntentNo) -> Option<&Chunk> {
        let (_, no) = self.numbers.range((release, IntentNo(0))..=(release, intent)).next_back()?;
        self.get(release, *no).filter(|chunk| chunk.covers(intent))
    }

    /// All, in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (ReleaseId, &Chunk)> {
        self.by_number.iter().map(|((release, _), chunk)| (*release, chunk))
    }
}

impl FromIterator<(ReleaseId, Chunk)> for Chunks {
    fn from_iter<I: IntoIterator<Item = (ReleaseId, Chunk)>>(chunks: I) -> Self {
        let by_number: BTreeMap<_, _> =
            chunks.into_iter().map(|(release, chunk)| ((release, chunk.no), chunk)).collect();
        let numbers = by_number.iter().map(|((release, no), chunk)| ((*release, chunk.first), *no)).collect();
        Self { by_number, numbers }
    }
}

fn locked(row: &tokio_postgres::Row) -> Result<(ReleaseId, Chunk), Failure> {
    Ok((ReleaseId(Columns(row).id(0)?), columns::chunk(Columns(row), 1)?))
}

/// What is to be written.
#[derive(Default)]
pub(crate) struct Schedule {
    retries: BTreeMap<(ReleaseId, IntentNo), Option<Timestamp>>,
    due: BTreeMap<(ReleaseId, ChunkNo), Timestamp>,
}

impl Schedule {
    /// The intent waits until then.
    pub fn wait(&mut self, release: ReleaseId, intent: IntentNo, until: Timestamp) {
        self.retries.insert((release, intent), Some(until));
    }

    /// The intent is not tried again by itself.
    pub fn drop(&mut self, release: ReleaseId, intent: IntentNo) {
        self.retries.insert((release, intent), None);
    }

    /// The intent's chunk must be due by then, unless it is out on lease.
    pub fn hasten(&mut self, chunks: &Chunks, release: ReleaseId, intent: IntentNo, due: Timestamp) {
        let Some(chunk) = chunks.covering(release, intent).filter(|chunk| chunk.holder.is_none()) else {
            return;
        };
        let at = self.due.entry((release, chunk.no)).or_insert(due);
        *at = due.min(*at);
    }

    /// Writes it all.
    pub async fn write(self, connection: &Connection, tenant: TenantId) -> Result<(), Failure> {
        let tenant = wide(tenant.0);
        let (mut set, mut dropped) = (Vec::new(), Vec::new());
        for (key, until) in self.retries {
            match until {
                Some(until) => set.push((key, until)),
                None => dropped.push(key),
            }
        }
        if !set.is_empty() {
            let (keys, until): (Vec<_>, Vec<_>) =
                set.into_iter().map(|(key, until)| (key, whole(until.as_millis()))).unzip();
            let of = columns_of(&keys);
            connection.execute(queries::RETRY_DUE_SET, &[&tenant, &of.0, &of.1, &until]).await?;
        }
        let drops = dropped.into_iter().map(|(release, intent)| async move {
            let key = (wide(release.0), whole(intent.0));
            connection.execute(queries::RETRY_DUE_DROP, &[&tenant, &key.0, &key.1]).await
        });
        try_join_all(drops).await?;
        hasten(connection, tenant, self.due).await
    }
}

/// Gives chunks back: due or done, and accounted for, as a walk found each. Sent without waiting for each other.
pub(crate) async fn give_back(
    connection: &Connection,
    tenant: TenantId,
    standings: Vec<((ReleaseId, ChunkNo), Standing)>,
) -> Result<(), Failure> {
    let tenant = wide(tenant.0);
    let writes = standings.into_iter().map(|((release, no), standing)| async move {
        let key = (wide(release.0), whole(no.0), standing.due_at().map(|at| whole(at.as_millis())));
        let (sealed, accounted) = (standing.sealed().to_bytes(), standing.accounted());
        let (count, digest) = (wide(accounted.count()), accounted.to_bytes());
        let values: Values<'_> = &[
            &tenant,
            &key.0,
            &key.1,
            &key.2,
            &sealed.as_slice(),
            &count,
            &digest.as_slice(),
            &standing.open(),
        ];
        connection.execute(queries::DELIVERY_CHUNK_RETURN, values).await
    });
    try_join_all(writes).await.map(drop)
}

/// Few in a transaction, sent without waiting for each other.
async fn hasten(
    connection: &Connection,
    tenant: Whole,
    due: BTreeMap<(ReleaseId, ChunkNo), Timestamp>,
) -> Result<(), Failure> {
    let writes = due.into_iter().map(|((release, no), at)| async move {
        let key = (wide(release.0), whole(no.0), whole(at.as_millis()));
        connection.execute(queries::DELIVERY_CHUNK_HASTEN, &[&tenant, &key.0, &key.1, &key.2]).await
    });
    try_join_all(writes).await.map(drop)
}
