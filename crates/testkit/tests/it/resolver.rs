//! `runtime`'s resolver against the name server for tests: what is final, what may pass, what was validated, and what
//! is not asked twice.

use std::net::IpAddr;
use std::sync::Arc;

use domain::direct::{Destination, MxRecord, NoRoute};
use runtime::{DnsResolver, LookupError, Resolver, SystemClock};
use testkit::dns::{Fault, NameServer};

async fn stage() -> (NameServer, DnsResolver) {
    let dns = NameServer::start().await.expect("a port");
    let resolver = DnsResolver::new(&[dns.addr], Arc::new(SystemClock)).expect("a resolver");
    (dns, resolver)
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

#[tokio::test]
async fn records_are_read_and_kept_for_their_time() {
    let (dns, resolver) = stage().await;
    dns.mx("example.jp", 10, "mx1.example.jp");
    dns.mx("example.jp", 20, "mx2.example.jp");
    dns.host("mx1.example.jp", ip("192.0.2.1"));
    dns.host("mx1.example.jp", ip("192.0.2.2"));
    dns.host("mx1.example.jp", ip("2001:db8::1"));
    dns.txt("_mta-sts.example.jp", "v=STSv1; id=1;");
    let mx = resolver.mx("Example.jp").await.expect("an answer");
    let first = MxRecord { preference: 10, host: "mx1.example.jp".to_owned() };
    assert_eq!((mx.records.len(), &mx.records[0], mx.secure), (2, &first, false));
    let addresses = resolver.addresses("mx1.example.jp").await.expect("an answer");
    assert_eq!(addresses.records, [ip("2001:db8::1"), ip("192.0.2.1"), ip("192.0.2.2")]);
    let txt = resolver.txt("_mta-sts.example.jp").await.expect("an answer");
    assert_eq!(txt.records, ["v=STSv1; id=1;"]);
    resolver.mx("example.jp").await.expect("an answer");
    assert_eq!(dns.asked_for_mx("example.jp"), 1, "the second answer came from the cache");
}

#[tokio::test]
async fn a_name_that_is_not_there_is_final_and_trouble_is_not() {
    let (dns, resolver) = stage().await;
    dns.host("plain.example", ip("192.0.2.1"));
    dns.mx("null.example", 0, ".");
    dns.fault("broken.example", Some(Fault::ServFail));
    let missing = resolver.mx("missing.example").await;
    assert!(matches!(missing, Err(LookupError::NoDomain { .. })), "{missing:?}");
    let broken = resolver.mx("broken.example").await;
    let Err(LookupError::Temporary { reason, .. }) = broken else { panic!("{broken:?}") };
    assert!(reason.to_lowercase().contains("fail"), "{reason}");
    let nothing = resolver.mx("plain.example").await.expect("no record is an answer");
    assert!(nothing.records.is_empty());
    let null = resolver.mx("null.example").await.expect("an answer");
    assert_eq!(Destination::of(&null.records, 0), Destination::Nowhere(NoRoute::NullMx));
    let bad = resolver.mx("a..b").await;
    assert!(matches!(bad, Err(LookupError::BadName { .. })), "{bad:?}");
}

#[tokio::test]
async fn only_a_name_server_that_validates_makes_answers_secure() {
    let (dns, resolver) = stage().await;
    dns.tlsa("_25._tcp.mx.example", (3, 1, 1), &[7; 32]);
    assert!(!resolver.tlsa("_25._tcp.mx.example").await.expect("an answer").secure);
    let (dns, resolver) = stage().await;
    dns.tlsa("_25._tcp.mx.example", (3, 1, 1), &[7; 32]);
    dns.validates();
    let answer = resolver.tlsa("_25._tcp.mx.example").await.expect("an answer");
    assert!(answer.secure, "the name server is on this machine, and says that it validated");
    assert_eq!((answer.records[0].usage, answer.records[0].data.len()), (3, 32));
}

#[tokio::test]
async fn silence_is_a_failure_that_may_pass() {
    let (dns, resolver) = stage().await;
    dns.fault("late.example", Some(Fault::Silence));
    let late = resolver.mx("late.example").await;
    assert!(matches!(late, Err(LookupError::Temporary { .. })), "{late:?}");
}
