//! Freezing an audience: the list's own count stands above what the planner met.

use std::sync::Arc;

use domain::{AudienceDigest, IntentNo};
use engine::{EngineConfig, Planner, WaveKey};
use ledger::{DirectoryStore, LedgerError, ReadStore, ReleaseRow, ReleaseState, Store, recipient_hash};
use runtime::SystemClock;

use crate::rig::{Client, Order, Rig, addresses};

/// Seals what the planner was given under the digest of what stood in the list.
async fn seal(rig: &Rig, client: &Client, given: &[&str], listed: &[&str]) -> (ReleaseRow, bool) {
    let row = rig.release(client, &Order::to(Vec::new())).await;
    let (tenant, release) = (row.tenant, row.release);
    let key = WaveKey { tenant, release, wave: 1, sender: rig.engine().sender(), first: IntentNo(1) };
    let store = Arc::clone(&rig.store) as Arc<dyn Store>;
    let mut planner = Planner::start(store, Arc::new(SystemClock), key).await.unwrap();
    for address in given {
        planner.add(address, "", None).await.unwrap();
    }
    let mut digest = AudienceDigest::default();
    listed.iter().for_each(|address| digest.add(&recipient_hash(address, "")));
    match planner.seal(digest, [2; 32], 8).await {
        Ok(_) => (row, true),
        Err(LedgerError::AudienceMismatch { counted, .. }) => {
            assert_eq!(counted, digest);
            (row, false)
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_recipient_whom_the_planner_never_met_is_missed_by_the_seal() {
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", ([127, 0, 0, 1], 9).into(), "s1").await;
    let list = addresses("a", 4);
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    for given in
        [&list[..3], &[list[0], list[1], list[2], list[2]], &[list[0], list[1], list[2], "b@example.jp"]]
    {
        let (row, sealed) = seal(&rig, &client, given, &list).await;
        assert!(!sealed, "{given:?}");
        let (_, state) = rig.store.release_get(row.tenant, row.release).await.unwrap();
        assert_eq!(state, ReleaseState::Planning, "nothing of it is sent");
    }
    let (row, sealed) = seal(&rig, &client, &[list[3], list[0], list[2], list[1]], &list).await;
    assert!(sealed, "in whatever order");
    assert_eq!(rig.store.counters(row.tenant, row.release).await.unwrap().audience, 4);
    rig.close().await;
}
