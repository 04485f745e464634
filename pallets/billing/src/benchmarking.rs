//! The benchmarks of the calls of billing.
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
    bill::{self, BillSecret, Figures},
    Bid, BillSums, CycleId, CycleSchedule, RegionBills, RegionId, RegionInfo,
};
use pallet_registry::EnsureKeyCentre;

const CYCLE: CycleId = 0;
const REGION: RegionId = 1;

const TOO_LONG: BenchmarkError = BenchmarkError::Stop("a benchmark's value does not fit its bound");

/// The key centre's origin, on a chain with [`REGION`] where [`CYCLE`] has closed.
fn set_up<T: Config>() -> Result<T::RuntimeOrigin, BenchmarkError> {
    let schedule = CycleSchedule {
        start: T::Clock::now(),
        period_ms: 1,
        window_ms: 1,
        periods: 1,
    };
    pallet_registry::Cycles::<T>::insert(CYCLE, schedule);
    let info = RegionInfo {
        aggregator: [1; 32],
        minimum_meters: 1,
        fallback_price: 1,
    };
    pallet_registry::Regions::<T>::insert(REGION, info);
    T::BenchmarkHelper::close(CYCLE);
    EnsureKeyCentre::<T>::try_successful_origin().map_err(|()| BenchmarkError::Weightless)
}

#[benchmarks]
mod benches {
    use super::*;

    #[benchmark]
    fn publish_bills(n: Linear<1, { T::MaxBills::get() }>) -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;
        let commitments = Figures::default().commit(&BillSecret::from_bytes([1; 32]));
        let mut bills = Vec::new();
        for number in 0..n {
            let mut bid: Bid = [0; 32];
            bid.iter_mut()
                .zip(number.to_le_bytes())
                .for_each(|(to, from)| *to = from);
            pallet_registry::Users::<T>::insert(bid, [1; 32]);
            let mut cid = vec![0x01, 0x55, 0x12, 0x20];
            cid.extend(bid);
            bills.push((bid, Cid::try_from(cid).map_err(|_| TOO_LONG)?, [2; 32], commitments));
        }
        let bills = BoundedVec::try_from(bills).map_err(|_| TOO_LONG)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, REGION, CYCLE, bills);

        assert!(Bills::<T>::contains_key([0; 32], CYCLE));
        Ok(())
    }

    #[benchmark]
    fn finish_cycle() -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, CYCLE);

        assert!(Finished::<T>::contains_key(CYCLE));
        Ok(())
    }

    #[benchmark]
    fn reconcile() -> Result<(), BenchmarkError> {
        let origin = set_up::<T>()?;
        let sums = BillSums {
            energy: -1_000_000,
            amount: i128::MAX,
        };
        let figures = Figures { opened: sums, apart: 0 };
        let secret = BillSecret::from_bytes([1; 32]);
        let commitments = figures.commit(&secret);
        let bills = RegionBills {
            bills: 1,
            energy: commitments.energy,
            amount: commitments.amount,
            opened: None,
        };
        Sums::<T>::insert(CYCLE, REGION, bills);

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, REGION, CYCLE, bill::open(sums, [secret]));

        assert_eq!(Sums::<T>::get(CYCLE, REGION).and_then(|bills| bills.opened), Some(sums));
        Ok(())
    }
}
