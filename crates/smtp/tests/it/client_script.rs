//! Runs a client against a script: the one `check` of the client's tables.
//!
//! Lines: `S: ` the server sends (CRLF added; `\r`, `\n` and `\xNN` are read as escapes), `C: ` the client must send
//! exactly this line next (the kernel accepts it then), `E: ` the next event, `A: ` an action of the shell or the
//! engine. Before the server speaks and at the end, nothing may be pending and no event unread.

use std::fmt::Write as _;
use std::time::Duration;

use domain::Moment;
use smtp::client::{Body, Client, ClientConfig, DeferCause, DeliveryResult, Envelope, Event};

/// The usual opening of a server with PIPELINING.
pub const OPEN: &[&str] = &[
    "S: 220 mx.example.jp ESMTP",
    "C: EHLO client.example",
    "S: 250-mx.example.jp",
    "S: 250-PIPELINING",
    "S: 250-8BITMIME",
    "S: 250-SMTPUTF8",
    "S: 250 SIZE 1000",
    "E: ready",
];

/// The same without PIPELINING.
pub const OPEN_LOCK_STEP: &[&str] =
    &["S: 220 mx.example.jp", "C: EHLO client.example", "S: 250 mx.example.jp", "E: ready"];

pub fn config() -> ClientConfig {
    ClientConfig::new("client.example")
}

/// Runs the parts of a script one after the other.
pub fn check(config: ClientConfig, parts: &[&[&str]]) {
    let mut run = Run { client: Client::new(config, Moment::ZERO), now: Moment::ZERO, done: String::new() };
    for line in parts.iter().flat_map(|part| part.iter()) {
        writeln!(run.done, "{line}").expect("writing to a string");
        run.line(line);
    }
    run.nothing_left();
}

struct Run {
    client: Client,
    now: Moment,
    done: String,
}

impl Run {
    fn line(&mut self, line: &str) {
        let (kind, text) = line.split_at(line.len().min(3));
        match kind {
            "S: " => {
                self.nothing_left();
                self.client.receive(&unescape(&format!("{text}\\r\\n")), self.now);
            }
            "S- " => self.client.receive(&unescape(text), self.now),
            "C: " => self.expect_line(text),
            "E: " => {
                let event = self.client.poll_event().map(|event| show(&event));
                assert_eq!(event.as_deref(), Some(text), "after:\n{}", self.done);
            }
            "A: " => self.act(text),
            _ => panic!("not a script line: {line}"),
        }
    }

    fn nothing_left(&mut self) {
        assert_eq!(self.client.poll_event(), None, "an unread event after:\n{}", self.done);
        let pending = self.client.pending().escape_ascii().to_string();
        assert_eq!(pending, "", "octets are pending after:\n{}", self.done);
    }

    fn expect_line(&mut self, text: &str) {
        let mut expected = text.as_bytes().to_vec();
        expected.extend_from_slice(b"\r\n");
        let pending = self.client.pending();
        let next = &pending[..pending.len().min(expected.len())];
        assert_eq!(
            next.escape_ascii().to_string(),
            expected.escape_ascii().to_string(),
            "after:\n{}",
            self.done
        );
        self.client.written(expected.len(), self.now);
    }

    fn act(&mut self, text: &str) {
        let (verb, rest) = text.split_once(' ').unwrap_or((text, ""));
        match verb {
            "offer" => {
                let offered = offer(&mut self.client, rest, self.now);
                assert_eq!(offered, "", "{}", self.done);
            }
            "offer-fails" => {
                let (reason, rest) = rest.split_once(' ').expect("a reason");
                assert_eq!(offer(&mut self.client, rest, self.now), reason, "{}", self.done);
            }
            "send" => {
                let sent = self.client.send_message(&unescape(rest), None, self.now);
                assert_eq!(sent, Ok(()), "{}", self.done);
            }
            "send-fails" => {
                let (reason, rest) = rest.split_once(' ').expect("a reason");
                let sent = self.client.send_message(&unescape(rest), None, self.now);
                assert_eq!(
                    sent.map_err(|error| format!("{error:?}")),
                    Err(reason.to_owned()),
                    "{}",
                    self.done
                );
            }
            "written" => self.client.written(rest.parse().expect("a number"), self.now),
            "wait" => {
                self.now = self.now + Duration::from_secs(rest.parse().expect("seconds"));
                self.client.tick(self.now);
            }
            "quit" => self.client.quit(self.now),
            "abandon" => self.client.abandon(),
            "tls" => self.client.tls_started(self.now),
            "tls-failed" => self.client.tls_failed(rest, self.now),
            "eof" => self.client.end_of_file(self.now),
            "broken" => self.client.link_failed(rest, self.now),
            _ => panic!("not an action: {text}"),
        }
    }
}

/// `ID[+utf8][+8bit][+size=N] TO…`; the reason's name when it was not taken.
fn offer(client: &mut Client, text: &str, now: Moment) -> String {
    let mut words = text.split(' ');
    let mut flags = words.next().expect("an id").split('+');
    let mut envelope = Envelope {
        id: flags.next().and_then(|id| id.parse().ok()).expect("an id"),
        reverse_path: "s@example.jp",
        recipients: &[],
        size: 100,
        body: Body::SevenBit,
        smtputf8: false,
    };
    for flag in flags {
        match flag.split_once('=') {
            Some(("size", size)) => envelope.size = size.parse().expect("a size"),
            None if flag == "utf8" => envelope.smtputf8 = true,
            None if flag == "8bit" => envelope.body = Body::EightBitMime,
            None if flag == "null" => envelope.reverse_path = "",
            _ => panic!("not a flag: {flag}"),
        }
    }
    let recipients: Vec<String> = words
        .map(|word| String::from_utf8(unescape(word)).expect("text"))
        .filter(|word| !word.is_empty())
        .collect();
    let recipients: Vec<&str> = recipients.iter().map(String::as_str).collect();
    envelope.recipients = &recipients;
    client.offer(&envelope, now).map_or_else(|error| format!("{error:?}"), |()| String::new())
}

/// Reads `\r`, `\n`, `\0`, `\\` and `\xNN`.
pub fn unescape(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        match characters.next() {
            Some('r') => out.push(b'\r'),
            Some('n') => out.push(b'\n'),
            Some('0') => out.push(0),
            Some('\\') => out.push(b'\\'),
            Some('x') => {
                let digits: String = characters.by_ref().take(2).collect();
                out.push(u8::from_str_radix(&digits, 16).expect("two hexadecimal digits"));
            }
            other => panic!("not an escape: {other:?}"),
        }
    }
    out
}

fn show(event: &Event) -> String {
    match event {
        Event::StartTls => "starttls".to_owned(),
        Event::Ready => "ready".to_owned(),
        Event::EnvelopeAccepted { id } => format!("permitted {id}"),
        Event::Settled(settlement) => {
            let results: Vec<String> = settlement.results.iter().map(show_result).collect();
            format!("settled {} at {}: {}", settlement.id, settlement.phase, results.join("; "))
        }
        Event::Closed(end) => format!("closed at {}: {}", end.phase, end.cause),
    }
}

fn show_result(result: &DeliveryResult) -> String {
    match result {
        DeliveryResult::Accepted(reply) => format!("accepted {reply}"),
        DeliveryResult::Deferred { phase, cause: DeferCause::Reply(reply) } => {
            format!("deferred at {phase}, {reply}")
        }
        DeliveryResult::Deferred { phase, cause: DeferCause::SessionEnded(end) } => {
            format!("deferred at {phase} ({end})")
        }
        DeliveryResult::Rejected { phase, reply } => format!("rejected at {phase}, {reply}"),
        DeliveryResult::Unsendable(reason) => format!("unsendable, {reason}"),
        DeliveryResult::Unknown { cause } => format!("unknown ({cause})"),
    }
}
