//! Every invariant against every row, in one state of the books: the chains, and each release's books against its
//! small tables.
//!
//! What must hold is in `ledger::audit`; here the rows are read. Pages and indexes are the server's own matter
//! (`pg_amcheck`, checksums). Nothing that can be read is left out because something else cannot: what is damaged
//! becomes a finding, and the check goes on, but for damage that ends the server's transaction.

mod chains;
mod log;
mod minutes;
mod releases;

use domain::Timestamp;
use ledger::audit::Notes;
use ledger::{CheckReport, Head, Live};

use crate::chained;
use crate::connection::Connection;
use crate::failure::Failure;

/// Looks at everything.
pub(crate) async fn run(
    connection: &Connection,
    sealed: &[Head],
    live: &Live,
    now: Timestamp,
) -> Result<CheckReport, Failure> {
    let mut notes = Notes::default();
    let outcome = chains::check(connection, sealed, &mut notes).await;
    part(&mut notes, "the chains", outcome)?;
    let outcome = log::check(connection, &mut notes).await;
    part(&mut notes, "the audit log", outcome)?;
    let outcome = releases::check(connection, live, now, &mut notes).await;
    part(&mut notes, "the releases", outcome)?;
    let outcome = chained::heads(connection).await.map(|heads| notes.report.heads = heads);
    part(&mut notes, "the chains' heads", outcome)?;
    Ok(notes.into_report())
}

/// Turns damage that ended a part of the check into a finding; other failures end the check.
fn part(notes: &mut Notes, what: &str, outcome: Result<(), Failure>) -> Result<(), Failure> {
    match outcome {
        // What the server says of its own ends its transaction; and what may be tried again is.
        Err(Failure::Ledger(error)) => Ok(notes.part(what, Err(error))?),
        other => other,
    }
}
