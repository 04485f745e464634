//! All that a meter computes in a period: a reading becomes two masked shares, each signed under its own pseudonym.
//!
//! [`Meter`] gives the very shares that [`crate::share::split_and_mask`], [`OneTimeKey::derive`] and
//! [`OneTimeKey::sign_share`] give one by one, in little more time than its two multiplications and two signatures take: it
//! remembers where in its four trees it was. It needs no heap and no randomness, and takes less than 400 bytes; what it
//! remembers follows from the cycle's seeds and need not be stored. That a pair is on disk before a half of it is sent is left
//! to the caller.
//!
//! **Privacy.** Everything a meter knows of a cycle is in here; it is wiped when dropped and printed by name only.

use core::fmt;

use crate::{
    batch::SignedShare,
    keys::{CycleKeys, SpendKey, SplitKey},
    mask,
    prf::Near,
    pseudonym::{Half, OneTimeKey},
    share::{split_and_mask_with, MaskedPair},
    types::PeriodKey,
};

/// A meter in one cycle.
pub struct Meter {
    spend: SpendKey,
    split: SplitKey,
    pseudonym: [Near; 2],
    mask: [Near; 2],
}

impl Meter {
    /// The meter with these keys, in the cycle of these seeds.
    pub fn new(spend: SpendKey, split: SplitKey, keys: CycleKeys) -> Self {
        Self {
            spend,
            split,
            pseudonym: keys.pseudonym.map(Near::from),
            mask: keys.mask.map(Near::from),
        }
    }

    /// The two shares of a reading (watt-hours), first and second half, as the region's aggregator takes them on the chain with
    /// this genesis. `key` must be of the cycle that the seeds are of. The same arguments always give the same shares.
    pub fn shares(&mut self, genesis: &[u8; 32], key: &PeriodKey, reading: i64) -> [SignedShare; 2] {
        let [one, other] = &mut self.mask;
        let masks = [one, other].map(|tree| mask::of_leaf(&tree.leaf(key.period)));
        let MaskedPair { first, second } = split_and_mask_with(reading, &self.split, masks, key.cycle, key.period);
        [(Half::First, first), (Half::Second, second)].map(|(half, value)| {
            let [one, other] = &mut self.pseudonym;
            let tree = match half {
                Half::First => one,
                Half::Second => other,
            };
            OneTimeKey::of_leaf(&self.spend, &tree.leaf(key.period)).sign_share(genesis, key, value)
        })
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Meter(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::Meter;
    use crate::{
        keys::{MeterSecret, SpendKey, SplitKey},
        pseudonym::OneTimeKey,
        share::split_and_mask,
        Half, PeriodKey,
    };

    #[test]
    fn a_meter_gives_the_shares_that_its_parts_give_in_whichever_order_it_is_asked() {
        let (spend, split) = (SpendKey::from_seed(&[1; 32]), SplitKey::from_bytes([2; 32]));
        let keys = MeterSecret::from_bytes([3; 32]).cycle_keys();
        let mut meter = Meter::new(spend.clone(), split.clone(), keys.clone());
        for period in [0, 1, 63, 64, 65, 1_439, 0, 719, 720, 65_535] {
            let key = PeriodKey {
                region: 4,
                cycle: 5,
                period,
            };
            let pair = split_and_mask(-17, &split, &keys, key.cycle, period);
            let one_by_one = [(Half::First, pair.first), (Half::Second, pair.second)]
                .map(|(half, value)| OneTimeKey::derive(&spend, &keys, half, period).sign_share(&[9; 32], &key, value));
            assert_eq!(meter.shares(&[9; 32], &key, -17), one_by_one);
        }
    }

    #[test]
    fn a_meter_s_state_is_below_half_a_kibibyte() {
        assert!(core::mem::size_of::<Meter>() < 400, "{}", core::mem::size_of::<Meter>());
    }
}
