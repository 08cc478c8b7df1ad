//! Clients that are slow, silent or do not read, by a clock that tests move: each is cut at the very moment that its
//! limit says.

use std::sync::atomic::Ordering;
use std::time::Duration;

use ingress::Rule;

use crate::book::Book;
use crate::clock::STANDSTILL;
use crate::raw::Raw;
use crate::rig::Rig;

/// The client does nothing more: it hears 421, and then the end, when `after` has gone by since the clock's start.
async fn check_silence(rig: &Rig, mut client: Raw, rule: Rule, after: Duration) {
    let line = rig.clock.run(client.line()).await;
    assert_eq!(line.as_deref(), Some("421 4.4.2 Timeout; connect again"), "{rule:?}");
    assert_eq!(rig.clock.gone(), after, "{rule:?}");
    client.expect_end().await;
    assert_eq!(rig.refused(rule), 1, "{rule:?}");
}

#[tokio::test]
async fn who_does_not_log_in_is_cut() {
    let rig = Rig::start(|_| ());
    let mut client = rig.client().await;
    rig.clock.advance(Duration::from_secs(100));
    client.check("NOOP", "250").await;
    check_silence(&rig, client, Rule::LoginTime, Duration::from_secs(120)).await;
}

/// Octets are no progress: only whole commands are.
#[tokio::test]
async fn who_does_not_finish_a_command_is_cut() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    rig.clock.advance(Duration::from_secs(299));
    client.check("NOOP", "250").await;
    for _ in 0..29 {
        client.send("N").await;
        rig.clock.advance(Duration::from_secs(10));
    }
    check_silence(&rig, client, Rule::CommandTime, Duration::from_secs(599)).await;
}

#[tokio::test]
async fn content_must_come_at_some_rate() {
    let rig = Rig::start(|settings| settings.limits.content_octets_per_second_min = 100);
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send(format!("{}\r\n", "x".repeat(998))).await;
    check_silence(&rig, client, Rule::ContentTime, Duration::from_secs(190)).await;
    assert!(rig.book.mails().is_empty());
}

/// One octet a second for ever: the client is busy all the time, and cut all the same.
#[tokio::test]
async fn one_octet_at_a_time_is_cut() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    let mut seconds = 0;
    while rig.refused(Rule::ContentTime) == 0 {
        assert!(seconds <= 181, "not cut after {seconds} s");
        if client.try_send("x").await.is_err() {
            break;
        }
        rig.clock.armed().await;
        rig.clock.advance(Duration::from_secs(1));
        seconds += 1;
        tokio::task::yield_now().await;
    }
    assert!(seconds >= 180, "cut after {seconds} s");
    client.expect("421 4.4.2 Timeout; connect again").await;
}

#[tokio::test]
async fn chunks_must_come_in_time_too() {
    let rig = Rig::start(|settings| settings.limits.content_time_grace = Duration::from_secs(50));
    let mut client = rig.logged_in().await;
    client.check("MAIL FROM:<a@example.jp>", "250").await;
    client.check("RCPT TO:<b@example.jp>", "250").await;
    client.send("BDAT 1000 LAST\r\nx").await;
    rig.clock.armed_for(Duration::from_secs(50)).await;
    check_silence(&rig, client, Rule::ContentTime, Duration::from_secs(50)).await;
}

#[tokio::test]
async fn a_session_has_an_end() {
    let rig = Rig::start(|settings| settings.limits.session_time_max = Duration::from_secs(700));
    let mut client = rig.logged_in().await;
    for _ in 0..3 {
        rig.clock.advance(Duration::from_secs(200));
        client.check("NOOP", "250").await;
    }
    check_silence(&rig, client, Rule::SessionTime, Duration::from_secs(700)).await;
}

/// A client that sends and sends and never reads: the server stops reading, and then cuts.
#[tokio::test]
async fn who_does_not_read_replies_is_not_read_and_cut() {
    let rig = Rig::start(|settings| settings.limits.idle_commands_max = usize::MAX);
    let mut client = rig.logged_in().await;
    let flight = "EHLO client.example\r\n".repeat(1000);
    let mut sent = 0;
    while let Ok(sending) = tokio::time::timeout(STANDSTILL, client.try_send(&flight)).await {
        sending.expect("the server is there");
        sent += flight.len();
    }
    rig.clock.armed_for(Duration::from_secs(60)).await;
    rig.clock.advance(Duration::from_secs(60));
    rig.wait_for(|counters| counters.refused(Rule::ReplyTime), 1).await;
    // What the two kernels' buffers take, and no more.
    assert!(sent < 16 * 1024 * 1024, "{sent} octets were read");
    rig.wait_for(|counters| counters.connections_open.load(Ordering::Relaxed), 0).await;
}

#[tokio::test]
async fn a_handshake_must_be_quick() {
    let check = async |rig: Rig, mut client: Raw| {
        assert_eq!(rig.clock.run(client.line()).await, None, "no words before TLS");
        assert_eq!(rig.clock.gone(), Duration::from_secs(30));
        assert_eq!(rig.refused(Rule::HandshakeTime), 1);
    };
    let rig = Rig::start(|_| ());
    let client = Raw::connect(rig.tls_address()).await;
    check(rig, client).await;
    let rig = Rig::start(|_| ());
    let mut client = rig.client().await;
    client.ask("EHLO client.example").await;
    client.check("STARTTLS", "220").await;
    check(rig, client).await;
}

/// A desk that does not answer keeps nobody for ever: the client is told to come again, and nothing else.
#[tokio::test]
async fn a_desk_that_does_not_answer() {
    let book = Book::gated();
    let rig = Rig::with_book(book, |settings| {
        settings.require_tls = false;
        settings.limits.answer_time_max = Duration::from_secs(70);
    });
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send("hello\r\n.\r\n").await;
    rig.clock.armed_for(Duration::from_secs(70)).await;
    rig.clock.run(client.expect_start("451 4.3.0")).await;
    assert_eq!(rig.clock.gone(), Duration::from_secs(70));
    assert_eq!(rig.refused(Rule::AnswerTime), 1);
    assert!(rig.book.mails().is_empty());
    client.check("NOOP", "250").await;
}
