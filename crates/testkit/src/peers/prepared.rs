//! Where the installed peers lie, and what a test does when they do not.
//!
//! The layout is a contract with `cargo xtask peers`, which fills the folder: `debian/` (unpacked packages),
//! `node/node_modules/`, `python/` (a virtual environment), each with a `.ready` file once it is whole.

use std::path::{Path, PathBuf};

use super::PeersError;

/// The folder of installed peers.
#[derive(Debug, Clone)]
pub struct Prepared {
    folder: PathBuf,
}

impl Prepared {
    /// The folder named by `HIKYAKU_PEERS`, else `target/peers` of the workspace. It need not exist.
    #[must_use]
    pub fn locate() -> Self {
        let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers");
        Self { folder: std::env::var_os("HIKYAKU_PEERS").map_or_else(default, PathBuf::from) }
    }

    /// The unpacked Debian packages.
    ///
    /// # Errors
    /// When they are not prepared.
    pub fn debian(&self) -> Result<PathBuf, PeersError> {
        self.part("debian").map(|folder| folder.join("root"))
    }

    /// The same, if they hold this file: an older preparation may lack a package.
    ///
    /// # Errors
    /// When they are not prepared, or it lacks.
    pub fn debian_with(&self, file: &'static str) -> Result<PathBuf, PeersError> {
        let root = self.debian()?;
        if root.join(file).exists() { Ok(root) } else { Err(self.lacks(file)) }
    }

    /// The `node_modules` folder with Haraka and mailparser.
    ///
    /// # Errors
    /// When it is not prepared.
    pub fn node_modules(&self) -> Result<PathBuf, PeersError> {
        self.part("node").map(|folder| folder.join("node_modules"))
    }

    /// A Python interpreter that finds aiosmtpd and dkimpy.
    ///
    /// # Errors
    /// When it is not prepared.
    pub fn python(&self) -> Result<PathBuf, PeersError> {
        self.part("python").map(|folder| folder.join("bin/python"))
    }

    fn part(&self, what: &'static str) -> Result<PathBuf, PeersError> {
        let folder = self.folder.join(what);
        match folder.join(".ready").is_file() {
            // Servers run with other working directories: an absolute path, links resolved.
            true => folder.canonicalize().map_err(|_| self.lacks(what)),
            false => Err(self.lacks(what)),
        }
    }

    fn lacks(&self, what: &'static str) -> PeersError {
        PeersError::NotPrepared { what, folder: self.folder.clone() }
    }
}

/// The peers for a test; `None` if they are not prepared, after saying that the test is skipped.
///
/// # Panics
/// When they are not prepared although they have to be: `CI` or `HIKYAKU_REQUIRE_PEERS` is set.
#[must_use]
pub fn prepared_or_skip() -> Option<Prepared> {
    let prepared = Prepared::locate();
    let parts = [prepared.debian(), prepared.node_modules(), prepared.python()];
    let Some(lacking) = parts.into_iter().find_map(Result::err) else { return Some(prepared) };
    skip(&lacking);
    None
}

/// Says that a test is skipped, or fails it where it has to run.
pub(super) fn skip(lacking: &PeersError) {
    verdict(required(|name| std::env::var_os(name).is_some()), lacking);
}

fn required(is_set: impl Fn(&str) -> bool) -> bool {
    is_set("CI") || is_set("HIKYAKU_REQUIRE_PEERS")
}

fn verdict(required: bool, lacking: &PeersError) {
    assert!(!required, "{lacking}");
    println!("skipped: run cargo xtask test ({lacking})");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lacking() -> PeersError {
        let nowhere = Prepared { folder: PathBuf::from("/nonexistent/peers") };
        nowhere.debian().expect_err("nothing is prepared there")
    }

    #[test]
    fn what_lacks_is_named_with_the_remedy() {
        let text = lacking().to_string();
        assert_eq!(text, "the peer debian is not prepared in /nonexistent/peers: run cargo xtask peers");
    }

    #[test]
    fn either_variable_makes_peers_required() {
        for name in ["CI", "HIKYAKU_REQUIRE_PEERS"] {
            assert!(required(|asked| asked == name));
        }
        assert!(!required(|_| false));
    }

    #[test]
    fn without_a_requirement_a_test_is_skipped() {
        verdict(false, &lacking());
    }

    #[test]
    #[should_panic(expected = "not prepared")]
    fn with_a_requirement_a_test_fails() {
        verdict(true, &lacking());
    }
}
