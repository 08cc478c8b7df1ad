//! A node that was killed goes on with its own folder.

use super::house::House;
use crate::scene::{Scene, kill_and_go_on};

pub fn a_killed_node_goes_on_at_once_and_nobody_gets_it_twice(house: &House) {
    let scene = house.furnish(Scene::behaving(400, "reply-delay:10"));
    let ran = kill_and_go_on(&scene);
    // Its leases held for longer; they are its own, for its folder's lock proves its last run dead.
    assert!(ran.number("elapsed_ms") < 20_000, "{ran:?}");
}
