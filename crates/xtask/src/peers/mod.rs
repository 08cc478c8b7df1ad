//! `cargo xtask peers`: brings the real servers and parsers that tests use into `target/peers`.
//!
//! Nothing is installed on the machine but missing tools (npm, python3): Debian's servers are unpacked, npm's and
//! PyPI's packages go into folders of their own. Starting them is `testkit::peers`' work; the layout is the contract
//! between the two. A part whose lock has not changed since is left as it is.

mod debian;
mod node;
mod part;
mod python;
mod tools;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::workspace::Workspace;

/// Options of `cargo xtask peers`: none yet.
#[derive(Debug, Default, clap::Args)]
pub struct Arguments {}

/// Prepares all parts and prints the variables that tests take.
///
/// # Errors
/// When a part cannot be installed.
pub fn run(workspace: &Workspace, _: &Arguments) -> anyhow::Result<bool> {
    prepare(workspace)?;
    for (name, value) in variables(workspace) {
        println!("{name}={}", value.display());
    }
    Ok(true)
}

/// Prepares all parts. One preparation at a time; another one waits.
///
/// # Errors
/// When a part cannot be installed.
pub fn prepare(workspace: &Workspace) -> anyhow::Result<()> {
    alone(workspace, |locks, folder| {
        debian::prepare(locks, folder)?;
        node::prepare(locks, folder)?;
        python::prepare(locks, folder)
    })
}

/// Prepares nftables; gives the folder of its tree.
///
/// # Errors
/// When it cannot be installed.
pub fn prepare_firewall(workspace: &Workspace) -> anyhow::Result<PathBuf> {
    alone(workspace, debian::prepare_firewall)?;
    Ok(workspace.peers().join("nftables/root"))
}

/// Prepares while nobody else does.
fn alone(
    workspace: &Workspace,
    prepare: impl FnOnce(&Path, &Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let folder = workspace.peers();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let lock = File::create(folder.join(".lock")).context("cannot make the lock of the peers' folder")?;
    lock.lock().context("cannot lock the peers' folder")?;
    prepare(&workspace.root().join("crates/testkit/peers"), &folder)
}

/// What tests that use peers read from their environment.
pub fn variables(workspace: &Workspace) -> Vec<(&'static str, PathBuf)> {
    let folder = workspace.peers();
    vec![
        ("HIKYAKU_PEERS_NODE_MODULES", folder.join("node/node_modules")),
        ("HIKYAKU_PEERS_PYTHON", folder.join("python/bin/python")),
        ("HIKYAKU_PEERS", folder),
    ]
}
