//! The price of a period in a region.
//!
//! Once a period's total is open the control centre sets the region's price from its tariff (DESIGN section 4, step 7);
//! once set it stands. A period whose total is withheld has the region's fallback price at once, through
//! [`pallet_masks::OnOutcome`], and nobody needs to set it. The tariff is the control centre's own affair: the chain takes
//! any price of it, a negative one being impossible.
//!
//! **Privacy.** A price is public and holds for a whole region; a tariff that follows the total shows what the total
//! shows and no more.

#![cfg_attr(not(feature = "std"), no_std)]

pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use pallet::*;
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use super::WeightInfo;
    use frame_support::{pallet_prelude::*, traits::EnsureOrigin};
    use frame_system::pallet_prelude::*;
    use gridveil_primitives::{Outcome, PeriodKey, Price};
    use pallet_registry::EnsureControlCentre;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_masks::Config {
        /// The weight of the call.
        type WeightInfo: WeightInfo;
    }

    /// The price of each priced period, in millionths of the currency unit per kWh.
    #[pallet::storage]
    pub type Prices<T: Config> = StorageMap<_, Twox64Concat, PeriodKey, Price, OptionQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A period has its price.
        PriceSet {
            /// The period.
            key: PeriodKey,
            /// Its price, in millionths of the currency unit per kWh.
            price: Price,
            /// Whether it is the region's fallback price, because the total is withheld.
            fallback: bool,
        },
    }

    /// What is wrong with a call.
    #[pallet::error]
    pub enum Error<T> {
        /// The period's total is not open yet; wait for its mask sum.
        NoTotal,
        /// The period has its price, and a price once set stands.
        AlreadyPriced,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Set the price of a period whose total is open.
        ///
        /// `price` is in millionths of the currency unit per kWh. Errors: [`Error::NoTotal`] before the total,
        /// [`Error::AlreadyPriced`] after the first price or the fallback price.
        ///
        /// Origin: an account with the role of the control centre. Event: [`Event::PriceSet`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::set_price())]
        pub fn set_price(origin: OriginFor<T>, key: PeriodKey, price: Price) -> DispatchResult {
            EnsureControlCentre::<T>::ensure_origin(origin)?;
            ensure!(pallet_masks::Outcomes::<T>::contains_key(key), Error::<T>::NoTotal);
            ensure!(!Prices::<T>::contains_key(key), Error::<T>::AlreadyPriced);
            Self::fix(key, price, false);
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// The price of a period, in millionths of the currency unit per kWh; `None` until it is set.
        pub fn price(key: &PeriodKey) -> Option<Price> {
            Prices::<T>::get(key)
        }

        /// Record a price for good.
        fn fix(key: PeriodKey, price: Price, fallback: bool) {
            Prices::<T>::insert(key, price);
            Self::deposit_event(Event::PriceSet { key, price, fallback });
        }

        /// The invariants: no price without an outcome, and none missing where the total is withheld.
        #[cfg(any(feature = "try-runtime", test))]
        pub(crate) fn check_state() -> Result<(), sp_runtime::TryRuntimeError> {
            for key in Prices::<T>::iter_keys() {
                ensure!(
                    pallet_masks::Outcomes::<T>::contains_key(key),
                    "a period is priced before its outcome"
                );
            }
            for (key, outcome) in pallet_masks::Outcomes::<T>::iter() {
                ensure!(
                    outcome != Outcome::Withheld || Prices::<T>::contains_key(key),
                    "a withheld period has no fallback price"
                );
            }
            Ok(())
        }
    }

    impl<T: Config> pallet_masks::OnOutcome for Pallet<T> {
        fn outcome(key: &PeriodKey, outcome: &Outcome) {
            if *outcome != Outcome::Withheld {
                return;
            }
            // A period with an outcome has a manifest, and a manifest a region; without one there is no fallback to set.
            if let Some(region) = pallet_registry::Pallet::<T>::region(key.region) {
                Self::fix(*key, region.fallback_price, true);
            }
        }
    }
}
