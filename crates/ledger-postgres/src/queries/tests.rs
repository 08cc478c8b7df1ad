//! Reads every statement of the room.

use std::collections::BTreeSet;

use super::{OWN, SHARED};

/// The audit log grows as the books do.
const BOOKS: [&str; 6] = ["intent", "attempt", "outcome", "witness", "link", "audit"];

/// Statements about no tenant's data, or about whole tables: copies, tenants by name, runs of senders, the server and its schema.
const WITHOUT_TENANT: [&str; 24] = [
    "access",
    "access_state",
    "books_extent",
    "copy_first",
    "copy_insert",
    "copy_last",
    "copy_rows",
    "installation_get",
    "installation_insert",
    "installation_use",
    "schema_exists",
    "schema_lock",
    "schema_unlock",
    "schema_version",
    "schema_version_last",
    "standby_state",
    "sender_get",
    "sender_insert",
    "sender_latest",
    "sender_presence_set",
    "server_settings",
    "work_notify",
    "writer_next",
    "tenant_get_by_name",
];

/// Statements that read or pick over all tenants, for the check, the heads, and to find whose leases to look at.
const OVER_ALL_TENANTS: [&str; 21] = [
    "attempt_walk",
    "audit_walk",
    "delivery_chunk_hole_list",
    "delivery_chunk_tenants_ended",
    "delivery_chunk_tenants_held",
    "delivery_chunk_unaccounted",
    "intent_open_list",
    "intent_walk",
    "lease_lost_list",
    "link_head_list",
    "link_walk",
    "outcome_walk",
    "owed_list_any",
    "release_list_all",
    "release_list_lost",
    "sender_presence_list",
    "tenant_list",
    "verdict_minute_walk",
    "verdict_minute_window",
    "witness_walk",
    "work_list",
];

fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    OWN.iter().chain(SHARED).copied()
}

/// A statement's words in lower case, without comments.
fn words(sql: &str) -> Vec<String> {
    let lines = sql.lines().map(|line| line.split("--").next().unwrap_or_default());
    let text = lines.collect::<Vec<_>>().join(" ").to_lowercase();
    let parts = text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '.'));
    parts.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Whether the tenant is given: as the value of its column, or as the first one inserted.
fn names_the_tenant(words: &[String]) -> bool {
    let column = |word: &str| word == "tenant_id" || word.ends_with(".tenant_id");
    let given = words.windows(2).any(|pair| column(&pair[0]) && pair[1] == "$1");
    let inserted = words.first().is_some_and(|word| word == "insert")
        && words.get(3).is_some_and(|word| word == "tenant_id")
        && words.windows(2).any(|pair| (pair[0] == "values" || pair[0] == "select") && pair[1] == "$1");
    given || inserted
}

#[test]
fn every_statement_names_its_tenant() {
    for (file, sql) in all() {
        let exempt = WITHOUT_TENANT.contains(&file) || OVER_ALL_TENANTS.contains(&file);
        assert_eq!(names_the_tenant(&words(sql)), !exempt, "{file}: {sql}");
    }
    assert!(!names_the_tenant(&words("DELETE FROM relay_use WHERE second < $1")));
    assert!(!names_the_tenant(&words("-- tenant_id = $1\nSELECT tenant_id FROM intent")));
}

#[test]
fn what_is_exempt_changes_nothing_of_a_tenant() {
    for (file, sql) in all().filter(|(file, _)| OVER_ALL_TENANTS.contains(file)) {
        let first = words(sql)[0].clone();
        assert!(["select", "with"].contains(&first.as_str()) && sql.contains("tenant_id"), "{file}");
        assert!(!sql.contains("FOR UPDATE"), "{file}");
    }
}

#[test]
fn no_statement_changes_a_book() {
    for (file, sql) in all() {
        let words = words(sql);
        for (at, word) in words.iter().enumerate() {
            let table = match word.as_str() {
                // Not `FOR UPDATE` or `DO UPDATE`.
                "update" if at == 0 || !["for", "do"].contains(&words[at - 1].as_str()) => words.get(at + 1),
                "delete" => words.get(at + 2),
                "truncate" => words.get(at + 1),
                _ => None,
            };
            assert!(!table.is_some_and(|table| BOOKS.contains(&table.as_str())), "{file}");
        }
        let upsert = words.windows(2).any(|pair| pair == ["do", "update"]);
        assert!(!upsert || !BOOKS.contains(&words[2].as_str()), "{file}");
    }
}

#[test]
fn every_file_is_used_and_reads_no_clock() {
    let listed: BTreeSet<String> = OWN.iter().map(|(file, _)| format!("{file}.sql")).collect();
    let folder = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/queries")).expect("folder");
    let found =
        folder.map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(listed, found);
    for (file, sql) in all() {
        let words = words(sql);
        let clocks =
            ["now", "current_timestamp", "current_date", "clock_timestamp", "statement_timestamp", "random"];
        assert!(!words.iter().any(|word| clocks.contains(&word.as_str())), "{file}");
        assert!(!sql.contains('?'), "{file}");
    }
}

#[test]
fn nothing_is_written_twice() {
    let own: BTreeSet<_> = OWN.iter().map(|(file, _)| *file).collect();
    for (file, _) in SHARED {
        assert!(!own.contains(file), "{file}");
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ledger-sqlite/queries/");
    for (file, sql) in OWN {
        let theirs = std::fs::read_to_string(format!("{folder}{file}.sql")).unwrap_or_default();
        assert_ne!(words(&theirs.replace('?', "$")), words(sql), "{file} is the same in both stores");
    }
}
