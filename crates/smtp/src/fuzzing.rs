//! The bodies of the fuzz targets: octets from outside against both machines, with every claim asserted.
//!
//! They live here so that the stable toolchain's tests run them too. The first octet of the input chooses the
//! setting. Both panic when a claim is broken and return quietly otherwise, whatever the octets.

use std::sync::Arc;

use domain::{Moment, Reply, ReplyCode};

use crate::client::{Body, Client, ClientConfig, Credentials, DeliveryResult, Envelope, Event, TlsMode};
use crate::content::lines_end_in_crlf;
use crate::server::{self, BareLineEnds, ContentMode, Server, ServerConfig};
use crate::{Mechanism, Secret};

/// A hostile server: `data` is what it sends. Asserted: the client ends, each envelope that was taken settles
/// exactly once, a message is claimed as accepted or unknown only if its content was written.
pub fn client_replies(data: &[u8]) {
    let Some((setting, octets)) = data.split_first() else { return };
    let now = Moment::ZERO;
    let mut engine = FuzzEngine::new(*setting, now);
    for piece in octets.chunks(usize::from(setting >> 5) + 1) {
        engine.client.receive(piece, now);
        engine.turn(now);
    }
    engine.client.end_of_file(now);
    engine.turn(now);
    assert!(engine.client.is_closed() && engine.closed == 1, "the session has one end");
    assert!(engine.client.pending().is_empty(), "nothing may be written after the end");
    assert_eq!(engine.offered, engine.settled, "each envelope settles once");
}

struct FuzzEngine {
    client: Client,
    offered: Vec<u64>,
    settled: Vec<u64>,
    written: Vec<u64>,
    closed: usize,
}

impl FuzzEngine {
    fn new(setting: u8, now: Moment) -> Self {
        let credentials = Credentials { user: "u".to_owned(), secret: Secret::from("p"), mechanism: None };
        let config = ClientConfig {
            tls: [TlsMode::None, TlsMode::StartTls, TlsMode::StartTlsIfOffered, TlsMode::Implicit]
                [usize::from(setting & 3)],
            credentials: (setting & 4 != 0).then_some(credentials),
            allow_plaintext_auth: true,
            use_chunking: setting & 8 != 0,
            ..ClientConfig::new("client.example")
        };
        let client = Client::new(config, now);
        Self { client, offered: Vec::new(), settled: Vec::new(), written: Vec::new(), closed: 0 }
    }

    fn turn(&mut self, now: Moment) {
        self.client.written(self.client.pending().len(), now);
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::StartTls => self.client.tls_started(now),
                Event::Ready => {}
                Event::EnvelopeAccepted { id } => {
                    self.offer(now);
                    let sent = self.client.send_message(b"a\r\n.b\r\n", None, now);
                    assert!(sent.is_ok(), "what is permitted can be sent");
                    self.written.push(id);
                }
                Event::Settled(settlement) => {
                    let claims = settlement.results.iter().any(|result| {
                        matches!(result, DeliveryResult::Accepted(_) | DeliveryResult::Unknown { .. })
                    });
                    assert!(!claims || self.written.contains(&settlement.id), "claimed without content");
                    self.settled.push(settlement.id);
                }
                Event::Closed(_) => self.closed += 1,
            }
            self.offer(now);
            self.client.written(self.client.pending().len(), now);
        }
    }

    fn offer(&mut self, now: Moment) {
        if self.client.can_offer() {
            let id = self.offered.len() as u64;
            let recipients = ["a@example.jp", "b@example.jp"];
            let recipients = &recipients[..1 + usize::from(id % 2 == 1)];
            let (reverse_path, size, body) = ("s@example.jp", 9, Body::SevenBit);
            let envelope = Envelope { id, reverse_path, recipients, size, body, smtputf8: false };
            if self.client.offer(&envelope, now).is_ok() {
                self.offered.push(id);
            }
        }
    }
}

/// A hostile client: `data` is what it sends. Asserted: the result does not depend on how the octets are cut into
/// reads, replies are whole lines of printable characters, and a message with bare line ends or NUL is never taken
/// where they are refused.
pub fn server_commands(data: &[u8]) {
    let Some((setting, octets)) = data.split_first() else { return };
    let whole = run_server(*setting, octets, usize::MAX);
    // Which octets arrive behind STARTTLS depends on the cut, by design.
    if setting & 4 == 0 {
        assert_eq!(whole, run_server(*setting, octets, 1), "the cut into reads matters");
    }
}

fn run_server(setting: u8, octets: &[u8], step: usize) -> (Vec<u8>, Vec<Vec<u8>>) {
    let strict = setting & 1 != 0;
    let slices = setting & 2 != 0;
    let mut config = ServerConfig::new("mx.example");
    config.bare_line_ends = if strict { BareLineEnds::Refuse } else { BareLineEnds::Allow };
    config.refuse_nul = strict;
    config.content = if slices { ContentMode::Slices } else { ContentMode::Whole };
    config.extensions.starttls = setting & 4 != 0;
    config.extensions.auth = Mechanism::ALL.to_vec();
    config.auth_without_tls = true;
    config.dsn_parameters = setting & 8 != 0;
    config.idle_commands_max = if setting & 16 != 0 { 4 } else { usize::MAX };
    let gives_up = setting & 32 != 0;
    let Some(code) = ReplyCode::new(452) else { return Default::default() };
    let full = Reply { code, enhanced: None, text: "full".to_owned() };
    (config.size_max, config.command_octets_max) = (200, 100);
    let mut server = Server::new(Arc::new(config), false);
    let (mut replies, mut messages, mut slice) = (Vec::new(), Vec::new(), Vec::new());
    for piece in octets.chunks(step.max(1)) {
        server.receive(piece);
        while let Some(event) = server.poll_event() {
            match event {
                server::Event::Message { octets } => {
                    let shown = octets.to_vec();
                    let clean = lines_end_in_crlf(&shown, &[]) && !shown.contains(&0);
                    assert!(!strict || clean, "a message that can be smuggled was taken");
                    assert_eq!(server.take_message(), shown, "the message is handed over whole");
                    messages.push(shown);
                }
                server::Event::Content { octets, .. } => slice.extend_from_slice(octets),
                server::Event::MessageEnd { octets } => {
                    assert_eq!(octets, slice.len() as u64, "all slices were seen");
                    messages.push(std::mem::take(&mut slice));
                }
                server::Event::MessageRefused(_) | server::Event::Reset | server::Event::Ehlo { .. } => {
                    slice.clear()
                }
                server::Event::StartTls => server.tls_started(),
                _ => {}
            }
            server.accept();
            if gives_up && server.content_octets().is_some() {
                server.refuse_content(full.clone());
            }
        }
        server.release();
        replies.extend_from_slice(server.pending());
        server.written(server.pending().len());
    }
    assert!(replies.is_empty() || replies.ends_with(b"\r\n"), "replies are whole lines");
    let controls = replies.iter().filter(|octet| octet.is_ascii_control() && !b"\r\n".contains(octet));
    assert_eq!(controls.count(), 0, "replies are printable");
    (replies, messages)
}
