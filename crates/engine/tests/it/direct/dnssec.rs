//! DANE over DNSSEC of real software: zones that Knot DNS signed, validated by Unbound.

use std::sync::Arc;

use engine::{DirectOptions, ReleaseEnd};
use runtime::{DnsResolver, SystemClock};
use testkit::certs::Authority;
use testkit::peers::{DnsZone, dns_or_skip};

use super::stage::{Receiver, Stage, at, ms};
use crate::rig::Order;

#[tokio::test]
async fn a_signed_zone_names_the_certificate_and_an_unsigned_one_does_not_count() {
    let stage = Stage::new().await;
    let own = Authority::generate().unwrap().issue(&["unrelated.example"], (2020, 2100)).unwrap();
    let hex = |digest: [u8; 32]| digest.iter().map(|octet| format!("{octet:02x}")).collect::<String>();
    let (right, wrong) = (hex(ledger::sha256(&own.der())), hex([7; 32]));
    let zone = |name, signed, digest: &str| DnsZone {
        name,
        signed,
        records: format!(
            "@ MX 10 mx\nmx A 127.0.0.2\n_{}._tcp.mx TLSA 3 0 1 {digest}\nnull MX 0 .",
            stage.port
        ),
    };
    let zones = [
        zone("right.test", true, &right),
        zone("wrong.test", true, &wrong),
        zone("unsigned.test", false, &wrong),
    ];
    let Some(dns) = dns_or_skip(&zones) else { return };
    let sink = stage.receiver("127.0.0.2", Receiver { certificates: Some(&own), ..Receiver::default() });
    let resolver = DnsResolver::new(&[dns.addr], Arc::new(SystemClock)).unwrap();
    let client = stage.client(DirectOptions { resolver: Arc::new(resolver), ..stage.options() }).await;
    let domains = ["right.test", "wrong.test", "unsigned.test", "null.right.test", "absent.right.test"];
    let order = Order { deadline: ms(2000), ..Order::to(domains.map(|domain| at(domain, 2)).concat()) };
    let (row, end, statement) = stage.rig.send(&client, &order).await;
    assert_eq!(end, ReleaseEnd::Settled);
    assert_eq!((statement.accepted, statement.expired, statement.rejected), (4, 2, 4));
    assert_eq!(sink.snapshot().kept, 4);
    let (_, tls) = stage.link_of(&row, "u1@right.test").await;
    assert!(tls.contains("DANE 3 0 1"), "{tls}");
    let (_, tls) = stage.link_of(&row, "u1@unsigned.test").await;
    assert!(tls.contains("proves nothing"), "{tls}");
    let views = stage.attempts(&row, "u1@wrong.test").await;
    assert!(views[0].outcomes[0].reply_text.contains("DANE"), "{views:?}");
    stage.rig.close().await;
}
