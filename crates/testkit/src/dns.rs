//! A name server for tests, on a loopback port: it holds what a test puts in, can say that it validated (AD), fails
//! names on purpose, and counts what it was asked. The wire format is hickory's.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hickory_resolver::proto::op::{Edns, Message, MessageType, Query, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, MX, TLSA, TXT};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// Seconds that answers may be kept.
const TTL: u32 = 300;
/// Octets of a question.
const QUESTION_MAX: usize = 4096;

/// A running name server; it ends when this is dropped.
pub struct NameServer {
    /// Where it listens.
    pub addr: SocketAddr,
    zone: Arc<Mutex<Zone>>,
    task: JoinHandle<()>,
}

/// What the server does for a name.
#[derive(Default)]
struct Zone {
    names: HashMap<String, Vec<RData>>,
    faults: HashMap<String, Fault>,
    secure: bool,
    asked: HashMap<(String, RecordType), u64>,
}

/// What goes wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The server says SERVFAIL.
    ServFail,
    /// The server says nothing.
    Silence,
}

impl NameServer {
    /// Starts an empty one: every name is NXDOMAIN.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn start() -> io::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = socket.local_addr()?;
        let zone = Arc::new(Mutex::new(Zone::default()));
        let task = tokio::spawn(serve(socket, Arc::clone(&zone)));
        Ok(Self { addr, zone, task })
    }

    /// Says from now on that its answers were validated.
    pub fn validates(&self) {
        self.zone().secure = true;
    }

    /// A mail host of a domain; `.` makes a null MX.
    pub fn mx(&self, domain: &str, preference: u16, host: &str) {
        self.add(domain, RData::MX(MX::new(preference, name(host))));
    }

    /// A host's address.
    pub fn host(&self, host: &str, address: IpAddr) {
        let data = match address {
            IpAddr::V4(address) => RData::A(A(address)),
            IpAddr::V6(address) => RData::AAAA(AAAA(address)),
        };
        self.add(host, data);
    }

    /// A text.
    pub fn txt(&self, owner: &str, text: &str) {
        self.add(owner, RData::TXT(TXT::new(vec![text.to_owned()])));
    }

    /// A TLSA record.
    pub fn tlsa(&self, owner: &str, (usage, selector, matching): (u8, u8, u8), data: &[u8]) {
        let tlsa = TLSA::new(usage.into(), selector.into(), matching.into(), data.to_vec());
        self.add(owner, RData::TLSA(tlsa));
    }

    /// Makes a name go wrong, or, with `None`, right again.
    pub fn fault(&self, owner: &str, fault: Option<Fault>) {
        let mut zone = self.zone();
        match fault {
            Some(fault) => zone.faults.insert(key(owner), fault),
            None => zone.faults.remove(&key(owner)),
        };
    }

    /// How often a name was asked for MX records.
    #[must_use]
    pub fn asked_for_mx(&self, domain: &str) -> u64 {
        self.zone().asked.get(&(key(domain), RecordType::MX)).copied().unwrap_or(0)
    }

    fn add(&self, owner: &str, data: RData) {
        self.zone().names.entry(key(owner)).or_default().push(data);
    }

    fn zone(&self) -> MutexGuard<'_, Zone> {
        lock(&self.zone)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(socket: UdpSocket, zone: Arc<Mutex<Zone>>) {
    let mut buffer = [0; QUESTION_MAX];
    loop {
        let Ok((length, from)) = socket.recv_from(&mut buffer).await else { continue };
        let Ok(question) = Message::from_vec(&buffer[..length]) else { continue };
        let reply = lock(&zone).reply(&question);
        if let Some(octets) = reply.and_then(|reply| reply.to_vec().ok()) {
            // Whoever asked may be gone.
            let _ = socket.send_to(&octets, from).await;
        }
    }
}

impl Zone {
    /// What is said to a question; `None` is silence.
    fn reply(&mut self, question: &Message) -> Option<Message> {
        let query = question.queries.first()?.clone();
        let owner = key(&query.name().to_ascii());
        *self.asked.entry((owner.clone(), query.query_type())).or_default() += 1;
        let wants_proof = question.edns.as_ref().is_some_and(|edns| edns.flags().dnssec_ok);
        let mut reply = Message::response(question.metadata.id, question.metadata.op_code);
        reply.metadata.message_type = MessageType::Response;
        reply.metadata.recursion_desired = question.metadata.recursion_desired;
        reply.metadata.recursion_available = true;
        reply.metadata.authentic_data = self.secure && wants_proof;
        reply.add_query(query.clone());
        if question.edns.is_some() {
            reply.set_edns(Edns::new());
        }
        match self.faults.get(&owner) {
            Some(Fault::Silence) => return None,
            Some(Fault::ServFail) => reply.metadata.response_code = ResponseCode::ServFail,
            None => self.answer(&mut reply, &owner, &query),
        }
        Some(reply)
    }

    fn answer(&self, reply: &mut Message, owner: &str, query: &Query) {
        let Some(held) = self.names.get(owner) else {
            reply.metadata.response_code = ResponseCode::NXDomain;
            return;
        };
        let fitting = held.iter().filter(|data| data.record_type() == query.query_type());
        reply.add_answers(fitting.map(|data| Record::from_rdata(query.name().clone(), TTL, data.clone())));
    }
}

fn key(owner: &str) -> String {
    owner.trim_end_matches('.').to_ascii_lowercase()
}

fn name(text: &str) -> Name {
    let absolute = format!("{}.", text.trim_end_matches('.'));
    Name::from_ascii(absolute).unwrap_or_else(|_| Name::root())
}

fn lock(zone: &Mutex<Zone>) -> MutexGuard<'_, Zone> {
    zone.lock().unwrap_or_else(PoisonError::into_inner)
}
