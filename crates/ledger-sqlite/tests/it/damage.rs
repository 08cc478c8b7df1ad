//! Damage behind the store's back: whatever is changed, deleted, moved or cut off, the check finds it.

use ledger::{Book, CheckReport, Head};
use rusqlite::Connection;

use crate::scene::Books;

const BOOKS: [(&str, Book); 4] = [
    ("intent", Book::Intents),
    ("attempt", Book::Attempts),
    ("outcome", Book::Outcomes),
    ("witness", Book::Witnesses),
];

/// Some finding has this book, and the words in its text.
fn finds(report: &CheckReport, book: Option<Book>, words: &str) -> bool {
    report
        .findings
        .iter()
        .any(|finding| (book.is_none() || finding.book == book) && finding.text.contains(words))
}

fn execute(connection: &Connection, sql: &str) {
    let changed = connection.execute(sql, []).unwrap_or_else(|error| panic!("{sql}: {error}"));
    assert!(changed > 0, "{sql} changed nothing");
}

/// The columns of a table with their types.
fn columns(connection: &Connection, table: &str) -> Vec<(String, String)> {
    let sql = "SELECT name, type FROM pragma_table_info(?1)";
    let mut list = connection.prepare(sql).expect("a query");
    let rows = list.query_map([table], |row| Ok((row.get(0)?, row.get(1)?))).expect("columns");
    rows.collect::<Result<_, _>>().expect("columns")
}

#[tokio::test]
async fn books_without_damage_have_no_findings() {
    let books = Books::write().await;
    let report = books.check(&books.sealed, |_| {}).await;
    assert_eq!(report.findings, Vec::new());
    assert_eq!((report.releases, report.intents, report.attempts), (1, 12, 8));
    assert_eq!((report.outcomes, report.witnesses, report.links), (8, 2, 6));
    assert_eq!(report.heads, books.sealed);
}

#[tokio::test]
async fn a_changed_value_in_any_column_of_any_book_is_found() {
    let books = Books::write().await;
    let mut columns_met = 0;
    for (table, book) in BOOKS {
        let mut names = Vec::new();
        books.check(&[], |connection| names = columns(connection, table)).await;
        for (column, kind) in names {
            let value = match kind.as_str() {
                "INTEGER" => format!("coalesce({column}, 0) + 1000"),
                "BLOB" => "zeroblob(length(".to_owned() + &column + "))",
                _ => format!("{column} || 'x'"),
            };
            let sql = format!("UPDATE {table} SET {column} = {value} WHERE intent_no = 2");
            let report = books.check(&books.sealed, |connection| execute(connection, &sql)).await;
            assert!(finds(&report, Some(book), ""), "{sql}: {:?}", report.findings);
            columns_met += 1;
        }
    }
    assert_eq!(columns_met, 7 + 12 + 12 + 11);
}

#[tokio::test]
async fn a_flipped_bit_that_keeps_every_check_is_found() {
    let books = Books::write().await;
    for (sql, book) in [
        ("UPDATE intent SET wave = 2 WHERE intent_no = 12", Book::Intents),
        ("UPDATE attempt SET opened_at = opened_at + 1 WHERE intent_no = 3", Book::Attempts),
        ("UPDATE outcome SET code = 251 WHERE intent_no = 1", Book::Outcomes),
        ("UPDATE outcome SET at = at + 1 WHERE intent_no = 8", Book::Outcomes),
        ("UPDATE witness SET accepted = 0 WHERE intent_no = 1", Book::Witnesses),
    ] {
        let report = books.check(&[], |connection| execute(connection, sql)).await;
        assert!(finds(&report, Some(book), "was changed"), "{sql}: {:?}", report.findings);
    }
}

#[tokio::test]
async fn a_deleted_or_added_row_is_found() {
    let books = Books::write().await;
    for (table, book) in BOOKS {
        let sql = format!("DELETE FROM {table} WHERE intent_no = 2");
        let report = books.check(&[], |connection| execute(connection, &sql)).await;
        assert!(finds(&report, Some(book), "stand"), "{sql}: {:?}", report.findings);
    }
    let sql = "INSERT INTO outcome SELECT tenant_id, release_id, 3, 1, 1, 8, 250, NULL, NULL, at, sender_epoch, link_no
        FROM outcome WHERE intent_no = 1";
    let report = books.check(&[], |connection| execute(connection, sql)).await;
    assert!(finds(&report, Some(Book::Outcomes), "covers 4 rows; 5 stand"), "{:?}", report.findings);
    assert!(finds(&report, None, "the counter of accepted: 5 expected, 4 found"), "{:?}", report.findings);
    let stray = "INSERT INTO outcome SELECT tenant_id, release_id, 99, 1, 1, 8, 250, NULL, NULL, at, sender_epoch, link_no
        FROM outcome WHERE intent_no = 1";
    let report = books.check(&[], |connection| execute(connection, stray)).await;
    let text = "an entry names intent 99, which does not stand";
    assert!(finds(&report, Some(Book::Outcomes), text), "{:?}", report.findings);
}

#[tokio::test]
async fn rows_that_changed_places_are_found() {
    let books = Books::write().await;
    let swap = "UPDATE attempt SET body_digest =
        (SELECT other.body_digest FROM attempt other WHERE other.intent_no = 3 - attempt.intent_no)
        WHERE intent_no IN (1, 2)";
    let report = books.check(&[], |connection| execute(connection, swap)).await;
    assert!(finds(&report, Some(Book::Attempts), "was changed"), "{:?}", report.findings);
    let swap = "UPDATE outcome SET link_no = 3 - link_no WHERE intent_no IN (1, 5)";
    let report = books.check(&[], |connection| execute(connection, swap)).await;
    let both = report.findings.iter().filter(|finding| finding.text.contains("was changed")).count();
    assert_eq!(both, 2, "{:?}", report.findings);
}

#[tokio::test]
async fn a_tail_that_was_cut_off_shows_against_the_seal() {
    let books = Books::write().await;
    // As one would who knows the schema: outcomes of the last link go, and all that follows from them is mended.
    let cut = |connection: &Connection| {
        execute(connection, "DELETE FROM outcome WHERE link_no = 2");
        execute(connection, "DELETE FROM link WHERE book = 3 AND link_no = 2");
        execute(connection, "DELETE FROM retry_due WHERE intent_no > 4");
        execute(connection, "UPDATE delivery_chunk SET due_at = NULL WHERE chunk_no = 1");
        execute(
            connection,
            "UPDATE delivery_chunk SET accounted = NULL, accounted_digest = NULL WHERE chunk_no = 1",
        );
        execute(connection, "UPDATE verdict_minute SET accepted = 2, deferred = 1, unknown = 1");
        let counters = "UPDATE counter SET accepted = 2, unknown = 1, pending = 9";
        execute(connection, counters);
    };
    let report = books.check(&[], cut).await;
    assert_eq!(report.findings, Vec::new(), "without a seal it cannot show");
    let report = books.check(&books.sealed, cut).await;
    assert_eq!(report.findings.len(), 1, "{:?}", report.findings);
    assert!(finds(&report, Some(Book::Outcomes), "sealed at link 2 with 8 rows, and ends before it"));
}

#[tokio::test]
async fn a_chain_that_was_written_anew_shows_against_the_seal() {
    let books = Books::write().await;
    let later = |mut head: Head| {
        head.chain[31] ^= 1;
        head
    };
    let sealed: Vec<Head> = books.sealed.iter().copied().map(later).collect();
    let report = books.check(&sealed, |_| {}).await;
    assert_eq!(report.findings.len(), sealed.len());
    assert!(report.findings.iter().all(|finding| finding.text.contains("is not the one that was sealed")));
}

#[tokio::test]
async fn damage_to_links_is_found() {
    let books = Books::write().await;
    for (sql, words) in [
        ("UPDATE link SET chain = zeroblob(32) WHERE book = 2 AND link_no = 1", "does not follow"),
        ("UPDATE link SET root = zeroblob(32) WHERE book = 2 AND link_no = 2", "was changed"),
        ("UPDATE link SET at = at + 1 WHERE book = 3 AND link_no = 2", "does not follow"),
        ("UPDATE link SET rows_total = 9 WHERE book = 3 AND link_no = 2", "counts 9 rows"),
        ("DELETE FROM link WHERE book = 2 AND link_no = 1", "are missing"),
        ("DELETE FROM link WHERE book = 4", "which does not exist"),
        ("UPDATE link SET sender_epoch = 9 WHERE book = 1", "none stands"),
    ] {
        let report = books.check(&[], |connection| execute(connection, sql)).await;
        assert!(finds(&report, None, words), "{sql}: {:?}", report.findings);
    }
}

#[tokio::test]
async fn damage_to_the_audit_log_is_found() {
    let books = Books::write().await;
    let mut names = Vec::new();
    books.check(&[], |connection| names = columns(connection, "audit")).await;
    let changed = names.iter().filter(|(name, _)| name != "audit_no").map(|(name, kind)| {
        let value = match kind.as_str() {
            "INTEGER" => format!("{name} + 1"),
            "BLOB" => format!("zeroblob(length({name}))"),
            _ => format!("{name} || 'x'"),
        };
        (format!("UPDATE audit SET {name} = {value} WHERE tenant_id = 11 AND audit_no = 2"), "audit log")
    });
    let others = [
        (
            "DELETE FROM audit WHERE tenant_id = 11 AND audit_no = 2",
            "entry 3 of the audit log follows entry 1",
        ),
        (
            "DELETE FROM audit WHERE tenant_id = 11 AND audit_no = 1",
            "entry 2 of the audit log follows entry 0",
        ),
        ("UPDATE audit SET audit_no = 9 WHERE tenant_id = 11 AND audit_no = 3", "follows entry 2"),
        ("UPDATE audit SET audit_no = 0 WHERE tenant_id = 0", "entry 0 of the audit log follows entry 0"),
        ("UPDATE audit SET detail = '[]' WHERE tenant_id = 0", "entry 1 of the audit log was changed"),
        (
            "UPDATE audit SET chain = zeroblob(5) WHERE audit_no = 2",
            "entry 2 of an audit log could not be read",
        ),
        (
            "INSERT INTO audit SELECT 11, 4, at, actor, action, object, detail, chain FROM audit WHERE audit_no = 3",
            "entry 4 of the audit log was changed, or does not follow",
        ),
    ];
    let others = others.into_iter().map(|(sql, words)| (sql.to_owned(), words));
    let mut scenes = 0;
    for (sql, words) in changed.chain(others) {
        let report = books.check(&books.sealed, |connection| execute(connection, &sql)).await;
        let found = report.findings.iter().any(|f| f.invariant == 0 && f.text.contains(words));
        assert!(found, "{sql}: {:?}", report.findings);
        assert!(report.findings.iter().all(|f| f.text.contains("audit")), "{sql}: {:?}", report.findings);
        scenes += 1;
    }
    assert_eq!(scenes, 7 + 7);
}

#[tokio::test]
async fn small_tables_are_held_against_the_books() {
    let books = Books::write().await;
    for (sql, invariant, words) in [
        ("UPDATE counter SET accepted = accepted + 1, pending = pending - 1", 1, "the counter of accepted"),
        ("DELETE FROM counter", 1, "no counters"),
        ("UPDATE delivery_chunk SET due_at = NULL WHERE chunk_no = 2", 8, "intent 9 is still owed"),
        ("UPDATE delivery_chunk SET due_at = due_at + 9999999 WHERE chunk_no = 0", 9, "may be tried at"),
        (
            "UPDATE delivery_chunk SET accounted = accounted + 1 WHERE chunk_no = 0",
            1,
            "chunk 0 accounts for 4 of its intents, and its books for 3",
        ),
        (
            "UPDATE delivery_chunk SET accounted_digest = sealed_digest WHERE chunk_no = 0",
            1,
            "chunk 0 accounts for 3 of its intents, and its books for 3, or for others",
        ),
        (
            "UPDATE delivery_chunk SET sealed_digest = accounted_digest WHERE chunk_no = 2",
            1,
            "chunk 2 was not sealed over its own intents",
        ),
        ("UPDATE delivery_chunk SET open_intents = X'0001' WHERE chunk_no = 0", 1, "chunk 0 accounts for"),
        ("UPDATE verdict_minute SET accepted = accepted + 1", 1, "the verdicts by minute"),
        ("UPDATE verdict_minute SET minute = minute + 1", 1, "the verdicts by minute"),
        ("DELETE FROM verdict_minute", 1, "the verdicts by minute"),
        ("DELETE FROM delivery_chunk WHERE chunk_no = 1", 8, "chunk 2 starts at intent 9, not at 5"),
        ("DELETE FROM delivery_chunk WHERE chunk_no = 2", 8, "its chunks end at intent 8"),
        (
            "INSERT INTO retry_due SELECT tenant_id, release_id, 1, 5 FROM retry_due LIMIT 1",
            4,
            "retry schedule",
        ),
        ("DELETE FROM retry_due", 9, "may be tried at"),
        ("UPDATE audience_wave SET last_intent = 13", 1, "13 expected, 12 found"),
        ("UPDATE audience_wave SET digest = zeroblob(32)", 1, "are not those that were counted"),
        ("UPDATE recipient SET address = 'other@example.jp' WHERE intent_no = 9", 1, "are not those"),
        ("UPDATE session SET fingerprint = zeroblob(12)", 6, "the relay and the secret of its session"),
        ("DELETE FROM session", 6, "names a session that does not exist"),
        ("DELETE FROM credential", 6, "a secret that is not in the directory"),
        ("DELETE FROM attempt WHERE intent_no = 1", 2, "`accepted` of attempt 1, which does not stand"),
        ("DELETE FROM release_state", 0, "has no state"),
        ("UPDATE outcome SET code = 450 WHERE intent_no = 1", 2, "accepted without a 2xx reply"),
        (
            "UPDATE outcome SET phase = 6 WHERE intent_no = 4",
            4,
            "unknown, and its message end was not on the wire",
        ),
    ] {
        let report = books.check(&books.sealed, |connection| execute(connection, sql)).await;
        let found = report.findings.iter().any(|f| f.invariant == invariant && f.text.contains(words));
        assert!(found, "{sql}: {:?}", report.findings);
    }
}

#[tokio::test]
async fn erased_recipients_are_no_damage() {
    let books = Books::write().await;
    let report = books
        .check(&books.sealed, |connection| {
            execute(connection, "DELETE FROM recipient WHERE intent_no IN (1, 2)");
            execute(connection, "DELETE FROM reply_text");
        })
        .await;
    assert_eq!(report.findings, Vec::new());
}

#[tokio::test]
async fn a_damaged_page_is_a_finding() {
    let books = Books::write().await;
    let mut path = None;
    let mut root = 0;
    let report = books
        .check(&books.sealed, |connection| {
            let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'attempt'";
            root = connection.query_row(sql, [], |row| row.get::<_, u32>(0)).expect("a page");
            path = connection.path().map(str::to_owned);
            connection.pragma_update(None, "wal_checkpoint", "TRUNCATE").expect("a checkpoint");
            let mut bytes = std::fs::read(path.as_deref().expect("a path")).expect("the file");
            let start = (root as usize - 1) * 4096;
            bytes[start..start + 4096].fill(0xa5);
            std::fs::write(path.as_deref().expect("a path"), bytes).expect("the file");
        })
        .await;
    assert!(
        finds(&report, Some(Book::Attempts), "") || finds(&report, None, "could not be read"),
        "{report:?}"
    );
    assert!(report.intents > 0 && report.outcomes > 0, "the other books are still read");
}
