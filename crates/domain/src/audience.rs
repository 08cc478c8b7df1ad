//! The audience's own count and order-independent digest (invariant 1).
//!
//! They are taken while the list is read, before the planner writes a row, and compared with what the rows give.
//! The digest is a sum, so that it does not depend on the order in which either side meets the recipients.

use std::fmt;

/// How many recipients, and the lane-wise sum of their 256-bit hashes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AudienceDigest {
    count: u64,
    lanes: [u64; 4],
}

impl AudienceDigest {
    /// Adds one recipient by the hash of what it is.
    pub fn add(&mut self, hash: &[u8; 32]) {
        self.count += 1;
        for (lane, bytes) in self.lanes.iter_mut().zip(hash.as_chunks::<8>().0) {
            *lane = lane.wrapping_add(u64::from_be_bytes(*bytes));
        }
    }

    /// Adds a whole other audience, which must have no recipient in common with this one.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        for (lane, more) in self.lanes.iter_mut().zip(other.lanes) {
            *lane = lane.wrapping_add(more);
        }
    }

    /// How many recipients.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// The sum as bytes for a column.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (place, lane) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.lanes) {
            *place = lane.to_be_bytes();
        }
        bytes
    }

    /// The inverse of [`Self::to_bytes`].
    #[must_use]
    pub fn from_parts(count: u64, bytes: &[u8; 32]) -> Self {
        let mut lanes = [0; 4];
        for (lane, place) in lanes.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *lane = u64::from_be_bytes(*place);
        }
        Self { count, lanes }
    }
}

impl fmt::Display for AudienceDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.count)?;
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter_but_membership_does() {
        let (a, b) = ([7; 32], [0xf9; 32]);
        let digest = |hashes: &[&[u8; 32]]| {
            let mut digest = AudienceDigest::default();
            hashes.iter().for_each(|hash| digest.add(hash));
            digest
        };
        assert_eq!(digest(&[&a, &b]), digest(&[&b, &a]));
        assert_ne!(digest(&[&a, &b]), digest(&[&a, &a]));
        assert_ne!(digest(&[&a]), digest(&[&a, &b]));
        let both = digest(&[&a, &b]);
        assert_eq!(AudienceDigest::from_parts(both.count(), &both.to_bytes()), both);
    }
}
