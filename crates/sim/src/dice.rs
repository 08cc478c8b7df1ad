//! Seeded chance: every draw of a simulated run comes from here, so that a seed is a history.

/// A stream of draws (splitmix64).
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// The stream of a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own, so that draws for one purpose do not move those for another.
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`; 0 when `end` is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// A number from `low` to `high`, each order of magnitude as likely as another.
    pub fn magnitude(&mut self, low: u64, high: u64) -> u64 {
        let (low, high) = (low.max(1), high.max(1));
        let bits = self.between(u64::from(low.ilog2()), u64::from(high.ilog2()));
        let base = 1 << bits;
        (base + self.below(base)).clamp(low, high)
    }

    /// True so many times in a thousand.
    pub fn chance(&mut self, in_thousand: u64) -> bool {
        self.below(1000) < in_thousand
    }

    /// One of these.
    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap_or(0)]
    }

    /// Fills a buffer.
    pub fn fill(&mut self, buffer: &mut [u8]) {
        for octets in buffer.chunks_mut(8) {
            let draw = self.next().to_le_bytes();
            octets.copy_from_slice(&draw[..octets.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_stay_within_their_bounds_and_repeat() {
        let (mut dice, mut again) = (Dice::new(7), Dice::new(7));
        for _ in 0..1000 {
            assert!((3..=9).contains(&dice.between(3, 9)));
            assert!((5..=5000).contains(&dice.magnitude(5, 5000)));
            again.between(3, 9);
            again.magnitude(5, 5000);
        }
        assert_eq!(dice.next(), again.next());
    }
}
