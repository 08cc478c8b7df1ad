//! Whether an attempt's session stands, with the same relay and secret, and that secret in the directory.

use std::collections::HashMap;

use domain::{CredentialVersion, Fingerprint, RelayId, SessionId, TenantId};
use ledger::AttemptRow;
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{credential, id, wide};
use crate::failure::Failure;
use crate::queries;

/// Sessions met so far; forgotten when there are too many.
#[derive(Default)]
pub(super) struct Sessions {
    known: HashMap<(TenantId, SessionId), Option<Identity>>,
}

/// With what a session authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    relay: RelayId,
    credential: CredentialVersion,
    fingerprint: Fingerprint,
    in_directory: bool,
}

/// Sessions kept in memory.
const SESSIONS_MAX: usize = 100_000;

impl Sessions {
    /// What is wrong with an attempt's identity, in words.
    pub fn objection(
        &mut self,
        connection: &Connection,
        row: &AttemptRow,
    ) -> Result<Option<&'static str>, Failure> {
        let identity = match self.known.get(&(row.key.tenant, row.session)) {
            Some(identity) => *identity,
            None => self.read(connection, row.key.tenant, row.session)?,
        };
        let Some(identity) = identity else { return Ok(Some("names a session that does not exist")) };
        let same = (identity.relay, identity.credential, identity.fingerprint)
            == (row.relay, row.credential, row.fingerprint);
        Ok(match (same, identity.in_directory) {
            (false, _) => Some("does not bear the relay and the secret of its session"),
            (true, false) => Some("names a secret that is not in the directory"),
            (true, true) => None,
        })
    }

    fn read(
        &mut self,
        connection: &Connection,
        tenant: TenantId,
        session: SessionId,
    ) -> Result<Option<Identity>, Failure> {
        let mut get = connection.prepare_cached(queries::SESSION_GET)?;
        let found = get.query_row(params![wide(tenant.0), wide(session.0)], |row| {
            Ok(Identity {
                relay: RelayId(id(row, 0)?),
                credential: CredentialVersion(row.get(1)?),
                fingerprint: Fingerprint(row.get(2)?),
                in_directory: false,
            })
        });
        let mut identity = found.optional()?;
        if let Some(identity) = &mut identity {
            let mut get = connection.prepare_cached(queries::CREDENTIAL_GET_BY_FINGERPRINT)?;
            let key = params![wide(tenant.0), wide(identity.relay.0), identity.fingerprint.0];
            let standing = get.query_row(key, credential).optional()?;
            identity.in_directory = standing.is_some_and(|row| row.version == identity.credential);
        }
        if self.known.len() >= SESSIONS_MAX {
            self.known.clear();
        }
        self.known.insert((tenant, session), identity);
        Ok(identity)
    }
}
