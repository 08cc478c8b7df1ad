//! The store on a real server: the suite of all stores, then what only nodes, lost connections and raw access can do.
//!
//! One server for all scenes, one after the other, each in schemas of its own.

mod access;
mod census;
mod conformance;
mod damage;
mod documents;
mod fence;
mod hint;
mod house;
mod loss;
mod schema;
mod server;

use std::pin::Pin;
use std::sync::Arc;

use house::House;

type Scene = (&'static str, fn(Arc<House>) -> Pin<Box<dyn Future<Output = ()> + Send>>);

macro_rules! scenes {
    ($($module:ident: $($name:ident),+;)*) => {
        const SCENES: &[Scene] = &[$($((stringify!($name), |house| Box::pin($module::$name(house)))),+),*];
    };
}

scenes! {
    access: an_api_role_sees_its_tenant_alone, an_engine_role_only_adds_to_the_books, a_watch_role_only_reads,
        who_may_not_make_roles_gets_the_statements;
    conformance: every_promise_is_kept;
    schema: the_tenant_leads_every_key, nothing_is_triggered_and_both_stores_have_the_same_columns;
    server: unfit_servers_and_foreign_schemas_are_refused, nodes_may_open_at_once, the_link_is_encrypted_as_asked;
    fence: a_lease_is_taken_over_only_after_its_end, nodes_never_lease_the_same_chunk,
        a_pause_and_a_commit_wait_for_each_other, a_take_over_and_a_commit_wait_for_each_other,
        senders_have_epochs_of_their_own;
    loss: a_deadlock_is_tried_again, a_serialization_failure_is_tried_again, a_reply_of_any_octets_is_kept,
        a_connection_that_dies_in_a_commit_costs_nothing,
        a_commit_whose_reply_is_lost_counts_once, a_wave_whose_reply_is_lost_is_stored_once,
        documents_whose_reply_is_lost_are_written_once, a_lease_whose_reply_is_lost_is_given_again,
        a_caller_that_gives_up_leaves_the_chain_whole;
    documents: nodes_write_one_log, of_nodes_one_was_faster, a_cancellation_and_a_wave_wait_for_each_other,
        of_two_nodes_one_adds_the_wave;
    hint: a_change_of_a_release_is_heard_by_other_nodes;
    census: planted_losses_are_found_and_nothing_else, a_sweep_brings_up_what_was_declared_done;
    damage: books_without_damage_have_no_findings, damage_is_found, damage_to_the_audit_log_is_found, erased_recipients_are_no_damage;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_scene_is_played() {
    let Some(server) = testkit::peers::postgres_or_skip() else { return };
    let house = Arc::new(House::new(server));
    let mut broken = Vec::new();
    let only = std::env::var("SCENE").unwrap_or_default();
    for (name, scene) in SCENES.iter().filter(|(name, _)| name.contains(&only)) {
        println!("scene {name}");
        if tokio::spawn(scene(Arc::clone(&house))).await.is_err() {
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
