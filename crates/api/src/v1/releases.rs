//! `/v1/releases`: what was sent, and what became of each mail; and orders to pause, resume and cancel.

use app::books::{self, Selection, live_beside};
use app::hold::{HoldOrder, hold};
use app::scope::Scope;
use axum::http::{Method, StatusCode};
use domain::{IntentNo, IntentState, Statement};
use ledger::{ReleaseRow, ReleaseState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::page::{self, Wanted};
use crate::routes::{Need, RouteInfo, Routes};

const ALL: &str = "/v1/releases";
const ONE: &str = "/v1/releases/{release}";

pub(crate) fn routes(routes: Routes) -> Routes {
    let read = |path, text| RouteInfo::new(Method::GET, path, Need::Scope(Scope::ReleasesRead), text);
    let order = |path, text| {
        RouteInfo::new(Method::POST, path, Need::Scope(Scope::ReleasesUpdate), text).gives::<ReleaseView>()
    };
    routes
        .add(read(ALL, "All releases and streams, by id.").gives_page::<ReleaseView>(), list)
        .add(read(ONE, "One release.").gives::<ReleaseView>(), get)
        .add(
            read("/v1/releases/{release}/statement", "Its trial balance, made from the books.")
                .gives::<StatementView>(),
            statement,
        )
        .add(
            read("/v1/releases/{release}/recipients", "Its recipients, all or by `state`.")
                .gives_page::<RecipientView>(),
            recipients,
        )
        .add(
            read("/v1/releases/{release}/attempts", "What was tried for the address `to`.")
                .gives::<Attempts>(),
            attempts,
        )
        .add(order("/v1/releases/{release}/pause", "Starts nothing new of it."), |call| {
            held(call, HoldOrder::Pause)
        })
        .add(order("/v1/releases/{release}/resume", "Lets it go on."), |call| held(call, HoldOrder::Resume))
        .add(order("/v1/releases/{release}/cancel", "Never sends what is owed."), |call| {
            held(call, HoldOrder::Cancel)
        })
}

/// A release or a stream of single mails.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReleaseView {
    /// Its id.
    id: String,
    /// Its name.
    name: String,
    /// `planning`, `active`, `paused` or `cancelled`.
    state: String,
    /// The relay that it is sent through.
    relay: String,
    /// When it was frozen.
    created_at: String,
    /// Until when its mails are tried.
    deadline_at: String,
}

/// A trial balance.
#[derive(Serialize, ToSchema)]
pub(crate) struct StatementView {
    /// Which release.
    release: String,
    /// How many were frozen.
    audience: u64,
    /// A 2xx reply is stored.
    accepted: u64,
    /// A final refusal is stored.
    rejected: u64,
    /// Not owed.
    suppressed: u64,
    /// Stopped by a person.
    cancelled: u64,
    /// Not sent by the deadline.
    expired: u64,
    /// No answer to the message end.
    unknown: u64,
    /// Still owed.
    pending: u64,
    /// Acceptances beyond the first.
    duplicates: u64,
    /// What contradicts it; empty is good.
    differences: Vec<String>,
}

/// A recipient.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecipientView {
    /// Its number in the release.
    number: u32,
    /// The address; absent once erased.
    address: Option<String>,
    /// What became of it.
    state: String,
    /// How many times it was tried.
    attempts: u32,
}

/// Attempts.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attempts {
    /// Oldest first.
    items: Vec<Attempted>,
}

/// One try, or a settlement.
#[derive(Serialize, ToSchema)]
pub(crate) struct Attempted {
    /// Which run of a sender wrote it.
    sender: Option<String>,
    /// What came of it, oldest first.
    outcomes: Vec<String>,
}

pub(super) fn shown(row: &ReleaseRow, state: ReleaseState) -> ReleaseView {
    ReleaseView {
        id: row.release.to_string(),
        name: row.name.clone(),
        state: state.word().to_owned(),
        relay: row.relay.to_string(),
        created_at: super::time(row.created_at),
        deadline_at: super::time(row.deadline_at),
    }
}

async fn list(call: Call) -> Result<Answer, Fault> {
    let wanted = Wanted::of(&call)?;
    let tenant = call.access().require(app::Right::Read)?;
    let all = call.desk().store.release_list(tenant).await.map_err(app::AppError::from)?;
    let all = all.iter().map(|(row, state)| (row.release.to_string(), shown(row, *state))).collect();
    Ok(page::answer(ALL, &wanted, page::cut(all, &wanted)))
}

/// The release that the path names: by its id alone, for names are not unique.
pub(super) async fn named(call: &Call) -> Result<(ReleaseRow, ReleaseState), Fault> {
    let release = call.param("release").parse().map_err(|_| Fault::not_found())?;
    let tenant = call.access().require(app::Right::Read)?;
    Ok(call.desk().store.release_get(tenant, release).await.map_err(app::AppError::from)?)
}

async fn get(call: Call) -> Result<Answer, Fault> {
    let (row, state) = named(&call).await?;
    Ok(Answer::json(StatusCode::OK, &shown(&row, state)))
}

async fn statement(call: Call) -> Result<Answer, Fault> {
    let (row, _) = named(&call).await?;
    let (desk, id) = (call.desk(), row.release.to_string());
    let live = live_beside(&*desk.store, &*desk.clock, call.api.service.sender).await?;
    let found = books::statements(&*desk.store, call.access(), &Selection::Release(id), &live).await?;
    let found = found.into_iter().next().ok_or_else(Fault::not_found)?;
    let differences = found.view.differences.into_iter();
    let differences =
        differences.map(|d| format!("{}: expected {}, found {}", d.what, d.expected, d.found)).collect();
    Ok(Answer::json(StatusCode::OK, &balance(&row, &found.view.statement, differences)))
}

pub(super) fn balance(row: &ReleaseRow, counts: &Statement, differences: Vec<String>) -> StatementView {
    StatementView {
        release: row.release.to_string(),
        audience: counts.audience,
        accepted: counts.accepted,
        rejected: counts.rejected,
        suppressed: counts.suppressed,
        cancelled: counts.cancelled,
        expired: counts.expired,
        unknown: counts.unknown,
        pending: counts.pending,
        duplicates: counts.duplicates,
        differences,
    }
}

async fn recipients(call: Call) -> Result<Answer, Fault> {
    let (row, _) = named(&call).await?;
    let wanted = Wanted::of(&call)?;
    let after = match wanted.after.as_str() {
        "" => 0,
        text => text.parse().map_err(|_| Fault::bad("after", "it is the number of a recipient"))?,
    };
    let state =
        match call.query.get("state") {
            None => None,
            Some(word) => {
                let found = IntentState::ALL.into_iter().find(|state| state.word() == word);
                Some(found.ok_or_else(|| {
                    Fault::bad("state", "it is a state of the statement, such as `accepted`")
                })?)
            }
        };
    let desk = call.desk();
    let live = live_beside(&*desk.store, &*desk.clock, call.api.service.sender).await?;
    let limit = wanted.limit as u32 + 1;
    let found = desk.store.recipients(row.tenant, row.release, state, live, IntentNo(after), limit).await;
    let shown = |view: ledger::RecipientView| {
        let shown = RecipientView {
            number: view.intent.0,
            address: view.address,
            state: view.state.word().to_owned(),
            attempts: view.attempts,
        };
        (view.intent.0.to_string(), shown)
    };
    let all = found.map_err(app::AppError::from)?.into_iter().map(shown).collect();
    Ok(page::answer(&format!("{ALL}/{}/recipients", row.release), &wanted, all))
}

async fn attempts(call: Call) -> Result<Answer, Fault> {
    let (row, _) = named(&call).await?;
    let to = call.query.get("to").ok_or_else(|| Fault::bad("to", "it is missing").help("give an address"))?;
    domain::EmailAddress::parse(to).map_err(|error| Fault::bad("to", error.to_string()))?;
    let found = books::attempts(&*call.desk().store, call.access(), &row.release.to_string(), to).await?;
    let shown = |view: ledger::AttemptView| Attempted {
        sender: view.sender.map(|sender| sender.to_string()),
        outcomes: view.outcomes.iter().map(|outcome| outcome.verdict.word().to_owned()).collect(),
    };
    Ok(Answer::json(StatusCode::OK, &Attempts { items: found.into_iter().map(shown).collect() }))
}

async fn held(call: Call, order: HoldOrder) -> Result<Answer, Fault> {
    let (row, _) = named(&call).await?;
    let (desk, id) = (call.desk(), row.release.to_string());
    let held = hold(&*desk.store, &*desk.clock, call.access(), Some(&id), order).await;
    held.map_err(Fault::from).map_err(|fault| match fault.status {
        StatusCode::BAD_REQUEST => Fault { status: StatusCode::CONFLICT, ..fault },
        _ => fault,
    })?;
    let (row, state) = named(&call).await?;
    Ok(Answer::json(StatusCode::OK, &shown(&row, state)))
}
