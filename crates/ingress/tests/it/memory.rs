//! The memory of all messages under way together.

use std::sync::atomic::Ordering;

use ingress::Rule;

use crate::book::Book;
use crate::rig::Rig;

const MIB: usize = 1024 * 1024;

fn rig(octets: usize) -> Rig {
    let book = Book::gated();
    Rig::with_book(book, |settings| {
        settings.require_tls = false;
        settings.limits.messages_memory_max = octets as u64;
    })
}

fn line(octets: usize) -> String {
    format!("{}\r\n", "x".repeat(octets - 2))
}

/// What one session holds is missing to another, until the first one's message is durable.
#[tokio::test]
async fn a_message_beyond_the_budget_is_deferred() {
    let rig = rig(4 * MIB);
    let (mut first, mut second) = (rig.logged_in().await, rig.logged_in().await);
    first.begin_mail().await;
    first.send(format!("{}.\r\n", line(3 * MIB))).await;
    second.begin_mail().await;
    second.send(format!("{}.\r\n", line(2 * MIB))).await;
    second.expect_start("452 4.3.1 Too much mail is under way").await;
    second.check(&format!("MAIL FROM:<a@example.jp> SIZE={}", 2 * MIB), "452 4.3.1").await;
    rig.book.open_gate(2);
    first.expect_start("250 2.0.0").await;
    second.begin_mail().await;
    second.send(format!("{}.\r\n", line(2 * MIB))).await;
    second.expect_start("250 2.0.0").await;
    assert_eq!(rig.refused(Rule::MessagesMemory), 2);
    assert_eq!(rig.counters().messages_deferred.load(Ordering::Relaxed), 2);
}

/// The same by chunks, and in one read: there is nothing left to hold even a small one.
#[tokio::test]
async fn chunks_and_small_messages_beyond_the_budget() {
    let rig = rig(16);
    let mut client = rig.logged_in().await;
    client.check("MAIL FROM:<a@example.jp>", "250").await;
    client.check("RCPT TO:<b@example.jp>", "452 4.3.1").await;
    let rig = self::rig(1000);
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send(format!("{}.\r\n", line(900))).await;
    client.expect_start("452 4.3.1").await;
    client.check("MAIL FROM:<a@example.jp>", "250").await;
    client.check("RCPT TO:<b@example.jp>", "250").await;
    let first = line(900);
    client.send(format!("BDAT {}\r\n{first}", first.len())).await;
    client.expect_start("250 2.0.0 900 octets received").await;
    client.send("BDAT 2 LAST\r\n\r\n").await;
    client.expect_start("452 4.3.1").await;
    client.check("RCPT TO:<b@example.jp>", "503").await;
    assert!(rig.book.mails().is_empty());
}

/// The budget is held against what is there, not against what was announced: a message without end runs into it too.
#[tokio::test]
async fn a_message_is_given_up_before_its_end() {
    let rig = rig(4 * MIB);
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send(line(5 * MIB)).await;
    rig.wait_for(|counters| counters.refused(Rule::MessagesMemory), 1).await;
    client.send(".\r\n").await;
    client.expect_start("452 4.3.1").await;
    client.begin_mail().await;
    rig.book.open_gate(1);
    client.send("fits\r\n.\r\n").await;
    client.expect_start("250 2.0.0").await;
    assert_eq!(rig.refused(Rule::MessagesMemory), 1);
}
