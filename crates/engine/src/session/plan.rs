//! How a session uses the link that it was given: by a relay's account, or by what a receiver's domain demands.

use std::sync::Arc;

use domain::LinkSecurity;
use runtime::Connection;
use smtp::client::{ClientConfig, Credentials, TlsMode};

use crate::direct::{LinkEvidence, SourceTicket};
use crate::relay::RelayActor;

/// How a link that stands is to be used.
pub struct LinkPlan {
    /// The server's name, for TLS.
    pub host: String,
    /// The other end, for the books.
    pub peer: String,
    /// When TLS starts.
    pub mode: TlsMode,
    /// Its configuration.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Why the link is protected as it is, on the direct route.
    pub evidence: Option<Arc<LinkEvidence>>,
    /// The address that mails leave from, where one was chosen.
    pub source: Option<Arc<SourceTicket>>,
}

impl LinkPlan {
    /// As the relay's account says.
    pub(super) fn of_relay(actor: &RelayActor, connection: &Connection) -> Self {
        let mode = match actor.spec.security {
            LinkSecurity::None => TlsMode::None,
            LinkSecurity::StartTls => TlsMode::StartTls,
            LinkSecurity::Implicit => TlsMode::Implicit,
        };
        let (host, peer) = (actor.spec.host.clone(), connection.peer.to_string());
        Self { host, peer, mode, tls: actor.tls(), evidence: None, source: None }
    }

    /// What the SMTP client is told.
    pub(super) fn client_config(&self, actor: &RelayActor) -> ClientConfig {
        let spec = &actor.spec;
        let mut config = ClientConfig::new(spec.ehlo_name.clone());
        config.tls = self.mode;
        config.credentials = spec.login.as_ref().map(|login| Credentials {
            user: login.user.clone(),
            secret: login.secret.clone(),
            mechanism: login.mechanism,
        });
        // Clear text is only ever used where the operator wrote tls=none.
        config.allow_plaintext_auth = spec.security == LinkSecurity::None;
        config.use_chunking = spec.use_chunking;
        config
    }
}
