//! What benches, drills and demos need from this room as a process of its own: a sender without books, a folder
//! that loses power, real Postfix, sample files, an inbox to look at.
//!
//! One subcommand a file. Facts go to standard output, one JSON object a line; a subcommand that serves ends
//! when its standard input does, so that nothing outlives its owner.

#[cfg(feature = "inbox")]
mod inbox;
mod key;
mod load;
mod mail;
mod postfix;
mod postgres;
#[cfg(feature = "power")]
mod power;
mod sample;
mod until_closed;

use clap::{Parser, Subcommand};

/// Parts of benches, drills and demos.
#[derive(Debug, Parser)]
struct Flags {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Sends prebuilt mails as fast as SMTP allows, and writes no book.
    Load(load::LoadFlags),
    /// Makes an RSA key of 2048 bits for DKIM.
    RsaKey(key::KeyFlags),
    /// Writes a sample release and its list.
    Sample(sample::SampleFlags),
    /// Runs Debian's Postfix with production defaults in front of a sink.
    Postfix(postfix::PostfixFlags),
    /// Runs Debian's PostgreSQL with an empty database.
    Postgres(postgres::PostgresFlags),
    /// Mounts a folder that loses what was not synced.
    #[cfg(feature = "power")]
    Power(power::PowerFlags),
    /// A catch-all SMTP server with a page to read its mails.
    #[cfg(feature = "inbox")]
    Inbox(inbox::InboxFlags),
}

fn main() -> anyhow::Result<()> {
    match Flags::parse().command {
        Command::Load(flags) => load::run(&flags),
        Command::RsaKey(flags) => key::run(&flags),
        Command::Sample(flags) => sample::run(&flags),
        Command::Postfix(flags) => postfix::run(&flags),
        Command::Postgres(flags) => postgres::run(&flags),
        #[cfg(feature = "power")]
        Command::Power(flags) => power::run(&flags),
        #[cfg(feature = "inbox")]
        Command::Inbox(flags) => inbox::run(&flags),
    }
}
