//! The link is cut at every octet of a dialogue, in both directions, over real sockets.
//!
//! Whatever the place: nothing accepted by the books is missing at the sink, nothing is sent twice under `hold`,
//! and at most one mail a cut is unknown. (The exact rule, at every octet, is tested inside `smtp`.)

use domain::IntentState;
use engine::{EngineConfig, ReleaseEnd};
use futures_util::StreamExt;
use testkit::proxy::{Cut, Proxy, Script};
use testkit::sink::{Sink, SinkConfig};

use crate::deliveries::kept;
use crate::rig::{Order, Rig, addresses};

/// Releases under way at the same time.
const AT_ONCE: usize = 16;

#[tokio::test]
async fn a_cut_at_any_octet_loses_and_doubles_nothing() {
    let sink = Sink::start(SinkConfig::default()).unwrap();
    let rig = Rig::new(EngineConfig::default()).await;
    let (up, down) = octets_of_a_whole_dialogue(&rig, &sink).await;
    assert!(up > 500 && down > 200, "{up} up, {down} down");
    let scripts: Vec<Script> = (1..up)
        .map(|at| Script::cut_client_at(at, Cut::Reset))
        .chain((1..down).map(|at| Script::cut_server_at(at, if at % 2 == 0 { Cut::Reset } else { Cut::Fin })))
        .collect();
    let cuts = scripts.len() as u64;
    let checks = scripts.into_iter().enumerate().map(|(no, script)| check(&rig, &sink, no, script));
    let unknown: u64 =
        futures_util::stream::iter(checks).buffer_unordered(AT_ONCE).collect::<Vec<u64>>().await.iter().sum();
    assert!(unknown > 0 && unknown < cuts, "{unknown} unknown of {cuts} cuts");
    rig.close().await;
}

async fn octets_of_a_whole_dialogue(rig: &Rig, sink: &testkit::sink::SinkHandle) -> (u64, u64) {
    let proxy = Proxy::start(sink.addr(), |_| Script::default()).unwrap();
    let mut client = rig.client("whole", proxy.addr(), "s").await;
    client.spec.limits.sessions_max = 1;
    let (_, _, statement) = rig.send(&client, &Order::to(addresses("whole", 3))).await;
    assert_eq!(statement.accepted, 3);
    let passed = proxy.passed()[0];
    (passed.client_to_server, passed.server_to_client)
}

/// One release over a link that is cut so; how many of its mails are unknown.
async fn check(rig: &Rig, sink: &testkit::sink::SinkHandle, no: usize, script: Script) -> u64 {
    let name = format!("{script:?}");
    let mut script = Some(script);
    let proxy = Proxy::start(sink.addr(), move |_| script.take().unwrap_or_default()).unwrap();
    let mut client = rig.client(&name, proxy.addr(), "s").await;
    client.spec.limits.sessions_max = 1;
    let mut order = Order::to(addresses(&format!("cut{no}-"), 3));
    order.retry_initial = std::time::Duration::from_millis(1);
    let (row, end, statement) = rig.send(&client, &order).await;
    assert_eq!(end, ReleaseEnd::Settled, "{name}");
    assert_eq!(statement.accepted + statement.unknown, 3, "{name}: {statement:?}");
    assert!(statement.unknown <= 1, "{name}: {statement:?}");
    let mut kept = kept(&sink.mails());
    kept.retain(|address, _| order.addresses.contains(address));
    assert!(kept.values().all(|count| *count == 1), "{name}: {kept:?}");
    for accepted in rig.recipients(&row, IntentState::Accepted).await {
        let address = accepted.address.unwrap_or_default();
        assert!(kept.contains_key(&address), "{name}: {address} is accepted and was never received");
    }
    statement.unknown
}
