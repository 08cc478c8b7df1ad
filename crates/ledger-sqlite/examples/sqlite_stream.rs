//! Measures streams: waves with content, each stored, sealed and due in one durable transaction. Run it in release mode:
//! `cargo run --release -p ledger-sqlite --example sqlite_stream -- TENANTS WAVES MAILS OCTETS`.

use std::error::Error;
use std::sync::Arc;

use ledger::conformance::at;
use ledger::conformance::flood::Flood;
use ledger::{Live, Store};
use ledger_sqlite::{SqliteOptions, SqliteStore};
use runtime::{Clock as _, SystemClock};

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let size = given()?;
    let folder = tempfile::tempdir_in(".")?;
    let store = SqliteStore::open(folder.path(), SqliteOptions::default())?;
    flood(Arc::new(store), size).await
}

async fn flood(store: Arc<dyn Store>, flood: Flood) -> Result<(), Box<dyn Error>> {
    let stages = flood.stages(&store).await?;
    let clock = SystemClock;
    let began = clock.moment();
    let mails = flood.pour(&stages).await?;
    let seconds = clock.moment().since(began).as_secs_f64();
    let waves = mails as f64 / f64::from(flood.mails) / seconds;
    println!(
        "{flood:?}: {mails} mails in {seconds:.2} s, {:.0} mails/s, {waves:.0} waves/s",
        mails as f64 / seconds
    );
    let heads = store.heads().await?;
    let report = store.check(heads, Live::default(), at(9000)).await?;
    println!("check: {} intents, {} findings", report.intents, report.findings.len());
    Ok(())
}

/// Tenants, waves of each, mails of a wave, octets of a mail.
fn given() -> Result<Flood, Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [tenants, waves, mails, octets] = given.as_slice() else {
        return Err("give TENANTS WAVES MAILS OCTETS, such as 1 1000 50 5120".into());
    };
    Ok(Flood {
        tenants: tenants.parse()?,
        waves: waves.parse()?,
        mails: mails.parse()?,
        octets: octets.parse()?,
    })
}
