//! SMTP smuggling and injection by raw sockets: each variant is refused, ends nothing, and starts nothing.

use std::sync::atomic::Ordering;

use ingress::Rule;

use crate::rig::Rig;

/// What an attacker hopes is read as commands.
const SMUGGLED: &str =
    "MAIL FROM:<evil@example.jp>\r\nRCPT TO:<victim@example.jp>\r\nDATA\r\nSubject: evil\r\n\r\nboo";

/// Ends of data that some server somewhere takes for one.
const FALSE_ENDS: &[&[u8]] = &[
    b"\n.\n",
    b"\n.\r\n",
    b"\n.\r",
    b"\r.\r",
    b"\r.\r\n",
    b"\r.\n",
    b"\r\n.\n",
    b"\r\n.\r",
    b"\r\n\0.\r\n",
    b"\r\n.\0\r\n",
    b"\r\n.\r\0\n",
    b"\r\0\n.\r\n",
    b"\r\n\n.\r\n",
    b"\r\r\n.\r\r\n",
    b"\n\n.\n\n",
    b"\0\n.\n",
];

/// The content in one write, or octet by octet.
async fn check(false_end: &[u8], in_pieces: bool) {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    let content = [b"Subject: a\r\n\r\nhello", false_end, SMUGGLED.as_bytes(), b"\r\n.\r\n"].concat();
    match in_pieces {
        true => {
            for octet in &content {
                client.send([*octet]).await;
            }
        }
        false => client.send(&content).await,
    }
    let shown = false_end.escape_ascii();
    let refusal = client.line().await.unwrap_or_else(|| panic!("closed after {shown}"));
    assert!(refusal.starts_with("550 5.6.0 "), "{refusal} after {shown}");
    // Nothing is open, and nothing more was said: the next reply is the one to the next command.
    client.check("RCPT TO:<b@example.jp>", "503 5.5.1 MAIL first").await;
    client.check("NOOP", "250").await;
    assert!(rig.book.mails().is_empty(), "taken after {shown}");
    assert_eq!(rig.refused(Rule::MalformedContent), 1, "{shown}");
    assert_eq!(rig.counters().messages_rejected.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn false_ends_of_data_are_refused_and_end_nothing() {
    for false_end in FALSE_ENDS {
        check(false_end, false).await;
    }
}

#[tokio::test]
async fn false_ends_are_seen_octet_by_octet() {
    for false_end in FALSE_ENDS {
        check(false_end, true).await;
    }
}

/// A dot at the start of a line that is no end is content: one dot less, and taken.
#[tokio::test]
async fn stuffed_dots_are_content() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    client.send(format!("a\r\n..\r\n..b\r\n.c\r\n{SMUGGLED}\r\n.\r\n")).await;
    client.expect_start("250 2.0.0 Ok: queued as m0").await;
    let expected = format!("a\r\n.\r\n.b\r\nc\r\n{SMUGGLED}\r\n");
    assert_eq!(String::from_utf8_lossy(&rig.book.only().octets), expected);
}

#[tokio::test]
async fn chunks_with_bare_line_ends_are_refused() {
    for octets in ["a\n.\nb", "a\r.\rb", "a\0b\r\n", "a\r\n\n"] {
        let rig = Rig::start(|_| ());
        let mut client = rig.logged_in().await;
        client.check("MAIL FROM:<a@example.jp>", "250").await;
        client.check("RCPT TO:<b@example.jp>", "250").await;
        client.send(format!("BDAT {} LAST\r\n{octets}NOOP\r\n", octets.len())).await;
        client.expect_start("550 5.6.0 ").await;
        client.expect("250 2.0.0 Ok").await;
        assert!(rig.book.mails().is_empty(), "{octets:?}");
    }
}

/// Commands behind a refused message belong to the client, and are done in order; the refused message is not.
#[tokio::test]
async fn commands_pipelined_behind_refused_data_start_anew() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.begin_mail().await;
    let next = "MAIL FROM:<c@example.jp>\r\nRCPT TO:<d@example.jp>\r\nDATA\r\n";
    client.send(format!("bad\nline\r\n.\r\n{next}")).await;
    client.expect_start("550 5.6.0").await;
    client.expect_start("250 2.1.0").await;
    client.expect_start("250 2.1.5").await;
    client.expect_start("354").await;
    client.send("good\r\n.\r\n").await;
    client.expect_start("250 2.0.0 Ok: queued").await;
    let mail = rig.book.only();
    assert_eq!((mail.from.as_str(), &mail.to[..]), ("c@example.jp", &["d@example.jp".to_owned()][..]));
}

/// A client that sends content without waiting for 354: where DATA is refused, its lines are no commands.
#[tokio::test]
async fn content_behind_a_refused_data_is_no_command() {
    let rig = Rig::start(|_| ());
    let mut client = rig.logged_in().await;
    client.check("MAIL FROM:<a@example.jp>", "250").await;
    client.send(format!("RCPT TO:<nobody@example.jp>\r\nDATA\r\nhello\r\n{SMUGGLED}\r\n.\r\n")).await;
    client.expect_start("550 5.7.1").await;
    client.expect_start("554 5.5.1").await;
    client.expect_start("421 5.5.0").await;
    client.expect_end().await;
    assert!(rig.book.mails().is_empty());
    assert_eq!(rig.refused(Rule::BadCommands), 1);
}

/// What a browser can be made to send to a mail server.
#[tokio::test]
async fn http_is_no_smtp() {
    let rig = Rig::start(|settings| settings.limits.bad_commands_max = 3);
    let mut client = rig.client().await;
    client.send("POST / HTTP/1.1\r\nHost: submit.example.jp\r\nA: b\r\n\r\nEHLO x\r\n").await;
    for _ in 0..3 {
        client.expect_start("500 ").await;
    }
    client.expect_start("421 ").await;
    client.expect_end().await;
}
