//! Memory does not grow with the list: two million recipients, with HIKYAKU_BIG=1.

use std::cell::Cell;
use std::fmt::Write;
use std::time::Duration;

use crate::scene::{Running, Scene};

const RECIPIENTS: u32 = 2_000_000;
const PEAK_KIB_MAX: u64 = 256 * 1024;

#[test]
fn two_million_recipients_fit_in_256_mib() {
    if std::env::var_os("HIKYAKU_BIG").is_none() {
        println!("skipped: two million recipients take a minute; set HIKYAKU_BIG=1");
        return;
    }
    let scene = Scene::of(0);
    let mut list = "email,name,company\n".to_owned();
    for no in 0..RECIPIENTS {
        writeln!(list, "user{no}@example{}.jp,山田太郎{no},株式会社さくら商事{}", no % 5000, no % 1000)
            .unwrap();
    }
    scene.write("list.csv", list);
    // Nobody listens there: everything is frozen, and expires at the deadline.
    let running = Running::start(scene.send_through("smtp://127.0.0.1:1?tls=none", &["--deadline", "1s"]));
    let peak_kib = Cell::new(0);
    let ended =
        scene.sink.wait_until_blocking(Duration::from_secs(600), |_| match resident_kib(running.pid()) {
            Some(kib) => {
                peak_kib.set(kib.max(peak_kib.get()));
                false
            }
            None => true,
        });
    assert!(ended.is_ok());
    assert_eq!(running.end().expect(3).number("expired"), u64::from(RECIPIENTS));
    assert!((1..PEAK_KIB_MAX).contains(&peak_kib.get()), "{} KiB", peak_kib.get());
}

/// The most that the process ever had in memory; `None` once it ended.
fn resident_kib(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse().ok()
}
