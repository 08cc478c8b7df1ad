//! What each role may do, asked of the server by logins that have no other.

use std::sync::Arc;

use domain::Verdict;
use ledger::conformance::Stage;
use ledger_postgres::{Access, PostgresStore};
use runtime::SystemClock;
use tokio_postgres::Client;

use crate::house::{House, execute, number};

/// Books of two tenants with something in most tables: the schema, and the ids of the tenants.
async fn two_tenants(house: &House) -> (String, i64, i64) {
    let schema = house.schema();
    let one = Stage::on(&house.open(&schema).await).await.expect("a stage");
    let two = Stage::of_tenant(&one.store, 2, one.sender).await.expect("another");
    for stage in [&one, &two] {
        stage.freeze(6, 3).await.expect("frozen");
        let chunk = stage.lease_one(5).await.expect("a chunk");
        stage.deliver(&chunk, Verdict::Accepted).await.expect("delivered");
        stage.store.document_write(stage.document_write(1)).await.expect("a document");
    }
    (schema, one.tenant.0.cast_signed(), two.tenant.0.cast_signed())
}

async fn login(house: &House, schema: &str, name: &str, role: &str) -> Client {
    house.options_as(schema, name, role).await;
    house.raw_as(schema, name).await
}

/// The server refuses a statement, in such words.
async fn refuses(client: &Client, sql: &str, words: &str) {
    let error = client.batch_execute(sql).await.expect_err(sql);
    let said = error.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default();
    assert!(said.contains(words), "{sql}: {said} instead of {words}");
}

/// The tables with a tenant in them.
async fn tables(raw: &Client) -> Vec<String> {
    let sql = "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attname = 'tenant_id'";
    raw.query(sql, &[]).await.expect(sql).iter().map(|row| row.get(0)).collect()
}

pub async fn an_api_role_sees_its_tenant_alone(house: Arc<House>) {
    let (schema, one, two) = two_tenants(&house).await;
    let raw = house.raw(&schema).await;
    let api = login(&house, &schema, "api_login", "hikyaku_api").await;
    let tables = tables(&raw).await;
    assert!(tables.len() > 18, "{tables:?}");
    let mut seen = 0;
    for table in &tables {
        let all = format!("SELECT count(*) FROM {table}");
        execute(&api, "RESET hikyaku.tenant").await;
        assert_eq!(number(&api, &all).await, 0, "{table} without a setting");
        for tenant in [one, two] {
            execute(&api, &format!("SET hikyaku.tenant = '{tenant}'")).await;
            let theirs = format!("{all} WHERE tenant_id = {tenant}");
            let rows = number(&raw, &theirs).await;
            assert_eq!((number(&api, &all).await, number(&api, &theirs).await), (rows, rows), "{table}");
            seen += rows;
        }
    }
    assert!(seen > 50, "{seen} rows");

    execute(&api, &format!("SET hikyaku.tenant = '{one}'")).await;
    let relay =
        |tenant: i64| format!("INSERT INTO relay VALUES ({tenant}, 900, 'h', 25, 'none', 'u', 'bare', 0)");
    refuses(&api, &relay(two), "violates row-level security").await;
    execute(&api, &relay(one)).await;
    let update = format!("UPDATE release_state SET changed_at = 1 WHERE tenant_id = {two}");
    assert_eq!(api.execute(&update, &[]).await.expect("it"), 0, "another's row is not there");
    let steal = format!("UPDATE release_state SET tenant_id = {two} WHERE tenant_id = {one}");
    refuses(&api, &steal, "violates row-level security").await;
    let write = |tenant: i64| {
        format!(
            "UPDATE document SET version = version + 1; DELETE FROM document;
            INSERT INTO document VALUES ({tenant}, 'key', 'a', 1, '1', 0);
            INSERT INTO audit VALUES ({tenant}, 2, 0, 'a', 'b', 'c', '', sha256(''))"
        )
    };
    refuses(&api, &write(two), "violates row-level security").await;
    execute(&api, &write(one)).await;
    let theirs = format!("SELECT count(*) FROM document WHERE tenant_id = {two} AND version = 1");
    assert_eq!(number(&raw, &theirs).await, 1, "another's document is not there");
    refuses(&api, "UPDATE audit SET detail = ''", "permission denied").await;
    refuses(&api, "DELETE FROM audit", "permission denied").await;
    refuses(&api, "DELETE FROM release_state", "permission denied").await;
    refuses(&api, "INSERT INTO outcome SELECT * FROM outcome", "permission denied").await;
    refuses(&api, "SELECT * FROM sender", "permission denied").await;
    refuses(&api, "SELECT * FROM installation", "permission denied").await;
    refuses(&api, "ALTER TABLE intent DISABLE ROW LEVEL SECURITY", "must be owner").await;
}

pub async fn an_engine_role_only_adds_to_the_books(house: Arc<House>) {
    let (schema, ..) = two_tenants(&house).await;
    let engine = login(&house, &schema, "engine_login", "hikyaku_engine").await;
    assert_eq!(number(&engine, "SELECT count(DISTINCT tenant_id) FROM intent").await, 2);
    for book in ["intent", "attempt", "outcome", "witness", "link", "session", "sender", "audit"] {
        refuses(&engine, &format!("DELETE FROM {book}"), "permission denied").await;
        refuses(&engine, &format!("TRUNCATE {book}"), "permission denied").await;
    }
    refuses(&engine, "UPDATE outcome SET verdict = 1", "permission denied").await;
    refuses(&engine, "DROP TABLE intent", "must be owner").await;
}

pub async fn a_watch_role_only_reads(house: Arc<House>) {
    let (schema, ..) = two_tenants(&house).await;
    let watch = login(&house, &schema, "watch_login", "hikyaku_watch").await;
    assert_eq!(number(&watch, "SELECT count(DISTINCT tenant_id) FROM outcome").await, 2);
    refuses(&watch, "UPDATE counter SET accepted = 1", "permission denied").await;
    refuses(&watch, "INSERT INTO link SELECT * FROM link", "permission denied").await;
}

pub async fn who_may_not_make_roles_gets_the_statements(house: Arc<House>) {
    let schema = house.schema();
    let options = house.options_as(&schema, "plain_login", "").await;
    let raw = house.raw("public").await;
    execute(&raw, "GRANT CREATE ON DATABASE postgres TO plain_login").await;
    let migrate = async || PostgresStore::migrate(&options, Arc::new(SystemClock)).await.expect("migrated");
    let Access::Wanting(sql) = migrate().await.access else { panic!("a plain user made roles") };
    execute(&raw, &sql).await;
    assert_eq!(migrate().await.access, Access::InForce);
    // It may go on sending: it was given the engine's role.
    let store = PostgresStore::open(options.clone(), Arc::new(SystemClock)).await.expect("a store");
    let stage = Stage::on(&(Arc::new(store) as Arc<dyn ledger::Store>)).await.expect("a stage");
    stage.freeze(4, 2).await.expect("frozen");
    let chunk = stage.lease_one(5).await.expect("a chunk");
    stage.deliver(&chunk, Verdict::Accepted).await.expect("delivered");
    let plain = house.raw_as(&schema, "plain_login").await;
    assert_eq!(number(&plain, "SELECT count(*) FROM outcome").await, 2);
}
