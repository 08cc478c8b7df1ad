//! How to send a release, for every sender of the installation: relay, login, trust and signing key, encrypted in the
//! books under a key that only the installation's nodes have.
//!
//! AES-256-GCM (NIST SP 800-38D) with a random nonce; tenant, release and credential version are bound to the text, so that a
//! row which was moved to another release opens nothing.

use std::path::PathBuf;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;
use domain::{CredentialVersion, LinkSecurity, RelayLimits, ReleaseId, TenantId, Timestamp};
use engine::{Login, RelaySpec, TlsTrust};
use ledger::{InstallationKey, ReleaseRow, SealedRoute};
use message::DkimSigner;
use runtime::Entropy;
use serde::{Deserialize, Serialize};
use smtp::{ExposeSecret, Secret};

use crate::error::AppError;

/// Encrypts and decrypts routes.
#[derive(Clone)]
pub struct RouteKey([u8; 32]);

impl RouteKey {
    /// The key that follows from the installation's.
    #[must_use]
    pub fn of(installation: &hmac::Key) -> Self {
        let tag = hmac::sign(installation, b"hikyaku routes of releases");
        let mut key = [0; 32];
        key.copy_from_slice(tag.as_ref());
        Self(key)
    }

    fn cipher(&self) -> Result<LessSafeKey, AppError> {
        let key = UnboundKey::new(&AES_256_GCM, &self.0);
        Ok(LessSafeKey::new(key.map_err(|_| AppError::Defect("a key of 32 octets was refused"))?))
    }
}

/// How mails of a release are sent and signed.
#[derive(Clone)]
pub struct Route {
    /// The relay with its secret.
    pub spec: RelaySpec,
    /// The signature.
    pub dkim: Option<Signature>,
}

/// The key that signs, and for what.
#[derive(Clone)]
pub struct Signature {
    /// PEM.
    pub key: Secret,
    /// The domain that signs.
    pub domain: String,
    /// Its selector.
    pub selector: String,
}

impl Signature {
    /// What signs mails.
    ///
    /// # Errors
    /// When the key is none.
    pub fn signer(&self) -> Result<DkimSigner, AppError> {
        DkimSigner::new(&self.domain, &self.selector, self.key.expose_secret())
            .map_err(|error| AppError::BadInput(format!("the DKIM key: {error}")))
    }
}

/// The text that is encrypted.
#[derive(Serialize, Deserialize)]
struct Plain {
    host: String,
    port: u16,
    security: LinkSecurityWord,
    user: Option<String>,
    secret: Option<String>,
    mechanism: Option<String>,
    sessions_max: u32,
    messages_per_connection_max: Option<u32>,
    messages_per_minute_max: Option<u32>,
    ehlo_name: String,
    /// PEM of the authorities; none: the node's own store.
    authorities: Option<String>,
    use_chunking: bool,
    dkim: Option<PlainDkim>,
}

#[derive(Serialize, Deserialize)]
struct PlainDkim {
    key: String,
    domain: String,
    selector: String,
}

/// A mode of TLS by its word.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct LinkSecurityWord(String);

impl Route {
    /// The route as it is stored.
    ///
    /// # Errors
    /// When a file of authorities cannot be read, or the random source fails.
    pub fn seal(
        &self,
        key: &RouteKey,
        entropy: &dyn Entropy,
        release: ReleaseId,
        now: Timestamp,
    ) -> Result<SealedRoute, AppError> {
        let plain = self.plain()?;
        let mut sealed =
            serde_json::to_vec(&plain).map_err(|_| AppError::Defect("a route was not written"))?;
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce).map_err(AppError::Entropy)?;
        let (tenant, credential) = (self.spec.tenant, self.spec.credential);
        let bound = Aad::from(bound_to(tenant, release, credential));
        key.cipher()?
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), bound, &mut sealed)
            .map_err(|_| AppError::Defect("a route was not encrypted"))?;
        sealed.extend_from_slice(&nonce);
        Ok(SealedRoute { tenant, release, credential, sealed, changed_at: now })
    }

    /// Reads a stored route of a release.
    ///
    /// # Errors
    /// When it was encrypted under another installation's key, or for another release.
    pub fn open(
        sealed: SealedRoute,
        key: &RouteKey,
        installation: &InstallationKey,
        row: &ReleaseRow,
    ) -> Result<Self, AppError> {
        let refused = || {
            AppError::BadInput(format!(
                "how release `{}` is to be sent cannot be read with this node's installation.key; send it again from \
                 a node that has the installation's key",
                row.name
            ))
        };
        let SealedRoute { tenant, release, credential, sealed: mut text, .. } = sealed;
        let at = text.len().checked_sub(NONCE_LEN).ok_or_else(refused)?;
        let nonce = Nonce::try_assume_unique_for_key(&text.split_off(at)).map_err(|_| refused())?;
        let bound = Aad::from(bound_to(tenant, release, credential));
        let plain = key.cipher()?.open_in_place(nonce, bound, &mut text).map_err(|_| refused())?;
        let plain: Plain = serde_json::from_slice(plain).map_err(|_| refused())?;
        let secret = plain.secret.clone().map(Secret::from);
        let octets = secret.as_ref().map_or(&b""[..], |secret| secret.expose_secret().as_bytes());
        let fingerprint = installation.fingerprint(tenant, row.relay, octets);
        let security = LinkSecurity::from_word(&plain.security.0).ok_or_else(refused)?;
        let mechanism = plain
            .mechanism
            .map(|name| name.to_ascii_lowercase().parse())
            .transpose()
            .map_err(|()| refused())?;
        let login = secret.map(|secret| Login { user: plain.user.unwrap_or_default(), secret, mechanism });
        let spec = RelaySpec {
            tenant,
            relay: row.relay,
            credential,
            fingerprint,
            host: plain.host,
            port: plain.port,
            security,
            login,
            limits: RelayLimits {
                sessions_max: plain.sessions_max,
                messages_per_connection_max: plain.messages_per_connection_max,
                messages_per_minute_max: plain.messages_per_minute_max,
            },
            ehlo_name: plain.ehlo_name,
            trust: plain.authorities.map_or(TlsTrust::System, |pem| TlsTrust::Pem(pem.into())),
            use_chunking: plain.use_chunking,
            direct: None,
        };
        let dkim = plain.dkim.map(|dkim| Signature {
            key: dkim.key.into(),
            domain: dkim.domain,
            selector: dkim.selector,
        });
        Ok(Self { spec, dkim })
    }

    fn plain(&self) -> Result<Plain, AppError> {
        let spec = &self.spec;
        let authorities = match &spec.trust {
            TlsTrust::System => None,
            TlsTrust::File(path) => Some(read(path)?),
            TlsTrust::Pem(pem) => Some(pem.to_string()),
        };
        let shown = |secret: &Secret| secret.expose_secret().to_owned();
        let dkim = self.dkim.as_ref().map(|dkim| PlainDkim {
            key: shown(&dkim.key),
            domain: dkim.domain.clone(),
            selector: dkim.selector.clone(),
        });
        let login = spec.login.as_ref();
        Ok(Plain {
            host: spec.host.clone(),
            port: spec.port,
            security: LinkSecurityWord(spec.security.word().to_owned()),
            user: login.map(|login| login.user.clone()),
            secret: login.map(|login| shown(&login.secret)),
            mechanism: login.and_then(|login| login.mechanism).map(|mechanism| mechanism.name().to_owned()),
            sessions_max: spec.limits.sessions_max,
            messages_per_connection_max: spec.limits.messages_per_connection_max,
            messages_per_minute_max: spec.limits.messages_per_minute_max,
            ehlo_name: spec.ehlo_name.clone(),
            authorities,
            use_chunking: spec.use_chunking,
            dkim,
        })
    }
}

fn read(path: &PathBuf) -> Result<String, AppError> {
    std::fs::read_to_string(path).map_err(|reason| AppError::File { path: path.clone(), reason })
}

fn bound_to(tenant: TenantId, release: ReleaseId, credential: CredentialVersion) -> Vec<u8> {
    let mut bound = b"route of ".to_vec();
    bound.extend_from_slice(&tenant.0.to_be_bytes());
    bound.extend_from_slice(&release.0.to_be_bytes());
    bound.extend_from_slice(&u64::from(credential.0).to_be_bytes());
    bound
}

#[cfg(test)]
mod tests {
    use domain::{Fingerprint, Lane, RelayId, UnknownPolicy};
    use runtime::SystemEntropy;

    use super::*;

    const RELEASE: ReleaseId = ReleaseId(7);

    fn key(octet: u8) -> RouteKey {
        RouteKey::of(&hmac::Key::new(hmac::HMAC_SHA256, &[octet; 32]))
    }

    fn route() -> Route {
        let login = Login { user: "apikey".to_owned(), secret: "hunter2".to_owned().into(), mechanism: None };
        let limits = RelayLimits {
            sessions_max: 3,
            messages_per_connection_max: None,
            messages_per_minute_max: Some(30),
        };
        let spec = RelaySpec {
            tenant: TenantId(1),
            relay: RelayId(2),
            credential: CredentialVersion(3),
            fingerprint: Fingerprint([0; 12]),
            host: "relay.example.jp".to_owned(),
            port: 587,
            security: LinkSecurity::StartTls,
            login: Some(login),
            limits,
            ehlo_name: "n.example.jp".to_owned(),
            trust: TlsTrust::System,
            use_chunking: true,
            direct: None,
        };
        Route { spec, dkim: None }
    }

    fn row() -> ReleaseRow {
        ReleaseRow {
            tenant: TenantId(1),
            release: RELEASE,
            relay: RelayId(2),
            name: "春".to_owned(),
            content_digest: [0; 32],
            list_digest: [0; 32],
            lane: Lane::Bulk,
            policy: UnknownPolicy::Hold,
            retry_initial_ms: 1,
            deadline_at: Timestamp::EPOCH,
            created_at: Timestamp::EPOCH,
        }
    }

    fn sealed() -> SealedRoute {
        route().seal(&key(1), &SystemEntropy, RELEASE, Timestamp::EPOCH).unwrap_or_else(|e| panic!("{e}"))
    }

    fn opens(sealed: SealedRoute, octet: u8) -> Result<Route, AppError> {
        Route::open(sealed, &key(octet), &InstallationKey::new(&[1; 32]), &row())
    }

    #[test]
    fn a_route_comes_back_whole() {
        let back = opens(sealed(), 1).unwrap_or_else(|e| panic!("{e}")).spec;
        let (was, login) = (route().spec, back.login.clone().map(|login| login.secret));
        assert_eq!((back.host, back.port, back.security), (was.host, was.port, was.security));
        assert_eq!((back.limits, back.ehlo_name, back.use_chunking), (was.limits, was.ehlo_name, true));
        assert!(login.is_some_and(|secret| secret.expose_secret() == "hunter2"));
    }

    #[test]
    fn it_opens_for_its_own_release_and_installation_alone() {
        let refused = |sealed, octet| opens(sealed, octet).err().map(|error| error.to_string());
        assert!(refused(sealed(), 2).is_some_and(|text| text.contains("installation.key")));
        assert!(refused(SealedRoute { release: ReleaseId(8), ..sealed() }, 1).is_some());
        assert!(refused(SealedRoute { tenant: TenantId(9), ..sealed() }, 1).is_some());
        assert!(refused(SealedRoute { credential: CredentialVersion(4), ..sealed() }, 1).is_some());
        assert!(refused(SealedRoute { sealed: vec![1; 5], ..sealed() }, 1).is_some());
        let (shown, stored) = (format!("{:?}", sealed()), sealed().sealed);
        assert!(!shown.contains("hunter2") && !stored.windows(7).any(|part| part == b"hunter2"));
    }
}
