//! A backup of a folder that is being sent from, and what is made of it.

use crate::scene::{Running, Scene, list, run};

#[test]
fn a_backup_taken_while_sending_comes_back_on_hold() {
    let scene = Scene::behaving(400, "reply-delay:10");
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    scene.wait_for_kept(100);
    let taken = scene.ask(&["backup", "copy"]).expect(0);
    assert_eq!(
        taken.number("files"),
        4,
        "two keys, the node's id and the books: nothing is sealed in the first minute"
    );
    assert_eq!(running.end().expect(0).number("accepted"), 400);

    let mut restore = scene.command(&["restore", "copy", "--data", "restored", "--json"]);
    restore.stdin(std::process::Stdio::null());
    let restored = run(restore).expect(0);
    assert_eq!(restored.json()["on_hold"][0]["release"], "news");
    let ask = |arguments: &[&str]| {
        let mut command = scene.command(arguments);
        command.args(["--data", "restored", "--json"]);
        run(command)
    };
    ask(&["check"]).expect(0);
    let statement = ask(&["statement", "news"]).expect(3);
    let accepted = statement.number("accepted");
    assert!((90..400).contains(&accepted), "{statement:?}");
    assert_eq!(statement.json()["state"], "paused");
    assert_eq!(accepted + statement.number("unknown") + statement.number("pending"), 400);

    // On hold until a person lets it go; then what the copy does not know of is sent again, and nothing is lost.
    let unknown = statement.number("unknown");
    ask(&["resume", "news"]).expect(0);
    let mut again = scene.command(&["send", "news.md", "--list", "list.csv", "--data", "restored", "--json"]);
    again.args(["--relay", &scene.relay()]);
    let again = run(again);
    assert_eq!(again.number("accepted") + again.number("unknown"), 400, "{again:?}");
    assert!(again.number("unknown") >= unknown.min(1), "{again:?}");
    let everybody: std::collections::BTreeSet<_> = scene.kept().into_iter().collect();
    assert_eq!(everybody.len(), list(0..400).lines().count() - 1);
}

#[test]
fn what_is_no_backup_is_refused() {
    let scene = Scene::of(2);
    scene.send(&[]).expect(0);
    let refused = scene.ask(&["backup", "."]).expect(2);
    assert!(refused.stderr.contains("is not empty"), "{refused:?}");
    let none = run(scene.command(&["restore", "data", "--data", "new"])).expect(2);
    assert!(none.stderr.contains("no whole backup"), "{none:?}");
    scene.ask(&["backup", "copy"]).expect(0);
    let over = run(scene.command(&["restore", "copy", "--data", "data"])).expect(2);
    assert!(over.stderr.contains("is not empty"), "{over:?}");
    let missing = scene.command(&["backup", "copy2", "--data", "nowhere"]);
    assert!(run(missing).expect(2).stderr.contains("no data folder"));
}
