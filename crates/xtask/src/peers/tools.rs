//! Tools that the preparation itself needs; missing ones are installed by apt-get where that is possible.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};

use crate::command::{Program, installed};

/// How long one run of apt-get may take.
const APT_MAX: Duration = Duration::from_secs(600);

/// An apt-get that asks nothing and waits for another one's lock.
pub fn apt_get(folder: &Path) -> Program {
    let options =
        ["-qq", "-o", "DPkg::Lock::Timeout=120", "-o", "Acquire::Retries=3", "-o", "APT::Sandbox::User=root"];
    Program::new("apt-get", folder, APT_MAX).envs([("DEBIAN_FRONTEND", "noninteractive")]).args(options)
}

/// Makes sure that a program is in the path.
///
/// # Errors
/// When it is not and cannot be installed.
pub fn need(program: &str, packages: &[&str]) -> anyhow::Result<()> {
    if installed(program) {
        return Ok(());
    }
    eprintln!("peers: installing {}", packages.join(", "));
    let root = Path::new("/");
    let failed = || format!("{program} is missing; install {} by hand", packages.join(" "));
    apt_get(root).args(["update"]).quiet().with_context(failed)?;
    let install = apt_get(root).args(["install", "-y", "--no-install-recommends"]);
    install.args(packages).quiet().with_context(failed)?;
    ensure!(installed(program), failed());
    Ok(())
}
