//! One part of the peers' folder: installed anew when its key changes, and marked whole at the very end.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use aws_lc_rs::digest::{SHA256, digest};

/// A part that is to be installed.
pub struct Part {
    /// Its folder, empty by now.
    pub folder: PathBuf,
    key: String,
}

impl Part {
    /// The part if it has to be installed; `None` if it is there with this very key.
    ///
    /// # Errors
    /// When an older one cannot be removed.
    pub fn open(folder: &Path, name: &str, key_parts: &[&str]) -> anyhow::Result<Option<Self>> {
        let folder = folder.join(name);
        let key = key(key_parts);
        if fs::read_to_string(folder.join(".ready")).is_ok_and(|ready| ready == key) {
            eprintln!("peers: {name} is there");
            return Ok(None);
        }
        eprintln!("peers: installing {name} into {}", folder.display());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(Some(Self { folder, key }))
    }

    /// Marks it whole.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn ready(self) -> anyhow::Result<()> {
        fs::write(self.folder.join(".ready"), self.key).context("cannot mark a part of the peers as whole")
    }
}

/// A digest over all that the part depends on.
fn key(parts: &[&str]) -> String {
    let framed: String = parts.iter().map(|part| format!("{}\n{part}", part.len())).collect();
    digest(&SHA256, framed.as_bytes()).as_ref().iter().map(|octet| format!("{octet:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_installed_once_for_each_key() {
        let folder = tempfile::tempdir().expect("a folder");
        let open = |key: &str| Part::open(folder.path(), "a", &[key]).expect("it opens");
        fs::create_dir(folder.path().join("a")).expect("a folder");
        fs::write(folder.path().join("a/old"), "").expect("a file");
        let part = open("1").expect("it is not there yet");
        assert!(!part.folder.join("old").exists());
        assert!(open("1").is_some(), "not marked whole");
        open("1").expect("still not").ready().expect("marked");
        assert!(open("1").is_none());
        assert!(open("2").is_some());
    }

    #[test]
    fn keys_do_not_run_together() {
        assert_ne!(key(&["ab", "c"]), key(&["a", "bc"]));
    }
}
