//! `hikyaku tenant`, `relay`, `sender`, `key`: through the socket of the process that serves, else as the folder's owner.

use std::time::Duration;

use anyhow::{Context, bail};
use app::control::{ControlAnswer, ControlRequest, ask};
use app::directory::relays::RelayDesk;
use app::directory::tenants::TenantState;
use app::office::{Hidden, NewRelay, Office, Order};
use app::scope::Scopes;
use engine::EngineConfig;
use ledger_sqlite::SqliteOptions;
use runtime::{Clock, SystemClock};
use serde_json::Value;

use super::send::ehlo_name;
use crate::arguments::{
    KeyCommand, OfficeFlags, PasswordFlags, RelayAddFlags, RelayCommand, SenderCommand, TenantCommand,
};
use crate::exit::Exit;
use crate::{opened, print, secret};

/// Octets of a file of authorities.
const AUTHORITIES_OCTETS_MAX: u64 = 32 << 10;

/// `hikyaku tenant`.
pub fn tenant(command: TenantCommand) -> anyhow::Result<Exit> {
    match command {
        TenantCommand::Create { name, office } => carry_out(&office, Order::TenantCreate { name }),
        TenantCommand::List { office } => carry_out(&office, Order::TenantList),
        TenantCommand::Suspend { tenant, reason, office } => {
            carry_out(&office, Order::TenantState { tenant, state: TenantState::Suspended, reason })
        }
        TenantCommand::Approve { tenant, office } => {
            carry_out(&office, Order::TenantState { tenant, state: TenantState::Active, reason: None })
        }
    }
}

/// `hikyaku relay`.
pub fn relay(command: RelayCommand) -> anyhow::Result<Exit> {
    match command {
        RelayCommand::Add(flags) => {
            let relay = new_relay(&flags)?;
            carry_out(&flags.office, Order::RelayAdd { tenant: flags.tenant, relay })
        }
        RelayCommand::Rotate { tenant, relay, password, office } => {
            let given = self::password(&password)?;
            let secret = given.context("give the new password with --password-env or --password-file")?;
            carry_out(&office, Order::RelayRotate { tenant, relay, secret })
        }
        RelayCommand::List { tenant, office } => carry_out(&office, Order::RelayList { tenant }),
    }
}

/// `hikyaku sender`.
pub fn sender(command: SenderCommand) -> anyhow::Result<Exit> {
    match command {
        SenderCommand::Verify { tenant, address: Some(address), office, .. } => {
            carry_out(&office, Order::SenderVerifyAddress { tenant, address })
        }
        SenderCommand::Verify { tenant, domain: Some(domain), office, .. } => {
            carry_out(&office, Order::SenderVerifyDomain { tenant, domain })
        }
        SenderCommand::Verify { .. } => bail!("give --address or --domain"),
        SenderCommand::List { tenant, office } => carry_out(&office, Order::SenderList { tenant }),
    }
}

/// `hikyaku key`.
pub fn key(command: KeyCommand) -> anyhow::Result<Exit> {
    match command {
        KeyCommand::Create { tenant, name, scopes, expires_in, office } => {
            let scopes = match scopes.as_slice() {
                [one] if one == "all" => Scopes::all(),
                words => Scopes::try_from(words.to_vec()).context("--scopes")?,
            };
            let expires_at = expires_in.map(|span: Duration| (SystemClock.now() + span).as_millis());
            carry_out(&office, Order::KeyCreate { tenant, name, scopes, expires_at })
        }
        KeyCommand::Revoke { tenant, key, office } => carry_out(&office, Order::KeyRevoke { tenant, key }),
        KeyCommand::List { tenant, office } => carry_out(&office, Order::KeyList { tenant }),
    }
}

fn new_relay(flags: &RelayAddFlags) -> anyhow::Result<NewRelay> {
    Ok(NewRelay {
        name: flags.name.clone(),
        url: Hidden(flags.url.clone()),
        secret: password(&flags.password)?,
        kind: flags.kind.clone(),
        sessions_max: flags.sessions,
        messages_per_connection_max: flags.messages_per_connection,
        messages_per_minute_max: flags.messages_per_minute,
        ehlo_name: ehlo_name(flags.ehlo_name.as_deref())?,
        authorities: flags.relay_ca.as_deref().map(authorities).transpose()?,
        use_chunking: flags.chunking,
    })
}

fn authorities(path: &std::path::Path) -> anyhow::Result<String> {
    let place = || format!("--relay-ca {}", path.display());
    let octets = std::fs::metadata(path).with_context(place)?.len();
    anyhow::ensure!(
        octets <= AUTHORITIES_OCTETS_MAX,
        "{}: {octets} octets; at most {AUTHORITIES_OCTETS_MAX} are taken, so name the relay's own authority alone",
        place()
    );
    std::fs::read_to_string(path).with_context(place)
}

fn password(flags: &PasswordFlags) -> anyhow::Result<Option<Hidden>> {
    let found = match (&flags.password_env, &flags.password_file) {
        (Some(name), _) => {
            let found = secret::variable(name)?;
            Some(found.with_context(|| format!("--password-env: the variable {name} is empty or not set"))?)
        }
        (None, Some(path)) => Some(secret::read("--password-file", path)?),
        (None, None) => None,
    };
    anyhow::ensure!(
        found.as_ref().is_none_or(|secret| !secret.chars().any(char::is_control)),
        "the password holds a control character; it must stand alone, in one line"
    );
    Ok(found.map(Hidden))
}

/// Has an order carried out, and prints the answer.
pub(super) fn carry_out(flags: &OfficeFlags, order: Order) -> anyhow::Result<Exit> {
    let user = opened::user();
    let request = ControlRequest::Office { office: order.clone(), user: user.clone() };
    let asked = ask(&flags.place.data, &request);
    let answer = match asked.context("the process that serves the data folder does not answer")? {
        Some(ControlAnswer::Done(answer)) => answer,
        Some(ControlAnswer::Refused(reason)) => bail!(reason),
        Some(ControlAnswer::Changed(_)) => {
            bail!("the process that serves answered something else than was asked")
        }
        None => opened::executor()?.block_on(as_owner(flags, &user, order))?,
    };
    if flags.json {
        print::line(&answer.to_string());
    } else {
        show(&answer);
    }
    Ok(Exit::Well)
}

async fn as_owner(flags: &OfficeFlags, user: &str, order: Order) -> anyhow::Result<Value> {
    let ground = opened::ground(&flags.place).await?;
    let (boot, config) = (runtime::boot_id()?, EngineConfig::default());
    let (premises, books) = opened::own(ground, SqliteOptions::default(), boot, config).await?;
    let done = Office::new(RelayDesk::of(&premises)).carry_out(user, order).await;
    drop(premises);
    books.close().await?;
    Ok(done?)
}

/// A line for each thing that there is, for people.
fn show(answer: &Value) {
    let Some(object) = answer.as_object() else { return print::line(&answer.to_string()) };
    for (name, value) in object {
        match value {
            Value::Array(all) if all.is_empty() => print::line(&format!("no {name}")),
            Value::Array(all) => all.iter().for_each(|one| print::line(&words(one))),
            value => print::line(&format!("{name}: {}", words(value))),
        }
    }
}

fn words(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(object) => {
            let shown = object.iter().filter(|(_, value)| !value.is_null());
            shown.map(|(name, value)| format!("{name} {}", words(value))).collect::<Vec<_>>().join("  ")
        }
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join(","),
        value => value.to_string(),
    }
}
