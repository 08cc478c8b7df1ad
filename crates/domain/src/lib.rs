//! The words of the house as types: ids, times, addresses, replies, outcomes, and the pure rules over them
//! (fold, retry, throttle, breaker, statement, direct route).
//!
//! Nothing here does IO, reads a clock or draws a random number: whatever depends on *now* takes it as an
//! argument. Rooms above may use every public item; this room uses none of theirs.

pub mod address;
pub mod audience;
pub mod breaker;
pub mod direct;
pub mod fold;
pub mod ids;
pub mod outcome;
pub mod phase;
pub mod policy;
pub mod purse;
pub mod relay;
pub mod reply;
pub mod statement;
pub mod throttle;
pub mod time;
pub mod words;

pub use address::{AddressError, EmailAddress};
pub use audience::AudienceDigest;
pub use fold::{Entry, IntentFold, IntentState};
pub use ids::{
    AttemptNo, ChunkNo, CredentialVersion, IntentNo, LeaseEpoch, NodeId, RelayId, ReleaseId, SenderEpoch,
    SessionId, TenantId,
};
pub use outcome::{SuppressionReason, Verdict};
pub use phase::Phase;
pub use policy::{Lane, RetrySchedule, UnknownPolicy};
pub use relay::{Fingerprint, LinkSecurity, RelayKind, RelayLimits};
pub use reply::{EnhancedStatus, Reply, ReplyCode};
pub use statement::Statement;
pub use time::{Moment, Timestamp};
