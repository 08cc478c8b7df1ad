//! A catch-all server that plays faults by address, and a page to read what it took.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;
use testkit::inbox::Inbox;
use testkit::sink::{Behaviour, Keep, LogMode, Sink, SinkConfig};

use crate::until_closed::until_input_ends;

/// Flags of `inbox`.
#[derive(Debug, Args)]
pub struct InboxFlags {
    /// Where the page is served; port 0 picks a free one.
    #[arg(long)]
    page: SocketAddr,
}

/// Runs it until standard input ends; prints where both listen.
pub fn run(flags: &InboxFlags) -> anyhow::Result<()> {
    let sink = Sink::start(SinkConfig {
        behaviour: Behaviour::by_address(),
        keep: Keep::Full,
        log: LogMode::Counters,
        ..SinkConfig::default()
    })?;
    let inbox = Inbox::start(flags.page, sink.reader())
        .with_context(|| format!("the page cannot be served at {}: choose another port", flags.page))?;
    println!("{}", serde_json::json!({ "smtp": sink.addr(), "page": inbox.addr() }));
    until_input_ends();
    Ok(())
}
