//! What nodes are told besides what they look up.

use std::sync::Arc;
use std::time::Duration;

use domain::Statement;
use ledger::ReleaseState;
use ledger::conformance::{Stage, at};

use crate::house::{House, number};

/// Far longer than a hint takes, and nothing here looks by itself.
const HEARD_WITHIN: Duration = Duration::from_secs(20);

pub async fn a_change_of_a_release_is_heard_by_other_nodes(house: Arc<House>) {
    let schema = house.schema();
    let (here, there) = (house.open(&schema).await, house.open(&schema).await);
    let stage = Stage::on(&here).await.expect("a stage");
    stage.freeze(2, 2).await.expect("frozen");
    let heard = async || tokio::time::timeout(HEARD_WITHIN, there.work_hint()).await.expect("a hint");
    heard().await; // It listens.
    let pause = |state, second| stage.store.release_state_set(stage.tenant, stage.release, state, at(second));
    for (state, second) in [(ReleaseState::Paused, 20), (ReleaseState::Active, 21)] {
        pause(state, second).await.expect("a state");
        heard().await;
    }
    // A listener that lost its connection listens again, and says so.
    let watch = house.raw("public").await;
    let listeners = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE application_name = '{schema}' AND query LIKE 'LISTEN%'"
    );
    assert_eq!(number(&watch, &listeners).await, 1, "one for each store that waits");
    heard().await;
    pause(ReleaseState::Paused, 22).await.expect("a state");
    heard().await;
    stage.states(None, Statement { audience: 2, pending: 2, ..Statement::default() }).await.expect("owed");
}
