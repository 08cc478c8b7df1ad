//! The books of a whole incident, as rows: what a store would have written had it sent them, made in one go.
//!
//! Everything is derived from numbers, so that the same size gives the same rows. The losses are planted: an intent that
//! is lost has no entry, and its chunk is done. Apart from them a check finds nothing in these books.

mod places;
mod proof;
mod rows;
mod values;

use domain::{IntentNo, ReleaseId, TenantId};

use crate::copy::{CopyRow, Table};

pub use self::places::losses;
pub use self::proof::{fill, prove};
pub use self::rows::SENDER;

/// The public incident: mails, of which so many were never sent.
pub const INCIDENT_INTENTS: u64 = 16_322_862;
/// Releases that lost some: how many, of how many lost mails at least and at most.
pub const INCIDENT_BANDS: [(u32, u32, u32); 6] =
    [(1312, 1, 5), (165, 6, 10), (77, 11, 25), (8, 26, 50), (7, 51, 75), (1, 163, 163)];
/// All of them.
pub const INCIDENT_LOST: u32 = 5760;

/// How large.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CrowdSize {
    /// Mails.
    pub intents: u64,
    /// Whether the incident's losses are planted, in proportion.
    pub lossy: bool,
}

/// One release of the crowd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrowdRelease {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub release: ReleaseId,
    /// Its mails.
    pub intents: u32,
    /// Those that are lost, in order.
    pub lost: Vec<IntentNo>,
    /// Its last chunk is out on lease, with nothing sent of it.
    pub in_flight: bool,
    /// Its place in the crowd, which sets its time.
    pub place: u32,
}

/// All releases, in the order of their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crowd {
    /// The releases.
    pub releases: Vec<CrowdRelease>,
}

/// A table's rows of one tenant, in the order of their keys.
pub type Page = (&'static Table, Vec<CopyRow>);

impl Crowd {
    /// A crowd of this size.
    #[must_use]
    pub fn of(size: CrowdSize) -> Self {
        Self { releases: places::releases(size) }
    }

    /// Everything of a tenant, table by table, each behind those that its rows refer to.
    fn tenants(&self) -> impl Iterator<Item = Vec<Page>> {
        self.releases.chunk_by(|a, b| a.tenant == b.tenant).map(rows::of_tenant)
    }

    /// Everything, tenant by tenant, behind what belongs to none.
    pub fn all(&self) -> impl Iterator<Item = Vec<Page>> {
        std::iter::once(rows::shared()).chain(self.tenants())
    }

    /// What was planted, for programs.
    #[must_use]
    pub fn to_json(&self) -> String {
        let (lost, losing, releases) = (self.lost(), self.losing(), self.releases.len());
        format!("{{\"lost\":{lost},\"losing\":{losing},\"releases\":{releases}}}")
    }

    /// Mails that are lost.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.releases.iter().map(|release| release.lost.len() as u64).sum()
    }

    /// Releases that lost any.
    #[must_use]
    pub fn losing(&self) -> u64 {
        self.releases.iter().filter(|release| !release.lost.is_empty()).count() as u64
    }
}
