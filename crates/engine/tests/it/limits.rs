//! Limits by the sink's own count, fairness between tenants, and lanes.

use std::time::Duration;

use domain::{Lane, RelayLimits};
use engine::{EngineConfig, ReleaseEnd};
use ledger::{DirectoryStore, ReleaseState};
use runtime::{Clock, SystemClock};
use testkit::sink::{Act, Behaviour, Sink, SinkConfig, When};

use crate::rig::{Order, Rig, addresses, within};

#[tokio::test]
async fn connections_and_messages_per_connection_stay_within_the_limit() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.limits =
        RelayLimits { sessions_max: 3, messages_per_connection_max: Some(7), messages_per_minute_max: None };
    let (_, _, statement) = rig.send(&client, &Order::to(addresses("a", 500))).await;
    assert_eq!(statement.accepted, 500);
    let seen = &sink.snapshot().credentials[0];
    assert!(seen.connections_peak <= 3, "{} connections", seen.connections_peak);
    assert!(seen.mails_per_connection_max <= 7, "{} on one connection", seen.mails_per_connection_max);
    rig.close().await;
}

#[tokio::test]
async fn messages_per_minute_hold_over_a_restart() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let limits =
        RelayLimits { sessions_max: 4, messages_per_connection_max: None, messages_per_minute_max: Some(20) };
    let rig = Rig::new(EngineConfig::default()).await;
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.limits = limits;
    let (_, _, statement) = rig.send(&client, &Order::to(addresses("a", 15))).await;
    assert_eq!(statement.accepted, 15);
    let rig = Rig::on(rig.close().await, EngineConfig::default()).await;
    let order = Order { deadline: Duration::from_secs(3), name: "second", ..Order::to(addresses("b", 15)) };
    let (_, _, statement) = rig.send(&client, &order).await;
    assert_eq!((statement.accepted, statement.expired), (5, 10), "20 in the minute, over both runs");
    assert!(sink.snapshot().credentials[0].mails_per_minute_max <= 20);
    rig.close().await;
}

#[tokio::test]
async fn a_stalled_relay_of_one_tenant_delays_no_other() {
    let stalled = Sink::start(SinkConfig {
        behaviour: Behaviour::default().with(When::Always, Act::NeverReply, None),
        ..SinkConfig::default()
    })
    .unwrap();
    let healthy = Sink::start(SinkConfig::default()).unwrap();
    let rig =
        Rig::new(EngineConfig { drain_timeout: Duration::from_secs(1), ..EngineConfig::default() }).await;
    let slow = rig.client("遅い社", stalled.addr(), "s1").await;
    let quick = rig.client("速い社", healthy.addr(), "s2").await;
    let behind = rig.plan(&slow, &Order::to(addresses("s", 2000))).await;
    let _running = rig.start(&slow, &behind).await;
    within(stalled.wait_until(Duration::from_secs(20), |seen| seen.kept >= 10)).await.unwrap();
    let (_, end, statement) = rig.send(&quick, &Order::to(addresses("q", 2000))).await;
    assert_eq!((end, statement.accepted), (ReleaseEnd::Settled, 2000));
    rig.kill().await;
}

#[tokio::test]
async fn an_urgent_release_goes_ahead_of_bulk_of_the_same_relay() {
    let sink = Sink::start(SinkConfig {
        behaviour: Behaviour { reply_delay: Some(Duration::from_millis(2)), ..Behaviour::default() },
        ..SinkConfig::default()
    })
    .unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let bulk = rig.plan(&client, &Order { name: "bulk", ..Order::to(addresses("b", 20_000)) }).await;
    let running = rig.start(&client, &bulk).await;
    within(sink.wait_until(Duration::from_secs(20), |seen| seen.kept >= 100)).await.unwrap();
    let started = SystemClock.moment();
    let order = Order { name: "urgent", lane: Lane::Urgent, ..Order::to(addresses("u", 100)) };
    let (_, end, statement) = rig.send(&client, &order).await;
    let took = SystemClock.moment().since(started);
    assert_eq!((end, statement.accepted), (ReleaseEnd::Settled, 100));
    assert!(took < Duration::from_secs(2), "urgent took {took:?}");
    assert!(sink.snapshot().kept < 20_000, "bulk was still going on");
    let now = SystemClock.now();
    rig.store.release_state_set(bulk.tenant, bulk.release, ReleaseState::Cancelled, now).await.unwrap();
    running.recheck();
    within(running.ended()).await;
    rig.close().await;
}
