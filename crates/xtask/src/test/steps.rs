//! The steps in their order, and the small ones.

use super::{Context, drills, suite};
use crate::{peers, tidy};

/// A step of the suite.
pub struct Step {
    /// What it is called when it is reported.
    pub name: &'static str,
    /// Runs it. An error counts as a failure.
    pub run: fn(&mut Context<'_>) -> anyhow::Result<Outcome>,
}

/// How a step ended.
#[derive(Debug)]
pub enum Outcome {
    /// Well.
    Passed,
    /// Not well, and why.
    Failed(String),
    /// Not run, and why.
    Skipped(String),
    /// An extra that nobody asked for.
    Unasked,
}

/// All steps.
pub const STEPS: &[Step] = &[
    Step { name: "peers", run: prepare_peers },
    Step { name: "tidy", run: run_tidy },
    Step { name: "build", run: suite::build },
    Step { name: "tests", run: suite::tests },
    Step { name: "doc tests", run: suite::doc_tests },
    Step { name: "fuzz", run: suite::fuzz },
    Step { name: "simulation", run: drills::simulation },
    Step { name: "drill: borrowed credentials", run: drills::borrowed_credentials },
    Step { name: "drill: crash", run: drills::crash },
    Step { name: "drill: crash of nodes", run: drills::crash_of_nodes },
    Step { name: "drill: chaos", run: drills::chaos },
    Step { name: "drill: fairness", run: drills::fairness },
    Step { name: "drill: power cuts", run: drills::power },
    Step { name: "drill: power cuts, planted fault", run: drills::planted_fault },
];

/// The reason for which this run leaves a step out on request, if it does.
pub fn left_out(context: &Context<'_>) -> Option<Outcome> {
    let reason = match (context.arguments.quick, &context.arguments.filter) {
        (true, _) => "--quick",
        (_, Some(_)) => "a filter is given",
        _ => return None,
    };
    Some(Outcome::Skipped(reason.to_owned()))
}

fn prepare_peers(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    peers::prepare(context.workspace)?;
    context.peers_prepared = true;
    Ok(Outcome::Passed)
}

fn run_tidy(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    if context.arguments.filter.is_some() {
        return Ok(Outcome::Skipped("a filter is given".to_owned()));
    }
    let arguments = tidy::Arguments { full: !context.arguments.quick, bless: false };
    match tidy::run(context.workspace, &arguments)? {
        true => Ok(Outcome::Passed),
        false => Ok(Outcome::Failed("the house rules are broken".to_owned())),
    }
}
