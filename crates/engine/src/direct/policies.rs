//! The MTA-STS policies of domains: looked up, fetched, and kept as long as they say (RFC 8461 sections 3 and 5.1).

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use domain::Moment;
use domain::direct::MtaStsPolicy;
use domain::direct::destination::is_public;
use domain::direct::mta_sts::{POLICY_OCTETS_MAX, record_id};
use runtime::{FileFetcher, FileRequest, HttpsFetcher};

use super::DirectOptions;
use crate::relay::lock;

/// Policies kept at a time.
const POLICIES_MAX: usize = 20_000;
/// How long one fetch may take (RFC 8461 section 3.3 suggests a minute).
const FETCH_MAX: Duration = Duration::from_secs(60);
/// How long a failed fetch is not tried again (RFC 8461 section 3.3 asks for a limit).
const FAILURE_KEPT: Duration = Duration::from_secs(300);

/// The policies that are known.
pub struct Policies {
    fetcher: HttpsFetcher,
    port: u16,
    known: Mutex<HashMap<String, Known>>,
}

/// What is known of one domain.
#[derive(Clone, Default)]
struct Known {
    policy: Option<(String, MtaStsPolicy, Moment)>,
    failed_until: Option<Moment>,
}

impl Policies {
    /// None is known yet.
    pub fn new(fetcher: HttpsFetcher, port: u16) -> Self {
        Self { fetcher, port, known: Mutex::default() }
    }

    /// A domain's policy: the one that is kept, unless the DNS names a newer one that can be had.
    pub async fn of(&self, domain: &str, options: &DirectOptions) -> Option<MtaStsPolicy> {
        let now = options.clock.moment();
        let mut known = self.known().get(domain).cloned().unwrap_or_default();
        known.policy = known.policy.filter(|(.., until)| now < *until);
        let kept = known.policy.clone().map(|(_, policy, _)| policy);
        let texts = options.resolver.txt(&format!("_mta-sts.{domain}")).await.ok();
        let id = texts.as_ref().and_then(|texts| record_id(&texts.records));
        let Some(id) = id.filter(|id| known.policy.as_ref().is_none_or(|(known, ..)| known != id)) else {
            return kept;
        };
        if known.failed_until.is_some_and(|until| now < until) {
            return kept;
        }
        match self.fetch(domain, options).await {
            Ok(policy) => {
                let until = now + policy.max_age;
                known = Known { policy: Some((id.to_owned(), policy.clone(), until)), failed_until: None };
                self.keep(domain, known);
                Some(policy)
            }
            Err(reason) => {
                tracing::warn!(domain, reason, "an MTA-STS policy that the DNS names cannot be had");
                known.failed_until = Some(now + FAILURE_KEPT);
                self.keep(domain, known);
                kept
            }
        }
    }

    async fn fetch(&self, domain: &str, options: &DirectOptions) -> Result<MtaStsPolicy, String> {
        let host = format!("mta-sts.{domain}");
        let found = options.resolver.addresses(&host).await.map_err(|error| error.to_string())?;
        let mut addresses = found.records;
        addresses.retain(|ip| options.private_hosts || is_public(*ip));
        let request = FileRequest {
            host: &host,
            addresses: &addresses,
            port: self.port,
            path: "/.well-known/mta-sts.txt",
            octets_max: POLICY_OCTETS_MAX,
            timeout: FETCH_MAX,
        };
        let text = self.fetcher.fetch(request).await.map_err(|error| error.to_string())?;
        MtaStsPolicy::parse(&text).map_err(|error| error.to_string())
    }

    fn keep(&self, domain: &str, known: Known) {
        let mut all = self.known();
        if all.len() >= POLICIES_MAX && !all.contains_key(domain) {
            all.clear();
        }
        all.insert(domain.to_owned(), known);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        lock(&self.known)
    }
}
