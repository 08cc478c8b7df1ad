//! A folder that loses power on command, for drills whose senders are processes.
//!
//! Each line `cut SEED` on standard input is one power cut, answered by one line on standard output.

use std::io::BufRead;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use testkit::power::PowerStore;

/// Flags of `power`.
#[derive(Debug, Args)]
pub struct PowerFlags {
    /// The folder to mount over; it is made when it is not there.
    #[arg(long)]
    at: PathBuf,
}

/// Mounts, obeys until standard input ends, unmounts.
pub fn run(flags: &PowerFlags) -> anyhow::Result<()> {
    std::fs::create_dir_all(&flags.at).with_context(|| format!("making {}", flags.at.display()))?;
    let mut store = PowerStore::mount(&flags.at)?;
    println!("{}", serde_json::json!({ "mounted": flags.at }));
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let Some(seed) = line.strip_prefix("cut ").and_then(|seed| seed.parse().ok()) else {
            bail!("`{line}` is no order; it is `cut SEED`");
        };
        match store.cut(seed) {
            Ok(()) => println!("{}", serde_json::json!({ "cut": seed, "syncs": store.syncs() })),
            Err(error) => println!("{}", serde_json::json!({ "error": error.to_string() })),
        }
    }
    store.unmount()?;
    Ok(())
}
