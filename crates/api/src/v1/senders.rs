//! `/v1/senders`: the addresses and domains that the tenant may send from. The operator verifies them.

use app::directory::senders;
use app::scope::Scope;
use axum::http::Method;
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::page::{self, Wanted};
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v1/senders";

pub(crate) fn routes(routes: Routes) -> Routes {
    let info = RouteInfo::new(Method::GET, ALL, Need::Scope(Scope::RelaysRead), "All verified senders.");
    routes.add(info.gives_page::<SenderView>(), list)
}

/// A verified sender.
#[derive(Serialize, ToSchema)]
pub(crate) struct SenderView {
    /// `address:…` or `domain:…`.
    id: String,
    /// When it was verified.
    verified_at: String,
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let wanted = Wanted::of(&call)?;
    let desk = call.desk();
    let all = senders::list(&*desk.store, &*desk.clock, call.access()).await?;
    let shown = |entry: app::directory::Entry<senders::Sender>| {
        let view = SenderView { id: entry.id.clone(), verified_at: super::time(entry.changed_at) };
        (entry.id, view)
    };
    Ok(page::answer(ALL, &wanted, page::cut(all.into_iter().map(shown).collect(), &wanted)))
}
