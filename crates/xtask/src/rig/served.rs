//! An installation that serves: one tenant with a relay, a verified domain and a key, all made by the command line.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

use super::binaries::remove;
use super::process::Ended;
use super::{Binaries, Process};

/// A command of the office.
const ORDER_MAX: Duration = Duration::from_secs(60);
/// Until it serves, or has ended.
const START_MAX: Duration = Duration::from_secs(60);
/// The variable with the relay's password.
const PASSWORD: &str = "HIKYAKU_RIG_PASSWORD";
/// The tenant.
pub const TENANT: &str = "株式会社さくら";
/// What it may send from.
pub const DOMAIN: &str = "load.example";

/// A running `hikyaku serve`.
pub struct Served {
    binaries: Binaries,
    folder: PathBuf,
    data: PathBuf,
    process: Process,
    key: String,
    submission: SocketAddr,
}

impl Served {
    /// Makes the tenant with its relay at `relay`, and serves.
    ///
    /// # Errors
    /// When a command fails, or it does not serve in time.
    pub fn start(binaries: &Binaries, folder: &Path, relay: SocketAddr) -> anyhow::Result<Self> {
        let data = folder.join("served");
        remove(&data)?;
        let order = |words: &[&str]| order(binaries, folder, &data, words);
        order(&["tenant", "create", TENANT])?;
        let url = format!("smtp://apikey@{relay}?tls=none");
        order(&[
            "relay",
            "add",
            "--tenant",
            TENANT,
            "--name",
            "main",
            "--url",
            &url,
            "--password-env",
            PASSWORD,
        ])?;
        order(&["sender", "verify", "--tenant", TENANT, "--domain", DOMAIN])?;
        let made = order(&["key", "create", "--tenant", TENANT, "--scopes", "all"])?;
        let key = made["key"].as_str().context("no key was made")?.to_owned();
        let mut command = Command::new(binaries.hikyaku());
        command.args(["serve", "--json", "--no-tls", "--submission", "127.0.0.1:0", "--data"]).arg(&data);
        let mut process = Process::start("serve", folder, &mut command)?;
        let line: Value =
            serde_json::from_str(&process.line_after(0, START_MAX)?).context("hikyaku serve")?;
        let submission = line["submission"][0].as_str().context("no address is listened on")?.parse()?;
        Ok(Self { binaries: binaries.clone(), folder: folder.to_owned(), data, process, key, submission })
    }

    /// Where SMTP submission listens.
    pub fn submission(&self) -> SocketAddr {
        self.submission
    }

    /// The process.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The tenant's key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Ends it in order; then its books must be without a finding.
    ///
    /// # Errors
    /// When it does not end in time, or a finding is left.
    pub fn close(mut self) -> anyhow::Result<Ended> {
        let ended = self.process.terminate(START_MAX)?;
        if !ended.status.success() {
            bail!("hikyaku serve ({}): {}", ended.status, self.process.errors_shown());
        }
        order(&self.binaries, &self.folder, &self.data, &["check"])?;
        Ok(ended)
    }
}

/// Runs a command with --json; gives what it prints.
fn order(binaries: &Binaries, folder: &Path, data: &Path, words: &[&str]) -> anyhow::Result<Value> {
    let mut command = Command::new(binaries.hikyaku());
    command.args(words).arg("--data").arg(data).arg("--json").env(PASSWORD, "relay-secret");
    let mut process = Process::start("order", folder, &mut command)?;
    let ended = process.wait(ORDER_MAX)?;
    if !ended.status.success() {
        bail!("hikyaku {} ({}): {}", words[0], ended.status, process.errors_shown());
    }
    serde_json::from_str(process.output()?.trim()).with_context(|| format!("hikyaku {}", words[0]))
}
