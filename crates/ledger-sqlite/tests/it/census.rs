//! An incident in small: what was planted is what is found; and what a sweep makes of books behind whose back a chunk was
//! declared done.

use ledger::conformance::crowd::{CrowdSize, prove};
use ledger::{CensusRequest, CensusStore as _, Live, ReadStore as _};
use ledger_sqlite::{SqliteOptions, SqliteStore};

use crate::scene::{Books, at, raw};

#[tokio::test]
async fn planted_losses_are_found_and_nothing_else() {
    for lossy in [false, true] {
        let folder = tempfile::tempdir().expect("a folder");
        let store = SqliteStore::open(folder.path(), SqliteOptions::default()).expect("books");
        prove(&store, CrowdSize { intents: 30_000, lossy }).await.expect("what was planted");
        store.close().await.expect("closed");
    }
}

/// A chunk's due time, and its account.
type ChunkRow = (Option<i64>, Option<i64>, Option<Vec<u8>>, Option<Vec<u8>>);

fn chunks(folder: &std::path::Path) -> Vec<ChunkRow> {
    let connection = raw(folder);
    let sql =
        "SELECT due_at, accounted, accounted_digest, sealed_digest FROM delivery_chunk ORDER BY chunk_no";
    let mut list = connection.prepare(sql).expect("a query");
    let rows = list.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)));
    rows.expect("rows").collect::<Result<_, _>>().expect("chunks")
}

#[tokio::test]
async fn a_sweep_brings_up_what_was_declared_done_and_makes_accounts_anew() {
    let books = Books::write().await;
    let before = chunks(books.folder());
    let open = |harm: &str| {
        raw(books.folder()).execute_batch(harm).expect(harm);
        SqliteStore::open(books.folder(), SqliteOptions::default()).expect("books")
    };
    // One chunk of three is owed and due; the accounts of all are gone.
    let store = open(
        "UPDATE delivery_chunk SET due_at = NULL, accounted = NULL, accounted_digest = NULL, sealed_digest = NULL",
    );
    let request = CensusRequest { tenant: None, now: at(40), ids_max: 99 };
    let missing: Vec<u32> =
        store.census(request).await.expect("a census").releases[0].ids.iter().map(|id| id.0).collect();
    assert!(missing.contains(&9) && !missing.contains(&1), "{missing:?}");
    let holes = store.sweep(at(40)).await.expect("a sweep");
    assert!(
        holes.iter().any(|hole| hole.chunk.no.0 == 2 && hole.open == 4 && hole.due_again_at == Some(at(40))),
        "{holes:?}"
    );
    assert_eq!(store.sweep(at(40)).await.expect("another"), Vec::new());
    let report = store.check(books.sealed.clone(), Live::default(), at(40)).await.expect("a check");
    assert_eq!(report.findings, Vec::new());
    store.close().await.expect("closed");
    let after = chunks(books.folder());
    let accounts =
        |rows: &[ChunkRow]| rows.iter().map(|row| (row.1, row.2.clone(), row.3.clone())).collect::<Vec<_>>();
    assert_eq!(accounts(&after), accounts(&before));
    let due = |rows: &[ChunkRow]| rows.iter().map(|row| row.0.is_some()).collect::<Vec<_>>();
    assert_eq!(due(&after), due(&before));
}

#[tokio::test]
async fn minutes_are_the_outcomes_own() {
    let books = Books::write().await;
    let connection = raw(books.folder());
    let list = |sql: &str| {
        let mut list = connection.prepare(sql).expect(sql);
        let rows =
            list.query_map([], |row| (0..9).map(|at| row.get::<_, i64>(at)).collect::<Result<Vec<_>, _>>());
        rows.expect(sql).collect::<Result<Vec<_>, _>>().expect(sql)
    };
    let stood = list("SELECT * FROM verdict_minute");
    assert!(!stood.is_empty());
    // As the migration makes them for books of an earlier version.
    let migration = include_str!("../../migrations/V4__census.sql");
    let remake = &migration[migration.find("INSERT INTO verdict_minute").expect("it")..];
    connection.execute_batch(&format!("DELETE FROM verdict_minute; {remake}")).expect("made anew");
    assert_eq!(list("SELECT * FROM verdict_minute"), stood);
}
