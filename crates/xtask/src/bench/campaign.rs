//! Releases through `hikyaku send`, in turns with the sender without books.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::Scenario;
use super::figures::{Extent, Figure, Figures};
use super::place::{Place, send_all};
use crate::rig::Process;
use crate::workspace::Workspace;

/// A run of any scenario.
pub const RUN_MAX: Duration = Duration::from_secs(20 * 60);

/// The sample of the small campaign.
pub const SMALL_SAMPLE: &str = "5k";

/// A campaign and its ceiling.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    campaign: Scenario,
    ceiling: Scenario,
    size: &'static str,
    /// Octets of a mail on the wire, where nobody measures them.
    pub octets: u64,
}

/// 5 KiB.
pub const SMALL: Pair =
    Pair { campaign: Scenario::Campaign, ceiling: Scenario::Ceiling, size: SMALL_SAMPLE, octets: 5 << 10 };
/// 30 KiB.
pub const LARGE: Pair =
    Pair { campaign: Scenario::Campaign30k, ceiling: Scenario::Ceiling30k, size: "30k", octets: 30 << 10 };

/// Campaign and ceiling in turns. The ceiling's mails are as large as the campaign's were in the sink.
///
/// # Errors
/// When one fails, or mails are lost or doubled.
pub fn turns(
    workspace: &Workspace,
    place: &Place<'_>,
    pair: Pair,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let (campaign, ceiling) = (place.messages(pair.campaign), place.messages(pair.ceiling));
    place.sample(pair.size, pair.size, campaign)?;
    let mut octets = pair.octets;
    for _ in 0..place.rounds() {
        octets = release(place, pair.campaign, pair.size, campaign, &[], figures)?.unwrap_or(octets);
        if place.is_over_postgres() && pair.octets == SMALL.octets {
            super::postgres::release(workspace, place, campaign, figures)?;
            for scenario in [Scenario::OneNode, Scenario::TwoNodes] {
                super::nodes::release(workspace, place, scenario, campaign, figures)?;
            }
        }
        let receiver = place.receiver(false)?;
        let load = load(place, receiver.addr(), ceiling, octets)?;
        receiver.stop(ceiling)?;
        figures.add(Figure { scenario: pair.ceiling, ..load });
    }
    if pair.octets == SMALL.octets {
        figures.octets = Some(octets);
    }
    eprintln!("  mails of {octets} octets");
    Ok(())
}

/// The small campaign with a signature on each mail.
///
/// # Errors
/// When it fails, or mails are lost or doubled.
pub fn dkim(place: &Place<'_>, figures: &mut Figures) -> anyhow::Result<()> {
    let messages = place.messages(Scenario::Dkim);
    let key = place.path("dkim.pem");
    place.part("rsa-key", Command::new(place.binaries.rig()).arg("rsa-key").arg("--out").arg(&key))?;
    place.sample("dkim", "5k", messages)?;
    let key = key.to_str().context("a path that is not UTF-8")?;
    let domain = ["--dkim-key", key, "--dkim-domain", "shimbun.example", "--dkim-selector", "bench"];
    release(place, Scenario::Dkim, "dkim", messages, &domain, figures)?;
    Ok(())
}

/// One release from start to end; gives the octets of a mail, if our sink received them.
fn release(
    place: &Place<'_>,
    scenario: Scenario,
    sample: &str,
    messages: u64,
    flags: &[&str],
    figures: &mut Figures,
) -> anyhow::Result<Option<u64>> {
    let receiver = place.receiver(false)?;
    let sender = place.sender(sample, receiver.addr(), flags)?;
    let (ended, process) = send_all(&sender, messages, RUN_MAX)?;
    let stats = receiver.stop(messages)?;
    figures.add(Figure {
        scenario,
        messages,
        elapsed: ended.at.since(process.started()),
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: Some(books_of(&process)?),
    });
    Ok(stats.map(|stats| stats.octets_mean()))
}

#[derive(Deserialize)]
struct SendReport {
    books: Extent,
}

/// What the books take, as `hikyaku send` says in its last line.
fn books_of(process: &Process) -> anyhow::Result<Extent> {
    let output = process.output()?;
    let report: SendReport = serde_json::from_str(output.trim().lines().next_back().unwrap_or_default())
        .context("hikyaku send")?;
    Ok(report.books)
}

#[derive(Deserialize)]
struct LoadReport {
    elapsed_us: u64,
}

/// The sender without books, to its end.
///
/// # Errors
/// When it fails.
pub fn load(place: &Place<'_>, to: SocketAddr, messages: u64, octets: u64) -> anyhow::Result<Figure> {
    let mut command = Command::new(place.binaries.rig());
    command.args(["load", "--to", &to.to_string(), "--messages", &messages.to_string()]);
    command.args(["--connections", &place.sessions().to_string(), "--octets", &octets.to_string()]);
    let mut process = Process::start("load", place.folder, &mut command)?;
    let ended = process.wait(RUN_MAX)?;
    if !ended.status.success() {
        bail!("hikyaku-rig load failed: {}", process.errors_shown());
    }
    let report: LoadReport = serde_json::from_str(process.output()?.trim()).context("hikyaku-rig load")?;
    Ok(Figure {
        scenario: Scenario::Ceiling,
        messages,
        elapsed: Duration::from_micros(report.elapsed_us),
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: None,
    })
}
