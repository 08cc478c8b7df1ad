//! Debian's PostgreSQL as a process of its own, with an empty database on the same disk, and the schema in it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Binaries, Process};
use crate::workspace::Workspace;

const START_MAX: Duration = Duration::from_secs(60);
const MIGRATE_MAX: Duration = Duration::from_secs(60);

#[derive(Deserialize)]
struct Started {
    url: String,
    password: String,
}

/// A running server.
pub struct PostgresProcess {
    process: Process,
    started: Started,
}

impl PostgresProcess {
    /// Installs it where need be, and starts it with its data below `folder`.
    ///
    /// # Errors
    /// When it cannot be installed or started.
    pub fn start(workspace: &Workspace, binaries: &Binaries, folder: &Path) -> anyhow::Result<Self> {
        crate::peers::prepare(workspace)?;
        let mut command = Command::new(binaries.rig());
        command.arg("postgres").arg("--folder").arg(folder);
        command.env("HIKYAKU_PEERS", workspace.peers());
        let mut process = Process::start("postgres", folder, &mut command)?;
        let started =
            serde_json::from_str(&process.line_after(0, START_MAX)?).context("hikyaku-rig postgres")?;
        Ok(Self { process, started })
    }

    /// What `hikyaku` needs in its environment to have its books there.
    pub fn environment(&self) -> Vec<(String, String)> {
        let variable = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        vec![
            variable("HIKYAKU_DATABASE_URL", &self.started.url),
            variable("PGPASSWORD", &self.started.password),
        ]
    }

    /// Makes the schema; gives what `hikyaku migrate` says.
    ///
    /// # Errors
    /// When it fails.
    pub fn migrate<T: DeserializeOwned>(&self, binaries: &Binaries, folder: &Path) -> anyhow::Result<T> {
        let mut command = Command::new(binaries.hikyaku());
        command.args(["migrate", "--json"]).envs(self.environment());
        let mut process = Process::start("migrate", folder, &mut command)?;
        process.wait(MIGRATE_MAX)?;
        let output = process.output()?;
        serde_json::from_str(output.trim())
            .with_context(|| format!("hikyaku migrate: {}", process.errors_shown()))
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not end.
    pub fn close(mut self) -> anyhow::Result<()> {
        self.process.close(START_MAX).map(drop)
    }
}
