//! No content leaves before its permit is durable, after its lease was taken over, or near its lease's end
//! (invariants 3 and 7). The books are held, or changed, by another hand at the moment when a session connects.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::NodeId;
use engine::{EngineConfig, ReleaseEnd};
use ledger::{DeliveryStore, SenderRow, TakeOverRequest};
use runtime::{Clock, SystemClock};
use rusqlite::Connection;
use testkit::proxy::{Proxy, Script};
use testkit::sink::{Act, Behaviour, Sink, SinkConfig, SinkHandle, When};

use crate::rig::{Order, PATIENCE, Rig, addresses, within};

/// How long the sink is watched for what must not come.
const WATCH: Duration = Duration::from_millis(500);

/// A second hand on the books of the rig.
fn other_hand(rig: &Rig) -> Connection {
    Connection::open(rig.folder.path().join(ledger_sqlite::DATABASE_FILE)).unwrap()
}

/// A relay in front of the sink; `act` is done when the first session connects: work is leased by then, and no
/// permit was asked for.
fn at_first_connection(sink: &SinkHandle, act: impl FnOnce() + Send + 'static) -> Proxy {
    let mut act = Some(act);
    Proxy::start(sink.addr(), move |_| {
        if let Some(act) = act.take() {
            act();
        }
        Script::default()
    })
    .unwrap()
}

#[tokio::test]
async fn no_content_leaves_before_its_permit_is_durable() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let held = Arc::new(Mutex::new(other_hand(&rig)));
    let hand = Arc::clone(&held);
    let proxy = at_first_connection(&sink, move || {
        hand.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
    });
    let mut client = rig.client("一社", proxy.addr(), "s1").await;
    client.spec.limits.sessions_max = 1;
    let row = rig.plan(&client, &Order::to(addresses("a", 10))).await;
    let run = rig.start(&client, &row).await;
    within(sink.wait_until(PATIENCE, |seen| seen.connections >= 1)).await.unwrap();
    let early = sink.wait_until(WATCH, |seen| seen.kept > 0).await;
    assert!(early.is_err(), "content left while its attempt was not durable");
    held.lock().unwrap().execute_batch("ROLLBACK").unwrap();
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!((rig.statement(&row).await.accepted, sink.snapshot().kept), (10, 10));
    rig.close().await;
}

#[tokio::test]
async fn no_content_leaves_after_its_lease_was_taken_over() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let hand = other_hand(&rig);
    let proxy = at_first_connection(&sink, move || {
        let changed = hand.execute("UPDATE delivery_chunk SET lease_epoch = lease_epoch + 1", []).unwrap();
        assert_eq!(changed, 1);
    });
    let mut client = rig.client("一社", proxy.addr(), "s1").await;
    client.spec.limits.sessions_max = 1;
    let row = rig.plan(&client, &Order::to(addresses("a", 10))).await;
    let _run = rig.start(&client, &row).await;
    within(sink.wait_until(PATIENCE, |seen| seen.connections >= 1)).await.unwrap();
    let sent = sink.wait_until(WATCH, |seen| seen.kept > 0).await;
    assert!(sent.is_err(), "content left under a lease that another holds");
    assert_eq!(rig.statement(&row).await.pending, 10);
    rig.kill().await;
}

#[tokio::test]
async fn permits_in_hand_end_when_a_renewal_finds_their_chunk_in_other_hands() {
    // Slower than renewals, so that one comes before the next message.
    let slow = Behaviour::default().with(When::Always, Act::Slow(Duration::from_millis(400)), None);
    let sink = Sink::start(SinkConfig { behaviour: slow, ..SinkConfig::default() }).unwrap();
    let lease = Duration::from_millis(300);
    let config = EngineConfig { lease, lease_margin: Duration::ZERO, ..EngineConfig::default() };
    let rig = Rig::new(config).await;
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.limits.sessions_max = 1;
    let row = rig.plan(&client, &Order::to(addresses("a", 40))).await;
    let _run = rig.start(&client, &row).await;
    within(sink.wait_until(PATIENCE, |seen| seen.kept >= 2)).await.unwrap();
    // As another node would, had this process been frozen: its permits in hand are durable.
    let node = SenderRow { node: NodeId(2), journal: 9, boot: [9; 16], started_at: SystemClock.now() };
    let sender = rig.store.sender_register(node).await.unwrap();
    let (now, until) = (SystemClock.now(), SystemClock.now() + PATIENCE);
    let request = TakeOverRequest { sender, node: NodeId(2), now, until };
    let taken = rig.store.lease_takeover(request).await.unwrap();
    assert!(taken.open.len() >= 3, "{} permits", taken.open.len());
    let kept = sink.snapshot().kept;
    // What had its message end on the wire arrives; nothing of what was only in hand does.
    let more = sink.wait_until(3 * WATCH, |seen| seen.kept > kept + 1).await;
    assert!(more.is_err(), "{} mails after the take-over", sink.snapshot().kept - kept);
    rig.kill().await;
}

#[tokio::test]
async fn nothing_is_begun_in_vain_while_a_late_renewal_leaves_leases_in_doubt() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let lease = Duration::from_millis(1500);
    let config = EngineConfig { lease, lease_margin: Duration::ZERO, ..EngineConfig::default() };
    let rig = Rig::new(config).await;
    // As when the books are away for longer than leases hold.
    let held = Arc::new(Mutex::new(other_hand(&rig)));
    let hand = Arc::clone(&held);
    let proxy = at_first_connection(&sink, move || {
        hand.lock().unwrap().execute_batch("BEGIN IMMEDIATE").unwrap();
    });
    let mut client = rig.client("一社", proxy.addr(), "s1").await;
    client.spec.limits.sessions_max = 4;
    let row = rig.plan(&client, &Order::to(addresses("a", 200))).await;
    let run = rig.start(&client, &row).await;
    let early = sink.wait_until(2 * lease, |seen| seen.kept > 0).await;
    assert!(early.is_err(), "content left while its lease was in doubt");
    held.lock().unwrap().execute_batch("ROLLBACK").unwrap();
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!((rig.statement(&row).await.accepted, sink.snapshot().kept), (200, 200));
    assert!(sink.snapshot().connections <= 5, "{} connections", sink.snapshot().connections);
    let counts = "SELECT (SELECT COUNT(*) FROM attempt), (SELECT MAX(attempt_no) FROM attempt)";
    let (attempts, last): (u32, u32) =
        other_hand(&rig).query_row(counts, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
    assert_eq!((attempts, last), (200, 1), "attempts, and the last one's number");
    rig.close().await;
}

#[tokio::test]
async fn no_content_leaves_near_the_end_of_its_lease() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let margin = Duration::from_secs(60);
    let rig = Rig::new(EngineConfig { lease_margin: margin, ..EngineConfig::default() }).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let order = Order { deadline: Duration::from_secs(1), ..Order::to(addresses("a", 10)) };
    let (_, end, statement) = rig.send(&client, &order).await;
    assert_eq!((end, statement.expired), (ReleaseEnd::Settled, 10));
    assert_eq!(sink.snapshot().kept, 0);
    rig.close().await;
}
