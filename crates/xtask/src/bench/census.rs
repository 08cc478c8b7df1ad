//! How soon the missing mails of a whole incident are named: books of 16,322,862 mails, with the incident's losses planted.
//!
//! An example of the store's room fills the books with the rows that a store would have written (a test of each store checks them); what is timed
//! is `hikyaku reconcile`, as a process, by its own word and by the clock around it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};

use super::{Arguments, Scenario, StoreKind};
use crate::command::Program;
use crate::rig::binaries::{fresh_folder, remove};
use crate::rig::{Binaries, PostgresProcess, Process};
use crate::workspace::Workspace;

const BUILD_MAX: Duration = Duration::from_secs(45 * 60);
const FILL_MAX: Duration = Duration::from_secs(3 * 3600);
const ASK_MAX: Duration = Duration::from_secs(1800);
/// The whole incident, and an hour's margin on both sides.
const WINDOW: &str = "2026-11-01T00:00Z..2026-12-31T00:00Z";

#[derive(Deserialize)]
struct Planted {
    lost: u64,
    losing: u64,
    releases: u64,
}

#[derive(Deserialize)]
struct Answer {
    releases_unsent: u64,
    unsent: u64,
    ids_left_out: u64,
    in_flight: u64,
    bands: Vec<Band>,
    seconds: Seconds,
    books: Option<Books>,
}

#[derive(Deserialize)]
struct Band {
    releases: u64,
}

#[derive(Deserialize)]
struct Seconds {
    census: f64,
    times: f64,
    books: f64,
}

#[derive(Deserialize)]
struct Books {
    intents: u64,
    open: u64,
    differ: Vec<serde_json::Value>,
}

/// The figures.
#[derive(Debug, Serialize)]
struct Figures {
    scenario: &'static str,
    store: String,
    intents: u64,
    releases: u64,
    releases_unsent: u64,
    unsent: u64,
    bands: Vec<u64>,
    fill_s: f64,
    /// Right after the books were filled, and again: by the command's own word.
    census_s: Vec<f64>,
    /// The histogram of the window.
    times_s: Vec<f64>,
    /// The whole process, census and histogram.
    process_s: Vec<f64>,
    /// The books alone.
    books_s: f64,
    missed: Vec<String>,
}

/// Fills, asks, compares with what was planted; false when something else was found, or with `--strict` too late.
///
/// # Errors
/// When a part fails.
pub fn run(workspace: &Workspace, binaries: &Binaries, arguments: &Arguments) -> anyhow::Result<bool> {
    let folder = fresh_folder(workspace, "census")?;
    let intents = arguments.messages.unwrap_or(Scenario::Census.messages());
    let figures = match arguments.store {
        StoreKind::Sqlite => measure(workspace, binaries, &folder, intents, &Vec::new(), arguments),
        StoreKind::Postgres => {
            let server = PostgresProcess::start(workspace, binaries, &folder)?;
            let _: serde_json::Value = server.migrate(binaries, &folder)?;
            let figures = measure(workspace, binaries, &folder, intents, &server.environment(), arguments);
            server.close()?;
            figures
        }
    };
    remove(&folder)?;
    let figures = figures?;
    eprintln!("{figures:#?}");
    if arguments.json {
        println!("{}", serde_json::to_string(&figures)?);
    }
    Ok(!arguments.strict || figures.missed.is_empty())
}

type Environment = Vec<(String, String)>;

fn measure(
    workspace: &Workspace,
    binaries: &Binaries,
    folder: &Path,
    intents: u64,
    environment: &Environment,
    arguments: &Arguments,
) -> anyhow::Result<Figures> {
    let data = folder.join("data");
    let (planted, fill_s) = fill(workspace, folder, &data, intents, environment)?;
    let mut figures = Figures {
        scenario: "census",
        store: format!("{:?}", arguments.store).to_lowercase(),
        intents,
        releases: planted.releases,
        releases_unsent: 0,
        unsent: 0,
        bands: Vec::new(),
        fill_s,
        census_s: Vec::new(),
        times_s: Vec::new(),
        process_s: Vec::new(),
        books_s: 0.0,
        missed: Vec::new(),
    };
    for _ in 0..arguments.rounds.max(1) {
        let (answer, whole) = ask(binaries, folder, &data, environment, &["--window", WINDOW])?;
        compare(&answer, &planted)?;
        figures.census_s.push(answer.seconds.census);
        figures.times_s.push(answer.seconds.times);
        figures.process_s.push(whole);
        figures.bands = answer.bands.iter().map(|band| band.releases).collect();
        (figures.releases_unsent, figures.unsent) = (answer.releases_unsent, answer.unsent);
    }
    let (answer, _) = ask(binaries, folder, &data, environment, &["--full"])?;
    compare(&answer, &planted)?;
    let books = answer.books.context("the books' part is missing")?;
    if books.intents != intents || books.open != answer.unsent + answer.in_flight || !books.differ.is_empty()
    {
        bail!("the books alone have {} of {intents} mails, {} of them open", books.intents, books.open);
    }
    figures.books_s = answer.seconds.books;
    figures.judge();
    Ok(figures)
}

/// Fills the books; what was planted, and how long it took.
fn fill(
    workspace: &Workspace,
    folder: &Path,
    data: &Path,
    intents: u64,
    environment: &Environment,
) -> anyhow::Result<(Planted, f64)> {
    let (room, example) = match environment.as_slice() {
        [] => ("ledger-sqlite", "sqlite_census"),
        _ => ("ledger-postgres", "postgres_census"),
    };
    let build = ["build", "--quiet", "--release", "-p", room, "--example", example];
    let features: &[&str] = if environment.is_empty() { &[] } else { &["--features", "behind"] };
    let built = Program::cargo(workspace.root(), BUILD_MAX).args(build).args(features).show()?;
    if !built.success {
        bail!("building {example} {}", built.reason);
    }
    let mut command = Command::new(workspace.target().join("release/examples").join(example));
    if environment.is_empty() {
        command.arg(data);
    }
    command.arg(intents.to_string()).envs(environment.iter().cloned());
    let mut process = Process::start("fill", folder, &mut command)?;
    let ended = process.wait(FILL_MAX)?;
    if !ended.status.success() {
        bail!("{example} failed: {}", process.errors_shown());
    }
    let planted = serde_json::from_str(process.output()?.trim()).context(example)?;
    Ok((planted, ended.at.since(process.started()).as_secs_f64()))
}

impl Figures {
    fn judge(&mut self) {
        let most = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
        let targets = [
            ("census", most(&self.census_s), 2.0),
            ("times", most(&self.times_s), 2.0),
            ("books", self.books_s, 120.0),
        ];
        let late = targets.into_iter().filter(|(_, took, target)| took > target);
        self.missed =
            late.map(|(what, took, target)| format!("{what}: {took:.2} s, not {target} s")).collect();
    }
}

fn ask(
    binaries: &Binaries,
    folder: &Path,
    data: &Path,
    environment: &Environment,
    more: &[&str],
) -> anyhow::Result<(Answer, f64)> {
    let mut command = Command::new(binaries.hikyaku());
    command.args(["reconcile", "--json", "--data"]).arg(data).args(more).envs(environment.iter().cloned());
    let mut process = Process::start("reconcile", folder, &mut command)?;
    let ended = process.wait(ASK_MAX)?;
    let answer = serde_json::from_str(process.output()?.trim())
        .with_context(|| format!("hikyaku reconcile ({}): {}", ended.status, process.errors_shown()))?;
    Ok((answer, ended.at.since(process.started()).as_secs_f64()))
}

/// The very mails that were planted, all of them named.
fn compare(answer: &Answer, planted: &Planted) -> anyhow::Result<()> {
    let found = (answer.unsent, answer.releases_unsent, answer.ids_left_out);
    if found != (planted.lost, planted.losing, 0) {
        bail!(
            "{} mails of {} releases were lost, and (mails, releases, not named) {found:?} found",
            planted.lost,
            planted.losing
        );
    }
    Ok(())
}
