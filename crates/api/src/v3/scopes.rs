//! `GET /v3/scopes`: what the key that asks may do.

use axum::http::{Method, StatusCode};
use serde_json::json;

use crate::answer::Answer;
use crate::routes::{Need, RouteInfo, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = RouteInfo::new(Method::GET, "/v3/scopes", Need::AnyKey, "What the key may do.");
    routes.add(info, |call| async move {
        let words: Vec<_> = call.caller.scopes.words().collect();
        Ok(Answer::json(StatusCode::OK, &json!({ "scopes": words })))
    })
}
