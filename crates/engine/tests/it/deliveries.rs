//! What becomes of mails: accepted, refused, deferred, unknown, expired.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::{IntentState, UnknownPolicy, Verdict};
use engine::{EngineConfig, ReleaseEnd};
use ledger::ReadStore;
use testkit::sink::{Act, Behaviour, Mail, Sink, SinkConfig, When};

use crate::rig::{Order, Rig, addresses, within};

fn sink(behaviour: Behaviour) -> testkit::sink::SinkHandle {
    Sink::start(SinkConfig { behaviour, ..SinkConfig::default() }).unwrap()
}

/// How often the sink kept a mail for each recipient.
pub fn kept(mails: &[Mail]) -> BTreeMap<String, usize> {
    let mut kept = BTreeMap::new();
    for mail in mails.iter().filter(|mail| mail.verdict.is_kept()) {
        for to in &mail.to {
            *kept.entry(to.clone()).or_default() += 1;
        }
    }
    kept
}

#[tokio::test]
async fn every_mail_arrives_once_and_is_accepted() {
    let sink = sink(Behaviour::default());
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let (_, end, statement) = rig.send(&client, &Order::to(addresses("a", 3000))).await;
    assert_eq!(end, ReleaseEnd::Settled);
    assert_eq!((statement.audience, statement.accepted), (3000, 3000));
    let kept = kept(&sink.mails());
    assert_eq!(kept.len(), 3000);
    assert!(kept.values().all(|count| *count == 1));
    rig.close().await;
}

#[tokio::test]
async fn refusals_are_final_and_deferrals_are_tried_again() {
    let sink = sink(Behaviour::by_address());
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let list = ["plain-", "refused-", "rejected-", "deferred-", "full-", "storm-", "torn-", "uncomposable-"];
    let list = list.iter().flat_map(|prefix| addresses(prefix, 20)).collect();
    let (row, end, statement) = rig.send(&client, &Order::to(list)).await;
    assert_eq!(end, ReleaseEnd::Settled);
    // A torn mail is so small that the kernel had taken all of it when the sink cut the link.
    assert_eq!((statement.accepted, statement.rejected, statement.unknown), (80, 60, 20));
    let kept = kept(&sink.mails());
    assert!(kept.len() == 80 && kept.values().all(|count| *count == 1));
    let attempts = rig.store.attempts(row.tenant, row.release, "deferred-1@example.jp").await.unwrap();
    // A session that a storm ended may have had it in hand besides.
    let outcomes: Vec<_> = attempts.iter().flat_map(|attempt| &attempt.outcomes).collect();
    let greylisted = outcomes.iter().filter(|outcome| outcome.code.is_some_and(|code| code.get() == 451));
    assert_eq!(greylisted.count(), 1, "{outcomes:?}");
    let (last, earlier) = outcomes.split_last().unwrap();
    assert_eq!(last.verdict, Verdict::Accepted);
    assert!(earlier.iter().all(|outcome| outcome.verdict == Verdict::Deferred), "{outcomes:?}");
    rig.close().await;
}

#[tokio::test]
async fn a_cut_after_the_dot_is_unknown_and_held() {
    let sink = sink(Behaviour::by_address());
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let list = [addresses("plain-", 200), addresses("cut-", 10), addresses("garbage-", 3)].concat();
    let (row, end, statement) = rig.send(&client, &Order::to(list)).await;
    assert_eq!(end, ReleaseEnd::Settled);
    assert_eq!((statement.accepted, statement.unknown), (200, 13));
    let unknown = rig.recipients(&row, IntentState::Unknown).await;
    assert!(unknown.iter().all(|r| !r.address.as_deref().unwrap_or("").starts_with("plain-")));
    assert!(kept(&sink.mails()).values().all(|count| *count == 1), "nothing is resent");
    rig.close().await;
}

#[tokio::test]
async fn resend_once_sends_an_unknown_once_more_with_the_same_message_id() {
    let sink = sink(Behaviour::by_address().with(When::Local("always".to_owned()), Act::CutAfterDot, None));
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let list = [addresses("cut-", 10), addresses("always-", 2)].concat();
    let order = Order { policy: UnknownPolicy::ResendOnce, ..Order::to(list) };
    let (_, end, statement) = rig.send(&client, &order).await;
    assert_eq!(end, ReleaseEnd::Settled);
    assert_eq!((statement.accepted, statement.unknown), (10, 2), "a second cut is held");
    let mails = sink.mails();
    assert!(kept(&mails).values().all(|count| *count == 2));
    for recipient in addresses("cut-", 10) {
        let ids: Vec<_> = mails.iter().filter(|m| m.to.contains(&recipient)).map(|m| &m.message_id).collect();
        assert!(ids.len() == 2 && ids[0] == ids[1], "{recipient}: {ids:?}");
    }
    rig.close().await;
}

#[tokio::test]
async fn what_is_owed_at_the_deadline_expires() {
    let sink = sink(Behaviour::default().with(When::Local("never".to_owned()), Act::Defer, None));
    let rig = Rig::new(EngineConfig::default()).await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let list = [addresses("plain-", 5), addresses("never-", 5)].concat();
    let order = Order { deadline: Duration::from_secs(1), ..Order::to(list) };
    let (_, end, statement) = rig.send(&client, &order).await;
    assert_eq!(end, ReleaseEnd::Settled);
    assert_eq!((statement.accepted, statement.expired), (5, 5));
    rig.close().await;
}

#[tokio::test]
async fn a_relay_without_pipelining_and_one_with_chunking_get_every_mail() {
    for (pipelining, chunking) in [(false, false), (false, true), (true, true)] {
        let mut config = SinkConfig::default();
        config.extensions.pipelining = pipelining;
        config.extensions.chunking = chunking;
        let sink = Sink::start(config).unwrap();
        let rig = Rig::new(EngineConfig::default()).await;
        let mut client = rig.client("一社", sink.addr(), "s1").await;
        client.spec.use_chunking = chunking;
        let (_, _, statement) = rig.send(&client, &Order::to(addresses("a", 200))).await;
        assert_eq!(statement.accepted, 200, "pipelining {pipelining}, chunking {chunking}");
        assert_eq!(kept(&sink.mails()).len(), 200);
        rig.close().await;
    }
}

#[tokio::test]
async fn nobody_waits_behind_a_message_that_is_never_answered() {
    let never = Behaviour::default().with(When::Recipient("a1@example.jp".to_owned()), Act::NeverReply, None);
    let sink = sink(never);
    let rig = Rig::new(EngineConfig {
        reply_late: Duration::from_millis(300),
        drain_timeout: Duration::from_millis(500),
        ..EngineConfig::default()
    })
    .await;
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.limits.sessions_max = 2;
    let row = rig.plan(&client, &Order::to(addresses("a", 40))).await;
    let _run = rig.start(&client, &row).await;
    // With the one that was offered right behind the silent one, whose session ends by its time limit only.
    within(sink.wait_until(Duration::from_secs(20), |seen| seen.kept >= 40)).await.unwrap();
    let kept = kept(&sink.mails());
    assert!(kept.values().all(|count| *count == 1), "{kept:?}");
    rig.kill().await;
}

#[tokio::test]
async fn a_relay_that_is_late_with_every_reply_keeps_its_sessions() {
    let sink = sink(Behaviour::default().with(When::Always, Act::Slow(Duration::from_millis(250)), None));
    let rig =
        Rig::new(EngineConfig { reply_late: Duration::from_millis(100), ..EngineConfig::default() }).await;
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.limits.sessions_max = 2;
    let (_, _, statement) = rig.send(&client, &Order::to(addresses("a", 12))).await;
    assert_eq!(statement.accepted, 12);
    let kept = kept(&sink.mails());
    assert!(kept.values().all(|count| *count == 1), "{kept:?}");
    // The first of each may give up what it offered behind; none after it does.
    let sessions = sink.logins().len();
    assert!(sessions <= 5, "{sessions} sessions for 12 mails");
    rig.close().await;
}

#[tokio::test]
async fn a_retry_does_not_wait_for_a_message_of_its_chunk_that_is_never_answered() {
    let faults = Behaviour::default()
        .with(When::Recipient("a1@example.jp".to_owned()), Act::NeverReply, None)
        .with(When::Always, Act::Defer, Some(1));
    let sink = sink(faults);
    let rig = Rig::new(EngineConfig {
        reply_late: Duration::from_millis(200),
        drain_timeout: Duration::from_millis(500),
        ..EngineConfig::default()
    })
    .await;
    let client = rig.client("一社", sink.addr(), "s1").await;
    let row = rig.plan(&client, &Order::to(addresses("a", 60))).await;
    let _run = rig.start(&client, &row).await;
    within(sink.wait_until(Duration::from_secs(20), |seen| seen.kept >= 59)).await.unwrap();
    let kept = kept(&sink.mails());
    assert!(kept.values().all(|count| *count == 1), "{kept:?}");
    rig.kill().await;
}
