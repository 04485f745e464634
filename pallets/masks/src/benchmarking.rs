//! The benchmarks of the calls of masks.
//!
//! **Privacy.** They reveal nothing.

use super::*;
use alloc::{vec, vec::Vec};
use frame_benchmarking::{v2::*, BenchmarkError};
use frame_support::{
    traits::{EnsureOrigin, Get, Time},
    BoundedVec,
};
use gridveil_primitives::{
    commitment::PeriodCommitments, filter, CycleId, CycleSchedule, Outcome, PeriodKey, Prid, RegionId, RegionInfo,
    Revision, MAX_PERIODS,
};
use pallet_registry::EnsureKeyCentre;

/// A region that no genesis has.
const REGION: RegionId = RegionId::MAX;
const CYCLE: CycleId = 0;
const KEY: PeriodKey = PeriodKey {
    region: REGION,
    cycle: CYCLE,
    period: 0,
};
/// The region's minimum of meters.
const MINIMUM: u32 = 3;

const TOO_LONG: BenchmarkError = BenchmarkError::Stop("a benchmark's value does not fit its bound");

/// The key centre's origin, on a chain with the region and a cycle of full length that is still to start.
fn set_up<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    let info = RegionInfo {
        aggregator: [1; 32],
        minimum_meters: MINIMUM,
        fallback_price: 200_000,
    };
    pallet_registry::Regions::<T>::insert(REGION, info);
    let start = T::Clock::now().saturating_add(1);
    let schedule = CycleSchedule {
        start,
        period_ms: 1_800_000,
        window_ms: 1_800_000,
        periods: MAX_PERIODS,
    };
    pallet_registry::Cycles::<T>::insert(CYCLE, schedule);
    pallet_registry::LatestCycle::<T>::put(CYCLE);
    EnsureKeyCentre::<T>::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

/// A filter of `len` bytes that could have been made from entries.
fn some_filter<T: Config>(len: usize) -> Result<BoundedVec<u8, T::MaxFilterBytes>, BenchmarkError> {
    vec![1; len].try_into().map_err(|_| TOO_LONG)
}

/// A region's cycle filter of full length, for `meters`.
fn put_cycle_filter<T: Config>(meters: u32) -> Result<(), BenchmarkError> {
    let filter = some_filter::<T>(filter::cycle_filter_len(MAX_PERIODS))?;
    CycleFilters::<T>::insert((REGION, CYCLE), BoundedCycleFilter { meters, filter });
    Ok(())
}

/// A revision from the first period on, for `meters`: what a period costs most with.
fn put_revision<T: Config>(meters: u32) -> Result<(), BenchmarkError> {
    let from = KEY.period;
    Revisions::<T>::mutate((REGION, CYCLE), |revisions| {
        revisions.try_push(Revision { from, meters })
    })
    .map_err(|_| TOO_LONG)
}

/// The manifest of [`KEY`] over these commitments, with a filter of the greatest length: reading it back is part of the
/// cost, and does not depend on whether it fits the meters.
fn put_manifest<T: Config>(meters: u32, commitments: &PeriodCommitments) -> Result<(), BenchmarkError> {
    let len = filter::period_filter_len(T::MaxMeters::get());
    let manifest = BoundedManifest {
        meters,
        filter: some_filter::<T>(len)?,
        commitment: commitments.commitment(),
        root: commitments.root(),
    };
    put_revision::<T>(meters)?;
    Manifests::<T>::insert(KEY, manifest);
    MadeFor::<T>::insert(KEY, KEY.period);
    Ok(())
}

/// The commitments of `meters` meters, whose masks and blindings are small numbers.
fn commitments(meters: u32) -> PeriodCommitments {
    let secrets: Vec<(u128, [u8; 32])> = (1..=meters)
        .map(|meter| {
            let mut blinding = [0; 32];
            blinding[..4].copy_from_slice(&meter.to_le_bytes());
            (u128::from(meter), blinding)
        })
        .collect();
    PeriodCommitments::build(&secrets, &[7; 32])
}

/// `count` shares, ascending.
fn shares(count: u32) -> Vec<(Prid, u64)> {
    (0..count)
        .map(|share| {
            let mut prid = [0; 32];
            prid[..4].copy_from_slice(&share.to_be_bytes());
            (prid, u64::from(share))
        })
        .collect()
}

/// The first `count` of the shares' pseudonyms.
fn first_prids(shares: &[(Prid, u64)], count: u32) -> Vec<Prid> {
    (0..count).zip(shares).map(|(_, (prid, _))| *prid).collect()
}

#[benchmarks]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn publish_cycle_filter() -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;
        let filter = some_filter::<T>(filter::cycle_filter_len(MAX_PERIODS))?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, REGION, CYCLE, 1, filter);

        assert!(CycleFilters::<T>::contains_key((REGION, CYCLE)));
        Ok(())
    }

    /// One manifest of `m` meters; a call with more of them weighs their sum.
    #[benchmark]
    fn publish_manifests(m: Linear<1, { T::MaxMeters::get() }>) -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;
        put_cycle_filter::<T>(m)?;
        put_revision::<T>(m)?;
        let commitments = commitments(1);
        let manifest = BoundedManifest {
            meters: m,
            filter: some_filter::<T>(filter::period_filter_len(m))?,
            commitment: commitments.commitment(),
            root: commitments.root(),
        };
        let manifests = vec![manifest].try_into().map_err(|_| TOO_LONG)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, REGION, CYCLE, 0, manifests);

        assert!(Manifests::<T>::contains_key(KEY));
        Ok(())
    }

    #[benchmark]
    fn open(
        e: Linear<0, { T::MaxExcluded::get() }>,
        l: Linear<0, { T::MaxLeftOut::get() }>,
    ) -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;
        let commitments = commitments(MINIMUM.saturating_add(l));
        put_manifest::<T>(MINIMUM.saturating_add(l), &commitments)?;
        let shares = shares(MINIMUM.saturating_mul(2).saturating_add(e));
        T::ClosedPeriods::set_closed(&KEY, &shares);
        let left_out: Vec<usize> = (0usize..).zip(0..l).map(|(meter, _)| meter).collect();
        let opening = commitments.open(&left_out, first_prids(&shares, e));
        let opening = OpeningOf::<T>::try_from(opening).map_err(|_| TOO_LONG)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, KEY, opening);

        assert!(matches!(Outcomes::<T>::get(KEY), Some(Outcome::Opened(_))));
        Ok(())
    }

    #[benchmark]
    fn revise_cycle() -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;
        put_cycle_filter::<T>(2)?;
        // From the first period on, so that the filter is as long as it can be.
        let filter = some_filter::<T>(filter::cycle_filter_len(MAX_PERIODS))?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, REGION, CYCLE, KEY.period, 1, filter);

        assert!(RevisedFilters::<T>::contains_key((REGION, CYCLE, KEY.period)));
        Ok(())
    }

    #[benchmark]
    fn withhold(e: Linear<0, { T::MaxExcluded::get() }>) -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;
        put_manifest::<T>(MINIMUM, &commitments(MINIMUM))?;
        let shares = shares(e);
        T::ClosedPeriods::set_closed(&KEY, &shares);
        let excluded = first_prids(&shares, e).try_into().map_err(|_| TOO_LONG)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, KEY, excluded);

        assert_eq!(Outcomes::<T>::get(KEY), Some(Outcome::Withheld));
        Ok(())
    }
}
