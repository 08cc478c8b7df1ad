//! Lists as people save them: charsets, bad rows, duplicates, and what makes a whole list unusable.

use std::path::PathBuf;
use std::sync::Arc;

use app::list::{Charset, ListFile, ListScan, OwnedRow, RowCheck, ScanOptions, scan, stream};
use domain::AudienceDigest;
use ledger::recipient_hash;
use tempfile::TempDir;

/// Refuses records whose last field is `refuse me`.
struct Check;

impl RowCheck for Check {
    fn check(&self, record: &[&str]) -> Result<(), String> {
        if record.last() == Some(&"refuse me") { Err("refused by the release".to_owned()) } else { Ok(()) }
    }
}

fn written(octets: &[u8]) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("list.csv");
    std::fs::write(&path, octets).unwrap();
    (folder, path)
}

fn scanned(octets: &[u8]) -> Result<(ListFile, ListScan, TempDir), String> {
    let (folder, path) = written(octets);
    let list = ListFile::open(&path).map_err(|error| error.to_string())?;
    let options = ScanOptions { check: &Check, tmp: folder.path(), key: [1; 32], rejects: None };
    let found = scan(&list, &options).map_err(|error| error.to_string())?;
    Ok((list, found, folder))
}

async fn streamed(list: ListFile, found: ListScan) -> Result<Vec<OwnedRow>, String> {
    let mut rows = stream(Arc::new(list), Arc::new(found));
    let mut all = Vec::new();
    while let Some(batch) = rows.next().await {
        all.extend(batch);
    }
    rows.finish().await.map(|()| all).map_err(|error| error.to_string())
}

/// Rows as `address|fields|suppression`, rejected ones as `line: reason`.
async fn check(octets: &[u8], charset: Charset, rows: &[&str], rejected: &[&str]) {
    let shown = String::from_utf8_lossy(octets).into_owned();
    let (list, found, _folder) = scanned(octets).unwrap();
    assert_eq!(list.charset, charset, "{shown}");
    let reasons: Vec<_> = found.rejected.iter().map(|row| format!("{}: {}", row.line, row.reason)).collect();
    assert_eq!(reasons, rejected, "{shown}");
    assert_eq!(found.rows_read, (rows.len() + rejected.len()) as u64, "{shown}");
    let audience = found.audience;
    let streamed = streamed(list, found).await.unwrap();
    let mut again = AudienceDigest::default();
    streamed.iter().for_each(|row| again.add(&recipient_hash(&row.address, &row.fields)));
    assert_eq!(again, audience, "{shown}");
    let lines: Vec<_> = streamed
        .iter()
        .map(|row| {
            let suppression = row.suppression.map_or("", |reason| reason.word());
            format!("{}|{}|{suppression}", row.address, row.fields.replace('\u{1f}', ";"))
        })
        .collect();
    assert_eq!(lines, rows, "{shown}");
}

fn refused(octets: &[u8], part: &str) {
    let shown = String::from_utf8_lossy(octets).into_owned();
    match scanned(octets) {
        Ok(_) => panic!("{shown} was taken"),
        Err(text) => assert!(text.contains(part), "{shown}: {text}"),
    }
}

fn cp932(text: &str) -> Vec<u8> {
    encoding_rs::SHIFT_JIS.encode(text).0.into_owned()
}

#[tokio::test]
async fn charsets_and_columns() {
    use Charset::{Cp932, Utf8};
    let rows = &["taro@example.jp|taro@example.jp;太郎|"];
    check("email,氏名\ntaro@example.jp,太郎\n".as_bytes(), Utf8, rows, &[]).await;
    check("\u{feff}email,氏名\r\ntaro@example.jp,太郎\r\n".as_bytes(), Utf8, rows, &[]).await;
    check(&cp932("email,氏名\ntaro@example.jp,太郎"), Cp932, rows, &[]).await;
    // The second octet of 表 and ソ is a backslash.
    check(&cp932("メールアドレス,社名\na@b.jp,表ソ\n"), Cp932, &["a@b.jp|a@b.jp;表ソ|"], &[]).await;
    check(b"Name,E-MAIL\nx, a@b.jp \n", Utf8, &["a@b.jp|x; a@b.jp |"], &[]).await;
    check(b"mail,email\nno@b.jp,yes@b.jp\n", Utf8, &["yes@b.jp|no@b.jp;yes@b.jp|"], &[]).await;
    check("email,n\na@b.jp,\"山,\"\"田\"\n".as_bytes(), Utf8, &["a@b.jp|a@b.jp;山,\"田|"], &[]).await;
}

#[tokio::test]
async fn bad_rows_are_named_and_left_out() {
    let good = "ok@example.jp|ok@example.jp;x|";
    let list = "email,n\nok@example.jp,x\nnot an address,x\na@b.jp\n\"a@b.jp\",\"x\ny\"\na@b.jp,x\0y\na@b.jp,x\ty\n\
                a@b.jp,refuse me\n\n,x\n";
    let rejected = [
        "3: the address has no `@`",
        "4: the row has 1 fields, the first row names 2 columns",
        "5: `n` has a line break (the row ends in line 6; is a quote not closed?)",
        "7: `n` has a NUL character",
        "8: `n` has a control character",
        "9: refused by the release",
        "11: the address is empty",
    ];
    check(list.as_bytes(), Charset::Utf8, &[good], &rejected).await;
    let crlf = "email,n\r\nok@example.jp,x\r\n\r\nbad,1\r\nworse,2\r\n";
    let rejected = ["4: the address has no `@`", "5: the address has no `@`"];
    check(crlf.as_bytes(), Charset::Utf8, &[good], &rejected).await;
    let long = format!("email,n\nok@example.jp,x\na@b.jp,{}\n", "x".repeat(65_537));
    check(long.as_bytes(), Charset::Utf8, &[good], &["3: `n` is longer than 65536 octets"]).await;
}

#[tokio::test]
async fn the_same_mailbox_is_owed_once() {
    let list = b"email,n\nA@Example.jp,1\nb@example.jp,2\na@example.JP,3\nbad,4\nb@example.jp,5\n";
    let rows = [
        "A@example.jp|A@Example.jp;1|",
        "b@example.jp|b@example.jp;2|",
        "a@example.jp|a@example.JP;3|duplicate",
        "b@example.jp|b@example.jp;5|duplicate",
    ];
    check(list, Charset::Utf8, &rows, &["5: the address has no `@`"]).await;
}

#[test]
fn whole_lists_are_refused_with_place_and_remedy() {
    refused(b"", "is empty");
    refused(b"email,n\n", "has no recipients");
    refused(b"email,n\nx,1\ny,2\n", "all 2 rows were rejected, the first in line 2: the address has no `@`");
    refused("氏名,name\na,b\n".as_bytes(), "has no `email` column");
    refused("氏名,name\na,b\n".as_bytes(), "氏名, name");
    refused(b"email,n,n\na@b.jp,1,2\n", "two columns `n`");
    refused(b"email,\na@b.jp,1\n", "name of column 2");
    refused(format!("email{}\n", ",x".repeat(100)).as_bytes(), "101 columns");
    refused(b"\xff\xfee\0m\0a\0i\0l\0", "UTF-16");
    refused(b"email,n\na@b.jp,\x81\n", "line 2");
    refused(b"email,n\na@b.jp,ok\na@b.jp,\xa0\xfd\n", "wrong charset: line 3");
    let mut damaged = "email,氏名\na@b.jp,山田太郎\n".as_bytes().to_vec();
    damaged.extend(b"c@d.jp,\xff\n");
    refused(&damaged, "line 3, octet 40 is not UTF-8");
    let open_quote = format!("email,n\na@b.jp,\"{}", "x\n".repeat(1 << 20));
    refused(open_quote.as_bytes(), "the row that starts in line 2 is longer");
}

#[tokio::test]
async fn a_list_that_changes_between_the_passes_is_refused() {
    let original = "email,n\na@b.jp,1\nc@d.jp,2\n";
    for changed in
        ["email,n\na@b.jp,1\nc@d.jp,3\n", "email,n\na@b.jp,1\n", "email,n\na@b.jp,1\nc@d.jp,2\ne@f.jp,3\n"]
    {
        let (list, found, _folder) = scanned(original.as_bytes()).unwrap();
        std::fs::write(&list.path, changed).unwrap();
        let error = streamed(list, found).await.unwrap_err();
        assert!(error.contains("changed while it was read"), "{changed}: {error}");
    }
}

#[test]
fn rejected_rows_go_to_a_file() {
    let (folder, path) = written(b"email,n\nbad,1\na@b.jp,2\nworse,3\n");
    let list = ListFile::open(&path).unwrap();
    let rejects = folder.path().join("rejects.csv");
    let options = ScanOptions { check: &Check, tmp: folder.path(), key: [1; 32], rejects: Some(&rejects) };
    scan(&list, &options).unwrap();
    let text = std::fs::read_to_string(rejects).unwrap();
    assert_eq!(text, "line,reason\n2,the address has no `@`\n4,the address has no `@`\n");
}
