//! The rows of a tenant's releases, with the chains over them.

use std::collections::BTreeMap;

use domain::{
    AttemptNo, AudienceDigest, CredentialVersion, Fingerprint, IntentNo, IntentState, Phase, RelayId,
    ReplyCode, SenderEpoch, SessionId, TenantId, Timestamp, Verdict,
};

use super::values::{number, octets, table, text, time, wide};
use super::{CrowdRelease, Page};
use crate::account::{Standing, intent_mark, whole};
use crate::chain::{Book, Head, LinkBuilder, LinkRow};
use crate::copy::{CopyRow, TABLES, Value};
use crate::digest::recipient_hash;
use crate::entries::Tally;
use crate::minutes::{MinuteKey, Verdicts, count, minute_of};
use crate::owed::{Owed, Scope};
use crate::rows::{AttemptKey, AttemptRow, OutcomeRow};

/// The one run of a sender that wrote everything.
pub const SENDER: SenderEpoch = SenderEpoch(1);
const RELAY: RelayId = RelayId(1);
const SESSION: SessionId = SessionId(1);
const CHUNK_INTENTS: u32 = 256;
/// Mails of a group commit.
const COMMIT_INTENTS: u32 = 200;
const MINUTE_MS: i64 = 60_000;
/// When the first release was frozen: six days follow, with releases at each minute.
const START: Timestamp = Timestamp::from_millis(1_795_000_020_000);
const DAYS_MINUTES: u32 = 6 * 1440;
const FOREVER: Timestamp = Timestamp::from_millis(4_000_000_000_000);

pub(super) fn shared() -> Vec<Page> {
    let sender = vec![wide(SENDER.0), number(1), number(1), octets(&[1; 16]), time(START)];
    vec![(table("sender"), vec![sender])]
}

pub(super) fn of_tenant(releases: &[CrowdRelease]) -> Vec<Page> {
    let Some(tenant) = releases.first().map(|release| release.tenant) else { return Vec::new() };
    let mut rows = Rows::of(tenant);
    releases.iter().for_each(|release| rows.release(release));
    rows.finish()
}

/// The tables of one tenant, filled release by release.
struct Rows {
    tenant: TenantId,
    tables: BTreeMap<&'static str, Vec<CopyRow>>,
    minutes: BTreeMap<MinuteKey, Verdicts>,
    heads: [Head; 3],
}

impl Rows {
    fn of(tenant: TenantId) -> Self {
        let heads =
            [Book::Intents, Book::Attempts, Book::Outcomes].map(|book| Head::genesis(book, tenant, SENDER));
        let mut rows = Self { tenant, tables: BTreeMap::new(), minutes: BTreeMap::new(), heads };
        let fingerprint = fingerprint(tenant);
        let id = wide(tenant.0);
        rows.put("tenant", vec![id.clone(), text(&format!("tenant {}", tenant.0)), time(START)]);
        rows.put(
            "relay",
            vec![
                id.clone(),
                wide(RELAY.0),
                text("relay.example"),
                number(587),
                text("starttls"),
                text("apikey"),
                text("bare"),
                time(START),
            ],
        );
        rows.put(
            "credential",
            vec![id.clone(), wide(RELAY.0), number(1), octets(&fingerprint.0), time(START)],
        );
        rows.put(
            "session",
            vec![
                id,
                wide(SESSION.0),
                wide(RELAY.0),
                number(1),
                octets(&fingerprint.0),
                text("192.0.2.1:587"),
                text(""),
                wide(SENDER.0),
                time(START),
            ],
        );
        rows
    }

    fn put(&mut self, table: &'static str, row: CopyRow) {
        self.tables.entry(table).or_default().push(row);
    }

    fn release(&mut self, release: &CrowdRelease) {
        let (tenant, id) = (wide(self.tenant.0), wide(release.release.0));
        let at = frozen_at(release);
        self.put(
            "release",
            vec![
                tenant.clone(),
                id.clone(),
                wide(RELAY.0),
                text("news"),
                octets(&[2; 32]),
                number(1),
                time(at),
            ],
        );
        self.put(
            "release_state",
            vec![
                tenant.clone(),
                id.clone(),
                number(2),
                time(at),
                octets(&[3; 32]),
                text("hold"),
                number(60_000),
                time(FOREVER),
            ],
        );
        let digest = self.intents(release, at);
        self.put(
            "audience_wave",
            vec![
                tenant,
                id,
                number(1),
                number(1),
                number(release.intents),
                octets(&digest.to_bytes()),
                time(at),
            ],
        );
        let mut tally = Tally::default();
        tally.sealed(i64::from(release.intents), 0);
        let sent = release.intents - if release.in_flight { last_chunk(release.intents) } else { 0 };
        let mut lost = release.lost.iter().peekable();
        let mut accounted: Vec<AudienceDigest> = Vec::new();
        for first in (1..=sent).step_by(COMMIT_INTENTS as usize) {
            self.commit(
                release,
                (first, sent.min(first + COMMIT_INTENTS - 1)),
                &mut lost,
                (&mut tally, &mut accounted),
            );
        }
        self.chunks(release, at, &accounted);
        self.counter(release, &tally);
    }

    fn intents(&mut self, release: &CrowdRelease, at: Timestamp) -> AudienceDigest {
        let mut digest = AudienceDigest::default();
        let mut link = LinkBuilder::default();
        let link_no = self.heads[0].link_no + 1;
        for intent in 1..=release.intents {
            link.intent((self.tenant, release.release, IntentNo(intent)), 1, None);
            let address = format!("r{intent}@t{}.example", self.tenant.0);
            digest.add(&recipient_hash(&address, ""));
            let key = || [wide(self.tenant.0), wide(release.release.0), number(intent)];
            let recipient = key().into_iter().chain([text(&address), text("")]).collect();
            let row =
                key().into_iter().chain([number(1), number(0), wide(SENDER.0), number(link_no)]).collect();
            self.put("recipient", recipient);
            self.put("intent", row);
        }
        self.link(0, link, at);
        digest
    }

    /// One group commit: attempts and outcomes of a run of mails.
    fn commit(
        &mut self,
        release: &CrowdRelease,
        (first, last): (u32, u32),
        lost: &mut std::iter::Peekable<std::slice::Iter<'_, IntentNo>>,
        (tally, accounted): (&mut Tally, &mut Vec<AudienceDigest>),
    ) {
        let mut links = [LinkBuilder::default(), LinkBuilder::default()];
        let at = sent_at(release, last);
        for intent in first..=last {
            let chunk = (intent as usize - 1) / CHUNK_INTENTS as usize;
            accounted.resize(accounted.len().max(chunk + 1), AudienceDigest::default());
            if lost.next_if(|no| no.0 == intent).is_some() {
                continue;
            }
            accounted[chunk].add(&intent_mark(self.tenant, release.release, IntentNo(intent)));
            let verdicts = verdicts(intent);
            for (no, verdict) in verdicts.iter().enumerate() {
                self.entry(release, (intent, no), *verdict, &mut links);
            }
            tally.add(IntentState::Pending, -1);
            let rejected = verdicts.last() == Some(&Verdict::Rejected);
            tally.add(if rejected { IntentState::Rejected } else { IntentState::Accepted }, 1);
        }
        let [attempts, outcomes] = links;
        self.link(1, attempts, at);
        self.link(2, outcomes, at);
    }

    fn entry(
        &mut self,
        release: &CrowdRelease,
        (intent, no): (u32, usize),
        verdict: Verdict,
        links: &mut [LinkBuilder; 2],
    ) {
        let attempt = AttemptNo(u16::try_from(no + 1).unwrap_or(u16::MAX));
        let key =
            AttemptKey { tenant: self.tenant, release: release.release, intent: IntentNo(intent), attempt };
        let at = sent_at(release, intent);
        let row = AttemptRow {
            key,
            session: SESSION,
            relay: RELAY,
            credential: CredentialVersion(1),
            fingerprint: fingerprint(self.tenant),
            body_digest: [5; 16],
            opened_at: at,
        };
        let (phase, code) = match verdict {
            Verdict::Accepted => (Phase::Reply, 250),
            Verdict::Deferred => (Phase::Rcpt, 450),
            _ => (Phase::Rcpt, 550),
        };
        let outcome = OutcomeRow {
            key,
            verdict,
            phase,
            code: ReplyCode::new(code),
            enhanced: None,
            reply_digest: [6; 16],
            reply_text: String::new(),
            at,
            retry_at: None,
        };
        links[0].attempt(&row);
        links[1].outcome(&outcome);
        count(self.minutes.entry((self.tenant, minute_of(at), release.release)).or_default(), verdict);
        let (attempt_link, outcome_link) = (self.heads[1].link_no + 1, self.heads[2].link_no + 1);
        let lead = || [wide(self.tenant.0), wide(release.release.0), number(intent), number(attempt.0)];
        let attempt_row = lead()
            .into_iter()
            .chain([
                wide(SESSION.0),
                wide(RELAY.0),
                number(1),
                octets(&row.fingerprint.0),
                octets(&row.body_digest),
                time(at),
                wide(SENDER.0),
                number(attempt_link),
            ])
            .collect();
        let outcome_row = lead()
            .into_iter()
            .chain([
                number(verdict.code()),
                number(phase.code()),
                number(code),
                Value::Null,
                octets(&outcome.reply_digest),
                time(at),
                wide(SENDER.0),
                number(outcome_link),
            ])
            .collect();
        self.put("attempt", attempt_row);
        self.put("outcome", outcome_row);
    }

    fn link(&mut self, book: usize, rows: LinkBuilder, at: Timestamp) {
        if rows.rows() == 0 {
            return;
        }
        let (link, head): (LinkRow, Head) = self.heads[book].extend(rows.rows(), rows.root(), at);
        self.heads[book] = head;
        self.put(
            "link",
            vec![
                wide(link.tenant.0),
                number(link.book.code()),
                wide(link.sender.0),
                number(link.link_no),
                number(link.rows),
                wide(head.rows),
                octets(&link.root),
                octets(&link.chain),
                time(at),
            ],
        );
    }

    fn chunks(&mut self, release: &CrowdRelease, at: Timestamp, accounted: &[AudienceDigest]) {
        for (no, first) in (1..=release.intents).step_by(CHUNK_INTENTS as usize).enumerate() {
            let last = release.intents.min(first + CHUNK_INTENTS - 1);
            let scope = Scope {
                tenant: self.tenant,
                release: release.release,
                first: IntentNo(first),
                last: IntentNo(last),
            };
            let held = release.in_flight && last == release.intents;
            let lease = if held {
                [time(at), wide(SENDER.0), number(1), time(FOREVER)]
            } else {
                [Value::Null, Value::Null, number(1), Value::Null]
            };
            let account = accounted.get(no).copied().unwrap_or_default();
            let key = [
                wide(self.tenant.0),
                wide(release.release.0),
                number(u32::try_from(no).unwrap_or(0)),
                number(first),
                number(last),
            ];
            let sealed = octets(&whole(scope).to_bytes());
            let digests =
                [sealed, wide(account.count()), octets(&account.to_bytes()), open_of(release, scope)];
            self.put("delivery_chunk", key.into_iter().chain(lease).chain(digests).collect());
        }
    }

    fn counter(&mut self, release: &CrowdRelease, tally: &Tally) {
        let lead = [wide(self.tenant.0), wide(release.release.0), Value::Number(tally.audience)];
        let states = tally.states.map(Value::Number);
        self.put("counter", lead.into_iter().chain(states).chain([number(0)]).collect());
    }

    fn finish(mut self) -> Vec<Page> {
        for ((tenant, minute, release), verdicts) in std::mem::take(&mut self.minutes) {
            let lead = [wide(tenant.0), Value::Number(minute), wide(release.0)];
            self.put("verdict_minute", lead.into_iter().chain(verdicts.map(wide)).collect());
        }
        // Links are made release by release; their key leads with the book.
        if let Some(links) = self.tables.get_mut("link") {
            links.sort_by_key(|row| match (&row[1], &row[3]) {
                (Value::Number(book), Value::Number(no)) => (*book, *no),
                _ => (0, 0),
            });
        }
        let tables = &mut self.tables;
        TABLES.iter().filter_map(|table| tables.remove(table.name).map(|rows| (table, rows))).collect()
    }
}

fn frozen_at(release: &CrowdRelease) -> Timestamp {
    Timestamp::from_millis(START.as_millis() + i64::from(release.place % DAYS_MINUTES) * MINUTE_MS)
}

/// A hundred mails a second.
fn sent_at(release: &CrowdRelease, intent: u32) -> Timestamp {
    Timestamp::from_millis(frozen_at(release).as_millis() + 10 * i64::from(intent))
}

/// When all is said.
pub(super) fn sent_until() -> Timestamp {
    Timestamp::from_millis(START.as_millis() + i64::from(DAYS_MINUTES + 60) * MINUTE_MS)
}

/// The lost intents of a chunk, as a walk would have listed them.
fn open_of(release: &CrowdRelease, scope: Scope) -> Value {
    let mut standing = Standing::of(scope, START);
    let within = release.lost.iter().filter(|intent| (scope.first..=scope.last).contains(*intent));
    within.for_each(|intent| standing.count(&Owed::new(*intent, None)));
    standing.open().map_or(Value::Null, Value::Octets)
}

fn last_chunk(intents: u32) -> u32 {
    (intents - 1) % CHUNK_INTENTS + 1
}

/// Most are accepted at once, some are refused, some deferred first.
fn verdicts(intent: u32) -> &'static [Verdict] {
    match intent {
        _ if intent.is_multiple_of(97) => &[Verdict::Deferred, Verdict::Accepted],
        _ if intent.is_multiple_of(50) => &[Verdict::Rejected],
        _ => &[Verdict::Accepted],
    }
}

fn fingerprint(tenant: TenantId) -> Fingerprint {
    let mut octets = [7; 12];
    octets[..8].copy_from_slice(&tenant.0.to_be_bytes());
    Fingerprint(octets)
}
