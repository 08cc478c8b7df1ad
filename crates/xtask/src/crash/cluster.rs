//! The same drill with many nodes over one PostgreSQL: one release that they share, nodes killed and started again while
//! it is sent.
//!
//! Most killed nodes come back at once, into their own folders. Some stay away until another node has taken over what
//! they held, and come back then, to say what their journals know.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};
use runtime::{Clock as _, SystemClock};
use serde_json::Value;

use super::compare::{Verdict, compare_release};
use super::dice::Dice;
use super::drill::{BEHAVIOUR, LOOK_AGAIN, PATIENCE, RELEASE, RUN_MAX, sender, since};
use super::killing::Stage;
use super::log_tail::LogTail;
use super::report::{Cluster, Facts, Report};
use super::{Arguments, Policy};
use crate::rig::list::write_list;
use crate::rig::sender::write;
use crate::rig::{Binaries, PostgresProcess, Process, Sender, SinkProcess};
use crate::workspace::Workspace;

/// One killed node in so many stays away until it is taken over.
const AWAY_ONE_IN: u64 = 40;
/// The start of one killed node in so many is timed.
const MEASURE_ONE_IN: u32 = 10;
/// What a node says once it sends.
const READY: &str = "Ctrl-C ends it";
/// A take-over, and the start of a node, that take longer are no use to anybody.
const STEP_MAX: Duration = Duration::from_secs(60);
/// A node that is told to end.
const END_MAX: Duration = Duration::from_secs(60);

/// Runs it.
///
/// # Errors
/// When the drill itself cannot go on; what the product does wrong is in the report.
pub fn run(
    workspace: &Workspace,
    binaries: &Binaries,
    folder: &Path,
    arguments: &Arguments,
    policy: Policy,
) -> anyhow::Result<Report> {
    let server = PostgresProcess::start(workspace, binaries, folder)?;
    let _: Value = server.migrate(binaries, folder)?;
    let sink = SinkProcess::start(binaries, folder, "sink", true, BEHAVIOUR)?;
    let log = sink.log().context("the sink keeps no log")?;
    let mut sender = sender(binaries, folder, arguments, policy, sink.addr())?;
    sender.environment = server.environment();
    let mut drill = Drill {
        dice: Dice::new(arguments.seed ^ if policy == Policy::Hold { 0 } else { 0x5eed }),
        tail: LogTail::open(log)?,
        nodes: Vec::new(),
        sender,
        kills: BTreeMap::new(),
        complaints: Vec::new(),
        cluster: Cluster { nodes: arguments.nodes, ..Cluster::default() },
        starts: 0,
    };
    drill.freeze(arguments.messages)?;
    drill.start_all()?;
    drill.kill_all(arguments)?;
    drill.finish(arguments.messages)?;
    let verdict = match drill.complaints.is_empty() {
        true => compare_release(&drill.sender, 0, arguments.messages, Some(drill.tail.copies(0)))?,
        false => Verdict::default(),
    };
    drill.complaints.extend(drill.sender.check()?);
    let facts = Facts {
        policy,
        power: false,
        sessions: arguments.sessions,
        messages: u64::from(arguments.messages),
        strangers: drill.tail.strangers(),
        kills: drill.kills,
        complaints: drill.complaints,
        cluster: Some(drill.cluster),
    };
    sink.stop()?;
    server.close()?;
    Ok(Report::new(facts, verdict))
}

/// A node's folder, and its process while it has one.
struct Node {
    data: PathBuf,
    process: Option<Process>,
}

struct Drill {
    dice: Dice,
    tail: LogTail,
    nodes: Vec<Node>,
    sender: Sender,
    kills: BTreeMap<Stage, u32>,
    complaints: Vec<String>,
    cluster: Cluster,
    starts: u32,
}

impl Drill {
    fn freeze(&mut self, messages: u32) -> anyhow::Result<()> {
        write_list(&self.sender.list, 0, messages)?;
        write(&self.sender.release, RELEASE)?;
        self.tail.begin(messages);
        let mut process = self.sender.start("send", &["--detach".to_owned()])?;
        let ended = process.wait(RUN_MAX)?;
        if ended.status.code() != Some(3) {
            bail!("hikyaku send --detach ({}): {}", ended.status, process.errors_shown());
        }
        Ok(())
    }

    fn start_all(&mut self) -> anyhow::Result<()> {
        for number in 0..self.cluster.nodes {
            self.nodes.push(Node { data: self.sender.folder.join(format!("node-{number}")), process: None });
            self.start(number as usize)?;
        }
        Ok(())
    }

    fn start(&mut self, number: usize) -> anyhow::Result<()> {
        self.starts += 1;
        let mut command = Command::new(self.sender.binaries.hikyaku());
        command.arg("node").arg("--data").arg(&self.nodes[number].data).args(["--tcp-user-timeout", "1s"]);
        command.arg("--installation-key").arg(self.sender.data.join("installation.key"));
        command.envs(self.sender.environment.iter().cloned());
        let name = format!("node-{number}");
        self.nodes[number].process = Some(Process::start(&name, &self.sender.folder, &mut command)?);
        Ok(())
    }

    fn kill_all(&mut self, arguments: &Arguments) -> anyhow::Result<()> {
        for left in (1..=arguments.kills).rev() {
            let remaining = u64::from(arguments.messages.saturating_sub(self.tail.received()));
            if remaining == 0 || !self.complaints.is_empty() {
                break;
            }
            let stage = self.await_moment(remaining, u64::from(left))?;
            let number = self.dice.below(self.nodes.len() as u64) as usize;
            self.kill(number, stage)?;
            if (arguments.kills - left) % 50 == 49 {
                let (killed, received) = (arguments.kills - left + 1, self.tail.received());
                eprintln!("  {killed} of {} kills, {received} mails", arguments.kills);
            }
        }
        let killed: u32 = self.kills.values().sum();
        if killed < arguments.kills && self.complaints.is_empty() {
            bail!("only {killed} of {} kills hit a running node: use more --messages", arguments.kills);
        }
        Ok(())
    }

    /// Waits until some of what is left was received, so that the mails last for all kills.
    fn await_moment(&mut self, remaining: u64, kills_left: u64) -> anyhow::Result<Stage> {
        let share = self.dice.below((remaining * 2 / (kills_left + 1)).max(1));
        let begun = self.tail.received();
        let (mut last, mut changed) = (begun, SystemClock.moment());
        while u64::from(last - begun) < share {
            if since(changed) > PATIENCE {
                return Ok(Stage::Waiting);
            }
            std::thread::park_timeout(LOOK_AGAIN);
            self.tail.poll()?;
            if self.tail.received() != last {
                (last, changed) = (self.tail.received(), SystemClock.moment());
            }
        }
        Ok(Stage::Flight)
    }

    fn kill(&mut self, number: usize, stage: Stage) -> anyhow::Result<()> {
        let Some(mut process) = self.nodes[number].process.take() else { return Ok(()) };
        let ready = process.errors_shown().contains(READY);
        let ended = process.kill()?;
        if let Some(code) = ended.status.code() {
            self.complaints
                .push(format!("node {number} ended by itself ({code}): {}", process.errors_shown()));
            return Ok(());
        }
        let stage = if ready { stage } else { Stage::Early };
        *self.kills.entry(stage).or_insert(0) += 1;
        if ready && self.dice.below(AWAY_ONE_IN) == 0 {
            self.await_take_over(number)?;
        }
        self.start(number)?;
        if self.starts.is_multiple_of(MEASURE_ONE_IN) { self.await_ready(number) } else { Ok(()) }
    }

    /// Until a node that was started again has taken in what its last run left, and sends.
    fn await_ready(&mut self, number: usize) -> anyhow::Result<()> {
        let Some(process) = &mut self.nodes[number].process else { return Ok(()) };
        let begun = process.started();
        while !process.errors_shown().contains(READY) {
            if since(begun) > STEP_MAX || process.ends_within(LOOK_AGAIN)?.is_some() {
                let words = process.errors_shown();
                self.complaints.push(format!("node {number} was not ready within {STEP_MAX:?}: {words}"));
                return Ok(());
            }
        }
        self.cluster.restart_ms_max = self.cluster.restart_ms_max.max(millis(since(begun)));
        Ok(())
    }

    /// Until other nodes hold all that the dead one held.
    fn await_take_over(&mut self, number: usize) -> anyhow::Result<()> {
        let killed = SystemClock.moment();
        while self.held_by(number)? > 0 {
            if since(killed) > STEP_MAX {
                self.complaints.push(format!("nobody took over from node {number} within {STEP_MAX:?}"));
                return Ok(());
            }
        }
        self.cluster.take_overs += 1;
        self.cluster.take_over_ms_max = self.cluster.take_over_ms_max.max(millis(since(killed)));
        Ok(())
    }

    /// Chunks that runs of a node hold.
    fn held_by(&self, number: usize) -> anyhow::Result<u64> {
        let id = std::fs::read_to_string(self.nodes[number].data.join("node"))?;
        let mut command = Command::new(self.sender.binaries.hikyaku());
        command.args(["nodes", "--json"]).envs(self.sender.environment.iter().cloned());
        let mut process = Process::start("nodes", &self.sender.folder, &mut command)?;
        process.wait(STEP_MAX)?;
        let mut chunks = 0;
        for line in process.output()?.lines() {
            let view: Value = serde_json::from_str(line).context("hikyaku nodes")?;
            if view["node"].as_str() == Some(id.trim()) {
                chunks += view["chunks"].as_u64().context("a sender without chunks")?;
            }
        }
        Ok(chunks)
    }

    /// All nodes run until nothing is pending; then they are told to end.
    fn finish(&mut self, messages: u32) -> anyhow::Result<()> {
        let begun = SystemClock.moment();
        loop {
            let statement = self.sender.statement()?;
            if statement.pending == 0 && statement.audience == u64::from(messages) {
                break;
            }
            if since(begun) > RUN_MAX {
                self.complaints.push(format!("not settled: {statement:?}"));
                break;
            }
            std::thread::park_timeout(PATIENCE);
            self.tail.poll()?;
        }
        for (number, node) in self.nodes.iter_mut().enumerate() {
            let Some(mut process) = node.process.take() else { continue };
            let ended = process.terminate(END_MAX)?;
            if ended.status.code() != Some(0) {
                let words = process.errors_shown();
                self.complaints.push(format!("node {number} did not end well ({}): {words}", ended.status));
            }
        }
        self.tail.poll()?;
        Ok(())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
