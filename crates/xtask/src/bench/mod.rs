//! `cargo xtask bench`: how fast releases go out, beside the fastest possible sender and beside Postfix.
//!
//! Every figure is of programs as shipped (release build) run as processes of their own; CPU time and peak memory
//! are the kernel's. A scenario fails when the sink does not have every mail exactly once. Ceiling and campaign
//! take turns, and the median counts, for machines are noisy.
//!
//! What is measured to where: `campaign`, `dkim` and `memory` from the start of `hikyaku send` to its end,
//! planning and the last durable outcome included; `ceiling` from the first connection to the last reply;
//! `postfix` from the first connection to the last mail in the sink; `freeze` from the start to the first
//! connection to the relay, which nothing but the sealed audience precedes; `statement` the whole command.

mod campaign;
mod census;
mod figures;
mod freeze;
mod memory;
mod nodes;
mod place;
mod postfix;
mod postgres;
mod submission;
mod table;

use std::net::SocketAddr;

use clap::ValueEnum;

use crate::rig::binaries::{fresh_folder, remove};
use crate::rig::{Binaries, Profile};
use crate::workspace::Workspace;
use figures::Figures;
use place::Place;

/// Flags of `bench`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to measure; all if none is named. What a ratio needs is measured too.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// An array of figures on standard output.
    #[arg(long)]
    json: bool,
    /// Mails (or rows) of each scenario, instead of its own number.
    #[arg(long, alias = "intents")]
    messages: Option<u64>,
    /// Send to this server instead of our sink; then nobody counts the mails.
    #[arg(long)]
    sink: Option<SocketAddr>,
    /// Where the campaign's books are: with postgres it is measured over both stores, in turns.
    #[arg(long, value_enum, default_value_t = StoreKind::Sqlite)]
    store: StoreKind,
    /// Turns of ceiling and campaign, of which the median counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Sessions.
    #[arg(long, default_value_t = 50)]
    sessions: u32,
    /// A figure that misses its target is a failure.
    #[arg(long)]
    strict: bool,
}

/// The stores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StoreKind {
    /// A file of the sender's own.
    Sqlite,
    /// A server on the same machine.
    Postgres,
}

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Scenario {
    /// Mails of 5 KiB by a sender without books.
    Ceiling,
    /// Mails of 5 KiB by `hikyaku send`.
    Campaign,
    /// The same with the books in PostgreSQL (`--store postgres`).
    #[value(skip)]
    CampaignPostgres,
    /// A release that is frozen already, by one `hikyaku node` (`--store postgres`).
    #[value(skip)]
    OneNode,
    /// The same by two.
    #[value(skip)]
    TwoNodes,
    /// Mails of 30 KiB by a sender without books.
    #[value(name = "ceiling-30k")]
    Ceiling30k,
    /// Mails of 30 KiB by `hikyaku send`.
    #[value(name = "campaign-30k")]
    Campaign30k,
    /// Mails of 5 KiB, each signed with RSA-2048.
    Dkim,
    /// Mails of 5 KiB through Debian's Postfix.
    Postfix,
    /// Mails of 5 KiB handed in one by one by SMTP, durable before each 250, and sent on.
    Submission,
    /// Planning a release.
    Freeze,
    /// Its statement.
    Statement,
    /// A release to a very long list.
    Memory,
    /// Which mails of a whole incident are missing (only when named: it makes 16 million mails).
    Census,
}

impl Scenario {
    /// Its name on the command line and in figures.
    pub fn name(self) -> String {
        match self {
            Self::CampaignPostgres => "campaign-postgres".to_owned(),
            Self::OneNode => "one-node".to_owned(),
            Self::TwoNodes => "two-nodes".to_owned(),
            _ => self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default(),
        }
    }

    /// Mails or rows.
    fn messages(self) -> u64 {
        match self {
            Self::Ceiling | Self::Campaign | Self::CampaignPostgres | Self::OneNode | Self::TwoNodes => {
                200_000
            }
            Self::Ceiling30k | Self::Campaign30k => 60_000,
            Self::Dkim => 40_000,
            Self::Postfix => 5_000,
            Self::Submission => 60_000,
            Self::Freeze | Self::Statement => 1_000_000,
            Self::Memory => 2_000_000,
            Self::Census => 16_322_862,
        }
    }
}

/// Measures; false when a mail was lost or doubled, or with `--strict` when a target was missed.
///
/// # Errors
/// When a scenario cannot be run.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let wanted = |scenario| arguments.scenarios.is_empty() || arguments.scenarios.contains(&scenario);
    let binaries = Binaries::build(workspace, Profile::Release)?;
    if arguments.scenarios == [Scenario::Census] {
        return census::run(workspace, &binaries, arguments);
    }
    let folder = fresh_folder(workspace, "bench")?;
    let place = Place::new(&binaries, &folder, arguments);
    say_load();
    let mut figures = Figures::default();
    if [Scenario::Ceiling, Scenario::Campaign, Scenario::Dkim, Scenario::Postfix].into_iter().any(wanted) {
        campaign::turns(workspace, &place, campaign::SMALL, &mut figures)?;
    }
    if wanted(Scenario::Dkim) {
        campaign::dkim(&place, &mut figures)?;
    }
    if wanted(Scenario::Postfix) {
        postfix::run(workspace, &place, &mut figures)?;
    }
    if wanted(Scenario::Submission) {
        if !wanted(Scenario::Postfix) {
            postfix::run(workspace, &place, &mut figures)?;
        }
        submission::run(&place, &mut figures)?;
    }
    if [Scenario::Ceiling30k, Scenario::Campaign30k].into_iter().any(wanted) {
        campaign::turns(workspace, &place, campaign::LARGE, &mut figures)?;
    }
    if [Scenario::Freeze, Scenario::Statement].into_iter().any(wanted) {
        freeze::run(&place, &mut figures)?;
    }
    if wanted(Scenario::Memory) {
        memory::run(&place, &mut figures)?;
    }
    let rows = figures.rows();
    eprint!("{}", table::draw(&rows));
    if arguments.json {
        println!("{}", serde_json::to_string(&rows)?);
    }
    remove(&folder)?;
    Ok(!arguments.strict || rows.iter().all(|row| row.missed.is_empty()))
}

/// Whoever reads the figures should know what else the machine was doing.
fn say_load() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: Vec<_> = load.split_whitespace().take(3).collect();
    eprintln!("load of the machine before: {} (it should be idle)", load.join(" "));
}
