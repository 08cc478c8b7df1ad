//! The queue of octets that wait for the kernel, with absolute offsets in the plaintext stream.
//!
//! Leaves to others what the octets mean. Invariant: the offset of the first pending octet is the number of
//! octets that the kernel has accepted, over the whole life of the link.

use zeroize::Zeroize;

/// Consumed octets are cut off the front once there are this many of them.
const COMPACT_AT: usize = 64 * 1024;

/// Room that a queue at rest keeps: enough for the usual replies.
const KEPT_OCTETS: usize = 512;

#[derive(Default)]
pub(crate) struct Outgoing {
    buffer: Vec<u8>,
    start: usize,
    accepted: u64,
}

impl Outgoing {
    pub fn pending(&self) -> &[u8] {
        &self.buffer[self.start..]
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.buffer.len()
    }

    pub fn len(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Offset of the first pending octet: the octets that the kernel has accepted so far.
    pub fn accepted(&self) -> u64 {
        self.accepted
    }

    /// Offset of the next octet to be queued.
    pub fn queued(&self) -> u64 {
        self.accepted + self.len() as u64
    }

    pub fn push(&mut self, octets: &[u8]) {
        self.compact();
        self.buffer.extend_from_slice(octets);
    }

    /// The tail of the queue, to append to only.
    pub fn tail(&mut self) -> &mut Vec<u8> {
        self.compact();
        &mut self.buffer
    }

    /// The kernel accepted `count` more octets; more than are pending counts as all of them.
    pub fn advance(&mut self, count: usize) {
        debug_assert!(count <= self.len(), "the kernel cannot accept what was not pending");
        let count = count.min(self.len());
        self.start += count;
        self.accepted += count as u64;
        if self.is_empty() {
            self.buffer.clear();
            self.start = 0;
        }
    }

    /// Forgets what is pending: it must never be written.
    pub fn discard(&mut self) {
        self.buffer.truncate(self.start);
    }

    /// Wipes the memory of what has been written, where nothing is pending (for it held a secret).
    pub fn wipe(&mut self) {
        if self.is_empty() {
            self.buffer.zeroize();
            self.start = 0;
        }
    }

    /// Gives back what holds nothing pending, unless it is little.
    pub fn release(&mut self) {
        if self.is_empty() && self.buffer.capacity() > KEPT_OCTETS {
            self.buffer = Vec::new();
            self.start = 0;
        }
    }

    fn compact(&mut self) {
        if self.start >= COMPACT_AT && self.start >= self.buffer.len() / 2 {
            self.buffer.drain(..self.start);
            self.start = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_has_is_not_kept() {
        let (mut out, piece) = (Outgoing::default(), [7; 1024]);
        out.push(b"first");
        for _ in 0..1000 {
            out.push(&piece);
            out.advance(piece.len());
            assert_eq!(out.len(), 5);
        }
        assert!(out.buffer.len() < 2 * COMPACT_AT, "{} octets are kept", out.buffer.len());
        assert_eq!((out.accepted(), out.queued()), (1_024_000, 1_024_005));
        assert_eq!(out.pending(), &piece[..5]);
    }
}
