//! The bounded forms of the wire types, and the traits to the pallets on either side.
//!
//! A bounded type has the very SCALE encoding of its namesake in `gridveil_primitives`: what a client encodes with the
//! wire type decodes here, or is refused because it is too long.
//!
//! **Privacy.** Nothing beyond the wire types.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{
    traits::{ConstU32, Get},
    BoundedVec, CloneNoBound, DebugNoBound, EqNoBound, PartialEqNoBound,
};
use gridveil_primitives::{
    filter, LeftOut, Manifest, Opening, Outcome, PeriodKey, PointBytes, Prid, MAX_PERIODS, PERIODS_PER_DAY,
};
use scale_info::TypeInfo;

/// The most hashes in a Merkle proof: the depth of a tree over `MAX_METERS` leaves.
pub const MAX_PROOF: u32 = 20;

/// The most revisions of a region's cycle: one a day.
pub const MAX_REVISIONS: u32 = (MAX_PERIODS / PERIODS_PER_DAY) as u32;

/// A vector of a wire type is longer than the runtime's bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// A [`Manifest`] whose filter has at most `F` bytes.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    CloneNoBound,
    DebugNoBound,
    PartialEqNoBound,
    EqNoBound,
)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(F))]
pub struct BoundedManifest<F: Get<u32>> {
    /// m, the region's meters in this period; 2m shares are expected.
    pub meters: u32,
    /// BF1, the filter over the period's 2m pseudonyms.
    pub filter: BoundedVec<u8, F>,
    /// C, the Pedersen commitment to the sum of the period's 2m masks.
    pub commitment: PointBytes,
    /// The Merkle root over the meters' own commitments, in a random order.
    pub root: [u8; 32],
}

impl<F: Get<u32>> TryFrom<Manifest> for BoundedManifest<F> {
    type Error = TooLong;

    fn try_from(manifest: Manifest) -> Result<Self, TooLong> {
        let Manifest {
            meters,
            filter,
            commitment,
            root,
        } = manifest;
        Ok(Self {
            meters,
            filter: filter.try_into().map_err(|_| TooLong)?,
            commitment,
            root,
        })
    }
}

impl<F: Get<u32>> From<BoundedManifest<F>> for Manifest {
    fn from(manifest: BoundedManifest<F>) -> Self {
        let BoundedManifest {
            meters,
            filter,
            commitment,
            root,
        } = manifest;
        Self {
            meters,
            filter: filter.into_inner(),
            commitment,
            root,
        }
    }
}

/// What the key centre publishes about a region's cycle; the filter has at most `F` bytes.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    CloneNoBound,
    DebugNoBound,
    PartialEqNoBound,
    EqNoBound,
)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(F))]
pub struct BoundedCycleFilter<F: Get<u32>> {
    /// m, the region's meters in every period that the filter is for.
    pub meters: u32,
    /// BF2, the filter over those periods' tallies.
    pub filter: BoundedVec<u8, F>,
}

/// A [`LeftOut`] meter whose proof has at most [`MAX_PROOF`] hashes.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BoundedLeftOut {
    /// The commitment to the sum of the meter's two masks.
    pub commitment: PointBytes,
    /// Its place among the leaves of the manifest's Merkle tree.
    pub index: u32,
    /// The hashes beside its path to the root, leaf level first.
    pub proof: BoundedVec<[u8; 32], ConstU32<MAX_PROOF>>,
}

impl TryFrom<LeftOut> for BoundedLeftOut {
    type Error = TooLong;

    fn try_from(left_out: LeftOut) -> Result<Self, TooLong> {
        let LeftOut {
            commitment,
            index,
            proof,
        } = left_out;
        Ok(Self {
            commitment,
            index,
            proof: proof.try_into().map_err(|_| TooLong)?,
        })
    }
}

impl From<BoundedLeftOut> for LeftOut {
    fn from(left_out: BoundedLeftOut) -> Self {
        let BoundedLeftOut {
            commitment,
            index,
            proof,
        } = left_out;
        Self {
            commitment,
            index,
            proof: proof.into_inner(),
        }
    }
}

/// An [`Opening`] that excludes at most `E` shares and leaves out at most `L` meters.
#[derive(
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
    CloneNoBound,
    DebugNoBound,
    PartialEqNoBound,
    EqNoBound,
)]
#[codec(mel_bound())]
#[scale_info(skip_type_params(E, L))]
pub struct BoundedOpening<E: Get<u32>, L: Get<u32>> {
    /// The shares that are taken out of the sum, strictly ascending.
    pub excluded: BoundedVec<Prid, E>,
    /// The meters whose masks are taken out of the commitment, by ascending index.
    pub left_out: BoundedVec<BoundedLeftOut, L>,
    /// Z, the integer sum of the masks that remain.
    pub mask_sum: u128,
    /// r, the sum of the blindings that remain, a canonical scalar.
    pub blinding: [u8; 32],
}

impl<E: Get<u32>, L: Get<u32>> TryFrom<Opening> for BoundedOpening<E, L> {
    type Error = TooLong;

    fn try_from(opening: Opening) -> Result<Self, TooLong> {
        let Opening {
            excluded,
            left_out,
            mask_sum,
            blinding,
        } = opening;
        let left_out = left_out
            .into_iter()
            .map(BoundedLeftOut::try_from)
            .collect::<Result<alloc::vec::Vec<_>, _>>()?;
        Ok(Self {
            excluded: excluded.try_into().map_err(|_| TooLong)?,
            left_out: left_out.try_into().map_err(|_| TooLong)?,
            mask_sum,
            blinding,
        })
    }
}

impl<E: Get<u32>, L: Get<u32>> From<BoundedOpening<E, L>> for Opening {
    fn from(opening: BoundedOpening<E, L>) -> Self {
        let BoundedOpening {
            excluded,
            left_out,
            mask_sum,
            blinding,
        } = opening;
        Self {
            excluded: excluded.into_inner(),
            left_out: left_out.into_iter().map(LeftOut::from).collect(),
            mask_sum,
            blinding,
        }
    }
}

/// What a period had taken in when it closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedPeriod {
    /// The shares accepted.
    pub count: u32,
    /// Their sum, modulo 2^64.
    pub sum: u64,
}

/// The periods that have closed, and their shares; implemented by the pallet that takes the shares in.
pub trait ClosedPeriods {
    /// Count and sum of a period; `None` until it has closed, and unchanged from then on.
    fn closed(key: &PeriodKey) -> Option<ClosedPeriod>;

    /// The sum, modulo 2^64, of the masked shares that were accepted in a period from `prids`, which ascend; `None` where
    /// there is none from one of them.
    fn sum_of(key: &PeriodKey, prids: &[Prid]) -> Option<u64>;

    /// Make `key` a closed period with exactly these shares, whatever was there.
    #[cfg(feature = "runtime-benchmarks")]
    fn set_closed(key: &PeriodKey, shares: &[(Prid, u64)]);
}

/// Told what became of a period's mask sum; implemented by the pallet that prices.
pub trait OnOutcome {
    /// The mask sum of `key` was opened or withheld. Called once for each period; must not fail.
    fn outcome(key: &PeriodKey, outcome: &Outcome);
}

impl OnOutcome for () {
    fn outcome(_: &PeriodKey, _: &Outcome) {}
}

/// Whether as many bits of a filter are set as `entries` entries can set: at least one, and at most one for each
/// position. This refuses the filter that lets everything through.
pub(crate) fn fits_entries(bytes: &[u8], entries: u64) -> bool {
    let set = bytes
        .iter()
        .fold(0u64, |set, byte| set.saturating_add(byte.count_ones().into()));
    let positions = u64::try_from(filter::POSITIONS).unwrap_or(u64::MAX);
    (1..=entries.saturating_mul(positions)).contains(&set)
}
