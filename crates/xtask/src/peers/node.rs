//! npm's Haraka and mailparser, exactly as the lock says; no package runs a script of its own.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::part::Part;
use super::tools::need;
use crate::command::Program;

const INSTALL_MAX: Duration = Duration::from_secs(600);

/// Runs `npm ci` with the lock of `testkit`.
///
/// # Errors
/// When npm is missing or its registry cannot be reached.
pub fn prepare(locks: &Path, folder: &Path) -> anyhow::Result<()> {
    let read =
        |name: &str| fs::read_to_string(locks.join(name)).with_context(|| format!("cannot read {name}"));
    let (package, lock) = (read("package.json")?, read("package-lock.json")?);
    let Some(part) = Part::open(folder, "node", &[&package, &lock])? else { return Ok(()) };
    need("npm", &["nodejs", "npm"])?;
    fs::write(part.folder.join("package.json"), package).context("cannot copy package.json")?;
    fs::write(part.folder.join("package-lock.json"), lock).context("cannot copy package-lock.json")?;
    let options = ["ci", "--omit=optional", "--ignore-scripts", "--no-audit", "--no-fund"];
    Program::new("npm", &part.folder, INSTALL_MAX).args(options).quiet()?;
    part.ready()
}
