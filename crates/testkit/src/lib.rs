//! The receiving side and the faults: what tests, drills and demos send to, and what breaks on purpose.
//!
//! Nothing of the product depends on this room except its drills; it knows the wire (`smtp`, `domain`) and the
//! clock (`runtime`), never the books: an oracle must not share code with what it judges.

pub mod certs;
pub mod dns;
pub mod fixtures;
pub mod https;
#[cfg(feature = "inbox")]
pub mod inbox;
pub mod peers;
#[cfg(feature = "power")]
pub mod power;
pub mod proxy;
pub mod sink;
