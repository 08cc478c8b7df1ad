//! `cargo xtask mutants`: plants each known mistake in a copy of the tree, and has what must catch it look for it.
//!
//! The mistakes are patch files beside the simulator, so that none can ever stand in a build of the product. The
//! simulator catches most of them; what it cannot see, a test does that the patch names, and that passes without it.

mod catcher;
mod garden;
mod hunt;
mod mistake;

use std::collections::BTreeSet;

use anyhow::Context as _;
use serde::Serialize;

use crate::workspace::Workspace;
use catcher::Catcher;
use garden::Garden;
use mistake::Mistake;

/// Options of `cargo xtask mutants`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// How many seeds are tried at most for each mistake that the simulator must catch.
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// Print `{planted, caught, missed, missed_names}` in one line.
    #[arg(long)]
    json: bool,
    /// Only the mistakes whose names contain this.
    filter: Option<String>,
}

/// What became of all mistakes.
#[derive(Debug, Default, Serialize)]
struct Verdict {
    planted: usize,
    caught: usize,
    missed: usize,
    missed_names: Vec<String>,
}

/// Plants and looks; true when each mistake was caught.
///
/// # Errors
/// When a mistake cannot be planted or built, for then its patch must be brought up to date; and when a test that must
/// catch one fails without it.
pub fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<bool> {
    let mistakes = mistake::all(workspace.root(), arguments.filter.as_deref().unwrap_or_default())?;
    let garden = Garden::new(workspace)?;
    see_tests_pass(&garden, &mistakes)?;
    let mut verdict = Verdict::default();
    for mistake in &mistakes {
        let found = look_for(&garden, mistake, arguments.seeds)
            .with_context(|| format!("mutant `{}`", mistake.name))?;
        verdict.planted += 1;
        match found {
            Some(how) => {
                verdict.caught += 1;
                eprintln!("{}: caught by {how}", mistake.name);
            }
            None => {
                eprintln!("{}: MISSED by {}", mistake.name, mistake.catcher);
                verdict.missed += 1;
                verdict.missed_names.push(mistake.name.clone());
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string(&verdict)?);
    } else {
        println!("planted {}, caught {}, missed {}", verdict.planted, verdict.caught, verdict.missed);
    }
    Ok(verdict.missed == 0 && verdict.planted > 0)
}

/// Without any mistake each test must be there and pass: one that fails anyway catches nothing.
fn see_tests_pass(garden: &Garden, mistakes: &[Mistake]) -> anyhow::Result<()> {
    let tests: BTreeSet<_> = mistakes.iter().filter_map(|mistake| mistake.catcher.test()).collect();
    if tests.is_empty() {
        return Ok(());
    }
    garden.restore()?;
    tests.into_iter().try_for_each(|test| hunt::pass(garden, test))
}

/// Plants one mistake; what caught it.
fn look_for(garden: &Garden, mistake: &Mistake, seeds: u64) -> anyhow::Result<Option<String>> {
    garden.restore()?;
    garden.plant(&mistake.patch)?;
    match &mistake.catcher {
        Catcher::Simulator => hunt::by_simulator(garden, seeds),
        Catcher::Test(test) => hunt::by_test(garden, test),
    }
}
