//! Mails that come one by one: 50 clients hand them in by SMTP, each is durable before its 250, and all go out to the sink.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use runtime::{Clock as _, SystemClock};
use serde::Deserialize;

use super::Scenario;
use super::campaign::{RUN_MAX, SMALL};
use super::figures::{Figure, Figures};
use super::place::Place;
use super::postfix::await_mails;
use crate::rig::{Process, Served, served};

/// What the load reports.
#[derive(Deserialize)]
struct Load {
    elapsed_us: u64,
    answer_us: [u64; 2],
}

/// Measures from the first connection to the last mail in the sink.
///
/// # Errors
/// When something does not start, or a mail is lost or doubled.
pub fn run(place: &Place<'_>, figures: &mut Figures) -> anyhow::Result<()> {
    let messages = place.messages(Scenario::Submission);
    let receiver = place.receiver(true)?;
    let Some(log) = receiver.log().map(Path::to_owned) else {
        eprintln!("  submission skipped: only our own sink tells when it has all");
        return Ok(());
    };
    let mut served = Served::start(place.binaries, place.folder, receiver.addr())?;
    let began = SystemClock.now();
    let load = load(place, &served, messages)?;
    await_mails(&log, messages, served.process())?;
    let ended = served.close()?;
    let stats = receiver.stop(messages)?.context("no counters")?;
    let elapsed_ms = stats.last_ms.saturating_sub(began.as_millis());
    let taken_in = Duration::from_micros(load.elapsed_us);
    eprintln!(
        "  taken in within {:.2} s; a 250 after {:.1} ms (median), {:.1} ms (p99)",
        taken_in.as_secs_f64(),
        load.answer_us[0] as f64 / 1000.0,
        load.answer_us[1] as f64 / 1000.0
    );
    figures.answer_p99_us = Some(load.answer_us[1]);
    figures.add(Figure {
        scenario: Scenario::Submission,
        messages,
        elapsed: Duration::from_millis(u64::try_from(elapsed_ms).unwrap_or(0)),
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: None,
    });
    Ok(())
}

fn load(place: &Place<'_>, served: &Served, messages: u64) -> anyhow::Result<Load> {
    let mut command = Command::new(place.binaries.rig());
    command.args(["load", "--to", &served.submission().to_string(), "--messages", &messages.to_string()]);
    command.args(["--connections", &place.sessions().to_string(), "--octets", &SMALL.octets.to_string()]);
    command.args(["--from", &format!("news@{}", served::DOMAIN), "--user", "apikey"]);
    command.env("LOAD_SECRET", served.key());
    let mut process = Process::start("load", place.folder, &mut command)?;
    let ended = process.wait(RUN_MAX)?;
    if !ended.status.success() {
        bail!("hikyaku-rig load failed: {}", process.errors_shown());
    }
    serde_json::from_str(process.output()?.trim()).context("hikyaku-rig load")
}
