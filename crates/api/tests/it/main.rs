//! The interface over HTTP: a real router, over a real store, by a small client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod bodies;
mod client;
mod end_to_end;
mod house;
mod keys;
mod mails;
mod matrix;
mod once;
mod scene;
mod scheduled;
mod templates;
