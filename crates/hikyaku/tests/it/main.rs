//! The real binary against a sink in this process: what people type, and what came to the receiver.

mod bad_input;
mod books;
mod drill;
mod extending;
mod holds;
mod relays;
mod resuming;
mod scene;
mod secrets;
mod sending;
