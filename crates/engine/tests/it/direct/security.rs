//! TLS by what a domain demands: nothing that is demanded ever goes in clear, and the books say how it went.

use domain::{IntentState, Verdict};
use engine::{DirectOptions, ReleaseEnd};
use testkit::certs::{Authority, Certificates};
use testkit::https::FileServer;
use testkit::sink::SinkHandle;

use super::stage::{Receiver, Stage, at, ms};
use crate::rig::Order;

const ENFORCE: &str = "version: STSv1\nmode: enforce\nmx: mx.example.jp\nmax_age: 86400\n";

/// What is expected of three mails to `example.jp`.
enum Expected<'a> {
    /// They arrive, and the session's facts hold these words.
    Sent(&'a [&'a str]),
    /// None arrives, nothing is said after STARTTLS, and the reason holds these words.
    Deferred(&'a [&'a str]),
}

async fn check(stage: &Stage, options: DirectOptions, sink: &SinkHandle, expected: Expected<'_>) {
    let client = stage.client(options).await;
    let order = Order { deadline: ms(700), ..Order::to(at("example.jp", 3)) };
    let (row, end, statement) = stage.rig.send(&client, &order).await;
    assert_eq!(end, ReleaseEnd::Settled);
    match expected {
        Expected::Sent(words) => {
            let views = stage.attempts(&row, "u1@example.jp").await;
            assert_eq!((statement.accepted, sink.snapshot().kept), (3, 3), "{views:#?}");
            let (_, tls) = stage.link_of(&row, "u1@example.jp").await;
            assert!(words.iter().all(|word| tls.contains(word)), "{tls}");
        }
        Expected::Deferred(words) => {
            let seen = sink.snapshot();
            assert_eq!((statement.expired, seen.kept, seen.verdicts.len()), (3, 0, 0));
            let views = stage.attempts(&row, "u1@example.jp").await;
            let deferred = views.iter().find(|view| view.attempt.is_some()).expect("it was tried");
            let outcome = &deferred.outcomes[0];
            assert_eq!(outcome.verdict, Verdict::Deferred);
            assert!(words.iter().all(|word| outcome.reply_text.contains(word)), "{}", outcome.reply_text);
            assert!(stage.rig.recipients(&row, IntentState::Pending).await.is_empty());
        }
    }
}

fn certificate(authority: &Authority, name: &str) -> Certificates {
    authority.issue(&[name], (2020, 2100)).unwrap()
}

async fn stage_with(certificates: impl Fn(&Stage) -> Option<Certificates>) -> (Stage, SinkHandle) {
    let stage = Stage::new().await;
    stage.domain("example.jp", "127.0.0.2");
    let certificates = certificates(&stage);
    let receiver = Receiver { certificates: certificates.as_ref(), ..Receiver::default() };
    let sink = stage.receiver("127.0.0.2", receiver);
    (stage, sink)
}

/// The domain publishes this policy.
async fn publish(stage: &Stage, policy: &str) -> (FileServer, DirectOptions) {
    let web = certificate(&stage.authority, "mta-sts.example.jp");
    let server = FileServer::start(&web, "200 OK", policy).await.unwrap();
    stage.dns.txt("_mta-sts.example.jp", "v=STSv1; id=1;");
    stage.dns.host("mta-sts.example.jp", server.addr.ip());
    let options = DirectOptions { policy_port: server.addr.port(), ..stage.options() };
    (server, options)
}

#[tokio::test]
async fn without_a_demand_any_certificate_will_do_and_is_noted() {
    let (stage, sink) = stage_with(|_| Some(certificate(&Authority::generate().unwrap(), "x.example"))).await;
    let expected = Expected::Sent(&["TLSv1", "cert-sha256:", "proves nothing"]);
    check(&stage, stage.options(), &sink, expected).await;
    stage.rig.close().await;
    let (stage, sink) = stage_with(|stage| Some(certificate(&stage.authority, "mx.example.jp"))).await;
    check(&stage, stage.options(), &sink, Expected::Sent(&["TLSv1", "valid for the host"])).await;
    stage.rig.close().await;
}

#[tokio::test]
async fn mta_sts_enforce_wants_a_valid_certificate() {
    let (stage, sink) = stage_with(|stage| Some(certificate(&stage.authority, "mx.example.jp"))).await;
    let (server, options) = publish(&stage, ENFORCE).await;
    check(&stage, options, &sink, Expected::Sent(&["as MTA-STS asks"])).await;
    assert_eq!(server.asked(), 1, "the policy is kept");
    stage.rig.close().await;
    let (stage, sink) = stage_with(|stage| Some(certificate(&stage.authority, "other.example.jp"))).await;
    let (_server, options) = publish(&stage, ENFORCE).await;
    check(&stage, options, &sink, Expected::Deferred(&["not valid for name", "MTA-STS"])).await;
    stage.rig.close().await;
    let (stage, sink) = stage_with(|_| None).await;
    let (_server, options) = publish(&stage, ENFORCE).await;
    check(&stage, options, &sink, Expected::Deferred(&["STARTTLS", "MTA-STS"])).await;
    stage.rig.close().await;
}

#[tokio::test]
async fn mta_sts_names_the_hosts_and_testing_forbids_nothing() {
    let (stage, sink) = stage_with(|stage| Some(certificate(&stage.authority, "mx.example.jp"))).await;
    let (_server, options) = publish(&stage, &ENFORCE.replace("mx.example.jp", "mx.example.com")).await;
    check(&stage, options, &sink, Expected::Deferred(&["does not name this host"])).await;
    assert_eq!(sink.snapshot().connections, 0);
    stage.rig.close().await;
    let (stage, sink) = stage_with(|_| None).await;
    let (_server, options) = publish(&stage, &ENFORCE.replace("enforce", "testing")).await;
    check(&stage, options, &sink, Expected::Sent(&["clear text"])).await;
    stage.rig.close().await;
}

/// Publishes a TLSA record of the receiver's own certificate, or of another, in a zone that is validated.
async fn dane(validates: bool, right: bool, offers_tls: bool) -> (Stage, SinkHandle) {
    let authority = Authority::generate().unwrap();
    let own = certificate(&authority, "unrelated.example");
    let (stage, sink) = stage_with(|_| offers_tls.then(|| own.clone())).await;
    let named = if right { own } else { certificate(&authority, "unrelated.example") };
    let owner = format!("_{}._tcp.mx.example.jp", stage.port);
    stage.dns.tlsa(&owner, (3, 0, 1), &ledger::sha256(&named.der()));
    if validates {
        stage.dns.validates();
    }
    (stage, sink)
}

#[tokio::test]
async fn dane_takes_the_certificate_that_the_dns_names_and_no_other() {
    let (stage, sink) = dane(true, true, true).await;
    check(&stage, stage.options(), &sink, Expected::Sent(&["DANE 3 0 1"])).await;
    stage.rig.close().await;
    let (stage, sink) = dane(true, false, true).await;
    check(&stage, stage.options(), &sink, Expected::Deferred(&["DANE", "TLSA"])).await;
    stage.rig.close().await;
    let (stage, sink) = dane(true, true, false).await;
    check(&stage, stage.options(), &sink, Expected::Deferred(&["STARTTLS", "TLSA"])).await;
    stage.rig.close().await;
}

#[tokio::test]
async fn records_that_were_not_validated_count_for_nothing() {
    let (stage, sink) = dane(false, false, true).await;
    check(&stage, stage.options(), &sink, Expected::Sent(&["proves nothing"])).await;
    stage.rig.close().await;
}

#[tokio::test]
async fn dane_by_an_authority_wants_its_certificate_and_the_name() {
    for (name, right) in [("mx.example.jp", true), ("example.jp", true), ("other.example", false)] {
        let authority = Authority::generate().unwrap();
        let (stage, sink) = stage_with(|_| Some(certificate(&authority, name))).await;
        let owner = format!("_{}._tcp.mx.example.jp", stage.port);
        stage.dns.tlsa(&owner, (2, 0, 1), &ledger::sha256(&authority.ca_der()));
        stage.dns.validates();
        let expected = match right {
            true => Expected::Sent(&["DANE 2 0 1"]),
            false => Expected::Deferred(&["not valid for name"]),
        };
        check(&stage, stage.options(), &sink, expected).await;
        stage.rig.close().await;
    }
}
