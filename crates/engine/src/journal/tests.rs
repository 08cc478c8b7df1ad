//! The journal against files: what survives, what is torn, what proves nothing.

use super::*;
use domain::{AttemptNo, IntentNo, Phase, ReleaseId, ReplyCode, TenantId, Timestamp, Verdict};

const BOOT: [u8; 16] = [9; 16];

fn key(intent: u32) -> AttemptKey {
    AttemptKey { tenant: TenantId(1), release: ReleaseId(2), intent: IntentNo(intent), attempt: AttemptNo(1) }
}

fn reply(text: &str) -> JournaledReply {
    JournaledReply {
        verdict: Verdict::Accepted,
        phase: Phase::Reply,
        code: ReplyCode::new(250),
        enhanced: "2.0.0".parse().ok(),
        digest: [3; 16],
        text: text.to_owned(),
        at: Timestamp::from_millis(1_795_000_000_000),
    }
}

#[test]
fn marks_survive_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path(), 7, BOOT, 2).unwrap();
    let mut ring = journal.ring().unwrap();
    let answered = ring.mark_dot(key(1)).unwrap();
    ring.mark_dot(key(2)).unwrap();
    ring.mark_reply(answered, &reply("Ok: queued as 4A2B"));
    std::mem::forget(ring);

    let replay = Replay::open(folder.path(), 7, BOOT).unwrap().unwrap();
    assert_eq!(replay.mark(key(1)), Some(&Mark::Reply(reply("Ok: queued as 4A2B"))));
    assert_eq!(replay.mark(key(2)), Some(&Mark::Dot));
    assert_eq!(replay.mark(key(3)), None);
}

#[test]
fn another_boot_another_id_or_a_damaged_head_proves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    drop(Journal::create(folder.path(), 7, BOOT, 1).unwrap());
    assert!(Replay::open(folder.path(), 7, [8; 16]).unwrap().is_none());
    assert!(Replay::open(folder.path(), 8, BOOT).unwrap().is_none());
    let path = Journal::path(folder.path(), 7);
    let mut octets = std::fs::read(&path).unwrap();
    octets[20] ^= 1;
    std::fs::write(&path, octets).unwrap();
    assert!(Replay::open(folder.path(), 7, BOOT).unwrap().is_none());
}

#[test]
fn a_torn_reply_leaves_the_dot_and_a_torn_dot_counts_as_one() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path(), 7, BOOT, 1).unwrap();
    let mut ring = journal.ring().unwrap();
    let slot = ring.mark_dot(key(1)).unwrap();
    ring.mark_reply(slot, &reply("Ok"));
    let path = Journal::path(folder.path(), 7);
    let tear = |offset: usize| {
        let mut octets = std::fs::read(&path).unwrap();
        octets[offset..offset + 4].fill(0);
        std::fs::write(&path, octets).unwrap();
        Replay::open(folder.path(), 7, BOOT).unwrap().unwrap().mark(key(1)).cloned()
    };
    assert_eq!(tear(HEADER_OCTETS + 32), Some(Mark::Dot), "the reply's seal is gone");
    assert_eq!(tear(HEADER_OCTETS), Some(Mark::Dot), "the dot's seal is gone");
}

#[test]
fn a_slot_used_again_forgets_the_earlier_reply() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path(), 7, BOOT, 1).unwrap();
    let mut ring = journal.ring().unwrap();
    let slot = ring.mark_dot(key(1)).unwrap();
    ring.mark_reply(slot, &reply("Ok"));
    ring.free(slot);
    ring.mark_dot(key(2)).unwrap();
    let replay = Replay::open(folder.path(), 7, BOOT).unwrap().unwrap();
    assert_eq!(replay.mark(key(2)), Some(&Mark::Dot));
    assert_eq!(replay.mark(key(1)), None);
}

#[test]
fn a_ring_has_bounds_and_long_texts_are_cut_between_characters() {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::create(folder.path(), 7, BOOT, 1).unwrap();
    let mut ring = journal.ring().unwrap();
    assert!(journal.ring().is_none());
    let slot = ring.mark_dot(key(0)).unwrap();
    ring.mark_reply(slot, &reply(&"受".repeat(200)));
    for intent in 1..RING_SLOTS {
        assert!(ring.mark_dot(key(u32::try_from(intent).unwrap())).is_some());
    }
    assert!(!ring.has_room() && ring.mark_dot(key(99)).is_none());
    let replay = Replay::open(folder.path(), 7, BOOT).unwrap().unwrap();
    assert!(matches!(replay.mark(key(0)), Some(Mark::Reply(kept)) if kept.text == "受".repeat(85)));
}
