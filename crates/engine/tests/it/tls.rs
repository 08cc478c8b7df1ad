//! TLS: sent under it, and refused with a reason when the certificate or the server is not what it must be.

use domain::LinkSecurity;
use engine::{EngineConfig, ReleaseEnd, TlsTrust};
use ledger::ReadStore;
use testkit::certs::{Authority, Certificates};
use testkit::sink::{Sink, SinkConfig, SinkHandle, TlsMode};

use crate::rig::{Client, Order, Rig, addresses};

fn sink(certificates: Option<(&Certificates, TlsMode)>) -> SinkHandle {
    let tls = certificates.map(|(certificates, mode)| certificates.setup(mode));
    Sink::start(SinkConfig { tls, ..SinkConfig::default() }).unwrap()
}

/// A client that believes only this authority, and calls the sink `localhost`.
async fn client(rig: &Rig, sink: &SinkHandle, authority: &Authority, security: LinkSecurity) -> Client {
    let path = rig.folder.path().join("ca.pem");
    authority.write_ca(&path).unwrap();
    let mut client = rig.client("一社", sink.addr(), "s1").await;
    client.spec.host = "localhost".to_owned();
    client.spec.security = security;
    client.spec.trust = TlsTrust::File(path);
    client.spec.limits.sessions_max = 2;
    client
}

#[tokio::test]
async fn starttls_and_implicit_tls_carry_every_mail() {
    let authority = Authority::generate().unwrap();
    let certificates = authority.localhost().unwrap();
    for (mode, security) in
        [(TlsMode::StartTls, LinkSecurity::StartTls), (TlsMode::Implicit, LinkSecurity::Implicit)]
    {
        let sink = sink(Some((&certificates, mode)));
        let rig = Rig::new(EngineConfig::default()).await;
        let client = client(&rig, &sink, &authority, security).await;
        let (row, end, statement) = rig.send(&client, &Order::to(addresses("a", 300))).await;
        assert_eq!((end, statement.accepted), (ReleaseEnd::Settled, 300), "{mode:?}");
        assert_eq!(sink.snapshot().kept, 300);
        let views = rig.store.attempts(row.tenant, row.release, "a1@example.jp").await.unwrap();
        let tls = views[0].session.as_ref().unwrap().tls.clone();
        assert!(tls.starts_with("TLSv1") && tls.contains("cert-sha256:"), "{tls}");
        rig.close().await;
    }
}

#[tokio::test]
async fn a_relay_that_cannot_be_trusted_is_stopped_and_nothing_is_sent() {
    let authority = Authority::generate().unwrap();
    let cases = [
        (Some(authority.expired().unwrap()), "expired"),
        (Some(authority.wrong_host().unwrap()), "not valid for name"),
        (Some(Authority::generate().unwrap().localhost().unwrap()), "certificate"),
        (None, "STARTTLS"),
    ];
    for (certificates, word) in cases {
        let sink = sink(certificates.as_ref().map(|certificates| (certificates, TlsMode::StartTls)));
        let rig = Rig::new(EngineConfig::default()).await;
        let client = client(&rig, &sink, &authority, LinkSecurity::StartTls).await;
        let (_, end, statement) = rig.send(&client, &Order::to(addresses("a", 5))).await;
        let ReleaseEnd::RelayStopped(reason) = end else { panic!("{word}: {end:?}") };
        assert!(reason.to_lowercase().contains(&word.to_lowercase()), "{word}: {reason}");
        assert_eq!((statement.pending, sink.snapshot().kept), (5, 0), "{word}");
        rig.close().await;
    }
}
