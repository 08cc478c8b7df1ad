//! The copy of the tree in which mistakes are planted. It and its builds lie in the target folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::command::Program;
use crate::peers;
use crate::workspace::Workspace;

const GIT_MAX: Duration = Duration::from_secs(60);

/// The copy.
pub struct Garden {
    root: PathBuf,
    source: PathBuf,
    target: PathBuf,
    files: Vec<PathBuf>,
    /// Where tests find their peers.
    peers: Vec<(&'static str, PathBuf)>,
}

impl Garden {
    /// A copy of what git knows of the tree, and of what is new in it; see [`Self::restore`].
    pub fn new(workspace: &Workspace) -> anyhow::Result<Self> {
        let root = workspace.root().to_path_buf();
        let listed = Program::new("git", &root, GIT_MAX)
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .output()?;
        let files = listed.lines().map(PathBuf::from).filter(|path| root.join(path).is_file()).collect();
        let folder = workspace.target().join("mutants");
        let folder = if folder.is_absolute() { folder } else { root.join(folder) };
        let (source, target) = (folder.join("source"), folder.join("target"));
        Ok(Self { root, source, target, files, peers: peers::variables(workspace) })
    }

    /// Where its programs are built.
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// A program in the copy.
    pub fn program(&self, name: impl AsRef<std::ffi::OsStr>, limit: Duration) -> Program {
        Program::new(name, &self.source, limit)
    }

    /// Cargo in the copy. Tests must not pass over peers that are not there.
    pub fn cargo(&self, limit: Duration) -> Program {
        Program::cargo(&self.source, limit)
            .envs([("CARGO_TARGET_DIR", &self.target)])
            .envs(self.peers.iter().cloned())
            .envs([("HIKYAKU_REQUIRE_PEERS", "1")])
    }

    /// Plants a mistake.
    pub fn plant(&self, patch: &Path) -> anyhow::Result<()> {
        let above = self.source.parent().unwrap_or(&self.source).to_owned();
        // Outside of any repository, so that paths are those of the copy.
        let git = self.program("git", GIT_MAX).envs([("GIT_CEILING_DIRECTORIES", above)]);
        let planted = git.args(["apply", "-p1"]).args([patch]).show()?;
        ensure!(planted.success, "git apply {}", planted.reason);
        Ok(())
    }

    /// Makes the copy like the tree; what is alike already is not touched, so that it is not built again.
    pub fn restore(&self) -> anyhow::Result<()> {
        remove_others(&self.source, &self.files.iter().map(|path| self.source.join(path)).collect())?;
        for path in &self.files {
            let (from, to) = (self.root.join(path), self.source.join(path));
            let wanted = fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
            if fs::read(&to).is_ok_and(|found| found == wanted) {
                continue;
            }
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::write(&to, wanted).with_context(|| format!("writing {}", to.display()))?;
        }
        Ok(())
    }
}

/// Removes what an earlier tree had and this one has not.
fn remove_others(folder: &Path, kept: &BTreeSet<PathBuf>) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}
