//! Rows of the directory: who sends what through which relay. Secrets are never among them.

use domain::{
    CredentialVersion, Fingerprint, Lane, LinkSecurity, RelayId, RelayKind, ReleaseId, TenantId, Timestamp,
    UnknownPolicy,
};

domain::coded! {
    /// What books are for just now.
    pub enum InstallationUse {
        /// For sending and reading.
        Open = 1 => "open",
        /// Other books are being copied into them: nobody sends from them before all is there.
        Receiving = 2 => "receiving",
        /// For reading alone: they were moved, and whoever sends does so elsewhere.
        Moved = 3 => "moved",
    }
}

/// Whose books these are: one row in a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstallationRow {
    /// [`crate::InstallationKey::check`] of the one key that fingerprints in these books are made with.
    pub key_check: [u8; 32],
    /// What they are for just now.
    pub use_now: InstallationUse,
}

/// A client company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TenantRow {
    /// Its id.
    pub tenant: TenantId,
    /// Its name, unique in the installation.
    pub name: String,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// One SMTP account of one tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id; unique within the tenant by (host, port, security, user).
    pub relay: RelayId,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the link is protected.
    pub security: LinkSecurity,
    /// The user name; empty when the relay asks for none.
    pub user: String,
    /// Which service it is.
    pub kind: RelayKind,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// One version of a relay's secret, known by its fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CredentialRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Of which relay.
    pub relay: RelayId,
    /// Counted from 1 within the relay.
    pub version: CredentialVersion,
    /// The keyed hash of the secret.
    pub fingerprint: Fingerprint,
    /// When it was first seen.
    pub created_at: Timestamp,
}

/// Something to distribute, frozen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRow {
    /// Whose it is.
    pub tenant: TenantId,
    /// Its id.
    pub release: ReleaseId,
    /// The relay that it goes through.
    pub relay: RelayId,
    /// What people call it (the file's name without ending); not unique.
    pub name: String,
    /// SHA-256 over the source and its attachments.
    pub content_digest: [u8; 32],
    /// SHA-256 over the list as it was read last (an extension changes it).
    pub list_digest: [u8; 32],
    /// Its place in the relay's queue.
    pub lane: Lane,
    /// What is done with unknown mails.
    pub policy: UnknownPolicy,
    /// The wait after a first failure, in ms.
    pub retry_initial_ms: u64,
    /// When owed mails expire. A pause does not count towards it: the end of one moves it by the pause's length.
    pub deadline_at: Timestamp,
    /// When it was frozen; also the Date of its mails.
    pub created_at: Timestamp,
}

domain::coded! {
    /// Whether a release may be sent; the only part of it that changes.
    pub enum ReleaseState {
        /// Its audience is being written; nothing may be sent.
        Planning = 1 => "planning",
        /// Sealed; may be sent.
        Active = 2 => "active",
        /// Held by a person.
        Paused = 3 => "paused",
        /// Cancelled by a person; what is still owed is being settled or has been.
        Cancelled = 4 => "cancelled",
    }
}

/// A frozen piece of a release's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentPart {
    /// Its place: 0 is the source, 1.. the attachments in order.
    pub part_no: u32,
    /// The file name.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}
