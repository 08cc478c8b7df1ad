//! Debian's Postfix as a process to measure against: production defaults, everything handed on to one sink.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use testkit::peers::{Postfix, RelayOptions};

use crate::until_closed::until_input_ends;

/// Flags of `postfix`.
#[derive(Debug, Args)]
pub struct PostfixFlags {
    /// Where it hands the mails on.
    #[arg(long)]
    sink: SocketAddr,
    /// The folder within which its queue is made: a disk, not a memory file system.
    #[arg(long)]
    folder: PathBuf,
}

/// Runs it until standard input ends; prints where it listens.
pub fn run(flags: &PostfixFlags) -> anyhow::Result<()> {
    let options = RelayOptions { folder: Some(flags.folder.clone()), ..RelayOptions::production(flags.sink) };
    let relay = Postfix::start(&options)?;
    println!("{}", serde_json::json!({ "addr": relay.addr }));
    until_input_ends();
    Ok(())
}
