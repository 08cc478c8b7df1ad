//! Every mail that a session took leaves it with an outcome: by its reply, by the session's end, or unused.

use std::sync::Arc;

use domain::breaker::SessionHealth;
use domain::{AttemptNo, Phase, Verdict};
use ledger::{LedgerError, OutcomeRow, RelayUse};
use smtp::client::Settlement;

use super::{Armed, REPLY_SLOW, Session, SessionReport, verdict};
use crate::journal::{JournaledReply, Ring};
use crate::relay::{BrokenReason, RelayActor};

impl Session {
    pub(super) async fn settle(&mut self, settlement: Settlement) -> Result<(), BrokenReason> {
        let Some(place) = self.on_wire.iter().position(|armed| armed.id == settlement.id) else {
            return Ok(());
        };
        let Some(armed) = self.on_wire.remove(place) else { return Ok(()) };
        let Some(result) = settlement.results.first() else { return Ok(()) };
        let now = self.actor.ground.clock.now();
        let hopeless = verdict::wants_other_session(result);
        if let Some(lane) = self.actor.lane()
            && lane.observe(result, self.carried > 0, self.actor.ground.clock.moment())
        {
            self.actor.outbox.demand.notify_one();
        }
        let row = match &armed.unfit {
            Some(reason) => verdict::unfit(&armed.mail, reason, now),
            None if hopeless.is_some() => {
                let row = verdict::outcome(&armed.mail, result, &self.actor.ground.key, now);
                OutcomeRow { verdict: Verdict::Deferred, retry_at: Some(now), ..row }
            }
            None if armed.behind && verdict::is_out_of_sequence(result) => {
                self.actor.no_more_behind_content();
                let row = verdict::outcome(&armed.mail, result, &self.actor.ground.key, now);
                OutcomeRow { verdict: Verdict::Deferred, retry_at: Some(now), ..row }
            }
            None => verdict::outcome(&armed.mail, result, &self.actor.ground.key, now),
        };
        if let Some(slot) = armed.slot
            && row.verdict != Verdict::Unknown
        {
            self.ring.mark_reply(slot, &journaled(&row));
        }
        if row.verdict == Verdict::Unknown {
            self.wire.reset_on_drop();
        }
        self.carried += u32::from(row.verdict == Verdict::Accepted);
        self.idle_since = self.actor.ground.clock.moment();
        let waited = self.idle_since.since(self.progress_at);
        self.is_slow = waited >= REPLY_SLOW;
        if waited < self.actor.ground.config.reply_late {
            self.actor.reply_is_prompt();
        }
        self.progress_at = self.idle_since;
        let used = self.finish_message(row.phase > Phase::Permit);
        if let Some(reason) = hopeless {
            self.hopeless = Some(reason);
            self.quitting = true;
            self.client.quit(self.idle_since);
        }
        self.record(armed, row, used).await
    }

    /// Pushes the outcome. A permit that is not durable yet is waited for: a fenced attempt has no outcome.
    pub(super) async fn record(
        &mut self,
        armed: Armed,
        row: OutcomeRow,
        used: Option<RelayUse>,
    ) -> Result<(), BrokenReason> {
        let recorder = Arc::clone(&self.actor.recorder);
        if !recorder.is_durable(armed.permit) {
            recorder.durable(armed.permit).await?;
        }
        if !recorder.take_fenced(armed.mail.key) {
            let ticket = recorder.outcome(row, used);
            self.last_ticket = Some(ticket);
            if let Some(slot) = armed.slot {
                self.settling.push_back((slot, ticket));
            }
        }
        if armed.stuck {
            self.actor.outbox.unstuck(armed.mail.holding());
        }
        self.actor.outbox.done(armed.mail.holding());
        Ok(())
    }

    /// Accounts for whatever is left, and reports.
    pub(super) async fn finish(mut self, outcome: Result<(), BrokenReason>) -> (SessionReport, Ring) {
        let mut report = self.account_for_rest(outcome).await;
        (report.opened, report.end) = (self.ready, self.end);
        (report, self.ring)
    }

    async fn account_for_rest(&mut self, outcome: Result<(), BrokenReason>) -> SessionReport {
        if let Err(reason) = outcome {
            self.wire.reset_on_drop();
            self.actor.break_off(reason);
            return SessionReport::failed("the books failed or an identity did not fit".to_owned());
        }
        for armed in std::mem::take(&mut self.hand) {
            release_unused(&self.actor, armed).await;
        }
        while self.releasing.join_next().await.is_some() {}
        if let Some(ticket) = self.last_ticket
            && let Err(error) = self.actor.recorder.durable(ticket).await
        {
            self.actor.break_off(error.into());
        }
        self.free_slots();
        if let Some(reason) = self.hopeless.take() {
            return SessionReport {
                health: SessionHealth::Hopeless,
                reason: Some(reason),
                ..SessionReport::good()
            };
        }
        let Some(end) = &self.end else { return SessionReport::good() };
        let health = verdict::health(end, self.carried);
        let user = self.actor.spec.login.as_ref().map(|login| login.user.as_str());
        let reason = match self.actor.lane() {
            Some(_) => format!("{} ({})", end.cause, end.phase),
            None => verdict::reason(end, user),
        };
        SessionReport { health, reason: Some(reason), ..SessionReport::good() }
    }
}

/// A mail of which no content was sent, the outcome of its attempt, and what that took of the relay's limits.
pub(super) struct Passed {
    pub armed: Armed,
    pub row: OutcomeRow,
    pub used: Option<RelayUse>,
}

/// Gives back a mail that had a permit and was never offered.
pub(super) async fn release_unused(actor: &RelayActor, armed: Armed) {
    let holding = armed.mail.holding();
    let row = verdict::unused(&armed.mail, actor.ground.clock.now());
    account_unsent(actor, &Passed { armed, row, used: None }).await;
    actor.outbox.done(holding);
}

/// Puts a mail of which no content was sent back in line, if its lease still stands.
pub(super) async fn pass_on(actor: &RelayActor, passed: Passed) {
    let stands = account_unsent(actor, &passed).await;
    let mut mail = passed.armed.mail;
    let work = Arc::clone(&mail.work);
    match mail.key.attempt.0.checked_add(1).filter(|_| stands) {
        Some(next) => {
            mail.key.attempt = AttemptNo(next);
            mail.tries += u16::from(passed.row.phase > Phase::Permit);
            actor.outbox.put_back(mail);
        }
        None => actor.outbox.done(mail.holding()),
    }
    // A hold may have emptied the line just before.
    if work.is_held() {
        actor.outbox.withdraw(work.release);
    }
}

/// Gives the permit its outcome; false when it was fenced or the books failed.
async fn account_unsent(actor: &RelayActor, passed: &Passed) -> bool {
    match actor.recorder.durable(passed.armed.permit).await {
        Ok(()) if !actor.recorder.take_fenced(passed.armed.mail.key) => {
            actor.recorder.outcome(passed.row.clone(), passed.used);
            true
        }
        Ok(()) => false,
        // The next process finds the open attempt and no dot mark.
        Err(error) => {
            actor.break_off(LedgerError::into(error));
            false
        }
    }
}

fn journaled(row: &OutcomeRow) -> JournaledReply {
    JournaledReply {
        verdict: row.verdict,
        phase: row.phase,
        code: row.code,
        enhanced: row.enhanced,
        digest: row.reply_digest,
        text: row.reply_text.clone(),
        at: row.at,
    }
}
