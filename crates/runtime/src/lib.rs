//! Clock, entropy, network and DNS as narrow traits, and the real ones over the operating system.
//!
//! This is the only room that may read a clock, draw a random number, sleep, or open a connection. Everything
//! above takes these traits, so that the whole engine can run against others.

pub mod clock;
pub mod clock_state;
pub mod dns;
pub mod entropy;
pub mod host;
pub mod https;
pub mod network;
pub mod resolver;

pub use clock::{Clock, SystemClock};
pub use clock_state::{ClockState, clock_state};
pub use dns::{DnsResolver, ResolverError};
pub use entropy::{Entropy, SystemEntropy, boot_id};
pub use host::host_name;
pub use https::{FetchError, FileFetcher, FileRequest, HttpsFetcher};
pub use network::{Connection, DialOptions, Network, Stream, SystemNetwork};
pub use resolver::{Answer, Looked, LookupError, Resolver};

/// A future that a trait object gives.
pub type Pending<'a, T> = std::pin::Pin<Box<dyn Future<Output = T> + Send + 'a>>;
