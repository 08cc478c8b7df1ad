//! The same drill with many nodes over one PostgreSQL: one release that they share, nodes killed and started again while
//! it is sent.
//!
//! Most killed nodes come back at once, into their own folders. Some stay away until another node has taken over what
//! they held, and come back then, to say what their journals know.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use super::Arguments;
use super::drill::BEHAVIOUR;
use super::killing::Stage;
use super::report::{Cluster, Facts, Report};
use crate::judge::Verdict;
use crate::rig::campaign::Plan;
use crate::rig::nodes::READY;
use crate::rig::{Binaries, Campaign, Dice, Nodes, Policy, PostgresProcess};
use crate::workspace::Workspace;

/// One killed node in so many stays away until it is taken over.
const AWAY_ONE_IN: u64 = 40;
/// The start of one killed node in so many is timed.
const MEASURE_ONE_IN: u32 = 10;
/// A take-over, and the start of a node, that take longer are no use to anybody.
const STEP_MAX: Duration = Duration::from_secs(60);

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
    let (messages, sessions) = (arguments.messages, arguments.sessions);
    let mut campaign =
        Campaign::prepare(binaries, folder, Plan { messages, sessions, policy, behaviour: BEHAVIOUR })?;
    campaign.sender.environment = server.environment();
    campaign.freeze()?;
    let mut drill = Drill {
        dice: Dice::new(arguments.seed ^ if policy == Policy::Hold { 0 } else { 0x5eed }),
        nodes: Nodes::start(&campaign.sender, arguments.nodes)?,
        campaign,
        kills: BTreeMap::new(),
        complaints: Vec::new(),
        cluster: Cluster { nodes: arguments.nodes, ..Cluster::default() },
    };
    drill.kill_all(arguments)?;
    drill.finish()?;
    let verdict = match drill.complaints.is_empty() {
        true => drill.campaign.verdict()?,
        false => Verdict::default(),
    };
    drill.complaints.extend(drill.campaign.sender.check()?);
    let facts = Facts {
        policy,
        power: false,
        sessions,
        messages: u64::from(messages),
        strangers: drill.campaign.tail.strangers(),
        kills: drill.kills,
        complaints: drill.complaints,
        cluster: Some(drill.cluster),
    };
    drill.campaign.close()?;
    server.close()?;
    Ok(Report::new(facts, verdict))
}

struct Drill {
    dice: Dice,
    campaign: Campaign,
    nodes: Nodes,
    kills: BTreeMap<Stage, u32>,
    complaints: Vec<String>,
    cluster: Cluster,
}

impl Drill {
    fn kill_all(&mut self, arguments: &Arguments) -> anyhow::Result<()> {
        for left in (1..=arguments.kills).rev() {
            if self.campaign.remaining()? == 0 || !self.complaints.is_empty() {
                break;
            }
            let came = self.campaign.await_moment(&mut self.dice, left)?;
            let stage = if came { Stage::Flight } else { Stage::Waiting };
            let number = self.dice.below(self.nodes.count() as u64) as usize;
            self.kill(number, stage)?;
            if (arguments.kills - left) % 50 == 49 {
                let (killed, received) = (arguments.kills - left + 1, self.campaign.tail.received());
                eprintln!("  {killed} of {} kills, {received} mails", arguments.kills);
            }
        }
        let killed: u32 = self.kills.values().sum();
        if killed < arguments.kills && self.complaints.is_empty() {
            bail!("only {killed} of {} kills hit a running node: use more --messages", arguments.kills);
        }
        Ok(())
    }

    fn kill(&mut self, number: usize, stage: Stage) -> anyhow::Result<()> {
        let Some(mut process) = self.nodes.take(number) else { return Ok(()) };
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
            match self.nodes.await_take_over(number, STEP_MAX)? {
                Ok(took) => {
                    self.cluster.take_overs += 1;
                    self.cluster.take_over_ms_max = self.cluster.take_over_ms_max.max(millis(took));
                }
                Err(words) => self.complaints.push(words),
            }
        }
        self.nodes.restart(number)?;
        if self.nodes.starts().is_multiple_of(MEASURE_ONE_IN) { self.await_ready(number) } else { Ok(()) }
    }

    /// Until a node that was started again has taken in what its last run left, and sends.
    fn await_ready(&mut self, number: usize) -> anyhow::Result<()> {
        match self.nodes.await_ready(number, STEP_MAX)? {
            Ok(took) => self.cluster.restart_ms_max = self.cluster.restart_ms_max.max(millis(took)),
            Err(words) => self.complaints.push(words),
        }
        Ok(())
    }

    /// All nodes run until nothing is pending; then they are told to end.
    fn finish(&mut self) -> anyhow::Result<()> {
        let unsettled = self.campaign.await_settled()?;
        self.complaints.extend(unsettled);
        self.complaints.extend(self.nodes.end_all()?);
        Ok(())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
