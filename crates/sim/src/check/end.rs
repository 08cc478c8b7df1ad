//! When all is over: every recipient's state in the books against what relays and people did.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{IntentNo, IntentState, Timestamp, Verdict};
use ledger::{AttemptView, OutcomeRow, ReadStore, RecipientView, ReleaseRow};
use ledger_sqlite::SqliteStore;

use super::read;
use crate::mail;
use crate::node::operator::may_double;
use crate::relay::log::{Entry, Fate, Marker};
use crate::scenario::{Release, Scenario};
use crate::world::World;

/// More recipients than any release of a run has.
const ALL: u32 = 10_000;

/// Checks chains, statements and every recipient.
///
/// # Errors
/// When the books cannot be read.
pub fn whole_run(world: &mut World, store: &SqliteStore, scenario: &Scenario) -> anyhow::Result<()> {
    let now = Timestamp::from_millis(world.wall_ms());
    let report = read(store.check(world.known.seals.clone(), ledger::Live::default(), now))?;
    for finding in &report.findings {
        world.breach(format!("{} check: {}", finding.invariant, finding.text));
    }
    for plan in &scenario.releases {
        match world.known.releases.get(&plan.number).cloned() {
            Some(row) => release(world, store, (plan, &row), scenario.config.tcp_user_timeout)?,
            None => world.breach(format!("10 loss: r{} was never begun", plan.number)),
        }
    }
    Ok(())
}

fn release(
    world: &mut World,
    store: &SqliteStore,
    (plan, row): (&Release, &ReleaseRow),
    kernel_wait: Duration,
) -> anyhow::Result<()> {
    let view = read(store.statement(row.tenant, row.release, ledger::Live::default()))?;
    world.note(format!("r{} at the end: {:?}", plan.number, view.statement));
    let statement = view.statement;
    let balances = statement.difference() == 0 && view.differences.is_empty();
    if !balances || statement.audience != u64::from(plan.recipients) {
        world.breach(format!("1 conservation: r{}: {statement:?}, {:?}", plan.number, view.differences));
    }
    let recipients =
        read(store.recipients(row.tenant, row.release, None, ledger::Live::default(), IntentNo(0), ALL))?;
    if recipients.len() != plan.recipients as usize {
        world.breach(format!("1 conservation: r{} has {} recipients", plan.number, recipients.len()));
    }
    let log = log_of(world, plan.number);
    for recipient in &recipients {
        let marker = Marker { release: plan.number, intent: recipient.intent.0 };
        let address = mail::address(plan.tenant, marker);
        let attempts = read(store.attempts(row.tenant, row.release, &address))?;
        let seen = log.get(&recipient.intent.0).map_or(&[][..], Vec::as_slice);
        let case = Case { plan, row, recipient, attempts: &attempts, seen, kernel_wait };
        for what in case.judge(world) {
            world.breach(format!("{what} (r{}/{})", plan.number, recipient.intent.0));
        }
    }
    Ok(())
}

fn log_of(world: &World, release: u64) -> BTreeMap<u32, Vec<Entry>> {
    let mut log = BTreeMap::<u32, Vec<Entry>>::new();
    let entries = world.relays.iter().flat_map(|relay| &relay.log);
    for entry in entries.filter(|entry| entry.marker.release == release) {
        log.entry(entry.marker.intent).or_default().push(entry.clone());
    }
    log
}

/// One recipient: what was planned, what the books say, what the relays saw.
struct Case<'a> {
    plan: &'a Release,
    row: &'a ReleaseRow,
    recipient: &'a RecipientView,
    attempts: &'a [AttemptView],
    seen: &'a [Entry],
    /// How long a kernel may go on sending for a process that died.
    kernel_wait: Duration,
}

impl Case<'_> {
    fn judge(&self, world: &World) -> Vec<&'static str> {
        let mut breaches = Vec::new();
        let mut must = |holds: bool, what: &'static str| {
            if !holds {
                breaches.push(what);
            }
        };
        let taken = self.seen.iter().filter(|entry| entry.fate == Fate::Taken).count();
        let intent = self.recipient.intent.0;
        let cancelled = world.known.cancelled.contains(&self.plan.number);
        let late = world.known.latest_wall_ms >= self.row.deadline_at.as_millis();
        match self.recipient.state {
            IntentState::Accepted => {
                must(taken > 0, "2 evidence: accepted, and no relay has it");
                must(self.has_positive_reply(), "2 evidence: accepted without a stored 2xx reply");
            }
            IntentState::Rejected if self.plan.is_unfit(intent) => {}
            IntentState::Rejected => {
                must(self.has_final_refusal(), "4 retry: rejected without a final refusal");
            }
            IntentState::Suppressed => {
                must(self.plan.is_suppressed(intent), "1 conservation: suppressed, and was owed");
            }
            IntentState::Cancelled => must(cancelled, "10 loss: cancelled by nobody"),
            IntentState::Expired => must(late, "10 loss: expired before its deadline"),
            IntentState::Unknown => {
                must(self.verdicts(Verdict::Unknown) > 0, "2 evidence: unknown for no reason")
            }
            IntentState::Pending => must(false, "9 liveness: pending when all was over"),
        }
        if taken > 0 {
            let owned = matches!(self.recipient.state, IntentState::Accepted | IntentState::Unknown);
            must(owned, "2 evidence: a relay took it, and the books say that it was not sent");
        }
        let owed = !self.plan.is_suppressed(intent) && !self.plan.is_unfit(intent);
        must(owed || self.seen.is_empty(), "1 conservation: sent, and not owed");
        let most = if may_double(self.plan) { 2 } else { 1 };
        must(taken <= most, "4 retry: taken more often than the policy allows");
        let mut opened = self.attempts.iter().filter_map(|view| view.attempt.as_ref());
        let held = opened.any(|row| world.known.is_held(self.plan.number, row.opened_at.as_millis()));
        must(!held, "7 fencing: an attempt was opened while its release was held");
        must(world.known.wall_jumped || self.waits_are_kept(), "4 retry: tried again too soon");
        must(self.resends_are_allowed(), "4 retry: tried again behind an unanswered message end");
        must(
            world.known.wall_jumped || self.resends_wait(),
            "4 retry: an unanswered message was sent again too soon",
        );
        must(self.refusals_are_final(), "4 retry: refused for good, and owed again");
        if self.recipient.state == IntentState::Unknown && may_double(self.plan) && !cancelled && !late {
            must(self.was_resent(), "4 retry: unknown, and never sent again");
        }
        breaches
    }

    fn verdicts(&self, verdict: Verdict) -> usize {
        self.attempts.iter().flat_map(|view| &view.outcomes).filter(|row| row.verdict == verdict).count()
    }

    fn has_positive_reply(&self) -> bool {
        self.attempts.iter().flat_map(|view| &view.outcomes).any(|row| {
            row.verdict == Verdict::Accepted && row.code.is_some_and(|code| (200..300).contains(&code.get()))
        })
    }

    fn has_final_refusal(&self) -> bool {
        self.attempts
            .iter()
            .flat_map(|view| &view.outcomes)
            .any(|row| row.verdict == Verdict::Rejected && row.code.is_some_and(|code| code.get() >= 500))
    }

    /// After a 451 the same process tries again only after the retry interval less its jitter. (Another process may go
    /// by its own start, and other failures have shorter waits.)
    fn waits_are_kept(&self) -> bool {
        let least = self.plan.retry_initial.as_millis() * 4 / 5;
        self.attempts.windows(2).all(|pair| {
            let [before, after] = pair else { return true };
            let deferred = before.outcomes.iter().find(|row| {
                row.verdict == Verdict::Deferred && row.code.is_some_and(|code| code.get() == 451)
            });
            match (deferred, &after.attempt) {
                (Some(row), Some(next)) if before.sender == after.sender => {
                    next.opened_at.since(row.at).as_millis() >= least
                }
                _ => true,
            }
        })
    }

    /// Behind an unknown verdict the next try waits for a retry interval less its jitter; where the process died with it,
    /// also for what the kernel may still be sending.
    fn resends_wait(&self) -> bool {
        let interval = self.plan.retry_initial.as_millis() * 4 / 5;
        self.attempts.windows(2).all(|pair| {
            let [before, after] = pair else { return true };
            let unknown = before.outcomes.iter().find(|row| row.verdict == Verdict::Unknown);
            let (Some(row), Some(next)) = (unknown, &after.attempt) else { return true };
            let of_the_dead = row.reply_text.contains("the sender ended");
            let least = if of_the_dead { interval.max(self.kernel_wait.as_millis()) } else { interval };
            next.opened_at.since(row.at).as_millis() >= least
        })
    }

    /// The 550 of the run's relays, to an envelope or to a message, ends it.
    fn refusals_are_final(&self) -> bool {
        let mut outcomes = self.attempts.iter().flat_map(|view| &view.outcomes);
        let is_final = |row: &OutcomeRow| row.code.is_some_and(|code| code.get() == 550);
        outcomes.all(|row| !is_final(row) || row.verdict != Verdict::Deferred)
    }

    /// True when something was tried behind the first unanswered message end.
    fn was_resent(&self) -> bool {
        let unknown = |view: &AttemptView| view.outcomes.iter().any(|row| row.verdict == Verdict::Unknown);
        let behind = self.attempts.iter().skip_while(|view| !unknown(view)).skip(1);
        behind.filter(|view| view.attempt.is_some()).count() > 0
    }

    /// Behind an unknown verdict nothing is tried under `hold`, and once under `resend-once`.
    fn resends_are_allowed(&self) -> bool {
        let unknown = |view: &&AttemptView| view.outcomes.iter().any(|row| row.verdict == Verdict::Unknown);
        let Some(first) = self.attempts.iter().position(|view| unknown(&view)) else { return true };
        let mut with_end = self.attempts[first + 1..].iter().filter(|view| view.attempt.is_some());
        if !may_double(self.plan) {
            return with_end.next().is_none();
        }
        self.attempts.iter().filter(unknown).count() <= 2
    }
}
