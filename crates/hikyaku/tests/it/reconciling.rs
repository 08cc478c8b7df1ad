//! Mails that nobody has in hand: named by the small tables, by the books alone, and by exit code.

use serde_json::json;

use crate::scene::{Scene, run};

fn harm(scene: &Scene, sql: &str) {
    let books = rusqlite::Connection::open(scene.path("data/books.db")).unwrap();
    books.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    assert!(books.execute(sql, []).unwrap() > 0, "{sql}");
}

#[test]
fn lost_mails_are_named() {
    let scene = Scene::of(300);
    scene.send(&[]).expect(0);
    let clean = scene.ask(&["reconcile", "--full"]).expect(0);
    assert_eq!((clean.number("unsent"), clean.number("waiting")), (0, 0));
    assert_eq!(clean.json()["books"]["intents"], json!(300));

    // Entries are gone, and the small tables do not know of it: only the books alone can tell.
    harm(&scene, "DELETE FROM outcome WHERE intent_no IN (7, 260)");
    harm(&scene, "DELETE FROM attempt WHERE intent_no IN (7, 260)");
    scene.ask(&["reconcile"]).expect(0);
    let found = scene.ask(&["reconcile", "--full"]).expect(3);
    assert_eq!(found.json()["books"]["differ"][0]["intents"], json!([7, 260]), "{found:?}");
    scene.ask(&["check"]).expect(4);

    // Their chunks' accounts are as they should be: what is missing is named at once.
    harm(&scene, "UPDATE delivery_chunk SET accounted = NULL, accounted_digest = NULL");
    let found = scene.ask(&["reconcile", "--tenant", "default"]).expect(3);
    assert_eq!((found.number("missing"), found.number("releases_unsent")), (2, 1));
    let release = &found.json()["releases"][0];
    assert_eq!((&release["intents"], &release["tenant"]), (&json!([7, 260]), &json!("default")));
    assert_eq!(found.json()["bands"][0], json!({ "from": 1, "to": 5, "releases": 1 }));
    let bounded = scene.ask(&["reconcile", "--ids", "1"]).expect(3);
    assert_eq!((bounded.number("missing"), bounded.number("ids_left_out")), (2, 1));
    let text = run(scene.command(&["reconcile", "--data", "data"])).expect(3);
    assert!(text.stdout.contains("2 missing, 0 overdue: 7 260"), "{text:?}");
}

#[test]
fn a_window_counts_what_came_within_it() {
    let scene = Scene::behaving(20, "rcpt:user1@example.jp=refuse");
    scene.send(&[]);
    let statement = scene.ask(&["statement", "news"]);
    let all = scene.ask(&["reconcile", "--window", "2020-01-01..2100-01-01"]);
    let sum = |verdict: &str| -> u64 {
        all.json()["times"].as_array().unwrap().iter().map(|bucket| bucket[verdict].as_u64().unwrap()).sum()
    };
    assert_eq!(
        (sum("accepted"), sum("rejected")),
        (statement.number("accepted"), statement.number("rejected"))
    );
    assert_eq!(all.json()["bucket_minutes"], json!(60));
    let before = scene.ask(&["reconcile", "--window", "2020-01-01..2020-01-02"]).expect(0);
    assert_eq!(before.json()["times"], json!([]));
    for (window, words) in [("2020-01-02..2020-01-01", "ends before it begins"), ("2020", "no such span")] {
        let refused = scene.ask(&["reconcile", "--window", window]).expect(2);
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    scene.ask(&["reconcile", "--tenant", "nobody"]).expect(2);
}
