//! Mails for later: each mailing with a time is a release of its own, stored and sealed now, its one chunk due then.
//!
//! Invariants: nothing of it is due before its time, for a sender leases nothing that is not due; a batch that was paused or
//! cancelled before the mails stood holds for them too (`directory::batches` says why).

use std::time::Duration;

use domain::{AudienceDigest, SenderEpoch, Timestamp};
use ledger::StreamWave;
use ledger::stream::STREAM_WAVE_INTENTS_MAX;

use super::writer::{DEADLINE, begin, enter};
use super::{MailId, Submission};
use crate::access::Access;
use crate::directory::batches;
use crate::directory::relays::RelayDesk;
use crate::error::AppError;

/// How far ahead a mail may be scheduled, whoever asks: a leap year.
const AHEAD_MAX: Duration = Duration::from_secs(366 * 86_400);
/// The number of a scheduled mailing's content.
const PART: u32 = 1;

pub(super) async fn schedule(
    desk: &RelayDesk,
    sender: SenderEpoch,
    access: &Access,
    submission: Submission,
    due_at: Timestamp,
    batch: Option<&str>,
) -> Result<MailId, AppError> {
    let Submission { relay, content, recipients } = submission;
    if !(1..=STREAM_WAVE_INTENTS_MAX).contains(&recipients.len()) {
        return Err(AppError::BadInput(format!(
            "a scheduled mailing has 1 to {STREAM_WAVE_INTENTS_MAX} recipients"
        )));
    }
    if due_at > desk.clock.now() + AHEAD_MAX {
        return Err(AppError::BadInput(
            "send_at: a time in seconds since 1970, at most a year ahead (not in milliseconds)".to_owned(),
        ));
    }
    if let Some(batch) = batch {
        batches::require_open(&*desk.store, &*desk.clock, access, batch).await?;
    }
    let now = desk.clock.now();
    let entry = desk.find(access, &relay.to_string()).await?;
    let name = format!("mails by API through {}, due at {due_at}", entry.value.name);
    let release = begin(desk, access, &entry, name, due_at.max(now) + DEADLINE).await?;
    if let Some(batch) = batch {
        batches::enlist(&*desk.store, &*desk.clock, access, batch, release).await?;
    }
    let mut wave = StreamWave {
        tenant: access.tenant(),
        release,
        wave: 1,
        sender,
        parts: vec![content.into_part(PART)?],
        intents: Vec::with_capacity(recipients.len()),
        digest: AudienceDigest::default(),
        due_at,
        now,
    };
    enter(&mut wave, &recipients, PART, &mut 1);
    desk.store.stream_append(wave).await?;
    Ok(MailId { release, part: PART })
}
