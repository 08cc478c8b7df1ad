//! Verdicts by the minute: how many outcomes came in each minute of each release, kept by every commit as counters are.
//!
//! The outcomes are not indexed by time, which would cost a row of an index for every mail; this costs one row for a
//! release and a minute. It can be made again from the outcomes, and a check does so.

use std::collections::{BTreeMap, HashMap};

use domain::{IntentNo, ReleaseId, TenantId, Timestamp, Verdict};

use crate::account::intent_mark;
use crate::entries::Entries;
use crate::rows::OutcomeRow;

/// Milliseconds of a minute.
const MINUTE_MS: i64 = 60_000;

/// How many outcomes of each verdict, in the order of [`Verdict::ALL`], which is that of the columns.
pub type Verdicts = [u64; 6];

/// Whose, when (minutes since 1970), and of which release: in the order of the table's key.
pub type MinuteKey = (TenantId, i64, ReleaseId);

/// The minute that a time falls into.
#[must_use]
pub fn minute_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(MINUTE_MS)
}

/// When a minute begins.
#[must_use]
pub fn minute_start(minute: i64) -> Timestamp {
    Timestamp::from_millis(minute.saturating_mul(MINUTE_MS))
}

/// Counts one outcome.
pub fn count(verdicts: &mut Verdicts, verdict: Verdict) {
    if let Some(place) = Verdict::ALL.iter().position(|other| *other == verdict) {
        verdicts[place] += 1;
    }
}

impl Entries {
    /// What the transaction adds to the table of minutes, in the order of its key.
    #[must_use]
    pub fn minutes(&self) -> BTreeMap<MinuteKey, Verdicts> {
        let mut minutes = BTreeMap::new();
        for row in self.shares.values().flat_map(|share| &share.outcomes) {
            count(minutes.entry(key_of(row.key.tenant, row)).or_default(), row.verdict);
        }
        minutes
    }
}

fn key_of(tenant: TenantId, row: &OutcomeRow) -> MinuteKey {
    (tenant, minute_of(row.at), row.key.release)
}

/// What the rows of one tenant come to, whatever their order: for comparison, with little kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MinuteSum {
    rows: u64,
    /// All verdicts.
    pub verdicts: Verdicts,
    digest: [u64; 6],
}

impl MinuteSum {
    /// Adds a row of the table, or what should be one.
    pub fn add(&mut self, (tenant, minute, release): MinuteKey, verdicts: Verdicts) {
        let mark = intent_mark(tenant, release, IntentNo(u32::try_from(minute).unwrap_or(0)));
        let mark = mark.first_chunk().map_or(1, |lane| u64::from_be_bytes(*lane) | 1);
        self.rows += 1;
        for (place, count) in verdicts.iter().enumerate() {
            self.verdicts[place] = self.verdicts[place].wrapping_add(*count);
            self.digest[place] = self.digest[place].wrapping_add(count.wrapping_mul(mark));
        }
    }
}

/// Outcomes read in the order of their keys, summed up tenant by tenant.
#[derive(Debug, Default)]
pub struct MinuteBook {
    ended: HashMap<TenantId, MinuteSum>,
    tenant: Option<TenantId>,
    open: HashMap<MinuteKey, Verdicts>,
}

impl MinuteBook {
    /// Takes the next outcome.
    pub fn add(&mut self, tenant: TenantId, row: &OutcomeRow) {
        if self.tenant != Some(tenant) {
            self.end_tenant();
            self.tenant = Some(tenant);
        }
        count(self.open.entry(key_of(tenant, row)).or_default(), row.verdict);
    }

    fn end_tenant(&mut self) {
        let Some(tenant) = self.tenant.take() else { return };
        let sum = self.ended.entry(tenant).or_default();
        self.open.drain().for_each(|(key, verdicts)| sum.add(key, verdicts));
    }

    /// All outcomes were read; what each tenant's rows must come to.
    #[must_use]
    pub fn finish(mut self) -> HashMap<TenantId, MinuteSum> {
        self.end_tenant();
        self.ended
    }
}
