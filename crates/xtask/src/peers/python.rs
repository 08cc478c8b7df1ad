//! PyPI's aiosmtpd and dkimpy in a virtual environment, at the exact versions of `requirements.txt`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::part::Part;
use super::tools::need;
use crate::command::Program;

const INSTALL_MAX: Duration = Duration::from_secs(600);

/// Makes the environment.
///
/// # Errors
/// When Python is missing or the index cannot be reached.
pub fn prepare(locks: &Path, folder: &Path) -> anyhow::Result<()> {
    let requirements = locks.join("requirements.txt");
    let list = fs::read_to_string(&requirements).context("cannot read requirements.txt")?;
    need("python3", &["python3", "python3-venv"])?;
    let version = Program::new("python3", folder, INSTALL_MAX).args(["--version"]).output()?;
    let Some(part) = Part::open(folder, "python", &[&list, &version])? else { return Ok(()) };
    let environment = part.folder.as_path();
    Program::new("python3", folder, INSTALL_MAX)
        .args(["-m", "venv"])
        .args([environment])
        .quiet()
        .context("is Debian's python3-venv installed?")?;
    Program::new(environment.join("bin/python"), folder, INSTALL_MAX)
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ])
        .args([&requirements])
        .quiet()?;
    part.ready()
}
