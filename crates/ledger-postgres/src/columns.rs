//! Between rows of tables and rows of the `ledger` room. A value that was never written is damage.

use domain::{
    AttemptNo, AudienceDigest, ChunkNo, CredentialVersion, EnhancedStatus, Fingerprint, IntentNo, Lane,
    LeaseEpoch, LinkSecurity, Phase, RelayId, RelayKind, ReleaseId, ReplyCode, SenderEpoch, SessionId,
    SuppressionReason, TenantId, Timestamp, UnknownPolicy, Verdict,
};
use ledger::{
    AttemptKey, AttemptRow, Chunk, CredentialRow, InstallationRow, InstallationUse, OutcomeRow, RelayRow,
    ReleaseRow, ReleaseState, TenantRow, WitnessRow,
};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use crate::failure::Failure;
use crate::values::Whole;

/// The columns of a row, by their places.
#[derive(Clone, Copy)]
pub(crate) struct Columns<'a>(pub &'a Row);

/// A value whose meaning must be known; a column that holds another was tampered with.
pub(crate) fn known<T>(number: impl std::fmt::Display, meaning: Option<T>) -> Result<T, Failure> {
    meaning.ok_or_else(|| Failure::damaged(number))
}

impl<'a> Columns<'a> {
    /// A value as the driver has it.
    pub fn value<T: FromSql<'a>>(self, column: usize) -> Result<T, Failure> {
        self.0.try_get(column).map_err(Failure::damaged)
    }

    /// A number of any width.
    pub fn number<T: TryFrom<i64>>(self, column: usize) -> Result<T, Failure> {
        let Whole(number) = self.value(column)?;
        known(number, T::try_from(number).ok())
    }

    /// A number or NULL.
    pub fn number_or_null<T: TryFrom<i64>>(self, column: usize) -> Result<Option<T>, Failure> {
        let number: Option<Whole> = self.value(column)?;
        number.map(|Whole(number)| known(number, T::try_from(number).ok())).transpose()
    }

    /// An id of 64 bits.
    pub fn id(self, column: usize) -> Result<u64, Failure> {
        Ok(self.number::<i64>(column)?.cast_unsigned())
    }

    /// A time.
    pub fn time(self, column: usize) -> Result<Timestamp, Failure> {
        Ok(Timestamp::from_millis(self.number(column)?))
    }

    /// Exactly so many octets.
    pub fn octets<const N: usize>(self, column: usize) -> Result<[u8; N], Failure> {
        let octets: &[u8] = self.value(column)?;
        known(format!("{} octets", octets.len()), octets.try_into().ok())
    }

    /// Exactly so many octets, or NULL.
    pub fn octets_or_null<const N: usize>(self, column: usize) -> Result<Option<[u8; N]>, Failure> {
        let octets: Option<&[u8]> = self.value(column)?;
        octets.map(|octets| known(format!("{} octets", octets.len()), octets.try_into().ok())).transpose()
    }

    /// What a code means.
    pub fn coded<T>(self, column: usize, meaning: fn(u8) -> Option<T>) -> Result<T, Failure> {
        let code: u8 = self.number(column)?;
        known(code, meaning(code))
    }

    fn worded<T>(self, column: usize, meaning: impl Fn(&str) -> Option<T>) -> Result<T, Failure> {
        let word: &str = self.value(column)?;
        known("a word", meaning(word))
    }

    fn flag(self, column: usize) -> Result<bool, Failure> {
        match self.number(column)? {
            0_i64 => Ok(false),
            1 => Ok(true),
            other => Err(Failure::damaged(other)),
        }
    }
}

/// What a chunk accounts for, out of two columns.
pub(crate) fn accounted(row: Columns<'_>, from: usize) -> Result<Option<AudienceDigest>, Failure> {
    let (count, digest): (Option<u64>, Option<[u8; 32]>) =
        (row.number_or_null(from)?, row.octets_or_null(from + 1)?);
    Ok(count.zip(digest).map(|(count, digest)| AudienceDigest::from_parts(count, &digest)))
}

/// The reason that a number stands for; 0 is owed.
pub(crate) fn suppression(code: i64) -> Result<Option<SuppressionReason>, Failure> {
    if code == 0 {
        return Ok(None);
    }
    known(code, u8::try_from(code).ok().and_then(SuppressionReason::from_code)).map(Some)
}

pub(crate) fn installation(row: Columns<'_>) -> Result<InstallationRow, Failure> {
    Ok(InstallationRow { key_check: row.octets(0)?, use_now: row.coded(1, InstallationUse::from_code)? })
}

pub(crate) fn tenant(row: Columns<'_>) -> Result<TenantRow, Failure> {
    Ok(TenantRow { tenant: TenantId(row.id(0)?), name: row.value(1)?, created_at: row.time(2)? })
}

pub(crate) fn relay(row: Columns<'_>) -> Result<RelayRow, Failure> {
    Ok(RelayRow {
        tenant: TenantId(row.id(0)?),
        relay: RelayId(row.id(1)?),
        host: row.value(2)?,
        port: row.number(3)?,
        security: row.worded(4, LinkSecurity::from_word)?,
        user: row.value(5)?,
        kind: row.worded(6, RelayKind::from_word)?,
        created_at: row.time(7)?,
    })
}

pub(crate) fn credential(row: Columns<'_>) -> Result<CredentialRow, Failure> {
    Ok(CredentialRow {
        tenant: TenantId(row.id(0)?),
        relay: RelayId(row.id(1)?),
        version: CredentialVersion(row.number(2)?),
        fingerprint: Fingerprint(row.octets(3)?),
        created_at: row.time(4)?,
    })
}

pub(crate) fn release(row: Columns<'_>) -> Result<(ReleaseRow, ReleaseState), Failure> {
    let release = ReleaseRow {
        tenant: TenantId(row.id(0)?),
        release: ReleaseId(row.id(1)?),
        relay: RelayId(row.id(2)?),
        name: row.value(3)?,
        content_digest: row.octets(4)?,
        list_digest: row.octets(5)?,
        lane: row.coded(6, Lane::from_code)?,
        policy: row.worded(7, UnknownPolicy::from_word)?,
        retry_initial_ms: row.id(8)?,
        deadline_at: row.time(9)?,
        created_at: row.time(10)?,
    };
    Ok((release, row.coded(11, ReleaseState::from_code)?))
}

/// A chunk out of the six columns that start at `from`.
pub(crate) fn chunk(row: Columns<'_>, from: usize) -> Result<Chunk, Failure> {
    Ok(Chunk {
        no: ChunkNo(row.number(from)?),
        first: IntentNo(row.number(from + 1)?),
        last: IntentNo(row.number(from + 2)?),
        due_at: row.number_or_null(from + 3)?.map(Timestamp::from_millis),
        holder: row.number_or_null(from + 4)?.map(|epoch: i64| SenderEpoch(epoch.cast_unsigned())),
        lease: LeaseEpoch(row.number(from + 5)?),
    })
}

/// The key in the first four columns of attempts, outcomes and witnesses.
fn key(row: Columns<'_>) -> Result<AttemptKey, Failure> {
    Ok(AttemptKey {
        tenant: TenantId(row.id(0)?),
        release: ReleaseId(row.id(1)?),
        intent: IntentNo(row.number(2)?),
        attempt: AttemptNo(row.number(3)?),
    })
}

/// An attempt and the run of the sender that wrote it.
pub(crate) fn attempt(row: Columns<'_>) -> Result<(AttemptRow, SenderEpoch), Failure> {
    let attempt = AttemptRow {
        key: key(row)?,
        session: SessionId(row.id(4)?),
        relay: RelayId(row.id(5)?),
        credential: CredentialVersion(row.number(6)?),
        fingerprint: Fingerprint(row.octets(7)?),
        body_digest: row.octets(8)?,
        opened_at: row.time(9)?,
    };
    Ok((attempt, SenderEpoch(row.id(10)?)))
}

/// An outcome as the book has it: without text and retry time.
pub(crate) fn outcome(row: Columns<'_>) -> Result<OutcomeRow, Failure> {
    let code: Option<u16> = row.number_or_null(6)?;
    let enhanced: Option<u32> = row.number_or_null(7)?;
    Ok(OutcomeRow {
        key: key(row)?,
        verdict: row.coded(4, Verdict::from_code)?,
        phase: row.coded(5, Phase::from_code)?,
        code: code.map(|code| known(code, ReplyCode::new(code))).transpose()?,
        enhanced: enhanced.map(|number| known(number, EnhancedStatus::from_number(number))).transpose()?,
        reply_digest: row.octets_or_null(8)?.unwrap_or_default(),
        reply_text: String::new(),
        at: row.time(9)?,
        retry_at: None,
    })
}

pub(crate) fn witness(row: Columns<'_>) -> Result<WitnessRow, Failure> {
    Ok(WitnessRow {
        key: key(row)?,
        source: row.value(4)?,
        event_id: row.value(5)?,
        accepted: row.flag(6)?,
        payload_digest: row.octets(7)?,
        at: row.time(8)?,
    })
}
