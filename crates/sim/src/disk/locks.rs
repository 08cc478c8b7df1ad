//! The locks of one database file and of its shared memory, as SQLite asks for them.

use std::collections::BTreeMap;

/// Nothing held; the levels are SQLite's own.
pub const NONE: i32 = 0;
const SHARED: i32 = 1;
const RESERVED: i32 = 2;
const PENDING: i32 = 3;
const EXCLUSIVE: i32 = 4;

/// Who holds what, by handle.
#[derive(Debug, Default)]
pub struct Locks {
    levels: BTreeMap<u64, i32>,
    slots: BTreeMap<u64, Slots>,
}

/// Bits of the shared memory's eight locks.
#[derive(Debug, Clone, Copy, Default)]
struct Slots {
    shared: u8,
    exclusive: u8,
}

impl Locks {
    /// Raises a handle's lock on the file; false when another's is in the way.
    pub fn raise(&mut self, handle: u64, wanted: i32) -> bool {
        let own = self.level(handle);
        if own >= wanted {
            return true;
        }
        let highest = self.others(handle).max().unwrap_or(NONE);
        let reached = match wanted {
            SHARED if highest >= PENDING => own,
            RESERVED if highest >= RESERVED => own,
            EXCLUSIVE if highest >= RESERVED => own,
            EXCLUSIVE if highest >= SHARED => PENDING,
            _ => wanted,
        };
        self.levels.insert(handle, reached);
        reached == wanted
    }

    /// Lowers it.
    pub fn lower(&mut self, handle: u64, level: i32) {
        let own = self.level(handle);
        self.levels.insert(handle, own.min(level));
    }

    /// True when any handle is about to write.
    pub fn is_reserved(&self) -> bool {
        self.levels.values().any(|level| *level >= RESERVED)
    }

    /// Takes locks of the shared memory; false when another's is in the way.
    pub fn take(&mut self, handle: u64, bits: u8, exclusive: bool) -> bool {
        let in_the_way = self.slots.iter().filter(|(other, _)| **other != handle).any(|(_, slots)| {
            let held = if exclusive { slots.shared | slots.exclusive } else { slots.exclusive };
            held & bits != 0
        });
        if in_the_way {
            return false;
        }
        let own = self.slots.entry(handle).or_default();
        let mask = if exclusive { &mut own.exclusive } else { &mut own.shared };
        *mask |= bits;
        true
    }

    /// Gives them back.
    pub fn give(&mut self, handle: u64, bits: u8) {
        let own = self.slots.entry(handle).or_default();
        own.shared &= !bits;
        own.exclusive &= !bits;
    }

    /// Forgets a handle that was closed.
    pub fn forget(&mut self, handle: u64) {
        self.levels.remove(&handle);
        self.slots.remove(&handle);
    }

    fn level(&self, handle: u64) -> i32 {
        self.levels.get(&handle).copied().unwrap_or(NONE)
    }

    fn others(&self, handle: u64) -> impl Iterator<Item = i32> {
        self.levels.iter().filter(move |(other, _)| **other != handle).map(|(_, level)| *level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_keeps_a_writer_from_being_alone() {
        let mut locks = Locks::default();
        assert!(locks.raise(1, SHARED) && locks.raise(2, SHARED) && locks.raise(1, RESERVED));
        assert!(!locks.raise(2, RESERVED) && !locks.raise(1, EXCLUSIVE));
        assert!(!locks.raise(3, SHARED), "a writer waits");
        locks.lower(2, NONE);
        assert!(locks.raise(1, EXCLUSIVE));
    }

    #[test]
    fn slots_exclude_each_other() {
        let mut locks = Locks::default();
        assert!(locks.take(1, 0b11, false) && locks.take(2, 0b1, false));
        assert!(!locks.take(2, 0b10, true));
        locks.give(1, 0b10);
        assert!(locks.take(2, 0b10, true) && !locks.take(1, 0b10, false));
    }
}
