//! The words of the house as types: ids, times, addresses, replies, outcomes, and the pure rules over them
//! (fold, retry, throttle, breaker, statement).
//!
//! Nothing here does IO, reads a clock or draws a random number: whatever depends on *now* takes it as an
//! argument. Rooms above may use every public item; this room uses none of theirs.

pub mod address;
pub mod ids;
pub mod reply;
pub mod time;

pub use address::{AddressError, EmailAddress};
pub use ids::{
    AttemptNo, ChunkNo, CredentialVersion, IntentNo, LeaseEpoch, NodeId, RelayId, ReleaseId, SenderEpoch,
    SessionId, TenantId,
};
pub use reply::{EnhancedStatus, Reply, ReplyCode};
pub use time::{Moment, Timestamp};
