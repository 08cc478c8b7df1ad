//! Many `hikyaku node` over the same books, each with a folder of its own.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::Context as _;
use runtime::{Clock as _, SystemClock};
use serde_json::Value;

use super::{Process, Sender, since};

/// What a node says once it sends.
pub const READY: &str = "Ctrl-C ends it";
const LOOK_AGAIN: Duration = Duration::from_millis(1);
/// A command that reads who holds what.
const READ_MAX: Duration = Duration::from_secs(60);
/// A node that is told to end.
const END_MAX: Duration = Duration::from_secs(60);

/// All of them, numbered from 0.
pub struct Nodes {
    sender: Sender,
    nodes: Vec<Node>,
    starts: u32,
}

/// A node's folder, and its process while it has one.
struct Node {
    data: PathBuf,
    process: Option<Process>,
}

impl Nodes {
    /// Starts so many, which work on what `sender` froze.
    ///
    /// # Errors
    /// When one cannot be started.
    pub fn start(sender: &Sender, count: u32) -> anyhow::Result<Self> {
        let mut nodes = Self { sender: sender.clone(), nodes: Vec::new(), starts: 0 };
        for number in 0..count {
            nodes.nodes.push(Node { data: sender.folder.join(format!("node-{number}")), process: None });
            nodes.restart(number as usize)?;
        }
        Ok(nodes)
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Starts that were made.
    pub fn starts(&self) -> u32 {
        self.starts
    }

    /// Starts one that does not run.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn restart(&mut self, number: usize) -> anyhow::Result<()> {
        self.starts += 1;
        let mut command = Command::new(self.sender.binaries.hikyaku());
        command.arg("node").arg("--data").arg(&self.nodes[number].data).args(["--tcp-user-timeout", "1s"]);
        command.arg("--installation-key").arg(self.sender.data.join("installation.key"));
        command.envs(self.sender.environment.iter().cloned());
        let name = format!("node-{number}");
        self.nodes[number].process = Some(Process::start(&name, &self.sender.folder, &mut command)?);
        Ok(())
    }

    /// The process of one, while it runs.
    pub fn process(&mut self, number: usize) -> Option<&mut Process> {
        self.nodes[number].process.as_mut()
    }

    /// The process of one, which is no longer among them.
    pub fn take(&mut self, number: usize) -> Option<Process> {
        self.nodes[number].process.take()
    }

    /// Until one has taken in what its last run left, and sends: how long that took, or why it does not.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn await_ready(
        &mut self,
        number: usize,
        limit: Duration,
    ) -> anyhow::Result<Result<Duration, String>> {
        let Some(process) = self.process(number) else {
            return Ok(Err(format!("node {number} does not run")));
        };
        let begun = process.started();
        while !process.errors_shown().contains(READY) {
            if since(begun) > limit || process.ends_within(LOOK_AGAIN)?.is_some() {
                let words = process.errors_shown();
                return Ok(Err(format!("node {number} was not ready within {limit:?}: {words}")));
            }
        }
        Ok(Ok(since(begun)))
    }

    /// Until other nodes hold all that one held: how long that took, or why they do not.
    ///
    /// # Errors
    /// When the books do not tell.
    pub fn await_take_over(
        &self,
        number: usize,
        limit: Duration,
    ) -> anyhow::Result<Result<Duration, String>> {
        let begun = SystemClock.moment();
        while self.held_by(number)? > 0 {
            if since(begun) > limit {
                return Ok(Err(format!("nobody took over from node {number} within {limit:?}")));
            }
        }
        Ok(Ok(since(begun)))
    }

    /// Chunks that runs of a node hold.
    ///
    /// # Errors
    /// When the books do not tell.
    pub fn held_by(&self, number: usize) -> anyhow::Result<u64> {
        let id = std::fs::read_to_string(self.nodes[number].data.join("node"))?;
        let mut command = Command::new(self.sender.binaries.hikyaku());
        command.args(["nodes", "--json"]).envs(self.sender.environment.iter().cloned());
        let mut process = Process::start("nodes", &self.sender.folder, &mut command)?;
        process.wait(READ_MAX)?;
        let mut chunks = 0;
        for line in process.output()?.lines() {
            let view: Value = serde_json::from_str(line).context("hikyaku nodes")?;
            if view["node"].as_str() == Some(id.trim()) {
                chunks += view["chunks"].as_u64().context("a sender without chunks")?;
            }
        }
        Ok(chunks)
    }

    /// Those that ended by themselves, in words.
    ///
    /// # Errors
    /// When the kernel does not tell.
    pub fn ended(&mut self) -> anyhow::Result<Vec<String>> {
        let mut words = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            let Some(process) = &mut node.process else { continue };
            if let Some(ended) = process.ends_within(Duration::ZERO)? {
                let said = process.errors_shown();
                words.push(format!("node {number} ended by itself ({}): {said}", ended.status));
            }
        }
        Ok(words)
    }

    /// Tells all to end; those that did not end well, in words.
    ///
    /// # Errors
    /// When one does not end.
    pub fn end_all(&mut self) -> anyhow::Result<Vec<String>> {
        let mut words = Vec::new();
        for (number, node) in self.nodes.iter_mut().enumerate() {
            let Some(mut process) = node.process.take() else { continue };
            let ended = process.terminate(END_MAX)?;
            if ended.status.code() != Some(0) {
                let said = process.errors_shown();
                words.push(format!("node {number} did not end well ({}): {said}", ended.status));
            }
        }
        Ok(words)
    }
}
