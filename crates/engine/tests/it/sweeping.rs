//! A chunk that was declared done although its mails are owed is brought up again while the others go out (invariant 9).

use std::time::Duration;

use engine::{EngineConfig, ReleaseEnd};
use rusqlite::Connection;
use testkit::sink::{Act, Behaviour, Sink, SinkConfig, When};

use crate::rig::{Order, Rig, addresses, within};

#[tokio::test]
async fn a_forgotten_chunk_is_brought_up_again() {
    // Slower than sweeps, so that the run is not over before one comes.
    let slow = Behaviour::default().with(When::Always, Act::Slow(Duration::from_millis(200)), None);
    let sink = Sink::start(SinkConfig { behaviour: slow, ..SinkConfig::default() }).unwrap();
    let sweep = Duration::from_millis(50);
    let rig = Rig::new(EngineConfig { chunk_intents: 5, sweep, ..EngineConfig::default() }).await;
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.limits.sessions_max = 1;
    let row = rig.plan(&client, &Order::to(addresses("a", 10))).await;
    let hand = Connection::open(rig.folder.path().join(ledger_sqlite::DATABASE_FILE)).unwrap();
    let forget = "UPDATE delivery_chunk SET due_at = NULL WHERE chunk_no = 1";
    assert_eq!(hand.execute(forget, []).unwrap(), 1, "a second chunk");
    let run = rig.start(&client, &row).await;
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!((rig.statement(&row).await.accepted, sink.snapshot().kept), (10, 10));
    rig.close().await;
}
