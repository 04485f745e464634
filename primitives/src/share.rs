//! Readings into pairs of masked shares, and back.
//!
//! All arithmetic is modulo 2^64; a reading is whole watt-hours and negative where a home fed in more than it used. The
//! meter splits and masks, the key centre unmasks after the cycle, the control centre and the chain take totals. A meter
//! writes a pair to its disk before it sends either half: two different shares under one mask would show their difference.
//!
//! **Privacy.** Each half is uniform to whoever lacks its mask, and so is the pair; one half with its mask known is still
//! only c', which says nothing of the reading.

use crate::{
    keys::{CycleKeys, SplitKey},
    mask::{mask, Masks},
    pseudonym::Half,
    types::{CycleId, PeriodIndex},
};

/// The most that one home can use or feed in within a period, in watt-hours: nearly three times what a connection of 3 × 100 A carries
/// in half an hour. A pair with a reading beyond it counts as none: it is left out of the total and not billed.
pub const LARGEST_READING: u64 = 100_000;

/// Whether a home can have this reading.
pub fn is_plausible(reading: i64) -> bool {
    reading.unsigned_abs() <= LARGEST_READING
}

/// rc' and rc'', what a meter sends for one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedPair {
    /// rc' = c' + H3(f_r(k)), sent under PRID.
    pub first: u64,
    /// rc'' = c − c' + H3(f_r'(k)), sent under PRID'.
    pub second: u64,
}

/// Integers modulo a power of two, so that one text is the arithmetic of the protocol and of its exhaustive test.
trait Word: Copy {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
}

impl Word for u64 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

/// The masked pair of `reading`, `split` being its first share.
fn mask_pair<W: Word>(reading: W, split: W, masks: [W; 2]) -> [W; 2] {
    let [first, second] = masks;
    [split.plus(first), reading.minus(split).plus(second)]
}

/// The reading of a masked pair.
fn unmask_pair<W: Word>(pair: [W; 2], masks: [W; 2]) -> W {
    let ([first, second], [mask, other]) = (pair, masks);
    first.minus(mask).plus(second.minus(other))
}

/// The two masks of a period.
fn masks(keys: &CycleKeys, k: PeriodIndex) -> [u64; 2] {
    Half::BOTH.map(|half| mask(keys, half, k))
}

/// Splits the reading of period `k` (watt-hours) by the meter's own key and masks both shares. The same arguments always
/// give the same pair.
pub fn split_and_mask(reading: i64, split: &SplitKey, keys: &CycleKeys, cycle: CycleId, k: PeriodIndex) -> MaskedPair {
    split_and_mask_with(reading, split, masks(keys, k), cycle, k)
}

/// [`split_and_mask`] with masks that are at hand.
pub(crate) fn split_and_mask_with(
    reading: i64,
    split: &SplitKey,
    masks: [u64; 2],
    cycle: CycleId,
    k: PeriodIndex,
) -> MaskedPair {
    let [first, second] = mask_pair(reading.cast_unsigned(), split.share(cycle, k), masks);
    MaskedPair { first, second }
}

/// The reading behind a meter's two shares of period `k`, in watt-hours: the key centre's half of
/// [`split_and_mask`], which needs no split key.
pub fn unmask(first: u64, second: u64, keys: &CycleKeys, k: PeriodIndex) -> i64 {
    unmask_pair([first, second], masks(keys, k)).cast_signed()
}

/// [`unmask`] with masks that are at hand.
pub fn unmask_with(first: u64, second: u64, masks: &Masks) -> i64 {
    unmask_pair([first, second], masks.pair).cast_signed()
}

/// The total of a region in watt-hours: the sum of the shares that count, modulo 2^64, less Z, the integer sum of their
/// masks, read as a signed number.
pub fn total(sum: u64, mask_sum: u128) -> i64 {
    // The remainder fits by construction.
    let mask_sum = (mask_sum & u128::from(u64::MAX)) as u64;
    sum.minus(mask_sum).cast_signed()
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
