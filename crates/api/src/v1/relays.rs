//! `/v1/relays`: the SMTP accounts of the tenant. A secret goes in and never comes out.

use app::directory::Entry;
use app::directory::relay_request::RelayRequest;
use app::directory::relays::Relay;
use app::relay::RelayUrl;
use app::scope::Scope;
use axum::http::{Method, StatusCode, header};
use domain::{LinkSecurity, RelayKind, RelayLimits};
use serde::{Deserialize, Serialize};
use smtp::Secret;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::page::{self, Wanted};
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v1/relays";
const ONE: &str = "/v1/relays/{relay}";
const SECRET: &str = "/v1/relays/{relay}/secret";

pub(crate) fn routes(routes: Routes) -> Routes {
    let read = |path, text| RouteInfo::new(Method::GET, path, Need::Scope(Scope::RelaysRead), text);
    let set = |path, text| RouteInfo::new(Method::POST, path, Need::Scope(Scope::RelaysUpdate), text);
    routes
        .add(read(ALL, "All relays.").gives_page::<RelayView>(), list)
        .add(read(ONE, "One relay, by id or name.").gives::<RelayView>(), get)
        .add(
            set(ALL, "Adds a relay.").takes::<NewRelay>().gives::<RelayView>().success(StatusCode::CREATED),
            add,
        )
        .add(
            set(SECRET, "Replaces a relay's secret, for all that is still owed.")
                .takes::<NewSecret>()
                .gives::<RelayView>(),
            rotate,
        )
}

/// A relay; its secret is never shown.
#[derive(Serialize, ToSchema)]
pub(crate) struct RelayView {
    /// Its id.
    id: String,
    /// Its name; `ip_pool_name` of mail/send names it.
    name: String,
    /// Host name or address.
    host: String,
    /// TCP port.
    port: u16,
    /// How the link is protected.
    tls: String,
    /// The user name; empty for none.
    user: String,
    /// Which service it is.
    kind: String,
    /// The version of its secret.
    credential: u32,
    /// Connections at the same time.
    sessions_max: u32,
    /// Messages over one connection.
    messages_per_connection_max: Option<u32>,
    /// Messages a minute.
    messages_per_minute_max: Option<u32>,
    /// The name said in EHLO.
    ehlo_name: String,
    /// When it last changed.
    changed_at: String,
}

/// A relay to add.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRelay {
    /// Its name.
    name: String,
    /// Host name or address.
    host: String,
    /// TCP port.
    port: u16,
    /// How the link is protected, by its word.
    tls: String,
    /// The user name.
    #[serde(default)]
    user: String,
    /// The password or key.
    #[serde(default)]
    secret: Option<String>,
    /// Which service it is, by its word; `bare`, without limits of its own, else.
    #[serde(default)]
    kind: Option<String>,
    /// Connections at the same time.
    #[serde(default)]
    sessions_max: Option<u32>,
    /// Messages over one connection.
    #[serde(default)]
    messages_per_connection_max: Option<u32>,
    /// Messages a minute.
    #[serde(default)]
    messages_per_minute_max: Option<u32>,
    /// The name said in EHLO.
    ehlo_name: String,
    /// PEM of the only authorities that are believed.
    #[serde(default)]
    authorities: Option<String>,
}

/// A secret in place of the old one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSecret {
    /// The password or key.
    secret: String,
}

fn shown(entry: &Entry<Relay>) -> RelayView {
    let relay = entry.value.clone();
    RelayView {
        id: entry.id.clone(),
        name: relay.name,
        host: relay.host,
        port: relay.port,
        tls: relay.security,
        user: relay.user,
        kind: relay.kind,
        credential: relay.credential,
        sessions_max: relay.sessions_max,
        messages_per_connection_max: relay.messages_per_connection_max,
        messages_per_minute_max: relay.messages_per_minute_max,
        ehlo_name: relay.ehlo_name,
        changed_at: super::time(entry.changed_at),
    }
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let wanted = Wanted::of(&call)?;
    let all = call.desk().list(call.access()).await?;
    let all = all.iter().map(|entry| (entry.id.clone(), shown(entry))).collect();
    Ok(page::answer(ALL, &wanted, page::cut(all, &wanted)))
}

async fn one(call: &Call, name: &str, status: StatusCode) -> Result<Answer, Fault> {
    let entry = call.desk().find(call.access(), name).await?;
    Ok(Answer::json(status, &shown(&entry)).tagged(entry.version))
}

async fn get(call: Call) -> Result<Answer, Fault> {
    one(&call, call.param("relay"), StatusCode::OK).await
}

async fn add(call: Call) -> Result<Answer, Fault> {
    let wanted: NewRelay = call.json()?;
    let security = LinkSecurity::from_word(&wanted.tls)
        .ok_or_else(|| Fault::bad("tls", "it is a word for the link's security, such as `starttls`"))?;
    let kind = match &wanted.kind {
        None => RelayKind::Bare,
        Some(word) => {
            RelayKind::from_word(word).ok_or_else(|| Fault::bad("kind", "it is no kind of relay"))?
        }
    };
    let own = kind.limits();
    let request = RelayRequest {
        name: wanted.name,
        url: RelayUrl {
            host: wanted.host,
            port: wanted.port,
            security,
            user: wanted.user,
            secret: wanted.secret.map(Secret::from),
            mechanism: None,
        },
        kind,
        limits: RelayLimits {
            sessions_max: wanted.sessions_max.unwrap_or(own.sessions_max),
            messages_per_connection_max: wanted
                .messages_per_connection_max
                .or(own.messages_per_connection_max),
            messages_per_minute_max: wanted.messages_per_minute_max.or(own.messages_per_minute_max),
        },
        ehlo_name: wanted.ehlo_name,
        authorities: wanted.authorities,
        use_chunking: false,
    };
    let relay = call.desk().add(call.access(), request).await?.to_string();
    let answer = one(&call, &relay, StatusCode::CREATED).await?;
    Ok(answer.with(header::LOCATION, &format!("{ALL}/{relay}")))
}

async fn rotate(call: Call) -> Result<Answer, Fault> {
    let wanted: NewSecret = call.json()?;
    if wanted.secret.is_empty() {
        return Err(Fault::bad("secret", "it is empty"));
    }
    let relay = call.param("relay");
    call.desk().rotate(call.access(), relay, &Secret::from(wanted.secret)).await?;
    one(&call, relay, StatusCode::OK).await
}
