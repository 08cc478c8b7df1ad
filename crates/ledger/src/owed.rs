//! One intent with every entry against it, and the chunk that brings it up: what stores read, and decide nothing by.
//!
//! The rules that every store follows in the same way stand here: how entries fold, when an intent may be tried
//! again, and what an outcome does to the retry schedule.

use domain::{
    AttemptNo, ChunkNo, Entry, IntentFold, IntentNo, IntentState, LeaseEpoch, ReleaseId, SenderEpoch,
    SuppressionReason, TenantId, Timestamp, Verdict,
};

use crate::nodes::Live;
use crate::rows::OutcomeRow;

/// A run of intents of one release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope {
    /// Whose.
    pub tenant: TenantId,
    /// Of which release.
    pub release: ReleaseId,
    /// The first intent.
    pub first: IntentNo,
    /// The last one; below the first when there is none.
    pub last: IntentNo,
}

impl Scope {
    /// All intents of a release.
    #[must_use]
    pub const fn whole(tenant: TenantId, release: ReleaseId) -> Self {
        Self { tenant, release, first: IntentNo(0), last: IntentNo(u32::MAX) }
    }
}

/// A chunk as it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its number within the release.
    pub no: ChunkNo,
    /// Its first intent.
    pub first: IntentNo,
    /// Its last intent.
    pub last: IntentNo,
    /// When it may be leased; `None`: done.
    pub due_at: Option<Timestamp>,
    /// Who holds it.
    pub holder: Option<SenderEpoch>,
    /// The lease given out last.
    pub lease: LeaseEpoch,
}

impl Chunk {
    /// Its intents.
    #[must_use]
    pub const fn scope(&self, tenant: TenantId, release: ReleaseId) -> Scope {
        Scope { tenant, release, first: self.first, last: self.last }
    }

    /// True when it is out to this sender under this lease.
    #[must_use]
    pub fn is_held(&self, sender: SenderEpoch, lease: LeaseEpoch) -> bool {
        self.holder == Some(sender) && self.lease == lease
    }

    /// True when the intent is one of its own.
    #[must_use]
    pub fn covers(&self, intent: IntentNo) -> bool {
        (self.first..=self.last).contains(&intent)
    }
}

/// One intent and all that stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// Which intent.
    pub intent: IntentNo,
    /// Why it is not owed.
    pub suppression: Option<SuppressionReason>,
    /// Its attempts, with the sender that wrote each.
    pub attempts: Vec<(AttemptNo, SenderEpoch)>,
    /// Verdicts, settlements under attempt 0.
    pub outcomes: Vec<(AttemptNo, Verdict)>,
    /// Attempts that a witness names as accepted.
    pub witnessed: Vec<AttemptNo>,
    /// What the retry schedule says.
    pub retry_at: Option<Timestamp>,
}

impl Owed {
    /// An intent with nothing against it.
    #[must_use]
    pub fn new(intent: IntentNo, suppression: Option<SuppressionReason>) -> Self {
        Self {
            intent,
            suppression,
            attempts: Vec::new(),
            outcomes: Vec::new(),
            witnessed: Vec::new(),
            retry_at: None,
        }
    }

    /// The fold that counters follow: attempts without outcome do not count.
    #[must_use]
    pub fn counted(&self) -> IntentFold {
        let mut fold = IntentFold::new(self.suppression);
        self.outcomes.iter().for_each(|(no, verdict)| fold.add(Entry::Outcome(*no, *verdict)));
        self.witnessed.iter().for_each(|no| fold.add(Entry::WitnessAccepted(*no)));
        fold
    }

    /// The whole fold; attempts of `live` without outcome are at work, all others are stale.
    #[must_use]
    pub fn fold(&self, live: &Live) -> IntentFold {
        let mut fold = self.counted();
        for (no, sender) in self.open() {
            fold.add(if live.is_live(sender) { Entry::OpenLive(no) } else { Entry::OpenStale(no) });
        }
        fold
    }

    /// The fold of what came before an attempt.
    #[must_use]
    pub fn fold_before(&self, attempt: AttemptNo) -> IntentFold {
        let earlier = Self {
            intent: self.intent,
            suppression: self.suppression,
            attempts: self.attempts.iter().copied().filter(|(no, _)| *no < attempt).collect(),
            outcomes: self.outcomes.iter().copied().filter(|(no, _)| *no < attempt).collect(),
            witnessed: self.witnessed.iter().copied().filter(|no| *no < attempt).collect(),
            retry_at: None,
        };
        earlier.fold(Live::NOBODY)
    }

    /// Attempts without outcome.
    pub fn open(&self) -> impl Iterator<Item = (AttemptNo, SenderEpoch)> {
        self.attempts.iter().copied().filter(|(no, _)| !self.outcomes.iter().any(|(other, _)| other == no))
    }

    /// Attempts of a sender of which nothing is known, or nothing but that their message end may have been sent.
    pub fn unresolved_of(&self, sender: SenderEpoch) -> impl Iterator<Item = AttemptNo> {
        let verdicts =
            |no| self.outcomes.iter().filter(move |(of, _)| *of == no).map(|(_, verdict)| *verdict);
        let own = self.attempts.iter().filter(move |(_, by)| *by == sender).map(|(no, _)| *no);
        own.filter(move |no| verdicts(*no).all(|of| of == Verdict::Unknown))
    }

    /// The highest attempt that stands; 0 before the first.
    #[must_use]
    pub fn last_attempt(&self) -> AttemptNo {
        self.attempts.iter().map(|(no, _)| *no).max().unwrap_or(AttemptNo(0))
    }

    /// The number that the next attempt must bear.
    #[must_use]
    pub fn next_attempt(&self) -> AttemptNo {
        let answered = self.outcomes.iter().map(|(no, _)| no.0).max().unwrap_or(0);
        AttemptNo(self.last_attempt().0.max(answered).saturating_add(1))
    }

    /// When it may be tried by itself, `now` if nothing says otherwise; `None`: not by itself.
    ///
    /// An attempt without outcome is taken for sent: only its outcome makes the intent triable again.
    #[must_use]
    pub fn due_at(&self, now: Timestamp) -> Option<Timestamp> {
        match self.fold(Live::NOBODY).state() {
            IntentState::Pending => Some(self.retry_at.unwrap_or(now)),
            IntentState::Unknown if self.open().next().is_none() => self.retry_at,
            _ => None,
        }
    }

    /// Makes it another intent, with nothing against it; keeps what it allocated.
    pub fn reset(&mut self, intent: IntentNo, suppression: Option<SuppressionReason>) {
        self.intent = intent;
        self.suppression = suppression;
        self.attempts.clear();
        self.outcomes.clear();
        self.witnessed.clear();
        self.retry_at = None;
    }
}

/// What an outcome does to its intent's place in the retry schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rescheduling {
    /// It waits until then, and its chunk must be due by then.
    Wait(Timestamp),
    /// It may be tried at once: its chunk must be due.
    AtOnce,
    /// It is not tried again by itself.
    Drop,
    /// Nothing changes: a later attempt decides.
    Leave,
}

impl Rescheduling {
    /// Of an outcome that leaves its intent in `state`; `is_latest` tells that no later attempt stands.
    #[must_use]
    pub fn of(row: &OutcomeRow, state: IntentState, is_latest: bool) -> Self {
        if !matches!(state, IntentState::Pending | IntentState::Unknown) {
            return Self::Drop;
        }
        match row.retry_at.filter(|_| is_latest) {
            Some(due) => Self::Wait(due),
            None if state == IntentState::Pending => Self::AtOnce,
            None if is_latest => Self::Drop,
            None => Self::Leave,
        }
    }
}
