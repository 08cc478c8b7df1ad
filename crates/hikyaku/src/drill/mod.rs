//! The drills: incidents and promises played through with the real engine, the receiving side's log as the oracle.

pub mod borrowed;
pub mod fairness;
mod stage;

use std::net::SocketAddr;

use domain::LinkSecurity;
use engine::TlsTrust;

/// A sink, whoever runs it.
#[derive(Debug, Clone)]
pub struct OutsideSink {
    /// Where it listens.
    pub place: SocketAddr,
    /// How the link to it is protected.
    pub security: LinkSecurity,
    /// Whose certificates are believed.
    pub trust: TlsTrust,
}
