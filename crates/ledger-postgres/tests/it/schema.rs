//! Promises of the schema as a whole, asked of the server itself.

use std::sync::Arc;

use tokio_postgres::Client;

use crate::house::House;

/// Tables without a tenant: runs of senders, and the bookkeeping of migrations. Tenants have a name besides.
const SHARED: &str = "('tenant', 'sender', 'sender_presence', 'installation', 'refinery_schema_history')";

async fn strings(client: &Client, sql: &str) -> Vec<String> {
    let rows = client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

async fn books(house: &House) -> Client {
    let schema = house.schema();
    house.open(&schema).await;
    house.raw(&schema).await
}

pub async fn the_tenant_leads_every_key(house: Arc<House>) {
    let client = books(&house).await;
    let indexes = format!(
        "SELECT i.indexrelid::regclass || ': ' || a.attname FROM pg_index i
        JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relname NOT IN {SHARED}"
    );
    let indexes = strings(&client, &indexes).await;
    let keys = "SELECT conrelid::regclass || ': ' || a.attname || ' ' || b.attname FROM pg_constraint k
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
        JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = k.confkey[1]
        WHERE k.contype = 'f' AND k.connamespace = current_schema()::regnamespace";
    let keys = strings(&client, keys).await;
    assert!(indexes.len() > 22 && keys.len() > 11, "{} indexes, {} keys", indexes.len(), keys.len());
    assert!(indexes.iter().all(|index| index.ends_with(": tenant_id")), "{indexes:?}");
    assert!(keys.iter().all(|key| key.ends_with(": tenant_id tenant_id")), "{keys:?}");
}

pub async fn nothing_is_triggered_and_both_stores_have_the_same_columns(house: Arc<House>) {
    let client = books(&house).await;
    let triggers = "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
        WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace";
    assert_eq!(strings(&client, triggers).await, Vec::<String>::new());
    let theirs = migrations(concat!(env!("CARGO_MANIFEST_DIR"), "/../ledger-sqlite/migrations"));
    let ours = migrations(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"));
    let names = |files: &[(String, String)]| files.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&theirs));
    let all = |files: &[(String, String)]| files.iter().flat_map(|(_, sql)| columns(sql)).collect::<Vec<_>>();
    let (theirs, ours) = (all(&theirs), all(&ours));
    let more: Vec<_> = ours.iter().filter(|column| !theirs.contains(column)).collect();
    assert!(more.iter().all(|column| column.starts_with("write_mark.")), "{more:?}");
    assert_eq!(ours.len() - more.len(), theirs.len());
    // A copy has them all but for what tells whose the books are, and what senders hold just now.
    let copied = ledger::copy::TABLES
        .iter()
        .flat_map(|table| table.columns.iter().map(move |(column, _)| format!("{}.{column}", table.name)));
    let mut copied: Vec<_> = copied.collect();
    let apart = ["installation.", "sender_presence.", "relay_share."];
    let is_apart = |column: &String| apart.iter().any(|table| column.starts_with(table));
    let mut all: Vec<_> = theirs.into_iter().filter(|column| !is_apart(column)).collect();
    copied.sort();
    all.sort();
    assert_eq!(copied, all);
}

/// Names and texts of the migrations in a folder, in order.
fn migrations(folder: &str) -> Vec<(String, String)> {
    let files = std::fs::read_dir(folder).expect(folder).map(|file| file.expect("a file"));
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("a migration");
    let mut files: Vec<_> =
        files.map(|file| (file.file_name().to_string_lossy().into_owned(), read(&file.path()))).collect();
    files.sort();
    files
}

/// `table.column` of each column of a migration.
fn columns(sql: &str) -> Vec<String> {
    let mut table = String::new();
    let mut columns = Vec::new();
    for line in sql.lines() {
        if let Some(rest) = line.strip_prefix("CREATE TABLE ") {
            rest.trim_end_matches(" (").clone_into(&mut table);
        } else if let Some((altered, rest)) =
            line.strip_prefix("ALTER TABLE ").and_then(|rest| rest.split_once(" ADD COLUMN "))
        {
            columns.push(format!("{altered}.{}", rest.split(' ').next().unwrap_or_default()));
        } else if line.starts_with(')') {
            table.clear();
        } else if let Some(rest) = line.strip_prefix("    ")
            && rest.starts_with(|c: char| c.is_ascii_lowercase())
            && !table.is_empty()
        {
            let column = rest.split(' ').next().unwrap_or_default();
            columns.push(format!("{table}.{column}"));
        }
    }
    columns
}
