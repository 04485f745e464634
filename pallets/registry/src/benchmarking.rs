//! The benchmarks of the registry's calls and of its extension.
//!
//! They run on a genesis with at least one region, whose aggregator serves for the new one.
//!
//! **Privacy.** They reveal nothing.

use super::*;
use alloc::vec::Vec;
use frame_benchmarking::{account, v2::*, BenchmarkError};
use frame_support::{
    dispatch::{DispatchInfo, GetDispatchInfo},
    traits::{EnsureOrigin, Get, Time},
    BoundedVec,
};
use gridveil_primitives::{Bid, CycleId, CycleSchedule, RegionId, RegionInfo, Role, MAX_PERIODS};
use sp_runtime::{
    traits::{AsTransactionAuthorizedOrigin, DispatchTransaction, Dispatchable},
    transaction_validity::TransactionSource,
};

/// A region that no genesis has.
const REGION: RegionId = RegionId::MAX;

fn consortium<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    T::ConsortiumOrigin::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

fn key_centre<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    EnsureKeyCentre::<T>::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

/// A cycle of full length that starts at `start`.
fn full_cycle(start: u64) -> CycleSchedule {
    CycleSchedule {
        start,
        period_ms: 1_800_000,
        window_ms: 1_800_000,
        periods: MAX_PERIODS,
    }
}

/// Schedule a first cycle, and return the number and schedule of the one that can follow it.
fn next_cycle<T: Config>() -> (CycleId, CycleSchedule) {
    let first = full_cycle(T::Clock::now().saturating_add(1));
    Cycles::<T>::insert(0, first);
    LatestCycle::<T>::put(0);
    (1, full_cycle(first.end().unwrap_or(u64::MAX)))
}

#[benchmarks(where
    T: Send + Sync,
    T::RuntimeCall: From<Call<T>> + Dispatchable<Info = DispatchInfo>,
    T::RuntimeOrigin: AsTransactionAuthorizedOrigin,
)]
mod benchmarks {
    use super::*;

    #[benchmark]
    fn grant_role() -> Result<(), BenchmarkError> {
        let origin = consortium::<T>()?;
        let who: T::AccountId = account("who", 0, 0);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, who.clone(), Role::ControlCentre);

        assert_eq!(Roles::<T>::get(&who), Some(Role::ControlCentre));
        Ok(())
    }

    #[benchmark]
    fn revoke_role() -> Result<(), BenchmarkError> {
        let origin = consortium::<T>()?;
        let who: T::AccountId = account("who", 0, 0);
        Pallet::<T>::give_role(&who, Role::ControlCentre)
            .map_err(|_| BenchmarkError::Stop("no role could be given"))?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, who.clone());

        assert_eq!(Roles::<T>::get(&who), None);
        Ok(())
    }

    #[benchmark]
    fn register_region() -> Result<(), BenchmarkError> {
        let origin = consortium::<T>()?;
        let known = Regions::<T>::iter_values()
            .next()
            .ok_or(BenchmarkError::Stop("the genesis has no region"))?;
        let info = RegionInfo {
            aggregator: known.aggregator,
            minimum_meters: 3,
            fallback_price: 200_000,
        };

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, REGION, info);

        assert_eq!(Regions::<T>::get(REGION), Some(info));
        Ok(())
    }

    #[benchmark]
    fn register_users(n: Linear<1, { T::MaxBatch::get() }>) -> Result<(), BenchmarkError> {
        let origin = key_centre::<T>()?;
        let users: Vec<(Bid, [u8; 32])> = (0..n)
            .map(|index| {
                let mut bid = [0u8; 32];
                bid[..4].copy_from_slice(&index.to_le_bytes());
                (bid, [7; 32])
            })
            .collect();
        let users = BoundedVec::try_from(users).map_err(|_| BenchmarkError::Stop("the batch is too long"))?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, users);

        assert_eq!(Users::<T>::get([0; 32]), Some([7; 32]));
        Ok(())
    }

    #[benchmark]
    fn schedule_cycle() -> Result<(), BenchmarkError> {
        let origin = key_centre::<T>()?;
        let (cycle, schedule) = next_cycle::<T>();

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, cycle, schedule);

        assert_eq!(LatestCycle::<T>::get(), Some(cycle));
        Ok(())
    }

    #[benchmark]
    fn require_role() -> Result<(), BenchmarkError> {
        let origin = key_centre::<T>()?;
        let (cycle, schedule) = next_cycle::<T>();
        let call: T::RuntimeCall = Call::<T>::schedule_cycle { cycle, schedule }.into();
        let info = call.get_dispatch_info();
        let extension = RequireRole::<T>::new();
        let allowed;

        #[block]
        {
            allowed = extension
                .validate_only(origin, &call, &info, 0, TransactionSource::External, 0)
                .is_ok();
        }

        assert!(allowed);
        Ok(())
    }
}
