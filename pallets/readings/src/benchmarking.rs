//! The benchmarks of the calls, the extension and the hooks of readings.
//!
//! **Privacy.** They reveal nothing.

use super::*;
use alloc::{vec, vec::Vec};
use frame_benchmarking::{v2::*, BenchmarkError};
use frame_support::{
    dispatch::{DispatchInfo, GetDispatchInfo, PostDispatchInfo},
    traits::{Get, OriginTrait, Time},
    BoundedVec,
};
use gridveil_primitives::{
    batch::SignedShare,
    filter,
    keys::{MeterSecret, SpendKey},
    pseudonym::{self, OneTimeKey},
    tally, CycleId, CycleSchedule, Half, Manifest, Moment, PeriodKey, Prid, RegionId, RegionInfo, Revision, Share,
    MAX_PERIODS,
};
use pallet_masks::ManifestOf;
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

/// As many shares of [`KEY`] as an aggregator sends them, ascending.
fn signed_shares<T: Config>(count: u32) -> Vec<SignedShare> {
    let keys = MeterSecret::from_bytes([2; 32]).cycle_keys();
    let genesis = Pallet::<T>::genesis();
    let mut shares: Vec<_> = (0..count)
        .map(|number| {
            let mut seed = [3u8; 32];
            seed.iter_mut()
                .zip(number.to_le_bytes())
                .for_each(|(to, from)| *to = from);
            OneTimeKey::derive(&SpendKey::from_seed(&seed), &keys, Half::First, KEY.period).sign_share(
                &genesis,
                &KEY,
                u64::from(number),
            )
        })
        .collect();
    shares.sort_by_key(|share| share.prid);
    shares
}

/// Pseudonyms that nobody has, ascending, of which no two calls with different `tag`s have one in common.
fn strange_prids(tag: u8, count: u32) -> impl Iterator<Item = Prid> {
    (0..count).map(move |number| {
        let mut prid = [tag; 32];
        prid.iter_mut()
            .zip(number.to_be_bytes())
            .for_each(|(to, from)| *to = from);
        prid
    })
}

/// Leave [`KEY`] with as many batches, which together hold what the largest region sends.
fn put_batches<T: Config>(batches: u32) -> Result<(), BenchmarkError> {
    let all = T::MaxMeters::get().saturating_mul(2);
    let each = all
        .checked_div(T::MaxBatches::get())
        .unwrap_or(all)
        .clamp(1, T::MaxBatchShares::get());
    for number in 0..batches {
        let tag = u8::try_from(number).unwrap_or(u8::MAX);
        let shares: Vec<_> = strange_prids(tag, each).map(|prid| Share { prid, value: 1 }).collect();
        let shares = BoundedVec::try_from(shares).map_err(|_| TOO_LONG)?;
        Batches::<T>::insert((KEY.cycle, KEY.region, KEY.period, number), shares);
    }
    Tallies::<T>::mutate(KEY, |tally| tally.batches = batches);
    Ok(())
}

/// The call of an aggregator with these shares of [`KEY`].
fn batch_call<T: Config>(shares: Vec<SignedShare>) -> Result<Call<T>, BenchmarkError> {
    Ok(Call::submit_batch {
        region: KEY.region,
        cycle: KEY.cycle,
        period: KEY.period,
        shares: shares.try_into().map_err(|_| TOO_LONG)?,
    })
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

/// The filter and the period's manifest of a revision, both as long as they may be, with every bit set: every position is
/// looked at.
fn put_filters<T: Config>(key: &PeriodKey) -> Result<(), BenchmarkError> {
    let meters = T::MaxMeters::get();
    let full = |len| vec![0xff; len];
    let filter: BoundedVec<u8, T::MaxFilterBytes> = full(filter::cycle_filter_len(MAX_PERIODS))
        .try_into()
        .map_err(|_| TOO_LONG)?;
    let from = key.period;
    pallet_masks::Revisions::<T>::mutate((key.region, key.cycle), |revisions| {
        revisions.try_push(Revision { from, meters })
    })
    .map_err(|_| TOO_LONG)?;
    pallet_masks::RevisedFilters::<T>::insert((key.region, key.cycle, from), filter);
    pallet_masks::MadeFor::<T>::insert(key, from);
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

    /// A share stored and counted.
    #[benchmark]
    fn submit() {
        let [first, second] = two_pseudonyms();
        Pallet::<T>::admit(KEY, first, 1);
        let origin = T::RuntimeOrigin::from(Origin::Meter(second));

        #[extrinsic_call]
        _(origin, KEY.region, KEY.cycle, KEY.period, 2);

        assert_eq!(Tallies::<T>::get(KEY).count, 2);
    }

    /// `n` shares stored and counted.
    #[benchmark]
    fn submit_batch(n: Linear<1, { T::MaxBatchShares::get() }>) -> Result<(), BenchmarkError> {
        let call = batch_call::<T>(signed_shares::<T>(n))?;
        // T is not looked at again.
        let [tally, _] = two_pseudonyms();
        let used = Default::default();
        let origin = T::RuntimeOrigin::from(Origin::Aggregator { tally, used });

        #[block]
        {
            use frame_support::traits::UnfilteredDispatchable;
            assert!(call.dispatch_bypass_filter(origin).is_ok());
        }

        assert_eq!(Tallies::<T>::get(KEY).count, n);
        Ok(())
    }

    /// The extension on a `submit_batch` of `n` shares, with a filter as long as may be and `b` batches in the period, which
    /// hold all of a region's shares.
    #[benchmark]
    fn authenticate_batch(
        n: Linear<1, { T::MaxBatchShares::get() }>,
        b: Linear<0, { T::MaxBatches::get().saturating_sub(1) }>,
    ) -> Result<(), BenchmarkError> {
        put_regions::<T>(1);
        put_cycle::<T>(KEY.cycle);
        put_filters::<T>(&KEY)?;
        put_batches::<T>(b)?;
        let call = T::RuntimeCall::from(batch_call::<T>(signed_shares::<T>(n))?);
        let info = call.get_dispatch_info();
        let origin = T::RuntimeOrigin::signed([1; 32].into());

        #[block]
        {
            let passed = AuthenticateMeter::<T>::new().validate_and_prepare(origin, &call, &info, 0, 0);
            assert!(passed.is_ok());
        }
        Ok(())
    }

    /// What the extension does beside that where the period has `s` single shares, fewer than the batch.
    #[benchmark]
    fn look_at_singles(s: Linear<0, { T::MaxBatchShares::get() }>) {
        for prid in strange_prids(u8::MAX, s) {
            Shares::<T>::insert((KEY.cycle, KEY.region, KEY.period, prid), 1);
        }
        let tally = Tally {
            singles: s,
            ..Tally::default()
        };
        let shares: Vec<_> = strange_prids(0, T::MaxBatchShares::get())
            .map(|prid| SignedShare {
                prid,
                value: 1,
                signature: [0; 64],
            })
            .collect();
        let found;

        #[block]
        {
            found = Pallet::<T>::used(&KEY, &tally, &shares);
        }

        assert_eq!(found, (Vec::new(), s));
    }

    /// The extension on a `submit`, with a filter as long as may be and `b` batches in the period, which hold all of a
    /// region's shares.
    #[benchmark]
    fn authenticate(b: Linear<0, { T::MaxBatches::get() }>) -> Result<(), BenchmarkError> {
        let [prid, _] = two_pseudonyms();
        put_regions::<T>(1);
        put_cycle::<T>(KEY.cycle);
        put_filters::<T>(&KEY)?;
        put_batches::<T>(b)?;
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

    /// The walk over what is due, of which `n` periods of one region close. Each is of another cycle, so that nothing is
    /// read twice.
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

    /// The part of the walk over `n` regions that have nothing to close. No further than one block looks, so that the cost
    /// of looking is in the slope.
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

    /// `n` batches of one region and cycle forgotten; a share that came on its own counts as one. Batches of a few hundred
    /// shares; nothing looks into them.
    #[benchmark]
    fn prune(n: Linear<0, 1_000>) -> Result<(), BenchmarkError> {
        put_regions::<T>(T::MaxRegions::get());
        put_filters::<T>(&KEY)?;
        let batch: Vec<_> = strange_prids(0, 500).map(|prid| Share { prid, value: 1 }).collect();
        for number in 0..n {
            let batch = BoundedVec::truncate_from(batch.clone());
            Batches::<T>::insert((KEY.cycle, KEY.region, KEY.period, number), batch);
        }

        #[block]
        {
            Pallet::<T>::prune_next(n.saturating_add(1));
        }
        assert_eq!(NextPrune::<T>::get().after, Some(REGION));
        assert_eq!(Batches::<T>::iter_key_prefix((KEY.cycle,)).count(), 0);
        Ok(())
    }
}
