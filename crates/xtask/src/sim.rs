//! `cargo xtask sim`: builds the simulator and runs seeds with it.
//!
//! Built as for development, so that every debug assertion of the engine is on.

use std::time::Duration;

use crate::command::Program;
use crate::workspace::Workspace;

/// A cold build, and some ten thousands of seeds.
const SIM_MAX: Duration = Duration::from_secs(4 * 3600);

/// Options of `cargo xtask sim`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 1)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Print `{seeds, breaches, failing_seeds}` in one line.
    #[arg(long)]
    pub json: bool,
}

/// Runs the seeds; true when no invariant was breached.
///
/// # Errors
/// When cargo cannot be started.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let (seeds, seed) = (arguments.seeds.to_string(), arguments.seed.to_string());
    let program = Program::cargo(workspace.root(), SIM_MAX)
        .args(["run", "--quiet", "--package", "sim", "--bin", "hikyaku-sim", "--"])
        .args(["--seeds", &seeds, "--seed", &seed])
        .args(arguments.json.then_some("--json"));
    Ok(program.show()?.success)
}
