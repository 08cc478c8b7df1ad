//! 250 is said for what the desk made durable, and for nothing else.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::book::Book;
use crate::raw::Raw;
use crate::rig::Rig;

fn gated() -> Rig {
    let book = Book::gated();
    Rig::with_book(book, |settings| settings.require_tls = false)
}

/// What was asked before is answered meanwhile; the 250 is not there before the desk's word.
#[tokio::test]
async fn the_250_waits_for_the_desk() {
    let rig = gated();
    let mut client = rig.logged_in().await;
    client.send("MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n").await;
    for reply in ["250 2.1.0", "250 2.1.5", "354"] {
        client.expect_start(reply).await;
    }
    client.send("hello\r\n.\r\nNOOP\r\n").await;
    let early = tokio::time::timeout(Duration::from_millis(200), client.line()).await;
    assert!(early.is_err(), "{early:?} came before the desk answered");
    assert!(rig.book.mails().is_empty());
    rig.book.open_gate(1);
    client.expect("250 2.0.0 Ok: queued as m0").await;
    client.expect("250 2.0.0 Ok").await;
    assert_eq!(rig.book.only().octets, b"hello\r\n");
    assert_eq!(rig.counters().answer_times.buckets().iter().sum::<u64>(), 1);
}

#[tokio::test]
async fn a_client_that_leaves_before_the_answer_loses_nothing_durable() {
    let rig = gated();
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send("hello\r\n.\r\n").await;
    drop(client);
    rig.book.open_gate(1);
    rig.wait_for(|counters| counters.messages_accepted.load(Ordering::Relaxed), 1).await;
    rig.wait_for(|counters| counters.connections_open.load(Ordering::Relaxed), 0).await;
    assert_eq!(rig.book.only().octets, b"hello\r\n");
}

#[tokio::test]
async fn a_client_that_leaves_before_the_end_has_sent_nothing() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send("hello\r\n.\r").await;
    drop(client);
    rig.wait_for(|counters| counters.connections_open.load(Ordering::Relaxed), 0).await;
    assert!(rig.book.mails().is_empty());
}

#[tokio::test]
async fn the_desks_refusals_are_passed_on() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    for (first, reply) in [("4", "451 4.3.0 The book is busy"), ("5", "550 5.6.0 The book does not like it")]
    {
        client.begin_mail().await;
        client.send(format!("X-Refuse: {first}\r\n\r\nhello\r\n.\r\n")).await;
        client.expect_start(reply).await;
    }
    assert!(rig.book.mails().is_empty());
    let counters = rig.counters();
    let figures = [&counters.messages_accepted, &counters.messages_deferred, &counters.messages_rejected];
    assert_eq!(figures.map(|figure| figure.load(Ordering::Relaxed)), [0, 1, 1]);
}

/// A mistake behind the desk costs its own session, says nothing, and leaves the service as it was.
#[tokio::test]
async fn a_desk_that_breaks_acknowledges_nothing() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send("X-Refuse: !\r\n.\r\n").await;
    client.expect_end().await;
    rig.wait_for(|counters| counters.sessions_failed.load(Ordering::Relaxed), 1).await;
    rig.wait_for(|counters| counters.connections_open.load(Ordering::Relaxed), 0).await;
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send("hello\r\n.\r\n").await;
    client.expect_start("250 2.0.0").await;
}

/// One client: pipelined mails, some of which the desk refuses; it leaves in the middle of one. Its acknowledged ids.
async fn busy_client(mut client: Raw, number: usize) -> Vec<String> {
    let mut acknowledged = Vec::new();
    client.log_in().await;
    for mail in 0..40 {
        let kind = ["X-Refuse: 4", "X-Refuse: 5", "Subject: fine", "bare\nline"][(number + mail) % 4];
        client.send("MAIL FROM:<a@example.jp>\r\nRCPT TO:<b@example.jp>\r\nDATA\r\n").await;
        for reply in ["250", "250", "354"] {
            client.expect_start(reply).await;
        }
        if mail == 39 {
            client.send(format!("{kind}\r\n\r\n{number}/{mail}\r\n")).await;
            break;
        }
        client.send(format!("{kind}\r\n\r\n{number}/{mail}\r\n.\r\n")).await;
        let reply = client.line().await.expect("a reply");
        match reply.strip_prefix("250 2.0.0 Ok: queued as ") {
            Some(id) => acknowledged.push(format!("{id} {number}/{mail}")),
            None => assert!(!kind.starts_with("Subject"), "{reply}"),
        }
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_what_the_desk_has() {
    let rig = Arc::new(Rig::on_machine_clock(|settings| settings.require_tls = false));
    let clients: Vec<_> = (0..20)
        .map(|number| {
            let rig = Arc::clone(&rig);
            tokio::spawn(async move { busy_client(rig.client().await, number).await })
        })
        .collect();
    let mut acknowledged = HashSet::new();
    for client in clients {
        acknowledged.extend(client.await.expect("a client"));
    }
    let name = |octets: &[u8]| String::from_utf8_lossy(octets).lines().last().unwrap_or_default().to_owned();
    let durable: HashSet<_> =
        rig.book.mails().iter().map(|(id, mail)| format!("{id} {}", name(&mail.octets))).collect();
    assert_eq!(acknowledged, durable);
    assert_eq!(durable.len(), 195);
}

#[tokio::test]
async fn a_drain_lets_the_mail_at_hand_finish() {
    let rig = gated();
    let (mut busy, mut writing, mut idle) =
        (rig.logged_in().await, rig.logged_in().await, rig.client().await);
    busy.begin_mail().await;
    busy.send("hello\r\n.\r\n").await;
    writing.begin_mail().await;
    writing.send("still ").await;
    let address = rig.address();
    let book = Arc::clone(&rig.book);
    let draining = tokio::spawn(rig.drain(Duration::from_secs(60)));
    idle.expect("421 4.3.2 Service is shutting down; connect again in a moment").await;
    idle.expect_end().await;
    drop(idle);
    book.open_gate(2);
    busy.expect("250 2.0.0 Ok: queued as m0").await;
    busy.expect_start("421 4.3.2").await;
    drop(busy);
    writing.send("writing\r\n.\r\n").await;
    writing.expect("250 2.0.0 Ok: queued as m1").await;
    writing.expect_start("421 4.3.2").await;
    drop(writing);
    assert_eq!(draining.await.expect("a drain").0.cut, 0);
    assert_eq!(book.mails().len(), 2);
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_drain_is_bounded() {
    let rig = gated();
    let mut stuck = rig.logged_in().await;
    stuck.begin_mail().await;
    stuck.send("never ends").await;
    let (clock, book) = (Arc::clone(&rig.clock), Arc::clone(&rig.book));
    let bound = Duration::from_secs(10);
    let draining = tokio::spawn(rig.drain(bound));
    clock.armed_for(bound).await;
    clock.advance(bound);
    assert_eq!(draining.await.expect("a drain").0.cut, 1);
    stuck.expect_end().await;
    assert!(book.mails().is_empty());
}
