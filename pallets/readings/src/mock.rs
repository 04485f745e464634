//! Two regions of three real meters each, on a chain of this pallet and those below it.

use crate::{self as pallet_readings, AuthenticateMeter};
use frame_support::{
    assert_ok, derive_impl,
    dispatch::GetDispatchInfo,
    parameter_types,
    traits::{ConstU32, ConstU64, Contains, Hooks},
    weights::Weight,
};
use frame_system::EnsureRoot;
use gridveil_primitives::{
    batch::SignedShare,
    filter::Builder,
    keys::{CycleKeys, RootKey, SpendKey, SplitKey},
    pseudonym::OneTimeKey,
    share, tally, CycleId, CycleSchedule, Half, Manifest, Moment, PeriodIndex, PeriodKey, Prid, Refusal, RegionId,
    Role,
};
use pallet_masks::ManifestOf;
use sp_runtime::{
    traits::{DispatchTransaction, IdentityLookup, TransactionExtension},
    transaction_validity::{InvalidTransaction, TransactionValidityError},
    AccountId32, BuildStorage,
};

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Registry: pallet_registry,
        Masks: pallet_masks,
        Readings: pallet_readings,
    }
);

pub const START: Moment = 1_000_000;
pub const PERIOD_MS: u64 = 30_000;
pub const WINDOW_MS: u64 = 12_000;
pub const SLOT_MS: u64 = 3_000;
pub const PERIODS: PeriodIndex = 4;
pub const REGIONS: [RegionId; 2] = [1, 2];
pub const METERS: u32 = 3;
pub const KEY_CENTRE: AccountId32 = AccountId32::new([b'k'; 32]);
pub const AGGREGATOR: AccountId32 = AccountId32::new([b'a'; 32]);

parameter_types! {
    pub static MaxCloses: u32 = 100;
    pub static MaxBatches: u32 = 4;
    pub static Expired: Vec<CycleId> = Vec::new();
}

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
    type AccountId = AccountId32;
    type Lookup = IdentityLookup<AccountId32>;
    type DbWeight = frame_support::weights::constants::RocksDbWeight;
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
    type OnOutcome = ();
    type MaxMeters = ConstU32<64>;
    type MaxFilterBytes = ConstU32<20_000>;
    type MaxManifests = ConstU32<16>;
    type MaxExcluded = ConstU32<16>;
    type MaxLeftOut = ConstU32<16>;
}

pub struct ExpiredCycles;

impl Contains<CycleId> for ExpiredCycles {
    fn contains(cycle: &CycleId) -> bool {
        Expired::get().contains(cycle)
    }
}

impl pallet_readings::Config for Test {
    type WeightInfo = crate::weights::SubstrateWeight<Test>;
    type SlotDuration = ConstU64<SLOT_MS>;
    type SharesExpired = ExpiredCycles;
    type MaxClosesPerBlock = MaxCloses;
    type MaxBatchShares = ConstU32<16>;
    type MaxBatches = MaxBatches;
}

/// A meter's keys for one cycle.
pub struct Meter {
    spend: SpendKey,
    split: SplitKey,
    pub keys: CycleKeys,
}

/// Meter `number` of `region`, with its keys of `cycle`.
pub fn meter(region: RegionId, number: u32, cycle: CycleId) -> Meter {
    let mut id = [0u8; 32];
    id[..4].copy_from_slice(&region.to_le_bytes());
    id[4..8].copy_from_slice(&number.to_le_bytes());
    let first = RootKey::from_bytes([1; 32]).meter_secret(&id);
    let secret = (0..cycle).fold(first, |secret, _| secret.ratchet());
    Meter {
        spend: SpendKey::from_seed(&id),
        split: SplitKey::from_bytes(id),
        keys: secret.cycle_keys(),
    }
}

/// What meter `number` sends for a period: the pseudonym and the masked share of each half of `reading`.
pub fn pair(key: &PeriodKey, number: u32, reading: i64) -> [(Prid, u64); 2] {
    let meter = meter(key.region, number, key.cycle);
    let masked = share::split_and_mask(reading, &meter.split, &meter.keys, key.cycle, key.period);
    let prid = |half| OneTimeKey::derive(&meter.spend, &meter.keys, half, key.period).prid();
    [(prid(Half::First), masked.first), (prid(Half::Second), masked.second)]
}

/// A pseudonym of meter 0 in a period.
pub fn pseudonym(key: &PeriodKey) -> Prid {
    let [(prid, _), _] = pair(key, 0, 0);
    prid
}

pub fn period(region: RegionId, cycle: CycleId, period: PeriodIndex) -> PeriodKey {
    PeriodKey { region, cycle, period }
}

pub fn schedule(cycle: CycleId) -> CycleSchedule {
    let length = u64::from(PERIODS) * PERIOD_MS;
    CycleSchedule {
        start: START + u64::from(cycle) * length,
        period_ms: PERIOD_MS,
        window_ms: WINDOW_MS,
        periods: PERIODS,
    }
}

pub fn ends(key: &PeriodKey) -> Moment {
    schedule(key.cycle).ends(key.period).unwrap()
}

pub fn closes(key: &PeriodKey) -> Moment {
    schedule(key.cycle).closes(key.period).unwrap()
}

fn key_centre() -> RuntimeOrigin {
    RuntimeOrigin::signed(KEY_CENTRE)
}

/// Schedule the next cycle and publish what the key centre publishes before it, for the regions given.
pub fn publish(cycle: CycleId, regions: &[RegionId]) {
    assert_ok!(Registry::schedule_cycle(key_centre(), cycle, schedule(cycle)));
    for &region in regions {
        let (filter, manifests) = prepare(region, cycle, METERS);
        let filter = filter.try_into().unwrap();
        assert_ok!(Masks::publish_cycle_filter(key_centre(), region, cycle, METERS, filter));
        publish_manifests(region, cycle, manifests);
    }
}

/// BF2 of a region's cycle and its manifests, for the first `meters` of its meters.
fn prepare(region: RegionId, cycle: CycleId, meters: u32) -> (Vec<u8>, Vec<ManifestOf<Test>>) {
    let mut cycle_filter = Builder::cycle(region, cycle, PERIODS);
    let manifests = (0..PERIODS).map(|index| {
        let key = period(region, cycle, index);
        let prids: Vec<Prid> = (0..meters)
            .flat_map(|number| pair(&key, number, 0))
            .map(|(prid, _)| prid)
            .collect();
        cycle_filter.insert_tally(index, &tally::sum(prids.iter()).unwrap());
        let mut filter = Builder::period(&key, meters);
        prids.iter().for_each(|prid| filter.insert_prid(prid));
        // This pallet does not look at the commitments.
        let manifest = Manifest {
            meters,
            filter: filter.finish(),
            commitment: tally::EMPTY,
            root: [0; 32],
        };
        ManifestOf::<Test>::try_from(manifest).unwrap()
    });
    let manifests = manifests.collect();
    (cycle_filter.finish(), manifests)
}

fn publish_manifests(region: RegionId, cycle: CycleId, manifests: Vec<ManifestOf<Test>>) {
    let manifests = manifests.try_into().unwrap();
    assert_ok!(Masks::publish_manifests(key_centre(), region, cycle, 0, manifests));
}

/// The first meters of a region take part in cycle 0 alone, which has not begun; gives the manifests for these.
pub fn revise(region: RegionId, meters: u32) -> Vec<ManifestOf<Test>> {
    let (filter, manifests) = prepare(region, 0, meters);
    let filter = filter.try_into().unwrap();
    assert_ok!(Masks::revise_cycle(key_centre(), region, 0, 0, meters, filter));
    manifests
}

/// The same, with the manifests published anew.
pub fn revise_and_publish(region: RegionId, meters: u32) {
    let manifests = revise(region, meters);
    publish_manifests(region, 0, manifests);
}

/// A chain before cycle 0, which is scheduled and published for both regions.
pub fn new_test_ext() -> sp_io::TestExternalities {
    let registry = pallet_registry::GenesisConfig {
        key_centres: vec![KEY_CENTRE],
        regions: REGIONS.map(|region| (region, AGGREGATOR, 2, 200_000)).to_vec(),
        ..Default::default()
    };
    let genesis = RuntimeGenesisConfig {
        registry,
        ..Default::default()
    };
    let mut ext = sp_io::TestExternalities::new(genesis.build_storage().unwrap());
    ext.execute_with(|| {
        assert!(Registry::has_role(&KEY_CENTRE, Role::KeyCentre));
        block(START / 2);
        publish(0, &REGIONS);
    });
    ext
}

/// Begin a block whose timestamp is `now`; what the hooks before it weigh.
pub fn block(now: Moment) -> Weight {
    let number = System::block_number() + 1;
    System::set_block_number(number);
    System::reset_events();
    let weight = Readings::on_initialize(number);
    Timestamp::set_timestamp(now);
    weight
}

/// Close everything that is due at `now`, by a block of that time and one after it.
pub fn close_at(now: Moment) {
    block(now);
    block(now + 1);
}

pub fn submit(key: &PeriodKey, share: u64) -> RuntimeCall {
    RuntimeCall::Readings(crate::Call::submit {
        region: key.region,
        cycle: key.cycle,
        period: key.period,
        share,
    })
}

/// The refusal behind an error of the extension.
pub fn refusal(error: TransactionValidityError) -> Refusal {
    match error {
        TransactionValidityError::Invalid(InvalidTransaction::Custom(code)) => Refusal::from_code(code).unwrap(),
        other => panic!("{other:?} is not a refusal"),
    }
}

/// Apply a transaction with this call, signed by `prid`, in the present block.
pub fn send(prid: Prid, key: &PeriodKey, share: u64) -> Result<(), Refusal> {
    let (call, info) = (submit(key, share), Default::default());
    let applied = AuthenticateMeter::<Test>::new()
        .dispatch_transaction(RuntimeOrigin::signed(prid.into()), call, &info, 0, 0)
        .map_err(refusal)?;
    assert_ok!(applied);
    Ok(())
}

/// Send both shares of a reading.
pub fn send_pair(key: &PeriodKey, number: u32, reading: i64) {
    for (prid, share) in pair(key, number, reading) {
        assert_eq!(send(prid, key, share), Ok(()));
    }
}

/// The shares of meter `number` as the aggregator takes them.
pub fn signed_pair(key: &PeriodKey, number: u32, reading: i64) -> [SignedShare; 2] {
    let meter = meter(key.region, number, key.cycle);
    let [first, second] = pair(key, number, reading).map(|(_, value)| value);
    [(Half::First, first), (Half::Second, second)].map(|(half, value)| {
        OneTimeKey::derive(&meter.spend, &meter.keys, half, key.period).sign_share(&Readings::genesis(), key, value)
    })
}

/// The shares of these meters, each of `reading`, in the order of a batch.
pub fn signed(key: &PeriodKey, meters: impl IntoIterator<Item = u32>, reading: i64) -> Vec<SignedShare> {
    let mut shares: Vec<_> = meters
        .into_iter()
        .flat_map(|number| signed_pair(key, number, reading))
        .collect();
    shares.sort_by_key(|share| share.prid);
    shares
}

pub fn submit_batch(key: &PeriodKey, shares: Vec<SignedShare>) -> RuntimeCall {
    RuntimeCall::Readings(crate::Call::submit_batch {
        region: key.region,
        cycle: key.cycle,
        period: key.period,
        shares: shares.try_into().unwrap(),
    })
}

/// Apply a batch signed by `who` in the present block; the weight of its checks in the end.
pub fn send_batch_by(who: AccountId32, key: &PeriodKey, shares: Vec<SignedShare>) -> Result<Weight, Refusal> {
    let call = submit_batch(key, shares);
    let mut info = call.get_dispatch_info();
    info.extension_weight = AuthenticateMeter::<Test>::new().weight(&call);
    let applied = AuthenticateMeter::<Test>::new()
        .dispatch_transaction(RuntimeOrigin::signed(who), call, &info, 0, 0)
        .map_err(refusal)?;
    Ok(applied.unwrap().actual_weight.unwrap_or(info.total_weight()))
}

/// The same by the regions' aggregator.
pub fn send_batch(key: &PeriodKey, shares: Vec<SignedShare>) -> Result<Weight, Refusal> {
    send_batch_by(AGGREGATOR, key, shares)
}

/// The events of this pallet in the present block.
pub fn events() -> Vec<crate::Event<Test>> {
    System::read_events_for_pallet()
}
