//! Between rows of tables and rows of the `ledger` room. Ids of 64 bits stand in SQLite's signed integers.

use domain::{
    AttemptNo, CredentialVersion, EnhancedStatus, Fingerprint, IntentNo, Lane, LinkSecurity, Phase, RelayId,
    RelayKind, ReleaseId, ReplyCode, SenderEpoch, SessionId, TenantId, Timestamp, UnknownPolicy, Verdict,
};
use ledger::{
    AttemptKey, AttemptRow, CredentialRow, InstallationRow, InstallationUse, OutcomeRow, RelayRow,
    ReleaseRow, ReleaseState, TenantRow, WitnessRow,
};
use rusqlite::{Error, Result, Row};

/// An id as it stands in a column.
pub(crate) const fn wide(id: u64) -> i64 {
    id.cast_signed()
}

/// An id out of a column.
pub(crate) fn id(row: &Row<'_>, column: usize) -> Result<u64> {
    Ok(row.get::<_, i64>(column)?.cast_unsigned())
}

/// A time out of a column.
pub(crate) fn time(row: &Row<'_>, column: usize) -> Result<Timestamp> {
    Ok(Timestamp::from_millis(row.get(column)?))
}

/// A value whose meaning must be known; a column that holds another was tampered with.
pub(crate) fn known<T>(column: usize, number: i64, meaning: Option<T>) -> Result<T> {
    meaning.ok_or(Error::IntegralValueOutOfRange(column, number))
}

fn coded<T>(row: &Row<'_>, column: usize, meaning: fn(u8) -> Option<T>) -> Result<T> {
    let code: u8 = row.get(column)?;
    known(column, i64::from(code), meaning(code))
}

fn worded<T>(row: &Row<'_>, column: usize, meaning: impl Fn(&str) -> Option<T>) -> Result<T> {
    let text: String = row.get(column)?;
    known(column, 0, meaning(&text))
}

fn flag(row: &Row<'_>, column: usize) -> Result<bool> {
    match row.get(column)? {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(Error::IntegralValueOutOfRange(column, other)),
    }
}

pub(crate) fn installation(row: &Row<'_>) -> Result<InstallationRow> {
    Ok(InstallationRow { key_check: row.get(0)?, use_now: coded(row, 1, InstallationUse::from_code)? })
}

pub(crate) fn tenant(row: &Row<'_>) -> Result<TenantRow> {
    Ok(TenantRow { tenant: TenantId(id(row, 0)?), name: row.get(1)?, created_at: time(row, 2)? })
}

pub(crate) fn relay(row: &Row<'_>) -> Result<RelayRow> {
    Ok(RelayRow {
        tenant: TenantId(id(row, 0)?),
        relay: RelayId(id(row, 1)?),
        host: row.get(2)?,
        port: row.get(3)?,
        security: worded(row, 4, LinkSecurity::from_word)?,
        user: row.get(5)?,
        kind: worded(row, 6, RelayKind::from_word)?,
        created_at: time(row, 7)?,
    })
}

pub(crate) fn credential(row: &Row<'_>) -> Result<CredentialRow> {
    Ok(CredentialRow {
        tenant: TenantId(id(row, 0)?),
        relay: RelayId(id(row, 1)?),
        version: CredentialVersion(row.get(2)?),
        fingerprint: Fingerprint(row.get(3)?),
        created_at: time(row, 4)?,
    })
}

pub(crate) fn release(row: &Row<'_>) -> Result<(ReleaseRow, ReleaseState)> {
    let release = ReleaseRow {
        tenant: TenantId(id(row, 0)?),
        release: ReleaseId(id(row, 1)?),
        relay: RelayId(id(row, 2)?),
        name: row.get(3)?,
        content_digest: row.get(4)?,
        list_digest: row.get(5)?,
        lane: coded(row, 6, Lane::from_code)?,
        policy: worded(row, 7, UnknownPolicy::from_word)?,
        retry_initial_ms: id(row, 8)?,
        deadline_at: time(row, 9)?,
        created_at: time(row, 10)?,
    };
    Ok((release, coded(row, 11, ReleaseState::from_code)?))
}

/// The key in the first four columns of attempts, outcomes and witnesses.
pub(crate) fn key(row: &Row<'_>) -> Result<AttemptKey> {
    Ok(AttemptKey {
        tenant: TenantId(id(row, 0)?),
        release: ReleaseId(id(row, 1)?),
        intent: IntentNo(row.get(2)?),
        attempt: AttemptNo(row.get(3)?),
    })
}

/// An attempt and the run of the sender that wrote it.
pub(crate) fn attempt(row: &Row<'_>) -> Result<(AttemptRow, SenderEpoch)> {
    let attempt = AttemptRow {
        key: key(row)?,
        session: SessionId(id(row, 4)?),
        relay: RelayId(id(row, 5)?),
        credential: CredentialVersion(row.get(6)?),
        fingerprint: Fingerprint(row.get(7)?),
        body_digest: row.get(8)?,
        opened_at: time(row, 9)?,
    };
    Ok((attempt, SenderEpoch(id(row, 10)?)))
}

/// An outcome as the book has it: without text and retry time.
pub(crate) fn outcome(row: &Row<'_>) -> Result<OutcomeRow> {
    let code: Option<u16> = row.get(6)?;
    let enhanced: Option<u32> = row.get(7)?;
    Ok(OutcomeRow {
        key: key(row)?,
        verdict: coded(row, 4, Verdict::from_code)?,
        phase: coded(row, 5, Phase::from_code)?,
        code: code.map(|code| known(6, i64::from(code), ReplyCode::new(code))).transpose()?,
        enhanced: enhanced
            .map(|number| known(7, i64::from(number), EnhancedStatus::from_number(number)))
            .transpose()?,
        reply_digest: row.get::<_, Option<[u8; 16]>>(8)?.unwrap_or_default(),
        reply_text: String::new(),
        at: time(row, 9)?,
        retry_at: None,
    })
}

pub(crate) fn witness(row: &Row<'_>) -> Result<WitnessRow> {
    Ok(WitnessRow {
        key: key(row)?,
        source: row.get(4)?,
        event_id: row.get(5)?,
        accepted: flag(row, 6)?,
        payload_digest: row.get(7)?,
        at: time(row, 8)?,
    })
}
