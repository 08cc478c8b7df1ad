//! One release: conservation, evidence, duplicates; and its counters, chunks and retry schedule, rebuilt from the
//! books and compared.

use domain::{AudienceDigest, IntentNo, IntentState, ReleaseId, Statement, TenantId, Timestamp, Verdict};

use super::Notes;
use crate::account::{Account, Standing};
use crate::balance::Balance;
use crate::chain::Book;
use crate::nodes::Live;
use crate::owed::{Chunk, Owed, Scope};

/// One look at one release; its parts are handed over in the order of the methods.
pub struct ReleaseLook<'a> {
    tenant: TenantId,
    release: ReleaseId,
    live: Live,
    now: Timestamp,
    notes: &'a mut Notes,
    next_intent: u32,
    chunks: std::iter::Peekable<std::vec::IntoIter<(Chunk, Account)>>,
    /// Of the chunk at hand.
    standing: Option<Standing>,
    balance: Balance,
}

impl<'a> ReleaseLook<'a> {
    /// Begins with a release; `audience` is its own count.
    pub fn new(
        (tenant, release): (TenantId, ReleaseId),
        (live, now): (Live, Timestamp),
        audience: u64,
        notes: &'a mut Notes,
    ) -> Self {
        let chunks = Vec::new().into_iter().peekable();
        let (standing, balance) = (None, Balance::of(audience));
        Self { tenant, release, live, now, notes, next_intent: 1, chunks, standing, balance }
    }

    /// The next wave: sealed ones follow each other, and the recipients give their digest unless some were erased.
    /// `sealed` is its last intent, its digest, and what the recipients give.
    pub fn wave(&mut self, wave: u16, first: u32, sealed: Option<(u32, [u8; 32], AudienceDigest)>) {
        let next = self.next_intent;
        if first != next {
            let text = format!("wave {wave} starts at intent {first}, not at {next}");
            self.find(Some(Book::Intents), 1, &text);
        }
        let Some((last, digest, found)) = sealed else { return };
        self.next_intent = last.saturating_add(1);
        let count = u64::from(self.next_intent.saturating_sub(first));
        let whole = AudienceDigest::from_parts(count, &digest);
        if found.count() > count || (found.count() == count && found != whole) {
            self.find(None, 1, &format!("the recipients of wave {wave} are not those that were counted"));
        }
    }

    /// The chunks with their accounts, which must cover the sealed audience without gap or overlap.
    pub fn chunks(&mut self, scope: Scope, chunks: Vec<(Chunk, Account)>) {
        let mut next = 1;
        for (chunk, _) in &chunks {
            if chunk.first.0 != next {
                let text = format!("chunk {} starts at intent {}, not at {next}", chunk.no, chunk.first);
                self.find(None, 8, &text);
            }
            next = chunk.last.0.saturating_add(1);
        }
        if next != scope.last.0.saturating_add(1) {
            let text = format!("its chunks end at intent {}, its audience at {}", next - 1, scope.last);
            self.find(None, 8, &text);
        }
        self.chunks = chunks.into_iter().peekable();
    }

    /// The next sealed intent with its entries.
    pub fn intent(&mut self, owed: &Owed) {
        self.balance.count(owed, &self.live);
        while let Some((chunk, account)) = self.chunks.next_if(|(chunk, _)| chunk.last < owed.intent) {
            self.account(&chunk, &account);
        }
        if let Some((chunk, _)) = self.chunks.peek() {
            let scope = chunk.scope(self.tenant, self.release);
            self.standing.get_or_insert_with(|| Standing::of(scope, self.now)).count(owed);
        }
        let chunk =
            self.chunks.peek().filter(|(chunk, _)| chunk.first <= owed.intent).map(|(chunk, _)| *chunk);
        self.entries(owed, chunk.as_ref());
    }

    /// All sealed intents were handed over.
    pub fn intents_end(&mut self) {
        while let Some((chunk, account)) = self.chunks.next() {
            self.account(&chunk, &account);
        }
    }

    /// Holds a chunk's account against the books. While it is out on lease the account is that of before; one that was
    /// never made is no lie.
    fn account(&mut self, chunk: &Chunk, account: &Account) {
        let scope = chunk.scope(self.tenant, self.release);
        let found = self.standing.take().unwrap_or_else(|| Standing::of(scope, self.now));
        let Some(accounted) = account.accounted else { return };
        if account.sealed_digest != Some(found.sealed().to_bytes()) {
            self.find(None, 1, &format!("chunk {} was not sealed over its own intents", chunk.no));
        }
        let is_true = match chunk.holder {
            None => {
                accounted == found.accounted() && (account.open.is_none() || account.open == found.open())
            }
            Some(_) => accounted.count() <= found.sealed().count(),
        };
        if !is_true {
            let text = format!(
                "chunk {} accounts for {} of its intents, and its books for {}, or for others",
                chunk.no,
                accounted.count(),
                found.accounted().count()
            );
            self.find(None, 1, &text);
        }
    }

    /// An entry against an intent that the book does not have.
    pub fn stray(&mut self, book: Book, intent: IntentNo) {
        self.find(Some(book), 1, &format!("an entry names intent {intent}, which does not stand"));
    }

    /// The counters, if they stand.
    pub fn counters(&mut self, counters: Option<&Statement>) {
        let Some(counters) = counters else {
            self.find(None, 1, "has no counters");
            return;
        };
        for difference in self.balance.differences(counters, self.release) {
            let text =
                format!("{}: {} expected, {} found", difference.what, difference.expected, difference.found);
            self.find(None, 1, &text);
        }
    }

    /// It stands without a state; nothing else can be said of it.
    pub fn no_state(&mut self) {
        self.find(None, 0, "has no state");
    }

    fn entries(&mut self, owed: &Owed, chunk: Option<&Chunk>) {
        let intent = owed.intent;
        for (no, verdict) in owed.outcomes.iter().filter(|(no, _)| no.0 > 0) {
            if !owed.attempts.iter().any(|(other, _)| other == no) {
                let invariant = if *verdict == Verdict::Accepted { 2 } else { 3 };
                let text = format!(
                    "intent {intent} has the outcome `{verdict}` of attempt {no}, which does not stand"
                );
                self.find(Some(Book::Outcomes), invariant, &text);
            }
        }
        for no in owed.witnessed.iter().filter(|no| !owed.attempts.iter().any(|(other, _)| other == *no)) {
            let text = format!("intent {intent} has a witness of attempt {no}, which does not stand");
            self.find(Some(Book::Witnesses), 2, &text);
        }
        let fold = owed.fold(Live::NOBODY);
        if fold.duplicates() > 0 {
            let text = format!(
                "intent {intent} has {} acceptances beyond the first: a duplicate",
                fold.duplicates()
            );
            self.find(Some(Book::Outcomes), 2, &text);
        }
        if owed.suppression.is_some() && !owed.attempts.is_empty() {
            self.find(Some(Book::Attempts), 2, &format!("intent {intent} was suppressed, and tried"));
        }
        let is_final = !matches!(fold.state(), IntentState::Pending | IntentState::Unknown);
        if is_final && owed.retry_at.is_some() {
            let text = format!("intent {intent} is {} and stands in the retry schedule", fold.state());
            self.find(None, 4, &text);
        }
        if let (Some(due), Some(chunk)) = (owed.due_at(self.now), chunk) {
            self.chunk_of(intent, due, chunk);
        }
    }

    /// A chunk must come up by the time that one of its intents may be tried.
    fn chunk_of(&mut self, intent: IntentNo, due: Timestamp, chunk: &Chunk) {
        match chunk.due_at {
            _ if chunk.holder.is_some() => {}
            None => {
                let text =
                    format!("intent {intent} is still owed, and its chunk {} is done: it is lost", chunk.no);
                self.find(None, 8, &text);
            }
            Some(at) if at > due => {
                let text = format!(
                    "intent {intent} may be tried at {due}, and its chunk {} not before {at}",
                    chunk.no
                );
                self.find(None, 9, &text);
            }
            Some(_) => {}
        }
    }

    fn find(&mut self, book: Option<Book>, invariant: u8, text: &str) {
        self.notes.find(Some(self.tenant), book, invariant, format!("{}: {text}", self.release));
    }
}
