//! The checkers: the books against the relays' own logs, and against what people did.
//!
//! Each names the invariant of DESIGN that it guards. They read the books through the store's own calls, at moments at
//! which nothing else moves, and share no code with the engine.

pub mod end;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use ledger::ReadStore;
use ledger_sqlite::SqliteStore;

use crate::node::operator::installation_key;
use crate::relay::log::Entry;
use crate::scenario;
use crate::world::World;

/// A read of the simulated store is done at once, for nobody else is at work.
///
/// # Errors
/// When it is not, or the store failed.
pub fn read<T>(call: impl Future<Output = Result<T, ledger::LedgerError>>) -> anyhow::Result<T> {
    match pin!(call).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => Ok(answer?),
        Poll::Pending => anyhow::bail!("a read of the simulated store waits for something"),
    }
}

/// A message's end has just reached a relay: its attempt must have been durable before (invariant 3), over a session
/// of the company whose mail it is, with the very secret that the relay saw (invariant 6).
///
/// # Errors
/// When the books cannot be read.
pub fn message_end(world: &mut World, store: &SqliteStore, entry: &Entry) -> anyhow::Result<()> {
    let marker = entry.marker;
    let ends = world.known.message_ends.entry((marker.release, marker.intent)).or_default();
    *ends += 1;
    let ends = *ends;
    let Some(row) = world.known.releases.get(&marker.release).cloned() else {
        world.breach(format!("3 write-ahead: {entry} is of a release that nobody knows"));
        return Ok(());
    };
    let owner = world.known.tenants.iter().find(|(_, id)| **id == row.tenant).map(|(number, _)| *number);
    if owner != Some(entry.tenant) {
        world.breach(format!("6 identity: {entry} came over another company's account"));
    }
    let attempts = read(store.attempts(row.tenant, row.release, &entry.recipient))?;
    let sessions: Vec<_> = attempts.iter().filter_map(|view| view.session.as_ref()).collect();
    if (sessions.len() as u64) < ends {
        world.breach(format!(
            "3 write-ahead: a relay saw {ends} ends of {entry}, and the books know {} attempts",
            sessions.len()
        ));
    }
    let key = installation_key();
    let secret = entry.secret.as_bytes();
    if !sessions
        .iter()
        .any(|session| key.fingerprint(row.tenant, session.relay, secret) == session.fingerprint)
    {
        world.breach(format!("6 identity: no attempt of {entry} bears the fingerprint of its secret"));
    }
    for session in sessions {
        let version_of = |version: &u64| {
            let secret = scenario::secret(entry.tenant, *version);
            key.fingerprint(row.tenant, session.relay, secret.as_bytes()) == session.fingerprint
        };
        let newest = world.known.secret_version(entry.tenant);
        let version = (1..=newest).find(version_of).unwrap_or(0);
        let due = world.known.version_in_force(entry.tenant, session.opened_at.as_millis());
        if version < due && !world.known.wall_jumped {
            world.breach(format!(
                "6 identity: {entry} went out under secret {version} when {due} was in force"
            ));
        }
    }
    Ok(())
}
