//! A Bloom filter with a false-positive rate of one's choice, as the textbook makes it.
//!
//! **Privacy.** Lets anyone test an entry.

use gridveil_primitives::hash::tagged;

/// A filter of 1.44·log2(1/p) bits for each entry, of which each sets log2(1/p).
#[derive(Clone)]
pub struct Bloom {
    bits: Vec<bool>,
    positions: u64,
}

impl Bloom {
    /// An empty filter for as many entries, with false-positive rate `p`.
    pub fn new(entries: usize, p: f64) -> Self {
        let positions = (-p.log2()).ceil();
        let bits = (entries as f64 * positions / std::f64::consts::LN_2).ceil();
        Self {
            bits: vec![false; bits as usize],
            positions: positions as u64,
        }
    }

    fn places(&self, entry: &[u8; 32]) -> impl Iterator<Item = usize> {
        let digest = tagged("paper/bloom", &[entry]);
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| digest[8 * at + byte]));
        let (first, step, bits) = (word(0), word(1), self.bits.len() as u64);
        (0..self.positions).map(move |i| (first.wrapping_add(i.wrapping_mul(step)) % bits) as usize)
    }

    pub fn insert(&mut self, entry: &[u8; 32]) {
        for place in self.places(entry) {
            self.bits[place] = true;
        }
    }

    pub fn contains(&self, entry: &[u8; 32]) -> bool {
        self.places(entry).all(|place| self.bits[place])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_false_positives_is_the_one_asked_for() {
        let entry = |n: u32| {
            let mut entry = [0; 32];
            entry[..4].copy_from_slice(&n.to_le_bytes());
            entry
        };
        let mut filter = Bloom::new(2_000, 1e-3);
        (0..2_000).for_each(|n| filter.insert(&entry(n)));
        assert!((0..2_000).all(|n| filter.contains(&entry(n))));
        let slipped = (2_000..202_000).filter(|n| filter.contains(&entry(*n))).count();
        // 2^-10 of 200,000 are 195, with a deviation of 14.
        assert!((140..260).contains(&slipped), "{slipped}");
    }
}
