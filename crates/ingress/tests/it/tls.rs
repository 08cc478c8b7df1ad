//! STARTTLS and implicit TLS: what is done in the clear, what is carried over, and new certificates.

use std::sync::atomic::Ordering;

use ingress::{Listener, ListenerMode, Service, Settings, StartError};
use testkit::certs::Authority;

use crate::book::{Book, BookDesk, KEY, USER};
use crate::raw::{Raw, plain};
use crate::rig::{Rig, certificate};

fn rig() -> Rig {
    Rig::with_book(Book::default(), |_| ())
}

async fn starttls(rig: &Rig, mut client: Raw) -> Raw {
    client.check("STARTTLS", "220 2.0.0").await;
    client.encrypt(&rig.authority).await.expect("a handshake")
}

#[tokio::test]
async fn nothing_is_done_in_the_clear_where_tls_is_required() {
    let rig = rig();
    let mut client = rig.client().await;
    let offered = client.ask("EHLO client.example").await;
    let expected = [
        "250-submit.example.jp",
        "250-PIPELINING",
        "250-SIZE 31457280",
        "250-STARTTLS",
        "250-ENHANCEDSTATUSCODES",
        "250-8BITMIME",
        "250-SMTPUTF8",
        "250 CHUNKING",
    ];
    assert_eq!(offered, expected);
    client.check(&plain(USER, KEY), "530 5.7.0").await;
    client.check("MAIL FROM:<a@example.jp>", "530 5.7.0").await;
    client.check("RSET", "530 5.7.0").await;
    client.check("NOOP", "250").await;
    let mut client = starttls(&rig, client).await;
    client.check("MAIL FROM:<a@example.jp>", "503 5.5.1 EHLO first").await;
    let offered = client.ask("EHLO client.example").await;
    assert!(offered.contains(&"250-AUTH PLAIN LOGIN".to_owned()), "{offered:?}");
    assert!(!offered.iter().any(|line| line.contains("STARTTLS")), "{offered:?}");
    client.check("MAIL FROM:<a@example.jp>", "530 5.7.0 Authentication required").await;
    client.check(&plain(USER, KEY), "235").await;
    client.begin_mail().await;
    client.send("hello\r\n.\r\n").await;
    client.expect("250 2.0.0 Ok: queued as m0").await;
    let mail = rig.book.only();
    assert!(mail.encrypted && mail.greeted_as == "client.example");
    assert_eq!(rig.book.logins.load(Ordering::Relaxed), 1, "the desk was not asked in the clear");
}

/// Commands that an attacker puts behind STARTTLS, in the same packet, would be done inside TLS as the client's.
#[tokio::test]
async fn octets_before_tls_are_not_read_after_it() {
    let rig = rig();
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    client
        .send(format!("STARTTLS\r\nEHLO evil\r\n{}\r\nMAIL FROM:<evil@example.jp>\r\n", plain(USER, KEY)))
        .await;
    client.expect_start("220 2.0.0").await;
    let mut client = client.encrypt(&rig.authority).await.expect("a handshake");
    client.check("RCPT TO:<b@example.jp>", "503 5.5.1 MAIL first").await;
    client.check("MAIL FROM:<a@example.jp>", "503 5.5.1 EHLO first").await;
    assert_eq!(rig.book.logins.load(Ordering::Relaxed), 0);
}

/// The same in a packet of its own, which then stands in front of the handshake: it breaks it.
#[tokio::test]
async fn octets_in_front_of_the_handshake_break_it() {
    let rig = rig();
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    client.check("STARTTLS", "220").await;
    client.send("EHLO evil\r\n").await;
    assert!(client.encrypt(&rig.authority).await.is_err());
    rig.wait_for(|counters| counters.handshakes_failed.load(Ordering::Relaxed), 1).await;
    rig.wait_for(|counters| counters.connections_open.load(Ordering::Relaxed), 0).await;
}

#[tokio::test]
async fn implicit_tls_greets_inside() {
    let rig = rig();
    let client = Raw::connect(rig.tls_address()).await;
    let mut client = client.encrypt(&rig.authority).await.expect("a handshake");
    client.expect("220 submit.example.jp ESMTP").await;
    let offered = client.ask("EHLO client.example").await;
    assert!(!offered.iter().any(|line| line.contains("STARTTLS")), "{offered:?}");
    client.check("STARTTLS", "503 5.5.1").await;
    client.log_in().await;
    client.begin_mail().await;
    client.send("hello\r\n.\r\nQUIT\r\n").await;
    client.expect_start("250 2.0.0 Ok: queued as ").await;
    client.expect("221 2.0.0 Bye").await;
    client.expect_end().await;
    assert!(rig.book.only().encrypted);
}

#[tokio::test]
async fn a_new_certificate_serves_new_sessions_and_leaves_the_old_ones() {
    let rig = rig();
    let client = Raw::connect(rig.tls_address()).await;
    let mut old = client.encrypt(&rig.authority).await.expect("a handshake");
    old.expect_start("220").await;
    let renewed = Authority::generate().expect("an authority");
    rig.tls.send(certificate(&renewed).server_config()).expect("the service listens");
    let client = Raw::connect(rig.tls_address()).await;
    assert!(client.encrypt(&rig.authority).await.is_err(), "the old authority is not served any more");
    let client = Raw::connect(rig.tls_address()).await;
    let mut new = client.encrypt(&renewed).await.expect("a handshake");
    new.expect_start("220").await;
    for client in [&mut old, &mut new] {
        client.log_in().await;
        client.begin_mail().await;
        client.send("hello\r\n.\r\n").await;
        client.expect_start("250 2.0.0").await;
    }
}

#[tokio::test]
async fn a_service_that_needs_tls_does_not_start_without() {
    let start = |mode, require_tls| {
        let listener = Listener { socket: std::net::TcpListener::bind("127.0.0.1:0").expect("a port"), mode };
        let settings = Settings { require_tls, ..Settings::new("submit.example.jp") };
        let desk = std::sync::Arc::new(BookDesk(std::sync::Arc::default()));
        let clock = std::sync::Arc::new(runtime::SystemClock);
        Service::start(settings, vec![listener], None, desk, clock).map(drop)
    };
    assert!(matches!(start(ListenerMode::StartTls, true), Err(StartError::NoTls)));
    assert!(matches!(start(ListenerMode::ImplicitTls, false), Err(StartError::NoTls)));
    assert!(start(ListenerMode::StartTls, false).is_ok());
}
