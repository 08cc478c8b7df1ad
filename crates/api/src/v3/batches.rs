//! `/v3/mail/batch`: ids under which mails for later can be paused and cancelled.

use app::directory::batches;
use app::scope::Scope;
use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::routes::{Need, RouteInfo, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    let make = Need::Scope(Scope::MailBatchCreate);
    let read = Need::Scope(Scope::MailBatchRead);
    routes
        .add(
            RouteInfo::new(Method::POST, "/v3/mail/batch", make, "Makes a batch id.")
                .success(StatusCode::CREATED),
            create,
        )
        .add(
            RouteInfo::new(Method::GET, "/v3/mail/batch/{batch_id}", read, "Whether a batch id is one."),
            get,
        )
}

async fn create(call: Call) -> Result<Answer, Fault> {
    let desk = call.desk();
    let id = batches::create(&*desk.store, &*desk.clock, &*desk.entropy, call.access()).await?;
    Ok(Answer::json(StatusCode::CREATED, &json!({ "batch_id": id })))
}

async fn get(call: Call) -> Result<Answer, Fault> {
    let desk = call.desk();
    let found = batches::get(&*desk.store, &*desk.clock, call.access(), call.param("batch_id")).await?;
    Ok(Answer::json(StatusCode::OK, &json!({ "batch_id": found.id })))
}
