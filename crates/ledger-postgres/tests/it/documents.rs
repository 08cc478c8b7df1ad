//! Nodes that write the same tenant's documents and streams at the same time.

use std::sync::Arc;

use domain::Statement;
use futures_util::future::join_all;
use ledger::conformance::{Stage, at};
use ledger::{DocumentChange, DocumentWrite, Expected, LedgerError, ReleaseState, Store};

use crate::fence::sound;
use crate::house::{House, execute};

/// Stores of so many nodes in one schema, the first with a stage.
async fn nodes(house: &House, count: usize) -> (String, Stage, Vec<Arc<dyn Store>>) {
    let schema = house.schema();
    let mut stores = Vec::new();
    for _ in 0..count {
        stores.push(house.open(&schema).await);
    }
    let stage = Stage::on(&stores[0]).await.expect("a stage");
    (schema, stage, stores)
}

fn write(stage: &Stage, id: &str, expected: Expected) -> DocumentWrite {
    let (kind, id, text) = ("key".to_owned(), id.to_owned(), Some("{}".to_owned()));
    DocumentWrite { changes: vec![DocumentChange { kind, id, expected, text }], ..stage.document_write(1) }
}

pub async fn nodes_write_one_log(house: Arc<House>) {
    const EACH: usize = 25;
    let (_, stage, stores) = nodes(&house, 6).await;
    let writes = stores.iter().enumerate().map(|(node, store)| {
        let stage = &stage;
        async move {
            for round in 0..EACH {
                let write = write(stage, &format!("{node} {round}"), Expected::Nothing);
                assert_eq!(store.document_write(write).await, Ok(vec![1]), "node {node}, round {round}");
            }
        }
    });
    join_all(writes).await;
    let log = stage.store.audit_list(stage.tenant, 0, 999).await.expect("the log");
    assert_eq!(log.len(), EACH * stores.len());
    sound(&stage, None).await;
}

pub async fn of_nodes_one_was_faster(house: Arc<House>) {
    let (_, stage, stores) = nodes(&house, 6).await;
    for (round, expected) in [(1, Expected::Nothing), (2, Expected::Version(1)), (3, Expected::Version(2))] {
        // Without a note nobody waits for the log: the document alone tells who was faster.
        let silent = DocumentWrite { note: None, ..write(&stage, "髙", expected) };
        let answers = join_all(stores.iter().map(|store| store.document_write(silent.clone()))).await;
        let won: Vec<_> = answers.iter().filter(|answer| **answer == Ok(vec![round])).collect();
        let stale = answers.iter().filter(|answer| matches!(answer, Err(LedgerError::Stale { .. }))).count();
        assert_eq!((won.len(), stale), (1, stores.len() - 1), "{answers:?}");
    }
    let answers =
        join_all(stores.iter().map(|store| store.document_write(write(&stage, "髙", Expected::Any)))).await;
    let mut versions: Vec<u64> = answers.into_iter().map(|answer| answer.expect("written")[0]).collect();
    versions.sort_unstable();
    assert_eq!(versions, [4, 5, 6, 7, 8, 9], "each changed what the one before it left");
}

pub async fn a_cancellation_and_a_wave_wait_for_each_other(house: Arc<House>) {
    let (schema, stage, stores) = nodes(&house, 2).await;
    stage.store.stream_append(stage.stream_wave(1, &[10], (1, 3))).await.expect("a wave");
    let (raw, watch) = (house.raw(&schema).await, house.raw("public").await);
    execute(&raw, "BEGIN; UPDATE release_state SET state = 4").await;
    let appending = {
        let stage = Stage { store: Arc::clone(&stores[1]), ..stage.clone() };
        tokio::spawn(async move { stage.store.stream_append(stage.stream_wave(2, &[11], (4, 4))).await })
    };
    house.until_locked(&watch, &schema).await;
    execute(&raw, "COMMIT").await;
    let answer = appending.await.expect("joined");
    assert!(matches!(answer, Err(LedgerError::Refused { .. })), "{answer:?}");
    let stands = stage.store.release_get(stage.tenant, stage.release).await.expect("it").1;
    assert_eq!(stands, ReleaseState::Cancelled);
    stage
        .states(None, Statement { audience: 3, pending: 3, ..Statement::default() })
        .await
        .expect("the statement");
}

pub async fn of_two_nodes_one_adds_the_wave(house: Arc<House>) {
    let (_, stage, stores) = nodes(&house, 2).await;
    for number in 1..=20_u16 {
        let first = 2 * u32::from(number) - 1;
        let wave = |parts: &[u32]| stage.stream_wave(number, parts, (first, first + 1));
        let (one, two) = (wave(&[100 + first]), wave(&[200 + first]));
        let (one, two) = tokio::join!(stores[0].stream_append(one), stores[1].stream_append(two));
        assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?}, {two:?}");
    }
    stage
        .states(None, Statement { audience: 40, pending: 40, ..Statement::default() })
        .await
        .expect("the statement");
    let parts = stage.store.content_range(stage.tenant, stage.release, 100, u32::MAX).await.expect("content");
    assert_eq!(parts.len(), 20);
    let heads = stage.store.heads().await.expect("heads");
    let report = stage.store.check(heads, Some(stage.sender).into(), at(40)).await.expect("a report");
    assert_eq!(report.findings, Vec::new());
}
