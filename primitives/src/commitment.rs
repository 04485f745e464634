//! Pedersen commitments to mask sums, and their openings.
//!
//! Before a period opens the key centre commits to Z, the integer sum of the masks of all meters, as `C = Z·B + r·H`, and
//! publishes a Merkle root over the meters' own commitments in a secret order ([`PeriodCommitments`]). After the close it
//! opens what remains of C once the commitments of the meters that do not count are taken out; the chain checks that with
//! [`verify_opening`]. That a period is opened only once, after its close, and not for too few meters, is left to the
//! masks pallet; which shares those meters sent is not looked at here.
//!
//! **Privacy.** A commitment hides its masks perfectly. An opening shows the sum of the masks that count, and of the
//! left-out meters only their commitments, at places that follow no order an outsider knows. Two openings of one period
//! with different meters left out would show the difference of their mask sums.

use alloc::vec::Vec;
use core::fmt;

use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_TABLE,
    ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint},
    scalar::Scalar,
    traits::Identity,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    hash::{tagged, Words},
    merkle,
    types::{LeftOut, Opening, PointBytes, Prid},
};

/// H, the second generator: `H("pedersen", "")` hashed to the group, so that nobody knows its logarithm to the base B.
pub(crate) fn generator() -> RistrettoPoint {
    RistrettoPoint::from_uniform_bytes(&tagged("pedersen", &[]))
}

/// `mask_sum·B + blinding·H`; `None` if the blinding is not a canonical scalar. In constant time.
pub fn commit(mask_sum: u128, blinding: &[u8; 32]) -> Option<PointBytes> {
    let blinding = Option::<Scalar>::from(Scalar::from_canonical_bytes(*blinding))?;
    let point = &Scalar::from(mask_sum) * RISTRETTO_BASEPOINT_TABLE + blinding * generator();
    Some(point.compress().to_bytes())
}

/// What the key centre keeps of one period's commitments until it opens them. The secrets are wiped when dropped.
#[derive(Clone)]
pub struct PeriodCommitments {
    secrets: Secrets,
    /// The place of each meter's leaf, in the meters' input order.
    places: Vec<u32>,
    /// The meters' commitments, by place.
    leaves: Vec<PointBytes>,
    tree: merkle::Tree,
    commitment: PointBytes,
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
struct Secrets {
    mask_sums: Vec<u128>,
    blindings: Vec<Scalar>,
}

/// What making commitments starts from, whichever period they are for: a table of multiples of H. It takes as long to make as
/// the commitments of a hundred meters, so whoever makes those of many periods keeps it.
#[derive(Clone)]
pub struct Committer {
    /// H, times what each digit of a scalar can stand for.
    generator: RistrettoBasepointTable,
}

impl Default for Committer {
    fn default() -> Self {
        Self {
            generator: RistrettoBasepointTable::create(&generator()),
        }
    }
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Committer(..)")
    }
}

impl Committer {
    /// [`PeriodCommitments::build`], without making the table.
    pub fn build(&self, meters: &[(u128, [u8; 32])], shuffle_seed: &[u8; 32]) -> PeriodCommitments {
        let secrets = Secrets {
            mask_sums: meters.iter().map(|(mask_sum, _)| *mask_sum).collect(),
            blindings: meters
                .iter()
                .map(|(_, blinding)| Scalar::from_bytes_mod_order(*blinding))
                .collect(),
        };
        // What can be compressed in a batch is the double of a point, so the scalars are halved.
        let half = Scalar::from(2u8).invert();
        let halved: Vec<RistrettoPoint> = secrets
            .mask_sums
            .iter()
            .zip(&secrets.blindings)
            .map(|(mask_sum, blinding)| {
                &(Scalar::from(*mask_sum) * half) * RISTRETTO_BASEPOINT_TABLE + &(blinding * half) * &self.generator
            })
            .collect();
        let sum: RistrettoPoint = halved.iter().sum();
        let by_meter = RistrettoPoint::double_and_compress_batch(&halved);

        let order = shuffled(meters.len(), shuffle_seed);
        let leaves: Vec<PointBytes> = order
            .iter()
            .filter_map(|meter| by_meter.get(*meter))
            .map(|point| point.to_bytes())
            .collect();
        let mut places = alloc::vec![0u32; meters.len()];
        for (place, meter) in (0u32..).zip(&order) {
            if let Some(slot) = places.get_mut(*meter) {
                *slot = place;
            }
        }
        let tree = merkle::Tree::new(&leaves);
        PeriodCommitments {
            secrets,
            places,
            leaves,
            tree,
            commitment: (sum + sum).compress().to_bytes(),
        }
    }
}

impl PeriodCommitments {
    /// Commits to each meter's mask sum (the integer sum of its two masks, at most 2·(2^64 − 1)) with its blinding (taken
    /// modulo q), and puts the commitments in the order that the seed gives. [`Committer::build`] does the same for many
    /// periods.
    pub fn build(meters: &[(u128, [u8; 32])], shuffle_seed: &[u8; 32]) -> Self {
        Committer::default().build(meters, shuffle_seed)
    }

    /// C, the commitment to the sum of all meters' masks.
    pub fn commitment(&self) -> PointBytes {
        self.commitment
    }

    /// The Merkle root over the meters' commitments.
    pub fn root(&self) -> [u8; 32] {
        self.tree.root()
    }

    /// The opening without the meters `left_out` (indices in the order given to [`PeriodCommitments::build`]; one that does
    /// not exist or comes twice is ignored). `excluded` is put in order and passed on.
    pub fn open(&self, left_out: &[usize], mut excluded: Vec<Prid>) -> Opening {
        excluded.sort_unstable();
        excluded.dedup();

        let mut out = alloc::vec![false; self.places.len()];
        for meter in left_out {
            if let Some(flag) = out.get_mut(*meter) {
                *flag = true;
            }
        }
        let (mut mask_sum, mut blinding) = (0u128, Scalar::ZERO);
        for ((value, factor), _) in self
            .secrets
            .mask_sums
            .iter()
            .zip(&self.secrets.blindings)
            .zip(&out)
            .filter(|(_, out)| !**out)
        {
            mask_sum = mask_sum.saturating_add(*value);
            blinding += factor;
        }

        let mut places: Vec<u32> = self
            .places
            .iter()
            .zip(&out)
            .filter(|(_, out)| **out)
            .map(|(place, _)| *place)
            .collect();
        places.sort_unstable();
        let left_out = places
            .into_iter()
            .filter_map(|index| {
                let place = usize::try_from(index).ok()?;
                Some(LeftOut {
                    commitment: *self.leaves.get(place)?,
                    index,
                    proof: self.tree.proof(place),
                })
            })
            .collect();
        Opening {
            excluded,
            left_out,
            mask_sum,
            blinding: blinding.to_bytes(),
        }
    }
}

impl fmt::Debug for PeriodCommitments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeriodCommitments")
            .field("meters", &self.places.len())
            .field("commitment", &self.commitment)
            .finish_non_exhaustive()
    }
}

/// The numbers below `count` in an order that the seed gives: Fisher and Yates's shuffle, from the last place down, each
/// choice unbiased.
fn shuffled(count: usize, seed: &[u8; 32]) -> Vec<usize> {
    let mut words = Words::new("shuffle", &[seed]);
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        if let Some(other) = below((last as u64).saturating_add(1), &mut words) {
            order.swap(last, other);
        }
    }
    order
}

/// A number below `bound`, which is not 0, each equally likely: words in the incomplete last multiple of `bound` below
/// 2^64 are passed over.
fn below(bound: u64, words: &mut Words) -> Option<usize> {
    let surplus = (u64::MAX % bound).saturating_add(1) % bound;
    let limit = u64::MAX.saturating_sub(surplus);
    let word = words.find(|word| *word <= limit)?;
    usize::try_from(word % bound).ok()
}

/// Why an opening does not open its commitment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpeningError {
    /// More commitments are left out than there are meters, or one at a place beyond the last meter's.
    TooMany,
    /// The left-out commitments are not in strictly ascending order of their places.
    Unordered,
    /// A commitment is not the canonical form of a point, or the blinding not that of a scalar.
    NotCanonical,
    /// A Merkle proof does not lead from its commitment to the root.
    ProofInvalid,
    /// The mask sum is larger than that of as many meters can be.
    SumTooLarge,
    /// The mask sum and the blinding are not those of what remains of the commitment.
    DoesNotOpen,
}

impl fmt::Display for OpeningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooMany => "the opening leaves out meters that the manifest does not have",
            Self::Unordered => "the left-out commitments are not in strictly ascending order of their places",
            Self::NotCanonical => "a commitment or the blinding is not in canonical form",
            Self::ProofInvalid => "a left-out commitment's proof does not lead to the manifest's root",
            Self::SumTooLarge => "the mask sum is larger than the masks of the remaining meters can make it",
            Self::DoesNotOpen => "the mask sum and blinding do not open what remains of the commitment",
        })
    }
}

impl core::error::Error for OpeningError {}

/// Checks an opening against the manifest's `meters`, `commitment` and `root`: each left-out commitment is a different leaf
/// of the tree, and C less all of them is the commitment to `mask_sum` with `blinding`, where `mask_sum` is at most
/// 2·(2^64 − 1) for each meter that remains.
///
/// Does not look at [`Opening::excluded`]; whether the counts add up is the caller's question. Takes time in proportion to
/// the left-out meters, each one decompression and about log2(`meters`) hashes, and all values being public, in variable
/// time.
pub fn verify_opening(
    meters: u32,
    commitment: &PointBytes,
    root: &[u8; 32],
    opening: &Opening,
) -> Result<(), OpeningError> {
    let left_out = &opening.left_out;
    let remaining = u32::try_from(left_out.len())
        .ok()
        .and_then(|count| meters.checked_sub(count))
        .ok_or(OpeningError::TooMany)?;
    if left_out
        .iter()
        .zip(left_out.iter().skip(1))
        .any(|(one, next)| one.index >= next.index)
    {
        return Err(OpeningError::Unordered);
    }
    if left_out.last().is_some_and(|last| last.index >= meters) {
        return Err(OpeningError::TooMany);
    }
    let most = u128::from(remaining)
        .saturating_mul(2)
        .saturating_mul(u128::from(u64::MAX));
    if opening.mask_sum > most {
        return Err(OpeningError::SumTooLarge);
    }
    let blinding = Option::<Scalar>::from(Scalar::from_canonical_bytes(opening.blinding));
    let blinding = blinding.ok_or(OpeningError::NotCanonical)?;
    let total = CompressedRistretto(*commitment)
        .decompress()
        .ok_or(OpeningError::NotCanonical)?;

    let mut out = RistrettoPoint::identity();
    for one in left_out {
        if !merkle::verify(meters, root, &one.commitment, one.index, &one.proof) {
            return Err(OpeningError::ProofInvalid);
        }
        out += CompressedRistretto(one.commitment)
            .decompress()
            .ok_or(OpeningError::NotCanonical)?;
    }
    let shown =
        RistrettoPoint::vartime_double_scalar_mul_basepoint(&blinding, &generator(), &Scalar::from(opening.mask_sum));
    if total - out == shown {
        Ok(())
    } else {
        Err(OpeningError::DoesNotOpen)
    }
}

#[cfg(test)]
mod tests {
    use super::{below, shuffled};
    use crate::hash::Words;

    #[test]
    fn a_shuffle_holds_every_meter_once_and_depends_on_its_seed() {
        for count in [0, 1, 2, 3, 100] {
            let mut order = shuffled(count, &[7; 32]);
            order.sort_unstable();
            assert_eq!(order, (0..count).collect::<Vec<_>>());
        }
        assert_ne!(shuffled(100, &[7; 32]), shuffled(100, &[8; 32]));
    }

    #[test]
    fn every_order_of_four_meters_comes_about_equally_often() {
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..24_000u32 {
            let mut bytes = [0; 32];
            bytes[..4].copy_from_slice(&seed.to_le_bytes());
            *counts.entry(shuffled(4, &bytes)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 24);
        // 1,000 each, with a deviation of 31.
        assert!(counts.values().all(|count| (840..1_160).contains(count)), "{counts:?}");
    }

    #[test]
    fn choices_below_a_bound_reach_each_number_and_skip_the_surplus() {
        let mut words = Words::new("test", &[]);
        let seen: std::collections::BTreeSet<_> = (0..500).map(|_| below(7, &mut words)).collect();
        assert_eq!(seen, (0..7).map(Some).collect());
        // Of the words below 2^64 only those below 2^63 + 1 are taken, and they are taken as they are.
        let bound = (1u64 << 63) + 1;
        let expected = Words::new("test", &[])
            .find(|word| *word < bound)
            .and_then(|word| usize::try_from(word).ok());
        assert_eq!(below(bound, &mut Words::new("test", &[])), expected);
    }
}
