//! The room's tests over real sockets and real files.

mod certs;
mod dialling;
mod dialogue;
mod fetching;
#[cfg(feature = "inbox")]
mod inbox;
mod peers;
#[cfg(feature = "power")]
mod power;
#[cfg(feature = "power")]
mod power_disk;
mod proxy;
mod resolver;
mod sink_faults;
mod sink_log;
mod sink_process;
