//! The engine against real sinks: the oracle of every test is what the sink saw.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod deliveries;
mod direct;
mod holds;
mod identity;
mod limits;
mod link_cuts;
mod peers;
mod permits;
mod planning;
mod recovery;
mod rig;
mod sweeping;
mod tls;
