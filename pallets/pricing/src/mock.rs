//! One region of three real meters, on a chain of this pallet and those below it.

use crate as pallet_pricing;
use frame_support::{
    assert_ok, derive_impl,
    traits::{ConstU32, ConstU64, Contains, Hooks, Nothing},
};
use frame_system::EnsureRoot;
use gridveil_primitives::{
    commitment::PeriodCommitments,
    filter::Builder,
    keys::{CycleKeys, RootKey, SpendKey, SplitKey},
    mask, pseudonym, share, tally, CycleSchedule, Half, Manifest, Moment, PeriodIndex, PeriodKey, Price, Prid,
    RegionId,
};
use pallet_masks::{ManifestOf, OpeningOf};
use sp_runtime::{traits::IdentityLookup, AccountId32, BuildStorage};

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Registry: pallet_registry,
        Masks: pallet_masks,
        Readings: pallet_readings,
        Pricing: pallet_pricing,
    }
);

pub const REGION: RegionId = 1;
pub const METERS: u32 = 3;
pub const PERIODS: PeriodIndex = 2;
pub const FALLBACK: Price = 200_000;
const KEY_CENTRE: AccountId32 = AccountId32::new([b'k'; 32]);
const CONTROL_CENTRE: AccountId32 = AccountId32::new([b'c'; 32]);
const AGGREGATOR: AccountId32 = AccountId32::new([b'a'; 32]);
const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 1_000_000,
    period_ms: 30_000,
    window_ms: 12_000,
    periods: PERIODS,
};

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

pub struct Aggregators;

impl Contains<AccountId32> for Aggregators {
    fn contains(who: &AccountId32) -> bool {
        *who == AGGREGATOR
    }
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
    type IsAggregator = Aggregators;
    type Permission = Anything;
    type Clock = Timestamp;
    type MaxRegions = ConstU32<8>;
    type MaxBatch = ConstU32<8>;
}

impl pallet_masks::Config for Test {
    type WeightInfo = pallet_masks::weights::SubstrateWeight<Test>;
    type ClosedPeriods = Readings;
    type OnOutcome = Pricing;
    type MaxMeters = ConstU32<64>;
    type MaxFilterBytes = ConstU32<20_000>;
    type MaxManifests = ConstU32<16>;
    type MaxExcluded = ConstU32<16>;
    type MaxLeftOut = ConstU32<16>;
}

impl pallet_readings::Config for Test {
    type WeightInfo = pallet_readings::weights::SubstrateWeight<Test>;
    type SlotDuration = ConstU64<3_000>;
    type SharesExpired = Nothing;
    type MaxClosesPerBlock = ConstU32<8>;
    type MaxBatchShares = ConstU32<16>;
    type MaxBatches = ConstU32<4>;
}

impl pallet_pricing::Config for Test {
    type WeightInfo = crate::weights::SubstrateWeight<Test>;
}

pub fn period(period: PeriodIndex) -> PeriodKey {
    PeriodKey {
        region: REGION,
        cycle: 0,
        period,
    }
}

pub fn key_centre() -> RuntimeOrigin {
    RuntimeOrigin::signed(KEY_CENTRE)
}

pub fn control_centre() -> RuntimeOrigin {
    RuntimeOrigin::signed(CONTROL_CENTRE)
}

/// A meter's spend key, split key and keys of the cycle.
fn meters() -> impl Iterator<Item = (SpendKey, SplitKey, CycleKeys)> {
    (0..METERS).map(|number| {
        let mut id = [0u8; 32];
        id[..4].copy_from_slice(&number.to_le_bytes());
        let keys = RootKey::from_bytes([1; 32]).meter_secret(&id).cycle_keys();
        (SpendKey::from_seed(&id), SplitKey::from_bytes(id), keys)
    })
}

fn prids(key: &PeriodKey) -> Vec<[Prid; 2]> {
    let of = |(spend, _, keys): (SpendKey, SplitKey, CycleKeys)| {
        Half::BOTH.map(|half| pseudonym::prid(&spend.public(), &keys, half, key.period))
    };
    meters().map(of).collect()
}

fn commitments(key: &PeriodKey) -> PeriodCommitments {
    let of = |(_, _, keys): (SpendKey, SplitKey, CycleKeys)| {
        let masks = Half::BOTH.map(|half| u128::from(mask::mask(&keys, half, key.period)));
        (masks.iter().sum(), mask::blinding(&keys, key.period))
    };
    PeriodCommitments::build(&meters().map(of).collect::<Vec<_>>(), &[2; 32])
}

/// The opening of a period that nobody is missing in.
pub fn opening(key: &PeriodKey) -> OpeningOf<Test> {
    commitments(key).open(&[], Vec::new()).try_into().unwrap()
}

fn publish() {
    assert_ok!(Registry::schedule_cycle(key_centre(), 0, SCHEDULE));
    let mut cycle_filter = Builder::cycle(REGION, 0, PERIODS);
    let manifests = (0..PERIODS).map(|index| {
        let key = period(index);
        let prids = prids(&key).concat();
        cycle_filter.insert_tally(index, &tally::sum(prids.iter()).unwrap());
        let mut filter = Builder::period(&key, METERS);
        prids.iter().for_each(|prid| filter.insert_prid(prid));
        let commitments = commitments(&key);
        let manifest = Manifest {
            meters: METERS,
            filter: filter.finish(),
            commitment: commitments.commitment(),
            root: commitments.root(),
        };
        ManifestOf::<Test>::try_from(manifest).unwrap()
    });
    let manifests: Vec<_> = manifests.collect();
    let filter = cycle_filter.finish().try_into().unwrap();
    assert_ok!(Masks::publish_cycle_filter(key_centre(), REGION, 0, METERS, filter));
    assert_ok!(Masks::publish_manifests(
        key_centre(),
        REGION,
        0,
        0,
        manifests.try_into().unwrap()
    ));
}

fn block(now: Moment) {
    let number = System::block_number() + 1;
    System::set_block_number(number);
    Readings::on_initialize(number);
    Timestamp::set_timestamp(now);
}

/// The period's window, in which each of the meters reports its reading; then its close.
pub fn report(key: &PeriodKey, readings: &[i64]) {
    block(SCHEDULE.ends(key.period).unwrap());
    for ((reading, prids), (_, split, keys)) in readings.iter().zip(prids(key)).zip(meters()) {
        let masked = share::split_and_mask(*reading, &split, &keys, key.cycle, key.period);
        for (prid, value) in prids.into_iter().zip([masked.first, masked.second]) {
            let meter = pallet_readings::Origin::Meter(prid);
            assert_ok!(Readings::submit(meter.into(), key.region, key.cycle, key.period, value));
        }
    }
    block(SCHEDULE.closes(key.period).unwrap());
    block(SCHEDULE.closes(key.period).unwrap() + 1);
}

/// A chain before the cycle, which is scheduled and published.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let registry = pallet_registry::GenesisConfig {
        key_centres: vec![KEY_CENTRE],
        control_centres: vec![CONTROL_CENTRE],
        regions: vec![(REGION, AGGREGATOR, METERS, FALLBACK)],
    };
    let genesis = RuntimeGenesisConfig {
        registry,
        ..Default::default()
    };
    let mut ext = sp_io::TestExternalities::new(genesis.build_storage().unwrap());
    ext.execute_with(|| {
        block(SCHEDULE.start / 2);
        publish();
    });
    ext
}
