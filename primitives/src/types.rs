//! The values that cross a wire: what extrinsics carry, what storage keeps, what the runtime API answers.
//!
//! Every type here has one SCALE encoding, used by the pallets, the runtime API and the clients alike, so that a client
//! needs this crate and the chain's metadata and nothing else. Times are milliseconds since the Unix epoch, energy is
//! whole watt-hours, prices are millionths of the currency unit per kWh.
//!
//! **Privacy.** Nothing in these types names a meter: a share travels under a pseudonym of its own, and only a bill is
//! tied to a user's [`Bid`].

use alloc::vec::Vec;
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use scale_info::TypeInfo;

/// The number of a region.
pub type RegionId = u32;
/// The number of a cycle (a billing month); cycles are numbered without gaps.
pub type CycleId = u32;
/// The index of a period in its cycle, from 0.
pub type PeriodIndex = u16;
/// A one-time pseudonym: a compressed Ristretto point, that is, an sr25519 public key.
pub type Prid = [u8; 32];
/// A user's bill identifier.
pub type Bid = [u8; 32];
/// Milliseconds since the Unix epoch.
pub type Moment = u64;
/// Millionths of the currency unit per kWh.
pub type Price = u64;
/// A compressed Ristretto point.
pub type PointBytes = [u8; 32];

/// The periods of an ordinary cycle: 30 days of 48 half hours.
pub const PERIODS_PER_CYCLE: PeriodIndex = 1_440;
/// The periods of a day, whatever their length: within a cycle a region's meters change at a day's start only.
pub const PERIODS_PER_DAY: PeriodIndex = 48;
/// The most periods that a cycle may have: 31 days of half hours.
pub const MAX_PERIODS: PeriodIndex = 1_488;
/// The most meters that a region may have: the bound under which a sum of masks stays far below the group's order.
pub const MAX_METERS: u32 = 1 << 20;

/// One period of one cycle in one region.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Encode,
    Decode,
    DecodeWithMemTracking,
    MaxEncodedLen,
    TypeInfo,
)]
pub struct PeriodKey {
    /// The region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The period's index in the cycle.
    pub period: PeriodIndex,
}

/// When the periods of a cycle open, end and close.
///
/// Period k runs from `start + k·period_ms` to `start + (k+1)·period_ms`; shares of it are taken from its end until
/// `window_ms` later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct CycleSchedule {
    /// When period 0 opens.
    pub start: Moment,
    /// The length of a period, in milliseconds; 1,800,000 in production.
    pub period_ms: u64,
    /// How long after a period's end its shares are taken, in milliseconds.
    pub window_ms: u64,
    /// How many periods the cycle has, 1 to [`MAX_PERIODS`].
    pub periods: PeriodIndex,
}

impl CycleSchedule {
    /// When period `period` opens; `None` past the cycle's last period or the end of time.
    pub fn opens(&self, period: PeriodIndex) -> Option<Moment> {
        if period >= self.periods {
            return None;
        }
        self.start.checked_add(self.period_ms.checked_mul(u64::from(period))?)
    }

    /// When period `period` ends, which is when its submission window opens.
    pub fn ends(&self, period: PeriodIndex) -> Option<Moment> {
        self.opens(period)?.checked_add(self.period_ms)
    }

    /// When the submission window of period `period` ends; from this moment on nothing is accepted for it.
    pub fn closes(&self, period: PeriodIndex) -> Option<Moment> {
        self.ends(period)?.checked_add(self.window_ms)
    }

    /// When the last period ends.
    pub fn end(&self) -> Option<Moment> {
        self.ends(self.periods.checked_sub(1)?)
    }

    /// Whether the schedule can be used: at least one period, at most [`MAX_PERIODS`], no empty period or window, and no
    /// moment of it past the end of time.
    pub fn is_valid(&self) -> bool {
        self.periods >= 1
            && self.periods <= MAX_PERIODS
            && self.period_ms >= 1
            && self.window_ms >= 1
            && self.closes(self.periods.saturating_sub(1)).is_some()
    }
}

/// A change of a region's meters within a cycle: some leave, and as many others at most take their places.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Revision {
    /// The first period with the other meters, a multiple of [`PERIODS_PER_DAY`].
    pub from: PeriodIndex,
    /// m, the region's meters from then on.
    pub meters: u32,
}

impl Revision {
    /// The one among a cycle's `revisions`, which ascend, that holds in a period; `None` where those meters are still there
    /// that the cycle began with.
    pub fn in_force(revisions: &[Self], period: PeriodIndex) -> Option<Self> {
        revisions.iter().rev().find(|revision| revision.from <= period).copied()
    }
}

/// What the consortium decided about a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct RegionInfo {
    /// The account of the region's aggregator.
    pub aggregator: [u8; 32],
    /// The fewest meters whose total may be opened.
    pub minimum_meters: u32,
    /// The price of a period whose total is withheld.
    pub fallback_price: Price,
}

/// What an account other than an aggregator's may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Role {
    /// Registers users, publishes filters and mask sums, bills.
    KeyCentre,
    /// Sets prices.
    ControlCentre,
}

/// What the key centre publishes about one period before it opens.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Manifest {
    /// m, the region's meters in this period; 2m shares are expected.
    pub meters: u32,
    /// BF1, the filter over the period's 2m pseudonyms (see [`crate::filter`]).
    pub filter: Vec<u8>,
    /// C, the Pedersen commitment to the sum of the period's 2m masks.
    pub commitment: PointBytes,
    /// The Merkle root over the meters' own commitments, in a random order.
    pub root: [u8; 32],
}

/// A meter's commitment, shown because its pair of shares does not count.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct LeftOut {
    /// The commitment to the sum of the meter's two masks.
    pub commitment: PointBytes,
    /// Its place among the leaves of the manifest's Merkle tree.
    pub index: u32,
    /// The hashes beside its path to the root, leaf level first.
    pub proof: Vec<[u8; 32]>,
}

/// The opening of a period's mask sum.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct Opening {
    /// The shares that are taken out of the sum, ascending: halves of incomplete pairs, and alien ones.
    pub excluded: Vec<Prid>,
    /// The meters whose masks are taken out of the commitment, by ascending index.
    pub left_out: Vec<LeftOut>,
    /// Z, the integer sum of the masks that remain.
    pub mask_sum: u128,
    /// r, the sum of the blindings that remain, a canonical scalar.
    pub blinding: [u8; 32],
}

/// A region's consumption in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct Total {
    /// The meters whose pairs count.
    pub meters: u32,
    /// The sum of their readings, in watt-hours; negative where they fed in more than they used.
    pub energy: i64,
}

/// What became of a closed period's mask sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum Outcome {
    /// The mask sum was opened, and this is the total.
    Opened(Total),
    /// Too few pairs were complete; the mask sum stays closed and the fallback price applies.
    Withheld,
}

/// How far a period has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub enum PeriodStatus {
    /// Its manifest is published and it has not closed.
    Open,
    /// It closed with every share there and the tally in BF2.
    Complete,
    /// It closed with shares missing or a tally that BF2 does not know.
    Faulty,
}

/// Everything the chain knows about a period but its shares and its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct PeriodView {
    /// How far it has come.
    pub status: PeriodStatus,
    /// m, the meters of its manifest.
    pub meters: u32,
    /// The shares accepted.
    pub count: u32,
    /// Their sum modulo 2^64, as accepted.
    pub sum: u64,
    /// T, the sum of their pseudonyms.
    pub tally: PointBytes,
    /// What became of the mask sum.
    pub outcome: Option<Outcome>,
    /// The price, once set.
    pub price: Option<Price>,
}

/// A share as the chain keeps it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct Share {
    /// The pseudonym that signed it.
    pub prid: Prid,
    /// The masked share, modulo 2^64.
    pub value: u64,
}

/// Commitments to what a bill comes to (see [`crate::bill`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BillCommitments {
    /// To the energy of the periods whose total was opened, in watt-hours.
    pub energy: PointBytes,
    /// To what that energy costs, in 10^-9 of the currency unit.
    pub amount: PointBytes,
    /// To what is billed for other periods, in 10^-9 of the currency unit.
    pub apart: PointBytes,
}

/// Where a user's bill is, and what it comes to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo)]
pub struct BillRecord {
    /// The binary CID (version 1, raw, sha2-256) under which the encrypted bill is stored.
    pub cid: Vec<u8>,
    /// BLAKE2b-256 of the encrypted bill.
    pub hash: [u8; 32],
    /// The region whose bills it is added to.
    pub region: RegionId,
    /// What it comes to, hidden.
    pub commitments: BillCommitments,
}

/// What a region's bills of a cycle come to, as far as they are for periods whose total was opened.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct BillSums {
    /// In watt-hours.
    pub energy: i128,
    /// In 10^-9 of the currency unit.
    pub amount: i128,
}

/// The opening of the sums of a region's commitments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
pub struct BillOpening {
    /// What the bills come to.
    pub sums: BillSums,
    /// The sum of the blindings of the commitments to energy, a canonical scalar.
    pub energy_blinding: [u8; 32],
    /// The sum of the blindings of the commitments to amounts, a canonical scalar.
    pub amount_blinding: [u8; 32],
}

/// What the chain knows of a region's bills of a cycle.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo,
)]
pub struct RegionBills {
    /// How many are published.
    pub bills: u32,
    /// The sum of their commitments to energy.
    pub energy: PointBytes,
    /// The sum of their commitments to amounts.
    pub amount: PointBytes,
    /// What the two sums were opened to.
    pub opened: Option<BillSums>,
}
