//! Debian's Knot DNS, which signs zones of a test, behind Debian's Unbound, which validates them: what a sender with DANE
//! asks on a real machine.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use hickory_resolver::proto::op::{Edns, Message, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use tempfile::TempDir;

use super::relay::{make_folder, wait_until};
use super::supervised::Supervised;
use super::{PeersError, Prepared};

const SCRIPT: &str = include_str!("../../peers/dns.sh");
const SERVER: &str = "Unbound with Knot DNS";
/// How long one answer may take while they start.
const ANSWER_MAX: Duration = Duration::from_millis(200);

/// A zone: its name, its records in master file format with names relative to it, and whether it is signed.
#[derive(Debug, Clone)]
pub struct DnsZone {
    /// The name, without a final dot.
    pub name: &'static str,
    /// Lines as `mx A 127.0.0.2`.
    pub records: String,
    /// Signed, and known to the resolver as such.
    pub signed: bool,
}

/// Running name servers; they end when this is dropped.
pub struct RunningDns {
    /// Where the validating resolver listens.
    pub addr: SocketAddr,
    server: Supervised,
    _folder: TempDir,
}

impl RunningDns {
    /// Serves these zones and no others. Needs root (namespaces).
    ///
    /// # Errors
    /// When the peers are not prepared, or the servers do not start.
    pub fn start(zones: &[DnsZone]) -> Result<Self, PeersError> {
        let prepared = Prepared::locate();
        let root = prepared.debian_with("usr/sbin/unbound")?;
        let failed = |source| PeersError::Folder { server: SERVER, source };
        let (folder, _, addr) = make_folder(None).map_err(failed)?;
        let knot = free_port().map_err(failed)?;
        let conf = folder.path().join("conf");
        let write = |name: &str, text: &str| fs::write(conf.join(name), text).map_err(failed);
        for zone in zones {
            write(&format!("{}.zone", zone.name), &zone_file(zone))?;
        }
        let signed = zones.iter().filter(|zone| zone.signed);
        write("zones", &signed.map(|zone| format!("{}\n", zone.name)).collect::<String>())?;
        write("knot.conf", &knot_conf(zones, knot))?;
        write("unbound.conf", &unbound_conf(zones, addr.port(), knot))?;
        let started = Supervised::start_isolated(&root, SCRIPT, folder.path());
        let server = started.map_err(|source| PeersError::Spawn { server: SERVER, source })?;
        let running = Self { addr, server, _folder: folder };
        let ready = || zones.iter().all(|zone| answers(running.addr, zone).unwrap_or(false));
        match wait_until(ready, &running.server) {
            Ok(()) => Ok(running),
            Err(reason) => Err(PeersError::Start { server: SERVER, reason, log: running.server.log_end() }),
        }
    }
}

/// Name servers for a test; `None` if the peers are not prepared, after saying that the test is skipped.
///
/// # Panics
/// When they do not start; or are not prepared although they have to be: `CI` or `HIKYAKU_REQUIRE_PEERS` is set.
#[must_use]
pub fn dns_or_skip(zones: &[DnsZone]) -> Option<RunningDns> {
    match RunningDns::start(zones) {
        Ok(running) => Some(running),
        Err(lacking @ PeersError::NotPrepared { .. }) => {
            super::prepared::skip(&lacking);
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn free_port() -> io::Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn zone_file(zone: &DnsZone) -> String {
    let DnsZone { name, records, .. } = zone;
    format!(
        "$ORIGIN {name}.\n$TTL 300\n@ SOA ns hostmaster 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\n{records}\n"
    )
}

fn knot_conf(zones: &[DnsZone], port: u16) -> String {
    let mut text = format!(
        "server:\n    rundir: /mnt/rundir\n    listen: 127.0.0.1@{port}\ndatabase:\n    storage: /mnt/keys\n\
         log:\n  - target: stderr\n    any: warning\npolicy:\n  - id: signed\n    algorithm: ecdsap256sha256\nzone:\n"
    );
    for zone in zones {
        let signing = if zone.signed { "    dnssec-signing: on\n    dnssec-policy: signed\n" } else { "" };
        // Writing to a string cannot fail.
        let _ = write!(text, "  - domain: {0}\n    file: /mnt/conf/{0}.zone\n{signing}", zone.name);
    }
    text
}

fn unbound_conf(zones: &[DnsZone], port: u16, knot: u16) -> String {
    let mut text = format!(
        "server:\n  interface: 127.0.0.1@{port}\n  port: {port}\n  directory: \"/mnt\"\n  chroot: \"\"\n  username: \"\"\n\
         pidfile: \"/mnt/unbound.pid\"\n  use-syslog: no\n  logfile: \"\"\n  do-not-query-localhost: no\n\
         module-config: \"validator iterator\"\n  local-zone: \"test.\" nodefault\n  include: \"/mnt/conf/anchors\"\n"
    );
    for zone in zones.iter().filter(|zone| !zone.signed) {
        let _ = writeln!(text, "  domain-insecure: \"{}\"", zone.name);
    }
    text.push_str("remote-control:\n  control-enable: no\n");
    for zone in zones {
        let _ = write!(text, "stub-zone:\n  name: \"{}\"\n  stub-addr: 127.0.0.1@{knot}\n", zone.name);
    }
    text
}

/// Whether the resolver answers for the zone, and says that it validated what is signed.
fn answers(addr: SocketAddr, zone: &DnsZone) -> io::Result<bool> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.set_read_timeout(Some(ANSWER_MAX))?;
    let name = Name::from_ascii(format!("ns.{}.", zone.name)).map_err(io::Error::other)?;
    let mut question = Message::query();
    question.metadata.recursion_desired = true;
    question.add_query(Query::query(name, RecordType::A));
    let mut edns = Edns::new();
    edns.set_dnssec_ok(true);
    question.set_edns(edns);
    socket.send_to(&question.to_vec().map_err(io::Error::other)?, addr)?;
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer)?;
    let reply = Message::from_vec(&buffer[..length]).map_err(io::Error::other)?;
    let good = reply.metadata.response_code == ResponseCode::NoError && !reply.answers.is_empty();
    Ok(good && reply.metadata.authentic_data == zone.signed)
}
