//! The catch-all server as a process of its own, so that it outlives every sender that is killed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;

use super::{Binaries, Process};

const START_MAX: Duration = Duration::from_secs(30);
const STOP_MAX: Duration = Duration::from_secs(60);

/// A running sink.
pub struct SinkProcess {
    process: Process,
    addr: SocketAddr,
    log: Option<PathBuf>,
}

/// What a sink counted over its life.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SinkStats {
    /// Mails that it has.
    pub kept: u64,
    /// Recipients of those.
    pub recipients_kept: u64,
    /// Octets of those.
    pub octets: u64,
    /// Connections.
    pub connections: u64,
    /// When the first came, in milliseconds since 1970.
    pub first_ms: i64,
    /// When the last came, in milliseconds since 1970.
    pub last_ms: i64,
    /// Why its log is incomplete, if it is.
    pub log_error: Option<String>,
}

impl SinkStats {
    /// Octets of the average mail.
    pub fn octets_mean(&self) -> u64 {
        self.octets.checked_div(self.kept).unwrap_or(0)
    }
}

impl SinkProcess {
    /// Starts a sink called `name` with its files in `folder`; with a log file if `logs`.
    ///
    /// # Errors
    /// When it does not listen.
    pub fn start(
        binaries: &Binaries,
        folder: &Path,
        name: &str,
        logs: bool,
        behaviour: &str,
    ) -> anyhow::Result<Self> {
        let port_file = folder.join(format!("{name}.addr"));
        let log = logs.then(|| folder.join(format!("{name}.log")));
        let _ = std::fs::remove_file(&port_file);
        let mut command = Command::new(binaries.sink());
        command.args(["--listen", "127.0.0.1:0", "--json-stats-on-exit", "--port-file"]).arg(&port_file);
        if let Some(log) = &log {
            command.arg("--log").arg(log);
        }
        if !behaviour.is_empty() {
            command.args(["--behaviour", behaviour]);
        }
        let mut process = Process::start(name, folder, &mut command)?;
        let addr = await_port(&mut process, &port_file)?;
        Ok(Self { process, addr, log })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its log file.
    pub fn log(&self) -> Option<&Path> {
        self.log.as_deref()
    }

    /// Ends it and gives its counters.
    ///
    /// # Errors
    /// When it failed, or its log is incomplete.
    pub fn stop(mut self) -> anyhow::Result<SinkStats> {
        let ended = self.process.terminate(STOP_MAX)?;
        if !ended.status.success() {
            bail!("the sink failed ({}): {}", ended.status, self.process.errors_shown());
        }
        let output = self.process.output()?;
        let stats: SinkStats =
            serde_json::from_str(output.trim()).with_context(|| format!("the sink's counters: {output}"))?;
        match &stats.log_error {
            Some(error) => bail!("the sink's log is incomplete: {error}"),
            None => Ok(stats),
        }
    }
}

fn await_port(process: &mut Process, port_file: &Path) -> anyhow::Result<SocketAddr> {
    let tries = START_MAX.as_millis() / 2;
    for _ in 0..tries {
        if let Ok(text) = std::fs::read_to_string(port_file) {
            return text.trim().parse().with_context(|| format!("the sink's address `{text}`"));
        }
        if let Some(ended) = process.ends_within(Duration::from_millis(2))? {
            bail!("the sink ended ({}): {}", ended.status, process.errors_shown());
        }
    }
    bail!("the sink does not listen: {}", process.errors_shown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_read_from_what_a_sink_prints() {
        let text = r#"{"kept":4,"recipients_kept":4,"octets":20484,"accepted":4,"verdicts":{"accepted":4},
            "connections":2,"first_ms":5,"last_ms":9,"credentials":[],"log_error":null,"new":1}"#;
        let stats: SinkStats = serde_json::from_str(text).expect("counters");
        assert_eq!((stats.kept, stats.octets_mean(), stats.last_ms), (4, 5121, 9));
        assert_eq!(SinkStats::default().octets_mean(), 0);
    }
}
