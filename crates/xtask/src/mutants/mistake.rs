//! The known mistakes: a patch each, with a sentence above it that says what goes wrong, and what must catch it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::catcher::Catcher;

/// Where they are kept, in the tree.
const PATCHES: &str = "crates/sim/mutants";

/// One known mistake.
pub struct Mistake {
    /// Its name.
    pub name: String,
    /// The patch that plants it.
    pub patch: PathBuf,
    /// What must catch it.
    pub catcher: Catcher,
}

/// The mistakes of the tree at `root` whose names contain `filter`, in the order of their names.
///
/// # Errors
/// When one cannot be read, or does not say what catches it.
pub fn all(root: &Path, filter: &str) -> anyhow::Result<Vec<Mistake>> {
    let folder = root.join(PATCHES);
    let entries = fs::read_dir(&folder).with_context(|| format!("no folder {}", folder.display()))?;
    let mut mistakes = Vec::new();
    for entry in entries {
        let patch = entry?.path();
        let name = patch.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if patch.extension().is_some_and(|kind| kind == "patch") && name.contains(filter) {
            let text = fs::read_to_string(&patch)?;
            let catcher = Catcher::read(&text).with_context(|| patch.display().to_string())?;
            mistakes.push(Mistake { name, patch, catcher });
        }
    }
    mistakes.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(mistakes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::command::Program;

    /// The code moved on, and a mistake beside it did not: bring its patch up to date.
    #[test]
    fn every_mistake_can_be_planted() {
        let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
        let mistakes = all(root, "").expect("each says what catches it");
        for Mistake { patch, .. } in &mistakes {
            let git = Program::new("git", root, Duration::from_secs(60));
            let applies = git.args(["apply", "--check", "-p1"]).args([patch]).show();
            assert!(applies.expect("git").success, "{}", patch.display());
        }
        assert!(mistakes.len() >= 30, "{} mistakes", mistakes.len());
    }
}
