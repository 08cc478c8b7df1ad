//! Nodes that share the books: leases, take-overs and epochs across stores (invariant 7).

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::{Statement, Verdict};
use ledger::conformance::{Stage, at};
use ledger::{ChunkReturn, DeliveryCommit, OutcomeRow, ReleaseState, Store};

use crate::house::{House, execute};

/// Two nodes in one schema: the first tenant in the hands of the first.
async fn nodes(house: &House, intents: u32, chunk_intents: u32) -> (String, Stage, Arc<dyn Store>) {
    let schema = house.schema();
    let (one, two) = (house.open(&schema).await, house.open(&schema).await);
    let stage = Stage::on(&one).await.expect("a stage");
    stage.freeze(intents, chunk_intents).await.expect("frozen");
    (schema, stage, two)
}

/// The same release in the hands of another node's sender.
pub async fn on_node(stage: &Stage, store: &Arc<dyn Store>) -> Stage {
    let there = Stage { store: Arc::clone(store), ..stage.clone() };
    there.next_sender().await.expect("a sender")
}

pub async fn sound(stage: &Stage, live: Option<domain::SenderEpoch>) {
    let heads = stage.store.heads().await.expect("heads");
    let report = stage.store.check(heads, live.into(), at(9000)).await.expect("a report");
    assert_eq!(report.findings, Vec::new());
}

pub async fn a_lease_is_taken_over_only_after_its_end(house: Arc<House>) {
    let (_, one, store) = nodes(&house, 6, 6).await;
    let chunk = one.lease_one(5).await.expect("a chunk");
    one.attempt(&chunk, &[(1, 1), (2, 1)]).await.expect("attempts");
    let two = on_node(&one, &store).await;
    let taken = async |second| two.take_over(second).await.expect("a take-over").open;
    assert_eq!(taken(64).await, Vec::new(), "the lease lives until second 65");
    one.store.lease_renew(one.tenant, one.sender, at(60), at(100)).await.expect("renewed");
    assert_eq!(taken(99).await, Vec::new(), "it was renewed");
    one.attempt(&chunk, &[(3, 1)]).await.expect("its holder goes on");
    let open: Vec<_> = taken(100).await.iter().map(|open| open.key.intent.0).collect();
    assert_eq!(open, [1, 2, 3]);

    // The first node wakes up: what it asks for is fenced, what it learnt is kept.
    let attempts = vec![one.permit(&chunk, 4, 1)];
    let receipt =
        one.commit(DeliveryCommit { attempts, ..DeliveryCommit::default() }).await.expect("a receipt");
    assert_eq!(receipt.fenced, [one.key(4, 1)]);
    let unknown = |intent| OutcomeRow { retry_at: None, ..two.outcome(intent, 1, Verdict::Unknown) };
    two.answer(vec![unknown(1), unknown(2), unknown(3)]).await.expect("outcomes");
    two.states(None, Statement { audience: 6, unknown: 3, pending: 3, ..Statement::default() })
        .await
        .expect("unknown");
    one.answer(vec![one.outcome(1, 1, Verdict::Accepted)]).await.expect("a late reply");
    let epochs: BTreeSet<_> = two
        .store
        .book_rows(one.tenant, one.release, ledger::Book::Outcomes, domain::IntentNo(1), domain::IntentNo(1))
        .await
        .expect("rows")
        .iter()
        .map(|row| row.sender)
        .collect();
    assert_eq!(epochs, BTreeSet::from([one.sender, two.sender]), "each under its own epoch");
    let resolved = Statement { audience: 6, accepted: 1, unknown: 2, pending: 3, ..Statement::default() };
    two.states(None, resolved).await.expect("resolved");

    // A return under the old lease is ignored; the new holder's is not.
    let old = ChunkReturn { release: one.release, chunk: chunk.chunk, lease: chunk.lease };
    one.commit(DeliveryCommit { returns: vec![old], ..DeliveryCommit::default() }).await.expect("ignored");
    assert!(two.lease(101, 9).await.expect("none").is_empty());
    two.store.lease_return_all(two.sender, at(102)).await.expect("returned");
    let left = two.lease_one(103).await.expect("a chunk");
    assert_eq!(left.intents.iter().map(|leased| leased.intent.0).collect::<Vec<_>>(), [4, 5, 6]);
    sound(&two, None).await;
}

pub async fn nodes_never_lease_the_same_chunk(house: Arc<House>) {
    let (_, one, store) = nodes(&house, 600, 5).await;
    let two = on_node(&one, &store).await;
    let drain = async |stage: Stage| {
        let mut met = Vec::new();
        loop {
            let chunks = stage.lease(5, 3).await.expect("chunks");
            if chunks.is_empty() {
                return met;
            }
            for chunk in chunks {
                stage.deliver(&chunk, Verdict::Accepted).await.expect("delivered");
                met.extend(chunk.intents.iter().map(|leased| leased.intent.0));
            }
        }
    };
    let (first, second) = tokio::join!(drain(one.clone()), drain(two.clone()));
    assert!(!first.is_empty() && !second.is_empty(), "both work");
    let all: BTreeSet<_> = first.iter().chain(&second).collect();
    assert_eq!((all.len(), first.len() + second.len()), (600, 600));
    two.states(None, Statement { audience: 600, accepted: 600, ..Statement::default() }).await.expect("all");
    sound(&one, None).await;
}

pub async fn a_pause_and_a_commit_wait_for_each_other(house: Arc<House>) {
    let (schema, one, store) = nodes(&house, 2, 2).await;
    let chunk = one.lease_one(5).await.expect("a chunk");
    let raw = house.raw(&schema).await;
    // Another node is about to pause the release.
    execute(&raw, "BEGIN; UPDATE release_state SET state = 3").await;
    let attempts = vec![one.permit(&chunk, 1, 1)];
    let commit = DeliveryCommit { attempts, ..DeliveryCommit::default() };
    let asking = {
        let one = one.clone();
        tokio::spawn(async move { one.commit(commit).await })
    };
    house.until_locked(&house.raw("public").await, &schema).await;
    execute(&raw, "COMMIT").await;
    let receipt = asking.await.expect("joined").expect("a receipt");
    assert_eq!(receipt.fenced, [one.key(1, 1)], "the pause was first");
    let set =
        async |state| store.release_state_set(one.tenant, one.release, state, at(9)).await.expect("set");
    set(ReleaseState::Active).await;
    one.attempt(&chunk, &[(1, 1)]).await.expect("passes again");
}

pub async fn a_take_over_and_a_commit_wait_for_each_other(house: Arc<House>) {
    let (schema, one, store) = nodes(&house, 2, 2).await;
    let chunk = one.lease_one(5).await.expect("a chunk");
    let two = on_node(&one, &store).await;
    let raw = house.raw(&schema).await;
    let watch = house.raw("public").await;
    // A commit that was first: the take-over waits, and finds its attempt.
    execute(&raw, "BEGIN; SELECT 1 FROM release_state FOR UPDATE").await;
    let commit = DeliveryCommit { attempts: vec![one.permit(&chunk, 1, 1)], ..DeliveryCommit::default() };
    let asking = {
        let one = one.clone();
        tokio::spawn(async move { one.commit(commit).await })
    };
    house.until_locked(&watch, &schema).await;
    let taking = {
        let two = two.clone();
        tokio::spawn(async move { two.take_over(70).await })
    };
    let two_wait = format!(
        "SELECT count(*) = 2 FROM pg_stat_activity
        WHERE application_name = '{schema}' AND wait_event_type = 'Lock'"
    );
    house.until(&watch, &two_wait).await;
    execute(&raw, "COMMIT").await;
    assert_eq!(asking.await.expect("joined").expect("a receipt").fenced, [], "the commit was first");
    let open = taking.await.expect("joined").expect("a take-over").open;
    assert_eq!(open.iter().map(|open| open.key).collect::<Vec<_>>(), [one.key(1, 1)]);
    // A take-over that was first: the commit waits, and is fenced.
    execute(&raw, "BEGIN; UPDATE delivery_chunk SET lease_epoch = lease_epoch + 1").await;
    let held = ledger::LeasedChunk { lease: domain::LeaseEpoch(chunk.lease.0 + 1), ..chunk.clone() };
    let commit = DeliveryCommit { attempts: vec![two.permit(&held, 2, 1)], ..DeliveryCommit::default() };
    let asking = {
        let two = two.clone();
        tokio::spawn(async move { two.commit(commit).await })
    };
    house.until_locked(&watch, &schema).await;
    execute(&raw, "COMMIT").await;
    assert_eq!(asking.await.expect("joined").expect("a receipt").fenced, [one.key(2, 1)]);
}

pub async fn senders_have_epochs_of_their_own(house: Arc<House>) {
    let (_, one, store) = nodes(&house, 1, 1).await;
    let row = ledger::SenderRow { node: domain::NodeId(1), journal: 5, boot: [1; 16], started_at: at(0) };
    let register = |store: Arc<dyn Store>| {
        tokio::spawn(async move {
            let mut epochs = Vec::new();
            for _ in 0..20 {
                epochs.push(store.sender_register(row).await.expect("an epoch").0);
            }
            epochs
        })
    };
    let (first, second) = (register(Arc::clone(&one.store)), register(store));
    let (first, second) = (first.await.expect("joined"), second.await.expect("joined"));
    let all: BTreeSet<_> = first.iter().chain(&second).copied().collect();
    assert_eq!(all, (2..=41).collect());
}
