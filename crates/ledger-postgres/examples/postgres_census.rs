//! Fills migrated books with those of a whole incident: `postgres_census MAILS [whole]`, the database in
//! HIKYAKU_DATABASE_URL and PGPASSWORD. Prints what was planted.

use std::error::Error;
use std::sync::mpsc::sync_channel;

use ledger::conformance::crowd::{Crowd, CrowdSize};
use ledger_postgres::PostgresOptions;
use ledger_postgres::behind::Behind;

/// Tenants whose rows wait to be stored.
const AHEAD: usize = 4;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [intents, more @ ..] = given.as_slice() else { return Err("postgres_census MAILS [whole]".into()) };
    let crowd = Crowd::of(CrowdSize { intents: intents.parse()?, lossy: more.is_empty() });
    println!("{}", crowd.to_json());
    let mut options = PostgresOptions::parse(&std::env::var("HIKYAKU_DATABASE_URL")?)?;
    options.set_password(&std::env::var("PGPASSWORD").unwrap_or_default());
    let (pages, made) = sync_channel(AHEAD);
    let making = std::thread::spawn(move || crowd.all().all(|of_tenant| pages.send(of_tenant).is_ok()));
    let behind = Behind::connect(&options).await;
    behind.trust().await;
    while let Ok(of_tenant) = tokio::task::block_in_place(|| made.recv()) {
        for (table, rows) in of_tenant {
            behind.copy_in(table, &rows).await;
        }
    }
    behind.vacuum().await;
    making.join().map_err(|_| "the rows were not made")?;
    Ok(())
}
