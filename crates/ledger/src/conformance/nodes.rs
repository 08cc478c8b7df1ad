//! Many senders over the same books.

use domain::{CredentialVersion, NodeId, Statement, Verdict};

use super::Kept;
use super::bench::{Bench, holds, same};
use super::stage::{Stage, at, numbers};
use crate::directory::ReleaseState;
use crate::nodes::{SealedRoute, SenderBeat, ShareRequest, WorkItem};
use crate::rows::{ChunkReturn, DeliveryCommit, OutcomeRow};

/// The node of all of a stage's senders.
const THEIR_NODE: NodeId = NodeId(1);

pub(super) async fn an_earlier_run_of_the_node_is_dead(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 2).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1)]).await?;
    let next = stage.next_sender().await?;
    let theirs = next.lease_one(5).await?;
    let taken = next.take_over_as(THEIR_NODE, 6).await?;
    same("taken at once", taken.open.iter().map(|open| open.key).collect(), vec![stage.key(1, 1)])?;
    holds("and nothing of its own", taken.chunks.iter().all(|taken| taken.chunk != theirs.chunk))?;
    let back = taken.chunks[0];
    let returns = vec![ChunkReturn { release: back.release, chunk: back.chunk, lease: back.lease }];
    let outcomes = vec![next.outcome(1, 1, Verdict::Deferred)];
    next.commit(DeliveryCommit { outcomes, returns, ..DeliveryCommit::default() }).await?;
    same("the rest of it", numbers(&next.lease_one(40).await?), vec![2])
}

pub(super) async fn a_returning_node_resolves_what_was_lost(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 4).await?;
    let chunk = stage.lease_one(5).await?;
    stage.attempt(&chunk, &[(1, 1), (2, 1), (3, 1)]).await?;
    stage.answer(vec![stage.outcome(3, 1, Verdict::Accepted)]).await?;
    let other = stage.next_sender().await?;
    let taken = other.take_over(66).await?;
    same("open", taken.open.len(), 2)?;
    let lost = stage.store.lost_attempts(THEIR_NODE, other.sender).await?;
    same("lost before the taker gave them outcomes", lost.len(), 2)?;
    let unknown = |intent| OutcomeRow { retry_at: None, ..other.outcome(intent, 1, Verdict::Unknown) };
    other.answer(vec![unknown(1), unknown(2)]).await?;
    other.store.lease_return_all(other.sender, at(67)).await?;
    other
        .states(None, Statement { audience: 4, accepted: 1, unknown: 2, pending: 1, ..Statement::default() })
        .await?;
    let back = other.next_sender().await?;
    let lost = async |node| -> Result<Vec<u32>, super::Breach> {
        let lost = back.store.lost_attempts(node, back.sender).await?;
        Ok(lost.iter().map(|open| open.key.intent.0).collect())
    };
    same("of another node", lost(NodeId(9)).await?, vec![])?;
    same("of its own", lost(THEIR_NODE).await?, vec![1, 2])?;
    back.answer(vec![back.outcome(1, 1, Verdict::Deferred)]).await?;
    same("what is still not known", lost(THEIR_NODE).await?, vec![2])?;
    back.states(None, Statement { audience: 4, accepted: 1, unknown: 1, pending: 2, ..Statement::default() })
        .await?;
    back.store.lost_forget(THEIR_NODE, back.sender, at(90)).await?;
    same("once forgotten", lost(THEIR_NODE).await?, vec![])
}

pub(super) async fn senders_are_seen(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 4, 2).await?;
    let beat = |second, leaves| SenderBeat {
        sender: stage.sender,
        host: "送信機".to_owned(),
        now: at(second),
        leaves,
    };
    stage.store.sender_beat(beat(5, false)).await?;
    stage.lease(5, 2).await?;
    stage.store.sender_beat(beat(8, false)).await?;
    let seen = stage.store.sender_list(at(8)).await?;
    same(
        "who",
        seen.iter().map(|view| (view.sender, view.node)).collect(),
        vec![(stage.sender, THEIR_NODE)],
    )?;
    let view = &seen[0];
    same("how", (view.host.as_str(), view.seen_at, view.chunks), ("送信機", at(8), 2))?;
    holds("alive", view.is_alive(at(8)) && !view.is_alive(at(9)))?;
    same("since later", stage.store.sender_list(at(9)).await?, Vec::new())?;
    stage.store.sender_beat(beat(9, true)).await?;
    holds("gone", stage.store.sender_list(at(9)).await?.iter().all(|view| !view.is_alive(at(0))))
}

pub(super) async fn work_is_listed_with_its_route(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let item = |credential| WorkItem { tenant: stage.tenant, release: stage.release, credential };
    let set = async |state| stage.store.release_state_set(stage.tenant, stage.release, state, at(3)).await;
    same("without a route", stage.store.work_list(at(5)).await?, vec![item(None)])?;
    same("no route", stage.store.route_get(stage.tenant, stage.release).await?, None)?;
    let route = |version, sealed: &[u8]| SealedRoute {
        tenant: stage.tenant,
        release: stage.release,
        credential: CredentialVersion(version),
        sealed: sealed.to_vec(),
        changed_at: at(4),
    };
    stage.store.route_put(route(1, b"one")).await?;
    stage.store.route_put(route(2, b"two")).await?;
    same("with one", stage.store.work_list(at(5)).await?, vec![item(Some(CredentialVersion(2)))])?;
    let stored = stage.store.route_get(stage.tenant, stage.release).await?;
    same("the route", stored, Some(route(2, b"two")))?;
    set(ReleaseState::Paused).await?;
    same("a paused release is nobody's work", stage.store.work_list(at(5)).await?, vec![])?;
    set(ReleaseState::Active).await?;
    let chunk = stage.lease_one(5).await?;
    same("a new route is shown", stage.store.work_list(at(64)).await?.len(), 1)?;
    same("what is out is its holder's", stage.store.work_list(at(65)).await?, vec![])?;
    same("past the deadline it is settled", stage.store.work_list(at(600)).await?.len(), 1)?;
    stage.deliver(&chunk, Verdict::Accepted).await?;
    same("all is done", stage.store.work_list(at(600)).await?, vec![])
}

pub(super) async fn a_relay_is_shared(bench: &Bench<'_>) -> Kept {
    let stage = Stage::frozen(bench, 2, 2).await?;
    let next = stage.next_sender().await?;
    let ask = async |sender, second, (open, wanted), (used, held)| {
        let request = ShareRequest {
            tenant: stage.tenant,
            relay: stage.session.relay,
            sender,
            now: at(second),
            until: at(second + 2),
            sessions_max: 10,
            sessions_open: open,
            sessions_wanted: wanted,
            messages_per_minute_max: Some(60),
            messages_used: used,
            messages_held: held,
            messages_wanted: 40,
        };
        let share = stage.store.relay_share(request).await?;
        Ok::<_, super::Breach>((share.sessions, share.messages))
    };
    let (one, two) = (stage.sender, next.sender);
    same("alone", ask(one, 100, (0, 10), (0, 0)).await?, (10, 40))?;
    same("beside it", ask(two, 101, (0, 10), (0, 0)).await?, (0, 10))?;
    same("30 of the first's 40 were answered", ask(one, 102, (5, 10), (30, 10)).await?, (5, 5))?;
    same("its even part", ask(two, 102, (0, 10), (0, 10)).await?, (5, 3))?;
    same("one that did not close yet", ask(one, 103, (8, 10), (15, 0)).await?, (5, 1))?;
    same("leaves less", ask(two, 103, (2, 10), (0, 13)).await?, (2, 1))?;
    // The first is gone without a word: the message that it held may have been sent.
    same("all sessions, no message", ask(two, 106, (2, 10), (14, 0)).await?, (10, 0))?;
    same("nor within the minute", ask(two, 160, (1, 1), (0, 0)).await?, (1, 0))?;
    same("what was answered before is over", ask(two, 165, (1, 1), (0, 0)).await?, (1, 30))
}
