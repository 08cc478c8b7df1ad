//! The outcome of a scenario: figures, and which bounds were broken.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::Scenario;
use crate::judge::Verdict;
use crate::judge::bounds::{broken_bounds, over};
use crate::rig::{Campaign, Nodes, Policy};

/// What a scenario did and found.
#[derive(Debug)]
pub struct Report {
    scenario: Scenario,
    policy: Policy,
    pub sessions: u32,
    messages: u32,
    /// Disturbances at each of which as many mails as there are sessions could be on the wire.
    pub faults: u32,
    /// What could be on the wire at all of them, where that is not so many for each.
    pub open_max: Option<u64>,
    /// Further figures, by their names in JSON.
    pub figures: BTreeMap<&'static str, u64>,
    /// What the disturbance was made with, where there is a choice.
    pub means: Option<&'static str>,
    /// What the product did wrong, in words.
    pub complaints: Vec<String>,
    verdict: Verdict,
    strangers: u64,
}

#[derive(Serialize)]
struct Line<'a> {
    scenario: &'static str,
    policy: &'static str,
    messages: u32,
    sessions: u32,
    faults: u32,
    lost: u64,
    duplicates: u64,
    unknown: u64,
    unknown_max: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    means: Option<&'static str>,
    #[serde(flatten)]
    figures: &'a BTreeMap<&'static str, u64>,
    broken: &'a [String],
}

impl Report {
    /// Nothing found yet.
    pub fn new(scenario: Scenario, policy: Policy, sessions: u32, messages: u32) -> Self {
        Self {
            scenario,
            policy,
            sessions,
            messages,
            faults: 0,
            open_max: None,
            figures: BTreeMap::new(),
            means: None,
            complaints: Vec::new(),
            verdict: Verdict::default(),
            strangers: 0,
        }
    }

    /// Counts one more.
    pub fn count(&mut self, name: &'static str) {
        *self.figures.entry(name).or_insert(0) += 1;
    }

    /// Says how often something was counted by others.
    pub fn set(&mut self, name: &'static str, figure: u64) {
        self.figures.insert(name, figure);
    }

    /// Keeps the longest of these spans, in milliseconds; one over `max` breaks the scenario.
    pub fn longest(&mut self, name: &'static str, took: Duration, max: Duration) {
        let (took, max) = (millis(took), millis(max));
        self.complaints.extend(over(name, took, max));
        let longest = self.figures.entry(name).or_insert(0);
        *longest = took.max(*longest);
    }

    /// Waits until the nodes' campaign is settled, unless something is broken already, and ends them.
    ///
    /// # Errors
    /// When the books cannot be read.
    pub fn settle(&mut self, campaign: &mut Campaign, nodes: &mut Nodes) -> anyhow::Result<()> {
        if self.complaints.is_empty() {
            self.complaints.extend(campaign.await_settled()?);
        }
        self.complaints.extend(nodes.ended()?);
        self.complaints.extend(nodes.end_all()?);
        Ok(())
    }

    /// Holds the sink's log against the books, and these against themselves.
    ///
    /// # Errors
    /// When either cannot be read.
    pub fn compare(&mut self, campaign: &mut Campaign) -> anyhow::Result<()> {
        let verdict = campaign.verdict()?;
        self.judge(verdict, campaign.tail.strangers());
        self.complaints.extend(campaign.sender.check()?);
        Ok(())
    }

    /// Takes what the comparison of sink and books gave.
    pub fn judge(&mut self, verdict: Verdict, strangers: u64) {
        (self.verdict, self.strangers) = (verdict, strangers);
    }

    fn unknown_max(&self) -> u64 {
        self.open_max.unwrap_or(u64::from(self.faults) * u64::from(self.sessions))
    }

    /// Everything that was broken.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = broken_bounds(&self.verdict, self.strangers, self.policy, self.unknown_max());
        broken.extend(self.complaints.iter().cloned());
        broken
    }

    /// Prints it; whether nothing was broken.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn show(&self, json: bool) -> anyhow::Result<bool> {
        let broken = self.broken();
        let line = Line {
            scenario: self.scenario.name(),
            policy: self.policy.name(),
            messages: self.messages,
            sessions: self.sessions,
            faults: self.faults,
            lost: self.verdict.lost,
            duplicates: self.verdict.duplicates,
            unknown: self.verdict.unknown,
            unknown_max: self.unknown_max(),
            means: self.means,
            figures: &self.figures,
            broken: &broken,
        };
        eprintln!(
            "{} ({}): {} mails, {} faults, lost {}, duplicates {}, unknown {}",
            line.scenario, line.policy, line.messages, line.faults, line.lost, line.duplicates, line.unknown
        );
        let figures: Vec<_> = self.figures.iter().map(|(name, figure)| format!("{name} {figure}")).collect();
        eprintln!("  {}", figures.join(", "));
        let examples = if broken.is_empty() { &[][..] } else { &self.verdict.examples };
        broken.iter().chain(examples).for_each(|words| eprintln!("  {words}"));
        if json {
            println!("{}", serde_json::to_string(&line)?);
        }
        Ok(broken.is_empty())
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_words_break_a_scenario_too() {
        let mut report = Report::new(Scenario::Failover, Policy::Hold, 5, 10);
        report.longest("ms", Duration::from_millis(7), Duration::from_millis(10));
        report.longest("ms", Duration::from_millis(3), Duration::from_millis(10));
        assert_eq!((report.figures["ms"], report.broken().len()), (7, 0));
        report.longest("ms", Duration::from_millis(11), Duration::from_millis(10));
        report.complaints.push("it ended by itself".to_owned());
        assert_eq!((report.figures["ms"], report.broken().len()), (11, 2));
    }

    #[test]
    fn what_may_be_unknown_follows_from_the_faults() {
        let mut report = Report::new(Scenario::Failover, Policy::Hold, 5, 10);
        report.judge(Verdict { unknown: 10, ..Verdict::default() }, 0);
        assert_eq!(report.broken().len(), 1);
        report.faults = 2;
        assert_eq!(report.broken().len(), 0);
    }
}
