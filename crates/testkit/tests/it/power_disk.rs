//! The disk model without FUSE: what of names and files a power cut leaves.

use std::ffi::OsStr;

use testkit::power::disk::{Disk, DiskError, ROOT};

fn name(text: &str) -> &OsStr {
    OsStr::new(text)
}

fn names_after(prepare: impl Fn(&mut Disk) -> Result<(), DiskError>, seed: u64) -> Vec<String> {
    let mut disk = Disk::default();
    assert_eq!(prepare(&mut disk), Ok(()));
    disk.cut(seed);
    let names = disk.names(ROOT).map(|names| names.keys().cloned().collect::<Vec<_>>());
    names.unwrap_or_default().iter().map(|name| name.to_string_lossy().into_owned()).collect()
}

#[test]
fn a_synced_file_keeps_its_name_and_what_came_before_it() {
    for seed in 0..50 {
        let left = names_after(
            |disk| {
                disk.create(ROOT, name("a"), 0o644, false)?;
                let b = disk.create(ROOT, name("b"), 0o644, false)?;
                disk.create(ROOT, name("c"), 0o644, false)?;
                disk.sync(b)
            },
            seed,
        );
        assert!(left == ["a", "b"] || left == ["a", "b", "c"], "{left:?}");
    }
}

#[test]
fn a_rename_is_one_change() {
    for seed in 0..50 {
        let left = names_after(
            |disk| {
                disk.create(ROOT, name("new"), 0o644, false)?;
                disk.sync(ROOT)?;
                disk.rename((ROOT, name("new")), (ROOT, name("old")))
            },
            seed,
        );
        assert!(left == ["new"] || left == ["old"], "{left:?}");
    }
}

#[test]
fn a_full_disk_and_a_broken_disk_say_so() -> Result<(), DiskError> {
    let mut disk = Disk::default();
    let file = disk.create(ROOT, name("a"), 0o644, false)?;
    disk.set_octets_max(Some(100));
    disk.write(file, 0, &[1; 100])?;
    disk.write(file, 50, &[2; 50])?;
    assert_eq!(disk.write(file, 100, &[1]), Err(DiskError::NoSpace));
    disk.resize(file, 0)?;
    disk.write(file, 0, &[1; 100])?;
    disk.refuse_sync(true);
    assert_eq!(disk.sync(file), Err(DiskError::Io));
    Ok(())
}

#[test]
fn a_removed_file_lives_while_open_and_is_swept_after() -> Result<(), DiskError> {
    let mut disk = Disk::default();
    let file = disk.create(ROOT, name("a"), 0o644, false)?;
    disk.opened(file);
    disk.remove(ROOT, name("a"), false)?;
    disk.sync(ROOT)?;
    assert_eq!(disk.stat(file).map(|s| s.octets), Ok(0));
    disk.closed(file);
    disk.cut(3);
    assert_eq!(disk.stat(file), Err(DiskError::NotFound));
    Ok(())
}
