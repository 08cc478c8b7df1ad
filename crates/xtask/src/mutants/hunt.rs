//! Looks for the mistake that is planted: builds the copy, and runs the simulator or the named test.
//!
//! What cannot be built is caught by nothing: that is an error, and the patch is to be mended.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use serde::Deserialize;

use super::catcher::NamedTest;
use super::garden::Garden;
use crate::command::{Ended, Program};

const BUILD_MAX: Duration = Duration::from_secs(3600);
const SEARCH_MAX: Duration = Duration::from_secs(3600);
/// A test that takes longer hangs, which it does not without the mistake.
const TEST_MAX: Duration = Duration::from_secs(300);
/// How the runner says that the test ran, was the only one, and passed.
const ONE_PASSED: &str = "test result: ok. 1 passed;";

/// The simulator's own verdict.
#[derive(Debug, Deserialize)]
struct Found {
    failing_seeds: Vec<u64>,
}

/// The first seed that finds the mistake, and what it finds.
pub fn by_simulator(garden: &Garden, seeds: u64) -> anyhow::Result<Option<String>> {
    build(garden.cargo(BUILD_MAX).args(["build", "--quiet", "--package", "sim"]))?;
    let mut said = Vec::new();
    garden
        .program(garden.target().join("debug/hikyaku-sim"), SEARCH_MAX)
        .args(["--seeds", &seeds.to_string(), "--until-breach", "--json"])
        .look(&mut |line| said.push(line))?;
    let json = said.iter().find(|line| line.starts_with("{\"seeds\""));
    let found: Found = serde_json::from_str(json.context("the simulator gave no verdict")?)?;
    let Some(seed) = found.failing_seeds.first() else { return Ok(None) };
    let mut about = said.iter().skip_while(|line| **line != format!("seed {seed}:")).skip(1);
    let breach = about.find(|line| line.starts_with("  ")).map_or("", |line| line.trim());
    Ok(Some(format!("seed {seed}: {breach}")))
}

/// The test, if it fails now.
pub fn by_test(garden: &Garden, test: &NamedTest) -> anyhow::Result<Option<String>> {
    let (ended, _) = play(garden, test)?;
    Ok((!ended.success).then(|| test.to_string()))
}

/// Sees that the test is there, and passes.
pub fn pass(garden: &Garden, test: &NamedTest) -> anyhow::Result<()> {
    let (ended, said) = play(garden, test)?;
    if !ended.success {
        bail!("{test} fails without any mistake ({}):\n{}", ended.reason, said.join("\n"));
    }
    ensure!(said.iter().any(|line| line.starts_with(ONE_PASSED)), "there is no test {test}");
    Ok(())
}

/// Builds and runs the one test.
fn play(garden: &Garden, test: &NamedTest) -> anyhow::Result<(Ended, Vec<String>)> {
    let cargo = |limit| garden.cargo(limit).args(["test", "--quiet", "-p", &test.package]).args(&test.target);
    build(cargo(BUILD_MAX).args(["--no-run"]))?;
    let mut said = Vec::new();
    let variables = test.variables.iter().map(|(name, value)| (name, value));
    let run = cargo(TEST_MAX).envs(variables).args(["--", "--exact", &test.name]);
    let ended = run.look(&mut |line| said.push(line))?;
    Ok((ended, said))
}

fn build(program: Program) -> anyhow::Result<()> {
    let built = program.show()?;
    ensure!(built.success, "building it {}", built.reason);
    Ok(())
}
