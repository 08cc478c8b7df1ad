//! Limits of size and number: each refuses with its reply, and is counted.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ingress::{Rule, Settings};

use crate::raw::Raw;
use crate::rig::Rig;

#[tokio::test]
async fn connections_in_all_and_of_one_network() {
    let check = async |change: fn(&mut Settings), rule: Rule, text: &str| {
        let rig = Rig::start(change);
        let first = rig.client().await;
        let mut second = rig.client().await;
        Raw::connect(rig.address()).await.expect_start(text).await;
        assert_eq!(rig.refused(rule), 1);
        drop(first);
        rig.wait_for(|counters| counters.connections_open.load(Ordering::Relaxed), 1).await;
        let third = rig.client().await;
        // Where no words are possible, closing is all.
        assert!(Raw::connect(rig.tls_address()).await.encrypt(&rig.authority).await.is_err());
        second.check("QUIT", "221").await;
        drop(third);
        assert_eq!(rig.counters().connections.load(Ordering::Relaxed), 3);
    };
    check(
        |settings| settings.limits.connections_max = 2,
        Rule::Connections,
        "421 4.7.0 Too many connections;",
    )
    .await;
    check(
        |settings| settings.limits.network_connections_max = 2,
        Rule::NetworkConnections,
        "421 4.7.0 Too many connections from your network",
    )
    .await;
}

#[tokio::test]
async fn new_connections_a_minute() {
    let rig = Rig::start(|settings| settings.limits.network_arrivals_per_minute = 2);
    drop((rig.client().await, rig.client().await));
    Raw::connect(rig.address()).await.expect_start("421 4.7.0 Too many new connections").await;
    rig.clock.advance(Duration::from_secs(30));
    rig.client().await;
    assert_eq!(rig.refused(Rule::NetworkArrivals), 1);
}

#[tokio::test]
async fn recipients_of_one_message() {
    let rig = Rig::start(|settings| settings.limits.recipients_max = 2);
    let mut client = rig.logged_in().await;
    client.check("MAIL FROM:<a@example.jp>", "250").await;
    client.check("RCPT TO:<b@example.jp>", "250").await;
    client.check("RCPT TO:<nobody@example.jp>", "550 5.7.1 You may not write to nobody").await;
    client.check("RCPT TO:<b@@example.jp>", "501 5.1.3").await;
    client.check("RCPT TO:<c@example.jp>", "250").await;
    client.check("RCPT TO:<d@example.jp>", "452 4.5.3").await;
    client.check("DATA", "354").await;
    client.send("hello\r\n.\r\n").await;
    client.expect_start("250 2.0.0 Ok: queued as ").await;
    assert_eq!(rig.book.only().to, ["b@example.jp", "c@example.jp"]);
    assert_eq!(rig.refused(Rule::Recipients), 1);
}

#[tokio::test]
async fn a_sender_that_is_not_allowed() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client
        .check("MAIL FROM:<a@elsewhere.example>", "550 5.7.1 The domain elsewhere.example is not verified")
        .await;
    client.check("RCPT TO:<b@example.jp>", "503").await;
    client.check("MAIL FROM:<no-domain>", "501 5.1.7").await;
    client.check("MAIL FROM:<>", "250").await;
    client.check("RCPT TO:<b@example.jp>", "250").await;
    client.check("DATA", "354").await;
    client.send("hello\r\n.\r\n").await;
    client.expect_start("250 2.0.0").await;
    assert_eq!(rig.book.only().from, "");
}

#[tokio::test]
async fn octets_of_one_message() {
    let rig = Rig::start(|settings| settings.limits.message_octets_max = 1000);
    let mut client = rig.logged_in().await;
    client.check("MAIL FROM:<a@example.jp> SIZE=1001", "552 5.3.4").await;
    client.check("MAIL FROM:<a@example.jp> SIZE=1000", "250").await;
    client.check("RSET", "250").await;
    client.begin_mail().await;
    client.send(format!("{}\r\n.\r\n", "x".repeat(1500))).await;
    client.expect_start("552 5.3.4").await;
    client.begin_mail().await;
    client.send("fits\r\n.\r\n").await;
    client.expect_start("250 2.0.0").await;
    // Without end: cut at twice the limit.
    client.begin_mail().await;
    client.send("x".repeat(2001)).await;
    client.expect_start("421 4.7.0 Message is much too large").await;
    client.expect_end().await;
    assert_eq!(rig.refused(Rule::MessageOctets), 3);
    assert_eq!(rig.book.only().octets, b"fits\r\n");
}

#[tokio::test]
async fn messages_of_one_session() {
    let rig = Rig::start(|settings| settings.limits.session_messages_max = 2);
    let mut client = rig.logged_in().await;
    for _ in 0..2 {
        client.begin_mail().await;
        client.send("hello\r\n.\r\n").await;
        client.expect_start("250 2.0.0").await;
    }
    client.check("MAIL FROM:<a@example.jp>", "421 4.7.0 Too many messages in this session").await;
    client.expect_end().await;
    assert_eq!(rig.refused(Rule::SessionMessages), 1);
}

#[tokio::test]
async fn commands_that_are_bad_or_lead_nowhere() {
    let check = async |change: fn(&mut Settings), command: &str, reply: &str| {
        let rig = Rig::start(change);
        let mut client = rig.client().await;
        for _ in 0..3 {
            client.check(command, reply).await;
        }
        client.check(command, "421 4.7.0").await;
        client.expect_end().await;
        assert_eq!(rig.refused(Rule::BadCommands), 1);
    };
    check(|settings| settings.limits.bad_commands_max = 3, "FOO", "500").await;
    check(|settings| settings.limits.idle_commands_max = 3, "NOOP", "250").await;
}

#[tokio::test]
async fn japanese_addresses_and_names() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.check("MAIL FROM:<広報@株式会社さくら.jp> SMTPUTF8 BODY=8BITMIME", "250").await;
    client.check("RCPT TO:<ﾔﾏﾀﾞ①㈱髙😀@例え.jp> NOTIFY=NEVER", "250").await;
    client.check("DATA", "354").await;
    let content = "Subject: 新製品①㈱髙 😀\r\n\r\nﾊﾝｶｸ\r\n";
    client.send(format!("{content}.\r\n")).await;
    client.expect_start("250 2.0.0").await;
    let mail = rig.book.only();
    assert_eq!(mail.from, "広報@xn--y8jl1nt71jtxqupmq82a.jp");
    assert_eq!(mail.to, ["ﾔﾏﾀﾞ①㈱髙😀@xn--r8jz45g.jp"]);
    assert!(mail.smtputf8 && mail.eight_bit && mail.octets == content.as_bytes());
}
