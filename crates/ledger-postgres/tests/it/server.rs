//! Which servers are refused, how the link to one is protected, and who migrates.

use std::sync::Arc;

use ledger::LedgerError;
use ledger_postgres::{PostgresOptions, PostgresStore};
use runtime::SystemClock;

use crate::house::{House, execute, migrated, number};

async fn open(options: PostgresOptions) -> Result<PostgresStore, LedgerError> {
    migrated(options).await
}

/// Opening fails, and its words hold this.
async fn refuses(options: PostgresOptions, words: &str) {
    let error = open(options).await.err().unwrap_or_else(|| panic!("opened in spite of {words}"));
    assert!(error.to_string().contains(words), "{error} instead of {words}");
}

pub async fn unfit_servers_and_foreign_schemas_are_refused(house: Arc<House>) {
    let raw = house.raw("public").await;
    let schema = house.schema();
    let of = |more: &str| {
        let text = format!("{} sslmode=disable {more}", house.server.by_socket());
        let mut options = PostgresOptions::parse(&text).expect("options");
        schema.clone_into(&mut options.schema);
        options
    };
    refuses(of("options='-c synchronous_commit=off'"), "synchronous_commit is off").await;
    execute(&raw, "ALTER SYSTEM SET full_page_writes = off; ").await;
    execute(&raw, "SELECT pg_reload_conf()").await;
    house.until(&raw, "SELECT current_setting('full_page_writes') = 'off'").await;
    refuses(of(""), "full_page_writes is off").await;
    execute(&raw, "ALTER SYSTEM RESET full_page_writes").await;
    execute(&raw, "SELECT pg_reload_conf()").await;
    house.until(&raw, "SELECT current_setting('full_page_writes') = 'on'").await;
    refuses(of("password=wrong"), "password authentication failed").await;

    execute(&raw, &format!("CREATE SCHEMA {schema}; CREATE TABLE {schema}.theirs (a INT)")).await;
    refuses(of(""), "was made by another program").await;
    execute(&raw, &format!("DROP TABLE {schema}.theirs")).await;
    let unmade = PostgresStore::open(of(""), Arc::new(SystemClock)).await.expect_err("no books");
    assert!(unmade.to_string().contains("holds no books; `hikyaku migrate"), "{unmade}");
    open(of("")).await.expect("a store");
    let last =
        number(&raw, &format!("SELECT max(version)::bigint FROM {schema}.refinery_schema_history")).await;
    let history = format!("{schema}.refinery_schema_history");
    execute(&raw, &format!("UPDATE {history} SET version = 0 WHERE version = {last}")).await;
    let older = PostgresStore::open(of(""), Arc::new(SystemClock)).await.expect_err("older books");
    let expected = format!("its books have version {}; `hikyaku migrate", last - 1);
    assert!(older.to_string().contains(&expected), "{older}");
    execute(&raw, &format!("UPDATE {history} SET version = {last} WHERE version = 0")).await;
    execute(
        &raw,
        &format!(
            "INSERT INTO {schema}.refinery_schema_history (version, name, applied_on, checksum)
            SELECT 99, 'newer', applied_on, checksum FROM {schema}.refinery_schema_history LIMIT 1"
        ),
    )
    .await;
    refuses(of(""), "have version 99, which is newer").await;
    let mut odd = of("");
    "books\"; drop".clone_into(&mut odd.schema);
    refuses(odd, "the schema's name").await;
}

pub async fn nodes_may_open_at_once(house: Arc<House>) {
    let schema = house.schema();
    let (one, two, three) = tokio::join!(
        open(house.options(&schema)),
        open(house.options(&schema)),
        open(house.options(&schema))
    );
    let stores = [one.expect("one"), two.expect("two"), three.expect("three")];
    let raw = house.raw(&schema).await;
    let twice = "SELECT count(*) - count(DISTINCT version) FROM refinery_schema_history";
    assert_eq!(number(&raw, twice).await, 0);
    stores[0].close();
    let closed = ledger::ReadStore::heads(&stores[0]).await;
    assert_eq!(closed, Err(LedgerError::Closed));
}

pub async fn the_link_is_encrypted_as_asked(house: Arc<House>) {
    let ca = house.server.ca_file().expect("a file").display().to_string();
    let raw = house.raw("public").await;
    for (mode, encrypted) in [
        ("disable".to_owned(), 0),
        ("prefer".to_owned(), 1),
        ("require".to_owned(), 1),
        (format!("verify-full sslrootcert={ca}"), 1),
    ] {
        let schema = house.schema();
        let text = format!("{} application_name={schema} sslmode={mode}", house.server.by_tcp());
        let mut options = PostgresOptions::parse(&text).expect("options");
        schema.clone_into(&mut options.schema);
        let store = open(options).await.expect("a store");
        let count = format!(
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
            WHERE ssl AND application_name = '{schema}'"
        );
        assert_eq!(number(&raw, &count).await.min(1), encrypted, "{mode}");
        drop(store);
    }
    // The machine's own authorities do not know this server's.
    let text = format!("{} sslmode=verify-full", house.server.by_tcp());
    let error = open(PostgresOptions::parse(&text).expect("options")).await.expect_err("it is not trusted");
    assert!(matches!(error, LedgerError::Io { .. } | LedgerError::Unfit { .. }), "{error}");
    let options =
        PostgresOptions::parse(&format!("{text} sslrootcert=/nonexistent/ca.pem")).expect("options");
    refuses(options, "/nonexistent/ca.pem").await;
}
