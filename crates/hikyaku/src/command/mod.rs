//! One file a subcommand: flags to a use case, what came of it to print and exit code.

pub mod attempts;
pub mod backup;
pub mod check;
pub mod drill;
pub mod export;
pub mod hold;
pub mod migrate;
pub mod node;
pub mod nodes;
pub mod office;
pub mod recipients;
pub mod reconcile;
pub mod send;
pub mod statement;
pub mod transfer;
pub mod user;
pub mod verify;
