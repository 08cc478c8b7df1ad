//! Debian's PostgreSQL as a process to keep books in: an empty database, settings as the maker ships them.

use std::path::PathBuf;

use clap::Args;
use testkit::peers::Postgres;

use crate::until_closed::until_input_ends;

/// Flags of `postgres`.
#[derive(Debug, Args)]
pub struct PostgresFlags {
    /// The folder within which its data is made: a disk, not a memory file system.
    #[arg(long)]
    folder: PathBuf,
}

/// Runs it until standard input ends; prints how to connect to it.
pub fn run(flags: &PostgresFlags) -> anyhow::Result<()> {
    let server = Postgres::start_within(Some(&flags.folder))?;
    let url = format!("{}?sslmode=disable", server.url("postgres"));
    println!("{}", serde_json::json!({ "url": url, "password": server.password() }));
    until_input_ends();
    Ok(())
}
