//! Envelopes, replies and content, once the session is ready; and the end of a session.
//!
//! Leaves what one envelope makes of its replies to [`super::transaction`]. Invariants: those of [`super`];
//! above all, who is `Unknown` is decided in one place, [`Client::end`].

use std::sync::Arc;

use domain::{Phase, Reply, ReplyCode};

use super::envelope::Envelope;
use super::outcome::{DeliveryResult, EndCause, Event, MessageError, OfferError, SessionEnd, Settlement};
use super::transaction::{Stage, Transaction};
use super::{Client, Expected, State};
use crate::ReplyError;
use crate::content::lines_end_in_crlf;

/// Octets of a stranger's first words that are shown.
const SHOWN_OCTETS_MAX: usize = 64;

impl Client {
    /// True when [`Self::offer`] would take an envelope.
    #[must_use]
    pub fn can_offer(&self) -> bool {
        matches!(self.state, State::Mail) && !self.quitting && self.held.is_none()
    }

    /// Takes the next envelope. Its commands are written at once where the protocol lets them, else as soon as it
    /// does: behind the content of the envelope before it (PIPELINING) or after that one's reply. An envelope that
    /// the server cannot take by its own announcement is settled at once as [`DeliveryResult::Unsendable`].
    ///
    /// # Errors
    /// The envelope was not taken: no event will name it.
    pub fn offer(&mut self, envelope: &Envelope<'_>, now: domain::Moment) -> Result<(), OfferError> {
        if !matches!(self.state, State::Mail) || self.quitting {
            return Err(OfferError::NotReady);
        }
        if self.held.is_some() {
            return Err(OfferError::Occupied);
        }
        envelope.check()?;
        if let Some(reason) = envelope.unsendable(&self.capabilities) {
            let results = vec![DeliveryResult::Unsendable(reason); envelope.recipients.len()];
            let settlement = Settlement { id: envelope.id, results, phase: Phase::Permit };
            self.events.push_back(Event::Settled(settlement));
            return Ok(());
        }
        if self.expected.is_empty() {
            self.progress = now;
        }
        let mut commands = std::mem::take(&mut self.spare_commands);
        commands.clear();
        envelope.write_commands(&mut commands, &self.capabilities, !self.uses_bdat());
        self.held = Some(Transaction::new(envelope.id, envelope.recipients.len(), commands));
        self.go_on();
        Ok(())
    }

    /// The envelope that [`Event::EnvelopeAccepted`] named, while its content has not been sent.
    #[must_use]
    pub fn permitted(&self) -> Option<u64> {
        self.active.front().filter(|first| first.stage == Stage::Permitted).map(|first| first.id)
    }

    /// Sends the content of the permitted envelope: `head`, then the shared `tail` (attachments, of which only a
    /// window is copied at a time), with CRLF line ends throughout. A last CRLF is added where it is missing. An
    /// envelope that was offered before goes right behind it, in the same flight.
    ///
    /// # Errors
    /// The content was not taken and nothing of it is queued.
    pub fn send_message(
        &mut self,
        head: &[u8],
        tail: Option<&Arc<[u8]>>,
        now: domain::Moment,
    ) -> Result<(), MessageError> {
        let chunked = self.uses_bdat();
        let permitted = self.active.front_mut().filter(|first| first.stage == Stage::Permitted);
        let Some(first) = permitted else { return Err(MessageError::NotPermitted) };
        let tail_octets: &[u8] = tail.map_or(&[], |tail| tail);
        if head.is_empty() && tail_octets.is_empty() {
            return Err(MessageError::Empty);
        }
        if !lines_end_in_crlf(head, tail_octets) {
            return Err(MessageError::BareLineEnd);
        }
        first.stage = Stage::Content;
        self.content.start(&mut self.out, first.id, head, tail, chunked);
        self.expected.push_back(Expected::End);
        self.progress = now;
        self.queue_content();
        Ok(())
    }

    /// Queues more of the content and, behind its end, the next envelope.
    pub(super) fn queue_content(&mut self) {
        if self.content.queue_more(&mut self.out) {
            self.go_on();
        }
    }

    /// Puts the held envelope, or QUIT, on the wire if it is its turn.
    pub(super) fn go_on(&mut self) {
        let behind_content = || {
            let first = self.active.front()?;
            let content_is_queued = first.stage == Stage::Content && !self.content.is_queueing();
            (self.capabilities.pipelining && self.active.len() == 1 && content_is_queued).then_some(())
        };
        if !self.active.is_empty() && behind_content().is_none() {
            return;
        }
        if let Some(next) = self.held.take() {
            self.launch(next);
        } else if self.quitting && self.active.is_empty() && !self.expected.contains(&Expected::Quit) {
            self.out.push(b"QUIT\r\n");
            self.expected.push_back(Expected::Quit);
        }
    }

    fn launch(&mut self, mut next: Transaction) {
        if std::mem::take(&mut self.reset_needed) {
            self.out.push(b"RSET\r\n");
            self.expected.push_back(Expected::Rset);
        }
        // Without PIPELINING the reply to RSET comes first.
        if self.capabilities.pipelining {
            let offset = self.out.queued();
            self.out.push(next.take_commands(true, offset));
            self.expected.push_back(Expected::Mail);
            self.expected.extend(std::iter::repeat_n(Expected::Rcpt, next.recipients()));
            if !self.uses_bdat() {
                self.expected.push_back(Expected::Data);
            }
            self.active.push_back(next);
        } else {
            self.active.push_back(next);
            if self.expected.is_empty() {
                self.say_next(Expected::Mail);
            }
        }
    }

    /// Without PIPELINING: the next command of the first envelope.
    fn say_next(&mut self, expected: Expected) {
        let offset = self.out.queued();
        if let Some(first) = self.active.front_mut() {
            self.out.push(first.take_commands(false, offset));
            self.expected.push_back(expected);
        }
    }

    fn uses_bdat(&self) -> bool {
        self.config.use_chunking && self.capabilities.chunking
    }

    /// A whole reply stands in the reader; `more` says whether octets follow it.
    pub(super) fn take_reply(&mut self, more: bool) {
        let Some(reply) = self.reader.code() else { return };
        match &self.state {
            State::Greeting => self.take_greeting(reply.get()),
            State::Ehlo => self.take_ehlo(reply.get()),
            State::Helo => self.take_helo(reply.get()),
            State::StartTls => self.take_starttls(reply.get(), more),
            State::Auth(_) => self.take_auth(reply.get()),
            State::Mail => self.take_mail_reply(reply),
            State::Handshake | State::Closed => {}
        }
    }

    fn take_mail_reply(&mut self, code: ReplyCode) {
        let Some(expected) = self.expected.pop_front() else {
            return if code.get() == 421 {
                self.end_refused()
            } else {
                self.end(EndCause::OutOfStep("nothing due"))
            };
        };
        // The text is copied only where somebody will read it.
        let refusal = if code.is_transient() || code.is_permanent() { self.reader.reply() } else { None };
        match expected {
            Expected::Quit => return self.end(EndCause::Quit),
            Expected::Rset => self.take_rset(code),
            Expected::Mail => self.take_mail(code, refusal.as_ref()),
            Expected::Rcpt => self.take_rcpt(code, refusal.as_ref()),
            Expected::Data => self.take_data(code, refusal.as_ref()),
            Expected::End => self.take_end(code, refusal.as_ref()),
        }
        if code.get() == 421 {
            self.end_refused();
        } else if !self.is_closed() {
            self.go_on();
        }
    }

    fn take_rset(&mut self, code: ReplyCode) {
        if !code.is_positive() {
            self.end_refused();
        } else if !self.capabilities.pipelining {
            self.say_next(Expected::Mail);
        }
    }

    fn take_mail(&mut self, code: ReplyCode, refusal: Option<&Reply>) {
        let Some(first) = self.active.front_mut() else { return };
        if code.is_intermediate() {
            return self.end(EndCause::OutOfStep("MAIL"));
        }
        first.mail_answered(refusal);
        if !self.capabilities.pipelining {
            if refusal.is_some() { self.finish_first() } else { self.say_next(Expected::Rcpt) }
        }
    }

    fn take_rcpt(&mut self, code: ReplyCode, refusal: Option<&Reply>) {
        let Some(first) = self.active.front_mut() else { return };
        if code.is_intermediate() {
            return self.end(EndCause::OutOfStep("RCPT"));
        }
        let last = first.rcpt_answered(refusal);
        let (id, open) = (first.id, first.is_open());
        match (last, self.capabilities.pipelining) {
            (false, true) => {}
            (false, false) => self.say_next(Expected::Rcpt),
            (true, _) if self.uses_bdat() && open => self.permit_first(id),
            (true, true) if !self.uses_bdat() => {}
            (true, _) if open => self.say_next(Expected::Data),
            (true, _) => self.finish_first(),
        }
    }

    fn take_data(&mut self, code: ReplyCode, refusal: Option<&Reply>) {
        let Some(first) = self.active.front_mut() else { return };
        let (id, open) = (first.id, first.is_open());
        match refusal {
            Some(refusal) => {
                first.fill_with_refusal(Phase::Data, refusal);
                self.finish_first();
            }
            None if code.get() != 354 => self.end(EndCause::OutOfStep("DATA")),
            None if open => self.permit_first(id),
            None => self.end(EndCause::DataWithoutRecipients),
        }
    }

    fn permit_first(&mut self, id: u64) {
        if let Some(first) = self.active.front_mut() {
            first.stage = Stage::Permitted;
            self.events.push_back(Event::EnvelopeAccepted { id });
        }
    }

    fn take_end(&mut self, code: ReplyCode, refusal: Option<&Reply>) {
        let end_written = self.end_is_written();
        let accepted = if code.is_positive() { self.reader.reply() } else { None };
        let Some(first) = self.active.front_mut() else { return };
        match (accepted, refusal) {
            (Some(reply), _) if end_written => {
                first.fill_with_acceptance(&reply);
                self.answered_first(Phase::Reply);
            }
            (None, Some(refusal)) if end_written => {
                first.fill_with_refusal(Phase::Dot, refusal);
                self.answered_first(Phase::Dot);
            }
            // The server refused before it could have seen the end; the content cannot be called back.
            (None, Some(refusal)) => {
                first.fill_with_refusal(Phase::Data, refusal);
                self.end_refused();
            }
            _ => {
                self.expected.push_front(Expected::End);
                self.end(EndCause::OutOfStep("content"));
            }
        }
    }

    /// The first envelope's message end was answered.
    fn answered_first(&mut self, phase: Phase) {
        self.content.answered();
        if let Some(mut first) = self.active.pop_front() {
            self.spare_commands = std::mem::take(&mut first.commands);
            self.events.push_back(Event::Settled(first.settle(phase)));
        }
    }

    /// The first envelope failed before its content.
    fn finish_first(&mut self) {
        if let Some(mut first) = self.active.pop_front() {
            let phase = first.phase(self.out.accepted(), false);
            self.reset_needed = first.mail_accepted;
            self.spare_commands = std::mem::take(&mut first.commands);
            self.events.push_back(Event::Settled(first.settle(phase)));
        }
    }

    pub(super) fn end_refused(&mut self) {
        if let Some(reply) = self.reader.reply() {
            self.end(EndCause::Refused(reply));
        }
    }

    pub(super) fn end_malformed(&mut self, error: ReplyError, input: &[u8]) {
        if !matches!(self.state, State::Greeting) {
            return self.end(EndCause::Malformed(error));
        }
        // Where a line came in pieces, the reader holds all that came of it.
        let partial = self.reader.partial();
        let shown = if partial.is_empty() { input } else { partial };
        let first_octets = shown[..shown.len().min(SHOWN_OCTETS_MAX)].escape_ascii().to_string();
        self.end(EndCause::NotSmtp { first_octets });
    }

    /// Ends the session: settles every envelope by what the kernel has accepted, and drops what is pending.
    pub(super) fn end(&mut self, cause: EndCause) {
        if self.is_closed() {
            return;
        }
        let phase = self.phase();
        let end_written = self.end_is_written();
        // Only the first envelope can have content on the wire.
        for (place, transaction) in std::mem::take(&mut self.active).into_iter().enumerate() {
            self.settle_at_end(transaction, &cause, place == 0 && end_written);
        }
        if let Some(held) = self.held.take() {
            self.settle_at_end(held, &cause, false);
        }
        self.expected.clear();
        self.out.discard();
        self.content = super::ContentQueue::default();
        self.state = State::Closed;
        self.events.push_back(Event::Closed(SessionEnd { phase, cause }));
    }

    pub(super) fn settle_at_end(
        &mut self,
        mut transaction: Transaction,
        cause: &EndCause,
        end_written: bool,
    ) {
        let phase = transaction.fill_at_session_end(cause, self.out.accepted(), end_written);
        self.events.push_back(Event::Settled(transaction.settle(phase)));
    }
}
