//! The arithmetic of shares, exhaustively in 8 bits: the same text as for 64 bits (see [`super::Word`]).

use super::{mask_pair, unmask_pair, Word};

impl Word for u8 {
    fn plus(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    fn minus(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }
}

/// Counts how often each pair comes about.
fn counts(pairs: impl Iterator<Item = [u8; 2]>) -> Vec<u32> {
    let mut counts = vec![0; 1 << 16];
    for [one, other] in pairs {
        counts[usize::from(one) << 8 | usize::from(other)] += 1;
    }
    counts
}

fn all() -> impl Iterator<Item = u8> + Clone {
    0..=u8::MAX
}

fn all_pairs() -> impl Iterator<Item = [u8; 2]> + Clone {
    all().flat_map(|one| all().map(move |other| [one, other]))
}

#[test]
fn for_every_reading_the_masked_pair_is_uniform_over_all_masks_however_it_is_split() {
    for reading in all() {
        for split in [0, 1, 0x55, 0x80, reading, u8::MAX] {
            let pairs = all_pairs().map(|masks| mask_pair(reading, split, masks));
            assert!(
                counts(pairs).iter().all(|count| *count == 1),
                "reading {reading}, split {split}"
            );
        }
    }
}

#[test]
fn for_every_reading_and_split_each_half_is_uniform_over_its_own_mask() {
    for [reading, split] in all_pairs() {
        let mut seen = [[false; 256]; 2];
        for mask in all() {
            for (seen, share) in seen.iter_mut().zip(mask_pair(reading, split, [mask, mask])) {
                seen[usize::from(share)] = true;
            }
        }
        assert!(
            seen.iter().flatten().all(|seen| *seen),
            "reading {reading}, split {split}"
        );
    }
}

#[test]
fn for_every_reading_one_share_in_the_clear_and_the_other_masked_are_uniform_over_all_splits_and_masks() {
    for reading in all() {
        let first_known = all_pairs().map(|[split, mask]| mask_pair(reading, split, [0, mask]));
        assert!(counts(first_known).iter().all(|count| *count == 1), "reading {reading}");
        let second_known = all_pairs().map(|[split, mask]| mask_pair(reading, split, [mask, 0]));
        assert!(
            counts(second_known).iter().all(|count| *count == 1),
            "reading {reading}"
        );
    }
}

#[test]
fn every_pair_comes_back_as_its_reading() {
    for [reading, split] in all_pairs() {
        for masks in [[0, 0], [1, 255], [split, reading], [0x80, 0x7f]] {
            assert_eq!(unmask_pair(mask_pair(reading, split, masks), masks), reading);
        }
    }
}
