//! Real clients of other makers, and our own: Python's smtplib, nodemailer, and the engine's state machine.

use std::process::Stdio;
use std::sync::atomic::Ordering;

use domain::Moment;
use smtp::Secret;
use smtp::client::{Body, Client, ClientConfig, Credentials, DeliveryResult, Envelope, Event};
use testkit::peers::prepared_or_skip;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::book::{Book, KEY, USER};
use crate::rig::{PATIENCE, Rig};

const SMTPLIB: &str = include_str!("../clients/smtplib_client.py");
const NODEMAILER: &str = include_str!("../clients/nodemailer_client.js");

/// What each client sends: the subject is read back from the book by way of the client's own encoding.
const SUBJECT: &str = "新製品のお知らせ ①㈱髙 ﾊﾝｶｸ 😀";

fn rig() -> Rig {
    Rig::with_book(Book::default(), |_| ())
}

/// Runs a client with the arguments `port tls_port ca`, the key and the subject on its standard input; it must end well.
async fn run(
    program: &std::path::Path,
    script: &str,
    script_name: &str,
    rig: &Rig,
    variables: &[(&str, &str)],
) {
    let folder = tempfile::tempdir().expect("a folder");
    let (script_path, ca) = (folder.path().join(script_name), folder.path().join("ca.pem"));
    std::fs::write(&script_path, script).expect("the script");
    rig.authority.write_ca(&ca).expect("the authority");
    let mut child = Command::new(program)
        .arg(&script_path)
        .args([rig.address().port().to_string(), rig.tls_address().port().to_string()])
        .arg(&ca)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("the client starts");
    let mut input = child.stdin.take().expect("an input");
    input.write_all(format!("{USER}\n{KEY}\n{SUBJECT}\n").as_bytes()).await.expect("the client reads");
    drop(input);
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it ends in time");
    let output = output.expect("it ends");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Each line names a mail's queue id, as the client heard it.
    let heard: Vec<_> = String::from_utf8(output.stdout).expect("text").lines().map(str::to_owned).collect();
    let mut durable: Vec<_> = rig.book.mails().keys().cloned().collect();
    durable.sort();
    assert_eq!(heard, durable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_smtplib() {
    let Some(prepared) = prepared_or_skip() else { return };
    let rig = rig();
    run(&prepared.python().expect("prepared"), SMTPLIB, "client.py", &rig, &[]).await;
    let mails = rig.book.mails();
    assert_eq!(mails.len(), 4, "by STARTTLS and at once, by PLAIN and LOGIN");
    for mail in mails.values() {
        assert!(mail.encrypted && mail.to == ["reader@example.jp", "花子@example.jp"], "{mail:?}");
        let text = String::from_utf8_lossy(&mail.octets);
        assert!(text.contains("\r\n.leading dot\r\n"), "{text}");
        assert!(text.contains(SUBJECT), "{text}");
    }
    // With a wrong key smtplib tries one mechanism after the other.
    assert_eq!(rig.counters().logins_rejected.load(Ordering::Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodemailer() {
    let Some(prepared) = prepared_or_skip() else { return };
    let rig = rig();
    let modules = prepared.node_modules().expect("prepared");
    let variables = [("NODE_PATH", modules.to_str().expect("a path"))];
    run(std::path::Path::new("node"), NODEMAILER, "client.js", &rig, &variables).await;
    let mails = rig.book.mails();
    assert_eq!(mails.len(), 12, "two by one connection each, ten by a pool");
    for mail in mails.values() {
        assert!(mail.encrypted && mail.from == "release@example.jp", "{mail:?}");
        let text = String::from_utf8_lossy(&mail.octets);
        assert!(text.contains("\r\n.leading dot\r\n"), "{text}");
        assert!(text.contains("Subject: =?UTF-8?"), "{text}");
    }
}

/// Our own client: lock step and pipelining, DATA and BDAT.
#[tokio::test]
async fn the_engines_client() {
    for use_chunking in [false, true] {
        let rig = Rig::start(|_| ());
        let accepted = send_by_client(&rig, use_chunking).await;
        assert_eq!(accepted, 20);
        let mails = rig.book.mails();
        let expected: Vec<String> = (0..20).map(content).collect();
        let mut found: Vec<_> =
            mails.values().map(|mail| String::from_utf8_lossy(&mail.octets).into_owned()).collect();
        found.sort_by_key(|text| expected.iter().position(|wanted| wanted == text));
        assert_eq!(found, expected, "chunking: {use_chunking}");
    }
}

fn content(number: u64) -> String {
    format!("Subject: {number}\r\n\r\n.dot\r\n{SUBJECT}\r\n..\r\n")
}

async fn send_by_client(rig: &Rig, use_chunking: bool) -> usize {
    let now = Moment::ZERO;
    let credentials = Credentials { user: USER.to_owned(), secret: Secret::from(KEY), mechanism: None };
    let config = ClientConfig {
        credentials: Some(credentials),
        allow_plaintext_auth: true,
        use_chunking,
        ..ClientConfig::new("client.example")
    };
    let (mut client, mut next, mut accepted) = (Client::new(config, now), 0, 0);
    let mut stream = TcpStream::connect(rig.address()).await.expect("a connection");
    let mut buffer = vec![0; 4096];
    loop {
        while let Some(event) = client.poll_event() {
            match event {
                Event::EnvelopeAccepted { id } => {
                    client.send_message(content(id).as_bytes(), None, now).expect("it may be sent");
                }
                Event::Settled(settlement) => {
                    let fine = matches!(&settlement.results[..], [DeliveryResult::Accepted(reply)] if reply.text.starts_with("Ok: queued as m"));
                    assert!(fine, "{settlement:?}");
                    accepted += 1;
                }
                Event::Closed(_) => return accepted,
                Event::Ready | Event::StartTls => {}
            }
        }
        while client.can_offer() && next < 20 {
            let text = content(next);
            let envelope = Envelope {
                id: next,
                reverse_path: "a@example.jp",
                recipients: &["b@example.jp"],
                size: text.len() as u64,
                body: Body::EightBitMime,
                smtputf8: false,
            };
            client.offer(&envelope, now).expect("it can be offered");
            next += 1;
        }
        if accepted == 20 {
            client.quit(now);
        }
        let written = stream.write(client.pending()).await.expect("the server reads");
        client.written(written, now);
        if client.pending().is_empty() && !client.has_events() {
            let reading = tokio::time::timeout(PATIENCE, stream.read(&mut buffer));
            match reading.await.expect("in time").expect("the server writes") {
                0 => client.end_of_file(now),
                count => client.receive(&buffer[..count], now),
            }
        }
    }
}
