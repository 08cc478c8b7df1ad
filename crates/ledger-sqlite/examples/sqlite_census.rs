//! Fills a folder with the books of a whole incident: `sqlite_census FOLDER MAILS [whole]`. Prints what was planted.

use std::error::Error;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use ledger::CopyStore as _;
use ledger::conformance::crowd::{Crowd, CrowdSize};
use ledger_sqlite::{SqliteOptions, SqliteStore, Synchronous};

/// Tenants whose rows wait to be stored.
const AHEAD: usize = 4;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [folder, intents, more @ ..] = given.as_slice() else {
        return Err("sqlite_census FOLDER MAILS [whole]".into());
    };
    let crowd = Crowd::of(CrowdSize { intents: intents.parse()?, lossy: more.is_empty() });
    println!("{}", crowd.to_json());
    let (pages, made) = sync_channel(AHEAD);
    let making = std::thread::spawn(move || crowd.all().all(|of_tenant| pages.send(of_tenant).is_ok()));
    std::fs::create_dir_all(folder)?;
    let options = SqliteOptions { synchronous: Synchronous::Off, ..SqliteOptions::default() };
    let store = SqliteStore::open(Path::new(folder), options)?;
    while let Ok(of_tenant) = tokio::task::block_in_place(|| made.recv()) {
        for (table, rows) in of_tenant {
            store.copy_insert(table, rows).await?;
        }
    }
    store.close().await?;
    // What readers look for in a data folder.
    std::fs::write(Path::new(folder).join("lock"), "")?;
    making.join().map_err(|_| "the rows were not made")?;
    Ok(())
}
