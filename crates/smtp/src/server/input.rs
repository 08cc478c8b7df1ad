//! The octets that a server has received and not yet used.
//!
//! Leaves their meaning to the states. Invariant: a range that was taken stays readable until the next octets
//! are let in.

use std::ops::Range;

use zeroize::Zeroize as _;

#[derive(Default)]
pub(super) struct Input {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Octets after `start` that are known to hold no end of line.
    searched: usize,
}

/// What stands at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line that ends in CRLF; the range includes it.
    Whole(Range<usize>),
    /// More than the limit without CRLF.
    TooLong,
    /// No end of line yet.
    Partial,
}

impl Input {
    /// Room for at least `octets` more, to read into.
    pub fn space(&mut self, octets: usize) -> &mut [u8] {
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        if self.buffer.len() - self.end < octets && self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        if self.buffer.len() - self.end < octets {
            self.buffer.resize(self.end + octets, 0);
        }
        &mut self.buffer[self.end..]
    }

    /// The first `octets` of the room hold input now.
    pub fn filled(&mut self, octets: usize) {
        self.end = self.buffer.len().min(self.end + octets);
    }

    pub fn get(&self, range: Range<usize>) -> &[u8] {
        &self.buffer[range]
    }

    pub fn unused(&self) -> &[u8] {
        &self.buffer[self.start..self.end]
    }

    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Uses the first `octets`.
    pub fn take(&mut self, octets: usize) -> Range<usize> {
        let from = self.start;
        self.start = self.end.min(self.start + octets);
        self.searched = 0;
        from..self.start
    }

    /// Makes the last `octets` that were used unused again.
    pub fn give_back(&mut self, octets: usize) {
        self.start = self.start.saturating_sub(octets);
    }

    /// Uses everything.
    pub fn clear(&mut self) {
        self.take(self.len());
    }

    /// Wipes a used range, for it held a secret.
    pub fn wipe(&mut self, range: Range<usize>) {
        self.buffer[range].zeroize();
    }

    /// Gives back what holds no unused octet.
    pub fn release(&mut self) {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        self.buffer.truncate(self.end);
        self.buffer.shrink_to_fit();
    }

    /// Uses one line. A LF without CR ends none: the line goes on, and will be refused as a whole.
    pub fn take_line(&mut self, octets_max: usize) -> Line {
        let unused = &self.buffer[self.start..self.end];
        let mut from = self.searched;
        while let Some(feed) = memchr::memchr(b'\n', &unused[from..]).map(|at| from + at) {
            if feed > 0 && unused[feed - 1] == b'\r' {
                let fits = feed < octets_max;
                let line = self.take(feed + 1);
                return if fits { Line::Whole(line) } else { Line::TooLong };
            }
            from = feed + 1;
        }
        self.searched = unused.len();
        Line::Partial
    }
}
