//! The outcome of a drill: figures, and which bounds were broken.

use std::collections::BTreeMap;

use serde::Serialize;

use super::killing::Stage;
use crate::judge::Verdict;
use crate::judge::bounds::broken_bounds;
use crate::rig::Policy;

/// Attempts of one session that can be open when the power goes: a ring of the journal of dots.
const OPEN_PER_SESSION: u64 = 16;

/// What a drill did.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Policy.
    pub policy: Policy,
    /// Whether the power was cut at each kill.
    pub power: bool,
    /// Sessions of each sender.
    pub sessions: u32,
    /// Kills by the part of the sender's life.
    pub kills: BTreeMap<Stage, u32>,
    /// Mails owed.
    pub messages: u64,
    /// Mails to nobody of the lists.
    pub strangers: u64,
    /// What `hikyaku` itself complained of: failed runs, `check`.
    pub complaints: Vec<String>,
    /// How many nodes fared, where there were many.
    pub cluster: Option<Cluster>,
}

/// How nodes fared.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Cluster {
    /// How many.
    pub nodes: u32,
    /// Dead nodes that were left to the others.
    pub take_overs: u32,
    /// The longest time from a kill until others held all.
    pub take_over_ms_max: u64,
    /// The longest time from a start until a node sent.
    pub restart_ms_max: u64,
}

/// A finished drill.
#[derive(Debug)]
pub struct Report {
    facts: Facts,
    verdict: Verdict,
    /// The bounds that were broken, in words.
    pub broken: Vec<String>,
}

#[derive(Serialize)]
struct Line {
    policy: &'static str,
    lost: u64,
    duplicates: u64,
    unknown: u64,
    sessions: u32,
    kills: u32,
    messages: u64,
    power: bool,
    #[serde(flatten)]
    cluster: Option<Cluster>,
    broken: Vec<String>,
}

impl Report {
    /// Judges.
    pub fn new(facts: Facts, verdict: Verdict) -> Self {
        let broken = broken(&facts, &verdict);
        Self { facts, verdict, broken }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When standard output is closed.
    pub fn show(&self, json: bool) -> anyhow::Result<()> {
        let line = Line {
            policy: self.facts.policy.name(),
            lost: self.verdict.lost,
            duplicates: self.verdict.duplicates,
            unknown: self.verdict.unknown,
            sessions: self.facts.sessions,
            kills: self.facts.kills.values().sum(),
            messages: self.facts.messages,
            power: self.facts.power,
            cluster: self.facts.cluster,
            broken: self.broken.clone(),
        };
        let stages: Vec<_> = self.facts.kills.iter().map(|(s, n)| format!("{n} {}", s.name())).collect();
        let what = if line.power { "power cuts" } else { "kills" };
        eprintln!(
            "{}: {} mails, {} {what} ({}), lost {}, duplicates {}, unknown {}",
            line.policy,
            line.messages,
            line.kills,
            stages.join(", "),
            line.lost,
            line.duplicates,
            line.unknown
        );
        if let Some(cluster) = self.facts.cluster {
            eprintln!(
                "  {} nodes, started again within {} ms; {} take-overs within {} ms",
                cluster.nodes, cluster.restart_ms_max, cluster.take_overs, cluster.take_over_ms_max
            );
        }
        let examples = if self.broken.is_empty() { &[][..] } else { &self.verdict.examples };
        for words in self.broken.iter().chain(examples) {
            eprintln!("  {words}");
        }
        if json {
            println!("{}", serde_json::to_string(&line)?);
        }
        Ok(())
    }
}

fn broken(facts: &Facts, verdict: &Verdict) -> Vec<String> {
    let kills: u64 = facts.kills.values().copied().map(u64::from).sum();
    let at_kill = u64::from(facts.sessions) * if facts.power { OPEN_PER_SESSION } else { 1 };
    let mut broken = broken_bounds(verdict, facts.strangers, facts.policy, kills * at_kill);
    broken.extend(facts.complaints.iter().cloned());
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(policy: Policy, power: bool) -> Facts {
        let kills = BTreeMap::from([(Stage::Early, 1), (Stage::Flight, 1)]);
        Facts {
            policy,
            power,
            sessions: 5,
            kills,
            messages: 100,
            strangers: 0,
            complaints: Vec::new(),
            cluster: None,
        }
    }

    fn check(facts: &Facts, verdict: Verdict, count: usize) {
        let found = broken(facts, &verdict);
        assert_eq!(found.len(), count, "{found:?}");
    }

    #[test]
    fn the_bound_follows_from_kills_and_sessions() {
        let none = Verdict::default;
        let (hold, resend) = (facts(Policy::Hold, false), facts(Policy::ResendOnce, false));
        check(&hold, none(), 0);
        check(&hold, Verdict { unknown: 10, ..none() }, 0);
        check(&hold, Verdict { unknown: 11, ..none() }, 1);
        check(&resend, Verdict { duplicates: 10, ..none() }, 0);
        check(&resend, Verdict { duplicates: 11, ..none() }, 1);
        check(&facts(Policy::Hold, true), Verdict { unknown: 160, ..none() }, 0);
        check(&facts(Policy::Hold, true), Verdict { unknown: 161, ..none() }, 1);
        check(&Facts { strangers: 1, ..facts(Policy::Hold, false) }, none(), 1);
        check(&Facts { complaints: vec!["check".into()], ..facts(Policy::Hold, false) }, none(), 1);
    }
}
