//! Use cases: what people can do with an installation. Every call takes an [`Access`] that names tenant, user and
//! right; whatever belongs to another tenant does not exist.
//!
//! Left to others: arguments and output (the rooms above), sending (`engine`), rows and SQL (`ledger` and its
//! stores; a store is handed in), mails (`message`). Invariants: nothing is frozen before everything that can be
//! checked was; a release is composed from the books, never from files; no secret is in an error or in `Debug`.

pub mod access;
pub mod backup;
pub mod books;
pub mod census;
pub mod compose;
pub mod control;
pub mod directory;
pub mod error;
pub mod export;
pub mod folder;
pub mod hold;
pub mod idempotency;
pub mod installation;
pub mod intake;
pub mod list;
pub mod node;
pub mod office;
pub mod people;
pub mod relay;
pub mod release;
pub mod route;
pub mod scope;
pub mod send;
pub mod service;
pub mod stream;
pub mod transfer;
pub mod vault;

pub use access::{Access, Right};
pub use error::{AppError, ChangedError};
pub use folder::{DataFolder, FolderError, FolderKeys};
