//! Reading the books: shapes of the JSON, and a check that finds damage.

use crate::scene::{PATIENCE, Running, Scene};

#[test]
fn recipients_and_attempts_show_the_evidence() {
    let scene = Scene::behaving(4, "rcpt:user1@example.jp=refuse,rcpt:user2@example.jp=defer*1");
    scene.send(&[]).expect(0);
    let rejected = scene.ask(&["recipients", "news", "--outcome", "rejected"]).expect(0);
    assert_eq!(rejected.stdout.lines().count(), 1, "{rejected:?}");
    let one = rejected.json();
    assert_eq!(
        (one["address"].as_str(), one["state"].as_str()),
        (Some("user1@example.jp"), Some("rejected"))
    );
    assert_eq!((one["last"]["code"].as_u64(), one["last"]["phase"].as_str()), (Some(550), Some("rcpt")));
    let all = scene.ask(&["recipients", "news"]).expect(0);
    assert_eq!(all.stdout.lines().count(), 4);

    let attempts = scene.ask(&["attempts", "news", "--to", "USER2@example.jp"]).expect(0).json();
    let verdicts: Vec<_> =
        attempts.as_array().unwrap().iter().map(|each| &each["outcomes"][0]["verdict"]).collect();
    assert_eq!(verdicts, ["deferred", "accepted"]);
    let last = &attempts[1];
    assert_eq!(last["peer"].as_str(), Some(scene.sink.addr().to_string().as_str()));
    assert_eq!(last["fingerprint"].as_str().map(str::len), Some(24));
    for key in ["opened_at", "session", "relay", "credential_version", "body_digest", "sender"] {
        assert!(!last[key].is_null(), "{key}: {last}");
    }
}

#[test]
fn a_check_finds_a_row_that_was_changed_or_deleted() {
    let scene = Scene::of(300);
    scene.send(&[]).expect(0);
    let clean = scene.ask(&["check"]).expect(0);
    assert_eq!((clean.number("intents"), clean.number("attempts")), (300, 300));
    let original = std::fs::read(scene.path("data/books.db")).unwrap();
    let changes = [
        "DELETE FROM outcome WHERE intent_no = 300",
        "UPDATE attempt SET opened_at = opened_at + 1 WHERE intent_no = 7",
        "DELETE FROM link WHERE link_no = (SELECT max(link_no) FROM link WHERE book = 3) AND book = 3",
    ];
    for change in changes {
        let books = rusqlite::Connection::open(scene.path("data/books.db")).unwrap();
        books.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        assert!(books.execute(change, []).unwrap() > 0, "{change}");
        drop(books);
        let found = scene.ask(&["check"]).expect(4);
        assert!(!found.json()["findings"].as_array().unwrap().is_empty(), "{change}: {found:?}");
        std::fs::write(scene.path("data/books.db"), &original).unwrap();
    }
    scene.ask(&["check"]).expect(0);
}

#[test]
fn a_cancel_that_was_cut_off_is_taken_up_again() {
    let scene = Scene::behaving(20, "always=defer");
    let running = Running::start(scene.send_command(&[]));
    scene.sink.wait_until_blocking(PATIENCE, |seen| seen.logins_accepted > 0).unwrap();
    running.signal("TERM");
    assert_eq!(running.end().expect(3).number("pending"), 20);
    // As a crash right after the order was stored leaves it.
    let books = rusqlite::Connection::open(scene.path("data/books.db")).unwrap();
    assert_eq!(books.execute("UPDATE release_state SET state = 4", []).unwrap(), 1);
    drop(books);
    assert_eq!(scene.ask(&["cancel", "news"]).expect(0).json()[0]["from"], "cancelled");
    assert_eq!(scene.ask(&["statement", "news"]).expect(3).number("cancelled"), 20);
    let refused = scene.ask(&["cancel", "news"]).expect(2);
    assert!(refused.stderr.contains("does not apply"), "{refused:?}");
    scene.ask(&["check"]).expect(0);
}

#[test]
fn a_day_is_the_sum_of_what_was_frozen_on_it() {
    let scene = Scene::behaving(5, "rcpt:user1@example.jp=refuse");
    let frozen =
        jiff::Timestamp::from_millisecond(runtime::Clock::now(&runtime::SystemClock).as_millis()).unwrap();
    scene.send(&[]).expect(0);
    // A zone in which it is about noon, so that no day ends while this runs; POSIX counts westwards.
    let hours = 12 - i64::from(frozen.to_zoned(jiff::tz::TimeZone::UTC).hour());
    let zone = format!("Etc/GMT{:+}", -hours);
    let local = frozen.to_zoned(jiff::tz::TimeZone::get(&zone).unwrap()).date();
    let check = |day: jiff::civil::Date, audience: u64, accepted: u64| {
        let ran = scene.ask(&["statement", "--day", &day.to_string(), "--zone", &zone]).expect(0);
        assert_eq!(["audience", "accepted"].map(|key| ran.number(key)), [audience, accepted], "{day} {zone}");
    };
    check(local, 5, 4);
    check(local.yesterday().unwrap(), 0, 0);
    check(local.tomorrow().unwrap(), 0, 0);
    let refused = scene.ask(&["statement", "--day", "24.11.2026"]).expect(2);
    assert!(refused.stderr.contains("write it as 2026-11-24"), "{refused:?}");
}

#[test]
fn lost_books_are_not_begun_anew() {
    let scene = Scene::of(3);
    scene.send(&[]).expect(0);
    let lose = |how: &dyn Fn(&std::path::Path)| {
        how(&scene.path("data/books.db"));
        let refused = scene.send(&[]).expect(2);
        assert!(
            refused.stderr.contains("are lost") && refused.stderr.contains("restore a backup"),
            "{refused:?}"
        );
    };
    lose(&|books| std::fs::write(books, "").unwrap());
    lose(&|books| std::fs::remove_file(books).unwrap());
    assert!(scene.ask(&["statement"]).expect(2).stderr.contains("are lost"));
    assert_eq!(scene.sink.snapshot().kept, 3, "nobody gets it twice");
}

#[test]
fn what_cannot_be_printed_is_a_fault() {
    let scene = Scene::of(2);
    scene.send(&[]).expect(0);
    let mut command = scene.command(&["statement", "--data", "data", "--json"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let status = command.status().unwrap();
    assert_eq!(status.code(), Some(2));
}
