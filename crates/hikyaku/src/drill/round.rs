//! One round: every tenant freezes a release, all are let go in the same moment, and each is sent until settled.

use std::sync::Arc;
use std::time::Duration;

use domain::{AudienceDigest, IntentNo, Lane, ReleaseId, RetrySchedule, Statement, UnknownPolicy};
use engine::{ComposeError, Composed, Composer, Planner, ReleaseEnd, ReleaseRun, ReleaseWork, WaveKey};
use ledger::{ContentPart, LeasedIntent, ReleaseRow, ReleaseState, recipient_hash, sha256};
use runtime::{Clock, Entropy, SystemClock, SystemEntropy};

use super::MAILS_PER_ROUND;
use super::fleet::{Fleet, Member, name};
use super::plan::RoundPlan;

/// How long a round's mails may be tried.
const DEADLINE: Duration = Duration::from_secs(60);
/// The wait after a first failure.
const RETRY_INITIAL: Duration = Duration::from_millis(20);
/// How often a release is taken up again after a changed secret.
const RESUMES_MAX: u32 = 5;

/// Runs a round; gives the sum of its releases' statements.
pub async fn run(
    fleet: &mut Fleet,
    round: u32,
    plan: &RoundPlan,
    revokes: bool,
) -> anyhow::Result<Statement> {
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
        let spec = fleet.spec(&member).await?;
        fleet.engine.relay(spec).await?;
    }
    for _ in 0..RESUMES_MAX {
        let unfinished = wait_for_all(runs).await?;
        if unfinished.is_empty() {
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
        actors.push(fleet.engine.relay(fleet.spec(member).await?).await?);
    }
    let run = |((member, row), actor): (&(Member, ReleaseRow), _)| {
        let composer = DrillComposer { tenant: name(member.number), release: row.release };
        (member.number, fleet.engine.send(work(member, row), Arc::new(composer), actor, ReleaseState::Active))
    };
    Ok(releases.iter().zip(actors).map(run).collect())
}

/// The tenants whose run did not settle, and whether their relay was stopped.
async fn wait_for_all(runs: Vec<Run>) -> anyhow::Result<Vec<(u32, bool)>> {
    let mut unfinished = Vec::new();
    for (number, run) in runs {
        match run.ended().await {
            ReleaseEnd::Settled => {}
            ReleaseEnd::Drained => unfinished.push((number, false)),
            ReleaseEnd::RelayStopped(_) => unfinished.push((number, true)),
            ReleaseEnd::Broken(reason) => anyhow::bail!(reason),
        }
    }
    Ok(unfinished)
}

async fn total(fleet: &Fleet, releases: &[(Member, ReleaseRow)]) -> anyhow::Result<Statement> {
    let mut total = Statement::default();
    for (member, row) in releases {
        let sender = Some(fleet.engine.sender());
        total.join(&fleet.store.statement(member.tenant, row.release, sender).await?.statement);
    }
    Ok(total)
}

async fn freeze(fleet: &Fleet, member: &Member, round: u32) -> anyhow::Result<(Member, ReleaseRow)> {
    let now = SystemClock.now();
    let row = ReleaseRow {
        tenant: member.tenant,
        release: ReleaseId::generate(now.as_millis(), SystemEntropy.bits()?),
        relay: member.relay,
        name: format!("round {round}"),
        content_digest: sha256(&round.to_be_bytes()),
        list_digest: sha256(&member.number.to_be_bytes()),
        lane: Lane::Bulk,
        policy: UnknownPolicy::Hold,
        retry_initial_ms: u64::try_from(RETRY_INITIAL.as_millis()).unwrap_or(0),
        deadline_at: now + DEADLINE,
        created_at: now,
    };
    let part = ContentPart { part_no: 0, name: "drill".to_owned(), bytes: Vec::new() };
    fleet.store.release_create(row.clone(), vec![part]).await?;
    let key = WaveKey {
        tenant: row.tenant,
        release: row.release,
        wave: 1,
        sender: fleet.engine.sender(),
        first: IntentNo(1),
    };
    let mut planner = Planner::start(Arc::clone(&fleet.store), Arc::new(SystemClock), key).await?;
    let mut digest = AudienceDigest::default();
    for mail in 0..MAILS_PER_ROUND {
        let address = format!("r{round}.m{mail}@{}.example", name(member.number));
        digest.add(&recipient_hash(&address, ""));
        planner.add(&address, "", None).await?;
    }
    planner.seal(digest, row.list_digest, 256).await?;
    Ok((member.clone(), row))
}

fn work(member: &Member, row: &ReleaseRow) -> ReleaseWork {
    ReleaseWork {
        tenant: row.tenant,
        release: row.release,
        relay: row.relay,
        reverse_path: format!("news@{}.example", name(member.number)),
        lane: row.lane,
        policy: row.policy,
        retry: RetrySchedule::starting_at(RETRY_INITIAL),
        deadline_at: row.deadline_at,
        held: false.into(),
    }
}

/// Small mails that say whose they are.
struct DrillComposer {
    tenant: String,
    release: ReleaseId,
}

impl Composer for DrillComposer {
    fn compose(&self, intent: &LeasedIntent) -> Result<Composed, ComposeError> {
        let Self { tenant, release } = self;
        let head = format!(
            "From: news@{tenant}.example\r\nTo: {}\r\nSubject: drill\r\nMessage-ID: <{}.{release}@{tenant}.example>\r\n\
             X-Tenant: {tenant}\r\n\r\nThis mail belongs to {tenant}.\r\n",
            intent.address, intent.intent
        );
        let mut digest = [0; 16];
        digest.copy_from_slice(&sha256(head.as_bytes())[..16]);
        Ok(Composed { head: head.into_bytes(), tail: None, eight_bit: false, smtputf8: false, digest })
    }
}
