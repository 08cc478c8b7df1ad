//! Promises of the schema as a whole, asked of the database itself.

use ledger_sqlite::{DATABASE_FILE, SqliteOptions, SqliteStore};
use rusqlite::Connection;

/// Tables without a tenant: whose the books are, the tenants themselves, runs of senders, and the bookkeeping of migrations.
const SHARED: [&str; 4] = ["tenant", "sender", "installation", "refinery_schema_history"];

fn strings(connection: &Connection, sql: &str, argument: &str) -> Vec<String> {
    let mut query = connection.prepare(sql).expect(sql);
    let given: &[&str] = if sql.contains("?1") { &[argument] } else { &[] };
    let rows = query.query_map(rusqlite::params_from_iter(given), |row| row.get(0)).expect(sql);
    rows.collect::<Result<_, _>>().expect(sql)
}

fn books() -> (tempfile::TempDir, Connection) {
    let folder = tempfile::tempdir().expect("a folder");
    drop(SqliteStore::open(folder.path(), SqliteOptions::default()).expect("books"));
    let connection = Connection::open(folder.path().join(DATABASE_FILE)).expect("the file");
    (folder, connection)
}

#[test]
fn the_tenant_leads_every_key() {
    let (_folder, connection) = books();
    let tables = strings(&connection, "SELECT name FROM sqlite_schema WHERE type = 'table'", "");
    let mut keys = 0;
    for table in tables.iter().filter(|table| !SHARED.contains(&table.as_str())) {
        for index in strings(&connection, "SELECT name FROM pragma_index_list(?1)", table) {
            let first = "SELECT name FROM pragma_index_info(?1) WHERE seqno = 0";
            assert_eq!(strings(&connection, first, &index), ["tenant_id"], "{index} of {table}");
            keys += 1;
        }
        let foreign = "SELECT \"from\" || ' ' || \"to\" FROM pragma_foreign_key_list(?1) WHERE seq = 0";
        for pair in strings(&connection, foreign, table) {
            assert_eq!(pair, "tenant_id tenant_id", "{table}");
            keys += 1;
        }
    }
    assert!(keys > 30, "{keys} keys");
}

#[test]
fn every_table_is_strict_and_nothing_is_triggered() {
    let (_folder, connection) = books();
    let own = "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name <> 'refinery_schema_history'";
    for sql in strings(&connection, own, "") {
        assert!(sql.contains("STRICT"), "{sql}");
    }
    let triggers =
        strings(&connection, "SELECT name FROM sqlite_schema WHERE type IN ('trigger', 'view')", "");
    assert_eq!(triggers, Vec::<String>::new());
}
