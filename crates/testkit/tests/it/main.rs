//! The room's tests over real sockets and real files.

mod certs;
mod dialogue;
#[cfg(feature = "inbox")]
mod inbox;
mod peers;
#[cfg(feature = "power")]
mod power;
#[cfg(feature = "power")]
mod power_disk;
mod proxy;
mod sink_faults;
mod sink_log;
mod sink_process;
