//! f: the pseudorandom function of a period, a GGM tree over BLAKE2b-512.
//!
//! The two halves of `G(s) = H("ggm", s)` are the children of the node s; the leaf of period k is reached from the seed by
//! the 16 bits of k, most significant first. [`Seed::leaf`] walks to one leaf; [`Seed::leaves`] walks a span of them and
//! computes each inner node once, which makes about two hashes a leaf in place of sixteen. [`Near`] is for a meter, which
//! asks for one leaf after the other and has little memory: six hashes a leaf. [`Tail`] is what a meter stores, so that who
//! takes it finds no leaf of a period that is over. Meters and the key centre call this through [`crate::pseudonym`],
//! [`crate::mask`] and [`crate::tail`], which hash a leaf once more under their own domain.
//!
//! **Privacy.** Leaves look independent and uniform to whoever lacks the seed; an inner node gives the leaves below it.

use alloc::vec::Vec;

use zeroize::{Zeroize, Zeroizing};

use crate::{
    hash::{halves, tagged},
    keys::secret_bytes,
    types::PeriodIndex,
};

/// The bits of a period's index, and so the depth of the leaves.
pub(crate) const DEPTH: u8 = 16;

/// The value of f at one period: 32 bytes that are wiped when dropped.
pub type Leaf = Zeroizing<[u8; 32]>;

secret_bytes! {
    /// The root of one tree.
    Seed
}

/// G: the children of a node.
fn children(node: &[u8; 32]) -> Zeroizing<[[u8; 32]; 2]> {
    halves(&Zeroizing::new(tagged("ggm", &[node])))
}

/// The node at depth `to` above the leaf of `k`, from the one at depth `from`.
pub(crate) fn descend(node: &[u8; 32], k: PeriodIndex, from: u8, to: u8) -> Leaf {
    let mut node = Zeroizing::new(*node);
    for depth in from..to {
        let children = children(&node);
        let [left, right] = &*children;
        let bit = k
            .checked_shr(u32::from(DEPTH.saturating_sub(1).saturating_sub(depth)))
            .unwrap_or(0)
            & 1;
        node.copy_from_slice(if bit == 0 { left } else { right });
    }
    node
}

impl Seed {
    /// f(k), by sixteen hashes.
    pub fn leaf(&self, k: PeriodIndex) -> Leaf {
        descend(&self.0, k, 0, DEPTH)
    }

    /// The leaves of `count` periods from `from` on, in order, each with its period. Ends after period 65,535.
    pub fn leaves(&self, from: PeriodIndex, count: PeriodIndex) -> Leaves {
        let from = u32::from(from);
        // A node's two children are waiting at most on each level, so the stack never moves and leaves no copy behind.
        let mut waiting = Vec::with_capacity(usize::from(DEPTH).saturating_add(2));
        waiting.push(Node {
            value: self.0,
            depth: 0,
            first: 0,
        });
        Leaves {
            waiting: Zeroizing::new(waiting),
            from,
            end: from.saturating_add(u32::from(count)),
        }
    }
}

/// What is left of a seed when the leaves before some period are erased: the roots of the largest subtrees with the others, at
/// most sixteen (the siblings to the right of the path to that period, and its leaf). Wiped when dropped.
#[derive(Clone)]
pub struct Tail {
    first: PeriodIndex,
    /// The subtrees' roots, ascending.
    nodes: Zeroizing<Vec<[u8; 32]>>,
}

/// The largest subtrees that together have the leaves from `first` to `last`, ascending: the first leaf of each, and its depth.
pub(crate) fn subtrees(first: PeriodIndex, last: PeriodIndex) -> impl Iterator<Item = (PeriodIndex, u8)> {
    let mut next = Some(first);
    core::iter::from_fn(move || {
        let first = next.filter(|first| *first <= last)?;
        let left = u32::from(last.saturating_sub(first)).saturating_add(1);
        // As many levels as the leaf's index ends in zeros, and no more than the leaves that are left fill.
        let height = u32::from(first).trailing_zeros().min(left.checked_ilog2()?);
        let after = 1u32
            .checked_shl(height)
            .and_then(|span| u32::from(first).checked_add(span));
        next = after.and_then(|after| PeriodIndex::try_from(after).ok());
        Some((first, DEPTH.saturating_sub(u8::try_from(height).unwrap_or(DEPTH))))
    })
}

impl Tail {
    /// The period of the first leaf that is left.
    pub fn first(&self) -> PeriodIndex {
        self.first
    }

    /// f(k), the same as [`Seed::leaf`]; `None` where it is erased.
    pub fn leaf(&self, k: PeriodIndex) -> Option<Leaf> {
        self.node(k, DEPTH)
    }

    /// The node at this depth above the leaf of `k`.
    fn node(&self, k: PeriodIndex, depth: u8) -> Option<Leaf> {
        let above = |((first, from), node): ((PeriodIndex, u8), _)| (first <= k).then_some((from, node));
        let (from, node) = subtrees(self.first, PeriodIndex::MAX)
            .zip(self.nodes.iter())
            .map_while(above)
            .last()?;
        Some(descend(node, k, from, depth))
    }

    /// Erases the leaves before `k`. Those that are erased already stay so.
    pub fn forget_before(&mut self, k: PeriodIndex) {
        if k <= self.first {
            return;
        }
        let mut nodes = Zeroizing::new(Vec::with_capacity(DEPTH.into()));
        nodes.extend(
            subtrees(k, PeriodIndex::MAX).filter_map(|(first, depth)| self.node(first, depth).map(|node| *node)),
        );
        *self = Self { first: k, nodes };
    }

    /// The subtrees' roots, one after the other.
    pub(crate) fn nodes(&self) -> &[[u8; 32]] {
        &self.nodes
    }

    /// The tail from `first` on with these roots; `None` if there is another number of them.
    pub(crate) fn new(first: PeriodIndex, nodes: Zeroizing<Vec<[u8; 32]>>) -> Option<Self> {
        (subtrees(first, PeriodIndex::MAX).count() == nodes.len()).then_some(Self { first, nodes })
    }
}

impl From<Seed> for Tail {
    fn from(seed: Seed) -> Self {
        Self {
            first: 0,
            nodes: Zeroizing::new([seed.0].into()),
        }
    }
}

impl core::fmt::Debug for Tail {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tail(..)")
    }
}

/// How deep the node is that a [`Near`] remembers: it has 64 leaves below it, a day and a third.
const NEAR: u8 = 10;

/// A seed with the inner node below which the last leaf was found. Neighbours take six hashes in place of sixteen.
pub struct Near {
    seed: Seed,
    node: Leaf,
    /// The first bits of the periods below the node, if there is one yet.
    prefix: Option<u16>,
}

impl Near {
    /// f(k), the same as [`Seed::leaf`].
    pub fn leaf(&mut self, k: PeriodIndex) -> Leaf {
        let prefix = k.checked_shr(u32::from(DEPTH.saturating_sub(NEAR))).unwrap_or(0);
        if self.prefix != Some(prefix) {
            self.node = descend(&self.seed.0, k, 0, NEAR);
            self.prefix = Some(prefix);
        }
        descend(&self.node, k, NEAR, DEPTH)
    }
}

impl From<Seed> for Near {
    fn from(seed: Seed) -> Self {
        Self {
            seed,
            node: Leaf::default(),
            prefix: None,
        }
    }
}

impl core::fmt::Debug for Near {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Near(..)")
    }
}

/// A node whose subtree is still to be walked: the leaves from `first` on, 2^(16 − depth) of them.
#[derive(Zeroize)]
struct Node {
    value: [u8; 32],
    depth: u8,
    first: u16,
}

impl Node {
    /// The number of leaves below.
    fn span(&self) -> u32 {
        1u32.checked_shl(u32::from(DEPTH.saturating_sub(self.depth)))
            .unwrap_or(0)
    }

    fn overlaps(&self, from: u32, end: u32) -> bool {
        let first = u32::from(self.first);
        first < end && first.saturating_add(self.span()) > from
    }
}

/// A walk over a span of leaves; see [`Seed::leaves`].
pub struct Leaves {
    waiting: Zeroizing<Vec<Node>>,
    from: u32,
    end: u32,
}

impl Iterator for Leaves {
    type Item = (PeriodIndex, Leaf);

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(node) = self.waiting.pop().map(Zeroizing::new) {
            if !node.overlaps(self.from, self.end) {
                continue;
            }
            if node.depth >= DEPTH {
                return Some((node.first, Zeroizing::new(node.value)));
            }
            let depth = node.depth.saturating_add(1);
            let children = children(&node.value);
            let [left, right] = *children;
            let left = Node {
                value: left,
                depth,
                first: node.first,
            };
            let right_first = u32::from(node.first).saturating_add(left.span());
            let right = Node {
                value: right,
                depth,
                first: u16::try_from(right_first).unwrap_or(u16::MAX),
            };
            self.waiting.push(right);
            self.waiting.push(left);
        }
        None
    }
}

impl core::fmt::Debug for Leaves {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Leaves")
            .field("from", &self.from)
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}
