//! The direct route: mails go to the receivers' own mail servers.
//!
//! An actor of the direct route has a *part* for each domain that it has mails for: a relay actor like any other, whose
//! sessions are opened to the domain's hosts in turn. Sessions, permits, dots and outcomes are those of any relay; here
//! stands what is different: where to, how TLS is to be proven, when a domain is left alone, and what becomes of mails
//! for which no session could be opened.

mod admission;
mod keeper;
mod lane;
mod link;
pub mod opening;
mod policies;
mod route;
mod sources;
mod unreached;
mod verifier;

use std::sync::Arc;

use domain::direct::BackOffSchedule;
use runtime::{Clock, HttpsFetcher, Resolver};
use rustls::client::WebPkiServerVerifier;

use crate::relay::TlsTrust;
use crate::relay::tls::{self, TrustError};
use policies::Policies;

pub use lane::{DomainLane, Lanes};
pub use link::LinkEvidence;
pub use sources::{SourcePool, SourceTicket};

/// How the direct route works.
#[derive(Clone)]
pub struct DirectOptions {
    /// The DNS.
    pub resolver: Arc<dyn Resolver>,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The port of the receivers' servers: 25 but for tests.
    pub smtp_port: u16,
    /// The port of MTA-STS policies: 443 but for tests.
    pub policy_port: u16,
    /// Whether validated TLSA records are obeyed (RFC 7672).
    pub dane: bool,
    /// Whether MTA-STS policies are obeyed (RFC 8461).
    pub mta_sts: bool,
    /// Whether hosts of private networks and of this machine may be dialled.
    pub private_hosts: bool,
    /// In place of the receivers' own back-off schedules.
    pub back_off: Option<BackOffSchedule>,
    /// Where mails leave from.
    pub sources: Arc<SourcePool>,
    /// Whose certificates are believed, of mail servers under MTA-STS and of policy hosts.
    pub trust: TlsTrust,
}

/// The direct route of one process: options, trust and policies.
pub struct DirectRoute {
    options: DirectOptions,
    web: Arc<WebPkiServerVerifier>,
    policies: Policies,
}

impl DirectRoute {
    /// A route with these options.
    ///
    /// # Errors
    /// When the TLS trust cannot be read.
    pub fn new(options: DirectOptions) -> Result<Arc<Self>, TrustError> {
        let web = verifier::web(tls::roots(&options.trust)?)?;
        let fetcher = HttpsFetcher::new(tls::client_config(&options.trust)?);
        let policies = Policies::new(fetcher, options.policy_port);
        Ok(Arc::new(Self { options, web, policies }))
    }

    /// Where mails leave from.
    #[must_use]
    pub fn sources(&self) -> &Arc<SourcePool> {
        &self.options.sources
    }
}
