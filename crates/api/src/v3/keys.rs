//! `/v3/api_keys`. A key never gives what it does not have.

use app::directory::Entry;
use app::directory::keys::{self, ApiKey, KeyRequest};
use app::scope::{Scope, Scopes};
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use smtp::ExposeSecret as _;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v3/api_keys";
const ONE: &str = "/v3/api_keys/{api_key_id}";

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = |method, path, scope, text| RouteInfo::new(method, path, Need::Scope(scope), text);
    routes
        .add(info(Method::POST, ALL, Scope::KeysCreate, "Makes a key.").success(StatusCode::CREATED), create)
        .add(info(Method::GET, ALL, Scope::KeysRead, "All keys."), list)
        .add(info(Method::GET, ONE, Scope::KeysRead, "One key."), get)
        .add(info(Method::PATCH, ONE, Scope::KeysUpdate, "Gives a key another name."), rename)
        .add(info(Method::PUT, ONE, Scope::KeysUpdate, "Gives a key another name and other scopes."), set)
        .add(
            info(Method::DELETE, ONE, Scope::KeysDelete, "Revokes a key.").success(StatusCode::NO_CONTENT),
            revoke,
        )
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[serde(default)]
    scopes: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Renamed {
    name: String,
}

/// The scopes asked for, if the caller has them all.
pub(crate) fn granted(call: &Call, words: Vec<String>) -> Result<Scopes, Fault> {
    let scopes = Scopes::try_from(words).map_err(|error| Fault::bad("scopes", error.to_string()))?;
    if !call.caller.scopes.cover(&scopes) {
        return Err(Fault::new(StatusCode::FORBIDDEN, "a key cannot give scopes that it does not have")
            .at("scopes")
            .help("GET /v3/scopes says what this key has"));
    }
    Ok(scopes)
}

fn named(entry: &Entry<ApiKey>) -> Value {
    json!({ "api_key_id": entry.id, "name": entry.value.name })
}

fn shown(entry: &Entry<ApiKey>) -> Value {
    json!({ "api_key_id": entry.id, "name": entry.value.name, "scopes": entry.value.scopes })
}

async fn create(call: Call) -> Result<Answer, Fault> {
    let wanted: Wanted = call.json()?;
    // Without a word, everything that the caller may give.
    let scopes = match wanted.scopes {
        Some(words) => granted(&call, words)?,
        None => call.caller.scopes.clone(),
    };
    let desk = call.desk();
    let request = KeyRequest { name: wanted.name.clone(), scopes: scopes.clone(), expires_at: None };
    let made = keys::create(&*desk.store, &*desk.clock, &*desk.entropy, call.access(), request).await?;
    Ok(Answer::json(
        StatusCode::CREATED,
        &json!({ "api_key": made.text.expose_secret(), "api_key_id": made.id, "name": wanted.name, "scopes": scopes }),
    ))
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let limit = call.number("limit", 1000, (1, 1000))? as usize;
    let desk = call.desk();
    let all = keys::list(&*desk.store, &*desk.clock, call.access()).await?;
    let all: Vec<Value> = all.iter().take(limit).map(named).collect();
    Ok(Answer::json(StatusCode::OK, &json!({ "result": all })))
}

async fn get(call: Call) -> Result<Answer, Fault> {
    let desk = call.desk();
    let found = keys::get(&*desk.store, &*desk.clock, call.access(), call.param("api_key_id")).await?;
    Ok(Answer::json(StatusCode::OK, &shown(&found)))
}

async fn rename(call: Call) -> Result<Answer, Fault> {
    let renamed: Renamed = call.json()?;
    change(&call, renamed.name, None).await.map(|entry| Answer::json(StatusCode::OK, &named(&entry)))
}

async fn set(call: Call) -> Result<Answer, Fault> {
    let wanted: Wanted = call.json()?;
    let scopes = wanted.scopes.map(|words| granted(&call, words)).transpose()?;
    change(&call, wanted.name, scopes).await.map(|entry| Answer::json(StatusCode::OK, &shown(&entry)))
}

async fn change(call: &Call, name: String, scopes: Option<Scopes>) -> Result<Entry<ApiKey>, Fault> {
    let desk = call.desk();
    let id = call.param("api_key_id");
    Ok(keys::change_key(&*desk.store, &*desk.clock, call.access(), id, None, (name, scopes)).await?)
}

async fn revoke(call: Call) -> Result<Answer, Fault> {
    let (desk, id) = (call.desk(), call.param("api_key_id"));
    keys::get(&*desk.store, &*desk.clock, call.access(), id).await?;
    keys::revoke(&*desk.store, &*desk.clock, call.access(), id).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}
