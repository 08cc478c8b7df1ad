//! Client and server glued in memory, with an engine that sends a list of messages and a link that can be cut.

use std::sync::Arc;

use domain::Moment;
use smtp::client::{Body, Client, ClientConfig, Envelope, Event, SessionEnd, Settlement};
use smtp::server::{self, Server, ServerConfig};

const NOW: Moment = Moment::ZERO;

/// Where and how the link ends.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Octets that the client's kernel accepts before it refuses all more.
    pub kernel_accepts: usize,
    /// Of those, octets at the end that never arrive.
    pub lost: usize,
    /// Octets of the server that reach the client.
    pub client_receives: usize,
}

pub const NO_CUT: Cut = Cut { kernel_accepts: usize::MAX, lost: 0, client_receives: usize::MAX };

/// What both sides saw.
#[derive(Default)]
pub struct Seen {
    /// Every octet that the kernel accepted.
    pub accepted: Vec<u8>,
    /// Octets that the server sent, whether they arrived or not.
    pub server_octets: usize,
    /// Octets of the server that the client was given.
    pub received: Vec<u8>,
    /// Messages that the server took responsibility for.
    pub taken: Vec<Vec<u8>>,
    pub settlements: Vec<Settlement>,
    pub closed: Option<SessionEnd>,
}

pub struct Link<'a> {
    client: Client,
    server: Server,
    messages: &'a [&'a [u8]],
    offered: usize,
    sent: usize,
    delivered: usize,
    cut: Cut,
    seen: Seen,
}

/// Sends `messages` (numbered from 0) over a link with the cut, the replies arriving by at most `step` octets.
pub fn run(client: ClientConfig, server: ServerConfig, messages: &[&[u8]], cut: Cut, step: usize) -> Seen {
    let mut link = Link {
        client: Client::new(client, NOW),
        server: Server::new(Arc::new(server), false),
        messages,
        offered: 0,
        sent: 0,
        delivered: 0,
        cut,
        seen: Seen::default(),
    };
    loop {
        let moved = link.client_to_server() | link.server_to_client(step);
        link.engine();
        if link.client.is_closed() {
            // What the kernel had accepted still arrives.
            link.client_to_server();
            return link.seen;
        }
        if !moved {
            // Everything that can arrive has arrived, or the kernel refuses the rest.
            link.client.end_of_file(NOW);
            link.engine();
        }
    }
}

impl Link<'_> {
    /// True when something moved.
    fn client_to_server(&mut self) -> bool {
        let room = self.cut.kernel_accepts - self.seen.accepted.len();
        let count = self.client.pending().len().min(room);
        self.seen.accepted.extend_from_slice(&self.client.pending()[..count]);
        self.client.written(count, NOW);
        // The lost octets are the last before the kernel's refusal.
        let arrives = self.seen.accepted.len().min(self.cut.kernel_accepts.saturating_sub(self.cut.lost));
        let arriving = &self.seen.accepted[self.delivered..arrives.max(self.delivered)];
        let moved = count > 0 || !arriving.is_empty();
        self.server.receive(arriving);
        self.delivered += arriving.len();
        while let Some(event) = self.server.poll_event() {
            if let server::Event::Message { octets } = event {
                self.seen.taken.push(octets.to_vec());
            }
            self.server.accept();
        }
        moved
    }

    fn server_to_client(&mut self, step: usize) -> bool {
        let count = self.server.pending().len().min(step);
        let octets = self.server.pending()[..count].to_vec();
        self.server.written(count);
        self.seen.server_octets += count;
        let room = self.cut.client_receives - self.seen.received.len();
        let arriving = &octets[..octets.len().min(room)];
        self.seen.received.extend_from_slice(arriving);
        self.client.receive(arriving, NOW);
        count > 0
    }

    fn engine(&mut self) {
        while let Some(event) = self.client.poll_event() {
            match event {
                Event::StartTls => self.client.tls_failed("no TLS here", NOW),
                Event::Ready => self.offer_next(),
                Event::EnvelopeAccepted { id } => {
                    self.offer_next();
                    assert_eq!(id, self.sent as u64, "content is asked for in order");
                    self.client.send_message(self.messages[self.sent], None, NOW).expect("permitted");
                    self.sent += 1;
                }
                Event::Settled(settlement) => {
                    self.seen.settlements.push(settlement);
                    if self.seen.settlements.len() == self.messages.len() {
                        self.client.quit(NOW);
                    }
                }
                Event::Closed(end) => {
                    assert!(self.seen.closed.is_none(), "closed twice");
                    self.seen.closed = Some(end);
                }
            }
        }
    }

    fn offer_next(&mut self) {
        if self.offered < self.messages.len() && self.client.can_offer() {
            let envelope = Envelope {
                id: self.offered as u64,
                reverse_path: "s@example.jp",
                recipients: &["r@example.jp"],
                size: self.messages[self.offered].len() as u64,
                body: Body::SevenBit,
                smtputf8: false,
            };
            self.client.offer(&envelope, NOW).expect("an envelope is taken");
            self.offered += 1;
        }
    }
}
