//! Nodes stand still (SIGSTOP) past their lease, others take over what they held, and then they go on (SIGCONT) with
//! whatever they had in hand.

use std::time::Duration;

use anyhow::bail;
use runtime::{Clock as _, SystemClock};
use serde_json::Value;

use super::report::Report;
use super::{Scenario, Stage};
use crate::rig::{Campaign, Dice, Nodes, PostgresProcess, since};

/// Mails for each freeze: more than others send while it lasts.
const MESSAGES_EACH: u32 = 5_000;
/// Each reply waits so long: mails are on the wire when a node freezes, and those left last for all freezes.
const BEHAVIOUR: &str = "reply-delay:60";
/// From the freeze until others hold all: six seconds of lease, one for the clocks, one until somebody looks.
const TAKE_OVER_MAX: Duration = Duration::from_secs(10);
/// The lease's six seconds are over, whatever a node held.
const FROZEN_MIN: Duration = Duration::from_secs(7);
/// Sending goes on within this time, whoever is frozen.
const SENDS_MAX: Duration = Duration::from_secs(12);
/// A node that went on needs no longer to work again.
const READY_MAX: Duration = Duration::from_secs(60);

/// Plays it.
///
/// # Errors
/// When the scenario itself cannot go on; what the product does wrong is in the report.
pub fn play(stage: &Stage<'_>) -> anyhow::Result<Report> {
    let plan = stage.plan(MESSAGES_EACH * stage.arguments.freezes, BEHAVIOUR);
    let server = PostgresProcess::start(stage.workspace, stage.binaries, stage.folder)?;
    let _: Value = server.migrate(stage.binaries, stage.folder)?;
    let mut campaign = Campaign::prepare(stage.binaries, stage.folder, plan)?;
    campaign.sender.environment = server.environment();
    campaign.freeze()?;
    let nodes = Nodes::start(&campaign.sender, stage.arguments.nodes)?;
    let report = stage.report(Scenario::FrozenNodes, &plan);
    let mut drill = Drill { dice: stage.dice(), campaign, nodes, report };
    for number in 0..drill.nodes.count() {
        if let Err(words) = drill.nodes.await_ready(number, READY_MAX)? {
            bail!("{words}");
        }
    }
    drill.freeze_all(stage.arguments.freezes)?;
    let report = drill.conclude()?;
    server.close()?;
    Ok(report)
}

struct Drill {
    dice: Dice,
    campaign: Campaign,
    nodes: Nodes,
    report: Report,
}

impl Drill {
    fn freeze_all(&mut self, freezes: u32) -> anyhow::Result<()> {
        for left in (1..=freezes).rev() {
            // Those that are left last for the freezes themselves: a freeze comes soon after the last one ended.
            let some = u32::try_from(self.dice.below(500)).unwrap_or(0);
            self.campaign.await_more(some, SENDS_MAX)?;
            if self.campaign.remaining()? == 0 {
                let made = freezes - left;
                bail!("all mails were sent after {made} of {freezes} freezes: use more --messages");
            }
            self.freeze()?;
            let ended = self.nodes.ended()?;
            self.report.complaints.extend(ended);
            if !self.report.complaints.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// One node stands still until others hold what it held, and somewhat longer; the others must go on sending.
    fn freeze(&mut self) -> anyhow::Result<()> {
        let number = self.dice.below(self.nodes.count() as u64) as usize;
        let Some(process) = self.nodes.process(number) else { bail!("node {number} does not run") };
        process.freeze();
        let frozen = SystemClock.moment();
        self.report.faults += 1;
        self.report.count("freezes");
        let held = self.nodes.held_by(number)?;
        match self.nodes.await_take_over(number, TAKE_OVER_MAX)? {
            Ok(_) if held == 0 => {}
            Ok(_) => {
                self.report.count("take_overs");
                self.report.longest("take_over_ms_max", since(frozen), TAKE_OVER_MAX);
            }
            Err(words) => self.report.complaints.push(words),
        }
        let rest = FROZEN_MIN.saturating_sub(since(frozen));
        std::thread::park_timeout(rest);
        if self.campaign.remaining()? > 0 && !self.campaign.await_more(1, SENDS_MAX)? {
            self.report.complaints.push(format!("nothing was sent within {SENDS_MAX:?} of a freeze"));
        }
        if let Some(process) = self.nodes.process(number) {
            process.thaw();
        }
        Ok(())
    }

    fn conclude(mut self) -> anyhow::Result<Report> {
        if !self.report.figures.contains_key("take_overs") {
            self.report.complaints.push("no frozen node held anything: nothing was shown".to_owned());
        }
        self.report.settle(&mut self.campaign, &mut self.nodes)?;
        self.report.compare(&mut self.campaign)?;
        self.campaign.close()?;
        Ok(self.report)
    }
}
