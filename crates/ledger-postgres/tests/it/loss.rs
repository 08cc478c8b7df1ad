//! Deadlocks, connections that die, replies that never come: every commit stands once or not at all.

use std::sync::Arc;

use domain::{RelayId, Statement, Verdict};
use ledger::conformance::{Stage, at};
use ledger::{DeliveryCommit, RelayUse, Store};
use tokio_postgres::Client;

use crate::fence::sound;
use crate::house::{House, execute, number};

async fn staged(house: &House, intents: u32, chunk_intents: u32) -> (String, Stage, Client) {
    let schema = house.schema();
    let stage = Stage::on(&house.open(&schema).await).await.expect("a stage");
    stage.freeze(intents, chunk_intents).await.expect("frozen");
    let raw = house.raw(&schema).await;
    (schema, stage, raw)
}

/// Attempts of two chunks, an outcome, and the use of a relay: everything that must not be stored twice.
async fn prepared(stage: &Stage) -> DeliveryCommit {
    let chunks = stage.lease(5, 2).await.expect("chunks");
    stage.attempt(&chunks[0], &[(1, 1)]).await.expect("an attempt");
    DeliveryCommit {
        attempts: vec![stage.permit(&chunks[0], 2, 1), stage.permit(&chunks[1], 3, 1)],
        outcomes: vec![stage.outcome(1, 1, Verdict::Accepted)],
        relay_use: vec![RelayUse { relay: RelayId(100), messages: 7 }],
        ..DeliveryCommit::default()
    }
}

/// The commit of [`prepared`] stands, once.
async fn stands_once(stage: &Stage, raw: &Client) {
    for (table, expected) in [("attempt", 3), ("outcome", 1), ("reply_text", 1)] {
        assert_eq!(number(raw, &format!("SELECT count(*) FROM {table}")).await, expected, "{table}");
    }
    let used = stage.store.relay_use(stage.tenant, RelayId(100), at(0)).await.expect("uses");
    assert_eq!(used, [(at(30), 7)]);
    let expected = Statement { audience: 4, accepted: 1, unknown: 2, pending: 1, ..Statement::default() };
    stage.states(None, expected).await.expect("the statement");
    assert_eq!(number(raw, "SELECT max(link_no) FROM link WHERE book = 2").await, 2);
    sound(stage, Some(stage.sender)).await;
    // The chain goes on from where it stands.
    stage.answer(vec![stage.outcome(2, 1, Verdict::Accepted)]).await.expect("the next commit");
    sound(stage, Some(stage.sender)).await;
}

fn commit(stage: &Stage, commit: DeliveryCommit) -> tokio::task::JoinHandle<usize> {
    let stage = stage.clone();
    tokio::spawn(async move { stage.commit(commit).await.expect("a receipt").fenced.len() })
}

/// Ends the connections of the schema's stores that are waiting as the words say; gives how many.
async fn end_waiting(raw: &Client, schema: &str, kind: &str) -> i64 {
    let sql = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = '{schema}' AND wait_event_type = '{kind}' AND state = 'active'"
    );
    number(raw, &sql).await
}

pub async fn a_deadlock_is_tried_again(house: Arc<House>) {
    let (schema, stage, raw) = staged(&house, 4, 2).await;
    let prepared = prepared(&stage).await;
    let watch = house.raw("public").await;
    // The other side looks for deadlocks late, so that the store is the one that has to give way.
    execute(
        &raw,
        "SET deadlock_timeout = '60s'; BEGIN; SELECT 1 FROM delivery_chunk WHERE chunk_no = 1 FOR UPDATE",
    )
    .await;
    let committing = commit(&stage, prepared);
    house.until_locked(&watch, &schema).await;
    execute(&raw, "SELECT 1 FROM delivery_chunk WHERE chunk_no = 0 FOR UPDATE").await;
    house.until_locked(&watch, &schema).await;
    execute(&raw, "COMMIT").await;
    assert_eq!(committing.await.expect("joined"), 0);
    stands_once(&stage, &raw).await;
    house.until(&watch, "SELECT sum(deadlocks) > 0 FROM pg_stat_database").await;
}

pub async fn a_serialization_failure_is_tried_again(house: Arc<House>) {
    let (_, stage, raw) = staged(&house, 4, 2).await;
    let prepared = prepared(&stage).await;
    execute(
        &raw,
        "CREATE SEQUENCE tries;
        CREATE FUNCTION fail_twice() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF nextval('tries') < 3 THEN RAISE EXCEPTION 'planted' USING ERRCODE = '40001'; END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER fail BEFORE UPDATE ON counter FOR EACH ROW EXECUTE FUNCTION fail_twice()",
    )
    .await;
    assert_eq!(commit(&stage, prepared).await.expect("joined"), 0);
    assert_eq!(number(&raw, "SELECT last_value FROM tries").await, 3);
    stands_once(&stage, &raw).await;
}

pub async fn a_reply_of_any_octets_is_kept(house: Arc<House>) {
    let (_, stage, _) = staged(&house, 4, 2).await;
    let chunk = stage.lease_one(5).await.expect("a chunk");
    stage.attempt(&chunk, &[(1, 1)]).await.expect("an attempt");
    let mut outcome = stage.outcome(1, 1, Verdict::Accepted);
    outcome.reply_text = "250 \0 飛脚 \u{7f}".to_owned();
    stage.answer(vec![outcome]).await.expect("kept");
    let address = stage.intent_row(1).address;
    let views = stage.store.attempts(stage.tenant, stage.release, &address).await.expect("attempts");
    assert_eq!(views[0].outcomes[0].reply_text, "250 \u{fffd} 飛脚 \u{7f}");
}

pub async fn a_connection_that_dies_in_a_commit_costs_nothing(house: Arc<House>) {
    let (schema, stage, raw) = staged(&house, 4, 2).await;
    let prepared = prepared(&stage).await;
    let watch = house.raw("public").await;
    execute(&raw, "BEGIN; SELECT 1 FROM counter FOR UPDATE").await;
    let committing = commit(&stage, prepared);
    let mut last = 0;
    for _ in 0..3 {
        // Everything but the counters is written by now. One that was ended is listed for some time still.
        let waiting = format!(
            "FROM pg_stat_activity WHERE application_name = '{schema}' AND wait_event_type = 'Lock'
            AND state = 'active' AND pid <> {last}"
        );
        house.until(&watch, &format!("SELECT count(*) = 1 {waiting}")).await;
        last = number(&watch, &format!("SELECT max(pid)::bigint {waiting}")).await;
        assert_eq!(number(&watch, &format!("SELECT count(pg_terminate_backend(pid)) {waiting}")).await, 1);
    }
    execute(&raw, "COMMIT").await;
    assert_eq!(committing.await.expect("joined"), 0);
    stands_once(&stage, &raw).await;
}

/// While this lasts, commits are durable here and their replies wait for a standby that does not exist.
async fn hold_replies(house: &House, raw: &Client, hold: bool) {
    let names =
        if hold { "SET synchronous_standby_names = 'nobody'" } else { "RESET synchronous_standby_names" };
    execute(raw, &format!("ALTER SYSTEM {names}")).await;
    execute(raw, "SELECT pg_reload_conf()").await;
    let is = if hold { "nobody" } else { "" };
    house.until(raw, &format!("SELECT current_setting('synchronous_standby_names') = '{is}'")).await;
}

/// Ends the connection whose commit stands and whose reply waits.
async fn lose_reply(house: &House, raw: &Client, schema: &str) {
    let waiting = format!(
        "SELECT count(*) > 0 FROM pg_stat_activity
        WHERE application_name = '{schema}' AND wait_event = 'SyncRep'"
    );
    house.until(raw, &waiting).await;
    assert_eq!(end_waiting(raw, schema, "IPC").await, 1);
}

pub async fn a_commit_whose_reply_is_lost_counts_once(house: Arc<House>) {
    let (schema, stage, raw) = staged(&house, 4, 2).await;
    let prepared = prepared(&stage).await;
    let watch = house.raw("public").await;
    execute(&watch, "SET synchronous_commit = local").await;
    hold_replies(&house, &watch, true).await;
    let committing = commit(&stage, prepared);
    lose_reply(&house, &watch, &schema).await;
    hold_replies(&house, &watch, false).await;
    assert_eq!(committing.await.expect("joined"), 0);
    stands_once(&stage, &raw).await;
}

pub async fn a_wave_whose_reply_is_lost_is_stored_once(house: Arc<House>) {
    let (schema, stage, raw) = staged(&house, 4, 2).await;
    let watch = house.raw("public").await;
    execute(&watch, "SET synchronous_commit = local").await;
    hold_replies(&house, &watch, true).await;
    let appending = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.store.stream_append(stage.stream_wave(2, &[10], (5, 7))).await })
    };
    lose_reply(&house, &watch, &schema).await;
    hold_replies(&house, &watch, false).await;
    assert_eq!(
        appending.await.expect("joined"),
        Ok(()),
        "it stands, and is not refused as the same once more"
    );
    assert_eq!(number(&raw, "SELECT count(*) FROM intent").await, 7);
    assert_eq!(number(&raw, "SELECT count(*) FROM content_part WHERE part_no = 10").await, 1);
    stage
        .states(None, Statement { audience: 7, pending: 7, ..Statement::default() })
        .await
        .expect("the statement");
    stage.store.stream_append(stage.stream_wave(3, &[11], (8, 8))).await.expect("the next wave");
    sound(&stage, Some(stage.sender)).await;
}

pub async fn documents_whose_reply_is_lost_are_written_once(house: Arc<House>) {
    let (schema, stage, _raw) = staged(&house, 4, 2).await;
    stage.store.document_write(stage.document_write(1)).await.expect("the first");
    let watch = house.raw("public").await;
    execute(&watch, "SET synchronous_commit = local").await;
    hold_replies(&house, &watch, true).await;
    let writing = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.store.document_write(stage.document_write(2)).await })
    };
    lose_reply(&house, &watch, &schema).await;
    hold_replies(&house, &watch, false).await;
    assert_eq!(writing.await.expect("joined"), Ok(vec![2]));
    assert_eq!(stage.store.audit_list(stage.tenant, 0, 9).await.expect("the log").len(), 2);
    sound(&stage, Some(stage.sender)).await;
}

pub async fn a_lease_whose_reply_is_lost_is_given_again(house: Arc<House>) {
    let (schema, stage, _raw) = staged(&house, 4, 2).await;
    let watch = house.raw("public").await;
    execute(&watch, "SET synchronous_commit = local").await;
    hold_replies(&house, &watch, true).await;
    let leasing = {
        let stage = stage.clone();
        tokio::spawn(async move { stage.lease(5, 1).await })
    };
    lose_reply(&house, &watch, &schema).await;
    hold_replies(&house, &watch, false).await;
    let chunks = leasing.await.expect("joined").expect("chunks");
    assert_eq!(chunks.len(), 1);
    stage.deliver(&chunks[0], Verdict::Accepted).await.expect("it is held");
    let rest = stage.lease(5, 9).await.expect("chunks");
    assert_eq!(rest.len(), 1, "and no other was lost");
}

pub async fn a_caller_that_gives_up_leaves_the_chain_whole(house: Arc<House>) {
    let (schema, stage, raw) = staged(&house, 4, 2).await;
    let prepared = prepared(&stage).await;
    let watch = house.raw("public").await;
    execute(&raw, "BEGIN; SELECT 1 FROM counter FOR UPDATE").await;
    let given_up = commit(&stage, DeliveryCommit { relay_use: Vec::new(), ..prepared.clone() });
    house.until_locked(&watch, &schema).await;
    given_up.abort();
    assert!(given_up.await.is_err(), "aborted");
    let committing = commit(&stage, prepared);
    execute(&raw, "COMMIT").await;
    // What was given up goes on to its end, or was rolled back with its connection; the server alone knows.
    let _ = committing.await;
    let other: Arc<dyn Store> = house.open(&schema).await;
    sound(&Stage { store: other, ..stage.clone() }, Some(stage.sender)).await;
    stage.answer(vec![stage.outcome(2, 1, Verdict::Accepted)]).await.expect("the next commit");
    sound(&stage, Some(stage.sender)).await;
}
