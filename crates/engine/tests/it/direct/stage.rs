//! A sender on the direct route, its name server, and receivers on loopback addresses that share one port.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::IntentState;
use domain::direct::BackOffSchedule;
use engine::{DirectOptions, DirectRoute, EngineConfig, SourcePool, TlsTrust};
use ledger::{AttemptView, ReadStore, ReleaseRow};
use runtime::{DnsResolver, SystemClock};
use testkit::certs::{Authority, Certificates};
use testkit::dns::NameServer;
use testkit::sink::{Behaviour, Sink, SinkConfig, SinkHandle, TlsMode};

use crate::rig::{Client, Rig};

pub struct Stage {
    pub rig: Rig,
    pub dns: NameServer,
    pub authority: Authority,
    /// The port of every receiver.
    pub port: u16,
}

/// A receiver to be started.
#[derive(Default)]
pub struct Receiver<'a> {
    pub behaviour: Behaviour,
    pub certificates: Option<&'a Certificates>,
}

impl Stage {
    pub async fn new() -> Self {
        Self::with(EngineConfig::default()).await
    }

    pub async fn with(config: EngineConfig) -> Self {
        let config = EngineConfig { connect_timeout: Duration::from_secs(2), ..config };
        let rig = Rig::new(config).await;
        // A port that is free on one loopback address is taken to be free on all.
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        let (dns, authority) = (NameServer::start().await.unwrap(), Authority::generate().unwrap());
        Self { rig, dns, authority, port }
    }

    /// Options for tests: waits of moments, hosts of this machine.
    pub fn options(&self) -> DirectOptions {
        let ca = self.rig.folder.path().join("ca.pem");
        self.authority.write_ca(&ca).unwrap();
        let clock = Arc::new(SystemClock);
        DirectOptions {
            resolver: Arc::new(DnsResolver::new(&[self.dns.addr], clock.clone()).unwrap()),
            clock,
            smtp_port: self.port,
            policy_port: 1,
            dane: true,
            mta_sts: true,
            private_hosts: true,
            back_off: Some(BackOffSchedule { first: ms(300), longest: ms(600) }),
            sources: SourcePool::none(),
            trust: TlsTrust::File(ca),
        }
    }

    pub async fn client(&self, options: DirectOptions) -> Client {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
        let mut client = self.rig.client("一社", nowhere, "").await;
        client.spec.host = "direct".to_owned();
        client.spec.login = None;
        client.spec.limits.sessions_max = 20;
        client.spec.direct = Some(DirectRoute::new(options).unwrap());
        client
    }

    /// Starts a receiver on this address.
    pub fn receiver(&self, ip: &str, receiver: Receiver<'_>) -> SinkHandle {
        let listen = SocketAddr::new(ip.parse().unwrap(), self.port);
        let tls = receiver.certificates.map(|certificates| certificates.setup(TlsMode::StartTls));
        Sink::start(SinkConfig { listen, tls, behaviour: receiver.behaviour, ..SinkConfig::default() })
            .unwrap()
    }

    /// A domain whose one mail host has this address.
    pub fn domain(&self, domain: &str, ip: &str) {
        let host = format!("mx.{domain}");
        self.dns.mx(domain, 10, &host);
        self.dns.host(&host, ip.parse::<IpAddr>().unwrap());
    }

    /// Everything that the books hold of one address.
    pub async fn attempts(&self, row: &ReleaseRow, address: &str) -> Vec<AttemptView> {
        self.rig.store.attempts(row.tenant, row.release, address).await.unwrap()
    }

    /// The session's facts of the attempt that was accepted.
    pub async fn link_of(&self, row: &ReleaseRow, address: &str) -> (String, String) {
        let views = self.attempts(row, address).await;
        let session = views.last().unwrap().session.clone().unwrap();
        (session.peer, session.tls)
    }

    /// The last entry's text against an address in this state.
    pub async fn last_text(&self, row: &ReleaseRow, state: IntentState) -> String {
        let views = self.rig.recipients(row, state).await;
        let last = views.first().expect("somebody in this state").last.clone();
        last.map(|last| last.reply_text).unwrap_or_default()
    }
}

pub fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// `count` addresses at a domain.
pub fn at(domain: &str, count: usize) -> Vec<String> {
    (1..=count).map(|no| format!("u{no}@{domain}")).collect()
}
