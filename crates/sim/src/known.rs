//! What is known of a run beside the books: how they call what the plan names, what people did, what was sealed.
//!
//! It outlives every crash, as people and their files do.

use std::collections::{BTreeMap, BTreeSet};

use domain::{RelayId, TenantId};
use engine::Recovered;
use ledger::{Head, ReleaseRow};

/// The longest time from asking for a permit to its commit, in ms.
const COMMIT_MS_MAX: i64 = 20_000;

/// Facts by the numbers of the plan.
#[derive(Debug, Default)]
pub struct Known {
    /// Companies.
    pub tenants: BTreeMap<u64, TenantId>,
    /// Their relays.
    pub relays: BTreeMap<u64, RelayId>,
    /// Releases.
    pub releases: BTreeMap<u64, ReleaseRow>,
    /// Releases whose run said that nothing is owed any more.
    pub settled: BTreeSet<u64>,
    /// Releases that somebody cancelled, or tried to.
    pub cancelled: BTreeSet<u64>,
    /// Orders that were carried out: release, and place in its plan.
    pub ordered: BTreeSet<(u64, usize)>,
    /// Holds that stood in the books, by the wall clock in ms: release, from, until.
    pub holds: Vec<(u64, i64, i64)>,
    /// The wall clock jumped: its times cannot be compared.
    pub wall_jumped: bool,
    /// The newest version of each company's secret.
    pub secrets: BTreeMap<u64, u64>,
    /// Secrets for which the engine opened an actor: company, version, when by the wall clock in ms.
    pub in_force: Vec<(u64, u64, i64)>,
    /// Chain heads kept outside the books.
    pub seals: Vec<Head>,
    /// The latest wall time that anybody saw, in ms.
    pub latest_wall_ms: i64,
    /// What the newest process found; taken by whoever compares it.
    pub recovered: Option<Recovered>,
    /// Message ends that relays saw, per release and intent.
    pub message_ends: BTreeMap<(u64, u32), u64>,
}

impl Known {
    /// The newest version of a company's secret.
    #[must_use]
    pub fn secret_version(&self, tenant: u64) -> u64 {
        self.secrets.get(&tenant).copied().unwrap_or(1)
    }

    /// The version of a company's secret that the engine was given last before this wall time.
    #[must_use]
    pub fn version_in_force(&self, tenant: u64, wall_ms: i64) -> u64 {
        let before = |(of, _, since): &&(u64, u64, i64)| *of == tenant && *since < wall_ms;
        self.in_force.iter().rfind(before).map_or(1, |(_, version, _)| *version)
    }

    /// True when this wall time lies within a hold of the release, and not just before its end: what was asked for then
    /// may reach the books after it.
    #[must_use]
    pub fn is_held(&self, release: u64, wall_ms: i64) -> bool {
        let within = |(of, from, until): &(u64, i64, i64)| {
            *of == release && *from < wall_ms && wall_ms.saturating_add(COMMIT_MS_MAX) < *until
        };
        !self.wall_jumped && self.holds.iter().any(within)
    }

    /// Keeps the heads that moved.
    pub fn seal(&mut self, heads: Vec<Head>) {
        for head in heads {
            let key = |head: &Head| (head.book, head.tenant, head.sender);
            match self.seals.iter_mut().find(|kept| key(kept) == key(&head)) {
                Some(kept) => *kept = head,
                None => self.seals.push(head),
            }
        }
    }
}
