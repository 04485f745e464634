//! The benchmark of the call of pricing.
//!
//! **Privacy.** It reveals nothing.

use super::*;
use frame_benchmarking::{v2::*, BenchmarkError};
use frame_support::traits::EnsureOrigin;
use gridveil_primitives::{Outcome, PeriodKey, Total};
use pallet_registry::EnsureControlCentre;

#[benchmarks]
mod benches {
    use super::*;

    #[benchmark]
    fn set_price() -> Result<(), BenchmarkError> {
        let key = PeriodKey {
            region: 1,
            cycle: 0,
            period: 0,
        };
        let total = Total {
            meters: 1_000,
            energy: 350_000,
        };
        pallet_masks::Outcomes::<T>::insert(key, Outcome::Opened(total));
        let origin = EnsureControlCentre::<T>::try_successful_origin().map_err(|()| BenchmarkError::Weightless)?;

        #[extrinsic_call]
        _(origin as T::RuntimeOrigin, key, 310_000);

        assert_eq!(Prices::<T>::get(key), Some(310_000));
        Ok(())
    }
}
