//! The data folder: one owner, secret files, seals.

use std::os::unix::fs::PermissionsExt;

use app::{DataFolder, FolderError};
use domain::{SenderEpoch, TenantId, Timestamp};
use ledger::{Book, Head};
use runtime::{SystemClock, SystemEntropy};

fn open(dir: &std::path::Path) -> Result<DataFolder, FolderError> {
    DataFolder::open(dir, &SystemClock, &SystemEntropy)
}

#[test]
fn one_owner_at_a_time_and_the_other_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let first = open(&dir).unwrap();
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
    drop(first);
    open(&dir).unwrap();
}

#[test]
fn keys_and_id_stay_and_are_for_the_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let first =
        open(&dir).map(|folder| (folder.node(), folder.keys().installation.reply_digest(b"x"))).unwrap();
    std::fs::write(dir.join("tmp/partition-1"), "left over").unwrap();
    let second =
        open(&dir).map(|folder| (folder.node(), folder.keys().installation.reply_digest(b"x"))).unwrap();
    assert_eq!(first, second);
    assert!(!dir.join("tmp/partition-1").exists());
    let mode = |name: &str| std::fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("."), mode("installation.key"), mode("lock")), (0o700, 0o600, 0o600));
}

#[test]
fn a_damaged_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    drop(open(&dir).unwrap());
    std::fs::write(dir.join("installation.key"), "short").unwrap();
    let error = open(&dir).unwrap_err().to_string();
    assert!(error.contains("installation.key is damaged"), "{error}");
}

#[test]
fn seals_read_back_and_survive_a_torn_line() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("data");
    let head = |link_no: u32| Head {
        book: Book::Attempts,
        tenant: TenantId(7),
        sender: SenderEpoch(3),
        link_no,
        rows: 10,
        chain: [0xa5; 32],
    };
    let owner = open(&dir).unwrap();
    let mut seals = owner.seals();
    seals.append(Timestamp::EPOCH, &[head(1)]).unwrap();
    seals.append(Timestamp::EPOCH, &[head(1)]).unwrap();
    seals.append(Timestamp::EPOCH, &[head(2)]).unwrap();
    let path = dir.join("seals.log");
    let whole = std::fs::read_to_string(&path).unwrap();
    assert_eq!(whole.lines().count(), 2, "an unmoved head is not written again");
    std::fs::write(&path, format!("{whole}2026-11-23T22 att")).unwrap();
    assert_eq!(owner.seals().read().unwrap(), (vec![head(2)], vec![]));
    owner.seals().append(Timestamp::EPOCH, &[head(3)]).unwrap();
    assert_eq!(owner.seals().read().unwrap(), (vec![head(3)], vec![3]));
}
