//! Integration tests of the room `ingress`: raw sockets, real clients, our own client, a clock of their own.

mod book;
mod clients;
mod clock;
mod durable;
mod limits;
mod logins;
mod memory;
mod raw;
mod rig;
mod slow;
mod smuggling;
mod tls;
