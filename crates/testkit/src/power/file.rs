//! One file as a disk with a volatile cache holds it: what programs see, and what a power cut leaves.
//!
//! Both states are kept whole; the pages that differ are known. Invariant: outside the dirty pages, and but
//! for their lengths, the two are equal.

use std::collections::BTreeSet;

use crate::sink::behaviour::mix;

/// Octets of a page, the unit that a cache writes back.
pub const PAGE: usize = 4096;
/// Octets of a sector, the unit that a disk writes whole.
pub const SECTOR: usize = 512;

/// A file's two states.
#[derive(Debug, Clone, Default)]
pub struct FileState {
    current: Vec<u8>,
    durable: Vec<u8>,
    dirty: BTreeSet<usize>,
}

impl FileState {
    /// What programs see.
    #[must_use]
    pub fn current(&self) -> &[u8] {
        &self.current
    }

    /// Octets at `offset`, fewer at the end of the file.
    #[must_use]
    pub fn read(&self, offset: usize, octets: usize) -> &[u8] {
        let end = offset.saturating_add(octets).min(self.current.len());
        self.current.get(offset..end).unwrap_or_default()
    }

    /// Writes to the volatile state; a gap reads as zeros.
    pub fn write(&mut self, offset: usize, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        let end = offset + data.len();
        if self.current.len() < end {
            self.current.resize(end, 0);
        }
        self.current[offset..end].copy_from_slice(data);
        self.dirty.extend(offset / PAGE..=(end - 1) / PAGE);
    }

    /// Sets the volatile length.
    pub fn resize(&mut self, octets: usize) {
        if octets < self.current.len() {
            // What grows there later is zeros, whatever the durable state still holds.
            self.dirty.extend(octets / PAGE..=(self.current.len() - 1) / PAGE);
        }
        self.current.resize(octets, 0);
    }

    /// `fsync`: the volatile state becomes durable, length included.
    pub fn sync(&mut self) {
        self.durable.resize(self.current.len(), 0);
        for page in std::mem::take(&mut self.dirty) {
            copy(&mut self.durable, &self.current, page * PAGE, PAGE);
        }
    }

    /// An `fsync` that failed, as Linux has it: the pages count as written, and no later `fsync` writes them again.
    pub fn forget_unsynced(&mut self) {
        self.dirty.clear();
    }

    /// The power goes. Each unsynced page was written, was not, or is torn between sectors, and a changed
    /// length was written or was not: all by `seed`. What is left is both states from now on.
    pub fn cut(&mut self, seed: u64) {
        let mut draw = Draw(seed);
        if self.durable.len() != self.current.len() && draw.next().is_multiple_of(2) {
            self.durable.resize(self.current.len(), 0);
        }
        for page in std::mem::take(&mut self.dirty) {
            let fate = draw.next();
            match fate % 3 {
                0 => {}
                1 => copy(&mut self.durable, &self.current, page * PAGE, PAGE),
                _ => {
                    let written = |sector: &usize| fate >> (8 + sector) & 1 == 1;
                    for sector in (0..PAGE / SECTOR).filter(written) {
                        copy(&mut self.durable, &self.current, page * PAGE + sector * SECTOR, SECTOR);
                    }
                }
            }
        }
        self.current.clone_from(&self.durable);
    }
}

/// Copies what both have of a range.
fn copy(to: &mut [u8], from: &[u8], offset: usize, octets: usize) {
    let end = (offset + octets).min(to.len()).min(from.len());
    if offset < end {
        to[offset..end].copy_from_slice(&from[offset..end]);
    }
}

/// A sequence that depends on its seed alone.
#[derive(Debug, Clone, Copy)]
pub struct Draw(pub u64);

impl Draw {
    /// The next number.
    #[expect(clippy::should_implement_trait, reason = "never ends, so an iterator's Option would be noise")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_synced_survives_every_cut() {
        for seed in 0..200 {
            let mut file = FileState::default();
            file.write(0, &[1; 3 * PAGE]);
            file.sync();
            file.write(PAGE, &[2; PAGE]);
            file.cut(seed);
            assert_eq!(file.read(0, PAGE), [1; PAGE], "seed {seed}");
            assert_eq!(file.read(2 * PAGE, PAGE), [1; PAGE], "seed {seed}");
            let torn = file.read(PAGE, PAGE).chunks(SECTOR).all(|s| s == [1; SECTOR] || s == [2; SECTOR]);
            assert!(torn, "sectors are whole, seed {seed}");
        }
    }

    #[test]
    fn unsynced_pages_are_kept_dropped_and_torn() {
        let mut fates = [0; 3];
        for seed in 0..300 {
            let mut file = FileState::default();
            file.write(0, &[1; PAGE]);
            file.sync();
            file.write(0, &[2; PAGE]);
            file.cut(seed);
            let new = file.current().iter().filter(|octet| **octet == 2).count();
            fates[if new == 0 { 0 } else { 1 + usize::from(new < PAGE) }] += 1;
        }
        assert!(fates.iter().all(|n| *n > 60), "{fates:?}");
    }

    #[test]
    fn a_file_that_shrank_and_grew_holds_no_old_octets() {
        let mut file = FileState::default();
        file.write(0, &[1; 2 * PAGE]);
        file.sync();
        file.resize(0);
        file.resize(2 * PAGE);
        file.sync();
        file.cut(1);
        assert_eq!(file.current(), [0; 2 * PAGE]);
    }
}
