//! `GET /v1/tenant`: whose key it is, and whether the tenant may send.

use app::directory::tenants;
use axum::http::{Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::routes::{Need, RouteInfo, Routes};

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = RouteInfo::new(Method::GET, "/v1/tenant", Need::AnyKey, "The key's tenant.");
    routes.add(info.gives::<TenantView>(), get)
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct TenantView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// `pending`, `active` or `suspended`.
    state: String,
}

async fn get(call: Call) -> Result<Answer, Fault> {
    let desk = call.desk();
    let state = tenants::state(&*desk.store, &*desk.clock, call.access()).await?;
    let view = TenantView {
        id: call.access().tenant().to_string(),
        name: call.access().tenant_name().to_owned(),
        state: state.word().to_owned(),
    };
    Ok(Answer::json(StatusCode::OK, &view))
}
