//! Builds the programs and says where they lie.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::command::Program;
use crate::workspace::Workspace;

/// A cold release build on a small machine.
const BUILD_MAX: Duration = Duration::from_secs(45 * 60);

/// How the programs are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// As shipped: to measure, and to be killed at realistic moments.
    Release,
    /// Quick to build: to show.
    Dev,
}

/// The folder of the built programs.
#[derive(Debug, Clone)]
pub struct Binaries {
    folder: PathBuf,
}

impl Binaries {
    /// Builds `hikyaku`, `hikyaku-sink` and `hikyaku-rig`, or takes those in the folder `HIKYAKU_BINARIES`.
    ///
    /// # Errors
    /// When cargo fails.
    pub fn build(workspace: &Workspace, profile: Profile) -> anyhow::Result<Self> {
        if let Some(folder) = std::env::var_os("HIKYAKU_BINARIES") {
            return Ok(Self { folder: PathBuf::from(folder) });
        }
        eprintln!("building the programs / プログラムをビルドしています…");
        // The same features for every subcommand, so that none of them builds anew what another built.
        let base = ["build", "--quiet", "-p", "hikyaku", "-p", "testkit", "--bins"];
        let features = ["--features", "testkit/power,testkit/inbox"];
        let release: &[&str] = if profile == Profile::Release { &["--release"] } else { &[] };
        let program = Program::cargo(workspace.root(), BUILD_MAX).args(base).args(features).args(release);
        let ended = program.show()?;
        if !ended.success {
            bail!("building the programs {}", ended.reason);
        }
        let name = if profile == Profile::Release { "release" } else { "debug" };
        let folder = workspace.target().join(name);
        let folder = folder.canonicalize().with_context(|| format!("no folder {}", folder.display()))?;
        Ok(Self { folder })
    }

    /// The product.
    pub fn hikyaku(&self) -> PathBuf {
        self.folder.join("hikyaku")
    }

    /// The catch-all server.
    pub fn sink(&self) -> PathBuf {
        self.folder.join("hikyaku-sink")
    }

    /// The other parts of drills.
    pub fn rig(&self) -> PathBuf {
        self.folder.join("hikyaku-rig")
    }
}

/// An empty folder of this name for one run, under the target folder (a disk, not memory).
///
/// # Errors
/// When the old one cannot be removed or the new one not be made.
pub fn fresh_folder(workspace: &Workspace, name: &str) -> anyhow::Result<PathBuf> {
    let folder = workspace.target().join(name);
    remove(&folder)?;
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    folder.canonicalize().with_context(|| format!("finding {}", folder.display()))
}

/// Removes a folder of ours with all that is in it, if it is there.
///
/// # Errors
/// When it stays.
pub fn remove(folder: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", folder.display()))
        }
        _ => Ok(()),
    }
}
