//! `cargo xtask test`: the whole suite on a fresh machine, step by step, each within its time.
//!
//! A step that cannot run is skipped with its reason; in CI (`CI` is set) a skipped step is a failed one. All steps
//! run, also after a failure, but for those that need a build when there is none.

mod drills;
mod steps;
mod suite;
mod tally;

use std::time::Duration;

use runtime::{Clock as _, SystemClock};

use crate::workspace::Workspace;
use steps::{Outcome, STEPS, Step};
use tally::Tally;

/// Options of `cargo xtask test`.
#[derive(Debug, Default, clap::Args)]
pub struct Arguments {
    /// Only what finds most mistakes soonest: tidy without clippy, and the tests.
    #[arg(long)]
    pub quick: bool,
    /// Run cargo-fuzz on each target for so many seconds (needs cargo-fuzz).
    #[arg(long, value_name = "SECONDS")]
    pub fuzz: Option<u32>,
    /// Only the tests whose names contain this, and nothing else.
    pub filter: Option<String>,
}

/// What a step works with.
pub struct Context<'a> {
    workspace: &'a Workspace,
    arguments: &'a Arguments,
    /// Whether the peers are there: tests that need them must then run.
    peers_prepared: bool,
    tally: Tally,
}

/// Runs all steps; whether all is well.
///
/// # Errors
/// Never by a failing step: that is counted.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let in_ci = std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false");
    let mut context = Context { workspace, arguments, peers_prepared: false, tally: Tally::default() };
    let mut skipped = Vec::new();
    for step in STEPS {
        eprintln!("== {}", step.name);
        let before = context.tally;
        let (outcome, took) = timed(|| (step.run)(&mut context));
        let outcome = outcome.unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        conclude(step, outcome, took, in_ci, before, &mut context.tally, &mut skipped);
    }
    for line in &skipped {
        println!("{line}");
    }
    println!("{}", context.tally);
    Ok(context.tally.is_clean())
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let start = SystemClock.moment();
    let done = run();
    (done, SystemClock.moment().since(start))
}

/// Prints how a step ended, and counts it.
fn conclude(
    step: &Step,
    outcome: Outcome,
    took: Duration,
    in_ci: bool,
    before: Tally,
    tally: &mut Tally,
    skipped: &mut Vec<String>,
) {
    let counted = *tally != before;
    let said = match outcome {
        Outcome::Passed => {
            // A step that counts no tests is one itself.
            tally.passed += u64::from(!counted);
            "passed".to_owned()
        }
        Outcome::Failed(reason) => {
            // Whatever failed may not have been a test.
            tally.failed += u64::from(tally.failed == before.failed);
            format!("FAILED: {reason}")
        }
        Outcome::Skipped(reason) => {
            tally.failed += u64::from(in_ci);
            skipped.push(format!("skipped: {} ({reason})", step.name));
            format!("skipped: {reason}")
        }
        Outcome::Unasked => "not asked for".to_owned(),
    };
    eprintln!("== {} {said} ({:.1} s)", step.name, took.as_secs_f64());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tally after a step that counted `tests` and ended so.
    fn check(tests: (u64, u64), outcome: Outcome, in_ci: bool, expected: (u64, u64)) {
        let mut tally = Tally { passed: tests.0, failed: tests.1 };
        let step = &STEPS[0];
        conclude(step, outcome, Duration::ZERO, in_ci, Tally::default(), &mut tally, &mut Vec::new());
        assert_eq!((tally.passed, tally.failed), expected);
    }

    #[test]
    fn steps_count_their_tests_or_themselves() {
        check((0, 0), Outcome::Passed, false, (1, 0));
        check((7, 0), Outcome::Passed, false, (7, 0));
        check((7, 2), Outcome::Failed(String::new()), false, (7, 2));
        check((0, 0), Outcome::Failed(String::new()), false, (0, 1));
        check((7, 0), Outcome::Failed(String::new()), false, (7, 1));
    }

    #[test]
    fn what_is_skipped_fails_in_ci_alone() {
        check((0, 0), Outcome::Unasked, true, (0, 0));
        check((0, 0), Outcome::Skipped(String::new()), false, (0, 0));
        check((0, 0), Outcome::Skipped(String::new()), true, (0, 1));
    }
}
