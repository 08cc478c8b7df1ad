//! A release goes out, and its statement says what came of it.

use crate::scene::{Scene, run, twice};

#[test]
fn everybody_gets_it_once_and_the_books_balance() {
    let scene = Scene::of(300);
    let ran = scene.send(&[]).expect(0);
    let counts =
        ["audience", "accepted", "rejected", "pending", "unknown", "duplicates"].map(|key| ran.number(key));
    assert_eq!(counts, [300, 300, 0, 0, 0, 0]);
    assert_eq!(
        (ran.json()["release"].as_str(), ran.json()["tenant"].as_str()),
        (Some("news"), Some("default"))
    );
    assert_eq!(ran.json()["differences"], serde_json::json!([]));
    assert_eq!(ran.stdout.lines().count(), 1, "only the object is on stdout");
    let kept = scene.kept();
    assert_eq!((kept.len(), twice(&kept)), (300, 0));
    scene.ask(&["check"]).expect(0);
}

#[test]
fn what_the_receiver_did_is_what_the_statement_says() {
    let scene =
        Scene::behaving(40, "local:user1=refuse,local:user2=defer*1,rcpt:user30@example.jp=cut-after-dot");
    let ran = scene.send(&[]).expect(3);
    // user1, user10..19 are refused; user2, user20..29 come at the second try; user30's link is cut.
    assert_eq!(["accepted", "rejected", "unknown"].map(|key| ran.number(key)), [28, 11, 1]);
    let statement = scene.ask(&["statement", "news"]).expect(3);
    assert_eq!(["accepted", "rejected", "unknown"].map(|key| statement.number(key)), [28, 11, 1]);
    assert_eq!(scene.kept().len(), 29, "the sink read the mail whose reply was cut off");
}

#[test]
fn resend_once_sends_an_unknown_mail_again() {
    let scene = Scene::behaving(5, "rcpt:user3@example.jp=cut-after-dot*1");
    let ran = scene
        .send(&["--policy", "resend-once", "--tcp-user-timeout", "100ms", "--deadline", "30s"])
        .expect(0);
    assert_eq!(["accepted", "unknown"].map(|key| ran.number(key)), [5, 0]);
    assert_eq!(twice(&scene.kept()), 1);
    let ids: Vec<_> = scene.sink.mails().into_iter().filter(|mail| mail.to == ["user3@example.jp"]).collect();
    assert_eq!(ids[0].message_id, ids[1].message_id, "the same Message-ID");
    assert_eq!(ids[0].digest, ids[1].digest, "the same octets");
}

#[test]
fn deferred_mails_expire_at_the_deadline() {
    let scene = Scene::behaving(3, "rcpt:user1@example.jp=defer");
    let ran = scene.send(&["--deadline", "1s"]).expect(3);
    assert_eq!(["accepted", "expired", "pending"].map(|key| ran.number(key)), [2, 1, 0]);
}

#[test]
fn lists_in_cp932_and_with_a_byte_order_mark_reach_the_same_people() {
    let texts = ["email,name\na@example.jp,髙橋①\nb@example.jp,表\n"; 2];
    let cp932 =
        [&b"email,name\na@example.jp,"[..], b"\xfb\xfc\x8b\xb4\x87\x40\nb@example.jp,\x95\x5c\n"].concat();
    let with_mark = [&b"\xef\xbb\xbf"[..], texts[0].as_bytes()].concat();
    let mut subjects = Vec::new();
    for octets in [texts[1].as_bytes().to_vec(), cp932, with_mark] {
        let scene = Scene::with(
            0,
            testkit::sink::SinkConfig { wanted_headers: vec!["Subject".to_owned()], ..Default::default() },
        );
        scene.write("list.csv", octets);
        scene.send(&[]).expect(0);
        let mut headers: Vec<_> = scene.sink.mails().into_iter().map(|mail| mail.headers).collect();
        headers.sort();
        subjects.push(headers);
    }
    assert_eq!(subjects[0].len(), 2);
    assert!(subjects.iter().all(|each| *each == subjects[0]), "{subjects:?}");
}

#[test]
fn bad_rows_are_counted_and_the_others_are_sent() {
    let scene = Scene::of(0);
    scene.write("list.csv", "email,name\na@example.jp,A\nnobody,B\nA@EXAMPLE.jp,C\nc@example.jp\n");
    let ran = scene.send(&["--rejects", "rejects.csv"]).expect(0);
    let rows = serde_json::json!({ "read": 4, "accepted": 2, "rejected": 2, "duplicates": 1 });
    assert_eq!(ran.json()["rows"], rows);
    let reasons = serde_json::json!([
        { "line": 3, "reason": "the address has no `@`" },
        { "line": 5, "reason": "the row has 1 fields, the first row names 2 columns" },
    ]);
    assert_eq!(ran.json()["rejected_rows"], reasons);
    assert_eq!(["accepted", "suppressed"].map(|key| ran.number(key)), [1, 1]);
    assert_eq!(std::fs::read_to_string(scene.path("rejects.csv")).unwrap().lines().count(), 3);
}

#[test]
fn tables_speak_the_language_of_the_environment() {
    let scene = Scene::of(2);
    let text = |lang: &str, more: &[&str]| {
        let mut command =
            scene.command(&["send", "news.md", "--list", "list.csv", "--relay", &scene.relay()]);
        command.args(["--data", "data"]).args(more).env_remove("LC_ALL").env("LANG", lang);
        run(command).expect(0).stdout
    };
    assert!(text("ja_JP.UTF-8", &[]).contains("全通の結果が確定"));
    assert!(text("C", &[]).contains("every mail is accounted for"));
    assert!(text("ja_JP.UTF-8", &["--lang", "en"]).contains("every mail is accounted for"));
}
