//! The same commands over a real PostgreSQL: one server for all scenes, a database for each.

mod backups;
mod holds;
mod house;
mod kills;
mod moves;
mod nodes;
mod refusals;
mod sending;

use house::House;

type Played = (&'static str, fn(&House));

macro_rules! scenes {
    ($($module:ident: $($name:ident),+;)*) => {
        const SCENES: &[Played] = &[$($((stringify!($name), $module::$name)),+),*];
    };
}

scenes! {
    sending: a_release_is_sent_and_every_command_reads_it, a_second_node_has_the_same_key;
    holds: orders_reach_releases_whoever_sends_them, what_nobody_sends_is_cancelled_at_once;
    kills: a_killed_node_goes_on_at_once_and_nobody_gets_it_twice;
    nodes: nodes_send_what_another_process_froze, a_killed_node_is_taken_over_and_its_journal_is_believed,
        a_node_that_was_frozen_past_its_lease_sends_nothing_twice, the_limits_of_a_relay_hold_over_its_nodes,
        a_node_obeys_orders_and_a_new_secret, routes_are_of_one_installation;
    moves: an_installation_moves_there_and_back, a_move_that_was_killed_goes_on, what_is_in_use_is_not_moved;
    backups: a_backup_taken_while_sending_goes_back_into_either_store;
    refusals: another_key_is_refused, schemas_of_other_versions_are_refused, what_cannot_be_reached_is_named,
        no_secret_is_shown;
}

#[test]
fn every_scene_is_played_over_postgresql() {
    let Some(server) = testkit::peers::postgres_or_skip() else { return };
    let house = House::new(server);
    let only = std::env::var("SCENE").unwrap_or_default();
    let mut broken = Vec::new();
    for (name, scene) in SCENES.iter().filter(|(name, _)| name.contains(&only)) {
        println!("scene {name}");
        if std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| scene(&house))).is_err() {
            broken.push(*name);
        }
    }
    assert!(
        broken.is_empty(),
        "{broken:?} of {} scenes; the server's last words:\n{}",
        SCENES.len(),
        house.log_end()
    );
}
