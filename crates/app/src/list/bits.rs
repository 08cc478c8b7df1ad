//! One bit a row: what the first pass knows of rows, for the second.

/// A growing row of bits.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bits {
    words: Vec<u64>,
}

impl Bits {
    /// Sets a bit.
    pub fn set(&mut self, index: u64) {
        let word = usize::try_from(index / 64).unwrap_or(usize::MAX);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (index % 64);
    }

    /// True when the bit was set.
    #[must_use]
    pub fn get(&self, index: u64) -> bool {
        let word = usize::try_from(index / 64).ok().and_then(|word| self.words.get(word));
        word.is_some_and(|word| word >> (index % 64) & 1 == 1)
    }

    /// How many bits are set.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.words.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_stand_alone() {
        let mut bits = Bits::default();
        [0, 63, 64, 1000].into_iter().for_each(|index| bits.set(index));
        let set: Vec<_> = (0..2000).filter(|index| bits.get(*index)).collect();
        assert_eq!((set, bits.count()), (vec![0, 63, 64, 1000], 4));
    }
}
