//! The benchmarks of the call, the extension and the hooks of readings.
//!
//! **Privacy.** They reveal nothing.

use super::*;
use alloc::vec;
use frame_benchmarking::{v2::*, BenchmarkError};
use frame_support::{
    dispatch::{DispatchInfo, GetDispatchInfo, PostDispatchInfo},
    traits::{Get, OriginTrait, Time},
};
use gridveil_primitives::{
    filter,
    keys::{MeterSecret, SpendKey},
    pseudonym, tally, CycleId, CycleSchedule, Half, Manifest, Moment, PeriodKey, Prid, RegionId, RegionInfo,
    MAX_PERIODS,
};
use pallet_masks::{CycleFilterOf, ManifestOf};
use sp_runtime::traits::{AsSystemOriginSigner, DispatchTransaction, Dispatchable};

const REGION: RegionId = 1;
const KEY: PeriodKey = PeriodKey {
    region: REGION,
    cycle: 0,
    period: 0,
};

const TOO_LONG: BenchmarkError = BenchmarkError::Stop("a benchmark's filter does not fit its bound");

/// Two pseudonyms of [`KEY`].
fn two_pseudonyms() -> [Prid; 2] {
    let spend = SpendKey::from_seed(&[1; 32]).public();
    let keys = MeterSecret::from_bytes([2; 32]).cycle_keys();
    Half::BOTH.map(|half| pseudonym::prid(&spend, &keys, half, KEY.period))
}

/// Leave the chain with the regions 1 to `count` and no progress.
fn put_regions<T: Config>(count: u32) {
    let _ = pallet_registry::Regions::<T>::clear(u32::MAX, None);
    let info = RegionInfo {
        aggregator: [1; 32],
        minimum_meters: 3,
        fallback_price: 200_000,
    };
    for region in 1..=count {
        pallet_registry::Regions::<T>::insert(region, info);
    }
    NextClose::<T>::kill();
    NextPrune::<T>::kill();
}

/// Cycle `cycle`, of one period, which ends now.
fn put_cycle<T: Config>(cycle: CycleId) {
    let schedule = CycleSchedule {
        start: T::Clock::now(),
        period_ms: 0,
        window_ms: 60_000,
        periods: 1,
    };
    pallet_registry::Cycles::<T>::insert(cycle, schedule);
}

/// The cycle's filter and the period's manifest, both as long as they may be, with every bit set: every position is
/// looked at.
fn put_filters<T: Config>(key: &PeriodKey) -> Result<(), BenchmarkError> {
    let meters = T::MaxMeters::get();
    let full = |len| vec![0xff; len];
    let filter = full(filter::cycle_filter_len(MAX_PERIODS))
        .try_into()
        .map_err(|_| TOO_LONG)?;
    pallet_masks::CycleFilters::<T>::insert((key.region, key.cycle), CycleFilterOf::<T> { meters, filter });
    let filter = full(filter::period_filter_len(meters));
    let manifest = Manifest {
        meters,
        filter,
        commitment: tally::EMPTY,
        root: [0; 32],
    };
    pallet_masks::Manifests::<T>::insert(key, ManifestOf::<T>::try_from(manifest).map_err(|_| TOO_LONG)?);
    Ok(())
}

#[benchmarks(
    where
        T: Config + Send + Sync,
        T::RuntimeCall: From<Call<T>>
            + GetDispatchInfo
            + Dispatchable<RuntimeOrigin = T::RuntimeOrigin, Info = DispatchInfo, PostInfo = PostDispatchInfo>,
        T::RuntimeOrigin: AsSystemOriginSigner<T::AccountId>,
)]
mod benches {
    use super::*;

    #[benchmark]
    fn submit() {
        let [first, second] = two_pseudonyms();
        Pallet::<T>::admit(KEY, first, 1);
        let origin = T::RuntimeOrigin::from(Origin::Meter(second));

        #[extrinsic_call]
        _(origin, KEY.region, KEY.cycle, KEY.period, 2);

        assert_eq!(Tallies::<T>::get(KEY).count, 2);
    }

    #[benchmark]
    fn authenticate() -> Result<(), BenchmarkError> {
        let [prid, _] = two_pseudonyms();
        put_regions::<T>(1);
        put_cycle::<T>(KEY.cycle);
        put_filters::<T>(&KEY)?;
        let call = Call::<T>::submit {
            region: KEY.region,
            cycle: KEY.cycle,
            period: KEY.period,
            share: 2,
        };
        let call = T::RuntimeCall::from(call);
        let info = call.get_dispatch_info();
        let origin = T::RuntimeOrigin::signed(prid.into());

        #[block]
        {
            let passed = AuthenticateMeter::<T>::new().validate_and_prepare(origin, &call, &info, 0, 0);
            assert!(passed.is_ok());
        }
        Ok(())
    }

    /// Each period is of another cycle, so that nothing is read twice.
    #[benchmark]
    fn close(n: Linear<0, { T::MaxClosesPerBlock::get() }>) -> Result<(), BenchmarkError> {
        put_regions::<T>(1);
        for cycle in 0..n {
            put_cycle::<T>(cycle);
            let key = PeriodKey {
                region: REGION,
                cycle,
                period: 0,
            };
            put_filters::<T>(&key)?;
            let [prid, _] = two_pseudonyms();
            Pallet::<T>::admit(key, prid, 1);
        }
        pallet_registry::Cycles::<T>::remove(n);

        #[block]
        {
            Pallet::<T>::close_due(Moment::MAX);
        }
        assert_eq!(NextClose::<T>::get().cycle, n);
        Ok(())
    }

    /// No further than one block looks, so that the cost of looking is in the slope.
    #[benchmark]
    fn pass(n: Linear<0, { T::MaxRegions::get().min(T::MaxClosesPerBlock::get()) }>) {
        put_regions::<T>(n);
        put_cycle::<T>(0);
        pallet_registry::Cycles::<T>::remove(1);

        #[block]
        {
            Pallet::<T>::close_due(Moment::MAX);
        }
        assert_ne!(NextClose::<T>::get(), Progress::default());
    }

    #[benchmark]
    fn prune(n: Linear<0, 1_000>) -> Result<(), BenchmarkError> {
        put_regions::<T>(T::MaxRegions::get());
        put_filters::<T>(&KEY)?;
        for number in 0..n {
            let mut prid = [0u8; 32];
            prid.iter_mut()
                .zip(number.to_le_bytes())
                .for_each(|(to, from)| *to = from);
            Shares::<T>::insert((KEY.cycle, KEY.region, KEY.period, prid), 1);
        }

        #[block]
        {
            Pallet::<T>::prune_next(n.saturating_add(1));
        }
        assert_eq!(NextPrune::<T>::get().after, Some(REGION));
        assert_eq!(Shares::<T>::iter_key_prefix((KEY.cycle,)).count(), 0);
        Ok(())
    }

    impl_benchmark_test_suite!(Pallet, crate::mock::new_test_ext(), crate::mock::Test);
}
