//! BF1 and BF2: Bloom filters that anyone may grind against.
//!
//! A filter has 93 bits for each of its entries, and each entry sets 64 of them, so that something else passes with a
//! probability of at most 2^-64. The positions are drawn one by one from a hash stream over the whole context, never
//! from two hashes combined, whose error does not fall below about n/bits². A filter is made by the key centre with
//! [`Builder`], published in a manifest or for a cycle, and asked by the chain and by meters. That its length is the right
//! one for the number of meters or periods ([`period_filter_len`], [`cycle_filter_len`]) is checked where it is published,
//! by the masks pallet; here a filter of another length merely holds other entries, and an empty one none.
//!
//! **Privacy.** A filter lets anyone test a pseudonym that they know, and does not list those in it.

use alloc::{vec, vec::Vec};

use crate::{
    hash::Words,
    keys::period_bytes,
    types::{CycleId, PeriodIndex, PeriodKey, PointBytes, Prid, RegionId, MAX_METERS},
};

/// How many bits each entry sets.
pub const POSITIONS: usize = 64;
/// How many bits a filter has for each entry that it is made for.
pub const BITS_PER_ENTRY: usize = 93;

/// The length in bytes of a filter for this many entries: 93 bits each, rounded up to whole bytes, all of which are used.
pub const fn len_for(entries: u32) -> usize {
    let bytes = (entries as u64).saturating_mul(BITS_PER_ENTRY as u64).div_ceil(8);
    // A filter that the machine cannot address has no length that any slice could have.
    if bytes > usize::MAX as u64 {
        usize::MAX
    } else {
        bytes as usize
    }
}

/// The length in bytes of BF1 for a region of `meters`, which has two entries a meter.
pub const fn period_filter_len(meters: u32) -> usize {
    len_for(meters.saturating_mul(2))
}

/// The length in bytes of BF2 for a cycle of `periods`, which has one entry a period.
pub const fn cycle_filter_len(periods: PeriodIndex) -> usize {
    len_for(periods as u32)
}

/// The positions of an entry among `bits` bits: each word w of the hash stream gives ⌊w · bits / 2^64⌋.
fn positions(domain: &str, context: &[u8], entry: &[u8], bits: u64) -> impl Iterator<Item = u64> {
    // The product's upper half is below `bits`, so it fits.
    Words::new(domain, &[context, entry])
        .map(move |word| (u128::from(word).saturating_mul(u128::from(bits)) >> 64) as u64)
}

/// The number of a filter's bits.
fn bits(filter: &[u8]) -> u64 {
    (filter.len() as u64).saturating_mul(8)
}

/// The index of the byte of a position, and its bit in it: bit i of byte j is position 8j + i.
fn place(position: u64) -> (Option<usize>, u8) {
    (usize::try_from(position / 8).ok(), 1 << (position % 8))
}

fn insert(filter: &mut [u8], domain: &str, context: &[u8], entry: &[u8], count: usize) {
    for position in positions(domain, context, entry, bits(filter)).take(count) {
        let (index, bit) = place(position);
        if let Some(byte) = index.and_then(|index| filter.get_mut(index)) {
            *byte |= bit;
        }
    }
}

fn contains(filter: &[u8], domain: &str, context: &[u8], entry: &[u8], count: usize) -> bool {
    positions(domain, context, entry, bits(filter))
        .take(count)
        .all(|position| {
            let (index, bit) = place(position);
            index
                .and_then(|index| filter.get(index))
                .is_some_and(|byte| byte & bit != 0)
        })
}

const PERIOD: &str = "filter/period";
const CYCLE: &str = "filter/cycle";

/// The context of a cycle's filter: region and cycle, little endian.
fn cycle_context(region: RegionId, cycle: CycleId) -> [u8; 8] {
    (u64::from(region) | u64::from(cycle) << 32).to_le_bytes()
}

/// The entry of a period in its cycle's filter: the period's index, little endian, and its tally.
fn tally_entry(k: PeriodIndex, tally: &PointBytes) -> [u8; 34] {
    let mut entry = [0u8; 34];
    for (to, from) in entry.iter_mut().zip(k.to_le_bytes().iter().chain(tally)) {
        *to = *from;
    }
    entry
}

/// A filter that is being filled. One made for a period holds pseudonyms, one made for a cycle tallies; an entry of the
/// other kind is ignored.
#[derive(Clone, Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    scope: Scope,
}

#[derive(Clone, Copy, Debug)]
enum Scope {
    Period([u8; 10]),
    Cycle([u8; 8]),
}

impl Builder {
    /// An empty BF1 for one period of a region of `meters`, at most [`MAX_METERS`] (more are counted as that many, and the
    /// chain refuses the filter for its length).
    pub fn period(key: &PeriodKey, meters: u32) -> Self {
        let meters = meters.min(MAX_METERS);
        Self {
            bytes: vec![0; period_filter_len(meters)],
            scope: Scope::Period(period_bytes(key)),
        }
    }

    /// An empty BF2 for one region and a cycle of `periods`.
    pub fn cycle(region: RegionId, cycle: CycleId, periods: PeriodIndex) -> Self {
        Self {
            bytes: vec![0; cycle_filter_len(periods)],
            scope: Scope::Cycle(cycle_context(region, cycle)),
        }
    }

    /// Puts a pseudonym into the filter of a period.
    pub fn insert_prid(&mut self, prid: &Prid) {
        if let Scope::Period(context) = &self.scope {
            insert(&mut self.bytes, PERIOD, context, prid, POSITIONS);
        }
    }

    /// Puts the tally of period `k` into the filter of a cycle.
    pub fn insert_tally(&mut self, k: PeriodIndex, tally: &PointBytes) {
        if let Scope::Cycle(context) = &self.scope {
            insert(&mut self.bytes, CYCLE, context, &tally_entry(k, tally), POSITIONS);
        }
    }

    /// The filter, ready to be published.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Whether BF1 of this period holds the pseudonym. Always true for one that was put in; for anything else true with
/// probability at most 2^-64. False for an empty filter.
pub fn contains_prid(filter: &[u8], key: &PeriodKey, prid: &Prid) -> bool {
    contains(filter, PERIOD, &period_bytes(key), prid, POSITIONS)
}

/// Whether BF2 of this region and cycle holds the tally for period `k`; see [`contains_prid`].
pub fn contains_tally(filter: &[u8], region: RegionId, cycle: CycleId, k: PeriodIndex, tally: &PointBytes) -> bool {
    contains(
        filter,
        CYCLE,
        &cycle_context(region, cycle),
        &tally_entry(k, tally),
        POSITIONS,
    )
}

#[cfg(test)]
mod tests {
    use super::{contains, insert, positions, POSITIONS};
    use std::collections::BTreeSet;

    #[test]
    fn with_few_positions_an_entry_slips_through_about_as_often_as_the_theory_says() {
        // 93/64 bits for each position of each entry, as in the real filters, but only 8 positions: 0.4975^8 = 1/266.
        const COUNT: usize = 8;
        const ENTRIES: u32 = 4_000;
        const TRIALS: u32 = 400_000;
        let mut filter = vec![0u8; (ENTRIES as usize * 93 * COUNT / 64).div_ceil(8)];
        for entry in 0..ENTRIES {
            insert(&mut filter, "test", b"context", &entry.to_le_bytes(), COUNT);
        }
        assert!((0..ENTRIES).all(|entry| contains(&filter, "test", b"context", &entry.to_le_bytes(), COUNT)));
        let slipped = (ENTRIES..ENTRIES + TRIALS)
            .filter(|entry| contains(&filter, "test", b"context", &entry.to_le_bytes(), COUNT))
            .count();
        // 1,504 expected, with a deviation of 39 (and some from the filling); double hashing would not show here, but a
        // biased stream would.
        assert!((1_250..1_760).contains(&slipped), "{slipped}");
        let filled = filter.iter().map(|byte| byte.count_ones()).sum::<u32>() as f64 / (filter.len() * 8) as f64;
        assert!((0.49..0.515).contains(&filled), "{filled}");
    }

    #[test]
    fn entries_do_not_share_position_sets_even_where_double_hashing_would_run_out_of_them() {
        // Two hashes modulo 256 make 2^16 sequences: 20,000 entries would have thousands of twins.
        let sets: BTreeSet<Vec<u64>> = (0..20_000u32)
            .map(|entry| {
                positions("test", b"context", &entry.to_le_bytes(), 256)
                    .take(POSITIONS)
                    .collect()
            })
            .collect();
        assert_eq!(sets.len(), 20_000);
    }

    #[test]
    fn positions_reach_every_bit_and_no_bit_beyond() {
        for bits in [1u64, 8, 93, 744] {
            let seen: BTreeSet<u64> = positions("test", b"", &bits.to_le_bytes(), bits).take(20_000).collect();
            assert_eq!(seen.len() as u64, bits);
            assert!(seen.iter().all(|position| *position < bits));
        }
    }
}
