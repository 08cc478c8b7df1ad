//! Orders that are stored in the database reach a release whoever sends it.

use std::time::Duration;

use super::house::{House, ask_from};
use crate::scene::{PATIENCE, Running, Scene};

/// Mails that may still arrive after an order was noticed: those on the wire of four sessions.
const ON_THE_WIRE: u64 = 8;

/// Waits until nothing more arrives.
fn until_still(scene: &Scene) {
    for _ in 0..60 {
        let before = scene.sink.snapshot().kept;
        let more =
            scene.sink.wait_until_blocking(Duration::from_secs(1), |now| now.kept > before + ON_THE_WIRE);
        if more.is_err() {
            return;
        }
    }
    panic!("mails went on: {} after {PATIENCE:?}", scene.sink.snapshot().kept);
}

pub fn orders_reach_releases_whoever_sends_them(house: &House) {
    let scene = house.furnish(Scene::behaving(1500, "reply-delay:20"));
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    scene.wait_for_kept(20);
    // From a folder that is not the sender's, and does not exist.
    let paused = ask_from(&scene, "elsewhere", &["pause", "news"]).expect(0);
    assert_eq!(paused.json()[0]["to"], "paused");
    until_still(&scene);
    let kept = scene.sink.snapshot().kept;
    assert!(kept < 1400, "{kept} mails before the order was noticed");
    let statement = ask_from(&scene, "elsewhere", &["statement", "news"]).expect(3);
    assert_eq!(statement.json()["state"], "paused");
    assert!(!scene.path("elsewhere").exists(), "orders need no folder");
    ask_from(&scene, "elsewhere", &["resume", "news"]).expect(0);
    scene.wait_for_kept(kept + 2 * ON_THE_WIRE);
    // The sender's own folder is in use: its run settles what is cancelled.
    assert_eq!(scene.ask(&["cancel", "news"]).expect(0).json()[0]["to"], "cancelled");
    let ran = running.end().expect(3);
    let (accepted, cancelled) = (ran.number("accepted"), ran.number("cancelled"));
    assert!(cancelled > 0 && accepted + cancelled == 1500, "{ran:?}");
    assert_eq!(scene.kept().len() as u64, accepted);
    scene.ask(&["check"]).expect(0);
}

pub fn what_nobody_sends_is_cancelled_at_once(house: &House) {
    let scene = house.furnish(Scene::behaving(300, "reply-delay:10"));
    let running = Running::start(scene.send_command(&["--sessions", "4"]));
    scene.wait_for_kept(20);
    running.signal("TERM");
    let left = running.end().expect(3).number("pending");
    assert!(left > 100);
    assert_eq!(scene.ask(&["cancel", "news"]).expect(0).json()[0]["to"], "cancelled");
    let statement = scene.ask(&["statement", "news"]).expect(3);
    assert_eq!((statement.number("pending"), statement.number("cancelled")), (0, left));
    let refused = scene.ask(&["resume", "news"]).expect(2);
    assert!(refused.stderr.contains("is cancelled"), "{refused:?}");
    scene.ask(&["check"]).expect(0);
}
