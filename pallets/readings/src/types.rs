//! What the pallet keeps about a period and about its own progress.
//!
//! **Privacy.** A tally is of all shares of a period in a region; it says nothing of any one of them.

use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use gridveil_primitives::{tally, CycleId, PeriodIndex, PointBytes, RegionId};
use scale_info::TypeInfo;

/// What the shares of a period add up to, as accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Tally {
    /// How many there are.
    pub count: u32,
    /// Their sum modulo 2^64.
    pub sum: u64,
    /// T, the sum of their pseudonyms.
    pub point: PointBytes,
    /// How many of them came on their own.
    pub singles: u32,
    /// How many batches the others came in.
    pub batches: u32,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            count: 0,
            sum: 0,
            point: tally::EMPTY,
            singles: 0,
            batches: 0,
        }
    }
}

/// How far a walk over cycles, their periods and the regions by ascending number has come.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Progress {
    /// The cycle it is in; all before are done.
    pub cycle: CycleId,
    /// The period of that cycle it is in; all before are done.
    pub period: PeriodIndex,
    /// The last region done there; `None` while none is.
    pub after: Option<RegionId>,
}
