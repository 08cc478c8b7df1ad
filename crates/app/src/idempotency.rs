//! Orders that are given twice and carried out once: the first answer is kept, and given again.
//!
//! The client names its order; the name stands with a digest of what was ordered before anything is done. Answers are sealed, for
//! one may hold a key's text. Invariants: one name, one order: another order under it is refused; an order whose end
//! nobody saw is never begun anew by itself.

use std::time::Duration;

use domain::Timestamp;
use ledger::{Expected, LedgerError};
use serde::{Deserialize, Serialize};

use crate::access::Access;
use crate::directory::relays::RelayDesk;
use crate::directory::{Directory, Kind, change, removal};
use crate::error::{AppError, hex};
use crate::vault::{Place, Sealed};

/// How long an answer is kept.
pub const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Characters of a name.
pub const NAME_MAX: usize = 255;
/// Octets of an answer that is kept.
const ANSWER_OCTETS_MAX: usize = 256 << 10;
/// An answer's place in the vault.
const ANSWER: &str = "idempotent answer";

/// An answer as it was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The status.
    pub status: u16,
    /// Header fields beside the usual ones.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

/// An order; its document's id is a digest of who gave it and how it was named.
#[derive(Serialize, Deserialize)]
pub(crate) struct Ordered {
    digest: String,
    begun_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<Sealed>,
}

impl Kind for Ordered {
    const KIND: &'static str = "idempotency";
}

/// What is known of an order.
#[derive(Debug, PartialEq, Eq)]
pub enum Known {
    /// It is new: carry it out, then [`finish`] or [`forget`] it.
    New,
    /// It was carried out: give this answer.
    Done(Kept),
    /// It is being carried out, or whoever did so ended before its end.
    UnderWay,
    /// The name stands for another order.
    Other,
}

/// Enters an order. `name` tells it from all others of the tenant; `digest` is over everything that was ordered.
///
/// # Errors
/// When the store fails, or the answer cannot be opened.
pub async fn begin(
    desk: &RelayDesk,
    access: &Access,
    name: &[u8],
    digest: &[u8; 32],
) -> Result<Known, AppError> {
    let directory = Directory::of(&*desk.store, &*desk.clock, access);
    let (id, now) = (id(name), desk.clock.now());
    let fresh = Ordered { digest: hex(digest), begun_at: now.as_millis(), answer: None };
    let found = directory.get::<Ordered>(&id).await?;
    let expected = match &found {
        None => Expected::Nothing,
        Some(found) if now >= Timestamp::from_millis(found.value.begun_at) + KEPT => {
            Expected::Version(found.version)
        }
        Some(found) if found.value.digest != hex(digest) => return Ok(Known::Other),
        Some(found) => {
            return match &found.value.answer {
                None => Ok(Known::UnderWay),
                Some(sealed) => open(desk, access, &id, sealed).map(Known::Done),
            };
        }
    };
    match directory.note_all_down(vec![change(&id, expected, &fresh)?]).await {
        Ok(()) => Ok(Known::New),
        Err(AppError::Ledger(LedgerError::Stale { .. })) => Ok(Known::UnderWay),
        Err(error) => Err(error),
    }
}

/// Keeps an order's answer.
///
/// # Errors
/// When it cannot be sealed, or the store fails.
pub async fn finish(
    desk: &RelayDesk,
    access: &Access,
    name: &[u8],
    digest: &[u8; 32],
    answer: &Kept,
) -> Result<(), AppError> {
    let id = id(name);
    let text = serde_json::to_string(answer).map_err(|_| AppError::Defect("keeping an answer"))?;
    if text.len() > ANSWER_OCTETS_MAX {
        return Err(AppError::Defect("keeping an answer: it is too long"));
    }
    let place = Place { tenant: access.tenant(), kind: ANSWER, id: &id, version: 1 };
    let sealed = desk.vault.seal(&*desk.entropy, place, &text)?;
    let begun_at = desk.clock.now().as_millis();
    let value = Ordered { digest: hex(digest), begun_at, answer: Some(sealed) };
    Directory::of(&*desk.store, &*desk.clock, access).note_down(&id, &value).await
}

/// Forgets an order of which nothing was done: it may be given again.
///
/// # Errors
/// When the store fails.
pub async fn forget(desk: &RelayDesk, access: &Access, name: &[u8]) -> Result<(), AppError> {
    let gone = removal::<Ordered>(&id(name), Expected::Any);
    Directory::of(&*desk.store, &*desk.clock, access).note_all_down(vec![gone]).await
}

/// Removes orders whose answers are kept no longer.
///
/// # Errors
/// When the store fails.
pub async fn sweep(desk: &RelayDesk, access: &Access) -> Result<(), AppError> {
    let directory = Directory::of(&*desk.store, &*desk.clock, access);
    let now = desk.clock.now();
    for entry in directory.list::<Ordered>().await? {
        if now >= Timestamp::from_millis(entry.value.begun_at) + KEPT {
            let gone = removal::<Ordered>(&entry.id, Expected::Version(entry.version));
            directory.note_all_down(vec![gone]).await?;
        }
    }
    Ok(())
}

fn open(desk: &RelayDesk, access: &Access, id: &str, sealed: &Sealed) -> Result<Kept, AppError> {
    let place = Place { tenant: access.tenant(), kind: ANSWER, id, version: 1 };
    let text = desk.vault.open(place, sealed)?;
    serde_json::from_str(smtp::ExposeSecret::expose_secret(&text))
        .map_err(|_| AppError::Defect("reading an answer of its own"))
}

fn id(name: &[u8]) -> String {
    hex(&ledger::sha256(name))
}
