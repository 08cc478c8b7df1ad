//! `POST /v3/mail/send`: a mailing is read, checked, and durable before it is acknowledged.
//!
//! Left to others: what a mailing must be (`message::Mailing::check`), sending. Mails with a time stand in the books at once, each
//! time a release of its own; those without go to the relay's stream, last, so that what is refused before leaves nothing sent.

mod convert;
mod wire;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use app::directory::batches;
use app::directory::templates::Templates;
use app::hold::{HoldOrder, hold};
use app::scope::Scope;
use app::stream::{Brief, MailContent, MailId, MailKind, Recipient, Submission};
use axum::http::{HeaderName, Method, StatusCode};
use domain::{RelayId, Timestamp};
use message::Mailing;

use crate::answer::Answer;
use crate::call::Call;
use crate::fault::Fault;
use crate::json;
use crate::routes::{Need, RouteInfo, Routes};
use wire::WireMail;

/// A body that is smaller is read where it came in; a larger one on a thread that may take its time.
const SMALL: usize = 64 << 10;
/// How far ahead mails are taken in: a year.
const AHEAD_MAX_SECS: i64 = 366 * 24 * 3600;
/// Different times in one request: each is a release of its own.
const TIMES_MAX: usize = 100;

pub(crate) fn routes(routes: Routes) -> Routes {
    let send = RouteInfo::new(Method::POST, "/v3/mail/send", Need::Scope(Scope::MailSend), "Sends mails.");
    routes.add(send.success(StatusCode::ACCEPTED).sends(), send_mail)
}

async fn send_mail(call: Call) -> Result<Answer, Fault> {
    let mail = read(&call).await?;
    let (desk, access) = (call.desk(), call.access());
    let brief = call.api.service.streams.brief(access).await?;
    let now = desk.clock.now();
    let ready = prepare(&call, &brief, mail, now).await?;
    if ready.is_sandbox {
        return Ok(Answer::empty(StatusCode::OK));
    }
    let begun = call.api.clock().moment();
    let recipients: usize = ready.groups.values().map(Vec::len).sum();
    let id = store(&call, ready).await?;
    let took = call.api.clock().moment().since(begun);
    call.api.meter.submitted(took, recipients as u64);
    Ok(Answer::empty(StatusCode::ACCEPTED).with(HeaderName::from_static("x-message-id"), &id.to_string()))
}

/// The request as its types.
async fn read(call: &Call) -> Result<WireMail, Fault> {
    let depth_max = call.api.config.limits.depth_max;
    if call.body.len() <= SMALL {
        return json::parse(&call.body, depth_max);
    }
    let body = call.body.clone();
    let read = tokio::task::spawn_blocking(move || json::parse(&body, depth_max)).await;
    read.unwrap_or_else(|_| Err(Fault::defect("reading a mailing")))
}

/// A mailing that may be stored.
struct Ready {
    relay: RelayId,
    content: MailContent,
    /// Who gets it, by when; `None` is now.
    groups: BTreeMap<Option<Timestamp>, Vec<Recipient>>,
    batch: Option<String>,
    is_sandbox: bool,
}

async fn prepare(call: &Call, brief: &Brief, mail: WireMail, now: Timestamp) -> Result<Ready, Fault> {
    let (desk, access) = (call.desk(), call.access());
    let template = match &mail.template_id {
        None => None,
        Some(id) => {
            let templates = Templates::of(&*desk.store, &*desk.clock, &*desk.entropy, access);
            Some(templates.in_force(id).await.map_err(|error| of_template(error.into()))?)
        }
    };
    if let Some(batch) = &mail.batch_id {
        let open = batches::require_open(&*desk.store, &*desk.clock, access, batch).await;
        open.map_err(|error| of_batch(error.into()))?;
    }
    let is_large = call.body.len() > SMALL;
    let convert = move || -> Result<(Mailing, Vec<u8>), Fault> {
        let mailing = convert::mailing(mail, template)?;
        let octets = serde_json::to_vec(&mailing).map_err(|_| Fault::defect("storing a mailing"))?;
        Ok((mailing, octets))
    };
    let (mailing, octets) = match is_large {
        false => convert()?,
        true => {
            tokio::task::spawn_blocking(convert).await.map_err(|_| Fault::defect("reading a mailing"))??
        }
    };
    admit(brief, &mailing)?;
    let relay = brief.relay(mailing.ip_pool.as_deref()).map_err(|error| of_relay(&mailing, error.into()))?;
    let groups = groups(&mailing, now)?;
    let content = MailContent {
        kind: MailKind::Mailing,
        reverse_path: mailing.from.address.as_str().to_owned(),
        accepted_at: now.as_millis(),
        eight_bit: false,
        smtputf8: false,
        octets,
    };
    Ok(Ready { relay, content, groups, batch: mailing.batch_id, is_sandbox: mailing.settings.sandbox })
}

/// Every author of it must be a verified sender.
fn admit(brief: &Brief, mailing: &Mailing) -> Result<(), Fault> {
    brief.admit(&mailing.from.address)?;
    for (index, personalization) in mailing.personalizations.iter().enumerate() {
        let Some(from) = &personalization.from else { continue };
        let admitted = brief.admit(&from.address).map_err(Fault::from);
        admitted.map_err(|fault| fault.at(format!("personalizations.{index}.from.email")))?;
    }
    Ok(())
}

/// Recipients by the time at which their mail is due.
fn groups(mailing: &Mailing, now: Timestamp) -> Result<BTreeMap<Option<Timestamp>, Vec<Recipient>>, Fault> {
    let mut groups: BTreeMap<Option<Timestamp>, Vec<Recipient>> = BTreeMap::new();
    for (index, personalization) in mailing.personalizations.iter().enumerate() {
        let (send_at, place) = match personalization.send_at {
            Some(at) => (Some(at), format!("personalizations.{index}.send_at")),
            None => (mailing.send_at, "send_at".to_owned()),
        };
        let due = send_at.map(|at| due(at, now, &place)).transpose()?.flatten();
        let number = u16::try_from(index).map_err(|_| Fault::defect("counting personalizations"))?;
        let recipients = personalization
            .recipients()
            .map(|mailbox| Recipient { address: mailbox.address.clone(), personalization: number });
        groups.entry(due).or_default().extend(recipients);
    }
    if groups.len() > TIMES_MAX {
        return Err(Fault::bad(
            "personalizations",
            format!("there are more than {TIMES_MAX} different times in send_at. Send several requests"),
        ));
    }
    Ok(groups)
}

/// Seconds since 1970 as a time that is ahead; `None` when it is not, and the mail is sent at once.
fn due(secs: i64, now: Timestamp, place: &str) -> Result<Option<Timestamp>, Fault> {
    let latest = now.as_millis() / 1000 + AHEAD_MAX_SECS;
    if !(0..=latest).contains(&secs) {
        return Err(Fault::bad(
            place,
            "it is a time in seconds since 1970, at most a year ahead (not in milliseconds)",
        ));
    }
    let at = Timestamp::from_millis(secs * 1000);
    Ok((at > now).then_some(at))
}

/// Makes everything durable: what is for later first, what is for now last.
async fn store(call: &Call, ready: Ready) -> Result<MailId, Fault> {
    let (streams, access) = (&call.api.service.streams, call.access());
    let Ready { relay, content, mut groups, batch, .. } = ready;
    let at_once = groups.remove(&None);
    let mut stored: Vec<MailId> = Vec::new();
    let submission = |recipients| Submission { relay, content: content.clone(), recipients };
    for (due, recipients) in groups {
        let Some(due) = due else { continue };
        match streams.schedule(access, submission(recipients), due, batch.as_deref()).await {
            Ok(id) => stored.push(id),
            Err(error) => return Err(undo(call, stored, error.into()).await),
        }
    }
    call.api.meter.scheduled.fetch_add(stored.len() as u64, Ordering::Relaxed);
    if let Some(recipients) = at_once {
        match streams.submit(access, submission(recipients)).await {
            Ok(id) => stored.insert(0, id),
            Err(error) => return Err(undo(call, stored, error.into()).await),
        }
    }
    stored.first().copied().ok_or_else(|| Fault::defect("storing a mailing without recipients"))
}

/// What was scheduled of a request that failed is cancelled: the client will send all of it again.
async fn undo(call: &Call, stored: Vec<MailId>, fault: Fault) -> Fault {
    let desk = call.desk();
    for id in stored {
        let release = id.release.to_string();
        let undone = hold(&*desk.store, &*desk.clock, call.access(), Some(&release), HoldOrder::Cancel).await;
        if let Err(error) = undone {
            tracing::error!(%release, %error, "what was scheduled by a request that failed could not be cancelled");
        }
    }
    of_batch(fault)
}

fn of_template(fault: Fault) -> Fault {
    match fault.status {
        StatusCode::NOT_FOUND => {
            Fault::bad("template_id", "The template_id must be one of yours, with a version in force.")
                .help("list them with GET /v3/templates?generations=legacy,dynamic")
        }
        _ => fault,
    }
}

fn of_batch(fault: Fault) -> Fault {
    match fault.status {
        StatusCode::NOT_FOUND => {
            Fault::bad("batch_id", "Invalid batch id").help("make one with POST /v3/mail/batch")
        }
        _ => fault,
    }
}

fn of_relay(mailing: &Mailing, fault: Fault) -> Fault {
    match (&mailing.ip_pool, fault.status) {
        (Some(_), StatusCode::NOT_FOUND) => Fault::bad("ip_pool_name", "there is no relay of this name")
            .help("name one that GET /v1/relays lists, or leave it out for the first"),
        (None, StatusCode::NOT_FOUND) => {
            Fault::new(StatusCode::FORBIDDEN, "the tenant has no relay to send through")
                .help("add one with POST /v1/relays")
        }
        _ => fault,
    }
}
