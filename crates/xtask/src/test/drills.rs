//! The drills at the size that fits every run. Their exit codes are the verdict; their figures are shown.

use std::time::Duration;

use super::Context;
use super::steps::{Outcome, left_out};
use super::suite::outcome;
use crate::command::Program;

/// One drill's time; the first one also builds the programs as shipped.
const DRILL_MAX: Duration = Duration::from_secs(2700);
const HELP_MAX: Duration = Duration::from_secs(600);

/// No mail goes out under another tenant's credential.
pub fn borrowed_credentials(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let hikyaku = ["run", "--quiet", "--package", "hikyaku", "--"];
    drill(context, &hikyaku, &["drill", "borrowed-credentials", "--rounds", "100", "--json"])
}

/// No seed of the simulator breaches an invariant.
pub fn simulation(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    drill(context, &["xtask"], &["sim", "--seeds", "500", "--json"])
}

/// No release waits for another tenant's, nor an urgent one for a bulk one. As shipped, for it measures time.
pub fn fairness(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let hikyaku = ["run", "--quiet", "--release", "--package", "hikyaku", "--"];
    drill(context, &hikyaku, &["drill", "fairness", "--huge", "400000", "--json"])
}

/// Killed senders lose nothing.
pub fn crash(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    drill(context, &["xtask"], &["crash", "--kills", "200", "--messages", "20000", "--json"])
}

/// Nor do nodes over one database that are killed and taken over.
pub fn crash_of_nodes(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let size = ["crash", "--nodes", "4", "--kills", "40", "--messages", "30000", "--json"];
    drill(context, &["xtask"], &size)
}

/// Nor does a database that fails over, a node that stands still, a full disk, books from a backup, or a firewall gone wrong.
pub fn chaos(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let size = ["--failovers", "3", "--freezes", "2", "--fills", "2", "--json"];
    drill(context, &["xtask"], &[&["chaos"][..], &size].concat())
}

/// Neither does a power cut.
pub fn power(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    drill(context, &["xtask"], &["crash", "--power", "--kills", "100", "--messages", "10000", "--json"])
}

/// The drill of power cuts finds a store that does not sync.
pub fn planted_fault(context: &mut Context<'_>) -> anyhow::Result<Outcome> {
    let planted = ["--plant-synchronous-off", "--must-break", "--policy", "hold", "--json"];
    let size = ["crash", "--power", "--kills", "100", "--messages", "10000"];
    drill(context, &["xtask"], &[&size[..], &planted].concat())
}

fn drill(context: &Context<'_>, program: &[&str], arguments: &[&str]) -> anyhow::Result<Outcome> {
    if let Some(skipped) = left_out(context) {
        return Ok(skipped);
    }
    let root = context.workspace.root();
    // A program that knows the drill names its options; anything else is no verdict about mails.
    let help = Program::cargo(root, HELP_MAX).args(program).args(&arguments[..1]).args(["--help"]).output();
    if !help.is_ok_and(|text| text.contains("Usage")) {
        return Ok(Outcome::Skipped(format!("there is no `{}` yet", arguments[0])));
    }
    Ok(outcome(&Program::cargo(root, DRILL_MAX).args(program).args(arguments).show()?))
}
