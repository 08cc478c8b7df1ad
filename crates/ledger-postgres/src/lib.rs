//! The books on PostgreSQL 15 or newer: one database shared by many nodes.
//!
//! Nothing outside the store rooms holds SQL, and nothing here decides about retries, policies or relays. Invariants:
//! a call that changes something returns after its commit is durable on the server (`synchronous_commit` is on, and a
//! server without `fsync` or `full_page_writes` is refused); books only grow; every transaction names one tenant. A
//! commit whose reply was lost is answered by writing its mark again ([`gate`]), never by a mere read. Statements that
//! SQLite understands too stand in `ledger-sqlite/queries`, the others in `queries`.
//!
//! Left to others: the lock of the data folder, journals, and what becomes of a take-over's open attempts.

mod access;
mod account;
#[cfg(feature = "behind")]
pub mod behind;
mod census;
mod chained;
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
mod gate;
mod hint;
mod home;
mod lease;
mod minutes;
mod nodes;
mod options;
mod outcomes;
mod patience;
mod places;
mod plan;
mod queries;
mod read;
mod reschedule;
mod schedule;
mod schema;
mod seal;
mod server;
mod settle;
mod standby;
mod store;
mod stream;
mod tls;
mod values;
mod walk;
mod witness;

pub use access::Access;
pub use options::{PostgresOptions, TlsMode};
pub use schema::Migrated;
pub use standby::Standby;
pub use store::PostgresStore;
