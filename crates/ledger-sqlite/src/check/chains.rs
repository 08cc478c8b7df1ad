//! The chains, recomputed from the rows: each book is read once in key order, with one hasher a link.
//!
//! The links are then followed from the start: a changed, deleted, added or moved row breaks its link's root or
//! count, a changed or deleted link breaks the chain, and links cut off at the end show against the sealed heads.

use std::collections::HashMap;
use std::mem;

use domain::{IntentNo, ReleaseId, SenderEpoch, SuppressionReason, TenantId, Timestamp};
use ledger::{Book, Head, LinkBuilder};
use rusqlite::{Connection, Row};

use super::sessions::Sessions;
use super::{Notes, lifecycle};
use crate::columns::{self, id, known};
use crate::failure::Failure;
use crate::queries;
use crate::walk::suppression;

/// Names one chain; the order is that of the link table.
type ChainKey = (TenantId, Book, SenderEpoch);

/// A link's rows, hashed.
type Roots = HashMap<(SenderEpoch, u32), LinkBuilder>;

/// Recomputes every chain and holds the sealed heads against them.
pub(super) fn check(connection: &Connection, sealed: &[Head], notes: &mut Notes) -> Result<(), Failure> {
    let mut links = Links::read(connection, sealed, notes)?;
    for book in Book::ALL {
        let mut pass =
            Pass { book, tenant: None, roots: Roots::new(), sessions: Sessions::default(), next: (None, 1) };
        let outcome = pass.run(connection, &mut links, notes);
        notes.part(&format!("the book of {}", book.word()), outcome)?;
    }
    for ((tenant, book, sender), links) in mem::take(&mut links.stored) {
        for link in links {
            let text = format!("link {} of sender {sender} covers {} rows; none stands", link.no, link.rows);
            notes.find(Some(tenant), Some(book), 0, text);
        }
    }
    Ok(())
}

/// A link as it stands, to be compared with the rows.
struct StoredLink {
    no: u32,
    rows: u32,
    root: [u8; 32],
    at: Timestamp,
}

/// Every link, by chain.
struct Links {
    stored: HashMap<ChainKey, Vec<StoredLink>>,
}

impl Links {
    /// Reads all links, following each chain from its genesis past the sealed heads.
    fn read(connection: &Connection, sealed: &[Head], notes: &mut Notes) -> Result<Self, Failure> {
        let mut stored: HashMap<ChainKey, Vec<StoredLink>> = HashMap::new();
        let mut seals = Seals::new(sealed);
        let mut walk: Option<Head> = None;
        let mut list = connection.prepare_cached(queries::LINK_WALK)?;
        let mut rows = list.query([])?;
        while let Some(row) = rows.next()? {
            let (key, link, rows_total, chain) = link_row(row)?;
            let head = match walk {
                Some(head) if (head.tenant, head.book, head.sender) == key => head,
                _ => Head::genesis(key.1, key.0, key.2),
            };
            walk = Some(follow(head, &link, (rows_total, chain), notes));
            seals.pass(key, link.no, rows_total, chain, notes);
            notes.report.links += 1;
            stored.entry(key).or_default().push(link);
        }
        seals.finish(notes);
        Ok(Self { stored })
    }
}

fn link_row(row: &Row<'_>) -> rusqlite::Result<(ChainKey, StoredLink, u64, [u8; 32])> {
    let code: u8 = row.get(1)?;
    let book = known(1, i64::from(code), Book::from_code(code))?;
    let key = (TenantId(id(row, 0)?), book, SenderEpoch(id(row, 2)?));
    let at = Timestamp::from_millis(row.get(8)?);
    let link = StoredLink { no: row.get(3)?, rows: row.get(4)?, root: row.get(6)?, at };
    Ok((key, link, id(row, 5)?, row.get(7)?))
}

/// The head after a link as it should be; where the link differs, the walk goes on from what it says.
fn follow(head: Head, link: &StoredLink, says: (u64, [u8; 32]), notes: &mut Notes) -> Head {
    let (_, expected) = head.extend(link.rows, link.root, link.at);
    let objection = if link.no != expected.link_no {
        Some(format!("link {} follows link {}: links between them are missing", link.no, head.link_no))
    } else if says.1 != expected.chain {
        Some(format!("link {} does not follow from the link before it", link.no))
    } else if says.0 != expected.rows {
        Some(format!("link {} counts {} rows up to it, and they are {}", link.no, says.0, expected.rows))
    } else {
        None
    };
    if let Some(text) = objection {
        notes.find(Some(head.tenant), Some(head.book), 0, format!("{text} (sender {})", head.sender));
    }
    Head { link_no: link.no, rows: says.0, chain: says.1, ..head }
}

/// Heads that were sealed outside the database and have not been met yet.
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
struct Pass {
    book: Book,
    tenant: Option<TenantId>,
    roots: Roots,
    sessions: Sessions,
    /// The release at hand and its next intent, to see gaps in the intents book.
    next: (Option<(TenantId, ReleaseId)>, u32),
}

impl Pass {
    fn run(&mut self, connection: &Connection, links: &mut Links, notes: &mut Notes) -> Result<(), Failure> {
        let sql = match self.book {
            Book::Intents => queries::INTENT_WALK,
            Book::Attempts => queries::ATTEMPT_WALK,
            Book::Outcomes => queries::OUTCOME_WALK,
            Book::Witnesses => queries::WITNESS_WALK,
        };
        let mut list = connection.prepare_cached(sql)?;
        let mut rows = list.query([])?;
        let mut outcome = Ok(());
        loop {
            match rows.next() {
                Ok(Some(row)) => self.row(connection, row, links, notes)?,
                Ok(None) => break,
                Err(error) => {
                    outcome = Err(error.into());
                    break;
                }
            }
        }
        self.compare(links, notes);
        outcome
    }

    /// Takes one row into its link's hasher; a row that cannot be understood is a finding.
    fn row(
        &mut self,
        connection: &Connection,
        row: &Row<'_>,
        links: &mut Links,
        notes: &mut Notes,
    ) -> Result<(), Failure> {
        let tenant = TenantId(id(row, 0)?);
        if self.tenant != Some(tenant) {
            self.compare(links, notes);
            self.tenant = Some(tenant);
        }
        let outcome = match self.book {
            Book::Intents => self.intent(row, notes),
            Book::Attempts => self.attempt(connection, row, notes),
            Book::Outcomes => self.outcome(row, notes),
            Book::Witnesses => self.witness(row, notes),
        };
        let release = ReleaseId(id(row, 1)?);
        let intent: i64 = row.get(2)?;
        notes.part(&format!("intent {intent} of {release} in the book of {}", self.book.word()), outcome)
    }

    fn root(&mut self, row: &Row<'_>, columns: (usize, usize)) -> Result<&mut LinkBuilder, Failure> {
        let key = (SenderEpoch(id(row, columns.0)?), row.get(columns.1)?);
        Ok(self.roots.entry(key).or_default())
    }

    fn intent(&mut self, row: &Row<'_>, notes: &mut Notes) -> Result<(), Failure> {
        notes.report.intents += 1;
        let key = (TenantId(id(row, 0)?), ReleaseId(id(row, 1)?), IntentNo(row.get(2)?));
        let why: Option<SuppressionReason> = suppression(row.get(4)?)?;
        self.root(row, (5, 6))?.intent(key, row.get(3)?, why);
        let release = Some((key.0, key.1));
        let expected = if self.next.0 == release { self.next.1 } else { 1 };
        if key.2.0 != expected {
            let text = format!("intents {expected} to {} of {} are missing", key.2.0 - 1, key.1);
            notes.find(Some(key.0), Some(self.book), 1, text);
        }
        self.next = (release, key.2.0 + 1);
        Ok(())
    }

    fn attempt(&mut self, connection: &Connection, row: &Row<'_>, notes: &mut Notes) -> Result<(), Failure> {
        notes.report.attempts += 1;
        let (attempt, _) = columns::attempt(row)?;
        self.root(row, (10, 11))?.attempt(&attempt);
        if let Some(objection) = self.sessions.objection(connection, &attempt)? {
            let key = attempt.key;
            let text =
                format!("attempt {} of intent {} of {} {objection}", key.attempt, key.intent, key.release);
            notes.find(Some(key.tenant), Some(self.book), 6, text);
        }
        Ok(())
    }

    fn outcome(&mut self, row: &Row<'_>, notes: &mut Notes) -> Result<(), Failure> {
        notes.report.outcomes += 1;
        let outcome = columns::outcome(row)?;
        self.root(row, (10, 11))?.outcome(&outcome);
        if let Some((invariant, objection)) = lifecycle::objection(&outcome) {
            let key = outcome.key;
            let text =
                format!("attempt {} of intent {} of {} is {objection}", key.attempt, key.intent, key.release);
            notes.find(Some(key.tenant), Some(self.book), invariant, text);
        }
        Ok(())
    }

    fn witness(&mut self, row: &Row<'_>, notes: &mut Notes) -> Result<(), Failure> {
        notes.report.witnesses += 1;
        let witness = columns::witness(row)?;
        self.root(row, (9, 10))?.witness(&witness);
        Ok(())
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
