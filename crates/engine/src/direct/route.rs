//! From a domain to the hosts that take its mail, and what the link to each must prove. All answers are the resolver's,
//! which keeps them for their time to live.

use std::net::SocketAddr;

use domain::direct::dane::tlsa_name;
use domain::direct::destination::is_public;
use domain::direct::{Destination, MtaStsPolicy, NoRoute, StsMode, TlsaRecord, TlsaSet};
use runtime::LookupError;

use super::DirectRoute;

/// Addresses of one host that are tried.
const ADDRESSES_MAX: usize = 4;

/// The hosts of a domain, in the order in which they are to be tried.
pub struct Hosts {
    /// Their names.
    pub names: Vec<String>,
    /// The MX answer was validated.
    pub secure: bool,
    /// The domain's MTA-STS policy, where it is to be enforced.
    pub policy: Option<MtaStsPolicy>,
}

/// Why a domain's hosts are not known.
pub enum NoWay {
    /// There will never be any.
    Never(NoRoute),
    /// They are not known now.
    Later(String),
}

/// One host, ready to be dialled.
pub struct Host {
    /// Its addresses.
    pub addresses: Vec<SocketAddr>,
    /// What the link must prove.
    pub demand: Demand,
}

/// What the link to a host must prove.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Demand {
    /// TLS where it works, whoever answers (RFC 7435).
    Opportunistic,
    /// TLS, whoever answers: the host has TLSA records, and none that can be used (RFC 7672 section 2.2.2).
    Encrypted,
    /// A certificate that is valid for the host (RFC 8461 section 4.1).
    MtaSts,
    /// A certificate that one of these names (RFC 7672).
    Dane(Vec<TlsaRecord>),
}

impl DirectRoute {
    /// The hosts of a domain.
    pub async fn hosts(&self, domain: &str, seed: u64) -> Result<Hosts, NoWay> {
        let resolver = &self.options.resolver;
        let mx = resolver.mx(domain).await.map_err(no_way)?;
        let (names, secure) = match Destination::of(&mx.records, seed) {
            Destination::Nowhere(reason) => return Err(NoWay::Never(reason)),
            Destination::Hosts(names) => (names, mx.secure),
            Destination::Implicit => {
                let addresses = resolver.addresses(domain).await.map_err(no_way)?;
                if addresses.records.is_empty() {
                    return Err(NoWay::Never(NoRoute::NoHost));
                }
                (vec![domain.to_owned()], addresses.secure)
            }
        };
        let policy = match self.options.mta_sts {
            true => self.policies.of(domain, &self.options).await,
            false => None,
        };
        Ok(Hosts { names, secure, policy: policy.filter(|policy| policy.mode == StsMode::Enforce) })
    }

    /// What there is to know of one of them before it is dialled.
    ///
    /// # Errors
    /// Why it cannot be dialled, in words.
    pub async fn host(&self, name: &str, hosts: &Hosts) -> Result<Host, String> {
        let resolver = &self.options.resolver;
        let found = resolver.addresses(name).await.map_err(|error| error.to_string())?;
        if found.records.is_empty() {
            return Err("the host has no address".to_owned());
        }
        let demand = self.demand(name, hosts, hosts.secure && found.secure).await?;
        let public = found.records.into_iter().filter(|ip| self.options.private_hosts || is_public(*ip));
        let port = self.options.smtp_port;
        let addresses: Vec<_> = public.map(|ip| SocketAddr::new(ip, port)).take(ADDRESSES_MAX).collect();
        match addresses.is_empty() {
            true => Err("the host's addresses are all of private networks".to_owned()),
            false => Ok(Host { addresses, demand }),
        }
    }

    /// DANE before MTA-STS, for a policy must not weaken what DANE asks for (RFC 8461 section 2).
    async fn demand(&self, name: &str, hosts: &Hosts, secure: bool) -> Result<Demand, String> {
        if self.options.dane && secure {
            // A validated zone whose TLSA records cannot be had may hide them: the host is passed over (RFC 7672 2.1.2).
            let records = match self.options.resolver.tlsa(&tlsa_name(name, self.options.smtp_port)).await {
                Ok(answer) if answer.secure => answer.records,
                Ok(_) | Err(LookupError::NoDomain { .. }) => Vec::new(),
                Err(error) => return Err(error.to_string()),
            };
            match TlsaSet::of(records) {
                TlsaSet::Absent => {}
                TlsaSet::Unusable => return Ok(Demand::Encrypted),
                TlsaSet::Usable(records) => return Ok(Demand::Dane(records)),
            }
        }
        match &hosts.policy {
            None => Ok(Demand::Opportunistic),
            Some(policy) if policy.allows(name) => Ok(Demand::MtaSts),
            Some(_) => Err("the domain's MTA-STS policy does not name this host".to_owned()),
        }
    }
}

fn no_way(error: LookupError) -> NoWay {
    match error {
        LookupError::NoDomain { .. } => NoWay::Never(NoRoute::NoDomain),
        LookupError::BadName { .. } => NoWay::Never(NoRoute::NoUsableHost),
        LookupError::Temporary { .. } => NoWay::Later(error.to_string()),
    }
}
