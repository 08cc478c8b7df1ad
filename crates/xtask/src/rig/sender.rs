//! `hikyaku send` and the commands that read its books, as an operator would type them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::books::{self, Statement};
use super::{Binaries, Ended, Process};

/// A command that reads books of a million rows, on a busy machine.
const READ_MAX: Duration = Duration::from_secs(300);

/// One release with its list, relay and data folder.
#[derive(Debug, Clone)]
pub struct Sender {
    /// The programs.
    pub binaries: Binaries,
    /// Where output and errors of the processes go.
    pub folder: PathBuf,
    /// RELEASE.md.
    pub release: PathBuf,
    /// LIST.csv.
    pub list: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The SMTP server.
    pub relay: SocketAddr,
    /// Sessions.
    pub sessions: u32,
    /// Further flags of `send`.
    pub flags: Vec<String>,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
}

impl Sender {
    /// Starts `hikyaku send`. `name` names its output files; `extra` are flags of this one process.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start(&self, name: &str, extra: &[String]) -> anyhow::Result<Process> {
        let mut command = Command::new(self.binaries.hikyaku());
        command.arg("send").arg(&self.release).arg("--list").arg(&self.list);
        command.arg("--relay").arg(format!("smtp://drill:drill-secret@{}?tls=none", self.relay));
        command.arg("--data").arg(&self.data).args(["--sessions", &self.sessions.to_string(), "--json"]);
        command.args(&self.flags).args(extra).envs(self.environment.iter().cloned());
        Process::start(name, &self.folder, &mut command)
    }

    /// The name by which other commands know the release.
    pub fn release_name(&self) -> anyhow::Result<&str> {
        self.release.file_stem().and_then(|stem| stem.to_str()).context("the release's file has no name")
    }

    /// Runs `hikyaku ARGUMENTS --data DIR` to its end.
    ///
    /// # Errors
    /// When it takes too long.
    pub fn read(&self, name: &str, arguments: &[&str]) -> anyhow::Result<(Ended, Process)> {
        let mut command = Command::new(self.binaries.hikyaku());
        command.args(arguments).arg("--data").arg(&self.data).envs(self.environment.iter().cloned());
        let mut process = Process::start(name, &self.folder, &mut command)?;
        let ended = process.wait(READ_MAX)?;
        Ok((ended, process))
    }

    /// `hikyaku statement`.
    ///
    /// # Errors
    /// When it fails, or prints no statement.
    pub fn statement(&self) -> anyhow::Result<Statement> {
        let (ended, process) = self.read("statement", &["statement", self.release_name()?, "--json"])?;
        let output = process.output()?;
        books::last_statement(&output)
            .with_context(|| format!("hikyaku statement ({}): {}", ended.status, process.errors_shown()))
    }

    /// The raw output of `hikyaku recipients --outcome OUTCOME`.
    ///
    /// # Errors
    /// When it fails.
    pub fn recipients(&self, outcome: &str) -> anyhow::Result<String> {
        let name = self.release_name()?;
        let arguments = ["recipients", name, "--outcome", outcome, "--json"];
        let (ended, process) = self.read("recipients", &arguments)?;
        if !ended.status.success() {
            bail!("hikyaku recipients --outcome {outcome} ({}): {}", ended.status, process.errors_shown());
        }
        process.output()
    }

    /// Runs `hikyaku check`; what it found when it is not clean.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn check(&self) -> anyhow::Result<Option<String>> {
        let (ended, process) = self.read("check", &["check"])?;
        let found = format!("{}\n{}", process.output()?.trim(), process.errors_shown());
        Ok((!ended.status.success()).then(|| format!("hikyaku check ({}): {}", ended.status, found.trim())))
    }
}

/// Writes a file of a run.
///
/// # Errors
/// What the file system says.
pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("writing {}", path.display()))
}
