//! The DNS over hickory: the machine's name servers or given ones, with a cache by time to live and limits on time,
//! count and size.
//!
//! DNSSEC is validated by the name server, not here: its AD bit is believed only when every name server is on this
//! machine, for anybody on the way could set it (RFC 7672 section 2.1, RFC 4035 section 4.9.3).

mod cache;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use domain::direct::{MxRecord, TlsaRecord};
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::xfer::FirstAnswer;
use hickory_resolver::net::{DnsError, DnsHandle, NetError, RetryDnsHandle};
use hickory_resolver::proto::op::{DnsRequestOptions, Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{NameServerPool, PoolContext, TlsConfig};

use crate::Pending;
use crate::clock::Clock;
use crate::resolver::{Answer, Looked, LookupError, RECORDS_MAX, Resolver, in_turn};
use cache::{Cache, Kept};

/// How long a name server may take for one try.
const TRY_MAX: Duration = Duration::from_secs(5);
/// Tries before a question is given up.
const TRIES: usize = 2;
/// How long one question may take in all.
const QUESTION_MAX: Duration = Duration::from_secs(20);
/// Octets of one TXT record that are kept.
const TXT_OCTETS_MAX: usize = 4096;
/// How long a failure is remembered, so that a hundred sessions do not ask again for it at once.
const FAILURE_KEPT: Duration = Duration::from_secs(5);

/// Asks name servers.
pub struct DnsResolver {
    pool: RetryDnsHandle<NameServerPool<TokioRuntimeProvider>>,
    believes_ad: bool,
    cache: Cache,
    clock: Arc<dyn Clock>,
}

/// Why there is no resolver.
#[derive(Debug, thiserror::Error)]
pub enum ResolverError {
    /// The machine's configuration cannot be used.
    #[error(
        "the machine's name servers cannot be read from /etc/resolv.conf: {0}; name one with --dns HOST:PORT"
    )]
    System(String),
    /// There is no name server.
    #[error("no name server is known; name one with --dns HOST:PORT")]
    None,
    /// The library refused.
    #[error("the DNS cannot be used: {0}")]
    Library(String),
}

impl DnsResolver {
    /// Over the name servers that the machine is configured with.
    ///
    /// # Errors
    /// When they cannot be read, or there are none.
    pub fn system(clock: Arc<dyn Clock>) -> Result<Self, ResolverError> {
        let read = hickory_resolver::system_conf::read_system_conf();
        let (config, _) = read.map_err(|error| ResolverError::System(error.to_string()))?;
        Self::over(config.name_servers().to_vec(), clock)
    }

    /// Over these name servers, asked in turn.
    ///
    /// # Errors
    /// When there are none.
    pub fn new(servers: &[SocketAddr], clock: Arc<dyn Clock>) -> Result<Self, ResolverError> {
        let server = |place: &SocketAddr| {
            let mut connections = vec![ConnectionConfig::udp(), ConnectionConfig::tcp()];
            connections.iter_mut().for_each(|connection| connection.port = place.port());
            NameServerConfig::new(place.ip(), true, connections)
        };
        Self::over(servers.iter().map(server).collect(), clock)
    }

    fn over(servers: Vec<NameServerConfig>, clock: Arc<dyn Clock>) -> Result<Self, ResolverError> {
        if servers.is_empty() {
            return Err(ResolverError::None);
        }
        let believes_ad = servers.iter().all(|server| server.ip.is_loopback());
        let mut options = ResolverOpts::default();
        options.timeout = TRY_MAX;
        options.attempts = TRIES;
        options.edns0 = true;
        let tls = TlsConfig::new().map_err(|error| ResolverError::Library(error.to_string()))?;
        let context = Arc::new(PoolContext::new(options, tls));
        let pool = NameServerPool::from_config(servers, context, TokioRuntimeProvider::default());
        let pool = RetryDnsHandle::new(pool, TRIES);
        Ok(Self { pool, believes_ad, cache: Cache::default(), clock })
    }

    /// The records of one kind, from the cache or the name servers.
    async fn ask(&self, name: &str, kind: RecordType) -> Looked<RData> {
        let key = (name.to_ascii_lowercase(), kind);
        if let Some(kept) = self.cache.get(&key, self.clock.moment()) {
            return kept;
        }
        let Kept { looked, ttl } = self.ask_servers(name, kind).await;
        self.cache.put(key, looked.clone(), ttl, self.clock.moment());
        looked
    }

    async fn ask_servers(&self, name: &str, kind: RecordType) -> Kept {
        let absolute = format!("{}.", name.trim_end_matches('.'));
        let Ok(asked) = Name::from_ascii(&absolute) else {
            return Kept { looked: Err(LookupError::BadName { name: name.to_owned() }), ttl: FAILURE_KEPT };
        };
        let mut options = DnsRequestOptions::default();
        options.use_edns = true;
        // DO: without it a validating name server does not say whether it validated.
        options.edns_set_dnssec_ok = true;
        let asking = self.pool.lookup(Query::query(asked, kind), options).first_answer();
        let temporary =
            |reason: String| LookupError::Temporary { name: name.to_owned(), kind: word(kind), reason };
        let response = match tokio::time::timeout(QUESTION_MAX, asking).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return without_records(name, error, temporary),
            Err(_) => {
                let looked = Err(temporary("no reply in time".to_owned()));
                return Kept { looked, ttl: FAILURE_KEPT };
            }
        };
        if response.metadata.response_code == ResponseCode::NXDomain {
            return Kept { looked: Err(LookupError::NoDomain { name: name.to_owned() }), ttl: FAILURE_KEPT };
        }
        let secure = self.believes_ad && response.metadata.authentic_data;
        let found = response.answers.iter().filter(|record| record.record_type() == kind).take(RECORDS_MAX);
        let ttl = response.answers.iter().map(|record| record.ttl).min().unwrap_or(0);
        let records = found.map(|record| record.data.clone()).collect();
        Kept { looked: Ok(Answer { records, secure }), ttl: Duration::from_secs(ttl.into()) }
    }

    async fn ask_for<T>(&self, name: &str, kind: RecordType, read: impl Fn(RData) -> Option<T>) -> Looked<T> {
        let answer = self.ask(name, kind).await?;
        Ok(Answer { records: answer.records.into_iter().filter_map(read).collect(), secure: answer.secure })
    }

    async fn ask_addresses(&self, host: &str) -> Looked<IpAddr> {
        let (six, four) = tokio::join!(
            self.ask_for(host, RecordType::AAAA, |data| match data {
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                _ => None,
            }),
            self.ask_for(host, RecordType::A, |data| match data {
                RData::A(address) => Some(IpAddr::V4(address.0)),
                _ => None,
            }),
        );
        match (six, four) {
            (Ok(six), Ok(four)) => {
                let secure = [&six, &four].iter().all(|one| one.secure || one.records.is_empty())
                    && (six.secure || four.secure);
                Ok(Answer { records: in_turn(six.records, four.records), secure })
            }
            // Of two answers one may be missing, as long as the other leads somewhere.
            (Ok(one), Err(_)) | (Err(_), Ok(one)) if !one.records.is_empty() => Ok(one),
            (Err(error), _) | (_, Err(error)) => Err(error),
        }
    }
}

impl Resolver for DnsResolver {
    fn mx<'a>(&'a self, domain: &'a str) -> Pending<'a, Looked<MxRecord>> {
        Box::pin(self.ask_for(domain, RecordType::MX, |data| match data {
            RData::MX(mx) => {
                let host = mx.exchange.to_ascii().trim_end_matches('.').to_owned();
                Some(MxRecord { preference: mx.preference, host })
            }
            _ => None,
        }))
    }

    fn addresses<'a>(&'a self, host: &'a str) -> Pending<'a, Looked<IpAddr>> {
        Box::pin(self.ask_addresses(host))
    }

    fn txt<'a>(&'a self, name: &'a str) -> Pending<'a, Looked<String>> {
        Box::pin(self.ask_for(name, RecordType::TXT, |data| match data {
            RData::TXT(txt) => {
                let octets = txt.txt_data.concat();
                (octets.len() <= TXT_OCTETS_MAX).then(|| String::from_utf8(octets).ok())?
            }
            _ => None,
        }))
    }

    fn tlsa<'a>(&'a self, name: &'a str) -> Pending<'a, Looked<TlsaRecord>> {
        Box::pin(self.ask_for(name, RecordType::TLSA, |data| match data {
            RData::TLSA(tlsa) => Some(TlsaRecord {
                usage: tlsa.cert_usage.into(),
                selector: tlsa.selector.into(),
                matching: tlsa.matching.into(),
                data: tlsa.cert_data,
            }),
            _ => None,
        }))
    }
}

/// What an error of the library means.
fn without_records(name: &str, error: NetError, temporary: impl Fn(String) -> LookupError) -> Kept {
    match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => {
            let ttl = Duration::from_secs(none.negative_ttl.unwrap_or(0).into());
            let looked = match none.response_code {
                ResponseCode::NXDomain => Err(LookupError::NoDomain { name: name.to_owned() }),
                ResponseCode::NoError => Ok(Answer { records: Vec::new(), secure: false }),
                other => Err(temporary(other.to_string())),
            };
            Kept { looked, ttl: ttl.max(FAILURE_KEPT) }
        }
        NetError::Dns(DnsError::ResponseCode(code)) => {
            Kept { looked: Err(temporary(code.to_string())), ttl: FAILURE_KEPT }
        }
        other => Kept { looked: Err(temporary(other.to_string())), ttl: FAILURE_KEPT },
    }
}

fn word(kind: RecordType) -> &'static str {
    kind.into()
}
