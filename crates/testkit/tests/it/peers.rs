//! Each peer is started, takes a mail from Python's smtplib, and shows it in its inbox.

use std::io::Write as _;
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use runtime::{Clock, SystemClock};
use testkit::peers::{
    Account, Aiosmtpd, Delivery, Haraka, OpenSmtpd, PeersError, Postfix, Prepared, RelayOptions,
    RunningRelay, prepared_or_skip,
};

type Start = fn(&RelayOptions) -> Result<RunningRelay, PeersError>;

/// How long a stopped server may go on answering.
const END_MAX: Duration = Duration::from_secs(10);
const RECEIPT_MAX: Duration = Duration::from_secs(30);

/// What smtplib said.
fn send(
    prepared: &Prepared,
    relay: &RunningRelay,
    account: &Account,
    mechanism: &str,
    subject: &str,
) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, &relay.ca_pem).expect("the CA is written");
    let ca = if relay.ca_pem.is_empty() { String::new() } else { ca.display().to_string() };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/smtplib_send.py");
    let port = relay.addr.port().to_string();
    let mut client = Command::new(prepared.python().expect("a python"))
        .args([script, &port, &ca, &account.user, mechanism])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python starts");
    let input = format!("{}\nSubject: {subject}\r\n\r\n飛脚\r\n.dot\r\n", account.secret);
    client.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("the script reads");
    let output = client.wait_with_output().expect("the script ends");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Starts the server with two accounts, sends by each mechanism, is refused with a wrong secret.
fn check(start: Start, mechanisms: &[&str]) {
    let Some(prepared) = prepared_or_skip() else { return };
    let accounts = vec![Account::new("first", "one two"), Account::new("apikey", "s3cret!")];
    let options = RelayOptions { accounts: accounts.clone(), ..RelayOptions::default() };
    let relay = start(&options).expect("the relay starts");
    assert_eq!((relay.user.as_str(), relay.secret.as_str()), ("first", "one two"));
    let mut sent = 0;
    for mechanism in mechanisms {
        for account in &accounts {
            let said = send(&prepared, &relay, account, mechanism, &format!("mail {sent}"));
            assert_eq!(said, "sent", "{mechanism}: {}", relay.log_end());
            sent += 1;
        }
        let wrong = Account::new("first", "s3cret!");
        assert_eq!(
            send(&prepared, &relay, &wrong, mechanism, "no"),
            "SMTPAuthenticationError",
            "{mechanism}"
        );
    }
    let stranger = Account::new("", "");
    assert_ne!(send(&prepared, &relay, &stranger, "", "no"), "sent");
    check_inbox(&relay, sent);
    check_end(relay);
}

fn check_inbox(relay: &RunningRelay, count: usize) {
    let mails = relay.received_at_least(count, RECEIPT_MAX).expect("the mails arrive");
    let mut subjects = Vec::new();
    for mail in &mails {
        assert_eq!(mail.sender, "release@client.example");
        assert_eq!(mail.recipients, ["reader@outlet.example"]);
        let text = String::from_utf8(mail.wire_content()).expect("text");
        assert!(text.ends_with("\r\n\r\n飛脚\r\n.dot\r\n"), "{text:?}");
        let subject = text.lines().find_map(|line| line.strip_prefix("Subject: mail "));
        subjects.push(subject.expect("a subject").parse::<usize>().expect("a number"));
    }
    subjects.sort_unstable();
    assert_eq!(subjects, (0..count).collect::<Vec<_>>());
}

fn check_end(relay: RunningRelay) {
    let addr = relay.addr;
    drop(relay);
    let end = SystemClock.moment() + END_MAX;
    while TcpStream::connect(addr).is_ok() {
        assert!(SystemClock.moment() < end, "the server still listens");
        std::thread::yield_now();
    }
}

#[test]
fn postfix_relays() {
    check(Postfix::start, &["PLAIN", "LOGIN", "CRAM-MD5"]);
}

/// It is the only one without STARTTLS and AUTH: see its module.
#[test]
fn opensmtpd_relays() {
    let Some(prepared) = prepared_or_skip() else { return };
    let relay = OpenSmtpd::start(&RelayOptions::open()).expect("the relay starts");
    for number in 0..2 {
        let said = send(&prepared, &relay, &Account::new("", ""), "", &format!("mail {number}"));
        assert_eq!(said, "sent", "{}", relay.log_end());
    }
    check_inbox(&relay, 2);
    check_end(relay);
}

#[test]
fn haraka_relays() {
    check(Haraka::start, &["PLAIN", "LOGIN", "CRAM-MD5"]);
}

#[test]
fn aiosmtpd_relays() {
    check(Aiosmtpd::start, &["PLAIN", "LOGIN"]);
}

/// One relay hands on to another, without TLS and AUTH: what a benchmark uses.
#[test]
fn production_postfix_and_opensmtpd_hand_on() {
    let Some(prepared) = prepared_or_skip() else { return };
    let last = Aiosmtpd::start(&RelayOptions::open()).expect("the last hop starts");
    let nobody = Account::new("", "");
    for (number, start) in [Postfix::start as Start, OpenSmtpd::start].into_iter().enumerate() {
        let first = start(&RelayOptions::production(last.addr)).expect("the first hop starts");
        let said = send(&prepared, &first, &nobody, "", &format!("mail {number}"));
        assert_eq!(said, "sent", "{}", first.log_end());
        let arrived = last.received_at_least(number + 1, RECEIPT_MAX);
        assert!(arrived.is_ok(), "{arrived:?}: {}", first.log_end());
    }
    check_inbox(&last, 2);
}

#[test]
fn what_a_server_cannot_do_is_said() {
    let Some(_) = prepared_or_skip() else { return };
    let onward =
        RelayOptions { delivery: Delivery::Onward(([127, 0, 0, 1], 9).into()), ..RelayOptions::default() };
    let tab = RelayOptions { accounts: vec![Account::new("a\tb", "c")], ..RelayOptions::default() };
    for (start, options) in [
        (Haraka::start as Start, &onward),
        (Aiosmtpd::start, &onward),
        (OpenSmtpd::start, &RelayOptions::default()),
        (Postfix::start, &tab),
    ] {
        let refused = start(options);
        assert!(matches!(refused, Err(PeersError::Options { .. })), "{refused:?}");
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_reported() {
    let Some(_) = prepared_or_skip() else { return };
    let options = RelayOptions { folder: Some("/nonexistent".into()), ..RelayOptions::default() };
    assert!(matches!(Postfix::start(&options), Err(PeersError::Folder { .. })));
}

#[test]
fn postgresql_listens_and_ends_with_its_handle() {
    let Some(server) = testkit::peers::postgres_or_skip() else { return };
    let addr = server.addr;
    TcpStream::connect(addr).expect("it listens");
    assert!(!format!("{server:?}").contains("secret"));
    drop(server);
    let clock = SystemClock;
    let deadline = clock.moment() + END_MAX;
    while TcpStream::connect(addr).is_ok() {
        assert!(!deadline.since(clock.moment()).is_zero(), "it still listens");
    }
}
