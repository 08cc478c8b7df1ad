//! Where a bench runs: programs, folder, numbers; sample files; the count that every scenario must pass.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Arguments, Scenario, StoreKind};
use crate::rig::binaries::remove;
use crate::rig::{Binaries, Process, Sender, SinkProcess, SinkStats, Statement};

/// One part of a rig that only writes files.
const SAMPLE_MAX: Duration = Duration::from_secs(120);

/// Where and how a bench runs.
pub struct Place<'a> {
    /// The programs.
    pub binaries: &'a Binaries,
    /// A folder on a disk, for everything.
    pub folder: &'a Path,
    arguments: &'a Arguments,
}

/// The receiver of one scenario.
pub enum Receiver {
    /// Our sink, which counts.
    Ours(SinkProcess),
    /// Another server, which is taken at its word.
    Other(SocketAddr),
}

impl<'a> Place<'a> {
    /// A place.
    pub fn new(binaries: &'a Binaries, folder: &'a Path, arguments: &'a Arguments) -> Self {
        Self { binaries, folder, arguments }
    }

    /// Mails or rows of a scenario.
    pub fn messages(&self, scenario: Scenario) -> u64 {
        self.arguments.messages.unwrap_or(scenario.messages())
    }

    /// Turns of ceiling and campaign.
    pub fn rounds(&self) -> usize {
        self.arguments.rounds.max(1)
    }

    /// Whether the campaign is measured over PostgreSQL too.
    pub fn is_over_postgres(&self) -> bool {
        self.arguments.store == StoreKind::Postgres
    }

    /// Sessions.
    pub fn sessions(&self) -> u32 {
        self.arguments.sessions
    }

    /// A fresh receiver that only counts.
    ///
    /// # Errors
    /// When our sink does not start.
    pub fn receiver(&self, logs: bool) -> anyhow::Result<Receiver> {
        match self.arguments.sink {
            Some(addr) => Ok(Receiver::Other(addr)),
            None => SinkProcess::start(self.binaries, self.folder, "sink", logs, "").map(Receiver::Ours),
        }
    }

    /// Writes `NAME.md` and `NAME.csv`: a release of about so many octets (`small`, `5k` or `30k`) to so many rows.
    ///
    /// # Errors
    /// When the rig fails.
    pub fn sample(&self, name: &str, size: &str, rows: u64) -> anyhow::Result<()> {
        let path = |ending: &str| self.folder.join(format!("{name}.{ending}"));
        let mut command = Command::new(self.binaries.rig());
        command.args(["sample", "--size", size, "--rows", &rows.to_string(), "--release"]).arg(path("md"));
        command.arg("--list").arg(path("csv"));
        self.part("sample", &mut command)
    }

    /// Runs a part of the rig to its end.
    ///
    /// # Errors
    /// When it fails.
    pub fn part(&self, name: &str, command: &mut Command) -> anyhow::Result<()> {
        let mut process = Process::start(name, self.folder, command)?;
        let ended = process.wait(SAMPLE_MAX)?;
        if !ended.status.success() {
            bail!("hikyaku-rig {name} failed: {}", process.errors_shown());
        }
        Ok(())
    }

    /// The sender of the sample `name`, with an empty data folder.
    ///
    /// # Errors
    /// When the old data folder stays.
    pub fn sender(&self, name: &str, relay: SocketAddr, flags: &[&str]) -> anyhow::Result<Sender> {
        let data = self.folder.join("data");
        remove(&data)?;
        Ok(Sender {
            binaries: self.binaries.clone(),
            folder: self.folder.to_owned(),
            release: self.folder.join(format!("{name}.md")),
            list: self.folder.join(format!("{name}.csv")),
            data,
            relay,
            sessions: self.sessions(),
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
            environment: Vec::new(),
        })
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Receiver {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        match self {
            Self::Ours(sink) => sink.addr(),
            Self::Other(addr) => *addr,
        }
    }

    /// Its log, if it is ours and writes one.
    pub fn log(&self) -> Option<&Path> {
        match self {
            Self::Ours(sink) => sink.log(),
            Self::Other(_) => None,
        }
    }

    /// Ends it; it must have exactly so many mails.
    ///
    /// # Errors
    /// When mails are lost or doubled.
    pub fn stop(self, messages: u64) -> anyhow::Result<Option<SinkStats>> {
        match self {
            Self::Other(_) => Ok(None),
            Self::Ours(sink) => {
                let stats = sink.stop()?;
                check_count(&stats, messages)?;
                Ok(Some(stats))
            }
        }
    }
}

fn check_count(stats: &SinkStats, messages: u64) -> anyhow::Result<()> {
    let (kept, recipients) = (stats.kept, stats.recipients_kept);
    if (kept, recipients) != (messages, messages) {
        bail!("{messages} mails were sent, the sink has {kept} of {recipients} recipients");
    }
    Ok(())
}

/// Runs a release to its end: every intent must be accepted.
///
/// # Errors
/// When it fails, or the statement says something else.
pub fn send_all(
    sender: &Sender,
    messages: u64,
    limit: Duration,
) -> anyhow::Result<(crate::rig::Ended, Process)> {
    let mut process = sender.start("send", &[])?;
    let ended = process.wait(limit)?;
    let output = process.output()?;
    if !ended.status.success() {
        bail!("hikyaku send failed ({}): {}\n{output}", ended.status, process.errors_shown());
    }
    let statement: Statement = crate::rig::books::last_statement(&output).context("hikyaku send")?;
    if statement.accepted != messages || !statement.balances() {
        bail!("not all {messages} mails are accepted: {statement:?}");
    }
    Ok((ended, process))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_or_doubled_mail_fails() {
        let check = |kept, recipients_kept, good: bool| {
            let stats = SinkStats { kept, recipients_kept, ..SinkStats::default() };
            assert_eq!(check_count(&stats, 10).is_ok(), good, "{kept} {recipients_kept}");
        };
        check(10, 10, true);
        check(9, 9, false);
        check(11, 11, false);
        check(10, 11, false);
    }
}
