//! The checks of other tools: format, clippy, and cargo-deny where it is installed.

use std::time::Duration;

use crate::command::{Program, installed};
use crate::workspace::Workspace;

/// Clippy builds all dependencies on a fresh machine.
const CLIPPY_MAX: Duration = Duration::from_secs(1800);
const OTHER_MAX: Duration = Duration::from_secs(300);

/// Runs them all, also after a failure; whether all are content.
///
/// # Errors
/// When cargo cannot be started.
pub fn run(workspace: &Workspace) -> anyhow::Result<bool> {
    let root = workspace.root();
    let mut programs = vec![
        ("cargo fmt", Program::cargo(root, OTHER_MAX).args(["fmt", "--all", "--check"])),
        (
            "cargo clippy",
            Program::cargo(root, CLIPPY_MAX).args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ]),
        ),
    ];
    if installed("cargo-deny") {
        programs.push((
            "cargo deny",
            Program::cargo(root, OTHER_MAX).args(["deny", "--offline", "check", "licenses", "bans"]),
        ));
    }
    let mut content = true;
    for (name, program) in programs {
        let ended = program.show()?;
        if !ended.success {
            eprintln!("tidy: {name} {}", ended.reason);
            content = false;
        }
    }
    Ok(content)
}
