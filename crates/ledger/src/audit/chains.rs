//! The chains, recomputed from the rows: each book is read once in key order, with one hasher a link.
//!
//! The links are then followed from the start: a changed, deleted, added or moved row breaks its link's root or
//! count, a changed or deleted link breaks the chain, and links cut off at the end show against the sealed heads.

use std::collections::HashMap;
use std::mem;

use domain::{ReleaseId, SenderEpoch, TenantId, Timestamp};

use super::{Identity, Notes, lifecycle};
use crate::chain::{Book, Head, LinkBuilder, LinkRow};
use crate::minutes::{MinuteBook, MinuteKey, MinuteSum, Verdicts};
use crate::read::{BookRow, LinkedRow};
use crate::rows::{AttemptKey, AttemptRow};

/// Names one chain; the order is that of the link table.
type ChainKey = (TenantId, Book, SenderEpoch);

/// A link's rows, hashed.
type Roots = HashMap<(SenderEpoch, u32), LinkBuilder>;

/// A link as it stands, to be compared with the rows.
struct StoredLink {
    no: u32,
    rows: u32,
    root: [u8; 32],
    at: Timestamp,
}

/// Every link, by chain: filled in the order of the link table, emptied by the passes over the books.
pub struct Links {
    stored: HashMap<ChainKey, Vec<StoredLink>>,
    seals: Seals,
    walk: Option<Head>,
}

impl Links {
    /// No links yet; chains must pass these heads, which were kept outside the store.
    #[must_use]
    pub fn new(sealed: &[Head]) -> Self {
        Self { stored: HashMap::new(), seals: Seals::new(sealed), walk: None }
    }

    /// Takes the next link, with the rows that it counts up to itself.
    pub fn add(&mut self, link: &LinkRow, rows_total: u64, notes: &mut Notes) {
        let key = (link.tenant, link.book, link.sender);
        let head = match self.walk {
            Some(head) if (head.tenant, head.book, head.sender) == key => head,
            _ => Head::genesis(link.book, link.tenant, link.sender),
        };
        self.walk = Some(follow(head, link, rows_total, notes));
        self.seals.pass(key, link.link_no, rows_total, link.chain, notes);
        notes.report.links += 1;
        let stored = StoredLink { no: link.link_no, rows: link.rows, root: link.root, at: link.at };
        self.stored.entry(key).or_default().push(stored);
    }

    /// All links were read: what was sealed and not met is cut off.
    pub fn read_out(&mut self, notes: &mut Notes) {
        mem::take(&mut self.seals).finish(notes);
    }

    /// All books were read: what is left covers no row.
    pub fn finish(self, notes: &mut Notes) {
        for ((tenant, book, sender), links) in self.stored {
            for link in links {
                let text =
                    format!("link {} of sender {sender} covers {} rows; none stands", link.no, link.rows);
                notes.find(Some(tenant), Some(book), 0, text);
            }
        }
    }
}

/// The head after a link as it should be; where the link differs, the walk goes on from what it says.
fn follow(head: Head, link: &LinkRow, rows_total: u64, notes: &mut Notes) -> Head {
    let (_, expected) = head.extend(link.rows, link.root, link.at);
    let objection = if link.link_no != expected.link_no {
        Some(format!("link {} follows link {}: links between them are missing", link.link_no, head.link_no))
    } else if link.chain != expected.chain {
        Some(format!("link {} does not follow from the link before it", link.link_no))
    } else if rows_total != expected.rows {
        Some(format!(
            "link {} counts {rows_total} rows up to it, and they are {}",
            link.link_no, expected.rows
        ))
    } else {
        None
    };
    if let Some(text) = objection {
        notes.find(Some(head.tenant), Some(head.book), 0, format!("{text} (sender {})", head.sender));
    }
    Head { link_no: link.link_no, rows: rows_total, chain: link.chain, ..head }
}

/// Heads that were sealed outside the database and have not been met yet.
#[derive(Default)]
struct Seals {
    open: HashMap<ChainKey, Vec<Head>>,
}

impl Seals {
    fn new(sealed: &[Head]) -> Self {
        let mut open: HashMap<ChainKey, Vec<Head>> = HashMap::new();
        for head in sealed.iter().filter(|head| head.link_no > 0) {
            open.entry((head.tenant, head.book, head.sender)).or_default().push(*head);
        }
        Self { open }
    }

    /// Takes note that a chain has this link.
    fn pass(&mut self, key: ChainKey, no: u32, rows: u64, chain: [u8; 32], notes: &mut Notes) {
        let Some(heads) = self.open.get_mut(&key) else { return };
        for head in heads.extract_if(.., |head| head.link_no == no) {
            if head.chain != chain || head.rows != rows {
                let text = format!("link {no} of sender {} is not the one that was sealed", key.2);
                notes.find(Some(key.0), Some(key.1), 0, text);
            }
        }
    }

    fn finish(self, notes: &mut Notes) {
        for ((tenant, book, sender), heads) in self.open {
            for head in heads {
                let text = format!(
                    "the chain of sender {sender} was sealed at link {} with {} rows, and ends before it",
                    head.link_no, head.rows
                );
                notes.find(Some(tenant), Some(book), 0, text);
            }
        }
    }
}

/// One reading of one book, in key order.
pub struct BookPass {
    book: Book,
    tenant: Option<TenantId>,
    roots: Roots,
    minutes: MinuteBook,
    /// The release at hand and its next intent, to see gaps in the intents book.
    next: (Option<(TenantId, ReleaseId)>, u32),
    /// The attempt before, to see whether a retry has the same body.
    before: Option<AttemptRow>,
}

impl BookPass {
    /// A pass that has read nothing.
    #[must_use]
    pub fn new(book: Book) -> Self {
        let (roots, minutes) = (Roots::new(), MinuteBook::default());
        Self { book, tenant: None, roots, minutes, next: (None, 1), before: None }
    }

    /// Counts the next row, of this tenant, before it is known whether it can be understood.
    pub fn meet(&mut self, tenant: TenantId, links: &mut Links, notes: &mut Notes) {
        let report = &mut notes.report;
        *match self.book {
            Book::Intents => &mut report.intents,
            Book::Attempts => &mut report.attempts,
            Book::Outcomes => &mut report.outcomes,
            Book::Witnesses => &mut report.witnesses,
        } += 1;
        if self.tenant != Some(tenant) {
            self.compare(links, notes);
            self.tenant = Some(tenant);
        }
    }

    /// Takes the row that was met into its link's hasher, and looks whether it keeps its own promises.
    pub fn add(&mut self, tenant: TenantId, row: &LinkedRow, notes: &mut Notes) {
        row.row.add_to(tenant, self.roots.entry((row.sender, row.link_no)).or_default());
        match &row.row {
            BookRow::Intent { release, intent, .. } => self.follows(tenant, *release, intent.0, notes),
            BookRow::Outcome(outcome) => {
                self.minutes.add(tenant, outcome);
                if let Some((invariant, objection)) = lifecycle::objection(outcome) {
                    self.object(outcome.key, invariant, &format!("is {objection}"), notes);
                }
            }
            BookRow::Attempt(attempt) => self.repeats(attempt, notes),
            BookRow::Witness(_) => {}
        }
    }

    /// Holds an attempt against the session that it names, `None` if there is none.
    pub fn identify(&self, attempt: &AttemptRow, session: Option<&Identity>, notes: &mut Notes) {
        if let Some(objection) = Identity::objection(session, attempt) {
            self.object(attempt.key, 6, objection, notes);
        }
    }

    fn object(&self, key: AttemptKey, invariant: u8, objection: &str, notes: &mut Notes) {
        let text = format!("attempt {} of intent {} of {} {objection}", key.attempt, key.intent, key.release);
        notes.find(Some(key.tenant), Some(self.book), invariant, text);
    }

    fn follows(&mut self, tenant: TenantId, release: ReleaseId, intent: u32, notes: &mut Notes) {
        let here = Some((tenant, release));
        let expected = if self.next.0 == here { self.next.1 } else { 1 };
        if intent != expected {
            let text = format!("intents {expected} to {} of {release} are missing", intent.saturating_sub(1));
            notes.find(Some(tenant), Some(self.book), 1, text);
        }
        self.next = (here, intent.saturating_add(1));
    }

    /// A retry sends what was sent before: a recipient who gets both sees one mail.
    fn repeats(&mut self, attempt: &AttemptRow, notes: &mut Notes) {
        let of = |key: AttemptKey| (key.tenant, key.release, key.intent);
        if let Some(before) = self.before.replace(*attempt)
            && of(before.key) == of(attempt.key)
            && before.body_digest != attempt.body_digest
        {
            let objection = format!("has another body than attempt {}", before.key.attempt);
            self.object(attempt.key, 4, &objection, notes);
        }
    }

    /// All rows were read.
    pub fn finish(&mut self, links: &mut Links, notes: &mut Notes) {
        self.compare(links, notes);
    }

    /// What the outcomes that were read make of the table of minutes.
    #[must_use]
    pub fn into_minutes(self) -> MinutePass {
        MinutePass { expected: self.minutes.finish(), found: HashMap::new() }
    }

    /// Holds the hashed rows of the tenant at hand against its links.
    fn compare(&mut self, links: &mut Links, notes: &mut Notes) {
        let Some(tenant) = self.tenant.take() else { return };
        let mut roots = mem::take(&mut self.roots);
        let mut note = |text: String| notes.find(Some(tenant), Some(self.book), 0, text);
        let senders: Vec<ChainKey> =
            links.stored.keys().filter(|key| key.0 == tenant && key.1 == self.book).copied().collect();
        for key in senders {
            for link in links.stored.remove(&key).unwrap_or_default() {
                let (no, sender) = (link.no, key.2);
                let Some(builder) = roots.remove(&(sender, no)) else {
                    note(format!("link {no} of sender {sender} covers {} rows; none stands", link.rows));
                    continue;
                };
                let rows = builder.rows();
                if rows != link.rows {
                    note(format!("link {no} of sender {sender} covers {} rows; {rows} stand", link.rows));
                } else if builder.root() != link.root {
                    note(format!("a row of link {no} of sender {sender} ({}) was changed", link.at));
                }
            }
        }
        let mut strangers: Vec<_> = roots.into_iter().collect();
        strangers.sort_unstable_by_key(|(key, _)| *key);
        for ((sender, no), builder) in strangers {
            note(format!("{} rows name link {no} of sender {sender}, which does not exist", builder.rows()));
        }
    }
}

/// One reading of the table of minutes, in any order.
pub struct MinutePass {
    expected: HashMap<TenantId, MinuteSum>,
    found: HashMap<TenantId, MinuteSum>,
}

impl MinutePass {
    /// Takes a row.
    pub fn add(&mut self, key: MinuteKey, verdicts: Verdicts) {
        self.found.entry(key.0).or_default().add(key, verdicts);
    }

    /// All rows were read: each tenant's must be those that its outcomes make.
    pub fn finish(mut self, notes: &mut Notes) {
        let mut tenants: Vec<TenantId> = self.expected.keys().chain(self.found.keys()).copied().collect();
        tenants.sort_unstable();
        tenants.dedup();
        for tenant in tenants {
            let expected = self.expected.remove(&tenant).unwrap_or_default();
            let found = self.found.remove(&tenant).unwrap_or_default();
            if expected != found {
                let text = format!(
                    "the verdicts by minute are not those of the outcomes: {:?} expected in all, {:?} found",
                    expected.verdicts, found.verdicts
                );
                notes.find(Some(tenant), None, 1, text);
            }
        }
    }
}
