//! The books and the directory: row types, the traits that every store implements, the hash chain, and the
//! conformance suite that every store must pass.
//!
//! Nothing here knows SQL or a database. A store is handed whole batches with the time in them; it decides
//! nothing about retries or policies, it only keeps, fences and gives back. Invariants kept by every store:
//! books only grow; a row is durable when its call returns; an attempt is stored only under a live lease.

pub mod account;
pub mod audit;
pub mod balance;
pub mod census;
pub mod chain;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod copy;
pub mod digest;
pub mod directory;
pub mod documents;
pub mod entries;
pub mod error;
pub mod lease;
pub mod minutes;
pub mod nodes;
pub mod owed;
pub mod read;
pub mod rows;
pub mod store;
pub mod stream;
mod wave;

pub use account::{Account, SealedChunk, Standing};
pub use balance::Balance;
pub use census::{
    BooksCensus, BooksGap, Census, CensusRequest, Hole, OpenChunk, Place, ReleaseGap, VerdictBucket,
    VerdictWindow,
};
pub use chain::{Book, Head, LinkBuilder, LinkRow};
pub use copy::{CopyStore, Snapshot};
pub use digest::{InstallationKey, recipient_hash, sha256};
pub use directory::{
    ContentPart, CredentialRow, InstallationRow, InstallationUse, RelayRow, ReleaseRow, ReleaseState,
    TenantRow,
};
pub use documents::{AuditNote, AuditRow, Document, DocumentChange, DocumentWrite, Expected, audit_chain};
pub use entries::{Entries, IntentEntry, Share, Tally};
pub use error::LedgerError;
pub use lease::{LeaseRequest, LeasedChunk, LeasedIntent, WorkAhead};
pub use nodes::{
    Live, OtherShare, RelayShare, SealedRoute, SenderBeat, SenderView, ShareRequest, TakeOver,
    TakeOverRequest, TakenChunk, WorkItem, living_shares,
};
pub use owed::{Chunk, Owed, Rescheduling, Scope};
pub use read::{
    AttemptView, BookRow, CheckReport, Difference, Finding, LinkedRow, RecipientView, StatementView,
};
pub use rows::{
    AttemptKey, AttemptPermit, AttemptRow, AudienceSeal, ChunkReturn, CommitReceipt, DeliveryCommit,
    IntentBatch, IntentRow, OpenAttempt, OutcomeRow, RelayUse, SenderRow, SessionRow, SettleReceipt,
    SettleRequest, WitnessRow,
};
pub use store::{
    CensusStore, DeliveryStore, DirectoryStore, DocumentStore, NodeStore, PlanStore, ReadStore, Store,
    StreamStore,
};
pub use stream::StreamWave;
