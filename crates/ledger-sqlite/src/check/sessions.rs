//! The sessions that attempts name, each looked up once.

use std::collections::HashMap;

use domain::{CredentialVersion, Fingerprint, RelayId, SessionId, TenantId};
use ledger::AttemptRow;
use ledger::audit::Identity;
use rusqlite::{Connection, OptionalExtension, params};

use crate::columns::{credential, id, wide};
use crate::failure::Failure;
use crate::queries;

/// Sessions met so far; forgotten when there are too many.
#[derive(Default)]
pub(super) struct Sessions {
    known: HashMap<(TenantId, SessionId), Option<Identity>>,
}

/// Sessions kept in memory.
const SESSIONS_MAX: usize = 100_000;

impl Sessions {
    /// With what an attempt's session authenticated; `None` if there is none.
    pub fn identity(
        &mut self,
        connection: &Connection,
        row: &AttemptRow,
    ) -> Result<Option<Identity>, Failure> {
        match self.known.get(&(row.key.tenant, row.session)) {
            Some(identity) => Ok(*identity),
            None => self.read(connection, row.key.tenant, row.session),
        }
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
