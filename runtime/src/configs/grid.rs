//! The pallets of the protocol, and what each asks of the others.
//!
//! Roles and regions are decided by [`TwoThirds`] of the consortium; a region's aggregator is a member of it. The readings
//! pallet tells the masks pallet which periods have closed, the masks pallet tells the pricing pallet how each turned out,
//! and the billing pallet tells the readings pallet which cycles' shares are no longer needed.
//!
//! The bounds are for regions of up to ten thousand meters, ten times the ordinary, of which a tenth may be silent at once.

use crate::{
    configs::consortium::{Permission, TwoThirds},
    Finality, Pricing, Readings, Runtime, Timestamp,
};
use frame_support::traits::{ConstU32, ConstU64};
use gridveil_primitives::{filter, MAX_PERIODS};

/// The most meters in a region. Larger ones are split: a share's admission looks into a filter of this many meters.
pub const MAX_METERS_PER_REGION: u32 = 10_000;
/// The most bytes of a filter: one over the most meters' pseudonyms, which is longer than one over a cycle's tallies.
// A length that a filter of the runtime's own bounds has; checked against them by the masks pallet's integrity test.
pub const MAX_FILTER_BYTES: u32 = filter::period_filter_len(MAX_METERS_PER_REGION) as u32;
/// The most shares in a batch: what checking them together gains is gained from about a thousand on, and several batches of
/// this many fit into a block.
pub const MAX_BATCH_SHARES: u32 = 2_048;
/// The most batches of a period: ten full ones are all shares of a region, and a region of a few meters can still send one
/// every thirtieth of its window.
pub const MAX_BATCHES: u32 = 32;
/// How long shares are kept after their cycle's billing is finished: 31 days, a cycle in which to object to a bill.
pub const SHARE_RETENTION_MS: u64 = 31 * 24 * 60 * 60 * 1_000;

impl pallet_registry::Config for Runtime {
    type WeightInfo = pallet_registry::weights::SubstrateWeight<Runtime>;
    type ConsortiumOrigin = TwoThirds;
    type IsAggregator = Finality;
    type Permission = Permission;
    type Clock = Timestamp;
    type MaxRegions = ConstU32<1_000>;
    type MaxBatch = ConstU32<1_000>;
}

impl pallet_masks::Config for Runtime {
    type WeightInfo = pallet_masks::weights::SubstrateWeight<Runtime>;
    type ClosedPeriods = Readings;
    type OnOutcome = Pricing;
    type MaxMeters = ConstU32<MAX_METERS_PER_REGION>;
    type MaxFilterBytes = ConstU32<MAX_FILTER_BYTES>;
    type MaxManifests = ConstU32<{ MAX_PERIODS as u32 }>;
    type MaxExcluded = ConstU32<2_000>;
    type MaxLeftOut = ConstU32<1_000>;
}

impl pallet_readings::Config for Runtime {
    type SlotDuration = pallet_finality::SlotDuration<Runtime>;
    type MaxClosesPerBlock = ConstU32<32>;
    type MaxBatchShares = ConstU32<MAX_BATCH_SHARES>;
    type MaxBatches = ConstU32<MAX_BATCHES>;
    type SharesExpired = pallet_billing::ExpiredShares<Runtime>;
    type WeightInfo = pallet_readings::weights::SubstrateWeight<Runtime>;
}

impl pallet_pricing::Config for Runtime {
    type WeightInfo = pallet_pricing::weights::SubstrateWeight<Runtime>;
}

impl pallet_billing::Config for Runtime {
    type WeightInfo = pallet_billing::weights::SubstrateWeight<Runtime>;
    type CycleClosed = pallet_readings::ClosedCycles<Runtime>;
    type MaxBills = ConstU32<1_000>;
    type ShareRetention = ConstU64<SHARE_RETENTION_MS>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = CycleCloser;
}

/// Lets benchmarks bill a cycle whose periods never ran.
#[cfg(feature = "runtime-benchmarks")]
pub struct CycleCloser;

#[cfg(feature = "runtime-benchmarks")]
impl pallet_billing::BenchmarkHelper for CycleCloser {
    fn close(cycle: gridveil_primitives::CycleId) {
        let next = pallet_readings::Progress {
            cycle: cycle.saturating_add(1),
            period: 0,
            after: None,
        };
        pallet_readings::NextClose::<Runtime>::put(next);
    }
}
