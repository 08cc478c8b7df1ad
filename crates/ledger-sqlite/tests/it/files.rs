//! Which files are opened, how, and what is done with those that are not ours.

use ledger::{DirectoryStore, LedgerError, ReadStore};
use ledger_sqlite::{DATABASE_FILE, SqliteOptions, SqliteStore, Synchronous};
use rusqlite::Connection;

use crate::scene::{TENANT, prepare};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[tokio::test]
async fn every_commit_is_synced_unless_planted_otherwise() {
    for (synchronous, level) in [(Synchronous::Full, 2), (Synchronous::Off, 0)] {
        let folder = folder();
        let options = SqliteOptions { synchronous, ..SqliteOptions::default() };
        let store = SqliteStore::open(folder.path(), options).expect("books");
        assert_eq!(store.synchronous_level().await, Ok(level));
        store.close().await.expect("closed");
    }
    assert_eq!(SqliteOptions::default().synchronous, Synchronous::Full);
}

#[tokio::test]
async fn the_log_is_written_ahead_and_copied_at_the_close() {
    let folder = folder();
    let store = SqliteStore::open(folder.path(), SqliteOptions::default()).expect("books");
    prepare(&store).await;
    store.close().await.expect("closed");
    let log = folder.path().join(format!("{DATABASE_FILE}-wal"));
    assert!(!log.exists() || log.metadata().expect("data").len() == 0);
    let connection = Connection::open(folder.path().join(DATABASE_FILE)).expect("the file");
    let ask = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, String>(0));
    assert_eq!(ask("journal_mode").as_deref(), Ok("wal"));
}

#[tokio::test]
async fn books_are_found_again() {
    let folder = folder();
    for _ in 0..2 {
        let store = SqliteStore::open(folder.path(), SqliteOptions::default()).expect("books");
        let latest = store.sender_latest().await.expect("a sender");
        if latest.is_none() {
            prepare(&store).await;
        } else {
            assert_eq!(store.tenant_list().await.expect("tenants").len(), 1);
        }
        store.close().await.expect("closed");
        assert_eq!(store.tenant_list().await, Err(LedgerError::Closed));
    }
}

#[tokio::test]
async fn files_of_others_are_refused_untouched() {
    let check = |what: &str, sql: &str, words: &str| {
        let folder = folder();
        let path = folder.path().join(DATABASE_FILE);
        if sql.is_empty() {
            std::fs::write(&path, "To whom it may concern: this is a letter. ".repeat(100)).expect("a file");
        } else {
            Connection::open(&path).expect("a file").execute_batch(sql).expect(what);
        }
        let before = std::fs::read(&path).expect("the file");
        for store in [
            SqliteStore::open(folder.path(), SqliteOptions::default()),
            SqliteStore::open_read_only(folder.path(), SqliteOptions::default()),
        ] {
            let error = store.expect_err(what).to_string();
            assert!(error.contains(words), "{what}: {error}");
        }
        assert_eq!(std::fs::read(&path).expect("the file"), before, "{what}");
    };
    check("a letter", "", "not a database");
    check("another program's", "CREATE TABLE a (b)", "another program");
    check(
        "another program's by its number",
        "PRAGMA application_id = 7; CREATE TABLE a (b)",
        "another program",
    );
    let newer = "PRAGMA application_id = 1212897611; PRAGMA user_version = 99; CREATE TABLE a (b)";
    check("a newer version's", newer, "newer");
}

#[tokio::test]
async fn no_books_cannot_be_read() {
    let folder = folder();
    let store = SqliteStore::open_read_only(folder.path(), SqliteOptions::default());
    assert!(matches!(store, Err(LedgerError::Io { .. })), "{store:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("the folder").count(), 0);
}

#[tokio::test]
async fn readers_stand_beside_an_owner_and_write_nothing() {
    let folder = folder();
    let owner = SqliteStore::open(folder.path(), SqliteOptions::default()).expect("books");
    let reader = SqliteStore::open_read_only(folder.path(), SqliteOptions::default()).expect("books");
    assert_eq!(reader.tenant_list().await, Ok(Vec::new()));
    prepare(&owner).await;
    let tenants = reader.tenant_list().await.expect("tenants");
    assert_eq!(tenants[0].tenant, TENANT);
    let answer = reader.tenant_ensure(tenants[0].clone()).await;
    assert!(matches!(answer, Err(LedgerError::Refused { .. })), "{answer:?}");
    owner.close().await.expect("closed");
    assert_eq!(reader.tenant_list().await.expect("tenants").len(), 1);
    let later = SqliteStore::open_read_only(folder.path(), SqliteOptions::default()).expect("books");
    assert_eq!(later.tenant_list().await.expect("tenants").len(), 1);
}
