//! API keys: `SG.<id>.<secret>`, of which only a digest of the secret is stored.
//!
//! The id names the tenant and the key (two wide ids, base64url), so that a key is found without a table over all
//! tenants. The secret has 256 random bits: a plain SHA-256 of it tells nothing.

use aws_lc_rs::constant_time;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::{TenantId, Timestamp};
use ledger::{Expected, Store, TenantRow, sha256};
use runtime::{Clock, Entropy};
use serde::{Deserialize, Serialize};
use serde_json::json;
use smtp::{ExposeSecret, Secret};

use super::{Directory, Entry, Kind, change, note};
use crate::access::{Access, Right};
use crate::error::{AppError, hex};
use crate::scope::Scopes;

/// What every key begins with.
const PREFIX: &str = "SG.";
/// Octets of a key's secret.
const SECRET_OCTETS: usize = 32;
/// Characters of a key's name.
const NAME_MAX: usize = 100;
/// Keys of one tenant.
const KEYS_MAX: usize = 1000;

/// A key as it is stored; its document's id is the key's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// What people call it.
    pub name: String,
    /// What people call its tenant; a tenant keeps its name, so that nothing else is read at each call.
    tenant: String,
    /// What it may do.
    pub scopes: Scopes,
    /// SHA-256 of the secret, hexadecimal.
    digest: String,
    /// When it was made, ms since 1970.
    pub created_at: i64,
    /// Until when it works, ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
    /// Since when it does not work any more, ms since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
}

impl Kind for ApiKey {
    const KIND: &'static str = "api-key";
}

/// A key that was made just now; its text is shown once.
pub struct NewKey {
    /// Its id.
    pub id: String,
    /// The whole text.
    pub text: Secret,
}

/// What a new key is to be.
#[derive(Debug, Clone)]
pub struct KeyRequest {
    /// What people call it.
    pub name: String,
    /// What it may do.
    pub scopes: Scopes,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
}

/// Makes a key.
///
/// # Errors
/// When the name cannot be used, the tenant has too many keys, or the store fails.
pub async fn create(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    access: &Access,
    request: KeyRequest,
) -> Result<NewKey, AppError> {
    let tenant = access.require(Right::Manage)?;
    let KeyRequest { name, scopes, expires_at } = request;
    check_name(&name)?;
    let directory = Directory::of(store, clock, access);
    let standing = directory.page::<ApiKey>("", KEYS_MAX as u32).await?;
    if standing.len() >= KEYS_MAX {
        return Err(AppError::BadInput(format!(
            "a tenant has at most {KEYS_MAX} keys; remove those that nobody uses"
        )));
    }
    let now = clock.now();
    let number = domain::ids::wide_id(now.as_millis(), entropy.bits().map_err(AppError::Entropy)?);
    let mut octets = [0; 16];
    octets[..8].copy_from_slice(&tenant.0.to_be_bytes());
    octets[8..].copy_from_slice(&number.to_be_bytes());
    let id = URL_SAFE_NO_PAD.encode(octets);
    let mut secret = zeroize::Zeroizing::new([0; SECRET_OCTETS]);
    entropy.fill(&mut *secret).map_err(AppError::Entropy)?;
    let secret = Secret::from(URL_SAFE_NO_PAD.encode(*secret));
    let value = ApiKey {
        name,
        tenant: access.tenant_name().to_owned(),
        digest: digest(secret.expose_secret()),
        created_at: now.as_millis(),
        expires_at: expires_at.map(Timestamp::as_millis),
        revoked_at: None,
        scopes,
    };
    let said = note(
        access,
        "key.create",
        &id,
        &json!({ "name": value.name, "scopes": value.scopes, "expires_at": value.expires_at }),
    );
    directory.write(vec![change(&id, Expected::Nothing, &value)?], said).await?;
    let text = Secret::from(format!("{PREFIX}{id}.{}", secret.expose_secret()));
    Ok(NewKey { id, text })
}

/// Revokes a key for good.
///
/// # Errors
/// [`AppError::NotFound`], or when the store fails.
pub async fn revoke(store: &dyn Store, clock: &dyn Clock, access: &Access, id: &str) -> Result<(), AppError> {
    access.require(Right::Manage)?;
    let directory = Directory::of(store, clock, access);
    let mut found = directory.get::<ApiKey>(id).await?.ok_or_else(no_key)?;
    if found.value.revoked_at.is_some() {
        return Ok(());
    }
    found.value.revoked_at = Some(clock.now().as_millis());
    let said = note(access, "key.revoke", id, &json!({ "name": found.value.name }));
    let changed = change(id, Expected::Version(found.version), &found.value)?;
    directory.write(vec![changed], said).await.map(drop)
}

/// Gives a key another name, and other scopes if given; `version` is the one that the caller saw.
///
/// # Errors
/// [`AppError::NotFound`]; when the name cannot be used, the key was changed meanwhile, or the store fails.
pub async fn change_key(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    id: &str,
    version: Option<u64>,
    (name, scopes): (String, Option<Scopes>),
) -> Result<Entry<ApiKey>, AppError> {
    access.require(Right::Manage)?;
    check_name(&name)?;
    let mut found = get(store, clock, access, id).await?;
    found.value.name = name;
    if let Some(scopes) = scopes {
        found.value.scopes = scopes;
    }
    let detail = json!({ "name": found.value.name, "scopes": found.value.scopes });
    let expected = Expected::Version(version.unwrap_or(found.version));
    let changed = change(id, expected, &found.value)?;
    let directory = Directory::of(store, clock, access);
    let versions = directory.write(vec![changed], note(access, "key.change", id, &detail)).await?;
    found.version = versions.first().copied().unwrap_or(found.version + 1);
    Ok(found)
}

/// One key that was not revoked.
///
/// # Errors
/// [`AppError::NotFound`], also for those of other tenants.
pub async fn get(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
    id: &str,
) -> Result<Entry<ApiKey>, AppError> {
    access.require(Right::Manage)?;
    let found = Directory::of(store, clock, access).get(id).await?;
    found.filter(|entry: &Entry<ApiKey>| entry.value.revoked_at.is_none()).ok_or_else(no_key)
}

/// All keys that work, by id, revoked ones left out.
///
/// # Errors
/// When the store fails.
pub async fn list(
    store: &dyn Store,
    clock: &dyn Clock,
    access: &Access,
) -> Result<Vec<Entry<ApiKey>>, AppError> {
    access.require(Right::Manage)?;
    let mut all = Directory::of(store, clock, access).list::<ApiKey>().await?;
    all.retain(|entry| entry.value.revoked_at.is_none());
    Ok(all)
}

/// Access by a key's text; `None` for whatever is no key that works, without a word of why.
///
/// # Errors
/// When the store fails.
pub async fn admit(
    store: &dyn Store,
    clock: &dyn Clock,
    text: &Secret,
) -> Result<Option<(Access, Scopes)>, AppError> {
    let Some((id, secret)) = parts(text.expose_secret()) else { return Ok(None) };
    let Some(tenant) = tenant_of(id) else { return Ok(None) };
    let found = Directory::of_tenant(store, clock, tenant).get::<ApiKey>(id).await?;
    let given = digest(secret);
    // The same work is done for an id that does not exist.
    let stored = found.as_ref().map_or("", |entry| entry.value.digest.as_str());
    let same = constant_time::verify_slices_are_equal(given.as_bytes(), stored.as_bytes()).is_ok();
    let Some(key) = found.filter(|_| same).map(|entry| entry.value) else { return Ok(None) };
    let now = clock.now().as_millis();
    if key.revoked_at.is_some() || key.expires_at.is_some_and(|end| end <= now) {
        return Ok(None);
    }
    let created_at = Timestamp::from_millis(key.created_at);
    let row = TenantRow { tenant, name: key.tenant, created_at };
    Ok(Some((Access::of_key(row, &key.name, key.scopes.right()), key.scopes)))
}

fn check_name(name: &str) -> Result<(), AppError> {
    let fine =
        !name.trim().is_empty() && name.chars().count() <= NAME_MAX && !name.chars().any(char::is_control);
    if fine {
        return Ok(());
    }
    Err(AppError::BadInput(format!(
        "name: a key's name has 1 to {NAME_MAX} characters and no control character"
    )))
}

fn parts(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('.')?;
    (secret.len() == 43 && id.len() == 22).then_some((id, secret))
}

fn tenant_of(id: &str) -> Option<TenantId> {
    let octets = URL_SAFE_NO_PAD.decode(id).ok()?;
    Some(TenantId(u64::from_be_bytes(octets.get(..8)?.try_into().ok()?)))
}

fn digest(secret: &str) -> String {
    hex(&sha256(secret.as_bytes()))
}

fn no_key() -> AppError {
    AppError::NotFound { what: "this key".to_owned(), remedy: "list the keys of the tenant".to_owned() }
}
