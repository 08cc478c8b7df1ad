//! The files of the workspace as tidy sees them: everything but what builds and tools leave behind.

use std::fs;
use std::path::Path;

use anyhow::Context as _;

/// Folders that are not looked into, at any depth.
const SKIPPED: &[&str] = &["target", "node_modules", "corpus", "artifacts", "__pycache__"];

/// No tree of ours has more; a link that leads out of it might.
const FILES_MAX: usize = 20_000;

/// All files below `root`, relative to it, with `/`, sorted.
///
/// # Errors
/// When a folder cannot be read, or there are too many files.
pub fn paths(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut paths = Vec::new();
    walk(root, "", &mut paths)?;
    paths.sort();
    Ok(paths)
}

fn walk(root: &Path, folder: &str, paths: &mut Vec<String>) -> anyhow::Result<()> {
    let place = || format!("cannot read the folder {}", root.join(folder).display());
    for entry in fs::read_dir(root.join(folder)).with_context(place)? {
        let entry = entry.with_context(place)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
        // Links are not followed.
        let kind = entry.file_type().with_context(place)?;
        if kind.is_dir() && name != ".git" && !SKIPPED.contains(&name.as_str()) {
            walk(root, &path, paths)?;
        } else if kind.is_file() {
            paths.push(path);
        }
        anyhow::ensure!(paths.len() <= FILES_MAX, "more than {FILES_MAX} files in the tree");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_builds_leave_behind_is_not_seen() {
        let root = tempfile::tempdir().expect("a folder");
        for path in ["target/a", ".git/b", "crates/a/src/lib.rs", "crates/a/node_modules/c.js", ".ci/run"] {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
            fs::write(path, "").expect("a file");
        }
        assert_eq!(paths(root.path()).expect("paths"), [".ci/run", "crates/a/src/lib.rs"]);
    }
}
