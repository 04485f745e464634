//! The Merkle tree over the meters' commitments.
//!
//! Leaves and nodes are hashed under domains of their own. A node without a sibling moves up a level as it is, so no leaf is
//! ever counted twice, and the root binds the number of leaves; index and number of leaves together say which shape a proof
//! has. Used by [`crate::commitment`] only.
//!
//! **Privacy.** A proof shows hashes of commitments, which hide what they commit to.

use alloc::{vec, vec::Vec};

use crate::{hash::tagged_32, types::PointBytes};

fn leaf(commitment: &PointBytes) -> [u8; 32] {
    tagged_32("merkle/leaf", &[commitment])
}

fn node(left: &[u8; 32], right: &[u8; 32]) -> [u8; 32] {
    tagged_32("merkle/node", &[left, right])
}

/// The root of a tree of `leaves` leaves whose uppermost node is `top`.
fn root(leaves: u32, top: &[u8; 32]) -> [u8; 32] {
    tagged_32("merkle/root", &[&leaves.to_le_bytes(), top])
}

/// All levels of a tree, the leaves first.
#[derive(Clone)]
pub(crate) struct Tree {
    levels: Vec<Vec<[u8; 32]>>,
    leaves: u32,
}

impl Tree {
    /// The tree over these commitments, in this order. Of no commitments the uppermost node is 32 zero bytes.
    pub(crate) fn new(commitments: &[PointBytes]) -> Self {
        let mut level: Vec<_> = commitments.iter().map(leaf).collect();
        let mut levels = vec![];
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .map(|pair| match pair {
                    [left, right] => node(left, right),
                    [alone, ..] => *alone,
                    [] => [0; 32],
                })
                .collect();
            levels.push(core::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self {
            levels,
            leaves: u32::try_from(commitments.len()).unwrap_or(u32::MAX),
        }
    }

    pub(crate) fn root(&self) -> [u8; 32] {
        root(
            self.leaves,
            self.levels.last().and_then(|level| level.first()).unwrap_or(&[0; 32]),
        )
    }

    /// The hashes beside the path from a leaf to the top.
    pub(crate) fn proof(&self, index: usize) -> Vec<[u8; 32]> {
        let siblings = self.levels.iter().scan(index, |index, level| {
            let sibling = level.get(*index ^ 1).copied();
            *index /= 2;
            Some(sibling)
        });
        siblings.flatten().collect()
    }
}

/// Whether `proof` shows that `commitment` is leaf `index` of the tree of `leaves` leaves with this root. A proof that is
/// too short or too long shows nothing.
pub(crate) fn verify(
    leaves: u32,
    expected: &[u8; 32],
    commitment: &PointBytes,
    index: u32,
    proof: &[[u8; 32]],
) -> bool {
    if index >= leaves {
        return false;
    }
    let mut hash = leaf(commitment);
    let mut siblings = proof.iter();
    let (mut index, mut width) = (index, leaves);
    while width > 1 {
        let has_sibling = (index ^ 1) < width;
        if has_sibling {
            let Some(sibling) = siblings.next() else { return false };
            hash = if index % 2 == 0 {
                node(&hash, sibling)
            } else {
                node(sibling, &hash)
            };
        }
        index /= 2;
        width = width.div_ceil(2);
    }
    siblings.next().is_none() && root(leaves, &hash) == *expected
}

#[cfg(test)]
mod tests {
    use super::{verify, Tree};
    use crate::hash::tagged_32;

    fn commitments(count: u32) -> Vec<[u8; 32]> {
        (0..count).map(|i| tagged_32("test", &[&i.to_le_bytes()])).collect()
    }

    #[test]
    fn every_leaf_of_trees_of_every_shape_has_a_proof_that_shows_it_and_nothing_else() {
        for count in 1..=33u32 {
            let leaves = commitments(count);
            let tree = Tree::new(&leaves);
            for index in 0..count {
                let proof = tree.proof(index as usize);
                for (other, leaf) in (0..).zip(&leaves) {
                    assert_eq!(verify(count, &tree.root(), leaf, index, &proof), other == index);
                    assert!(other == index || !verify(count, &tree.root(), &leaves[index as usize], other, &proof));
                }
                let mut longer = proof.clone();
                longer.push([0; 32]);
                assert!(!verify(count, &tree.root(), &leaves[index as usize], index, &longer));
                if let Some((_, shorter)) = proof.split_last() {
                    assert!(!verify(count, &tree.root(), &leaves[index as usize], index, shorter));
                }
                for meters in [count - 1, count + 1] {
                    assert!(!verify(meters, &tree.root(), &leaves[index as usize], index, &proof));
                }
            }
        }
    }

    #[test]
    fn a_tree_with_its_last_leaf_doubled_has_another_root() {
        for count in 1..=17 {
            let mut leaves = commitments(count);
            let root = Tree::new(&leaves).root();
            leaves.push(leaves[leaves.len() - 1]);
            assert_ne!(Tree::new(&leaves).root(), root);
        }
    }
}
