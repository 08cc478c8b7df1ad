//! The real binary against a sink in this process: what people type, and what came to the receiver.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod backups;
mod bad_input;
mod books;
mod clients;
mod copies;
mod database;
mod direct;
mod drill;
mod extending;
mod holds;
mod installation;
mod memory;
mod office;
mod people;
mod reconciling;
mod relays;
mod resuming;
mod scene;
mod secrets;
mod sending;
mod serving;
