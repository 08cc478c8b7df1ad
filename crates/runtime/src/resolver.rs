//! What is asked of the DNS to deliver mail, as a narrow trait. Answers that may pass and answers that are final are
//! told apart, and each says whether it was validated (DNSSEC).

use std::net::IpAddr;

use domain::direct::{MxRecord, TlsaRecord};

use crate::Pending;

/// What the DNS holds; no records when the name exists without records of the kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// The records, in the order of the answer; at most [`RECORDS_MAX`].
    pub records: Vec<T>,
    /// The whole answer was validated with DNSSEC by a resolver that is believed.
    pub secure: bool,
}

/// Records of one answer that are kept.
pub const RECORDS_MAX: usize = 64;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The name does not exist: final.
    #[error("{name} does not exist in the DNS (NXDOMAIN)")]
    NoDomain {
        /// Which.
        name: String,
    },
    /// Nobody knows now: to be tried again.
    #[error("the DNS gave no answer for {kind} of {name}: {reason}")]
    Temporary {
        /// Which name.
        name: String,
        /// Which kind of record.
        kind: &'static str,
        /// In the resolver's words.
        reason: String,
    },
    /// No name that can be asked for: final.
    #[error("`{name}` cannot be looked up in the DNS")]
    BadName {
        /// Which.
        name: String,
    },
}

/// The result of a lookup.
pub type Looked<T> = Result<Answer<T>, LookupError>;

/// Asks the DNS.
pub trait Resolver: Send + Sync {
    /// A domain's MX records.
    fn mx<'a>(&'a self, domain: &'a str) -> Pending<'a, Looked<MxRecord>>;

    /// A host's addresses, IPv6 and IPv4 in turn. Secure when every answer with records was.
    fn addresses<'a>(&'a self, host: &'a str) -> Pending<'a, Looked<IpAddr>>;

    /// A name's TXT records, each with its strings joined.
    fn txt<'a>(&'a self, name: &'a str) -> Pending<'a, Looked<String>>;

    /// A name's TLSA records.
    fn tlsa<'a>(&'a self, name: &'a str) -> Pending<'a, Looked<TlsaRecord>>;
}

/// One of each in turn, the first list's first: so that a host whose IPv6 is broken is reached by its second address.
pub(crate) fn in_turn<T>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut merged = Vec::new();
    loop {
        let (one, other) = (first.next(), second.next());
        if one.is_none() && other.is_none() {
            return merged;
        }
        merged.extend(one);
        merged.extend(other);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_lists_alternate() {
        assert_eq!(in_turn(vec![1, 3], vec![2, 4, 5]), [1, 2, 3, 4, 5]);
        assert_eq!(in_turn(vec![], vec![2]), [2]);
    }
}
