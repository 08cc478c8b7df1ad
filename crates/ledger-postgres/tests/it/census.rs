//! An incident in small, on a real server: what was planted is what is found.

use std::sync::Arc;

use ledger::conformance::at;
use ledger::conformance::crowd::{CrowdSize, prove};

use crate::damage::{books, check};
use crate::house::{House, execute};

pub async fn planted_losses_are_found_and_nothing_else(house: Arc<House>) {
    for lossy in [false, true] {
        let store = house.books(&house.schema()).await;
        prove(&store, CrowdSize { intents: 20_000, lossy }).await.expect("what was planted");
    }
}

pub async fn a_sweep_brings_up_what_was_declared_done(house: Arc<House>) {
    let (stage, raw, sealed) = books(&house).await;
    let harm = "UPDATE delivery_chunk SET due_at = NULL, accounted = NULL, accounted_digest = NULL, sealed_digest = NULL";
    execute(&raw, harm).await;
    let holes = stage.store.sweep(at(40)).await.expect("a sweep");
    let third = holes.iter().find(|hole| hole.chunk.no.0 == 2).expect("the third chunk");
    assert_eq!((third.open, third.due_again_at), (4, Some(at(40))));
    assert_eq!(stage.store.sweep(at(40)).await.expect("another"), Vec::new());
    assert_eq!(check(&stage, &sealed).await.findings, Vec::new());
    let accounts = "SELECT count(*) FROM delivery_chunk WHERE accounted_digest IS NOT NULL AND sealed_digest IS NOT NULL";
    assert_eq!(raw.query_one(accounts, &[]).await.expect("a count").get::<_, i64>(0), 3);
}
