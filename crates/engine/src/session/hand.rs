//! What a session has in hand and gives to the SMTP client: permits asked ahead, the identity checked right before
//! MAIL FROM, and content only under a durable permit.

use std::collections::VecDeque;
use std::sync::Arc;

use ledger::{AttemptPermit, AttemptRow, RelayUse};
use smtp::client::{Body, Envelope};

use super::accounting::{Passed, pass_on, release_unused};
use super::{Armed, Session, verdict};
use crate::compose::ReadyMail;
use crate::recorder::Progress;
use crate::relay::BrokenReason;

impl Session {
    /// Mails of held releases leave the hand; their outcomes must not block here, for a permit may be under way.
    pub(super) fn drop_held(&mut self) {
        let hand = std::mem::take(&mut self.hand).into_iter();
        let (held, kept) = hand.partition(|armed| self.draining || armed.mail.work.is_held());
        self.hand = kept;
        let held: VecDeque<Armed> = held;
        held.into_iter().for_each(|armed| self.release(armed));
    }

    /// What is first in hand of chunks that others took over leaves it: an envelope would be for nothing.
    fn drop_lost(&mut self) {
        let actor = Arc::clone(&self.actor);
        while let Some(armed) = self.hand.pop_front_if(|armed| actor.outbox.is_lost(armed.mail.holding())) {
            self.release(armed);
        }
    }

    fn release(&mut self, armed: Armed) {
        self.taken = self.taken.saturating_sub(1);
        let actor = Arc::clone(&self.actor);
        self.releasing.spawn(async move { release_unused(&actor, armed).await });
    }

    /// Behind a late reply no mail may wait while other sessions have nothing to do: what is in hand, and an envelope
    /// that was offered behind, go back in line, to be tried under their next numbers; and retries of the chunk need
    /// not wait for what is on the wire.
    pub(super) fn pass_on_behind_late_reply(&mut self) {
        if !self.is_late() {
            return;
        }
        self.actor.reply_is_late();
        self.pass_on_offered();
        for armed in self.on_wire.iter_mut().filter(|armed| !armed.stuck) {
            armed.stuck = true;
            self.actor.outbox.stuck(armed.mail.holding());
        }
        for armed in std::mem::take(&mut self.hand) {
            let row = verdict::unused(&armed.mail, self.actor.ground.clock.now());
            self.pass_on(Passed { armed, row, used: None });
        }
    }

    /// Content is sent for the first on the wire alone, so nothing of the others' has left. The client goes on to
    /// await what the relay says to their commands, and content for them is never sent: [`Self::send_permitted`]
    /// does not find them.
    fn pass_on_offered(&mut self) {
        let behind = self.on_wire.split_off(self.on_wire.len().min(1));
        if behind.is_empty() {
            return;
        }
        let went_out = self.client.capabilities().pipelining;
        for armed in behind {
            let row = verdict::overtaken(&armed.mail, went_out, self.actor.ground.clock.now());
            let used = self.finish_message(went_out);
            self.pass_on(Passed { armed, row, used });
        }
        if !self.quitting {
            self.quitting = true;
            self.client.quit(self.actor.ground.clock.moment());
        }
    }

    fn pass_on(&mut self, passed: Passed) {
        self.taken = self.taken.saturating_sub(1);
        let actor = Arc::clone(&self.actor);
        self.releasing.spawn(async move { pass_on(&actor, passed).await });
    }

    /// Asks for permits ahead; none while leases are not known to hold, for nothing could be sent under them.
    pub(super) fn fill_hand(&mut self) {
        if self.is_late() || !self.actor.lease_holds() {
            return;
        }
        let ahead = match self.is_slow {
            true => self.actor.envelopes_on_wire_max(),
            false => self.actor.ground.config.permits_ahead.max(1),
        };
        while self.hand.len() + self.on_wire.len() < ahead && self.may_take_more() && !self.client.is_closed()
        {
            let Some(mail) = self.actor.outbox.take() else { return };
            if mail.work.is_held() || self.actor.outbox.is_lost(mail.holding()) {
                self.actor.outbox.done(mail.holding());
                continue;
            }
            self.taken += 1;
            let permit = self.actor.recorder.permit(self.permit_row(&mail));
            self.last_ticket = Some(permit);
            self.armed += 1;
            self.hand.push_back(Armed {
                id: self.armed,
                mail,
                permit,
                slot: None,
                behind: false,
                stuck: false,
                unfit: None,
            });
        }
    }

    fn permit_row(&self, mail: &ReadyMail) -> AttemptPermit {
        let spec = &self.actor.spec;
        let row = AttemptRow {
            key: mail.key,
            session: self.id,
            relay: spec.relay,
            credential: spec.credential,
            fingerprint: spec.fingerprint,
            body_digest: mail.content.digest,
            opened_at: self.actor.ground.clock.now(),
        };
        AttemptPermit { row, chunk: mail.chunk, lease: mail.lease }
    }

    /// Gives the client its next envelope, once the throttle lets a message start.
    pub(super) async fn offer_next(&mut self) -> Result<(), BrokenReason> {
        while self.on_wire.len() < self.actor.envelopes_on_wire_max()
            && self.client.can_offer()
            && self.actor.lease_holds()
        {
            self.drop_lost();
            let Some(armed) = self.hand.front() else { return Ok(()) };
            self.check_identity(&armed.mail)?;
            if !self.try_start_message() {
                return Ok(());
            }
            let Some(mut armed) = self.hand.pop_front() else { return Ok(()) };
            armed.behind = !self.on_wire.is_empty();
            let now = self.actor.ground.clock.moment();
            let mail = &armed.mail;
            let envelope = Envelope {
                id: armed.id,
                reverse_path: mail.reverse_path(),
                recipients: &[&mail.address],
                size: mail.octets() as u64,
                body: if mail.content.eight_bit { Body::EightBitMime } else { Body::SevenBit },
                smtputf8: mail.content.smtputf8,
            };
            match self.client.offer(&envelope, now) {
                Ok(()) => self.on_wire.push_back(armed),
                Err(error) => self.refuse(armed, &error.to_string()).await?,
            }
        }
        Ok(())
    }

    /// Asks the throttle, and the source address for one of its day's mails; a session of an address without any quits.
    fn try_start_message(&mut self) -> bool {
        let now = self.actor.ground.clock.now();
        if self.plan.source.as_ref().is_some_and(|source| !source.try_take(now)) {
            if !self.quitting {
                self.quitting = true;
                self.client.quit(self.actor.ground.clock.moment());
            }
            return false;
        }
        let starts = self.actor.try_start_message(self.id);
        if !starts && let Some(source) = &self.plan.source {
            source.give_back();
        }
        starts
    }

    /// Ends a message for the throttle, and for the source address where the receiver never saw it.
    pub(super) fn finish_message(&self, counted: bool) -> Option<RelayUse> {
        if !counted && let Some(source) = &self.plan.source {
            source.give_back();
        }
        self.actor.finish_message(counted)
    }

    /// Invariant 6, right before MAIL FROM.
    fn check_identity(&self, mail: &ReadyMail) -> Result<(), BrokenReason> {
        let spec = &self.actor.spec;
        if mail.key.tenant == spec.tenant && mail.work.tenant == spec.tenant && mail.work.relay == spec.relay
        {
            return Ok(());
        }
        Err(BrokenReason::Identity {
            mail: format!("{} for {}", mail.key.tenant, mail.work.relay),
            session: format!("{} of {}", spec.tenant, spec.relay),
        })
    }

    /// Sends the content that the server waits for, if its permit is durable and its lease known to hold; a refused permit
    /// ends the session.
    pub(super) fn send_permitted(&mut self) -> Result<(), BrokenReason> {
        let Some(id) = self.client.permitted() else { return Ok(()) };
        let Some(place) = self.on_wire.iter().position(|armed| armed.id == id) else {
            self.client.abandon();
            return Ok(());
        };
        if let Progress::Failed(error) = &*self.progress.borrow_and_update() {
            return Err(error.clone().into());
        }
        let is_permitted = self.actor.recorder.is_durable(self.on_wire[place].permit);
        if !is_permitted || !self.ring.has_room() || !self.actor.lease_holds() {
            return Ok(());
        }
        let mail = &self.on_wire[place].mail;
        if self.actor.recorder.is_fenced(mail.key)
            || self.actor.outbox.is_lost(mail.holding())
            || mail.work.is_held()
        {
            self.client.abandon();
            return Ok(());
        }
        let now = self.actor.ground.clock.moment();
        self.progress_at = now;
        let content = &self.on_wire[place].mail.content;
        if let Err(error) = self.client.send_message(&content.head, content.tail.as_ref(), now) {
            self.on_wire[place].unfit = Some(error.to_string());
            self.client.abandon();
        }
        Ok(())
    }

    /// The SMTP client did not take the envelope: nothing of it went out, and no retry would mend it.
    async fn refuse(&mut self, armed: Armed, reason: &str) -> Result<(), BrokenReason> {
        self.finish_message(false);
        let row = verdict::unfit(&armed.mail, reason, self.actor.ground.clock.now());
        self.record(armed, row, None).await
    }
}
