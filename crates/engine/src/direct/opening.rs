//! Opens a session to a domain: its hosts in turn, each as its domain demands, until one is ready; then it sends.

use std::sync::Arc;
use std::time::Duration;

use domain::direct::NoRoute;
use domain::{Phase, Reply};
use runtime::DialOptions;
use smtp::client::{EndCause, SessionEnd, TlsMode};

use super::lane::DomainLane;
use super::link::{LinkEvidence, peer_words};
use super::route::{Demand, Host, NoWay};
use super::{SourceTicket, verifier};
use crate::journal::Ring;
use crate::relay::RelayActor;
use crate::session::{self, LinkPlan, SessionReport};

/// After so long no further host is tried: the session's place is for others.
const VISIT_MAX: Duration = Duration::from_secs(120);
/// Octets of the words about hosts that could not be reached.
const TEXT_OCTETS_MAX: usize = 1000;

/// What became of the wish to open a session.
pub enum Visit {
    /// It was opened, sent what it could, and is over.
    Opened(SessionReport),
    /// The actor drains.
    CalledOff,
    /// The domain takes no mail, for good.
    Nowhere(NoRoute),
    /// No host could be reached.
    Unreached(Unreached),
}

/// Why no session could be opened.
#[derive(Debug, Clone)]
pub struct Unreached {
    /// Host by host, in the words of DNS, network, TLS or server.
    pub text: String,
    /// How far the last host let it get.
    pub phase: Phase,
    /// What the last host said.
    pub reply: Option<Reply>,
}

impl Unreached {
    fn before_any_host(text: String) -> Self {
        Self { text, phase: Phase::Connect, reply: None }
    }

    fn add(&mut self, host: &str, words: &str) {
        let gap = if self.text.is_empty() { "" } else { "; " };
        self.text.push_str(&format!("{gap}{host}: {words}"));
        self.text.truncate(self.text.floor_char_boundary(TEXT_OCTETS_MAX));
    }
}

/// One host's try.
enum Try {
    Opened(SessionReport),
    CalledOff,
    Failed { words: String, end: Option<SessionEnd> },
}

/// Opens a session for this part of an actor and lets it send.
pub async fn visit(part: Arc<RelayActor>, ring: Ring) -> Visit {
    let mut orders = part.orders();
    let going = Going { part: Arc::clone(&part), ring: Some(ring) };
    let Some(lane) = part.lane() else { return Visit::CalledOff };
    let found = tokio::select! {
        found = going.find(lane) => found,
        _ = orders.wait_for(|orders| orders.drain) => return Visit::CalledOff,
    };
    match found {
        Ok(found) => found.go(lane).await,
        Err(NoWay::Never(reason)) => Visit::Nowhere(reason),
        Err(NoWay::Later(words)) => Visit::Unreached(Unreached::before_any_host(words)),
    }
}

struct Going {
    part: Arc<RelayActor>,
    ring: Option<Ring>,
}

struct Found {
    going: Going,
    hosts: super::route::Hosts,
    source: Option<Arc<SourceTicket>>,
}

impl Going {
    async fn find(self, lane: &DomainLane) -> Result<Found, NoWay> {
        let now = self.part.ground.clock.now();
        let source = lane.route.sources().choose(now).map_err(|error| NoWay::Later(error.to_string()))?;
        let seed = self.part.ground.entropy.bits().map_err(|error| NoWay::Later(error.to_string()))?;
        let hosts = lane.route.hosts(&lane.domain, seed).await?;
        Ok(Found { going: self, hosts, source: source.map(Arc::new) })
    }
}

impl Found {
    async fn go(mut self, lane: &DomainLane) -> Visit {
        let clock = Arc::clone(&self.going.part.ground.clock);
        let over_at = clock.moment() + VISIT_MAX;
        let mut unreached = Unreached::before_any_host(String::new());
        for name in std::mem::take(&mut self.hosts.names) {
            match self.try_host(lane, &name).await {
                Try::Opened(report) => return Visit::Opened(report),
                Try::CalledOff => return Visit::CalledOff,
                Try::Failed { words, end } => {
                    unreached.add(&name, &words);
                    unreached.phase = end.as_ref().map_or(Phase::Connect, |end| end.phase);
                    unreached.reply = end.and_then(|end| match end.cause {
                        EndCause::Refused(reply) => Some(reply),
                        _ => None,
                    });
                }
            }
            if clock.moment() >= over_at {
                unreached.add("further hosts", "not tried, it took too long");
                break;
            }
        }
        Visit::Unreached(unreached)
    }

    /// One host: with TLS first; in clear when TLS failed and nothing demands it.
    async fn try_host(&mut self, lane: &DomainLane, name: &str) -> Try {
        let host = match lane.route.host(name, &self.hosts).await {
            Ok(host) => host,
            Err(words) => return Try::Failed { words, end: None },
        };
        let first = self.converse(lane, name, &host, Link::Tls).await;
        let Try::Failed { words, end: Some(end) } = first else { return first };
        let EndCause::TlsFailed(reason) = &end.cause else {
            return Try::Failed { words: by_demand(words, &host.demand), end: Some(end) };
        };
        match host.demand {
            Demand::Opportunistic => self.converse(lane, name, &host, Link::Clear(reason)).await,
            _ => Try::Failed { words: by_demand(words, &host.demand), end: Some(end) },
        }
    }

    async fn converse(&mut self, lane: &DomainLane, name: &str, host: &Host, link: Link<'_>) -> Try {
        let Some(ring) = self.going.ring.take() else { return Try::CalledOff };
        let part = &self.going.part;
        let source = self.source.as_ref().map(|source| source.ip);
        let mut orders = part.orders();
        let options = DialOptions {
            timeout: part.ground.config.connect_timeout,
            user_timeout: part.ground.config.tcp_user_timeout,
        };
        let dialled = tokio::select! {
            dialled = part.ground.network.dial_addresses(&host.addresses, source, options) => dialled,
            _ = orders.wait_for(|orders| orders.drain) => return Try::CalledOff,
        };
        let connection = match dialled {
            Ok(connection) => connection,
            Err(error) => {
                self.going.ring = Some(ring);
                return Try::Failed { words: format!("cannot connect: {error}"), end: None };
            }
        };
        let peer = peer_words(name, connection.peer, source);
        let plan = match link.plan(lane, name, host, peer, self.source.clone()) {
            Ok(plan) => plan,
            Err(words) => {
                self.going.ring = Some(ring);
                return Try::Failed { words, end: None };
            }
        };
        let (report, ring) = session::converse(Arc::clone(part), ring, connection, plan).await;
        self.going.ring = Some(ring);
        match (report.opened, report.end) {
            (true, end) => Try::Opened(SessionReport { end, ..report }),
            (false, None) => Try::CalledOff,
            (false, Some(end)) if matches!(end.cause, EndCause::Quit | EndCause::Abandoned) => Try::CalledOff,
            (false, Some(end)) => {
                Try::Failed { words: format!("{} ({})", end.cause, end.phase), end: Some(end) }
            }
        }
    }
}

/// How a link is tried.
enum Link<'a> {
    Tls,
    /// After TLS failed for this reason.
    Clear(&'a str),
}

impl Link<'_> {
    fn plan(
        &self,
        lane: &DomainLane,
        name: &str,
        host: &Host,
        peer: String,
        source: Option<Arc<SourceTicket>>,
    ) -> Result<LinkPlan, String> {
        let host_name = name.to_owned();
        match self {
            Link::Clear(reason) => {
                let evidence = Some(Arc::new(LinkEvidence::fallen_back(reason)));
                Ok(LinkPlan { host: host_name, peer, mode: TlsMode::None, tls: None, evidence, source })
            }
            Link::Tls => {
                let evidence = Arc::new(LinkEvidence::default());
                let config =
                    verifier::client_config(&lane.route.web, host.demand.clone(), &lane.domain, &evidence);
                let tls = Some(config.map_err(|error| error.to_string())?);
                let mode = match host.demand {
                    Demand::Opportunistic => TlsMode::StartTlsIfOffered,
                    Demand::Encrypted | Demand::MtaSts | Demand::Dane(_) => TlsMode::StartTls,
                };
                Ok(LinkPlan { host: host_name, peer, mode, tls, evidence: Some(evidence), source })
            }
        }
    }
}

/// The words, with what the domain demands of the link.
fn by_demand(words: String, demand: &Demand) -> String {
    match demand {
        Demand::Opportunistic => words,
        Demand::Encrypted => format!("{words}; its TLSA records ask for TLS"),
        Demand::MtaSts => format!("{words}; the domain's MTA-STS policy asks for a valid certificate"),
        Demand::Dane(_) => format!("{words}; its TLSA records ask for a certificate that they name"),
    }
}
