//! A primary and a standby of Debian's PostgreSQL as one process, which changes their roles when it is told to.
//!
//! Orders are lines of standard input: `failover MS` kills the primary and promotes the standby after that time, `standby`
//! makes a new one. Each is answered with how long it took.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Args;
use runtime::{Clock as _, SystemClock};
use testkit::peers::{PostgresPair, Replication};

/// Flags of `postgres-pair`.
#[derive(Debug, Args)]
pub struct PostgresPairFlags {
    /// The folder within which their data is made: a disk, not a memory file system.
    #[arg(long)]
    folder: PathBuf,
    /// Commits do not wait for the standby.
    #[arg(long)]
    asynchronous: bool,
}

/// Runs them until standard input ends; prints how to connect to the primary.
pub fn run(flags: &PostgresPairFlags) -> anyhow::Result<()> {
    let replication = if flags.asynchronous { Replication::Asynchronous } else { Replication::Synchronous };
    let mut pair = PostgresPair::start_within(&flags.folder, replication)?;
    let url = format!("{}&sslmode=disable", pair.url("postgres"));
    println!("{}", serde_json::json!({ "url": url, "password": pair.password() }));
    for order in std::io::stdin().lock().lines() {
        let begun = SystemClock.moment();
        let order = order?;
        match order.split_once(' ') {
            Some(("failover", ms)) => pair.fail_over(Duration::from_millis(ms.parse()?))?,
            None if order == "standby" => pair.renew_standby()?,
            _ => bail!("`{order}` is no order: failover MS, standby"),
        }
        let took = SystemClock.moment().since(begun).as_millis();
        println!("{}", serde_json::json!({ "ms": u64::try_from(took)? }));
    }
    Ok(())
}
