//! Tests of the room from outside: release files, mails read back by three independent parsers, DKIM.

mod dkim;
mod fixture;
mod injection;
mod mails;
mod parsers;
mod peers;
mod properties;
mod sources;
