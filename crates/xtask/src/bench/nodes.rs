//! One release that `hikyaku node` processes share over PostgreSQL: one of them, then two.
//!
//! The audience is frozen before, and the nodes wait for it already; the receiver's clock counts, from its first mail to
//! its last.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use runtime::{Clock as _, SystemClock};
use serde_json::Value;

use super::Scenario;
use super::campaign::{RUN_MAX, SMALL_SAMPLE};
use super::figures::{Figure, Figures};
use super::place::Place;
use crate::rig::binaries::remove;
use crate::rig::{PostgresProcess, Process, Sender};
use crate::workspace::Workspace;

/// How often the receiver's log is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// A node that is told to end.
const END_MAX: Duration = Duration::from_secs(60);
/// `hikyaku send --detach` leaves all mails pending.
const PENDING: i32 = 3;

/// A fresh server, one release, so many nodes.
///
/// # Errors
/// When one fails, or mails are lost or doubled.
pub fn release(
    workspace: &Workspace,
    place: &Place<'_>,
    scenario: Scenario,
    messages: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let server = PostgresProcess::start(workspace, place.binaries, place.folder)?;
    let _: Value = server.migrate(place.binaries, place.folder)?;
    let receiver = place.receiver(true)?;
    let log = receiver.log().context("nodes are measured with our own sink")?.to_owned();
    let mut sender = place.sender(SMALL_SAMPLE, receiver.addr(), &[])?;
    sender.environment = server.environment();
    freeze(&sender)?;
    let count = if scenario == Scenario::TwoNodes { 2 } else { 1 };
    let mut nodes = (0..count).map(|number| start(&sender, number)).collect::<anyhow::Result<Vec<_>>>()?;
    await_lines(&log, messages, &mut nodes)?;
    for node in &mut nodes {
        node.terminate(END_MAX)?;
    }
    let statement = sender.statement()?;
    if statement.accepted != messages || !statement.balances() {
        bail!("not all {messages} mails are accepted: {statement:?}");
    }
    let stats = receiver.stop(messages)?.context("nodes are measured with our own sink")?;
    let elapsed = u64::try_from(stats.last_ms - stats.first_ms).context("a clock that was set back")?;
    figures.add(Figure {
        scenario,
        messages,
        elapsed: Duration::from_millis(elapsed),
        cpu: None,
        peak_kib: None,
        books: None,
    });
    // The next receiver would go on with it.
    std::fs::remove_file(&log).with_context(|| format!("removing {}", log.display()))?;
    server.close()
}

fn freeze(sender: &Sender) -> anyhow::Result<()> {
    let mut process = sender.start("send", &["--detach".to_owned()])?;
    let ended = process.wait(RUN_MAX)?;
    if ended.status.code() != Some(PENDING) {
        bail!("hikyaku send --detach ({}): {}", ended.status, process.errors_shown());
    }
    Ok(())
}

/// A node in a folder that is made anew: another round's books had another key.
fn start(sender: &Sender, number: u32) -> anyhow::Result<Process> {
    let folder = sender.folder.join(format!("node-{number}"));
    remove(&folder)?;
    let mut command = Command::new(sender.binaries.hikyaku());
    command.arg("node").arg("--data").arg(&folder);
    command.arg("--installation-key").arg(sender.data.join("installation.key"));
    command.envs(sender.environment.iter().cloned());
    Process::start(&format!("node-{number}"), &sender.folder, &mut command)
}

/// Until the log has so many lines, one for each mail; every node runs meanwhile.
fn await_lines(log: &Path, lines: u64, nodes: &mut [Process]) -> anyhow::Result<()> {
    let mut file = File::open(log).with_context(|| format!("reading {}", log.display()))?;
    let (begun, mut found, mut octets) = (SystemClock.moment(), 0, vec![0; 1 << 16]);
    while found < lines {
        let read = file.read(&mut octets)?;
        found += octets[..read].iter().filter(|octet| **octet == b'\n').count() as u64;
        if read == 0 {
            if SystemClock.moment().since(begun) > RUN_MAX {
                bail!("{found} of {lines} mails came within {RUN_MAX:?}");
            }
            for node in &mut *nodes {
                if let Some(ended) = node.ends_within(LOOK_AGAIN)? {
                    bail!("a node ended ({}): {}", ended.status, node.errors_shown());
                }
            }
        }
    }
    Ok(())
}
