//! Two users, two regions and two cycles, on a chain of this pallet and the registry.

use crate as pallet_billing;
use frame_support::{
    assert_ok, derive_impl, parameter_types,
    traits::{ConstU32, ConstU64, Contains},
};
use frame_system::EnsureRoot;
use gridveil_primitives::{Bid, CycleId, CycleSchedule, RegionId, RegionInfo};
use sp_runtime::{traits::IdentityLookup, AccountId32, BuildStorage};

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Registry: pallet_registry,
        Billing: pallet_billing,
    }
);

pub const KEY_CENTRE: AccountId32 = AccountId32::new([b'k'; 32]);
pub const CONTROL_CENTRE: AccountId32 = AccountId32::new([b'c'; 32]);
pub const USERS: [Bid; 2] = [[1; 32], [2; 32]];
pub const REGIONS: [RegionId; 2] = [1, 2];
pub const RETENTION_MS: u64 = 60_000;

parameter_types! {
    pub static Closed: Vec<CycleId> = Vec::new();
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
}

impl pallet_timestamp::Config for Test {
    type Moment = u64;
    type OnTimestampSet = ();
    type MinimumPeriod = ConstU64<1>;
    type WeightInfo = ();
}

pub struct Anything;

impl pallet_registry::CallPermission<AccountId32, RuntimeCall> for Anything {
    fn permits(_: &AccountId32, _: &RuntimeCall) -> bool {
        true
    }
}

impl pallet_registry::Config for Test {
    type WeightInfo = pallet_registry::weights::SubstrateWeight<Test>;
    type ConsortiumOrigin = EnsureRoot<AccountId32>;
    type IsAggregator = frame_support::traits::Nothing;
    type Permission = Anything;
    type Clock = Timestamp;
    type MaxRegions = ConstU32<8>;
    type MaxBatch = ConstU32<8>;
}

pub struct ClosedCycles;

impl Contains<CycleId> for ClosedCycles {
    fn contains(cycle: &CycleId) -> bool {
        Closed::get().contains(cycle)
    }
}

impl pallet_billing::Config for Test {
    type WeightInfo = crate::weights::SubstrateWeight<Test>;
    type CycleClosed = ClosedCycles;
    type MaxBills = ConstU32<4>;
    type ShareRetention = ConstU64<RETENTION_MS>;
    #[cfg(feature = "runtime-benchmarks")]
    type BenchmarkHelper = ClosedCycles;
}

#[cfg(feature = "runtime-benchmarks")]
impl pallet_billing::BenchmarkHelper for ClosedCycles {
    fn close(cycle: CycleId) {
        Closed::mutate(|closed| closed.push(cycle));
    }
}

pub fn key_centre() -> RuntimeOrigin {
    RuntimeOrigin::signed(KEY_CENTRE)
}

/// A chain with both users, both regions and both cycles, of which cycle 0 has closed.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let registry = pallet_registry::GenesisConfig {
        key_centres: vec![KEY_CENTRE],
        control_centres: vec![CONTROL_CENTRE],
        ..Default::default()
    };
    let genesis = RuntimeGenesisConfig {
        registry,
        ..Default::default()
    };
    let mut ext = sp_io::TestExternalities::new(genesis.build_storage().unwrap());
    ext.execute_with(|| {
        System::set_block_number(1);
        let users = USERS.map(|bid| (bid, [7; 32])).to_vec();
        assert_ok!(Registry::register_users(key_centre(), users.try_into().unwrap()));
        for region in REGIONS {
            let info = RegionInfo {
                aggregator: [1; 32],
                minimum_meters: 1,
                fallback_price: 1,
            };
            pallet_registry::Regions::<Test>::insert(region, info);
        }
        for cycle in 0..2 {
            let start = 1_000_000 * (1 + u64::from(cycle));
            let schedule = CycleSchedule {
                start,
                period_ms: 30_000,
                window_ms: 12_000,
                periods: 4,
            };
            assert_ok!(Registry::schedule_cycle(key_centre(), cycle, schedule));
        }
        Timestamp::set_timestamp(1_200_000);
        Closed::set(vec![0]);
    });
    ext
}
