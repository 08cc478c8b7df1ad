//! Damage behind the store's back: whatever is changed, deleted or cut off, the check finds it.

use std::sync::Arc;

use domain::{AttemptNo, Verdict};
use ledger::conformance::{Stage, at};
use ledger::{CheckReport, Head, WitnessRow};
use tokio_postgres::Client;

use crate::house::{House, execute};

/// Finished books of one tenant: 12 intents in chunks of 4; accepted, deferred, unknown, and untouched ones.
pub async fn books(house: &House) -> (Stage, Client, Vec<Head>) {
    let schema = house.schema();
    let stage = Stage::on(&house.open(&schema).await).await.expect("a stage");
    stage.freeze(12, 4).await.expect("frozen");
    let verdicts = [Verdict::Accepted, Verdict::Accepted, Verdict::Deferred, Verdict::Unknown];
    for chunk in stage.lease(5, 2).await.expect("chunks") {
        let tried: Vec<_> = chunk.intents.iter().map(|leased| (leased.intent.0, leased.attempt.0)).collect();
        stage.attempt(&chunk, &tried).await.expect("attempts");
        let rows = tried.iter().zip(verdicts);
        stage
            .answer(rows.map(|((no, _), verdict)| stage.outcome(*no, 1, verdict)).collect())
            .await
            .expect("outcomes");
        stage.give_back(&chunk).await.expect("returned");
    }
    let witness = |intent| WitnessRow {
        key: ledger::AttemptKey { attempt: AttemptNo(1), ..stage.key(intent, 1) },
        event_id: format!("event {intent}"),
        source: "relay events".to_owned(),
        accepted: true,
        payload_digest: [1; 32],
        at: at(33),
    };
    let witnesses = vec![witness(1), witness(2)];
    stage.store.witness_append(stage.tenant, stage.sender, at(34), witnesses).await.expect("witnesses");
    for second in 1..=3 {
        stage.store.document_write(stage.document_write(second)).await.expect("a document");
    }
    let sealed = stage.store.heads().await.expect("heads");
    let raw = house.raw(&schema).await;
    // Without keys and triggers, as a server's owner could.
    execute(&raw, "SET session_replication_role = replica").await;
    (stage, raw, sealed)
}

pub async fn check(stage: &Stage, sealed: &[Head]) -> CheckReport {
    stage.store.check(sealed.to_vec(), ledger::Live::default(), at(40)).await.expect("a report")
}

pub async fn books_without_damage_have_no_findings(house: Arc<House>) {
    let (stage, _, sealed) = books(&house).await;
    let report = check(&stage, &sealed).await;
    assert_eq!(report.findings, Vec::new());
    assert_eq!((report.releases, report.intents, report.attempts), (1, 12, 8));
    assert_eq!((report.outcomes, report.witnesses, report.links), (8, 2, 6));
    assert_eq!(report.heads, sealed);
}

pub async fn damage_is_found(house: Arc<House>) {
    for (sql, invariant, words) in [
        ("UPDATE intent SET wave = 2 WHERE intent_no = 12", 0, "was changed"),
        ("UPDATE attempt SET opened_at = opened_at + 1 WHERE intent_no = 3", 0, "was changed"),
        ("UPDATE outcome SET code = 251 WHERE intent_no = 1", 0, "was changed"),
        ("UPDATE witness SET accepted = 0 WHERE intent_no = 1", 0, "was changed"),
        ("DELETE FROM outcome WHERE intent_no = 2", 0, "stand"),
        ("DELETE FROM intent WHERE intent_no = 2", 1, "are missing"),
        ("UPDATE link SET chain = root WHERE book = 2 AND link_no = 1", 0, "does not follow"),
        ("UPDATE link SET rows_total = 9 WHERE book = 3 AND link_no = 2", 0, "counts 9 rows"),
        ("DELETE FROM link WHERE book = 2 AND link_no = 1", 0, "are missing"),
        ("DELETE FROM link WHERE book = 4", 0, "which does not exist"),
        ("DELETE FROM link WHERE book = 3 AND link_no = 2", 0, "ends before it"),
        ("UPDATE counter SET accepted = accepted + 1, pending = pending - 1", 1, "the counter of accepted"),
        ("DELETE FROM counter", 1, "no counters"),
        ("UPDATE delivery_chunk SET due_at = NULL WHERE chunk_no = 2", 8, "intent 9 is still owed"),
        ("UPDATE delivery_chunk SET due_at = due_at + 9999999 WHERE chunk_no = 0", 9, "may be tried at"),
        (
            "UPDATE delivery_chunk SET accounted = accounted + 1 WHERE chunk_no = 0",
            1,
            "chunk 0 accounts for 4 of its intents, and its books for 3",
        ),
        (
            "UPDATE delivery_chunk SET accounted_digest = sealed_digest WHERE chunk_no = 0",
            1,
            "chunk 0 accounts for 3 of its intents, and its books for 3, or for others",
        ),
        (
            "UPDATE delivery_chunk SET sealed_digest = accounted_digest WHERE chunk_no = 2",
            1,
            "chunk 2 was not sealed over its own intents",
        ),
        (
            "UPDATE delivery_chunk SET open_intents = decode('0001', 'hex') WHERE chunk_no = 0",
            1,
            "chunk 0 accounts for",
        ),
        ("UPDATE verdict_minute SET accepted = accepted + 1", 1, "the verdicts by minute"),
        ("UPDATE verdict_minute SET minute = minute + 1", 1, "the verdicts by minute"),
        ("DELETE FROM verdict_minute", 1, "the verdicts by minute"),
        ("DELETE FROM delivery_chunk WHERE chunk_no = 1", 8, "chunk 2 starts at intent 9, not at 5"),
        (
            "INSERT INTO retry_due SELECT tenant_id, release_id, 1, 5 FROM retry_due LIMIT 1",
            4,
            "retry schedule",
        ),
        ("DELETE FROM retry_due", 9, "may be tried at"),
        ("UPDATE audience_wave SET last_intent = 13", 1, "13 expected, 12 found"),
        ("UPDATE recipient SET address = 'other@example.jp' WHERE intent_no = 9", 1, "are not those"),
        ("UPDATE session SET fingerprint = decode('00', 'hex')", 6, "could not be read"),
        ("UPDATE session SET relay_id = 5", 6, "the relay and the secret of its session"),
        ("DELETE FROM session", 6, "names a session that does not exist"),
        ("DELETE FROM credential", 6, "a secret that is not in the directory"),
        ("DELETE FROM attempt WHERE intent_no = 1", 2, "`accepted` of attempt 1, which does not stand"),
        ("DELETE FROM release_state", 0, "has no state"),
        ("DELETE FROM release", 0, "has books, and does not stand"),
        ("UPDATE witness SET intent_no = 13 WHERE intent_no = 2", 1, "names intent 13, which does not stand"),
    ] {
        finds(&house, sql, invariant, words).await;
    }
}

pub async fn damage_to_the_audit_log_is_found(house: Arc<House>) {
    for (sql, invariant, words) in [
        (
            "UPDATE audit SET detail = detail || 'x' WHERE audit_no = 2",
            0,
            "entry 2 of the audit log was changed",
        ),
        ("UPDATE audit SET at = at + 1 WHERE audit_no = 3", 0, "entry 3 of the audit log was changed"),
        ("UPDATE audit SET tenant_id = 5", 0, "entry 1 of the audit log was changed"),
        ("DELETE FROM audit WHERE audit_no = 2", 0, "entry 3 of the audit log follows entry 1"),
        ("DELETE FROM audit WHERE audit_no = 1", 0, "entry 2 of the audit log follows entry 0"),
        (
            "UPDATE audit SET chain = sha256(chain) WHERE audit_no = 2",
            0,
            "entry 3 of the audit log was changed, or does not follow",
        ),
    ] {
        finds(&house, sql, invariant, words).await;
    }
}

async fn finds(house: &House, sql: &str, invariant: u8, words: &str) {
    let (stage, raw, sealed) = books(house).await;
    execute(&raw, sql).await;
    let report = check(&stage, &sealed).await;
    // What cannot be read is a finding about the database itself.
    let invariant = if words == "could not be read" { 0 } else { invariant };
    let found = report.findings.iter().any(|f| f.invariant == invariant && f.text.contains(words));
    assert!(found, "{sql}: {:?}", report.findings);
}

pub async fn erased_recipients_are_no_damage(house: Arc<House>) {
    let (stage, raw, sealed) = books(&house).await;
    execute(&raw, "DELETE FROM recipient WHERE intent_no IN (1, 2); DELETE FROM reply_text").await;
    assert_eq!(check(&stage, &sealed).await.findings, Vec::new());
}
