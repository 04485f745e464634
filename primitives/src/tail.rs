//! What a meter still needs of a cycle's seeds: the pseudonyms and masks from some period on.
//!
//! [`CycleTail`] gives the very keys and shares that the seeds give, as long as the caller erases no period that it still has
//! to sign for. The key centre and a user who checks a bill keep [`CycleKeys`], from which every period follows.
//!
//! **Privacy.** Who takes a tail learns the pseudonyms and masks of its first period and the later ones, of earlier ones
//! nothing. Wiped when dropped, and printed by name only.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::{
    keys::{CycleKeys, SpendKey, SplitKey},
    mask,
    prf::{Leaf, Tail},
    pseudonym::OneTimeKey,
    share::{split_and_mask_with, MaskedPair},
    types::{CycleId, PeriodIndex},
};

/// The four trees of a meter's cycle from one period on.
#[derive(Clone)]
pub struct CycleTail {
    /// Of s and s'.
    pseudonym: [Tail; 2],
    /// Of r and r'.
    mask: [Tail; 2],
}

impl CycleTail {
    /// The first period that is left.
    pub fn first(&self) -> PeriodIndex {
        let [tree, _] = &self.mask;
        tree.first()
    }

    /// Erases the periods before `k`.
    pub fn forget_before(&mut self, k: PeriodIndex) {
        let trees = self.pseudonym.iter_mut().chain(&mut self.mask);
        trees.for_each(|tree| tree.forget_before(k));
    }

    /// The two one-time keys of a period, as [`OneTimeKey::derive`] gives them; `None` where they are erased.
    pub fn signers(&self, spend: &SpendKey, k: PeriodIndex) -> Option<[OneTimeKey; 2]> {
        Some(leaves(&self.pseudonym, k)?.map(|leaf| OneTimeKey::of_leaf(spend, &leaf)))
    }

    /// The two masked shares of a reading in watt-hours, as [`crate::share::split_and_mask`] gives them; `None` where the masks
    /// are erased. `cycle` must be the one that the trees are of.
    pub fn shares(&self, reading: i64, split: &SplitKey, cycle: CycleId, k: PeriodIndex) -> Option<MaskedPair> {
        let masks = leaves(&self.mask, k)?.map(|leaf| mask::of_leaf(&leaf));
        Some(split_and_mask_with(reading, split, masks, cycle, k))
    }

    /// The form in which a meter stores it: the first period, little endian, and the trees' nodes, at most 2,050 bytes.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let nodes = || self.pseudonym.iter().chain(&self.mask).flat_map(Tail::nodes).flatten();
        // Room for all from the start: a vector that grows leaves copies behind that nobody wipes.
        let mut bytes = Zeroizing::new(Vec::with_capacity(nodes().count().saturating_add(2)));
        bytes.extend(self.first().to_le_bytes());
        bytes.extend(nodes());
        bytes
    }

    /// Reads the stored form; `None` if it is none.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (first, nodes) = bytes.split_first_chunk::<2>()?;
        let (nodes, []) = nodes.as_chunks::<32>() else {
            return None;
        };
        let mut trees = nodes.chunks(nodes.len().checked_div(4).filter(|each| *each > 0)?);
        let mut tree = || Tail::new(u16::from_le_bytes(*first), Zeroizing::new(trees.next()?.to_vec()));
        let (pseudonym, mask) = ([tree()?, tree()?], [tree()?, tree()?]);
        trees.next().is_none().then_some(Self { pseudonym, mask })
    }
}

/// The leaves of one period in two trees.
fn leaves([one, other]: &[Tail; 2], k: PeriodIndex) -> Option<[Leaf; 2]> {
    Some([one.leaf(k)?, other.leaf(k)?])
}

impl From<CycleKeys> for CycleTail {
    fn from(keys: CycleKeys) -> Self {
        Self {
            pseudonym: keys.pseudonym.map(Tail::from),
            mask: keys.mask.map(Tail::from),
        }
    }
}

impl fmt::Debug for CycleTail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CycleTail(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::CycleTail;
    use crate::{
        keys::{CycleKeys, MeterSecret, SpendKey, SplitKey},
        pseudonym::OneTimeKey,
        share::split_and_mask,
        Half,
    };
    use std::vec::Vec;

    fn keys() -> CycleKeys {
        MeterSecret::from_bytes([3; 32]).cycle_keys()
    }

    #[test]
    fn a_tail_gives_what_the_seeds_give_from_its_first_period_on_and_nothing_before() {
        let (spend, split) = (SpendKey::from_seed(&[1; 32]), SplitKey::from_bytes([2; 32]));
        let mut tail = CycleTail::from(keys());
        for first in [0, 1, 2, 63, 64, 719, 1_439, 65_534, 65_535] {
            tail.forget_before(first);
            assert_eq!(tail.first(), first);
            for k in [first, first.saturating_add(1), 1_440, 40_000, 65_535] {
                if k < first {
                    continue;
                }
                let prids = tail.signers(&spend, k).unwrap().map(|signer| signer.prid());
                assert_eq!(
                    prids,
                    Half::BOTH.map(|half| OneTimeKey::derive(&spend, &keys(), half, k).prid())
                );
                assert_eq!(
                    tail.shares(-17, &split, 5, k),
                    Some(split_and_mask(-17, &split, &keys(), 5, k))
                );
            }
            for k in [0, 1, 63, 718, 1_438, 65_534].into_iter().filter(|k| *k < first) {
                assert!(tail.signers(&spend, k).is_none() && tail.shares(0, &split, 5, k).is_none());
            }
        }
    }

    #[test]
    fn what_is_erased_stays_so() {
        let mut tail = CycleTail::from(keys());
        tail.forget_before(9);
        let bytes = tail.to_bytes();
        tail.forget_before(4);
        assert_eq!(tail.to_bytes(), bytes);
    }

    #[test]
    fn no_node_above_an_erased_leaf_is_left() {
        // All nodes from the seeds down to the erased leaves, as the tails with a smaller first period have them.
        let mut tail = CycleTail::from(keys());
        let mut erased: Vec<_> = Vec::new();
        for first in 0..200 {
            tail.forget_before(first);
            erased.push(keys().pseudonym[0].leaf(first).to_vec());
            erased.push(tail.to_bytes()[2..34].to_vec());
        }
        tail.forget_before(200);
        let left: Vec<_> = tail.to_bytes()[2..].chunks(32).map(<[u8]>::to_vec).collect();
        assert!(left.len() <= 64 && erased.iter().all(|node| !left.contains(node)));
    }

    #[test]
    fn a_tail_survives_its_stored_form_and_a_damaged_one_is_refused() {
        for first in [0, 1, 700, 1_024, 65_535] {
            let mut tail = CycleTail::from(keys());
            tail.forget_before(first);
            let bytes = tail.to_bytes();
            assert!(bytes.len() <= 2_050);
            assert_eq!(CycleTail::from_bytes(&bytes).unwrap().to_bytes(), bytes);
            assert!(CycleTail::from_bytes(&bytes[1..]).is_none());
            assert!(CycleTail::from_bytes(&bytes[..bytes.len() - 32]).is_none());
            assert!(CycleTail::from_bytes(&[&bytes[..], &[0; 128]].concat()).is_none());
        }
        assert!(CycleTail::from_bytes(&[]).is_none() && CycleTail::from_bytes(&[0, 0]).is_none());
    }
}
