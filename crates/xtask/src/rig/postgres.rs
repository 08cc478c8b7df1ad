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
/// A copy of a whole server.
const ROLES_MAX: Duration = Duration::from_secs(300);
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
        Self::start_part(workspace, binaries, folder, &["postgres"])
    }

    fn start_part(
        workspace: &Workspace,
        binaries: &Binaries,
        folder: &Path,
        part: &[&str],
    ) -> anyhow::Result<Self> {
        crate::peers::prepare(workspace)?;
        let mut command = Command::new(binaries.rig());
        command.args(part).arg("--folder").arg(folder);
        command.env("HIKYAKU_PEERS", workspace.peers());
        let mut process = Process::start(part[0], folder, &mut command)?;
        let started = process.line_after(0, START_MAX)?;
        let started = serde_json::from_str(&started).with_context(|| format!("hikyaku-rig {}", part[0]))?;
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

/// A primary and its standby, reached by one URL with both addresses.
pub struct PostgresPair {
    server: PostgresProcess,
    answers: usize,
}

#[derive(Deserialize)]
struct Took {
    ms: u64,
}

impl PostgresPair {
    /// Installs them where need be, and starts them with their data below `folder`.
    ///
    /// # Errors
    /// When they cannot be installed or started.
    pub fn start(
        workspace: &Workspace,
        binaries: &Binaries,
        folder: &Path,
        is_synchronous: bool,
    ) -> anyhow::Result<Self> {
        let part: &[&str] =
            if is_synchronous { &["postgres-pair"] } else { &["postgres-pair", "--asynchronous"] };
        Ok(Self { server: PostgresProcess::start_part(workspace, binaries, folder, part)?, answers: 1 })
    }

    /// The pair as one server.
    pub fn server(&self) -> &PostgresProcess {
        &self.server
    }

    /// Kills the primary, and promotes the standby after this time; the time until it is the primary, in milliseconds.
    ///
    /// # Errors
    /// When it is not promoted.
    pub fn fail_over(&mut self, away: Duration) -> anyhow::Result<u64> {
        self.order(&format!("failover {}", away.as_millis()))
    }

    /// Makes a new standby; the time until it follows, in milliseconds.
    ///
    /// # Errors
    /// When it does not follow.
    pub fn renew_standby(&mut self) -> anyhow::Result<u64> {
        self.order("standby")
    }

    fn order(&mut self, order: &str) -> anyhow::Result<u64> {
        self.server.process.order(order)?;
        let answer = self.server.process.line_after(self.answers, ROLES_MAX)?;
        self.answers += 1;
        let took: Took = serde_json::from_str(&answer).with_context(|| format!("hikyaku-rig: {answer}"))?;
        Ok(took.ms)
    }

    /// Ends both.
    ///
    /// # Errors
    /// When they do not end.
    pub fn close(self) -> anyhow::Result<()> {
        self.server.close()
    }
}
