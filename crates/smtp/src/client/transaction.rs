//! One envelope on its way: its queued commands, the replies so far, and how it settles.
//!
//! Leaves the order of envelopes and the link to [`super::Client`]. Invariant: a recipient that has a result
//! keeps it; settling only fills what is open.

use domain::{Phase, Reply};

use super::outcome::{DeferCause, DeliveryResult, EndCause, Settlement};

/// Where an envelope stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Its commands are not all answered.
    Commands,
    /// The server waits for the content.
    Permitted,
    /// Content is being queued or written.
    Content,
}

pub(super) struct Transaction {
    pub id: u64,
    pub stage: Stage,
    /// One line for each command, CRLF included.
    pub commands: Vec<u8>,
    /// Octets of `commands` that were queued.
    queued: usize,
    /// The stream offset of the first command.
    first_octet: Option<u64>,
    /// The step whose reply is due next, in the stage of commands.
    awaited: Phase,
    rcpt_answered: usize,
    results: Vec<Option<DeliveryResult>>,
    /// The step at which the last open recipient was refused.
    failed_at: Option<Phase>,
    /// MAIL was accepted, so that the server holds a transaction.
    pub mail_accepted: bool,
}

impl Transaction {
    pub fn new(id: u64, recipients: usize, commands: Vec<u8>) -> Self {
        Self {
            id,
            stage: Stage::Commands,
            commands,
            queued: 0,
            first_octet: None,
            awaited: Phase::Mail,
            rcpt_answered: 0,
            results: vec![None; recipients],
            failed_at: None,
            mail_accepted: false,
        }
    }

    pub fn recipients(&self) -> usize {
        self.results.len()
    }

    /// The commands still to be queued: all of them, or one line.
    pub fn take_commands(&mut self, all: bool, offset: u64) -> &[u8] {
        self.first_octet.get_or_insert(offset);
        let rest = &self.commands[self.queued..];
        let line = memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
        let take = if all { rest.len() } else { line };
        let from = self.queued;
        self.queued += take;
        &self.commands[from..from + take]
    }

    /// True while some recipient has no result.
    pub fn is_open(&self) -> bool {
        self.results.iter().any(Option::is_none)
    }

    /// The reply to MAIL.
    pub fn mail_answered(&mut self, reply: Option<&Reply>) {
        self.awaited = Phase::Rcpt;
        match reply {
            Some(reply) => self.fill_with_refusal(Phase::Mail, reply),
            None => self.mail_accepted = true,
        }
    }

    /// The reply to the next RCPT; true when it was the last.
    pub fn rcpt_answered(&mut self, reply: Option<&Reply>) -> bool {
        if let (Some(reply), Some(slot)) = (reply, self.results.get_mut(self.rcpt_answered)) {
            slot.get_or_insert_with(|| refusal(Phase::Rcpt, reply));
        }
        self.rcpt_answered += 1;
        let last = self.rcpt_answered >= self.results.len();
        if last {
            self.awaited = Phase::Data;
            self.failed_at = self.failed_at.or((!self.is_open()).then_some(Phase::Rcpt));
        }
        last
    }

    /// Gives each open recipient the refusal.
    pub fn fill_with_refusal(&mut self, phase: Phase, reply: &Reply) {
        self.failed_at = self.failed_at.or(Some(phase));
        self.fill(|| refusal(phase, reply));
    }

    /// Gives each open recipient the acceptance.
    pub fn fill_with_acceptance(&mut self, reply: &Reply) {
        self.fill(|| DeliveryResult::Accepted(reply.clone()));
    }

    /// The session ended; `accepted` is the kernel's offset, `end_written` whether it has the whole message end.
    pub fn fill_at_session_end(&mut self, cause: &EndCause, accepted: u64, end_written: bool) -> Phase {
        let phase = self.phase(accepted, end_written);
        self.fill(|| {
            if end_written {
                DeliveryResult::Unknown { cause: cause.clone() }
            } else {
                DeliveryResult::Deferred { phase, cause: DeferCause::SessionEnded(cause.clone()) }
            }
        });
        phase
    }

    /// How far the envelope is, or at which step it failed.
    pub fn phase(&self, accepted: u64, end_written: bool) -> Phase {
        if let Some(failed_at) = self.failed_at {
            return failed_at;
        }
        match self.stage {
            _ if end_written => Phase::Dot,
            Stage::Commands if self.first_octet.is_none_or(|first| accepted <= first) => Phase::Permit,
            Stage::Commands => self.awaited,
            Stage::Permitted | Stage::Content => Phase::Data,
        }
    }

    /// The settlement of an envelope whose recipients all have results. One without (there is none) would come out
    /// as unknown, for that claims the least.
    pub fn settle(self, phase: Phase) -> Settlement {
        let open = || DeliveryResult::Unknown { cause: EndCause::OutOfStep("settling") };
        debug_assert!(!self.is_open(), "an envelope was settled with an open recipient");
        let results = self.results.into_iter().map(|result| result.unwrap_or_else(open)).collect();
        Settlement { id: self.id, results, phase }
    }

    fn fill(&mut self, result: impl Fn() -> DeliveryResult) {
        for slot in self.results.iter_mut().filter(|slot| slot.is_none()) {
            *slot = Some(result());
        }
    }
}

fn refusal(phase: Phase, reply: &Reply) -> DeliveryResult {
    if reply.code.is_permanent() {
        DeliveryResult::Rejected { phase, reply: reply.clone() }
    } else {
        DeliveryResult::Deferred { phase, cause: DeferCause::Reply(reply.clone()) }
    }
}
