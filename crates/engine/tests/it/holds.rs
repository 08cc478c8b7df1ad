//! Pause, resume and cancel: within a second, each intent accounted.

use std::time::Duration;

use engine::{EngineConfig, ReleaseEnd};
use ledger::{DeliveryStore, DirectoryStore, ReleaseState};
use runtime::{Clock, SystemClock};
use testkit::sink::{Behaviour, Sink, SinkConfig, SinkHandle};

use crate::deliveries::kept;
use crate::rig::{Order, Rig, addresses, within};

fn slow_sink() -> SinkHandle {
    let behaviour = Behaviour { reply_delay: Some(Duration::from_millis(5)), ..Behaviour::default() };
    Sink::start(SinkConfig { behaviour, ..SinkConfig::default() }).unwrap()
}

#[tokio::test]
async fn a_pause_stops_within_a_second_and_a_resume_goes_on() {
    let sink = slow_sink();
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let row = rig.plan(&client, &Order::to(addresses("a", 5000))).await;
    let run = rig.start(&client, &row).await;
    within(sink.wait_until(Duration::from_secs(20), |seen| seen.kept >= 200)).await.unwrap();

    let now = SystemClock.now();
    rig.store.release_state_set(row.tenant, row.release, ReleaseState::Paused, now).await.unwrap();
    let paused = SystemClock.moment();
    run.recheck();
    // In effect once every lease is back: nothing of it is in line, in hand or on the wire any more.
    while rig.store.work_ahead(row.tenant, row.release, now).await.unwrap().chunks_leased > 0 {
        assert!(
            SystemClock.moment().since(paused) < Duration::from_secs(1),
            "the pause takes effect in time"
        );
        tokio::task::yield_now().await;
    }
    let in_effect = SystemClock.now();
    let kept_then = sink.snapshot().kept;
    assert!(kept_then < 5000);
    let statement = rig.statement(&row).await;
    assert_eq!((statement.accepted, statement.pending), (kept_then, 5000 - kept_then));
    let more = sink.wait_until(Duration::from_millis(300), |seen| seen.kept > kept_then).await;
    assert!(more.is_err(), "nothing is sent while paused");

    let now = SystemClock.now();
    assert!(sink.mails().iter().all(|mail| mail.at() <= in_effect));
    rig.store.release_state_set(row.tenant, row.release, ReleaseState::Active, now).await.unwrap();
    run.recheck();
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!(rig.statement(&row).await.accepted, 5000);
    assert!(kept(&sink.mails()).values().all(|count| *count == 1));
    rig.close().await;
}

#[tokio::test]
async fn a_pause_beyond_the_deadline_expires_nothing() {
    let sink = slow_sink();
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let deadline = Duration::from_millis(1500);
    let row = rig.plan(&client, &Order { deadline, ..Order::to(addresses("a", 1000)) }).await;
    let set = async |run: &engine::ReleaseRun, state| {
        let now = SystemClock.now();
        rig.store.release_state_set(row.tenant, row.release, state, now).await.unwrap();
        run.recheck();
    };
    let run = rig.start(&client, &row).await;
    within(sink.wait_until(Duration::from_secs(20), |seen| seen.kept >= 20)).await.unwrap();
    set(&run, ReleaseState::Paused).await;
    let all = sink.wait_until(deadline, |seen| seen.kept == 1000).await;
    assert!(all.is_err(), "held beyond the first deadline");
    let statement = rig.statement(&row).await;
    assert_eq!((statement.expired, statement.accepted + statement.pending), (0, 1000));
    set(&run, ReleaseState::Active).await;
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    let statement = rig.statement(&row).await;
    assert_eq!((statement.accepted, statement.expired), (1000, 0), "what was left of the time sufficed");
    rig.close().await;
}

#[tokio::test]
async fn a_cancel_accounts_for_every_intent() {
    let sink = slow_sink();
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let row = rig.plan(&client, &Order::to(addresses("a", 20_000))).await;
    let run = rig.start(&client, &row).await;
    within(sink.wait_until(Duration::from_secs(20), |seen| seen.kept >= 200)).await.unwrap();

    let now = SystemClock.now();
    rig.store.release_state_set(row.tenant, row.release, ReleaseState::Cancelled, now).await.unwrap();
    run.recheck();
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    let last = sink.mails().iter().map(testkit::sink::Mail::at).max().unwrap();
    assert!(
        last.since(now) < Duration::from_secs(1),
        "a mail arrived {:?} after the cancel",
        last.since(now)
    );
    let statement = rig.statement(&row).await;
    assert_eq!(statement.accepted + statement.cancelled, 20_000);
    assert_eq!(statement.accepted, sink.snapshot().accepted);
    rig.close().await;
}

#[tokio::test]
async fn a_drain_leaves_the_rest_owed_and_the_next_run_finishes_it() {
    let sink = slow_sink();
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let row = rig.plan(&client, &Order::to(addresses("a", 5000))).await;
    let run = rig.start(&client, &row).await;
    within(sink.wait_until(Duration::from_secs(20), |seen| seen.kept >= 200)).await.unwrap();
    let folder = rig.close().await;
    assert_eq!(within(run.ended()).await, ReleaseEnd::Drained);

    let rig = Rig::on(folder, EngineConfig::default()).await;
    assert_eq!(rig.recovered, engine::Recovered::default(), "a drain leaves nothing open");
    let run = rig.start(&client, &row).await;
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!(rig.statement(&row).await.accepted, 5000);
    assert!(kept(&sink.mails()).values().all(|count| *count == 1));
    rig.close().await;
}
