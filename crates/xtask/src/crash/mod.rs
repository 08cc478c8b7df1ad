//! `cargo xtask crash`: kills real senders at random moments, starts them again, and compares what a sink has with
//! what the books say.
//!
//! The sink is never killed and its log is the oracle; the books are read through the command line alone. With
//! `--nodes` many of them share the books in a PostgreSQL; with
//! `--power` the data folder also loses what was not synced at each kill, as in a power cut.
//!
//! Bounds: nothing lost; `hold` doubles nothing; unknown, and doubled under `resend-once`, at most what could be
//! on the wire at the kills. A broken bound is exit code 1.

mod cluster;
mod drill;
mod killing;
mod power;
mod report;

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::rig::binaries::{fresh_folder, remove};
use crate::rig::{Binaries, Policies, Profile};
use crate::workspace::Workspace;

/// Flags of `crash`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// Kills, per policy.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Mails, per policy.
    #[arg(long, default_value_t = 20_000)]
    messages: u32,
    /// What becomes of unknown mails.
    #[arg(long, value_enum, default_value_t = Policies::Both)]
    policy: Policies,
    /// Also cut the power at each kill: the data folder loses what was not synced (needs root).
    #[arg(long)]
    power: bool,
    /// Run with `synchronous=OFF`, a fault that the drill must find (with --power): exit code 1.
    #[arg(long, requires = "power")]
    plant_synchronous_off: bool,
    /// Turn the verdict round: exit code 0 only if each policy breaks a bound (with the planted fault).
    #[arg(long, requires = "plant_synchronous_off")]
    must_break: bool,
    /// Send to this server instead of our sink; then nothing but the books is judged, unless --sink-log is given.
    #[arg(long)]
    sink: Option<SocketAddr>,
    /// The log of that server: one line a mail, which names the recipient.
    #[arg(long, requires = "sink")]
    sink_log: Option<PathBuf>,
    /// So many nodes over one PostgreSQL, which share each policy's release, instead of one sender over SQLite.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=16), conflicts_with_all = ["power", "sink"])]
    nodes: u32,
    /// Sessions of each sender, or of all nodes together.
    #[arg(long, default_value_t = 50)]
    sessions: u32,
    /// Chooses the moments; the same seed chooses the same.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// One JSON object a policy on standard output.
    #[arg(long)]
    json: bool,
    /// Leave data folder and logs in target/crash even when all is well.
    #[arg(long)]
    keep: bool,
}

/// Runs the drill; false when a bound was broken (with `--must-break`: when none was).
///
/// # Errors
/// When the drill itself cannot be run.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let binaries = Binaries::build(workspace, Profile::Release)?;
    let mut all_well = true;
    for policy in arguments.policy.each() {
        let folder = fresh_folder(workspace, &format!("crash/{}", policy.name()))?;
        let report = match arguments.nodes {
            0 => drill::run(&binaries, &folder, arguments, *policy)?,
            _ => cluster::run(workspace, &binaries, &folder, arguments, *policy)?,
        };
        report.show(arguments.json)?;
        let held = report.broken.is_empty();
        let well = held != arguments.must_break;
        if well && !arguments.keep {
            remove(&folder)?;
        } else {
            eprintln!("data folder and logs: {}", folder.display());
        }
        all_well &= well;
    }
    Ok(all_well)
}
