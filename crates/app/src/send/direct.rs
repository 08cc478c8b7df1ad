//! The direct route as people ask for it, made ready over the machine's DNS and the data folder.

use std::net::SocketAddr;
use std::sync::Arc;

use domain::direct::SourceAddress;
use engine::{DirectOptions, DirectRoute, SourcePool, TlsTrust};
use runtime::DnsResolver;

use super::Premises;
use crate::error::AppError;

/// Where the data folder keeps what new source addresses have sent.
const SOURCES_FILE: &str = "source-addresses";

/// What is asked of the direct route.
#[derive(Debug, Clone)]
pub struct DirectRequest {
    /// Name servers; none: the machine's.
    pub dns: Vec<SocketAddr>,
    /// The port of receivers' servers.
    pub smtp_port: u16,
    /// The port of MTA-STS policies.
    pub policy_port: u16,
    /// Addresses that mails leave from; none: the kernel chooses.
    pub sources: Vec<SourceAddress>,
    /// Whether TLSA records are obeyed.
    pub dane: bool,
    /// Whether MTA-STS policies are obeyed.
    pub mta_sts: bool,
    /// Whether hosts of private networks may be dialled.
    pub private_hosts: bool,
}

/// Makes the route.
///
/// # Errors
/// When name servers, trust or the count of source addresses cannot be had.
pub fn route(
    request: &DirectRequest,
    trust: &TlsTrust,
    premises: &Premises,
) -> Result<Arc<DirectRoute>, AppError> {
    let clock = Arc::clone(&premises.clock);
    let resolver = match request.dns.as_slice() {
        [] => DnsResolver::system(clock),
        servers => DnsResolver::new(servers, clock),
    };
    let resolver = resolver.map_err(|error| AppError::BadInput(error.to_string()))?;
    let path = premises.folder.dir().join(SOURCES_FILE);
    let sources = SourcePool::open(&request.sources, Some(path.clone()))
        .map_err(|reason| AppError::File { path, reason })?;
    let options = DirectOptions {
        resolver: Arc::new(resolver),
        clock: Arc::clone(&premises.clock),
        smtp_port: request.smtp_port,
        policy_port: request.policy_port,
        dane: request.dane,
        mta_sts: request.mta_sts,
        private_hosts: request.private_hosts,
        back_off: None,
        sources,
        trust: trust.clone(),
    };
    Ok(DirectRoute::new(options).map_err(engine::OpenRelayError::from)?)
}
