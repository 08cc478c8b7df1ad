//! Every invariant against every row: the file, the chains, and each release's books against its small tables.
//!
//! What must hold is in `ledger::audit`; here the rows are read. Nothing that can be read is left out because something else cannot: what is damaged becomes a finding, and the
//! check goes on. Texts hold ids and numbers, never addresses.

mod chains;
mod file;
mod log;
mod minutes;
mod releases;
mod sessions;

use domain::Timestamp;
use ledger::audit::Notes;
use ledger::{CheckReport, Head, Live};
use rusqlite::Connection;

use crate::failure::Failure;
use crate::read;

/// Looks at everything in one read transaction.
pub(crate) fn run(
    connection: &Connection,
    sealed: &[Head],
    live: &Live,
    now: Timestamp,
) -> Result<CheckReport, Failure> {
    let mut notes = Notes::default();
    let outcome = file::check(connection, &mut notes);
    part(&mut notes, "the file", outcome)?;
    let outcome = chains::check(connection, sealed, &mut notes);
    part(&mut notes, "the chains", outcome)?;
    let outcome = log::check(connection, &mut notes);
    part(&mut notes, "the audit log", outcome)?;
    let outcome = releases::check(connection, live, now, &mut notes);
    part(&mut notes, "the releases", outcome)?;
    let outcome = read::heads(connection).map(|heads| notes.report.heads = heads);
    part(&mut notes, "the chains' heads", outcome)?;
    Ok(notes.into_report())
}

/// Turns damage that ended a part of the check into a finding; other failures end the check.
pub(super) fn part(notes: &mut Notes, what: &str, outcome: Result<(), Failure>) -> Result<(), Failure> {
    let outcome = outcome.map_err(|failure| failure.during("checking the books"));
    Ok(notes.part(what, outcome)?)
}
