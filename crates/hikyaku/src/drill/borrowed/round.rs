//! One round: every tenant freezes a release, all are let go in the same moment, and each is sent until settled.

use domain::{IntentNo, IntentState, Lane, Statement};
use engine::{ReleaseEnd, ReleaseRun};
use ledger::ReleaseRow;

use super::MAILS_PER_ROUND;
use super::fleet::{Fleet, Member};
use super::plan::RoundPlan;

/// How often a release is taken up again after a changed secret.
const RESUMES_MAX: u32 = 5;

/// Runs a round; gives the sum of its releases' statements, and who is accepted by the books.
pub async fn run(
    fleet: &mut Fleet,
    round: u32,
    plan: &RoundPlan,
    revokes: bool,
) -> anyhow::Result<(Statement, Vec<String>)> {
    plan.rotated_before.iter().for_each(|number| fleet.rotate(*number));
    let mut releases = Vec::new();
    for member in &fleet.members {
        releases.push(freeze(fleet, member, round).await?);
    }
    let mut runs = let_go(fleet, &releases).await?;
    // Changed while mails are under way: the new actor tells the old one to drain.
    for number in &plan.rotated_within {
        fleet.rotate(*number);
        let member = fleet.members[*number as usize].clone();
        fleet.relay(&member).await?;
    }
    for resumes in 0.. {
        let unfinished = wait_for_all(runs).await?;
        if unfinished.is_empty() || resumes == RESUMES_MAX {
            break;
        }
        for (number, _) in unfinished.iter().filter(|(_, stopped)| *stopped && revokes) {
            fleet.rotate(*number);
        }
        let again: Vec<_> = unfinished.iter().map(|(number, _)| releases[*number as usize].clone()).collect();
        runs = let_go(fleet, &again).await?;
    }
    total(fleet, &releases).await
}

type Run = (u32, ReleaseRun);

async fn let_go(fleet: &Fleet, releases: &[(Member, ReleaseRow)]) -> anyhow::Result<Vec<Run>> {
    let mut actors = Vec::new();
    for (member, _) in releases {
        // The version may have changed since the freeze.
        let member = &fleet.members[member.number as usize];
        actors.push(fleet.relay(member).await?);
    }
    let run = |((member, row), actor): (&(Member, ReleaseRow), _)| {
        (member.number, fleet.stage.send(&member.account, row, actor))
    };
    Ok(releases.iter().zip(actors).map(run).collect())
}

/// The tenants whose run did not settle, and whether their relay was stopped.
async fn wait_for_all(runs: Vec<Run>) -> anyhow::Result<Vec<(u32, bool)>> {
    let mut unfinished = Vec::new();
    for (number, run) in runs {
        match run.ended().await {
            ReleaseEnd::Settled => {}
            ReleaseEnd::Drained | ReleaseEnd::Waiting => unfinished.push((number, false)),
            ReleaseEnd::RelayStopped(_) => unfinished.push((number, true)),
            ReleaseEnd::Broken(reason) => anyhow::bail!(reason),
        }
    }
    Ok(unfinished)
}

async fn total(fleet: &Fleet, releases: &[(Member, ReleaseRow)]) -> anyhow::Result<(Statement, Vec<String>)> {
    let (mut total, mut accepted) = (Statement::default(), Vec::new());
    for (member, row) in releases {
        let sender = Some(fleet.stage.engine.sender());
        let statement =
            fleet.stage.store.statement(member.account.tenant, row.release, sender.into()).await?;
        total.join(&statement.statement);
        let state = Some(IntentState::Accepted);
        let store = &fleet.stage.store;
        let views = store
            .recipients(row.tenant, row.release, state, sender.into(), IntentNo(0), MAILS_PER_ROUND)
            .await?;
        accepted.extend(views.into_iter().filter_map(|view| view.address));
    }
    Ok((total, accepted))
}

async fn freeze(fleet: &Fleet, member: &Member, round: u32) -> anyhow::Result<(Member, ReleaseRow)> {
    let address = |mail: u32| format!("r{round}.m{mail}@{}.example", member.account.name);
    let addresses = (0..MAILS_PER_ROUND).map(address);
    let row = fleet.stage.freeze(&member.account, format!("round {round}"), Lane::Bulk, addresses).await?;
    Ok((member.clone(), row))
}
