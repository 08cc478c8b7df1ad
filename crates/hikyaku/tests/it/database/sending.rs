//! Sending into a database, and reading what came of it.

use super::house::{House, ask_from};
use crate::scene::{Scene, run};

pub fn a_release_is_sent_and_every_command_reads_it(house: &House) {
    let scene = house.furnish(Scene::behaving(200, "every:10=refuse"));
    let sent = scene.send(&[]).expect(0);
    assert_eq!(sent.number("accepted") + sent.number("rejected"), 200, "{sent:?}");
    assert_eq!(scene.kept().len() as u64, sent.number("accepted"));
    assert!(sent.number("rejected") > 0, "{sent:?}");
    assert!(!scene.path("data/books.db").exists(), "the books are in the database alone");
    assert_eq!(house.behind(&House::name(&scene), async |behind| behind.rows("intent").await), 200);

    let statement = scene.ask(&["statement", "news"]).expect(0);
    assert_eq!(statement.number("accepted"), sent.number("accepted"));
    let rejected = scene.ask(&["recipients", "news", "--outcome", "rejected"]).expect(0);
    assert_eq!(rejected.stdout.lines().count() as u64, sent.number("rejected"));
    let address = rejected.json()["address"].as_str().unwrap().to_owned();
    let attempts = scene.ask(&["attempts", "news", "--to", &address]).expect(0);
    assert_eq!(attempts.json()[0]["outcomes"][0]["verdict"], "rejected", "{attempts:?}");
    let check = scene.ask(&["check"]).expect(0);
    assert_eq!((check.number("intents"), check.number("outcomes")), (200, 200));
    // Who only reads needs no data folder.
    ask_from(&scene, "nowhere", &["statement", "news"]).expect(0);
    ask_from(&scene, "nowhere", &["check"]).expect(0);
    assert!(!scene.path("nowhere").exists());

    run(scene.command(&["export", "--data", "data", "--out", "copy"])).expect(0);
    run(scene.command(&["verify", "copy"])).expect(0);
    assert_eq!(scene.send(&[]).expect(0).number("accepted"), sent.number("accepted"));
    assert_eq!(scene.kept().len() as u64, sent.number("accepted"), "nothing is sent twice");
}

pub fn a_second_node_has_the_same_key(house: &House) {
    let scene = house.furnish(Scene::of(30));
    scene.send(&[]).expect(0);
    let mut command = scene.command(&["send", "news.md", "--list", "list.csv", "--data", "second", "--json"]);
    command.args([
        "--relay",
        &scene.relay(),
        "--name",
        "more",
        "--installation-key",
        "data/installation.key",
    ]);
    assert_eq!(run(command).expect(0).number("accepted"), 30);
    let key = |data: &str| std::fs::read(scene.path(data).join("installation.key")).unwrap();
    assert_eq!(key("data"), key("second"));
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(scene.path("second/installation.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let node = |data: &str| std::fs::read(scene.path(data).join("node")).unwrap();
    assert_ne!(node("data"), node("second"));
    // The same secret is the same version of it for both, and each sealed the heads that it knows.
    let versions = house.behind(&House::name(&scene), async |behind| behind.rows("credential").await);
    assert_eq!(versions, 1);
    for data in ["data", "second"] {
        ask_from(&scene, data, &["check"]).expect(0);
        assert!(scene.path(data).join("seals.log").is_file());
    }
    // A seal of one node finds what was cut off, whoever wrote it.
    house.behind(&House::name(&scene), async |behind| behind.outcome_links_delete().await);
    ask_from(&scene, "second", &["check"]).expect(4);
}
