//! `/v1/keys`: keys with scopes and an end. A key never gives what it does not have.

use app::directory::Entry;
use app::directory::keys::{self, ApiKey, KeyRequest};
use app::scope::Scope;
use axum::http::{Method, StatusCode, header};
use domain::Timestamp;
use serde::{Deserialize, Serialize};
use smtp::ExposeSecret as _;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::page::{self, Wanted};
use crate::routes::{Need, RouteInfo, Routes};
use crate::v3::granted;

const ALL: &str = "/v1/keys";
const ONE: &str = "/v1/keys/{key}";

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = |method, path, scope, text| RouteInfo::new(method, path, Need::Scope(scope), text);
    routes
        .add(info(Method::GET, ALL, Scope::KeysRead, "All keys.").gives_page::<KeyView>(), list)
        .add(info(Method::GET, ONE, Scope::KeysRead, "One key.").gives::<KeyView>(), get)
        .add(
            info(Method::POST, ALL, Scope::KeysCreate, "Makes a key; its text is shown once.")
                .takes::<NewKey>()
                .gives::<MadeKey>()
                .success(StatusCode::CREATED),
            create,
        )
        .add(
            info(Method::PATCH, ONE, Scope::KeysUpdate, "Changes a key.")
                .takes::<ChangedKey>()
                .gives::<KeyView>(),
            change,
        )
        .add(
            info(Method::DELETE, ONE, Scope::KeysDelete, "Revokes a key.").success(StatusCode::NO_CONTENT),
            revoke,
        )
}

/// A key without its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// What it may do.
    scopes: Vec<String>,
    /// When it was made.
    created_at: String,
    /// Until when it works.
    expires_at: Option<String>,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// Its name.
    name: String,
    /// What it may do.
    scopes: Vec<String>,
    /// Until when it works, in seconds since 1970.
    #[serde(default)]
    expires_at: Option<i64>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    /// Its id.
    id: String,
    /// The whole text; it is not shown again.
    key: String,
}

/// What of a key is to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangedKey {
    /// Its name.
    #[serde(default)]
    name: Option<String>,
    /// What it may do.
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

fn shown(entry: &Entry<ApiKey>) -> KeyView {
    KeyView {
        id: entry.id.clone(),
        name: entry.value.name.clone(),
        scopes: entry.value.scopes.words().map(str::to_owned).collect(),
        created_at: super::time_of_ms(entry.value.created_at),
        expires_at: entry.value.expires_at.map(super::time_of_ms),
    }
}

fn answer(entry: &Entry<ApiKey>) -> Answer {
    Answer::json(StatusCode::OK, &shown(entry)).tagged(entry.version)
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let wanted = Wanted::of(&call)?;
    let desk = call.desk();
    let all = keys::list(&*desk.store, &*desk.clock, call.access()).await?;
    let all = all.iter().map(|entry| (entry.id.clone(), shown(entry))).collect();
    Ok(page::answer(ALL, &wanted, page::cut(all, &wanted)))
}

async fn get(call: Call) -> Result<Answer, Fault> {
    let desk = call.desk();
    Ok(answer(&keys::get(&*desk.store, &*desk.clock, call.access(), call.param("key")).await?))
}

async fn create(call: Call) -> Result<Answer, Fault> {
    let wanted: NewKey = call.json()?;
    let scopes = granted(&call, wanted.scopes)?;
    let desk = call.desk();
    let expires_at = match wanted.expires_at {
        None => None,
        Some(secs) => {
            let at = secs.checked_mul(1000).map(Timestamp::from_millis).filter(|at| *at > desk.clock.now());
            Some(at.ok_or_else(|| Fault::bad("expires_at", "it is a time ahead, in seconds since 1970"))?)
        }
    };
    let request = KeyRequest { name: wanted.name, scopes, expires_at };
    let made = keys::create(&*desk.store, &*desk.clock, &*desk.entropy, call.access(), request).await?;
    let place = format!("{ALL}/{}", made.id);
    let view = MadeKey { id: made.id, key: made.text.expose_secret().to_owned() };
    Ok(Answer::json(StatusCode::CREATED, &view).with(header::LOCATION, &place))
}

async fn change(call: Call) -> Result<Answer, Fault> {
    let wanted: ChangedKey = call.json()?;
    let scopes = wanted.scopes.map(|words| granted(&call, words)).transpose()?;
    let (desk, id, version) = (call.desk(), call.param("key"), call.if_match()?);
    let name = match wanted.name {
        Some(name) => name,
        None => keys::get(&*desk.store, &*desk.clock, call.access(), id).await?.value.name,
    };
    let changed = keys::change_key(&*desk.store, &*desk.clock, call.access(), id, version, (name, scopes));
    Ok(answer(&changed.await?))
}

async fn revoke(call: Call) -> Result<Answer, Fault> {
    let (desk, id) = (call.desk(), call.param("key"));
    keys::get(&*desk.store, &*desk.clock, call.access(), id).await?;
    keys::revoke(&*desk.store, &*desk.clock, call.access(), id).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
