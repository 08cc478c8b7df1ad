//! `GET /v1/audit`: who changed what of the tenant, each entry with its place in the chain.

use app::access::Right;
use app::scope::Scope;
use axum::http::Method;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::page::{self, Wanted};
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v1/audit";

pub(crate) fn routes(routes: Routes) -> Routes {
    let info =
        RouteInfo::new(Method::GET, ALL, Need::Scope(Scope::AuditRead), "The audit log, oldest first.");
    routes.add(info.gives_page::<AuditView>(), list)
}

/// An entry of the audit log.
#[derive(Serialize, ToSchema)]
pub(crate) struct AuditView {
    /// 1, 2, 3 …
    number: u64,
    /// When.
    at: String,
    /// Who.
    actor: String,
    /// What was done.
    action: String,
    /// To what.
    object: String,
    /// More of it.
    #[schema(value_type = Object)]
    detail: Value,
    /// The chain's value behind it, hexadecimal.
    chain: String,
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let wanted = Wanted::of(&call)?;
    let after = match wanted.after.as_str() {
        "" => 0,
        text => text.parse().map_err(|_| Fault::bad("after", "it is the number of an entry"))?,
    };
    let tenant = call.access().require(Right::Manage)?;
    let limit = wanted.limit as u32 + 1;
    let rows = call.desk().store.audit_list(tenant, after, limit).await.map_err(app::AppError::from)?;
    let shown = |row: ledger::AuditRow| {
        let detail = serde_json::from_str(&row.note.detail).unwrap_or_default();
        let view = AuditView {
            number: row.number,
            at: super::time(row.at),
            actor: row.note.actor,
            action: row.note.action,
            object: row.note.object,
            detail,
            chain: app::error::hex(&row.chain),
        };
        (row.number.to_string(), view)
    };
    Ok(page::answer(ALL, &wanted, rows.into_iter().map(shown).collect()))
}
