//! Where each user finds its bill, and from when a cycle's shares may be forgotten.
//!
//! The pallet promises that a bill is only ever published for a registered user and a cycle that is over, that it stands
//! once published, and that a finished cycle gets no more bills. After a cycle the key centre puts the encrypted bills into
//! the content store and here, for each user's BID, the CID and the hash (DESIGN section 4, step 8); when all are out it
//! finishes the cycle, and [`Config::ShareRetention`] later [`ExpiredShares`] contains the cycle, upon which the readings
//! pallet forgets its shares. Only the key centre may call. Whether a bill is right is the user's to check, that every user
//! has one the key centre's to see to, and that the content stays available the store's.
//!
//! **Privacy.** The chain shows that a BID was billed for a cycle and names the ciphertext. It shows neither consumption
//! nor amount; bills are padded, so that a ciphertext's length says little too.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::{Bill, Cid};
pub use weights::WeightInfo;

/// What the benchmarks need of the pallets behind [`Config::CycleClosed`].
#[cfg(feature = "runtime-benchmarks")]
pub trait BenchmarkHelper {
    /// Make `cycle` one that [`Config::CycleClosed`] contains.
    fn close(cycle: gridveil_primitives::CycleId);
}

#[frame_support::pallet]
pub mod pallet {
    use super::{types::is_raw_sha2_256, Bill, Cid, WeightInfo};
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::{Contains, EnsureOrigin, Time},
    };
    use frame_system::pallet_prelude::*;
    use gridveil_primitives::{Bid, BillRecord, CycleId, Moment};
    use pallet_registry::EnsureKeyCentre;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_registry::Config {
        /// The weights of the calls.
        type WeightInfo: WeightInfo;
        /// The cycles of which every period has closed: `pallet_readings::ClosedCycles`.
        type CycleClosed: Contains<CycleId>;
        /// The most bills in one call.
        #[pallet::constant]
        type MaxBills: Get<u32>;
        /// How long shares are kept after their cycle is finished, in milliseconds.
        #[pallet::constant]
        type ShareRetention: Get<u64>;
        /// Closes a cycle for the benchmarks.
        #[cfg(feature = "runtime-benchmarks")]
        type BenchmarkHelper: crate::BenchmarkHelper;
    }

    /// The bills, by user and cycle, so that a user's bills lie together.
    #[pallet::storage]
    pub type Bills<T: Config> = StorageDoubleMap<_, Blake2_128Concat, Bid, Twox64Concat, CycleId, Bill>;

    /// When the billing of each finished cycle was finished.
    #[pallet::storage]
    pub type Finished<T: Config> = StorageMap<_, Twox64Concat, CycleId, Moment>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A user's bill is published.
        BillPublished {
            /// The cycle.
            cycle: CycleId,
            /// The user.
            bid: Bid,
            /// The binary CID under which the encrypted bill is stored.
            cid: Cid,
            /// BLAKE2b-256 of the encrypted bill.
            hash: [u8; 32],
        },
        /// All bills of a cycle are out.
        CycleFinished {
            /// The cycle.
            cycle: CycleId,
        },
    }

    /// What is wrong with a call.
    #[pallet::error]
    pub enum Error<T> {
        /// The cycle is not scheduled.
        UnknownCycle,
        /// Not every period of the cycle has closed.
        CycleNotOver,
        /// The billing of the cycle is finished.
        AlreadyFinished,
        /// The call has no bill.
        NothingToPublish,
        /// The user is not registered.
        UnknownUser,
        /// The user has its bill for the cycle, or is in the call twice.
        AlreadyBilled,
        /// The CID is not of version 1, raw, sha2-256.
        MalformedCid,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::MaxBills::get() >= 1, "no bill could be published");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Publish bills of `cycle`: each user's BID with the CID of its encrypted bill and the BLAKE2b-256 of it. All of
        /// them, or none where one is wrong.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::BillPublished`] for each.
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::publish_bills(bills.len().try_into().unwrap_or(u32::MAX)))]
        pub fn publish_bills(
            origin: OriginFor<T>,
            cycle: CycleId,
            bills: BoundedVec<(Bid, Cid, [u8; 32]), T::MaxBills>,
        ) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            Self::check_billable(cycle)?;
            ensure!(!bills.is_empty(), Error::<T>::NothingToPublish);
            for (bid, cid, hash) in bills {
                ensure!(pallet_registry::Users::<T>::contains_key(bid), Error::<T>::UnknownUser);
                ensure!(!Bills::<T>::contains_key(bid, cycle), Error::<T>::AlreadyBilled);
                ensure!(is_raw_sha2_256(&cid), Error::<T>::MalformedCid);
                Bills::<T>::insert(bid, cycle, Bill { cid: cid.clone(), hash });
                Self::deposit_event(Event::BillPublished { cycle, bid, cid, hash });
            }
            Ok(())
        }

        /// Finish the billing of `cycle`: no bill is added any more, and from [`Config::ShareRetention`] on its shares may
        /// be forgotten.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::CycleFinished`].
        #[pallet::call_index(1)]
        #[pallet::weight(<T as Config>::WeightInfo::finish_cycle())]
        pub fn finish_cycle(origin: OriginFor<T>, cycle: CycleId) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            Self::check_billable(cycle)?;
            Finished::<T>::insert(cycle, T::Clock::now());
            Self::deposit_event(Event::CycleFinished { cycle });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// Where the bill of `bid` for `cycle` is; `None` until it is published.
        pub fn bill(cycle: CycleId, bid: &Bid) -> Option<BillRecord> {
            Bills::<T>::get(bid, cycle).map(BillRecord::from)
        }

        /// Where the bills of `bid` are, by ascending cycle.
        pub fn bills(bid: &Bid) -> Vec<(CycleId, BillRecord)> {
            let mut bills: Vec<_> = Bills::<T>::iter_prefix(bid)
                .map(|(cycle, bill)| (cycle, bill.into()))
                .collect();
            bills.sort_unstable_by_key(|(cycle, _)| *cycle);
            bills
        }

        /// Whether bills of `cycle` can be published now.
        fn check_billable(cycle: CycleId) -> Result<(), Error<T>> {
            ensure!(
                pallet_registry::Cycles::<T>::contains_key(cycle),
                Error::<T>::UnknownCycle
            );
            ensure!(T::CycleClosed::contains(&cycle), Error::<T>::CycleNotOver);
            ensure!(!Finished::<T>::contains_key(cycle), Error::<T>::AlreadyFinished);
            Ok(())
        }

        /// The invariants: a bill is a registered user's, for a cycle that is over, under a CID of the one form; a finished
        /// cycle is over, and was finished in the past.
        #[cfg(any(feature = "try-runtime", test))]
        pub(crate) fn check_state() -> Result<(), sp_runtime::TryRuntimeError> {
            for (bid, cycle, bill) in Bills::<T>::iter() {
                ensure!(
                    pallet_registry::Users::<T>::contains_key(bid),
                    "a bill is for an unknown user"
                );
                ensure!(
                    T::CycleClosed::contains(&cycle),
                    "a bill is for a cycle that is not over"
                );
                ensure!(is_raw_sha2_256(&bill.cid), "a bill has a malformed CID");
            }
            for (cycle, at) in Finished::<T>::iter() {
                ensure!(
                    T::CycleClosed::contains(&cycle),
                    "a cycle was finished before it was over"
                );
                ensure!(at <= T::Clock::now(), "a cycle is finished in the future");
            }
            Ok(())
        }
    }

    /// The cycles whose shares may be forgotten, for `pallet_readings::Config::SharesExpired`.
    pub struct ExpiredShares<T>(PhantomData<T>);

    impl<T: Config> Contains<CycleId> for ExpiredShares<T> {
        fn contains(cycle: &CycleId) -> bool {
            Finished::<T>::get(cycle).is_some_and(|at| T::Clock::now() >= at.saturating_add(T::ShareRetention::get()))
        }
    }
}
