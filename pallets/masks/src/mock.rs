//! A runtime with the registry and masks, closed periods that a test sets, and a key centre that works with the real
//! keys.

use crate::{BoundedManifest, ClosedPeriod, ClosedPeriods, ManifestOf, OnOutcome, OpeningOf};
use frame_support::{
    construct_runtime, derive_impl, parameter_types,
    traits::{ConstU32, Contains},
};
use frame_system::EnsureRoot;
use gridveil_primitives::{
    commitment::PeriodCommitments,
    filter,
    keys::{CycleKeys, RootKey, SpendKey, SplitKey},
    mask, pseudonym, share, tally, CycleId, CycleSchedule, Half, Manifest, Opening, Outcome, PeriodIndex, PeriodKey,
    Prid, RegionId, PERIODS_PER_DAY,
};
use pallet_registry::CallPermission;
use sp_runtime::{traits::IdentityLookup, AccountId32, BuildStorage, DispatchResult};
use std::collections::BTreeMap;

construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Registry: pallet_registry,
        Masks: crate,
    }
);

type Block = frame_system::mocking::MockBlock<Test>;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type Block = Block;
}

#[derive_impl(pallet_timestamp::config_preludes::TestDefaultConfig)]
impl pallet_timestamp::Config for Test {}

/// The account of the consortium's one member.
pub const AGGREGATOR: AccountId32 = AccountId32::new([0xA0; 32]);

parameter_types! {
    /// The shares of each closed period.
    pub static Closed: BTreeMap<PeriodKey, BTreeMap<Prid, u64>> = BTreeMap::new();
    /// What was told of outcomes, in order.
    pub static Told: Vec<(PeriodKey, Outcome)> = Vec::new();
}

/// Permits everything: the extension is not part of these tests.
pub struct PermitAll;

impl CallPermission<AccountId32, RuntimeCall> for PermitAll {
    fn permits(_: &AccountId32, _: &RuntimeCall) -> bool {
        true
    }
}

/// The consortium has one member.
pub struct Members;

impl Contains<AccountId32> for Members {
    fn contains(who: &AccountId32) -> bool {
        *who == AGGREGATOR
    }
}

impl pallet_registry::Config for Test {
    type WeightInfo = pallet_registry::weights::SubstrateWeight<Test>;
    type ConsortiumOrigin = EnsureRoot<AccountId32>;
    type IsAggregator = Members;
    type Permission = PermitAll;
    type Clock = Timestamp;
    type MaxRegions = ConstU32<3>;
    type MaxBatch = ConstU32<4>;
}

/// What the test put into [`Closed`].
pub struct TestPeriods;

impl ClosedPeriods for TestPeriods {
    fn closed(key: &PeriodKey) -> Option<ClosedPeriod> {
        Closed::get().get(key).map(|shares| ClosedPeriod {
            count: shares.len().try_into().unwrap(),
            sum: shares.values().fold(0, |sum, value| sum.wrapping_add(*value)),
        })
    }

    fn sum_of(key: &PeriodKey, prids: &[Prid]) -> Option<u64> {
        let closed = Closed::get();
        let shares = closed.get(key)?;
        prids
            .iter()
            .try_fold(0u64, |sum, prid| Some(sum.wrapping_add(*shares.get(prid)?)))
    }

    #[cfg(feature = "runtime-benchmarks")]
    fn set_closed(key: &PeriodKey, shares: &[(Prid, u64)]) {
        close(key, shares);
    }
}

/// Makes `key` a closed period with these shares.
pub fn close(key: &PeriodKey, shares: &[(Prid, u64)]) {
    Closed::mutate(|closed| closed.insert(*key, shares.iter().copied().collect()));
}

/// Puts everything that it is told into [`Told`].
pub struct Listener;

impl OnOutcome for Listener {
    fn outcome(key: &PeriodKey, outcome: &Outcome) {
        Told::mutate(|told| told.push((*key, *outcome)));
    }
}

impl crate::Config for Test {
    type WeightInfo = crate::weights::SubstrateWeight<Test>;
    type ClosedPeriods = TestPeriods;
    type OnOutcome = Listener;
    type MaxMeters = ConstU32<50>;
    type MaxFilterBytes = ConstU32<18_000>;
    type MaxManifests = ConstU32<4>;
    type MaxExcluded = ConstU32<4>;
    type MaxLeftOut = ConstU32<3>;
}

/// The account of the key centre.
pub const KEY_CENTRE: AccountId32 = AccountId32::new([1; 32]);
/// The account of the control centre.
pub const CONTROL_CENTRE: AccountId32 = AccountId32::new([2; 32]);
/// The region of the tests, whose minimum is [`MINIMUM`] meters.
pub const REGION: RegionId = 1;
/// The fewest meters whose total may be opened.
pub const MINIMUM: u32 = 3;
/// The cycle of the tests.
pub const CYCLE: CycleId = 0;
/// The time at which tests start, before the cycle does.
pub const NOW: u64 = 1_000_000;
/// When the cycle's periods are.
pub const SCHEDULE: CycleSchedule = CycleSchedule {
    start: NOW + 1_000,
    period_ms: 1_000,
    window_ms: 500,
    periods: 98,
};
/// The first period of the cycle's second day.
pub const NEXT_DAY: PeriodIndex = PERIODS_PER_DAY;

/// A period of the tests' region and cycle.
pub fn key(period: PeriodIndex) -> PeriodKey {
    PeriodKey {
        region: REGION,
        cycle: CYCLE,
        period,
    }
}

/// Sets the chain's clock.
pub fn set_now(now: u64) {
    pallet_timestamp::Now::<Test>::put(now);
}

/// A chain at [`NOW`] with the region and the cycle.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let mut storage = frame_system::GenesisConfig::<Test>::default().build_storage().unwrap();
    pallet_registry::GenesisConfig::<Test> {
        key_centres: vec![KEY_CENTRE],
        control_centres: vec![CONTROL_CENTRE],
        regions: vec![(REGION, AGGREGATOR, MINIMUM, 200_000)],
    }
    .assimilate_storage(&mut storage)
    .unwrap();
    let mut ext = sp_io::TestExternalities::new(storage);
    ext.execute_with(|| {
        Closed::take();
        Told::take();
        System::set_block_number(1);
        set_now(NOW);
        Registry::schedule_cycle(RuntimeOrigin::signed(KEY_CENTRE), CYCLE, SCHEDULE).unwrap();
    });
    ext
}

/// A meter with all its secrets.
pub struct Meter {
    spend: SpendKey,
    split: SplitKey,
    keys: CycleKeys,
}

/// The meters of the region, and what the key centre computes from them.
pub struct Meters(Vec<Meter>);

impl Meters {
    /// So many meters, always the same.
    pub fn new(count: u8) -> Self {
        Self::numbered(0..count)
    }

    /// The meters with these numbers.
    pub fn numbered(numbers: impl IntoIterator<Item = u8>) -> Self {
        let root = RootKey::from_bytes([42; 32]);
        let meter = |number: u8| Meter {
            spend: SpendKey::from_seed(&[number; 32]),
            split: SplitKey::from_bytes([number; 32]),
            keys: root.meter_secret(&[number; 32]).cycle_keys(),
        };
        Self(numbers.into_iter().map(meter).collect())
    }

    pub fn count(&self) -> u32 {
        self.0.len().try_into().unwrap()
    }

    fn prids(&self, period: PeriodIndex) -> Vec<Prid> {
        let both =
            |meter: &Meter| Half::BOTH.map(|half| pseudonym::prid(&meter.spend.public(), &meter.keys, half, period));
        self.0.iter().flat_map(both).collect()
    }

    /// BF2.
    pub fn cycle_filter(&self) -> Vec<u8> {
        self.filter_from(0)
    }

    /// BF2 over the periods from one on.
    pub fn filter_from(&self, from: PeriodIndex) -> Vec<u8> {
        let mut builder = filter::Builder::cycle(REGION, CYCLE, SCHEDULE.periods - from);
        for period in from..SCHEDULE.periods {
            builder.insert_tally(period, &tally::sum(self.prids(period).iter()).unwrap());
        }
        builder.finish()
    }

    fn commitments(&self, period: PeriodIndex) -> PeriodCommitments {
        let secrets = |meter: &Meter| {
            let masks = Half::BOTH.map(|half| u128::from(mask::mask(&meter.keys, half, period)));
            (masks.iter().sum(), mask::blinding(&meter.keys, period))
        };
        PeriodCommitments::build(&self.0.iter().map(secrets).collect::<Vec<_>>(), &[9; 32])
    }

    /// The manifest of a period, as a client has it.
    pub fn wire_manifest(&self, period: PeriodIndex) -> Manifest {
        let mut builder = filter::Builder::period(&key(period), self.count());
        self.prids(period).iter().for_each(|prid| builder.insert_prid(prid));
        let commitments = self.commitments(period);
        Manifest {
            meters: self.count(),
            filter: builder.finish(),
            commitment: commitments.commitment(),
            root: commitments.root(),
        }
    }

    /// The manifest of a period, as the pallet takes it.
    pub fn manifest(&self, period: PeriodIndex) -> ManifestOf<Test> {
        BoundedManifest::try_from(self.wire_manifest(period)).unwrap()
    }

    /// The opening of a period without some meters and shares, as a client has it.
    pub fn wire_opening(&self, period: PeriodIndex, left_out: &[usize], excluded: &[Prid]) -> Opening {
        self.commitments(period).open(left_out, excluded.to_vec())
    }

    /// The opening of a period without some meters and shares, as the pallet takes it.
    pub fn opening(&self, period: PeriodIndex, left_out: &[usize], excluded: &[Prid]) -> OpeningOf<Test> {
        self.wire_opening(period, left_out, excluded).try_into().unwrap()
    }

    /// The pair of shares of one meter for a period and a reading.
    pub fn pair(&self, meter: usize, period: PeriodIndex, reading: i64) -> [(Prid, u64); 2] {
        let Meter { spend, split, keys } = &self.0[meter];
        let pair = share::split_and_mask(reading, split, keys, CYCLE, period);
        let prid = |half| pseudonym::prid(&spend.public(), keys, half, period);
        [(prid(Half::First), pair.first), (prid(Half::Second), pair.second)]
    }

    /// The shares of the first meters, one reading each.
    pub fn shares(&self, period: PeriodIndex, readings: &[i64]) -> Vec<(Prid, u64)> {
        readings
            .iter()
            .enumerate()
            .flat_map(|(meter, reading)| self.pair(meter, period, *reading))
            .collect()
    }

    /// Publishes BF2.
    pub fn publish_cycle_filter(&self) -> DispatchResult {
        let filter = self.cycle_filter().try_into().unwrap();
        Masks::publish_cycle_filter(RuntimeOrigin::signed(KEY_CENTRE), REGION, CYCLE, self.count(), filter)
    }

    /// Gives the region these meters from a period on, as the executive would.
    pub fn revise(&self, from: PeriodIndex) -> DispatchResult {
        self.revise_with(from, self.count(), self.filter_from(from))
    }

    /// The same with any count and filter.
    pub fn revise_with(&self, from: PeriodIndex, meters: u32, filter: Vec<u8>) -> DispatchResult {
        let call = crate::Call::revise_cycle {
            region: REGION,
            cycle: CYCLE,
            from,
            meters,
            filter: filter.try_into().unwrap(),
        };
        dispatch(call.into(), RuntimeOrigin::signed(KEY_CENTRE))
    }

    /// Publishes BF2 and the manifests of the first four periods.
    pub fn publish(&self) {
        self.publish_cycle_filter().unwrap();
        publish_manifests(0, (0..4).map(|period| self.manifest(period)).collect()).unwrap();
    }
}

/// Publishes manifests as the executive would, so that a failed call leaves nothing behind.
pub fn publish_manifests(first: PeriodIndex, manifests: Vec<ManifestOf<Test>>) -> DispatchResult {
    let manifests = manifests.try_into().unwrap();
    let call = crate::Call::publish_manifests {
        region: REGION,
        cycle: CYCLE,
        first,
        manifests,
    };
    dispatch(call.into(), RuntimeOrigin::signed(KEY_CENTRE))
}

/// Dispatches a call as the executive would.
pub fn dispatch(call: RuntimeCall, origin: RuntimeOrigin) -> DispatchResult {
    use sp_runtime::traits::Dispatchable;
    call.dispatch(origin).map(|_| ()).map_err(|failure| failure.error)
}
