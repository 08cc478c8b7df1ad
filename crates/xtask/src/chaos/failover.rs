//! The database fails over in the middle of a campaign: its primary is killed (SIGKILL), the synchronous standby takes its
//! place and gets a standby of its own, again and again. Nodes know both addresses, and go on by themselves.
//!
//! A commit that was answered stands on the standby too; so whatever the sink got must stand in the books, whoever is the
//! primary by then. Before that, a pair whose commits do not wait for the standby must be called by its name.

use std::process::Command;
use std::time::Duration;

use anyhow::bail;
use runtime::{Clock as _, SystemClock};
use serde_json::Value;

use super::report::Report;
use super::{Scenario, Stage};
use crate::rig::nodes::READY;
use crate::rig::{Campaign, Dice, Nodes, PostgresPair, Process, since};

/// Mails for each failover.
const MESSAGES_EACH: u32 = 1_200;
/// Each reply waits so long, that mails are on the wire when the primary dies.
const BEHAVIOUR: &str = "reply-delay:2";
/// In one failover of so many a node is killed with the primary, and cannot tell its outcomes once more.
const WITH_A_NODE_ONE_IN: u64 = 4;
/// In the first failover there is no primary for so long, as with a manager of clusters that wants to be sure; later ones
/// are as quick as can be.
const AWAY_FIRST: Duration = Duration::from_secs(15);
/// From the new standby to the next mail: a lease may have run out, and be taken over first.
const SENDS_AGAIN_MAX: Duration = Duration::from_secs(15);
/// How often all sessions may begin anew from one fault to the next: for a share, for a lease that was taken over, for a
/// relay without work.
const SESSIONS_TURNS: u32 = 2;
/// What a node says of a pair whose commits do not wait.
const LABEL: &str = "ASYNCHRONOUS";
const START_MAX: Duration = Duration::from_secs(60);

/// Plays it.
///
/// # Errors
/// When the scenario itself cannot go on; what the product does wrong is in the report.
pub fn play(stage: &Stage<'_>) -> anyhow::Result<Report> {
    let plan = stage.plan(MESSAGES_EACH * stage.arguments.failovers, BEHAVIOUR);
    let mut report = stage.report(Scenario::Failover, &plan);
    report.complaints.extend(look_at_asynchronous(stage)?);
    let is_synchronous = !stage.arguments.plant_asynchronous;
    let pair = PostgresPair::start(stage.workspace, stage.binaries, stage.folder, is_synchronous)?;
    let migrated: Value = pair.server().migrate(stage.binaries, stage.folder)?;
    if migrated["standby_may_lose_commits"] == is_synchronous {
        report.complaints.push(format!("a synchronous standby is called `{}`", migrated["standby"]));
    }
    let mut campaign = Campaign::prepare(stage.binaries, stage.folder, plan)?;
    campaign.sender.environment = pair.server().environment();
    campaign.freeze()?;
    let nodes = Nodes::start(&campaign.sender, stage.arguments.nodes)?;
    let mut drill = Drill { dice: stage.dice(), campaign, nodes, pair, report };
    drill.fail_over_all(stage.arguments.failovers)?;
    drill.conclude()
}

struct Drill {
    dice: Dice,
    campaign: Campaign,
    nodes: Nodes,
    pair: PostgresPair,
    report: Report,
}

impl Drill {
    fn fail_over_all(&mut self, failovers: u32) -> anyhow::Result<()> {
        for left in (1..=failovers).rev() {
            self.campaign.await_moment(&mut self.dice, left)?;
            if self.campaign.remaining()? == 0 {
                let made = failovers - left;
                bail!("all mails were sent after {made} of {failovers} failovers: use more --messages");
            }
            self.fail_over()?;
            let ended = self.nodes.ended()?;
            self.report.complaints.extend(ended);
            if !self.report.complaints.is_empty() {
                return Ok(());
            }
            if (failovers - left) % 10 == 9 {
                let (made, received) = (failovers - left + 1, self.campaign.tail.received());
                eprintln!("  {made} of {failovers} failovers, {received} mails");
            }
        }
        Ok(())
    }

    fn fail_over(&mut self) -> anyhow::Result<()> {
        let with_a_node = self.dice.below(WITH_A_NODE_ONE_IN) == 0;
        let number = self.dice.below(self.nodes.count() as u64) as usize;
        let killed = if with_a_node { self.nodes.take(number) } else { None };
        if let Some(mut process) = killed {
            process.kill()?;
            self.report.faults += 1;
            self.report.count("nodes_killed");
        }
        let is_first = !self.report.figures.contains_key("failovers");
        let away = if is_first { AWAY_FIRST } else { Duration::ZERO };
        let promoted = Duration::from_millis(self.pair.fail_over(away)?).saturating_sub(away);
        self.report.faults += 1;
        self.report.count("failovers");
        if with_a_node {
            self.nodes.restart(number)?;
        }
        let followed = Duration::from_millis(self.pair.renew_standby()?);
        let begun = SystemClock.moment();
        self.report.longest("promoted_ms_max", promoted, Duration::MAX);
        self.report.longest("standby_ms_max", followed, Duration::MAX);
        if self.campaign.remaining()? > 0 {
            if self.campaign.await_more(1, SENDS_AGAIN_MAX)? {
                self.report.longest("sends_again_ms_max", since(begun), SENDS_AGAIN_MAX);
            } else {
                self.report.complaints.push(format!("nothing was sent within {SENDS_AGAIN_MAX:?}"));
            }
        }
        Ok(())
    }

    fn conclude(mut self) -> anyhow::Result<Report> {
        self.report.settle(&mut self.campaign, &mut self.nodes)?;
        self.report.compare(&mut self.campaign)?;
        let connections = self.campaign.close()?.connections;
        self.report.set("connections", connections);
        let connections_max = u64::from(self.report.sessions * (self.report.faults + 1) * SESSIONS_TURNS);
        if connections > connections_max {
            self.report
                .complaints
                .push(format!("{connections} connections, at most {connections_max} allowed"));
        }
        self.pair.close()?;
        Ok(self.report)
    }
}

/// A pair whose commits do not wait for the standby: what `migrate` and a node say of it.
fn look_at_asynchronous(stage: &Stage<'_>) -> anyhow::Result<Vec<String>> {
    let folder = stage.folder_named("asynchronous")?;
    let pair = PostgresPair::start(stage.workspace, stage.binaries, &folder, false)?;
    let mut complaints = Vec::new();
    let migrated: Value = pair.server().migrate(stage.binaries, &folder)?;
    if migrated["standby_may_lose_commits"] != true {
        complaints.push(format!("migrate calls an asynchronous standby `{}`", migrated["standby"]));
    }
    let mut command = Command::new(stage.binaries.hikyaku());
    command.arg("node").arg("--data").arg(folder.join("node")).envs(pair.server().environment());
    let mut node = Process::start("node", &folder, &mut command)?;
    let begun = SystemClock.moment();
    while !node.errors_shown().contains(READY) && since(begun) < START_MAX {
        if node.ends_within(Duration::from_millis(5))?.is_some() {
            break;
        }
    }
    if !node.errors_shown().contains(LABEL) {
        complaints.push(format!("a node over an asynchronous standby says: {}", node.errors_shown()));
    }
    node.terminate(START_MAX)?;
    pair.close()?;
    Ok(complaints)
}
