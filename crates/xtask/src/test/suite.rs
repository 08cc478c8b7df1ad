//! Building and running the tests of all rooms.

use std::ffi::OsString;
use std::time::Duration;

use super::Context;
use super::steps::{Outcome, left_out};
use super::tally::Runner;
use crate::command::{Ended, Program, installed};
use crate::peers;

const BUILD_MAX: Duration = Duration::from_secs(3600);
const TESTS_MAX: Duration = Duration::from_secs(1800);
const DOC_TESTS_MAX: Duration = Duration::from_secs(900);

/// What is built and tested.
const WHOLE: [&str; 2] = ["--workspace", "--all-features"];

/// Builds all that the tests run.
pub fn build(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let program = Program::cargo(context.workspace.root(), BUILD_MAX).args(["test", "--no-run"]).args(WHOLE);
    Ok(outcome(&program.show()?))
}

/// Runs all tests, by nextest where it is installed.
pub fn tests(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let cargo = Program::cargo(context.workspace.root(), TESTS_MAX).envs(variables(context));
    let (runner, program) = match installed("cargo-nextest") {
        true => (Runner::Nextest, cargo.args(["nextest", "run", "--no-fail-fast"])),
        false => (Runner::Libtest, cargo.args(["test", "--no-fail-fast", "--lib", "--bins", "--tests"])),
    };
    count(context, runner, program.args(WHOLE).args(context.arguments.filter.as_deref()))
}

/// Runs the examples in the docs, which nextest does not.
pub fn doc_tests(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    if let Some(skipped) = left_out(context) {
        return Ok(skipped);
    }
    let program = Program::cargo(context.workspace.root(), DOC_TESTS_MAX)
        .args(["test", "--no-fail-fast", "--doc"])
        .args(WHOLE)
        .envs(variables(context));
    count(context, Runner::Libtest, program)
}

/// Runs each fuzz target for a while, if that is asked for. The rooms' own smoke tests run with the others.
pub fn fuzz(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let Some(seconds) = context.arguments.fuzz else { return Ok(Outcome::Unasked) };
    if !installed("cargo-fuzz") {
        return Ok(Outcome::Skipped("cargo-fuzz is not installed".to_owned()));
    }
    let root = context.workspace.root();
    let cargo = |limit| Program::cargo(root, limit).envs([("RUSTC_BOOTSTRAP", "1")]).args(["fuzz"]);
    let targets = cargo(DOC_TESTS_MAX).args(["list"]).output()?;
    for target in targets.split_whitespace() {
        let limit = BUILD_MAX + Duration::from_secs(seconds.into());
        let ended = cargo(limit).args(["run", target, "--", &format!("-max_total_time={seconds}")]).show()?;
        if !ended.success {
            return Ok(Outcome::Failed(format!("{target} {}", ended.reason)));
        }
    }
    Ok(Outcome::Passed)
}

/// What tests find in their environment: where the peers are, and that they are not to be passed over.
fn variables(context: &Context<'_>) -> Vec<(&'static str, OsString)> {
    let mut variables = Vec::new();
    if context.peers_prepared {
        let peers = peers::variables(context.workspace).into_iter();
        variables.extend(peers.map(|(name, path)| (name, path.into_os_string())));
        variables.push(("HIKYAKU_REQUIRE_PEERS", "1".into()));
    }
    variables
}

/// Runs a test runner and adds up what it says.
fn count(context: &mut Context<'_>, runner: Runner, program: Program) -> anyhow::Result<Outcome> {
    let ended = program.look(&mut |line| {
        eprintln!("{line}");
        context.tally.add_line(runner, &line);
    })?;
    Ok(outcome(&ended))
}

/// The outcome of a program.
pub fn outcome(ended: &Ended) -> Outcome {
    if ended.success { Outcome::Passed } else { Outcome::Failed(ended.reason.clone()) }
}
