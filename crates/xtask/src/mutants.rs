//! `cargo xtask mutants`: plants each known mistake in a copy of the tree, and lets the simulator look for it.
//!
//! The mistakes are patch files beside the simulator, so that none can ever stand in a build of the product. The copy
//! and its builds lie in the target folder.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};

use crate::command::Program;
use crate::workspace::Workspace;

const BUILD_MAX: Duration = Duration::from_secs(3600);
const SEARCH_MAX: Duration = Duration::from_secs(3600);
const GIT_MAX: Duration = Duration::from_secs(60);

/// Where the mistakes are kept, in the tree.
const PATCHES: &str = "crates/sim/mutants";

/// Options of `cargo xtask mutants`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many seeds are tried for each mistake at most.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// Print `{planted, caught, missed}` in one line.
    #[arg(long)]
    json: bool,
    /// Only the mistakes whose names contain this.
    filter: Option<String>,
}

/// What became of all mistakes.
#[derive(Debug, Default, Serialize)]
struct Verdict {
    planted: usize,
    caught: usize,
    missed: usize,
    missed_names: Vec<String>,
}

/// The simulator's own verdict.
#[derive(Debug, Deserialize)]
struct Found {
    failing_seeds: Vec<u64>,
}

/// Plants and looks; true when each mistake was found.
///
/// # Errors
/// When a mistake cannot be planted or built: its patch must be brought up to date.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let garden = Garden::new(workspace)?;
    let mut verdict = Verdict::default();
    for patch in patches(workspace, arguments.filter.as_deref().unwrap_or_default())? {
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let found = garden.look_for(&patch, arguments.seeds).with_context(|| format!("mutant `{name}`"))?;
        verdict.planted += 1;
        match found {
            Some(seed) => {
                verdict.caught += 1;
                eprintln!("{name}: caught by seed {seed}");
            }
            None => {
                eprintln!("{name}: MISSED by {} seeds", arguments.seeds);
                verdict.missed += 1;
                verdict.missed_names.push(name);
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string(&verdict)?);
    } else {
        println!("planted {}, caught {}, missed {}", verdict.planted, verdict.caught, verdict.missed);
    }
    Ok(verdict.missed == 0 && verdict.planted > 0)
}

fn patches(workspace: &Workspace, filter: &str) -> anyhow::Result<BTreeSet<PathBuf>> {
    let folder = workspace.root().join(PATCHES);
    let entries = fs::read_dir(&folder).with_context(|| format!("no folder {}", folder.display()))?;
    let paths: Result<BTreeSet<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        path.extension().is_some_and(|kind| kind == "patch") && name.contains(filter)
    });
    Ok(paths)
}

/// The copy in which mistakes are planted.
struct Garden {
    root: PathBuf,
    source: PathBuf,
    target: PathBuf,
    files: Vec<PathBuf>,
}

impl Garden {
    fn new(workspace: &Workspace) -> anyhow::Result<Self> {
        let root = workspace.root().to_path_buf();
        let listed = Program::new("git", &root, GIT_MAX)
            .args(["ls-files", "--cached", "--others", "--exclude-standard"])
            .output()?;
        let files = listed.lines().map(PathBuf::from).filter(|path| root.join(path).is_file()).collect();
        let folder = workspace.target().join("mutants");
        let folder = if folder.is_absolute() { folder } else { root.join(folder) };
        Ok(Self { root, source: folder.join("source"), target: folder.join("target"), files })
    }

    /// The first seed that finds the mistake.
    fn look_for(&self, patch: &Path, seeds: u64) -> anyhow::Result<Option<u64>> {
        self.restore()?;
        let planted = Program::new("git", &self.source, GIT_MAX)
            // Outside of any repository, so that paths are those of the copy.
            .envs([("GIT_CEILING_DIRECTORIES", &self.source.parent().unwrap_or(&self.source).to_owned())])
            .args(["apply", "-p1"])
            .args([patch])
            .show()?;
        ensure!(planted.success, "git apply {}", planted.reason);
        let built = Program::cargo(&self.source, BUILD_MAX)
            .envs([("CARGO_TARGET_DIR", &self.target)])
            .args(["build", "--quiet", "--package", "sim"])
            .show()?;
        ensure!(built.success, "cargo build {}", built.reason);
        let mut said = Vec::new();
        Program::new(self.target.join("debug/hikyaku-sim"), &self.source, SEARCH_MAX)
            .args(["--seeds", &seeds.to_string(), "--until-breach", "--json"])
            .look(&mut |line| said.push(line))?;
        let json = said.iter().find(|line| line.starts_with("{\"seeds\""));
        let found: Found = serde_json::from_str(json.context("the simulator gave no verdict")?)?;
        Ok(found.failing_seeds.first().copied())
    }

    /// Makes the copy like the tree; what is alike already is not touched, so that it is not built again.
    fn restore(&self) -> anyhow::Result<()> {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The code moved on, and a mistake beside it did not: bring its patch up to date.
    #[test]
    fn every_mistake_can_be_planted() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let folder = root.join(PATCHES);
        let patches = fs::read_dir(&folder).expect("patches").map(|entry| entry.expect("an entry").path());
        let mut planted = 0;
        for patch in patches.filter(|path| path.extension().is_some_and(|kind| kind == "patch")) {
            let applies = Program::new("git", root, GIT_MAX).args(["apply", "--check", "-p1"]).args([&patch]);
            assert!(applies.show().expect("git").success, "{}", patch.display());
            planted += 1;
        }
        assert!(planted >= 12, "{planted} mistakes");
    }
}
