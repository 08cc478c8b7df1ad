//! What a new process makes of what the last one left: by journal, boot and policy.

use std::sync::Arc;

use domain::UnknownPolicy;
use engine::{EngineConfig, ReleaseEnd};
use ledger::DirectoryStore;
use runtime::{Clock, SystemClock};
use testkit::sink::{Act, Behaviour, Sink, SinkConfig, When};

use crate::deliveries::kept;
use crate::rig::{Order, PATIENCE, Rig, addresses, within};

/// How many sessions hang with a message end on the wire.
const HANGING: u64 = 4;
/// How many are owed: more than are on the wire or in hand.
const OWED: u64 = 40;

/// Each session hangs with a message end on the wire and permits open that it never used; then the process falls,
/// the sink mends its ways, and another process takes over.
async fn fall_with_open_attempts(
    policy: UnknownPolicy,
) -> (Rig, crate::rig::Client, ledger::ReleaseRow, Sunk) {
    let silent = Behaviour::default().with(When::Always, Act::NeverReply, None);
    let sink = Sink::start(SinkConfig { behaviour: silent, ..SinkConfig::default() }).unwrap();
    let config =
        EngineConfig { tcp_user_timeout: std::time::Duration::from_millis(200), ..EngineConfig::default() };
    let rig = Rig::new(config).await;
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.limits.sessions_max = u32::try_from(HANGING).unwrap();
    let order = Order { policy, ..Order::to(addresses("a", usize::try_from(OWED).unwrap())) };
    let row = rig.plan(&client, &order).await;
    let run = rig.start(&client, &row).await;
    within(sink.wait_until(PATIENCE, |seen| seen.kept == HANGING)).await.unwrap();
    drop(run);
    let folder = rig.kill_hard().await;
    sink.set_behaviour(Behaviour::default());
    (Rig::on(folder, config).await, client, row, Sunk(sink))
}

/// A sink that lives as long as the test.
struct Sunk(testkit::sink::SinkHandle);

#[tokio::test]
async fn an_engine_that_falls_ends_with_all_that_it_began() {
    let silent = Behaviour::default().with(When::Always, Act::NeverReply, None);
    let sink = Sink::start(SinkConfig { behaviour: silent, ..SinkConfig::default() }).unwrap();
    let mut rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let row = rig.plan(&client, &Order::to(addresses("a", 40))).await;
    let run = rig.start(&client, &row).await;
    within(sink.wait_until(PATIENCE, |seen| seen.kept > 0)).await.unwrap();
    drop((run, rig.engine.take()));
    within(async {
        // Whatever could still send has the books in hand.
        while Arc::strong_count(&rig.store) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn only_marked_dots_are_unknown_after_a_kill() {
    let (rig, client, row, sink) = fall_with_open_attempts(UnknownPolicy::Hold).await;
    assert_eq!(rig.recovered.unknown, HANGING, "one a session: {:?}", rig.recovered);
    assert!(rig.recovered.unsent > 0, "permits asked ahead were not used: {:?}", rig.recovered);
    let run = rig.start(&client, &row).await;
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    let statement = rig.statement(&row).await;
    assert_eq!((statement.accepted, statement.unknown), (OWED - HANGING, HANGING));
    let kept = kept(&sink.0.mails());
    assert_eq!(kept.len() as u64, OWED);
    assert!(kept.values().all(|count| *count == 1), "hold: no duplicate");
    rig.close().await;
}

#[tokio::test]
async fn a_change_of_policy_is_obeyed_for_mails_that_are_unknown_already() {
    let cut = Behaviour::default().with(When::Always, Act::CutAfterDot, None);
    let sink = Sink::start(SinkConfig { behaviour: cut, ..SinkConfig::default() }).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let (row, _, statement) = rig.send(&client, &Order::to(addresses("a", 3))).await;
    assert_eq!(statement.unknown, 3);
    let again = |policy| ledger::ReleaseRow { policy, ..row.clone() };
    let soon = SystemClock.now();
    let (resend, hold) = (again(UnknownPolicy::ResendOnce), again(UnknownPolicy::Hold));
    rig.store.release_reschedule(&resend, soon, soon).await.unwrap();
    rig.store.release_reschedule(&hold, soon, soon).await.unwrap();
    assert_eq!(within(rig.start(&client, &hold).await.ended()).await, ReleaseEnd::Settled);
    assert_eq!(sink.snapshot().kept, 3, "hold sends nothing again");
    sink.set_behaviour(Behaviour::default());
    rig.store.release_reschedule(&resend, soon, soon).await.unwrap();
    assert_eq!(within(rig.start(&client, &resend).await.ended()).await, ReleaseEnd::Settled);
    assert_eq!((rig.statement(&row).await.accepted, sink.snapshot().kept), (3, 6));
    rig.close().await;
}

#[tokio::test]
async fn resend_once_after_a_kill_doubles_at_most_what_was_on_the_wire() {
    let (rig, client, row, sink) = fall_with_open_attempts(UnknownPolicy::ResendOnce).await;
    let run = rig.start(&client, &row).await;
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!(rig.statement(&row).await.accepted, OWED);
    let doubled = kept(&sink.0.mails()).into_iter().filter(|(_, count)| *count > 1).count();
    assert_eq!(doubled as u64, HANGING);
    rig.close().await;
}
