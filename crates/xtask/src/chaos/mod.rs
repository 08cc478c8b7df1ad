//! `cargo xtask chaos`: disturbs real senders over real servers, file systems and firewalls, and compares what a sink has
//! with what the books say.
//!
//! The sink is never disturbed and its log is the oracle; the books are read through the command line alone. Bounds, for
//! each scenario: nothing lost; `hold` doubles nothing; unknown, and doubled under `resend-once`, at most what could be on
//! the wire; statements balance, and `hikyaku check` is clean. A broken bound is exit code 1.

mod confined;
mod disk_full;
mod failover;
mod firewall;
mod frozen_nodes;
mod report;
mod restore;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;

use crate::rig::binaries::{fresh_folder, remove};
use crate::rig::campaign::Plan;
use crate::rig::{Binaries, Dice, Policies, Policy, Profile};
use crate::workspace::Workspace;
use report::Report;

/// Flags of `chaos`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// What to play; all without one.
    #[arg(value_enum)]
    scenarios: Vec<Scenario>,
    /// What becomes of unknown mails.
    #[arg(long, value_enum, default_value_t = Policies::Hold)]
    policy: Policies,
    /// How often the database's primary is killed.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    failovers: u32,
    /// Commits of the database that fails over do not wait for its standby, a fault that the drill must find: exit code 1.
    #[arg(long)]
    plant_asynchronous: bool,
    /// How often a node is frozen past its lease.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    freezes: u32,
    /// How often the disk is filled.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=20))]
    fills: u32,
    /// Mails of each scenario; without this as many as its disturbances need.
    #[arg(long)]
    messages: Option<u32>,
    /// Nodes, where there are several.
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(2..=16))]
    nodes: u32,
    /// Sessions of all senders together.
    #[arg(long, default_value_t = 50)]
    sessions: u32,
    /// Chooses the moments; the same seed chooses the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object a scenario and policy on standard output.
    #[arg(long)]
    json: bool,
    /// Leave data folders and logs in target/chaos even when all is well.
    #[arg(long)]
    keep: bool,
    /// This program is in namespaces of its own already.
    #[arg(long, hide = true)]
    confined: bool,
}

impl Arguments {
    /// The flags of a run in namespaces of its own, without its scenario and policy.
    fn passed_on(&self) -> Vec<String> {
        let mut flags = Vec::new();
        let numbers = [
            ("--failovers", Some(self.failovers)),
            ("--freezes", Some(self.freezes)),
            ("--fills", Some(self.fills)),
            ("--messages", self.messages),
            ("--nodes", Some(self.nodes)),
            ("--sessions", Some(self.sessions)),
        ];
        for (name, number) in numbers {
            flags.extend(number.map(|number| format!("{name}={number}")));
        }
        flags.push(format!("--seed={}", self.seed));
        flags.extend(self.json.then(|| "--json".to_owned()));
        flags.extend(self.keep.then(|| "--keep".to_owned()));
        flags
    }
}

/// What can be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The database's primary is killed and its synchronous standby promoted, again and again.
    Failover,
    /// Nodes stand still past their lease, and go on.
    FrozenNodes,
    /// The disk of a sender over SQLite fills up, and has room again.
    DiskFull,
    /// The books are lost, and restored from a backup that was taken while mails were sent.
    Restore,
    /// A firewall drops connections over a rate, and cuts others by their octets.
    Firewall,
}

impl Scenario {
    const ALL: [Self; 5] = [Self::Failover, Self::FrozenNodes, Self::DiskFull, Self::Restore, Self::Firewall];

    /// Its name on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Failover => "failover",
            Self::FrozenNodes => "frozen-nodes",
            Self::DiskFull => "disk-full",
            Self::Restore => "restore",
            Self::Firewall => "firewall",
        }
    }

    fn play(self, stage: &Stage<'_>) -> anyhow::Result<Report> {
        match self {
            Self::Failover => failover::play(stage),
            Self::FrozenNodes => frozen_nodes::play(stage),
            Self::DiskFull => disk_full::play(stage),
            Self::Restore => restore::play(stage),
            Self::Firewall => firewall::play(stage),
        }
    }

    /// True for those that change the machine: they are played where that is gone with them.
    fn is_confined(self) -> bool {
        matches!(self, Self::DiskFull | Self::Firewall)
    }
}

/// What a scenario works with.
struct Stage<'a> {
    workspace: &'a Workspace,
    binaries: &'a Binaries,
    folder: &'a Path,
    arguments: &'a Arguments,
    policy: Policy,
}

impl<'a> Stage<'a> {
    /// The scenario's campaign: its own number of mails, unless another was asked for.
    fn plan<'b>(&self, messages: u32, behaviour: &'b str) -> Plan<'b> {
        let Arguments { sessions, .. } = *self.arguments;
        let messages = self.arguments.messages.unwrap_or(messages);
        Plan { messages, sessions, policy: self.policy, behaviour }
    }

    fn report(&self, scenario: Scenario, plan: &Plan<'_>) -> Report {
        Report::new(scenario, self.policy, plan.sessions, plan.messages)
    }

    fn dice(&self) -> Dice {
        Dice::new(self.arguments.seed ^ if self.policy == Policy::Hold { 0 } else { 0x5eed })
    }

    /// A folder of this name within the scenario's own.
    fn folder_named(&self, name: &str) -> anyhow::Result<PathBuf> {
        let folder = self.folder.join(name);
        std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
        Ok(folder)
    }
}

/// Plays the scenarios; false when a bound was broken, or in CI (`CI` is set) when one could not be played here.
///
/// # Errors
/// When a scenario itself cannot be played.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let binaries = Binaries::build(workspace, Profile::Release)?;
    if arguments.confined {
        confined::settle_in(workspace)?;
    }
    let scenarios = if arguments.scenarios.is_empty() { &Scenario::ALL[..] } else { &arguments.scenarios };
    let mut all_well = true;
    for scenario in scenarios {
        for policy in arguments.policy.each() {
            all_well &= match scenario.is_confined() && !arguments.confined {
                true => play_confined(workspace, &binaries, *scenario, *policy, arguments)?,
                false => play(workspace, &binaries, *scenario, *policy, arguments)?,
            };
        }
    }
    Ok(all_well)
}

fn play(
    workspace: &Workspace,
    binaries: &Binaries,
    scenario: Scenario,
    policy: Policy,
    arguments: &Arguments,
) -> anyhow::Result<bool> {
    let folder = fresh_folder(workspace, &format!("chaos/{}-{}", scenario.name(), policy.name()))?;
    let stage = Stage { workspace, binaries, folder: &folder, arguments, policy };
    let report = scenario.play(&stage).with_context(|| scenario.name())?;
    let well = report.show(arguments.json)?;
    if !well || arguments.keep {
        eprintln!("data folders and logs: {}", folder.display());
    } else if !arguments.confined {
        remove(&folder)?;
    }
    Ok(well)
}

fn play_confined(
    workspace: &Workspace,
    binaries: &Binaries,
    scenario: Scenario,
    policy: Policy,
    arguments: &Arguments,
) -> anyhow::Result<bool> {
    if let Some(reason) = confined::obstacle() {
        eprintln!("{} skipped: {reason}", scenario.name());
        if arguments.json {
            println!("{}", serde_json::json!({ "scenario": scenario.name(), "skipped": reason }));
        }
        return Ok(std::env::var_os("CI").is_none());
    }
    if scenario == Scenario::Firewall {
        // While there is still a way to Debian's archive.
        crate::peers::prepare(workspace)?;
        crate::peers::prepare_firewall(workspace)?;
    }
    let well = confined::play(workspace, binaries, scenario, policy, arguments)?;
    if well && !arguments.keep {
        // Only now, for the scenario's own file system was mounted in it.
        remove(&workspace.target().join(format!("chaos/{}-{}", scenario.name(), policy.name())))?;
    }
    Ok(well)
}
