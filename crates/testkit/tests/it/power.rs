//! A SQLite database in WAL mode over power cuts: with `synchronous=FULL` no committed row is lost, and with
//! `synchronous=OFF` some are, or the test could not fail.
//!
//! Each round is a process of its own (this test binary, started again), killed with SIGKILL in the middle of
//! its commits; what it printed before is what it was told to be durable.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use testkit::power::PowerStore;

const CUTS: u64 = 200;
/// Set for the started process: the database it writes.
const WRITER: &str = "TESTKIT_POWER_WRITER";
/// Set for the started process: the `synchronous` it writes with.
const SYNCHRONOUS: &str = "TESTKIT_POWER_SYNCHRONOUS";

/// Not a test by itself: the writing process. Commits one row a transaction and prints its number after.
#[test]
fn writer_process() {
    let Ok(path) = std::env::var(WRITER) else { return };
    let synchronous = std::env::var(SYNCHRONOUS).expect("the mode");
    let database = open(Path::new(&path)).expect("the database opens");
    database.pragma_update(None, "synchronous", synchronous).expect("a mode");
    let mut next = highest(&database).expect("the rows") + 1;
    loop {
        let row = (next, format!("{next:0>700}"));
        database.execute("INSERT INTO book VALUES (?1, ?2)", row).expect("a commit");
        eprintln!("committed {next}");
        next += 1;
    }
}

fn open(path: &Path) -> rusqlite::Result<Connection> {
    let database = Connection::open(path)?;
    database.pragma_update(None, "journal_mode", "WAL")?;
    // Often enough that cuts fall into checkpoints too.
    database.pragma_update(None, "wal_autocheckpoint", 8)?;
    database
        .execute("CREATE TABLE IF NOT EXISTS book (number INTEGER PRIMARY KEY, content TEXT) STRICT", ())?;
    Ok(database)
}

/// The highest number, once integrity and completeness of all rows are checked.
fn highest(database: &Connection) -> rusqlite::Result<i64> {
    let integrity: String = database.query_row("PRAGMA integrity_check", (), |row| row.get(0))?;
    let (rows, highest): (i64, i64) =
        database.query_row("SELECT count(*), coalesce(max(number), 0) FROM book", (), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if integrity == "ok" && rows == highest { Ok(highest) } else { Err(rusqlite::Error::InvalidQuery) }
}

/// Runs a writer until it has committed some rows more, kills it, and gives the last number it reported.
fn write_and_kill(path: &Path, synchronous: &str, commits: u64) -> Option<i64> {
    let mut writer = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "power::writer_process", "--nocapture", "--test-threads=1"])
        .env(WRITER, path)
        .env(SYNCHRONOUS, synchronous)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the writer starts");
    let lines = BufReader::new(writer.stderr.take().expect("its output")).lines().map_while(Result::ok);
    let mut committed = lines.filter_map(|line| line.strip_prefix("committed ")?.parse().ok());
    let mut last = committed.by_ref().take(usize::try_from(commits).expect("few")).last();
    writer.kill().expect("killed");
    // What was committed between the last line read and the kill counts too.
    last = committed.last().or(last);
    writer.wait().expect("gone");
    last
}

/// Rounds of write, kill, cut, until one loses a reported commit or damages the file; `None` when none does.
fn first_loss(synchronous: &str) -> Option<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = PowerStore::mount(folder.path()).expect("FUSE needs /dev/fuse and root");
    let path = folder.path().join("book.db");
    let (mut kept, mut loss) = (0, None);
    for seed in 0..CUTS {
        let reported = write_and_kill(&path, synchronous, 1 + seed % 17);
        store.cut(seed).expect("the power goes");
        let found = open(&path).and_then(|database| highest(&database));
        match (reported, found) {
            (Some(reported), Ok(highest)) if reported > kept && highest >= reported => kept = highest,
            outcome => {
                loss = Some(format!("cut {seed}: reported and found {outcome:?} after {kept}"));
                break;
            }
        }
    }
    store.unmount().expect("unmounted");
    loss
}

#[test]
fn full_synchronous_loses_nothing() {
    assert_eq!(first_loss("FULL"), None);
}

#[test]
fn no_synchronous_loses_something() {
    let loss = first_loss("OFF");
    println!("{loss:?}");
    assert!(loss.is_some(), "{CUTS} cuts and nothing lost: the store keeps what it should forget");
}

#[test]
fn a_cut_under_an_open_file_fails_and_cuts_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = PowerStore::mount(folder.path()).expect("FUSE needs /dev/fuse and root");
    let path = folder.path().join("a");
    let file = std::fs::File::create(&path).expect("a file");
    assert!(store.cut(1).is_err());
    std::fs::write(&path, b"still there").expect("the store works on");
    drop(file);
    store.cut(1).expect("now it can");
    store.unmount().expect("unmounted");
}

#[test]
fn full_and_broken_disks_reach_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = PowerStore::mount(folder.path()).expect("FUSE needs /dev/fuse and root");
    store.set_octets_max(Some(1000));
    let file = std::fs::File::create(folder.path().join("a")).expect("a file");
    let full = std::io::Write::write_all(&mut &file, &[1; 2000]).map_err(|error| error.kind());
    assert_eq!(full, Err(std::io::ErrorKind::StorageFull));
    store.refuse_sync(true);
    assert!(file.sync_all().is_err());
    drop(file);
    store.unmount().expect("unmounted");
}
