//! Sends what is owed: freezes audiences, leases work, owns relay actors and their sessions, records outcomes.
//!
//! The loop is *lease, compose, permit, send, record*. Clock, entropy, network and storage come in through the
//! traits of `runtime` and `ledger`. What it deliberately does not know: people and rights (`app`), SQL, files of
//! lists and releases, and what happens to a mail after the relay's reply.

pub mod compose;
pub mod config;
pub mod direct;
mod engine;
pub mod journal;
mod outbox;
pub mod plan;
mod presence;
mod recorder;
pub mod recover;
pub mod relay;
mod run;
mod runner;
mod session;
mod sweep;

pub use compose::{ComposeError, Composed, Composer, ReleaseWork};
pub use config::EngineConfig;
pub use direct::{DirectOptions, DirectRoute, SourcePool};
pub use engine::{Engine, EngineParts, OpenRelayError, StartError};
pub use plan::{Planner, WaveKey};
pub use recover::Recovered;
pub use relay::tls::TrustError;
pub use relay::{BrokenReason, Login, RelayActor, RelaySpec, RelayStatus, TlsTrust};
pub use run::ReleaseRun;
pub use runner::ReleaseEnd;
