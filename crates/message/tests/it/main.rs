//! Tests of the room from outside: release files and mailings, mails read back by three independent parsers, DKIM.

mod dkim;
mod dynamic;
mod fixture;
mod injection;
mod mailings;
mod mails;
mod parsers;
mod peers;
mod properties;
mod raw_mails;
mod single_parsers;
mod single_properties;
mod sources;
