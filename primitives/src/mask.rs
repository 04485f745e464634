//! The masks that hide a share, and the blindings that hide their commitment.
//!
//! Meter and key centre call this and get the same values. Nobody may publish a single mask: only their sum over the pairs
//! that count is ever opened (see [`crate::commitment`]).
//!
//! **Privacy.** A mask is uniform in 64 bits and used for one share, so it hides that share as a one-time pad does.

use curve25519_dalek::scalar::Scalar;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{
    hash::{tagged, tagged_u64},
    keys::CycleKeys,
    pseudonym::Half,
    types::PeriodIndex,
};

/// H3 of a leaf: the first 8 bytes, little endian, of `H("mask", leaf)`.
pub(crate) fn of_leaf(leaf: &[u8; 32]) -> u64 {
    tagged_u64("mask", &[leaf])
}

/// `H("blinding", f_r(k) ‖ f_r'(k))` reduced modulo q.
fn blinding_of_leaves(first: &[u8; 32], second: &[u8; 32]) -> [u8; 32] {
    let digest = Zeroizing::new(tagged("blinding", &[first, second]));
    Scalar::from_bytes_mod_order_wide(&digest).to_bytes()
}

/// H3(f_r(k)), the mask of one half of a meter's pair: the first 8 bytes, little endian, of `H("mask", leaf)`.
pub fn mask(keys: &CycleKeys, half: Half, k: PeriodIndex) -> u64 {
    of_leaf(&half.of(&keys.mask).leaf(k))
}

/// ρ, the blinding of the commitment to the sum of the meter's two masks, as a canonical scalar: `H("blinding", f_r(k) ‖
/// f_r'(k))` reduced modulo q.
pub fn blinding(keys: &CycleKeys, k: PeriodIndex) -> [u8; 32] {
    let [first, second] = Half::BOTH.map(|half| half.of(&keys.mask).leaf(k));
    blinding_of_leaves(&first, &second)
}

/// What hides one meter in one period. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Masks {
    /// The mask of the first half, and of the second.
    pub pair: [u64; 2],
    /// The blinding of the commitment to their sum.
    pub blinding: [u8; 32],
}

impl Masks {
    /// The integer sum of the two masks, which the meter's commitment is to.
    pub fn sum(&self) -> u128 {
        let [first, second] = self.pair;
        u128::from(first).saturating_add(u128::from(second))
    }
}

impl core::fmt::Debug for Masks {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Masks(..)")
    }
}

/// [`mask`] of both halves and [`blinding`] for `count` periods from `from` on, in order, each with its period, visiting
/// each node of the two trees once. Ends after period 65,535.
pub fn walk(keys: &CycleKeys, from: PeriodIndex, count: PeriodIndex) -> impl Iterator<Item = (PeriodIndex, Masks)> {
    let [firsts, seconds] = Half::BOTH.map(|half| half.of(&keys.mask).leaves(from, count));
    let pairs = firsts.zip(seconds);
    pairs.map(|((k, first), (_, second))| (k, of_leaves(&first, &second)))
}

/// What hides a meter in the period that the two leaves belong to.
pub(crate) fn of_leaves(first: &[u8; 32], second: &[u8; 32]) -> Masks {
    Masks {
        pair: [of_leaf(first), of_leaf(second)],
        blinding: blinding_of_leaves(first, second),
    }
}

#[cfg(test)]
mod tests {
    use super::{blinding, mask, walk};
    use crate::{keys::RootKey, Half};

    #[test]
    fn a_walk_gives_the_masks_and_blindings_of_each_period_alone() {
        let keys = RootKey::from_bytes([3; 32]).meter_secret(&[4; 32]).cycle_keys();
        let walked: std::vec::Vec<_> = walk(&keys, 1_400, 40).collect();
        assert_eq!(walked.len(), 40);
        for ((k, masks), expected) in walked.into_iter().zip(1_400..) {
            assert_eq!(k, expected);
            assert_eq!(masks.pair, Half::BOTH.map(|half| mask(&keys, half, k)));
            assert_eq!(masks.blinding, blinding(&keys, k));
            assert_eq!(masks.sum(), masks.pair.map(u128::from).iter().sum());
        }
    }
}
