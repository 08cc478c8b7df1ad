//! The small campaign once more, with the books in Debian's PostgreSQL on the same machine and disk.

use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;

use super::Scenario;
use super::campaign::{RUN_MAX, SMALL_SAMPLE};
use super::figures::{Extent, Figure, Figures};
use super::place::{Place, send_all};
use crate::rig::Process;
use crate::workspace::Workspace;

const START_MAX: Duration = Duration::from_secs(60);
const MIGRATE_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Started {
    url: String,
    password: String,
}

#[derive(Deserialize)]
struct Migrated {
    books: Extent,
}

/// A fresh server, one release from start to end, and what its books take then.
///
/// # Errors
/// When it fails, or mails are lost or doubled.
pub fn release(
    workspace: &Workspace,
    place: &Place<'_>,
    messages: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    crate::peers::prepare(workspace)?;
    let mut command = Command::new(place.binaries.rig());
    command.arg("postgres").arg("--folder").arg(place.folder);
    command.env("HIKYAKU_PEERS", workspace.peers());
    let mut server = Process::start("postgres", place.folder, &mut command)?;
    let started: Started =
        serde_json::from_str(&server.line_after(0, START_MAX)?).context("hikyaku-rig postgres")?;
    migrate(place, &started)?;
    let receiver = place.receiver(false)?;
    let mut sender = place.sender(SMALL_SAMPLE, receiver.addr(), &[])?;
    sender.environment = environment(&started);
    let (ended, process) = send_all(&sender, messages, RUN_MAX)?;
    receiver.stop(messages)?;
    let migrated = migrate(place, &started)?;
    figures.add(Figure {
        scenario: Scenario::CampaignPostgres,
        messages,
        elapsed: ended.at.since(process.started()),
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: Some(migrated.books),
    });
    server.close(START_MAX)?;
    Ok(())
}

fn environment(started: &Started) -> Vec<(String, String)> {
    let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![variable("HIKYAKU_DATABASE_URL", &started.url), variable("PGPASSWORD", &started.password)]
}

/// Makes the schema; says how much is in it.
fn migrate(place: &Place<'_>, started: &Started) -> anyhow::Result<Migrated> {
    let mut command = Command::new(place.binaries.hikyaku());
    command.args(["migrate", "--json"]).envs(environment(started));
    let mut process = Process::start("migrate", place.folder, &mut command)?;
    process.wait(MIGRATE_MAX)?;
    let output = process.output()?;
    serde_json::from_str(output.trim())
        .with_context(|| format!("hikyaku migrate: {}", process.errors_shown()))
}
