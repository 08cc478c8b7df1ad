//! What becomes of mails for which no session could be opened.
//!
//! A domain that takes no mail for good rejects them without a try, as a mail that cannot be composed is. A domain that
//! could not be reached defers them, by an attempt of each over a session that never was ready: the session's row says
//! so, the outcome's phase says how far it got, and its text says why, host by host. So retries are counted and spaced as
//! ever, and whoever asks what became of a mail reads the reason.

use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::direct::NoRoute;
use domain::{AttemptNo, Phase, SessionId, Verdict};
use ledger::{AttemptKey, AttemptPermit, AttemptRow, LedgerError, OutcomeRow, SessionRow};

use super::opening::Unreached;
use crate::compose::ReadyMail;
use crate::relay::RelayActor;

/// What stands in place of TLS facts for a session that never was.
const NO_LINK: &str = "no link: no session could be opened";

impl RelayActor {
    /// Rejects every mail in line: there is nowhere to send it.
    pub(super) fn reject_line(&self, reason: NoRoute) {
        let status = reason.status();
        for mail in self.outbox.take_all() {
            let row = OutcomeRow {
                key: AttemptKey { attempt: AttemptNo(0), ..mail.key },
                verdict: Verdict::Rejected,
                phase: Phase::Permit,
                code: None,
                enhanced: Some(status),
                reply_digest: [0; 16],
                reply_text: format!("{status} {reason}"),
                at: self.ground.clock.now(),
                retry_at: None,
            };
            if !mail.work.is_held() {
                self.recorder.outcome(row, None);
            }
            self.outbox.done(mail.holding());
        }
    }

    /// Defers every mail in line, with the reason.
    ///
    /// # Errors
    /// The store's failure, which is final.
    pub(super) async fn defer_line(&self, unreached: Unreached) -> Result<(), LedgerError> {
        let (held, mails): (Vec<_>, Vec<_>) =
            self.outbox.take_all().into_iter().partition(|mail| mail.work.is_held());
        held.iter().for_each(|mail| self.outbox.done(mail.holding()));
        if mails.is_empty() {
            return Ok(());
        }
        let session = self.record_session();
        let permits = mails.iter().map(|mail| self.recorder.permit(self.permit_for(mail, session)));
        // An outcome follows only a durable attempt, as at any session.
        if let Some(last) = permits.last() {
            self.recorder.durable(last).await?;
        }
        for mail in mails {
            if !self.recorder.take_fenced(mail.key) {
                self.recorder.outcome(self.deferral(&mail, &unreached), None);
            }
            self.outbox.done(mail.holding());
        }
        Ok(())
    }

    fn record_session(&self) -> SessionId {
        let (spec, now) = (&self.spec, self.ground.clock.now());
        let number = self.ground.next_session.fetch_add(1, Ordering::Relaxed);
        let session = SessionId::generate(now.as_millis(), number);
        self.recorder.session(SessionRow {
            tenant: spec.tenant,
            session,
            relay: spec.relay,
            credential: spec.credential,
            fingerprint: spec.fingerprint,
            peer: spec.host.clone(),
            tls: NO_LINK.to_owned(),
            sender: self.ground.sender,
            opened_at: now,
        });
        session
    }

    fn permit_for(&self, mail: &ReadyMail, session: SessionId) -> AttemptPermit {
        let spec = &self.spec;
        let row = AttemptRow {
            key: mail.key,
            session,
            relay: spec.relay,
            credential: spec.credential,
            fingerprint: spec.fingerprint,
            body_digest: mail.content.digest,
            opened_at: self.ground.clock.now(),
        };
        AttemptPermit { row, chunk: mail.chunk, lease: mail.lease }
    }

    /// Due again by the release's schedule, and not while the domain is left alone.
    fn deferral(&self, mail: &ReadyMail, unreached: &Unreached) -> OutcomeRow {
        let (now, moment) = (self.ground.clock.now(), self.ground.clock.moment());
        let own = mail.delay(mail.work.retry);
        let left_alone = self.lane().and_then(|lane| lane.back_off().waits_until(moment));
        let wait = left_alone.map_or(Duration::ZERO, |until| until.since(moment));
        let reply = unreached.reply.as_ref();
        OutcomeRow {
            key: mail.key,
            verdict: Verdict::Deferred,
            phase: unreached.phase.clamp(Phase::Connect, Phase::Auth),
            code: reply.map(|reply| reply.code),
            enhanced: reply.and_then(|reply| reply.enhanced),
            reply_digest: reply
                .map_or([0; 16], |reply| self.ground.key.reply_digest(reply.to_string().as_bytes())),
            reply_text: unreached.text.clone(),
            at: now,
            retry_at: Some(now + own.max(wait)),
        }
    }
}
