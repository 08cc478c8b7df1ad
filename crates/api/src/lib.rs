//! JSON over HTTP: what programs of a tenant do with an installation. `/v3` speaks as SendGrid does, so that its clients
//! work unchanged; `/v1` is our own.
//!
//! Every route is registered with what its caller needs ([`Need`]), and runs behind one gate: a handler gets its caller
//! from there, and cannot be reached without. Left to others: what is done (`app`), TLS and where to listen (the
//! composition root).
//!
//! Invariants: nothing is acknowledged that is not durable; whatever belongs to another tenant answers like what does not
//! exist; no secret, address or subject reaches a log; everything from outside has a limit ([`Limits`]).

mod answer;
mod body;
mod bucket;
mod call;
mod config;
mod fault;
mod gate;
mod health;
mod json;
mod meter;
mod network;
mod once;
mod openapi;
mod page;
mod routes;
mod serve;
mod shared;
mod v1;
mod v3;

pub use config::{ApiConfig, Limits, Rates};
pub use routes::{Need, RouteInfo};
pub use serve::serve;
pub use shared::{ApiRouter, router};
