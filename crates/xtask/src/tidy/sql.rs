//! SQL stands in the store rooms and nowhere else.

use super::finding::Finding;
use super::source::Source;

/// The rooms with SQL.
const STORES: &[&str] = &["ledger-sqlite", "ledger-postgres"];

/// Crates that speak to a database.
const DRIVERS: &[&str] = &["rusqlite", "tokio_postgres", "deadpool_postgres", "sqlx", "refinery"];

/// Upper-case words that begin a statement, and one that follows somewhere behind.
const STATEMENTS: &[(&str, &str)] = &[
    ("SELECT ", ""),
    ("INSERT INTO ", ""),
    ("INSERT OR ", ""),
    ("UPDATE ", " SET "),
    ("DELETE FROM ", ""),
    ("CREATE TABLE ", ""),
    ("CREATE INDEX ", ""),
    ("PRAGMA ", ""),
    ("BEGIN IMMEDIATE", ""),
];

const REMEDY: &str = "give the store trait a method, and put the SQL into a store room";

/// Drivers and statements in a Rust file.
pub fn check(source: &Source, findings: &mut Vec<Finding>) {
    if STORES.contains(&source.room()) {
        return;
    }
    for token in &source.tokens {
        let message = if token.literal && is_statement(&token.text) {
            "SQL outside the store rooms".to_owned()
        } else if !token.literal && DRIVERS.contains(&token.text.as_str()) {
            format!("`{}` outside the store rooms", token.text)
        } else {
            continue;
        };
        findings.push(Finding {
            path: source.path.clone(),
            line: token.line,
            rule: "sql",
            message,
            remedy: REMEDY,
        });
    }
}

/// A file of SQL outside the store rooms.
pub fn check_path(path: &str, findings: &mut Vec<Finding>) {
    let inside = STORES.iter().any(|room| path.starts_with(&format!("crates/{room}/")));
    if path.ends_with(".sql") && !inside {
        let message = "a file of SQL outside the store rooms".to_owned();
        findings.push(Finding { path: path.to_owned(), line: 0, rule: "sql", message, remedy: REMEDY });
    }
}

/// Only at the literal's beginning: a sentence may hold the words, a statement starts with them.
fn is_statement(literal: &str) -> bool {
    let text = literal.trim_start_matches(['b', 'c', 'r', '#', '"']).trim_start_matches([' ', '\n', '\\']);
    STATEMENTS.iter().any(|(first, then)| text.starts_with(first) && text.contains(then))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_text(room: &str, text: &str, expected: usize) {
        let source = Source::parse(&format!("crates/{room}/src/a.rs"), text).expect("it parses");
        let mut findings = Vec::new();
        check(&source, &mut findings);
        assert_eq!(findings.len(), expected, "{text}: {findings:?}");
    }

    #[test]
    fn statements_and_drivers_are_found_outside_the_stores() {
        for text in [
            "const A: &str = \"SELECT 1\";",
            "const A: &str = r#\"\n  INSERT INTO a\"#;",
            "fn a() { b(\"UPDATE a SET b = 1\"); }",
            "use rusqlite::Connection;",
        ] {
            check_text("engine", text, 1);
            check_text("ledger-sqlite", text, 0);
        }
        check_text("engine", "const A: &str = \"UPDATE available\"; // SELECT 1", 0);
    }

    #[test]
    fn files_of_sql_belong_to_the_stores() {
        let mut findings = Vec::new();
        check_path("crates/ledger-sqlite/queries/a.sql", &mut findings);
        assert!(findings.is_empty());
        check_path("crates/engine/a.sql", &mut findings);
        assert_eq!(findings.len(), 1);
    }
}
