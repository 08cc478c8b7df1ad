//! Pause, resume and cancel: while a send runs, and while none does.

use std::time::Duration;

use crate::scene::{Running, Scene};

/// Mails that may still arrive after an order: those on the wire of four sessions.
const ON_THE_WIRE: u64 = 8;

fn slow() -> (Scene, Running) {
    let scene = Scene::behaving(300, "reply-delay:10");
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    scene.wait_for_kept(20);
    (scene, running)
}

fn stands_still(scene: &Scene) {
    let before = scene.sink.snapshot().kept;
    let more = scene.sink.wait_until_blocking(Duration::from_secs(1), |now| now.kept > before + ON_THE_WIRE);
    assert!(more.is_err(), "mails went on: {before} before, {} after", scene.sink.snapshot().kept);
}

#[test]
fn a_paused_release_stands_still_until_resumed() {
    let (scene, running) = slow();
    let paused = scene.ask(&["pause", "news"]).expect(0);
    assert_eq!(paused.json()[0]["to"], "paused");
    stands_still(&scene);
    let statement = scene.ask(&["statement", "news"]).expect(3);
    assert!(statement.number("pending") > 200, "{statement:?}");
    assert_eq!((statement.number("unknown"), statement.json()["state"].as_str()), (0, Some("paused")));
    scene.ask(&["resume", "news"]).expect(0);
    assert_eq!(running.end().expect(0).number("accepted"), 300);
}

#[test]
fn a_cancelled_release_is_settled_at_once() {
    let (scene, running) = slow();
    scene.ask(&["cancel", "news"]).expect(0);
    let ran = running.end().expect(3);
    let (accepted, cancelled) = (ran.number("accepted"), ran.number("cancelled"));
    assert!(cancelled > 200 && accepted + cancelled == 300, "{ran:?}");
    assert_eq!(scene.kept().len() as u64, accepted);
    let again = scene.send(&[]).expect(3);
    assert_eq!((again.number("accepted"), scene.kept().len() as u64), (accepted, accepted));
    let refused = scene.ask(&["resume", "news"]).expect(2);
    assert!(refused.stderr.contains("is cancelled"), "{refused:?}");
}

#[test]
fn everything_of_a_tenant_or_of_everybody_can_be_held() {
    let (scene, running) = slow();
    assert_eq!(scene.ask(&["pause", "--tenant", "default"]).expect(0).json()[0]["name"], "news");
    assert_eq!(scene.ask(&["resume", "--all"]).expect(0).json()[0]["to"], "active");
    running.end().expect(0);
    assert_eq!(scene.ask(&["pause", "--all"]).expect(0).json(), serde_json::json!([]), "nothing is owed");
}

#[test]
fn orders_work_while_nobody_sends() {
    let (scene, running) = slow();
    running.signal("TERM");
    running.end().expect(3);
    scene.ask(&["pause", "news"]).expect(0);
    scene.ask(&["resume", "news"]).expect(0);
    scene.ask(&["cancel", "news"]).expect(0);
    let statement = scene.ask(&["statement", "news"]).expect(3);
    assert_eq!((statement.number("pending"), statement.json()["state"].as_str()), (0, Some("cancelled")));
    assert!(statement.number("cancelled") > 200, "{statement:?}");
    scene.ask(&["check"]).expect(0);
}

#[test]
fn a_release_that_is_not_under_way_is_settled_while_another_is() {
    let (scene, running) = slow();
    running.signal("TERM");
    let left = running.end().expect(3).number("pending");
    assert!(left > 200);
    std::fs::copy(scene.path("news.md"), scene.path("other.md")).unwrap();
    let mut command = scene.command(&["send", "other.md", "--list", "list.csv", "--data", "data", "--json"]);
    command.args(["--sessions", "1", "--relay", &scene.relay()]);
    let kept = scene.sink.snapshot().kept;
    let other = Running::start(command);
    scene.wait_for_kept(kept + 5);
    assert_eq!(scene.ask(&["cancel", "news"]).expect(0).json()[0]["to"], "cancelled");
    let statement = scene.ask(&["statement", "news"]).expect(3);
    assert_eq!((statement.number("pending"), statement.number("cancelled")), (0, left), "at once");
    assert_eq!(other.end().expect(0).number("accepted"), 300);
    scene.ask(&["check"]).expect(0);
}

#[test]
fn signals_end_a_send_that_waits_for_a_reply_for_ever() {
    let scene = Scene::behaving(5, "always=never-reply");
    let running = Running::start(scene.send_command(&[]));
    scene.wait_for_kept(1);
    running.signal("INT");
    running.signal("INT");
    running.signal("INT");
    let ran = running.end();
    assert_eq!(ran.code, 3, "{ran:?}");
}
