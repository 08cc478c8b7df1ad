//! The small campaign once more, with the books in Debian's PostgreSQL on the same machine and disk.

use serde::Deserialize;

use super::Scenario;
use super::campaign::{RUN_MAX, SMALL_SAMPLE};
use super::figures::{Extent, Figure, Figures};
use super::place::{Place, send_all};
use crate::rig::PostgresProcess;
use crate::workspace::Workspace;

#[derive(Deserialize)]
struct Migrated {
    books: Extent,
}

/// A fresh server, one release from start to end, and what its books take then.
///
/// # Errors
/// When it fails, or mails are lost or doubled.
pub fn release(
    workspace: &Workspace,
    place: &Place<'_>,
    messages: u64,
    figures: &mut Figures,
) -> anyhow::Result<()> {
    let server = PostgresProcess::start(workspace, place.binaries, place.folder)?;
    let _: Migrated = server.migrate(place.binaries, place.folder)?;
    let receiver = place.receiver(false)?;
    let mut sender = place.sender(SMALL_SAMPLE, receiver.addr(), &[])?;
    sender.environment = server.environment();
    let (ended, process) = send_all(&sender, messages, RUN_MAX)?;
    receiver.stop(messages)?;
    let migrated: Migrated = server.migrate(place.binaries, place.folder)?;
    figures.add(Figure {
        scenario: Scenario::CampaignPostgres,
        messages,
        elapsed: ended.at.since(process.started()),
        cpu: Some(ended.cpu),
        peak_kib: Some(ended.peak_kib),
        books: Some(migrated.books),
    });
    server.close()
}
