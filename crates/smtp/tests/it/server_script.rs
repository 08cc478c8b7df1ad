//! Runs a server against a script: the one `check` of the server's tables.
//!
//! Lines: `C: ` the client sends (CRLF added, escapes read), `C- ` without CRLF, `S: ` the server must send exactly
//! this line next, `E: ` the next event. Events that ask are accepted at once, but recipients that begin with
//! `refuse` get 550, and messages that begin with `refuse` 554. At the end nothing may be pending or unread.

use std::collections::VecDeque;
use std::sync::Arc;

use domain::{Reply, ReplyCode};
use smtp::Secret;
use smtp::server::{Event, Server, ServerConfig};

use crate::client_script::unescape;

pub const OPEN: &[&str] = &[
    "S: 220 mx.example.jp ESMTP",
    "C: EHLO c.example",
    "E: ehlo c.example",
    "S: 250-mx.example.jp",
    "S: 250-PIPELINING",
    "S: 250-SIZE 1000",
    "S: 250-ENHANCEDSTATUSCODES",
    "S: 250-8BITMIME",
    "S: 250-SMTPUTF8",
    "S: 250 CHUNKING",
];

/// MAIL and RCPT of a usual envelope.
pub const ENVELOPE: &[&str] = &[
    "C: MAIL FROM:<a@example.jp>",
    "E: mail a@example.jp",
    "S: 250 2.1.0 Ok",
    "C: RCPT TO:<b@example.jp>",
    "E: rcpt b@example.jp",
    "S: 250 2.1.5 Ok",
];

pub fn config() -> ServerConfig {
    ServerConfig { size_max: 1000, ..ServerConfig::new("mx.example.jp") }
}

pub fn check(config: ServerConfig, parts: &[&[&str]]) {
    let mut server = Server::new(Arc::new(config), false);
    server.set_cram_challenge("<1896.697170952@postoffice.reston.mci.net>".to_owned());
    let mut events = VecDeque::new();
    let mut done = String::new();
    for line in parts.iter().flat_map(|part| part.iter()) {
        done = format!("{done}{line}\n");
        let (kind, text) = line.split_at(3);
        match kind {
            "C: " => feed(&mut server, &unescape(&format!("{text}\\r\\n")), &mut events),
            "C- " => feed(&mut server, &unescape(text), &mut events),
            "S: " => {
                let expected = format!("{text}\r\n");
                let pending = server.pending();
                let next =
                    String::from_utf8_lossy(&pending[..pending.len().min(expected.len())]).into_owned();
                assert_eq!(next, expected, "after:\n{done}");
                server.written(expected.len());
            }
            "E: " => assert_eq!(events.pop_front().as_deref(), Some(text), "after:\n{done}"),
            "A: " => match text {
                "tls" => server.tls_started(),
                "closed" => assert!(server.is_closed(), "open after:\n{done}"),
                _ => panic!("not an action: {text}"),
            },
            _ => panic!("not a script line: {line}"),
        }
    }
    assert_eq!(events, VecDeque::<String>::new(), "unread events after:\n{done}");
    assert_eq!(server.pending().escape_ascii().to_string(), "", "octets are pending after:\n{done}");
}

fn feed(server: &mut Server, octets: &[u8], events: &mut VecDeque<String>) {
    server.receive(octets);
    while let Some(event) = server.poll_event() {
        let (shown, refusal) = show(&event);
        events.push_back(shown);
        match refusal {
            Some((code, text)) => {
                let code = ReplyCode::new(code).expect("a code");
                server.reply(&Reply { code, enhanced: None, text: text.to_owned() });
            }
            None => server.accept(),
        }
    }
}

/// What the script calls the event, and the refusal that the rules above give it.
fn show(event: &Event<'_>) -> (String, Option<(u16, &'static str)>) {
    let plain = |text: &str| (text.to_owned(), None);
    match event {
        Event::Ehlo { name } => (format!("ehlo {name}"), None),
        Event::StartTls => plain("starttls"),
        Event::Auth { mechanism, user, proof } => {
            let good =
                proof.matches(&Secret::from("1234")) || proof.matches(&Secret::from("tanstaaftanstaaf"));
            (format!("auth {mechanism} {user}"), (!good).then_some((535, "bad\r\ncredentials")))
        }
        Event::Mail(mail) => {
            let size = mail.size.map(|size| format!(" size={size}")).unwrap_or_default();
            let utf8 = if mail.smtputf8 { " utf8" } else { "" };
            (format!("mail {}{size}{utf8}", mail.reverse_path), None)
        }
        Event::Rcpt { forward_path } => {
            let refused = forward_path.starts_with("refuse").then_some((550, "nobody"));
            (format!("rcpt {forward_path}"), refused)
        }
        Event::Data => plain("data"),
        Event::Content { octets, stuffed } => {
            (format!("content {}{}", if *stuffed { "stuffed " } else { "" }, octets.escape_ascii()), None)
        }
        Event::Message { octets } => {
            let refused = octets.starts_with(b"refuse").then_some((554, "spam"));
            (format!("message {}", octets.escape_ascii()), refused)
        }
        Event::MessageEnd { octets } => (format!("message end {octets}"), None),
        Event::LimitReached(limit) => (format!("limit {limit:?}"), None),
        Event::MessageRefused(fault) => (format!("refused {fault}"), None),
        Event::Reset => plain("reset"),
        Event::Quit => plain("quit"),
        Event::Expelled => plain("expelled"),
    }
}
