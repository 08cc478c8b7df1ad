//! The octets of the journal: a header, then slots of a dot region and a reply region, each with its own CRC.
//!
//! Every region is written content first, CRC last, with a release store: a process that is killed in between
//! leaves a CRC that does not match, and the region counts as torn. A torn dot region is read as a dot, for
//! caution; a torn reply region leaves the dot.

use std::sync::atomic::{AtomicU32, Ordering, fence};

use domain::{
    AttemptNo, EnhancedStatus, IntentNo, Phase, ReleaseId, ReplyCode, TenantId, Timestamp, Verdict,
};
use ledger::AttemptKey;
use memmap2::MmapRaw;

/// Octets before the first slot.
pub const HEADER_OCTETS: usize = 4096;
/// Octets of a slot.
pub const SLOT_OCTETS: usize = 336;

const MAGIC: &[u8; 8] = b"HKYDOTS1";
const DOT_OCTETS: usize = 22;
const REPLY_AT: usize = 32;
const TEXT_MAX: usize = 256;
const REPLY_FIXED: usize = 18;

// The two regions fit, and every seal is aligned.
const _: () =
    assert!(4 + DOT_OCTETS <= REPLY_AT && REPLY_AT.is_multiple_of(4) && SLOT_OCTETS.is_multiple_of(4));
const _: () = assert!(REPLY_AT + 4 + REPLY_FIXED + 16 + TEXT_MAX <= SLOT_OCTETS);

/// What opens the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The journal's id.
    pub id: u64,
    /// The boot under which it was written.
    pub boot: [u8; 16],
    /// How many rings follow.
    pub rings: usize,
}

impl Header {
    pub fn write(self, map: &MmapRaw) {
        let mut octets = Vec::with_capacity(36);
        octets.extend(MAGIC);
        octets.extend(self.id.to_be_bytes());
        octets.extend(self.boot);
        octets.extend(u32::try_from(self.rings).unwrap_or(u32::MAX).to_be_bytes());
        write_sealed(map, 0, &octets);
    }

    pub fn read(file: &[u8]) -> Option<Self> {
        let octets = read_sealed(file, 0, 36)?;
        let rest = octets.strip_prefix(MAGIC)?;
        let id = u64::from_be_bytes(rest.get(..8)?.try_into().ok()?);
        let boot = rest.get(8..24)?.try_into().ok()?;
        let rings = u32::from_be_bytes(rest.get(24..28)?.try_into().ok()?) as usize;
        Some(Self { id, boot, rings })
    }
}

/// A reply as the journal keeps it: enough to write the outcome that the killed process could not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournaledReply {
    /// Accepted, deferred or rejected.
    pub verdict: Verdict,
    /// How far the attempt got.
    pub phase: Phase,
    /// The code.
    pub code: Option<ReplyCode>,
    /// The enhanced status.
    pub enhanced: Option<EnhancedStatus>,
    /// Keyed digest of the whole text.
    pub digest: [u8; 16],
    /// The text, cut at 256 octets.
    pub text: String,
    /// When it arrived.
    pub at: Timestamp,
}

pub fn write_dot(map: &MmapRaw, offset: usize, key: AttemptKey) {
    clear(map, offset + REPLY_AT);
    let mut octets = [0; DOT_OCTETS];
    octets[..8].copy_from_slice(&key.tenant.0.to_be_bytes());
    octets[8..16].copy_from_slice(&key.release.0.to_be_bytes());
    octets[16..20].copy_from_slice(&key.intent.0.to_be_bytes());
    octets[20..22].copy_from_slice(&key.attempt.0.to_be_bytes());
    write_sealed(map, offset, &octets);
}

/// The attempt of a dot region; `None` for one that was never written.
pub fn read_dot(file: &[u8], offset: usize) -> Option<AttemptKey> {
    let octets = file.get(offset + 4..offset + 4 + DOT_OCTETS)?;
    if octets.iter().all(|octet| *octet == 0) {
        return None;
    }
    Some(AttemptKey {
        tenant: TenantId(u64::from_be_bytes(octets[..8].try_into().ok()?)),
        release: ReleaseId(u64::from_be_bytes(octets[8..16].try_into().ok()?)),
        intent: IntentNo(u32::from_be_bytes(octets[16..20].try_into().ok()?)),
        attempt: AttemptNo(u16::from_be_bytes(octets[20..22].try_into().ok()?)),
    })
}

pub fn write_reply(map: &MmapRaw, offset: usize, reply: &JournaledReply) {
    let cut = reply.text.floor_char_boundary(TEXT_MAX);
    let mut octets = Vec::with_capacity(REPLY_FIXED + 16 + cut);
    octets.extend([reply.verdict.code(), reply.phase.code()]);
    octets.extend(reply.code.map_or(0, ReplyCode::get).to_be_bytes());
    octets.extend(reply.enhanced.map_or(0, EnhancedStatus::to_number).to_be_bytes());
    octets.extend(reply.at.as_millis().to_be_bytes());
    octets.extend(u16::try_from(cut).unwrap_or(0).to_be_bytes());
    octets.extend(reply.digest);
    octets.extend(&reply.text.as_bytes()[..cut]);
    write_sealed(map, offset + REPLY_AT, &octets);
}

/// The reply of a slot; `None` when none was written, or not wholly.
pub fn read_reply(file: &[u8], offset: usize) -> Option<JournaledReply> {
    let at = offset + REPLY_AT;
    let fixed = file.get(at + 4..at + 4 + REPLY_FIXED)?;
    let text_octets = usize::from(u16::from_be_bytes(fixed[16..18].try_into().ok()?)).min(TEXT_MAX);
    let octets = read_sealed(file, at, REPLY_FIXED + 16 + text_octets)?;
    Some(JournaledReply {
        verdict: Verdict::from_code(octets[0])?,
        phase: Phase::from_code(octets[1])?,
        code: ReplyCode::new(u16::from_be_bytes(octets[2..4].try_into().ok()?)),
        enhanced: EnhancedStatus::from_number(u32::from_be_bytes(octets[4..8].try_into().ok()?)),
        at: Timestamp::from_millis(i64::from_be_bytes(octets[8..16].try_into().ok()?)),
        digest: octets[18..34].try_into().ok()?,
        text: String::from_utf8_lossy(&octets[34..]).into_owned(),
    })
}

/// Content first, CRC last.
fn write_sealed(map: &MmapRaw, offset: usize, octets: &[u8]) {
    assert!(offset + 4 + octets.len() <= map.len(), "a journal slot lies within its file");
    clear(map, offset);
    // SAFETY: the range was checked against the mapping, which lives as long as `map`; each ring has one writer,
    // and no reference into the mapping exists.
    unsafe {
        std::ptr::copy_nonoverlapping(octets.as_ptr(), map.as_mut_ptr().add(offset + 4), octets.len());
    }
    store(map, offset, crc32fast::hash(octets).max(1));
}

fn clear(map: &MmapRaw, offset: usize) {
    store(map, offset, 0);
}

fn store(map: &MmapRaw, offset: usize, value: u32) {
    assert!(offset + 4 <= map.len() && offset.is_multiple_of(4), "a journal word lies within its file");
    // SAFETY: in range and aligned (the mapping starts at a page); only atomic access to these four octets.
    let word = unsafe { AtomicU32::from_ptr(map.as_mut_ptr().add(offset).cast()) };
    word.store(value, Ordering::Release);
    fence(Ordering::SeqCst);
}

fn read_sealed(file: &[u8], offset: usize, octets: usize) -> Option<&[u8]> {
    let seal = u32::from_ne_bytes(file.get(offset..offset + 4)?.try_into().ok()?);
    let content = file.get(offset + 4..offset + 4 + octets)?;
    (seal != 0 && seal == crc32fast::hash(content).max(1)).then_some(content)
}
