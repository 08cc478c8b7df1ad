//! The books on SQLite: one file, one writer thread with group commit, many readers.
//!
//! Nothing outside this room holds SQL, and nothing here decides about retries, policies or relays. Invariants:
//! a call that changes something returns after its commit is on the disk (`synchronous=FULL` in WAL mode); after
//! the first failed write or sync every later change is refused with the same error; books only grow. What
//! calls that went into one commit have in common: one sync, and one link of the chain per book and tenant.

mod census;
mod chained;
mod chains;
mod check;
mod columns;
mod commit;
mod connection;
mod copy;
mod delivery;
mod directory;
mod documents;
mod draft;
mod failure;
mod lease;
mod minutes;
mod nodes;
mod options;
mod outcomes;
mod plan;
mod queries;
mod read;
mod readers;
mod reschedule;
mod seal;
mod settle;
mod store;
mod stream;
mod walk;
mod writer;

pub use connection::{DATABASE_FILE, copy_books};
pub use options::{Place, SqliteOptions, Synchronous};
pub use store::SqliteStore;
