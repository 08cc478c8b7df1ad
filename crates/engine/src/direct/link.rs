//! Why a direct link is protected as it is, in words for the books.

use std::net::IpAddr;
use std::sync::Mutex;

use crate::relay::lock;

/// What was demanded of the link, what was found, and why it fell back.
#[derive(Debug, Default)]
pub struct LinkEvidence {
    judgement: Mutex<String>,
    fallback: Option<String>,
}

impl LinkEvidence {
    /// Of a link that is in clear because TLS failed on the one before it.
    #[must_use]
    pub fn fallen_back(reason: &str) -> Self {
        let fallback = Some(format!("clear text: TLS failed ({reason})"));
        Self { fallback, ..Self::default() }
    }

    /// The certificate was judged.
    pub fn judged(&self, words: String) {
        *lock(&self.judgement) = words;
    }

    /// The facts of the link: `tls` are those of the TLS library, and none in clear.
    #[must_use]
    pub fn words(&self, tls: Option<String>, starttls_offered: bool) -> String {
        match (tls, &self.fallback) {
            (Some(facts), _) => format!("{facts}; {}", lock(&self.judgement)),
            (None, Some(fallback)) => fallback.clone(),
            (None, None) if starttls_offered => "clear text: the server refused STARTTLS".to_owned(),
            (None, None) => "clear text: the server does not offer STARTTLS".to_owned(),
        }
    }
}

/// A host with where it was reached, and from where.
#[must_use]
pub fn peer_words(host: &str, peer: std::net::SocketAddr, source: Option<IpAddr>) -> String {
    match source {
        Some(source) => format!("{host} {peer} from {source}"),
        None => format!("{host} {peer}"),
    }
}
