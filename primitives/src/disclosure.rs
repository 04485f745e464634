//! What a meter's owner gives an auditor: the nodes of four trees below which the periods of a span lie, and no others.
//!
//! With them and P0 the auditor finds the two pseudonyms of each period of the span, and with the two masks it reads what
//! came under them. All four trees take part: those of s and s' say which two of a period's shares are the meter's, those
//! of r and r' unmask them. A [`Cover`] is the few largest subtrees that fit into the span, 30 at most, so that there is no
//! node in it from which anything else follows.
//!
//! It is the owner's word that these are the meter's trees. No made-up P0 and nodes lead to a pair of shares that is another
//! meter's. But made-up masks give a reading another value: where a period has nodes of its own that takes some 2^32 hashes;
//! a node above two periods has to fit both, which takes 2^64, and so on.
//!
//! **Privacy.** Whoever has a disclosure reads the span's periods as the key centre does, and of all others sees what
//! anybody sees: children follow from their parents, and neither parents nor siblings follow from children. It signs for
//! no period. Two disclosures of one meter show the same P0.

use alloc::vec::Vec;
use core::fmt;

use zeroize::Zeroizing;

use crate::{
    keys::{CycleKeys, SpendPublic},
    mask::{self, Masks},
    prf::{descend, subtrees, Leaf, Seed, DEPTH},
    pseudonym::prid_of_leaf,
    types::{PeriodIndex, Prid},
};

/// The periods of a disclosure, the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    from: PeriodIndex,
    to: PeriodIndex,
}

impl Span {
    /// The span from a period to a later one or the same; `None` where the second comes before the first.
    pub fn new(from: PeriodIndex, to: PeriodIndex) -> Option<Self> {
        (from <= to).then_some(Self { from, to })
    }

    /// Its periods.
    pub fn periods(self) -> core::ops::RangeInclusive<PeriodIndex> {
        self.from..=self.to
    }

    fn subtrees(self) -> impl Iterator<Item = (PeriodIndex, u8)> {
        subtrees(self.from, self.to)
    }
}

/// The nodes of one tree that have the leaves of a span below them, and no others. Wiped when dropped.
#[derive(Clone)]
pub struct Cover {
    span: Span,
    nodes: Zeroizing<Vec<[u8; 32]>>,
}

impl Cover {
    /// The nodes of this seed's tree.
    pub fn new(seed: &Seed, span: Span) -> Self {
        let (seed, subtrees) = (seed.to_bytes(), span.subtrees());
        // Room for all from the start: a vector that grows leaves copies behind that nobody wipes.
        let mut nodes = Zeroizing::new(Vec::with_capacity(span.subtrees().count()));
        nodes.extend(subtrees.map(|(first, depth)| *descend(&seed, first, 0, depth)));
        Self { span, nodes }
    }

    /// The cover with these nodes, ascending; `None` unless they are as many as the span has subtrees.
    pub fn from_nodes(span: Span, nodes: Zeroizing<Vec<[u8; 32]>>) -> Option<Self> {
        (nodes.len() == span.subtrees().count()).then_some(Self { span, nodes })
    }

    /// The nodes, ascending.
    pub fn nodes(&self) -> &[[u8; 32]] {
        &self.nodes
    }

    /// f(k); `None` outside the span.
    pub fn leaf(&self, k: PeriodIndex) -> Option<Leaf> {
        let below = self.span.subtrees().zip(self.nodes.iter());
        let ((_, depth), node) = below.take_while(|((first, _), _)| *first <= k).last()?;
        self.span.periods().contains(&k).then(|| descend(node, k, depth, DEPTH))
    }
}

/// What an auditor gets.
#[derive(Clone)]
pub struct Disclosure {
    /// P0.
    pub spend: SpendPublic,
    /// Of the trees of s and s'.
    pub pseudonym: [Cover; 2],
    /// Of the trees of r and r'.
    pub mask: [Cover; 2],
}

impl Disclosure {
    /// What shows the periods of a span of the cycle with these seeds.
    pub fn new(spend: SpendPublic, keys: &CycleKeys, span: Span) -> Self {
        Self {
            spend,
            pseudonym: keys.pseudonym.each_ref().map(|seed| Cover::new(seed, span)),
            mask: keys.mask.each_ref().map(|seed| Cover::new(seed, span)),
        }
    }

    /// The pseudonyms of period `k`, first and second half; `None` outside the span.
    pub fn prids(&self, k: PeriodIndex) -> Option<[Prid; 2]> {
        let [first, second] = self.pseudonym.each_ref().map(|cover| cover.leaf(k));
        Some([first?, second?].map(|leaf| prid_of_leaf(&self.spend, &leaf)))
    }

    /// What hides the shares of period `k`; `None` outside the span.
    pub fn masks(&self, k: PeriodIndex) -> Option<Masks> {
        let [first, second] = self.mask.each_ref().map(|cover| cover.leaf(k));
        Some(mask::of_leaves(&*first?, &*second?))
    }
}

impl fmt::Debug for Disclosure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Disclosure(..)")
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashSet, vec::Vec};

    use super::{Cover, Disclosure, Span};
    use crate::{
        keys::{MeterSecret, SpendKey},
        mask,
        prf::{descend, DEPTH},
        pseudonym::{prid, prid_of_leaf},
        Half, PeriodIndex,
    };

    /// Spans at the edges of subtrees, of days, of cycles and of all there is.
    const SPANS: [(PeriodIndex, PeriodIndex); 12] = [
        (0, 0),
        (1, 1),
        (0, 63),
        (1, 62),
        (48, 95),
        (63, 64),
        (100, 1_300),
        (0, 1_439),
        (1, 65_534),
        (32_767, 32_768),
        (65_535, 65_535),
        (0, 65_535),
    ];

    fn span((from, to): (PeriodIndex, PeriodIndex)) -> Span {
        Span::new(from, to).unwrap()
    }

    #[test]
    fn the_subtrees_of_a_span_have_each_of_its_leaves_once_and_no_other() {
        for ends in SPANS {
            let subtrees: Vec<_> = span(ends).subtrees().collect();
            let mut next = u32::from(ends.0);
            for (first, depth) in &subtrees {
                let leaves = 1u32 << (DEPTH - depth);
                assert_eq!((u32::from(*first), next % leaves), (next, 0), "{ends:?}");
                next += leaves;
            }
            assert_eq!(next, u32::from(ends.1) + 1, "{ends:?}");
            assert!(subtrees.len() <= 30, "{ends:?}");
        }
        assert!(Span::new(2, 1).is_none());
    }

    #[test]
    fn a_disclosure_gives_the_pseudonyms_and_masks_of_its_span_and_of_no_other_period() {
        let keys = MeterSecret::from_bytes([5; 32]).cycle_keys();
        let spend = SpendKey::from_seed(&[6; 32]).public();
        for ends in SPANS {
            let disclosure = Disclosure::new(spend, &keys, span(ends));
            let edges = [0, ends.0.saturating_sub(1), ends.0, (ends.0 / 2) + (ends.1 / 2), ends.1];
            for k in edges.into_iter().chain([ends.1.saturating_add(1), u16::MAX]) {
                let inside = span(ends).periods().contains(&k);
                let prids = Half::BOTH.map(|half| prid(&spend, &keys, half, k));
                assert_eq!(disclosure.prids(k), inside.then_some(prids), "{k} of {ends:?}");
                let masks = disclosure.masks(k).map(|masks| (masks.pair, masks.blinding));
                let pair = Half::BOTH.map(|half| mask::mask(&keys, half, k));
                let expected = (pair, mask::blinding(&keys, k));
                assert_eq!(masks, inside.then_some(expected), "{k} of {ends:?}");
            }
        }
    }

    #[test]
    fn nothing_that_follows_from_a_disclosure_is_a_pseudonym_or_a_mask_or_a_node_of_another_period() {
        let keys = MeterSecret::from_bytes([5; 32]).cycle_keys();
        let spend = SpendKey::from_seed(&[6; 32]).public();
        let disclosure = Disclosure::new(spend, &keys, span((45, 99)));
        // All that an auditor can compute: every node, at whatever depth it may be, with all that follows within seven
        // levels, which is more than are below any node given.
        let given = disclosure
            .pseudonym
            .iter()
            .chain(&disclosure.mask)
            .flat_map(Cover::nodes);
        let mut follows: HashSet<[u8; 32]> = HashSet::new();
        for node in given {
            for levels in 0..=7 {
                follows.extend((0..1u16 << levels).map(|k| *descend(node, k, DEPTH - levels, DEPTH)));
            }
        }
        let prids: HashSet<_> = follows.iter().map(|node| prid_of_leaf(&spend, node)).collect();
        let masks: HashSet<_> = follows.iter().map(mask::of_leaf).collect();
        let seeds = [&keys.pseudonym, &keys.mask].map(|pair| pair.each_ref().map(|seed| seed.to_bytes()));
        for k in 0..1_440 {
            let inside = (45..=99).contains(&k);
            for half in Half::BOTH {
                assert_eq!(prids.contains(&prid(&spend, &keys, half, k)), inside, "{k}");
                assert_eq!(masks.contains(&mask::mask(&keys, half, k)), inside, "{k}");
            }
            for seed in seeds.iter().flatten() {
                assert_eq!(follows.contains(&*descend(seed, k, 0, DEPTH)), inside, "{k}");
                let above = (0..DEPTH).filter(|depth| follows.contains(&*descend(seed, k, 0, *depth)));
                assert!(inside || above.count() == 0, "{k}");
            }
        }
    }

    #[test]
    fn a_cover_has_as_many_nodes_as_its_span_has_subtrees() {
        let seed = MeterSecret::from_bytes([5; 32]).cycle_keys().mask[0].clone();
        let cover = Cover::new(&seed, span((1, 6)));
        assert_eq!(cover.nodes().len(), 4);
        let again = Cover::from_nodes(span((1, 6)), cover.nodes.clone()).unwrap();
        assert_eq!(again.leaf(5), Some(seed.leaf(5)));
        assert!(Cover::from_nodes(span((1, 7)), cover.nodes.clone()).is_none());
    }
}
