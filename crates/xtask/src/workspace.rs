//! Where things lie: the root of the workspace and its target folders.

use std::path::{Path, PathBuf};

/// The workspace that this program was built from.
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace around this package.
    pub fn of_this_build() -> Self {
        let package = Path::new(env!("CARGO_MANIFEST_DIR"));
        Self { root: package.ancestors().nth(2).unwrap_or(package).to_path_buf() }
    }

    /// Its root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds: `CARGO_TARGET_DIR`, else `target`.
    pub fn target(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| self.root.join("target"), |folder| self.root.join(folder))
    }

    /// Where the peers are installed: `HIKYAKU_PEERS`, else `target/peers`, whatever cargo's own folder is.
    pub fn peers(&self) -> PathBuf {
        std::env::var_os("HIKYAKU_PEERS")
            .map_or_else(|| self.root.join("target/peers"), |folder| self.root.join(folder))
    }
}
