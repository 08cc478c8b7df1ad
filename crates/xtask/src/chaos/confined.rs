//! A scenario in namespaces of its own: processes, mounts and network.
//!
//! What it mounts, which loop devices and firewall rules it makes, and whom it starts: the kernel takes all of that away
//! with the namespaces, however the scenario ends.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use super::{Arguments, Scenario};
use crate::command::{Program, installed};
use crate::rig::{Binaries, Policy, Process};
use crate::workspace::Workspace;

/// A scenario takes no longer.
const PLAY_MAX: Duration = Duration::from_secs(45 * 60);
const TOOL_MAX: Duration = Duration::from_secs(30);

/// Why scenarios cannot be confined here, if they cannot.
pub fn obstacle() -> Option<&'static str> {
    let is_root = rustix::process::geteuid().is_root();
    match (is_root, installed("unshare")) {
        (false, _) => Some("it needs root, for namespaces of its own"),
        (true, false) => Some("there is no `unshare` (package util-linux)"),
        (true, true) => None,
    }
}

/// Makes the network of new namespaces usable: its loopback device is down at first.
///
/// # Errors
/// When there is no `ip`, or it fails.
pub fn settle_in(workspace: &Workspace) -> anyhow::Result<()> {
    let up = Program::new("ip", workspace.root(), TOOL_MAX).args(["link", "set", "lo", "up"]);
    up.quiet().context("bringing up the loopback device (package iproute2)")
}

/// Plays a scenario by another run of this program; whether nothing was broken.
///
/// # Errors
/// When that cannot be started, or the scenario cannot be played.
pub fn play(
    workspace: &Workspace,
    binaries: &Binaries,
    scenario: Scenario,
    policy: Policy,
    arguments: &Arguments,
) -> anyhow::Result<bool> {
    let mut command = Command::new("unshare");
    command.args(["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    command.arg(std::env::current_exe().context("where this program is")?);
    command.args(["chaos", scenario.name(), "--confined", "--policy", policy.name()]);
    command.args(arguments.passed_on());
    command.env("HIKYAKU_BINARIES", binaries.folder());
    let folder = workspace.target().join("chaos");
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let mut process =
        Process::start(&format!("{}-{}", scenario.name(), policy.name()), &folder, &mut command)?;
    let ended = process.wait(PLAY_MAX)?;
    eprint!("{}", process.errors()?);
    let output = process.output()?;
    print!("{output}");
    // Either it says what it found, or it could not be played.
    ensure!(
        ended.status.success() || !output.is_empty(),
        "{} could not be played ({})",
        scenario.name(),
        ended.status
    );
    Ok(ended.status.success())
}
