//! Relays as people set them: name, place, limits, and the secret, encrypted.
//!
//! The engine's directory (relay, credential) knows accounts and fingerprints; this knows how to reach them again without
//! anybody at the keyboard. A secret that is replaced is replaced for every release that is still owed something.

use std::sync::Arc;

use domain::{CredentialVersion, LinkSecurity, RelayId, RelayLimits, ReleaseId};
use engine::{Login, RelaySpec, TlsTrust};
use ledger::{CredentialRow, Expected, RelayRow, ReleaseState, Store};
use runtime::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use serde_json::json;
use smtp::{ExposeSecret, Secret};

use super::relay_request::RelayRequest;
use super::{Directory, Entry, Kind, change, note};
use crate::access::{Access, Right};
use crate::error::AppError;
use crate::folder::FolderKeys;
use crate::route::Route;
use crate::send::Premises;
use crate::stream::STREAM_SPAN;
use crate::vault::{Place, Sealed, Vault};

/// The secret's place in the vault.
const SECRET: &str = "relay secret";

/// A relay as it is stored; its document's id is the relay's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relay {
    /// What people call it.
    pub name: String,
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// How the link is protected, by its word.
    pub security: String,
    /// The user name; empty when the relay asks for none.
    pub user: String,
    /// Which service it is, by its word.
    pub kind: String,
    /// The one mechanism to log in with, by its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mechanism: Option<String>,
    /// Connections at the same time.
    pub sessions_max: u32,
    /// Messages over one connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_connection_max: Option<u32>,
    /// Messages a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages_per_minute_max: Option<u32>,
    /// The name said in EHLO.
    pub ehlo_name: String,
    /// PEM of the only authorities that are believed; none: the machine's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// BDAT instead of DATA where offered.
    #[serde(default)]
    pub use_chunking: bool,
    /// The version of the secret.
    pub credential: u32,
    /// The secret; none where the relay asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret: Option<Sealed>,
}

impl Kind for Relay {
    const KIND: &'static str = "relay";
}

/// What use cases about relays work with.
#[derive(Clone)]
pub struct RelayDesk {
    /// The books.
    pub store: Arc<dyn Store>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Random bits.
    pub entropy: Arc<dyn Entropy>,
    /// The installation's keys.
    pub keys: FolderKeys,
    /// Where secrets are sealed.
    pub vault: Arc<Vault>,
}

impl RelayDesk {
    /// On these premises.
    #[must_use]
    pub fn of(premises: &Premises) -> Self {
        let keys = premises.folder.keys().clone();
        Self {
            store: Arc::clone(&premises.store),
            clock: Arc::clone(&premises.clock),
            entropy: Arc::clone(&premises.entropy),
            vault: Arc::clone(&keys.vault),
            keys,
        }
    }

    /// Adds a relay to the caller's tenant.
    ///
    /// # Errors
    /// When a relay of this name or account stands already, something of it cannot be used, or the store fails.
    pub async fn add(&self, access: &Access, request: RelayRequest) -> Result<RelayId, AppError> {
        let tenant = access.require(Right::Manage)?;
        request.check(access)?;
        let directory = Directory::of(&*self.store, &*self.clock, access);
        let standing = directory.list::<Relay>().await?;
        if standing.iter().any(|entry| entry.value.name == request.name) {
            return Err(exists(format!("relay `{}`", request.name)));
        }
        let now = self.clock.now();
        let bits = self.entropy.bits().map_err(AppError::Entropy)?;
        let RelayRequest { name, url, kind, limits, ehlo_name, authorities, use_chunking } = request;
        let row = RelayRow {
            tenant,
            relay: RelayId::generate(now.as_millis(), bits),
            host: url.host.clone(),
            port: url.port,
            security: url.security,
            user: url.user.clone(),
            kind,
            created_at: now,
        };
        // An account that the command line sent through before has its id already.
        let relay = self.store.relay_ensure(row).await?.relay;
        if standing.iter().any(|entry| entry.id == relay.to_string()) {
            return Err(exists(format!("a relay with the account `{}` at {}", url.user, url.place())));
        }
        let (credential, secret) = self.seal(access, relay, url.secret.as_ref()).await?;
        let value = Relay {
            name,
            host: url.host,
            port: url.port,
            security: url.security.word().to_owned(),
            user: url.user,
            kind: kind.word().to_owned(),
            mechanism: url.mechanism.map(|mechanism| mechanism.name().to_ascii_lowercase()),
            sessions_max: limits.sessions_max,
            messages_per_connection_max: limits.messages_per_connection_max,
            messages_per_minute_max: limits.messages_per_minute_max,
            ehlo_name,
            authorities,
            use_chunking,
            credential: credential.0,
            secret,
        };
        let said = note(access, "relay.add", &relay.to_string(), &shown(&value));
        directory.write(vec![change(&relay.to_string(), Expected::Nothing, &value)?], said).await?;
        Ok(relay)
    }

    /// Replaces a relay's secret, also for releases that were frozen with the old one: sessions of the old secret end
    /// as new ones begin.
    ///
    /// # Errors
    /// When there is no such relay, the secret was used before, or the store fails.
    pub async fn rotate(
        &self,
        access: &Access,
        relay: &str,
        secret: &Secret,
    ) -> Result<CredentialVersion, AppError> {
        access.require(Right::Manage)?;
        let mut entry = self.find(access, relay).await?;
        let id = relay_id(&entry)?;
        if entry.value.user.is_empty() {
            return Err(AppError::BadInput(format!(
                "relay `{}` has no user name, so that no secret is used; add it anew with one",
                entry.value.name
            )));
        }
        let (credential, sealed) = self.seal(access, id, Some(secret)).await?;
        if credential.0 <= entry.value.credential {
            return Err(AppError::BadInput(format!(
                "this secret of relay `{}` was used before; make a new one at the relay's service",
                entry.value.name
            )));
        }
        entry.value.credential = credential.0;
        entry.value.secret = sealed;
        let said = note(access, "relay.rotate", &entry.id, &json!({ "credential": credential.0 }));
        let changed = change(&entry.id, Expected::Version(entry.version), &entry.value)?;
        Directory::of(&*self.store, &*self.clock, access).write(vec![changed], said).await?;
        self.reroute(access, &entry).await?;
        Ok(credential)
    }

    /// A relay by its id or name.
    ///
    /// # Errors
    /// [`AppError::NotFound`], also for those of other tenants.
    pub async fn find(&self, access: &Access, text: &str) -> Result<Entry<Relay>, AppError> {
        access.require(Right::Read)?;
        let directory = Directory::of(&*self.store, &*self.clock, access);
        if let Some(found) = directory.get::<Relay>(text).await? {
            return Ok(found);
        }
        let found = directory.list::<Relay>().await?.into_iter().find(|entry| entry.value.name == text);
        found.ok_or_else(|| AppError::NotFound {
            what: format!("relay `{text}` of tenant `{}`", access.tenant_name()),
            remedy: "add it with `hikyaku relay add`, or name one that stands".to_owned(),
        })
    }

    /// All relays of the tenant, oldest first.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn list(&self, access: &Access) -> Result<Vec<Entry<Relay>>, AppError> {
        access.require(Right::Read)?;
        Directory::of(&*self.store, &*self.clock, access).list().await
    }

    /// How to reach a relay, its secret opened.
    ///
    /// # Errors
    /// When the secret cannot be opened, or the document is damaged.
    pub fn spec(&self, access: &Access, entry: &Entry<Relay>) -> Result<RelaySpec, AppError> {
        let (tenant, value, relay) = (access.tenant(), &entry.value, relay_id(entry)?);
        let place = Place { tenant, kind: SECRET, id: &entry.id, version: value.credential };
        let secret = value.secret.as_ref().map(|sealed| self.vault.open(place, sealed)).transpose()?;
        let octets = secret.as_ref().map_or(&b""[..], |secret| secret.expose_secret().as_bytes());
        let fingerprint = self.keys.installation.fingerprint(tenant, relay, octets);
        let mechanism = value.mechanism.as_deref().map(str::parse).transpose();
        let mechanism = mechanism.map_err(|()| damaged(&entry.id))?;
        let login = secret.map(|secret| Login { user: value.user.clone(), secret, mechanism });
        Ok(RelaySpec {
            tenant,
            relay,
            credential: CredentialVersion(value.credential),
            fingerprint,
            host: value.host.clone(),
            port: value.port,
            security: LinkSecurity::from_word(&value.security).ok_or_else(|| damaged(&entry.id))?,
            login,
            limits: RelayLimits {
                sessions_max: value.sessions_max,
                messages_per_connection_max: value.messages_per_connection_max,
                messages_per_minute_max: value.messages_per_minute_max,
            },
            ehlo_name: value.ehlo_name.clone(),
            trust: value.authorities.clone().map_or(TlsTrust::System, |pem| TlsTrust::Pem(pem.into())),
            use_chunking: value.use_chunking,
            direct: None,
        })
    }

    /// Enters the secret's fingerprint into the engine's directory, and seals it under the version that it has there.
    async fn seal(
        &self,
        access: &Access,
        relay: RelayId,
        secret: Option<&Secret>,
    ) -> Result<(CredentialVersion, Option<Sealed>), AppError> {
        let tenant = access.tenant();
        let octets = secret.map_or(&b""[..], |secret| secret.expose_secret().as_bytes());
        let fingerprint = self.keys.installation.fingerprint(tenant, relay, octets);
        let created_at = self.clock.now();
        let row = CredentialRow { tenant, relay, version: CredentialVersion(1), fingerprint, created_at };
        let version = self.store.credential_ensure(row).await?.version;
        let id = relay.to_string();
        let place = Place { tenant, kind: SECRET, id: &id, version: version.0 };
        let sealed = secret
            .map(|secret| self.vault.seal(&*self.entropy, place, secret.expose_secret()))
            .transpose()?;
        Ok((version, sealed))
    }

    /// Tells every sender of the new secret, for all releases through the relay that something is owed of, or that mails
    /// may still be added to.
    async fn reroute(&self, access: &Access, entry: &Entry<Relay>) -> Result<(), AppError> {
        let (tenant, relay, now) = (access.tenant(), relay_id(entry)?, self.clock.now());
        for (row, state) in self.store.release_list(tenant).await? {
            if row.relay != relay || state == ReleaseState::Cancelled {
                continue;
            }
            let may_grow = now < row.created_at + STREAM_SPAN;
            if !may_grow && self.store.counters(tenant, row.release).await?.pending == 0 {
                continue;
            }
            // Of a release without a route, its own sender alone knows how it is sent.
            let Some(sealed) = self.store.route_get(tenant, row.release).await? else { continue };
            let dkim = Route::open(sealed, &self.keys.routes, &self.keys.installation, &row)?.dkim;
            self.put_route(&Route { spec: self.spec(access, entry)?, dkim }, row.release).await?;
        }
        Ok(())
    }

    /// Stores how a release is sent.
    ///
    /// # Errors
    /// When it cannot be sealed, or the store fails.
    pub(crate) async fn put_route(&self, route: &Route, release: ReleaseId) -> Result<(), AppError> {
        let sealed = route.seal(&self.keys.routes, &*self.entropy, release, self.clock.now())?;
        Ok(self.store.route_put(sealed).await?)
    }
}

/// The id of a relay's document.
///
/// # Errors
/// When the document is damaged.
pub fn relay_id(entry: &Entry<Relay>) -> Result<RelayId, AppError> {
    entry.id.parse().map_err(|_| damaged(&entry.id))
}

/// A relay for people: everything but its secret.
#[must_use]
pub fn shown(relay: &Relay) -> serde_json::Value {
    json!({
        "name": relay.name,
        "host": relay.host,
        "port": relay.port,
        "tls": relay.security,
        "user": relay.user,
        "kind": relay.kind,
        "auth": relay.mechanism,
        "sessions_max": relay.sessions_max,
        "messages_per_connection_max": relay.messages_per_connection_max,
        "messages_per_minute_max": relay.messages_per_minute_max,
        "ehlo_name": relay.ehlo_name,
        "credential": relay.credential,
    })
}

fn exists(what: String) -> AppError {
    AppError::Exists { what, remedy: "use it, or choose another".to_owned() }
}

fn damaged(id: &str) -> AppError {
    AppError::Ledger(ledger::LedgerError::Damaged { reason: format!("the relay `{id}` cannot be read") })
}
