//! `/v3/user/scheduled_sends`: pauses and cancels what was scheduled under a batch id, and lets it go on.

use app::directory::batches::{self, BatchOrder};
use app::scope::Scope;
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v3/user/scheduled_sends";
const ONE: &str = "/v3/user/scheduled_sends/{batch_id}";

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = |method, path, scope, text| RouteInfo::new(method, path, Need::Scope(scope), text);
    let (read, gone) = (Scope::ScheduledRead, StatusCode::NO_CONTENT);
    routes
        .add(
            info(Method::POST, ALL, Scope::ScheduledCreate, "Pauses or cancels a batch.")
                .success(StatusCode::CREATED),
            create,
        )
        .add(info(Method::GET, ALL, read, "Batches that are paused or cancelled."), list)
        .add(info(Method::GET, ONE, read, "Whether a batch is paused or cancelled."), get)
        .add(
            info(Method::PATCH, ONE, Scope::ScheduledUpdate, "Pauses or cancels a batch that is.")
                .success(gone),
            change,
        )
        .add(
            info(Method::DELETE, ONE, Scope::ScheduledDelete, "Lets a paused batch go on.").success(gone),
            resume,
        )
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pause,
    Cancel,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    batch_id: String,
    status: Status,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changed {
    status: Status,
}

impl From<Status> for BatchOrder {
    fn from(status: Status) -> Self {
        match status {
            Status::Pause => Self::Pause,
            Status::Cancel => Self::Cancel,
        }
    }
}

fn shown(id: &str, order: BatchOrder) -> Value {
    json!({ "batch_id": id, "status": order })
}

async fn create(call: Call) -> Result<Answer, Fault> {
    let ordered: Ordered = call.json()?;
    let desk = call.desk();
    let found = batches::get(&*desk.store, &*desk.clock, call.access(), &ordered.batch_id).await;
    let found = found.map_err(Fault::from).map_err(|fault| match fault.status {
        StatusCode::NOT_FOUND => {
            Fault::bad("batch_id", "Invalid batch id").help("make one with POST /v3/mail/batch")
        }
        _ => fault,
    })?;
    if found.value.order != BatchOrder::Open {
        return Err(Fault::bad("batch_id", "a status update already exists for this batch")
            .help("change it with PATCH"));
    }
    let order = ordered.status.into();
    batches::order(&*desk.store, &*desk.clock, call.access(), &ordered.batch_id, order).await?;
    Ok(Answer::json(StatusCode::CREATED, &shown(&ordered.batch_id, order)))
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let desk = call.desk();
    let all = batches::held(&*desk.store, &*desk.clock, call.access()).await?;
    let all: Vec<Value> = all.iter().map(|entry| shown(&entry.id, entry.value.order)).collect();
    Ok(Answer::json(StatusCode::OK, &all))
}

async fn get(call: Call) -> Result<Answer, Fault> {
    let desk = call.desk();
    let found = batches::get(&*desk.store, &*desk.clock, call.access(), call.param("batch_id")).await?;
    let held = (found.value.order != BatchOrder::Open).then(|| shown(&found.id, found.value.order));
    Ok(Answer::json(StatusCode::OK, &held.into_iter().collect::<Vec<_>>()))
}

async fn change(call: Call) -> Result<Answer, Fault> {
    let changed: Changed = call.json()?;
    held(&call).await?;
    let desk = call.desk();
    let order = changed.status.into();
    batches::order(&*desk.store, &*desk.clock, call.access(), call.param("batch_id"), order).await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

async fn resume(call: Call) -> Result<Answer, Fault> {
    held(&call).await?;
    let desk = call.desk();
    batches::order(&*desk.store, &*desk.clock, call.access(), call.param("batch_id"), BatchOrder::Open)
        .await?;
    Ok(Answer::empty(StatusCode::NO_CONTENT))
}

/// Only what was ordered can be changed or taken back.
async fn held(call: &Call) -> Result<(), Fault> {
    let desk = call.desk();
    let found = batches::get(&*desk.store, &*desk.clock, call.access(), call.param("batch_id")).await?;
    match found.value.order {
        BatchOrder::Open => Err(Fault::not_found().help("nothing was ordered for this batch; POST first")),
        _ => Ok(()),
    }
}
