//! The direct route against our own name server and sinks on loopback addresses: hosts in turn, domains apart, TLS as
//! demanded, and what stands in the books.

mod dnssec;
mod domains;
mod hosts;
mod recovery;
mod security;
mod stage;
