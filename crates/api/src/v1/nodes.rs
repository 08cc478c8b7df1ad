//! `GET /v1/nodes`: the senders that are at work.

use app::books::live_beside;
use app::scope::Scope;
use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::page::{self, Wanted};
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v1/nodes";

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = RouteInfo::new(Method::GET, ALL, Need::Scope(Scope::ReleasesRead), "Senders at work.");
    routes.add(info.gives_page::<NodeView>(), list)
}

/// A run of a sender. Nothing of it is another tenant's.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeView {
    /// Its number, as it stands in attempts.
    sender: String,
    /// It answers this request.
    is_this: bool,
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let wanted = Wanted::of(&call)?;
    let (desk, own) = (call.desk(), call.api.service.sender);
    let live = live_beside(&*desk.store, &*desk.clock, own).await?;
    let shown = |sender: domain::SenderEpoch| {
        let view = NodeView { sender: sender.to_string(), is_this: sender == own };
        (format!("{:020}", sender.0), view)
    };
    Ok(page::answer(ALL, &wanted, page::cut(live.iter().map(shown).collect(), &wanted)))
}
