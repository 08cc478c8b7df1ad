//! Use cases over real files and a real store.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod folders;
mod fuzz_smoke;
mod lists;
mod people;
mod releases;
