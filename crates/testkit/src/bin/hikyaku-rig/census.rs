//! Fills empty books with those of a whole incident, as fast as the store takes rows.

use std::path::PathBuf;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, mpsc::Receiver};

use anyhow::Context as _;
use clap::Args;
use ledger::CopyStore as _;
use ledger::conformance::crowd::{Crowd, CrowdSize, INCIDENT_INTENTS, Page};
use ledger_postgres::PostgresOptions;
use ledger_postgres::behind::Behind;
use ledger_sqlite::{SqliteOptions, SqliteStore, Synchronous};
use runtime::{Clock as _, SystemClock};

/// Tenants whose rows wait to be stored.
const AHEAD: usize = 4;

/// Flags of `census`.
#[derive(Debug, Args)]
pub struct CensusFlags {
    /// A folder for books in SQLite.
    #[arg(long, conflicts_with = "database_url", required_unless_present = "database_url")]
    data: Option<PathBuf>,
    /// A database with the schema, and nothing else, in it; the password is in PGPASSWORD.
    #[arg(long, env = "HIKYAKU_DATABASE_URL", hide_env_values = true)]
    database_url: Option<String>,
    /// Mails.
    #[arg(long, default_value_t = INCIDENT_INTENTS)]
    intents: u64,
    /// Nothing is lost.
    #[arg(long)]
    whole: bool,
}

/// Fills; prints what was planted.
pub fn run(flags: &CensusFlags) -> anyhow::Result<()> {
    let started = SystemClock.moment();
    let crowd = Crowd::of(CrowdSize { intents: flags.intents, lossy: !flags.whole });
    let planted = serde_json::json!({
        "intents": flags.intents, "lost": crowd.lost(), "losing": crowd.losing(), "releases": crowd.releases.len(),
    });
    let (pages, made) = sync_channel(AHEAD);
    let making = std::thread::spawn(move || {
        let all = std::iter::once(Crowd::shared()).chain(crowd.tenants());
        all.map(|of_tenant| pages.send(of_tenant)).take_while(Result::is_ok).count()
    });
    let executor = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    executor.block_on(async {
        match (&flags.data, &flags.database_url) {
            (Some(folder), _) => fill_sqlite(folder, made).await,
            (None, Some(url)) => fill_postgres(url, made).await,
            (None, None) => anyhow::bail!("--data or --database-url"),
        }
    })?;
    making.join().ok().context("the rows were not made")?;
    let seconds = SystemClock.moment().since(started).as_secs_f64();
    println!("{}", serde_json::json!({ "planted": planted, "seconds": seconds }));
    Ok(())
}

async fn fill_sqlite(folder: &std::path::Path, made: Receiver<Vec<Page>>) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let options = SqliteOptions { synchronous: Synchronous::Off, ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(folder, options)?);
    while let Ok(pages) = tokio::task::block_in_place(|| made.recv()) {
        for (table, rows) in pages {
            store.copy_insert(table, rows).await?;
        }
    }
    store.close().await?;
    // What readers look for in a data folder.
    std::fs::write(folder.join("lock"), "").context("making the lock file")
}

async fn fill_postgres(url: &str, made: Receiver<Vec<Page>>) -> anyhow::Result<()> {
    let mut options = PostgresOptions::parse(url)?;
    if let Ok(password) = std::env::var("PGPASSWORD") {
        options.set_password(&password);
    }
    let behind = Behind::connect(&options).await;
    behind.trust().await;
    while let Ok(pages) = tokio::task::block_in_place(|| made.recv()) {
        for (table, rows) in pages {
            behind.copy_in(table, &rows).await;
        }
    }
    behind.vacuum().await;
    Ok(())
}
