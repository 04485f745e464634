//! Where each user finds its bill, what a region's bills come to, and from when a cycle's shares may be forgotten.
//!
//! The pallet promises that a bill is only ever published for a registered user and a cycle that is over, that it stands
//! once published, and that a finished cycle gets no more bills. After a cycle the key centre puts the encrypted bills into
//! the content store and here, for each user's BID, the CID, the hash, and commitments to energy and amount (DESIGN section 4,
//! step 8), which the pallet adds up for each region. When a region's are out the key centre opens the sums, once
//! ([`Pallet::reconcile`]); then nothing is added to them any more, and what they were opened to is what the bills that are
//! committed to add up to. When all are out it finishes the cycle, and [`Config::ShareRetention`] later [`ExpiredShares`]
//! contains the cycle, upon which the readings pallet forgets its shares. Only the key centre may call. Whether a bill is right
//! and is the one committed to is the user's to check; whether a region's bills come to what its totals do is anyone's; and
//! that the content stays available the store's.
//!
//! **Privacy.** The chain shows that a BID was billed for a cycle in a region, and names the ciphertext. It shows neither
//! consumption nor amount of a home: commitments hide them, and bills are padded, so that a ciphertext's length says little
//! too. The opened sums of a region are what its public totals come to, where the bills are right.

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
pub use types::{Bill, Cid, Entry};
pub use weights::WeightInfo;

/// What the benchmarks need of the pallets behind [`Config::CycleClosed`].
#[cfg(feature = "runtime-benchmarks")]
pub trait BenchmarkHelper {
    /// Make `cycle` one that [`Config::CycleClosed`] contains.
    fn close(cycle: gridveil_primitives::CycleId);
}

#[frame_support::pallet]
pub mod pallet {
    use super::{types::is_raw_sha2_256, Bill, Cid, Entry, WeightInfo};
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::{Contains, EnsureOrigin, Time},
    };
    use frame_system::pallet_prelude::*;
    use gridveil_host_functions::points;
    use gridveil_primitives::{
        bill, Bid, BillCommitments, BillOpening, BillRecord, BillSums, CycleId, Moment, PointBytes, RegionBills,
        RegionId,
    };
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

    /// What each region's bills of a cycle add up to; none for a region without bills.
    #[pallet::storage]
    pub type Sums<T: Config> = StorageDoubleMap<_, Twox64Concat, CycleId, Twox64Concat, RegionId, RegionBills>;

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
            /// The region whose bills it is added to.
            region: RegionId,
            /// What it comes to, hidden.
            commitments: BillCommitments,
        },
        /// It is known what a region's bills of a cycle add up to.
        Reconciled {
            /// The region.
            region: RegionId,
            /// The cycle.
            cycle: CycleId,
            /// What they add up to.
            sums: BillSums,
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
        /// The region is not registered.
        UnknownRegion,
        /// A commitment to energy or to an amount is not the canonical form of a point.
        MalformedCommitment,
        /// The region has no bills of the cycle.
        NoBills,
        /// The sums of the region's bills were opened.
        AlreadyReconciled,
        /// The opening does not open the sums of the region's commitments.
        DoesNotOpen,
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
        /// Publish bills of `cycle` for users in `region`: each user's BID with the CID of its encrypted bill, the BLAKE2b-256
        /// of it, and the commitments to what it comes to, which are added to the region's. All of them, or none where one is
        /// wrong.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::BillPublished`] for each.
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::publish_bills(bills.len().try_into().unwrap_or(u32::MAX)))]
        pub fn publish_bills(
            origin: OriginFor<T>,
            region: RegionId,
            cycle: CycleId,
            bills: BoundedVec<Entry, T::MaxBills>,
        ) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            Self::check_billable(cycle)?;
            ensure!(
                pallet_registry::Regions::<T>::contains_key(region),
                Error::<T>::UnknownRegion
            );
            ensure!(!bills.is_empty(), Error::<T>::NothingToPublish);
            let sums = Sums::<T>::get(cycle, region).unwrap_or_default();
            ensure!(sums.opened.is_none(), Error::<T>::AlreadyReconciled);
            let sums = sums_with(sums, &bills).ok_or(Error::<T>::MalformedCommitment)?;
            Sums::<T>::insert(cycle, region, sums);
            for (bid, cid, hash, commitments) in bills {
                ensure!(pallet_registry::Users::<T>::contains_key(bid), Error::<T>::UnknownUser);
                ensure!(!Bills::<T>::contains_key(bid, cycle), Error::<T>::AlreadyBilled);
                ensure!(is_raw_sha2_256(&cid), Error::<T>::MalformedCid);
                let bill = Bill {
                    cid: cid.clone(),
                    hash,
                    region,
                    commitments,
                };
                Bills::<T>::insert(bid, cycle, bill);
                Self::deposit_event(Event::BillPublished {
                    cycle,
                    bid,
                    cid,
                    hash,
                    region,
                    commitments,
                });
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

        /// Open what the bills of `region` and `cycle` add up to, as far as they are for periods whose total was opened. Once;
        /// afterwards the region gets no more bills of the cycle. That the sums are those of the totals is not asked: whoever
        /// audits sees both.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::Reconciled`].
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::reconcile())]
        pub fn reconcile(
            origin: OriginFor<T>,
            region: RegionId,
            cycle: CycleId,
            opening: BillOpening,
        ) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            Self::check_billable(cycle)?;
            let mut bills = Sums::<T>::get(cycle, region).ok_or(Error::<T>::NoBills)?;
            ensure!(bills.opened.is_none(), Error::<T>::AlreadyReconciled);
            ensure!(bill::opens(&bills, &opening), Error::<T>::DoesNotOpen);
            let sums = opening.sums;
            bills.opened = Some(sums);
            Sums::<T>::insert(cycle, region, bills);
            Self::deposit_event(Event::Reconciled { region, cycle, sums });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// What the bills of `region` and `cycle` add up to; `None` while there are none.
        pub fn region_bills(region: RegionId, cycle: CycleId) -> Option<RegionBills> {
            Sums::<T>::get(cycle, region)
        }

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

        /// The invariants: a bill is a registered user's, for a cycle that is over, under a CID of the one form; a region's sums
        /// are those of its bills; a finished cycle is over, and was finished in the past.
        #[cfg(any(feature = "try-runtime", test))]
        pub(crate) fn check_state() -> Result<(), sp_runtime::TryRuntimeError> {
            let mut added = alloc::collections::BTreeMap::<_, RegionBills>::new();
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
                let sums = added.entry((cycle, bill.region)).or_default();
                *sums = sums_with(*sums, [&(bid, bill.cid, bill.hash, bill.commitments)])
                    .ok_or("a bill has a malformed commitment")?;
            }
            for (cycle, region, sums) in Sums::<T>::iter() {
                let found = added.remove(&(cycle, region)).unwrap_or_default();
                let opened = sums.opened;
                ensure!(
                    RegionBills { opened, ..found } == sums,
                    "a region's sums are not those of its bills"
                );
            }
            ensure!(added.is_empty(), "a region has bills and no sums");
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

    /// The sums with these bills; `None` if a commitment is malformed.
    fn sums_with<'a>(
        sums: RegionBills,
        bills: impl IntoIterator<Item = &'a Entry, IntoIter: Clone>,
    ) -> Option<RegionBills> {
        let bills = bills.into_iter();
        let sum = |so_far, of: fn(&BillCommitments) -> PointBytes| {
            let added = bills.clone().map(|(.., commitments)| of(commitments));
            points::sum(&core::iter::once(so_far).chain(added).collect::<Vec<_>>())
        };
        Some(RegionBills {
            bills: sums.bills.checked_add(bills.clone().count().try_into().ok()?)?,
            energy: sum(sums.energy, |bill| bill.energy)?,
            amount: sum(sums.amount, |bill| bill.amount)?,
            opened: sums.opened,
        })
    }

    /// The cycles whose shares may be forgotten, for `pallet_readings::Config::SharesExpired`.
    pub struct ExpiredShares<T>(PhantomData<T>);

    impl<T: Config> Contains<CycleId> for ExpiredShares<T> {
        fn contains(cycle: &CycleId) -> bool {
            Finished::<T>::get(cycle).is_some_and(|at| T::Clock::now() >= at.saturating_add(T::ShareRetention::get()))
        }
    }
}
