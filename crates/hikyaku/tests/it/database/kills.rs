//! A node that was killed goes on with its own folder.

use super::house::House;
use crate::scene::{Running, Scene, twice};

pub fn a_killed_node_goes_on_at_once_and_nobody_gets_it_twice(house: &House) {
    let scene = house.furnish(Scene::behaving(400, "reply-delay:10"));
    let running = Running::start(scene.send_command(&["--sessions", "8"]));
    scene.wait_for_kept(60);
    running.signal("KILL");
    running.end();
    let between = scene.ask(&["statement", "news"]);
    assert_eq!((between.code, between.number("audience")), (3, 400), "{between:?}");
    // Its leases hold for half a minute more; they are its own, for its folder's lock proves its last run dead.
    let ran = scene.send(&["--sessions", "20"]);
    let (accepted, unknown) = (ran.number("accepted"), ran.number("unknown"));
    assert_eq!(accepted + unknown, 400, "{ran:?}");
    assert!(unknown <= 8, "{ran:?}");
    assert!(ran.number("elapsed_ms") < 20_000, "{ran:?}");
    let kept = scene.kept();
    assert_eq!(twice(&kept), 0);
    assert!(kept.len() as u64 >= accepted && kept.len() as u64 <= 400);
    scene.ask(&["check"]).expect(0);
}
