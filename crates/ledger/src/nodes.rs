//! Many senders over the same books: who is alive, what each took over from whom, what a relay's limits leave to each,
//! and what a sender needs in order to send a release that another process froze.
//!
//! Whatever stands here is about going fast and dividing work: nothing of it decides what an intent amounts to. The
//! fence is the lease's epoch (invariant 7), never a presence.

use domain::{
    ChunkNo, CredentialVersion, LeaseEpoch, NodeId, RelayId, ReleaseId, SenderEpoch, TenantId, Timestamp,
};

use crate::rows::OpenAttempt;

/// The senders at work now: their attempts without outcome are pending, those of all others are unknown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Live(Vec<SenderEpoch>);

impl Live {
    /// Them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = SenderEpoch> + '_ {
        self.0.iter().copied()
    }

    /// No sender is at work.
    pub const NOBODY: &Self = &Self(Vec::new());

    /// True when this sender is at work.
    #[must_use]
    pub fn is_live(&self, sender: SenderEpoch) -> bool {
        self.0.contains(&sender)
    }
}

impl From<Option<SenderEpoch>> for Live {
    fn from(sender: Option<SenderEpoch>) -> Self {
        sender.into_iter().collect()
    }
}

impl FromIterator<SenderEpoch> for Live {
    fn from_iter<I: IntoIterator<Item = SenderEpoch>>(senders: I) -> Self {
        Self(senders.into_iter().collect())
    }
}

/// Asks for the chunks of senders that are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakeOverRequest {
    /// Who asks.
    pub sender: SenderEpoch,
    /// Its node: earlier runs of the same node are dead, for one process at a time owns the node's folder.
    pub node: NodeId,
    /// Leases that ended by then are taken.
    pub now: Timestamp,
    /// How long the new lease holds: time to give the open attempts their outcomes.
    pub until: Timestamp,
}

/// A chunk that changed hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenChunk {
    /// Whose.
    pub tenant: TenantId,
    /// Of which release.
    pub release: ReleaseId,
    /// Which chunk.
    pub chunk: ChunkNo,
    /// The new lease.
    pub lease: LeaseEpoch,
}

/// What a take-over brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TakeOver {
    /// The chunks, held by the taker now; to be returned once their open attempts have outcomes.
    pub chunks: Vec<TakenChunk>,
    /// Attempts in them, of other senders, that have no outcome.
    pub open: Vec<OpenAttempt>,
}

/// A sender's sign of life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderBeat {
    /// Which run.
    pub sender: SenderEpoch,
    /// The machine's name, for people.
    pub host: String,
    /// When.
    pub now: Timestamp,
    /// It ends, and holds nothing any more.
    pub leaves: bool,
}

/// A sender as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderView {
    /// Which run.
    pub sender: SenderEpoch,
    /// Of which node.
    pub node: NodeId,
    /// The machine's name.
    pub host: String,
    /// When it started.
    pub started_at: Timestamp,
    /// Its last sign of life.
    pub seen_at: Timestamp,
    /// When it ended of its own will.
    pub left_at: Option<Timestamp>,
    /// Chunks that it holds.
    pub chunks: u64,
}

impl SenderView {
    /// True when it gave a sign of life since `since`, and did not end.
    #[must_use]
    pub fn is_alive(&self, since: Timestamp) -> bool {
        self.left_at.is_none() && self.seen_at >= since
    }
}

/// A release that somebody should be sending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkItem {
    /// Whose.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// Under which version of the relay's secret it is to be sent; `None`: no sender was told how.
    pub credential: Option<CredentialVersion>,
}

/// How to send a release, for every sender of the installation: encrypted, opaque to stores.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedRoute {
    /// Whose.
    pub tenant: TenantId,
    /// Which release.
    pub release: ReleaseId,
    /// The version of the relay's secret in it.
    pub credential: CredentialVersion,
    /// Cipher text with its nonce.
    pub sealed: Vec<u8>,
    /// When it was given.
    pub changed_at: Timestamp,
}

impl std::fmt::Debug for SealedRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedRoute({} {} v{})", self.tenant, self.release, self.credential)
    }
}

/// Asks for a share of a relay's limits, in place of the sender's share before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShareRequest {
    /// Whose.
    pub tenant: TenantId,
    /// Which relay.
    pub relay: RelayId,
    /// Who asks.
    pub sender: SenderEpoch,
    /// When.
    pub now: Timestamp,
    /// Until when the share holds unless asked for again.
    pub until: Timestamp,
    /// Sessions that the relay takes from all senders together.
    pub sessions_max: u32,
    /// Sessions that are open now, closing ones included: they are held whatever is asked for.
    pub sessions_open: u32,
    /// Sessions that there is work for.
    pub sessions_wanted: u32,
    /// Messages that the relay takes from all senders together in any minute.
    pub messages_per_minute_max: Option<u32>,
    /// Messages that were answered since the share was last asked for.
    pub messages_used: u32,
    /// Messages that it may still start, or that are on the wire.
    pub messages_held: u32,
    /// Messages that there is work for beyond those.
    pub messages_wanted: u32,
}

/// A sender's share of a relay's limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RelayShare {
    /// Sessions that it may have open.
    pub sessions: u32,
    /// Messages that it may start beyond those that it holds.
    pub messages: u32,
}

/// What another sender holds of a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherShare {
    /// Sessions that it may have open.
    pub sessions: u32,
    /// Sessions that it has work for.
    pub wanted: u32,
    /// Messages that it may start, or that are on the wire.
    pub messages: u32,
}

/// What other senders' rows amount to: those that hold, and the messages of those that ended without a word, each of
/// which may have been sent.
#[must_use]
pub fn living_shares(rows: &[(OtherShare, Timestamp)], now: Timestamp) -> (Vec<OtherShare>, u32) {
    let (living, gone): (Vec<_>, Vec<_>) = rows.iter().partition(|(_, until)| *until > now);
    (living.iter().map(|(share, _)| *share).collect(), gone.iter().map(|(share, _)| share.messages).sum())
}

impl ShareRequest {
    /// Since when answered messages count: a minute, the second that they are summed by, and what the clocks of two
    /// machines may differ by.
    #[must_use]
    pub const fn counts_since(&self) -> Timestamp {
        Timestamp::from_millis(self.now.as_millis() - 61_000 - CLOCKS_DIFFER_MS)
    }

    /// The share, beside what others hold and the messages of all that were answered since [`Self::counts_since`], this
    /// sender's included.
    ///
    /// Sessions: what is free at once, else an even part, which others shrink to when they ask the next time. The sum
    /// never exceeds the limit, for a sender keeps counting what it still has open.
    #[must_use]
    pub fn share(&self, others: &[OtherShare], answered: u32) -> RelayShare {
        let asking = 1 + others.iter().filter(|other| other.wanted > 0).count();
        let asking = u32::try_from(asking).unwrap_or(u32::MAX);
        let even = (self.sessions_max / asking).max(1);
        let held: u32 = others.iter().map(|other| other.sessions).sum();
        // What others may still claim of their even parts.
        let claimed: u32 = others.iter().map(|other| other.sessions.max(other.wanted.min(even))).sum();
        let fair = even.max(self.sessions_max.saturating_sub(claimed));
        let sessions = self.sessions_wanted.min(fair).min(self.sessions_max.saturating_sub(held));
        let messages = self.messages_per_minute_max.map_or(0, |max| {
            let held: u32 = others.iter().map(|other| other.messages).sum();
            let free = max.saturating_sub(answered).saturating_sub(held).saturating_sub(self.messages_held);
            self.messages_wanted.min(free.div_ceil(asking))
        });
        RelayShare { sessions, messages }
    }
}

/// By how much the wall clocks of two senders may differ.
pub const CLOCKS_DIFFER_MS: i64 = 1000;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(open: u32, wanted: u32) -> ShareRequest {
        ShareRequest {
            tenant: TenantId(1),
            relay: RelayId(1),
            sender: SenderEpoch(1),
            now: Timestamp::from_millis(100_000),
            until: Timestamp::from_millis(102_000),
            sessions_max: 10,
            sessions_open: open,
            sessions_wanted: wanted,
            messages_per_minute_max: Some(100),
            messages_used: 0,
            messages_held: 0,
            messages_wanted: 60,
        }
    }

    fn other(sessions: u32, wanted: u32) -> OtherShare {
        OtherShare { sessions, wanted, messages: 0 }
    }

    #[test]
    fn free_sessions_are_given_and_even_parts_are_reached() {
        let sessions = |wanted, others: &[OtherShare]| request(0, wanted).share(others, 0).sessions;
        assert_eq!(sessions(50, &[]), 10);
        assert_eq!(sessions(3, &[]), 3);
        assert_eq!(sessions(50, &[other(10, 50)]), 0, "nothing is free yet");
        assert_eq!(sessions(50, &[other(5, 50)]), 5);
        assert_eq!(sessions(50, &[other(2, 2)]), 8, "the other wants no more");
        assert_eq!(sessions(50, &[other(0, 50)]), 5, "the other's even part is left to it");
        assert_eq!(sessions(50, &[other(1, 0)]), 9, "the other closes its last");
    }

    #[test]
    fn messages_are_granted_evenly_until_the_minute_is_used_up() {
        let messages = |others: &[OtherShare], answered| request(0, 5).share(others, answered).messages;
        assert_eq!(messages(&[], 0), 60);
        assert_eq!(messages(&[other(1, 1)], 0), 50);
        assert_eq!(messages(&[], 90), 10);
        assert_eq!(messages(&[], 100), 0);
        assert_eq!(messages(&[OtherShare { messages: 70, ..other(1, 0) }], 0), 30);
        let holds = ShareRequest { messages_held: 80, ..request(0, 5) };
        assert_eq!(holds.share(&[], 0).messages, 20);
        assert_eq!(request(0, 5).counts_since(), Timestamp::from_millis(38_000));
    }

    proptest! {
        /// Senders that ask in any order, and close what they must before they ask for less, never hold more than all.
        #[test]
        fn shares_never_exceed_the_limit(asks in prop::collection::vec((0usize..4, 0u32..30), 1..200)) {
            let mut held = [other(0, 0); 4];
            for (who, wanted) in asks {
                let others: Vec<_> =
                    held.iter().enumerate().filter(|(i, _)| *i != who).map(|(_, other)| *other).collect();
                let share = request(held[who].sessions, wanted).share(&others, 0).sessions;
                held[who] = other(share, wanted);
                prop_assert!(held.iter().map(|one| one.sessions).sum::<u32>() <= 10);
            }
            // Everybody hungry reaches an even part.
            for _ in 0..3 {
                for who in 0..4 {
                    let others: Vec<_> =
                        held.iter().enumerate().filter(|(i, _)| *i != who).map(|(_, other)| *other).collect();
                    held[who] = other(request(held[who].sessions, 30).share(&others, 0).sessions, 30);
                }
            }
            prop_assert!(held.iter().all(|one| one.sessions >= 2), "{held:?}");
        }
    }
}
