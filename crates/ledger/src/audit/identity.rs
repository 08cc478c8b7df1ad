//! Whether an attempt bears the relay and the secret of its session, and that secret stands in the directory.

use domain::{CredentialVersion, Fingerprint, RelayId};

use crate::rows::AttemptRow;

/// With what a session authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Through which relay.
    pub relay: RelayId,
    /// With which version of its secret.
    pub credential: CredentialVersion,
    /// The keyed hash of that secret.
    pub fingerprint: Fingerprint,
    /// Whether the directory has this version with this fingerprint.
    pub in_directory: bool,
}

impl Identity {
    /// What is wrong with an attempt over this session, in words.
    pub(super) fn objection(session: Option<&Self>, row: &AttemptRow) -> Option<&'static str> {
        let Some(identity) = session else { return Some("names a session that does not exist") };
        let same = (identity.relay, identity.credential, identity.fingerprint)
            == (row.relay, row.credential, row.fingerprint);
        match (same, identity.in_directory) {
            (false, _) => Some("does not bear the relay and the secret of its session"),
            (true, false) => Some("names a secret that is not in the directory"),
            (true, true) => None,
        }
    }
}
