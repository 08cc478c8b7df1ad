//! A process that falls on the direct route: the journal tells what may have left, as at any relay.

use std::collections::BTreeMap;

use domain::direct::ReceiverLimits;
use engine::ReleaseEnd;
use testkit::sink::{Act, Behaviour, When};

use super::stage::{Receiver, Stage, at};
use crate::rig::{Order, PATIENCE, Rig, within};

#[tokio::test]
async fn a_kill_leaves_one_unknown_mail_a_session_and_doubles_none() {
    let stage = Stage::new().await;
    stage.domain("silent.example", "127.0.0.2");
    stage.domain("closed.example", "127.0.0.3");
    let silent = Behaviour::default().with(When::Always, Act::NeverReply, None);
    let sink = stage.receiver("127.0.0.2", Receiver { behaviour: silent, ..Receiver::default() });
    let options = stage.options();
    let client = stage.client(options).await;
    let order = Order::to([at("silent.example", 60), at("closed.example", 20)].concat());
    let row = stage.rig.plan(&client, &order).await;
    let run = stage.rig.start(&client, &row).await;
    let hanging = u64::from(ReceiverLimits::of("silent.example").sessions_max);
    within(sink.wait_until(PATIENCE, |seen| seen.kept == hanging)).await.unwrap();
    drop(run);
    let config = stage.rig.config;
    let rig = Rig::on(stage.rig.kill_hard().await, config).await;
    assert_eq!(rig.recovered.unknown, hanging, "one a session: {:?}", rig.recovered);
    sink.set_behaviour(Behaviour::default());
    let listen = std::net::SocketAddr::from(([127, 0, 0, 3], stage.port));
    let opened =
        testkit::sink::Sink::start(testkit::sink::SinkConfig { listen, ..Default::default() }).unwrap();
    let run = rig.start(&client, &row).await;
    assert_eq!(within(run.ended()).await, ReleaseEnd::Settled);
    let statement = rig.statement(&row).await;
    assert_eq!((statement.accepted, statement.unknown), (80 - hanging, hanging));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for mail in [sink.mails(), opened.mails()].concat().iter().filter(|mail| mail.verdict.is_kept()) {
        *seen.entry(mail.to[0].clone()).or_default() += 1;
    }
    assert!(seen.len() == 80 && seen.values().all(|count| *count == 1), "hold: none lost, none doubled");
    rig.close().await;
}
