//! Domains apart: limits of each by its receiver's count, and trouble of one that holds up no other.

use std::net::IpAddr;
use std::time::Duration;

use domain::direct::{BackOffSchedule, ReceiverLimits, SourceAddress, source};
use engine::{DirectOptions, EngineConfig, ReleaseEnd, SourcePool};
use ledger::DirectoryStore;
use runtime::{Clock, SystemClock};
use testkit::sink::{Act, Behaviour, When};

use super::stage::{Receiver, Stage, at, ms};
use crate::rig::{Order, within};

#[tokio::test]
async fn a_domains_limits_hold_by_its_receivers_count() {
    let stage = Stage::new().await;
    stage.domain("yahoo.co.jp", "127.0.0.2");
    stage.domain("docomo.ne.jp", "127.0.0.3");
    let slow = || Behaviour { reply_delay: Some(ms(1)), ..Behaviour::default() };
    let sinks = [
        ("yahoo.co.jp", stage.receiver("127.0.0.2", Receiver { behaviour: slow(), ..Receiver::default() })),
        ("docomo.ne.jp", stage.receiver("127.0.0.3", Receiver { behaviour: slow(), ..Receiver::default() })),
    ];
    let client = stage.client(stage.options()).await;
    let order = Order::to([at("yahoo.co.jp", 400), at("docomo.ne.jp", 400)].concat());
    let (_, _, statement) = stage.rig.send(&client, &order).await;
    assert_eq!(statement.accepted, 800);
    for (domain, sink) in sinks {
        let (limits, seen) = (ReceiverLimits::of(domain), sink.snapshot());
        assert_eq!(seen.kept, 400, "{domain}");
        assert!(seen.connections_peak <= limits.sessions_max, "{domain}: {}", seen.connections_peak);
        assert!(seen.connections_peak > 1, "{domain}: more than one session is used");
        let per_connection = seen.credentials[0].mails_per_connection_max;
        assert!(per_connection <= limits.messages_per_connection_max, "{domain}: {per_connection}");
    }
    stage.rig.close().await;
}

#[tokio::test]
async fn slow_and_dead_domains_hold_up_nobody() {
    let stage = Stage::new().await;
    stage.domain("slow.example", "127.0.0.2");
    stage.domain("silent.example", "127.0.0.4");
    stage.domain("dead.example", "127.0.0.5");
    stage.domain("quick.example", "127.0.0.3");
    let crawling = Behaviour { reply_delay: Some(Duration::from_secs(2)), ..Behaviour::default() };
    let slow = stage.receiver("127.0.0.2", Receiver { behaviour: crawling, ..Receiver::default() });
    let quick = stage.receiver("127.0.0.3", Receiver::default());
    // The kernel takes connections, and nobody ever greets.
    let _silent = std::net::TcpListener::bind(("127.0.0.4", stage.port)).unwrap();
    let client = stage.client(stage.options()).await;
    let mut addresses =
        ["slow.example", "silent.example", "dead.example"].map(|domain| at(domain, 2000)).concat();
    addresses.extend(at("quick.example", 2000));
    let row = stage.rig.plan(&client, &Order::to(addresses)).await;
    let run = stage.rig.start(&client, &row).await;
    let seen = within(quick.wait_until(Duration::from_secs(30), |seen| seen.kept == 2000)).await;
    assert!(seen.is_ok(), "{} of 2000 behind 6000 that wait", quick.snapshot().kept);
    assert!(slow.snapshot().kept < 2000, "the slow domain was still at it");
    let now = SystemClock.now();
    let cancelled = ledger::ReleaseState::Cancelled;
    stage.rig.store.release_state_set(row.tenant, row.release, cancelled, now).await.unwrap();
    run.recheck();
    within(run.ended()).await;
    let statement = stage.rig.statement(&row).await;
    assert!(statement.accepted >= 2000 && statement.cancelled > 3000, "{statement:?}");
    stage.rig.close().await;
}

#[tokio::test]
async fn however_many_domains_are_slow_there_is_room_for_one_more() {
    let stage = Stage::with(EngineConfig { ready_octets_max: 64 << 10, ..EngineConfig::default() }).await;
    let crawling = || Behaviour { reply_delay: Some(Duration::from_secs(2)), ..Behaviour::default() };
    let slow: Vec<_> = (10..16).map(|no| (format!("slow{no}.example"), format!("127.0.0.{no}"))).collect();
    let _sinks: Vec<_> = slow
        .iter()
        .map(|(domain, ip)| {
            stage.domain(domain, ip);
            stage.receiver(ip, Receiver { behaviour: crawling(), ..Receiver::default() })
        })
        .collect();
    stage.domain("quick.example", "127.0.0.3");
    let quick = stage.receiver("127.0.0.3", Receiver::default());
    let mut client = stage.client(stage.options()).await;
    client.spec.limits.sessions_max = 60;
    let mut addresses: Vec<_> = slow.iter().flat_map(|(domain, _)| at(domain, 300)).collect();
    addresses.extend(at("quick.example", 300));
    let row = stage.rig.plan(&client, &Order::to(addresses)).await;
    let run = stage.rig.start(&client, &row).await;
    let seen = within(quick.wait_until(Duration::from_secs(15), |seen| seen.kept == 300)).await;
    assert!(seen.is_ok(), "{} of 300 behind 1800 that crawl", quick.snapshot().kept);
    let now = SystemClock.now();
    let cancelled = ledger::ReleaseState::Cancelled;
    stage.rig.store.release_state_set(row.tenant, row.release, cancelled, now).await.unwrap();
    run.recheck();
    within(run.ended()).await;
    stage.rig.close().await;
}

#[tokio::test]
async fn a_storm_of_421_makes_one_domain_wait_and_no_other() {
    let stage = Stage::new().await;
    stage.domain("storm.example", "127.0.0.2");
    stage.domain("calm.example", "127.0.0.3");
    let storming = Behaviour::default().with(When::Always, Act::Storm, None);
    let storm = stage.receiver("127.0.0.2", Receiver { behaviour: storming, ..Receiver::default() });
    let calm = stage.receiver("127.0.0.3", Receiver::default());
    let wait = Duration::from_secs(3);
    let back_off = Some(BackOffSchedule { first: wait, longest: wait });
    let client = stage.client(DirectOptions { back_off, ..stage.options() }).await;
    let order = Order::to([at("storm.example", 300), at("calm.example", 300)].concat());
    let row = stage.rig.plan(&client, &order).await;
    let run = stage.rig.start(&client, &row).await;
    let started = SystemClock.moment();
    within(calm.wait_until(Duration::from_secs(30), |seen| seen.kept == 300)).await.unwrap();
    within(storm.wait_until(Duration::from_secs(30), |seen| seen.connections > 0)).await.unwrap();
    SystemClock.sleep_until(started + wait / 2).await;
    let during = storm.snapshot().connections;
    assert!(during <= ReceiverLimits::of("storm.example").sessions_max, "{during} connections in the wait");
    storm.set_behaviour(Behaviour::default());
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!(stage.rig.statement(&row).await.accepted, 600);
    assert!(SystemClock.moment().since(started) >= wait, "the domain was left alone");
    assert_eq!(storm.snapshot().kept, 300);
    stage.rig.close().await;
}

#[tokio::test]
async fn refusals_in_a_row_make_a_domain_wait_and_one_session_probes() {
    let stage = Stage::new().await;
    stage.domain("grey.example", "127.0.0.2");
    let refusing = Behaviour::default().with(When::Always, Act::Defer, None);
    let sink = stage.receiver("127.0.0.2", Receiver { behaviour: refusing, ..Receiver::default() });
    let wait = Duration::from_secs(2);
    let back_off = Some(BackOffSchedule { first: wait, longest: wait });
    let client = stage.client(DirectOptions { back_off, ..stage.options() }).await;
    let row = stage.rig.plan(&client, &Order::to(at("grey.example", 300))).await;
    let started = SystemClock.moment();
    let run = stage.rig.start(&client, &row).await;
    within(sink.wait_until(Duration::from_secs(30), |seen| !seen.verdicts.is_empty())).await.unwrap();
    SystemClock.sleep_until(started + wait * 3 / 4).await;
    let refused = |verdicts: &std::collections::BTreeMap<_, u64>| verdicts.values().sum::<u64>();
    let during = refused(&sink.snapshot().verdicts);
    assert!((1..60).contains(&during), "{during} of 300 were tried in the wait");
    sink.set_behaviour(Behaviour::default());
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    assert_eq!((stage.rig.statement(&row).await.accepted, sink.snapshot().kept), (300, 300));
    assert!(SystemClock.moment().since(started) >= wait);
    stage.rig.close().await;
}

#[tokio::test]
async fn a_new_source_address_sends_no_more_than_its_day_allows() {
    let stage = Stage::new().await;
    stage.domain("example.jp", "127.0.0.2");
    let sink = stage.receiver("127.0.0.2", Receiver::default());
    let today = source::day_of(SystemClock.now());
    let ip = IpAddr::from([127, 0, 0, 5]);
    let sources = SourcePool::open(&[SourceAddress { ip, started_day: Some(today) }], None).unwrap();
    let client = stage.client(DirectOptions { sources, ..stage.options() }).await;
    let order = Order { deadline: Duration::from_secs(3), ..Order::to(at("example.jp", 80)) };
    let (row, _, statement) = stage.rig.send(&client, &order).await;
    assert_eq!((statement.accepted, statement.expired), (50, 30), "the first day of the schedule");
    assert_eq!(sink.snapshot().kept, 50);
    assert!(stage.link_of(&row, "u1@example.jp").await.0.ends_with("from 127.0.0.5"));
    stage.rig.close().await;
}
