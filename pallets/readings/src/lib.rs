//! Shares of readings: their admission, their sum, the close of a period, and when they may be forgotten.
//!
//! A meter sends `submit` as an extrinsic signed by a one-time pseudonym. [`AuthenticateMeter`] decides whether that
//! pseudonym may send for that period now and turns the signer into [`Origin::Meter`]; the call itself takes no other
//! origin, costs nothing, creates no account and cannot fail. What is accepted goes into storage and into a running
//! tally: the count, the sum modulo 2^64 and T, the sum of the pseudonyms (DESIGN section 3).
//!
//! Once a period's window is over the pallet closes it by itself, `Complete` when count and T are what the key centre
//! promised and `Faulty` with an `AggregationFault` otherwise. At most [`Config::MaxClosesPerBlock`] periods are looked at
//! in a block, oldest first; the rest wait for the next block, and meanwhile nothing is accepted, because admission looks
//! at the clock and not at the close. A period whose manifest was never published takes no shares and has no close.
//!
//! Shares go, a bounded number at a time and only where a block has room, once [`Config::SharesExpired`] says so of their
//! cycle; tallies and statuses stay. Manifests and mask sums are `pallet-masks`', prices `pallet-pricing`'s, and who may
//! sign what else is decided by the runtime.
//!
//! **Privacy.** The chain shows which pseudonym sent which masked share in which block, and that a period had so many.
//! A share is uniform in Z_2^64 to whoever lacks the meter's mask, pseudonyms of two periods can't be linked, and there
//! is no event per reading.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod closing;
mod extension;
mod pruning;
mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use extension::AuthenticateMeter;
pub use pallet::*;
pub use types::{Progress, Tally};
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use super::{Progress, Tally, WeightInfo};
    #[cfg(any(feature = "try-runtime", test))]
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;
    use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
    use frame_support::{
        pallet_prelude::*,
        traits::{Contains, IsSubType, OriginTrait, Time},
    };
    use frame_system::pallet_prelude::*;
    use gridveil_primitives::{tally, CycleId, PeriodIndex, PeriodKey, PeriodStatus, Prid, RegionId, Share};
    use scale_info::TypeInfo;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config:
        frame_system::Config<
            RuntimeCall: IsSubType<Call<Self>>,
            RuntimeEvent: From<Event<Self>>,
            RuntimeOrigin: From<Origin> + OriginTrait<PalletsOrigin: From<Origin> + TryInto<Origin>>,
        > + pallet_masks::Config
    {
        /// The weights of the call, of [`AuthenticateMeter`](crate::AuthenticateMeter) and of the hooks.
        type WeightInfo: WeightInfo;
        /// The length of a block's slot in milliseconds, for how long a share may stay in the pool.
        type SlotDuration: Get<u64>;
        /// The cycles whose shares nobody needs any more: `pallet_billing::ExpiredShares`.
        type SharesExpired: Contains<CycleId>;
        /// The most periods of regions that one block looks at to close them; at least 1.
        #[pallet::constant]
        type MaxClosesPerBlock: Get<u32>;
    }

    /// Who may submit: a meter, under a pseudonym that [`crate::AuthenticateMeter`] has checked.
    #[pallet::origin]
    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
    pub enum Origin {
        /// The holder of this pseudonym, which is in the filter of the call's period and has not been used.
        Meter(Prid),
    }

    /// The shares, by cycle, region, period and pseudonym. A pseudonym is a key as it is, so that the shares of a period
    /// lie in the pseudonyms' own order; nobody can choose keys here, as only what the key centre put in a filter gets in.
    #[pallet::storage]
    pub type Shares<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Twox64Concat, CycleId>,
            NMapKey<Twox64Concat, RegionId>,
            NMapKey<Twox64Concat, PeriodIndex>,
            NMapKey<Identity, Prid>,
        ),
        u64,
        OptionQuery,
    >;

    /// The count, sum and T of each period's shares, as accepted.
    #[pallet::storage]
    pub type Tallies<T: Config> = StorageMap<_, Twox64Concat, PeriodKey, Tally, ValueQuery>;

    /// How each closed period ended: `Complete` or `Faulty`.
    #[pallet::storage]
    pub type Statuses<T: Config> = StorageMap<_, Twox64Concat, PeriodKey, PeriodStatus, OptionQuery>;

    /// The period that closes next.
    #[pallet::storage]
    pub type NextClose<T: Config> = StorageValue<_, Progress, ValueQuery>;

    /// The cycle and region whose shares are forgotten next; its `period` is always 0.
    #[pallet::storage]
    pub type NextPrune<T: Config> = StorageValue<_, Progress, ValueQuery>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A period's window is over.
        PeriodClosed {
            /// The period.
            key: PeriodKey,
            /// The shares accepted.
            count: u32,
            /// Their sum modulo 2^64.
            sum: u64,
        },
        /// A period closed with something other in it than all of its shares.
        AggregationFault {
            /// The period.
            key: PeriodKey,
            /// 2m, the shares that its manifest promised.
            expected: u32,
            /// The shares accepted.
            count: u32,
            /// Whether BF2 knows T.
            tally_known: bool,
        },
        /// The shares of a region in a cycle are forgotten.
        SharesPruned {
            /// The region.
            region: RegionId,
            /// The cycle.
            cycle: CycleId,
        },
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        /// Closes what is due by the parent block's clock.
        fn on_initialize(_: BlockNumberFor<T>) -> Weight {
            Self::close_due(T::Clock::now())
        }

        /// Forgets shares of expired cycles as far as the block has room.
        fn on_idle(_: BlockNumberFor<T>, remaining: Weight) -> Weight {
            Self::prune(remaining)
        }

        fn integrity_test() {
            let most = T::MaxClosesPerBlock::get();
            assert!(
                most >= 1,
                "MaxClosesPerBlock must be at least 1, or no period ever closes"
            );
            let block = T::BlockWeights::get().max_block;
            assert!(
                <T as Config>::WeightInfo::close(most).all_lte(block / 2),
                "closing MaxClosesPerBlock periods must leave half of a block to everything else"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Store a share of a reading and count it.
        ///
        /// `share` is the masked share modulo 2^64 (DESIGN section 3) for period `period` of cycle `cycle` in region
        /// `region`. Everything that could be wrong with it is a [`gridveil_primitives::Refusal`] of
        /// [`crate::AuthenticateMeter`], before the call; the call itself does not fail.
        ///
        /// Origin: [`Origin::Meter`], which only the extension makes. Event: none, so that a dashboard learns no more
        /// than the close tells it.
        #[pallet::call_index(0)]
        #[pallet::weight((<T as Config>::WeightInfo::submit(), DispatchClass::Normal, Pays::No))]
        pub fn submit(
            origin: OriginFor<T>,
            region: RegionId,
            cycle: CycleId,
            period: PeriodIndex,
            share: u64,
        ) -> DispatchResult {
            let Origin::Meter(prid) = origin.into_caller().try_into().map_err(|_| DispatchError::BadOrigin)?;
            Self::admit(PeriodKey { region, cycle, period }, prid, share);
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// How far a period has come; `None` while it has no manifest.
        pub fn status(key: &PeriodKey) -> Option<PeriodStatus> {
            Statuses::<T>::get(key)
                .or_else(|| pallet_masks::Manifests::<T>::contains_key(key).then_some(PeriodStatus::Open))
        }

        /// The shares of a period, by ascending pseudonym; empty once they are pruned.
        pub fn shares(key: &PeriodKey) -> Vec<Share> {
            Shares::<T>::iter_prefix((key.cycle, key.region, key.period))
                .map(|(prid, value)| Share { prid, value })
                .collect()
        }

        /// Whether every period of a cycle has closed.
        pub fn cycle_closed(cycle: CycleId) -> bool {
            cycle < NextClose::<T>::get().cycle
        }

        /// Stores a share that the extension has let through.
        pub(crate) fn admit(key: PeriodKey, prid: Prid, value: u64) {
            Shares::<T>::insert((key.cycle, key.region, key.period, prid), value);
            Tallies::<T>::mutate(key, |so_far| {
                so_far.count = so_far.count.saturating_add(1);
                so_far.sum = so_far.sum.wrapping_add(value);
                // `prepare` has refused what is no point. Were one to come this far, T would miss it, BF2 would not know
                // T, and the period would close as faulty.
                if let Some(point) = tally::add(&so_far.point, &prid) {
                    so_far.point = point;
                }
            });
        }
    }

    #[cfg(any(feature = "try-runtime", test))]
    impl<T: Config> Pallet<T> {
        /// The invariants: only a period with a manifest has shares or a tally; the tally is that of the shares, unless
        /// they are expired; exactly the periods with a manifest that the walk has passed are closed, as complete only
        /// with all their shares; and no share of a cycle that is pruned is left.
        pub(crate) fn check_state() -> Result<(), sp_runtime::TryRuntimeError> {
            let pruned = NextPrune::<T>::get().cycle;
            let mut stored = BTreeMap::<PeriodKey, Tally>::new();
            for ((cycle, region, period, prid), value) in Shares::<T>::iter() {
                ensure!(cycle >= pruned, "a share of a pruned cycle is left");
                let so_far = stored.entry(PeriodKey { region, cycle, period }).or_default();
                so_far.count = so_far.count.saturating_add(1);
                so_far.sum = so_far.sum.wrapping_add(value);
                so_far.point = tally::add(&so_far.point, &prid).ok_or("a share's pseudonym is not a point")?;
            }
            for (key, found) in &stored {
                ensure!(
                    pallet_masks::Manifests::<T>::contains_key(key),
                    "a period without a manifest has shares"
                );
                let expired = T::SharesExpired::contains(&key.cycle);
                ensure!(
                    expired || Tallies::<T>::get(key) == *found,
                    "a tally is not that of its shares"
                );
            }
            for (key, tally) in Tallies::<T>::iter() {
                ensure!(
                    pallet_masks::Manifests::<T>::contains_key(key),
                    "a period without a manifest has a tally"
                );
                let gone = key.cycle < pruned || T::SharesExpired::contains(&key.cycle);
                let found = stored.get(&key).copied().unwrap_or_default();
                ensure!(gone || tally == found, "a tally is not that of its shares");
            }

            let next = NextClose::<T>::get();
            let passed = |key: &PeriodKey| {
                let at = (key.cycle, key.period);
                at < (next.cycle, next.period) || (at == (next.cycle, next.period) && Some(key.region) <= next.after)
            };
            for (key, status) in Statuses::<T>::iter() {
                ensure!(passed(&key), "a period has closed before its turn");
                let manifest = pallet_masks::Manifests::<T>::get(key).ok_or("a closed period has no manifest")?;
                let expected = manifest.meters.saturating_mul(2);
                match status {
                    PeriodStatus::Open => return Err("a closed period is kept as open".into()),
                    PeriodStatus::Complete => {
                        ensure!(
                            Tallies::<T>::get(key).count == expected,
                            "a complete period lacks shares"
                        )
                    }
                    PeriodStatus::Faulty => (),
                }
            }
            for key in pallet_masks::Manifests::<T>::iter_keys() {
                ensure!(
                    !passed(&key) || Statuses::<T>::contains_key(key),
                    "a period was passed and has not closed"
                );
            }
            Ok(())
        }
    }

    impl<T: Config> pallet_masks::ClosedPeriods for Pallet<T> {
        fn closed(key: &PeriodKey) -> Option<pallet_masks::ClosedPeriod> {
            Statuses::<T>::get(key)?;
            let Tally { count, sum, .. } = Tallies::<T>::get(key);
            Some(pallet_masks::ClosedPeriod { count, sum })
        }

        fn value_of(key: &PeriodKey, prid: &Prid) -> Option<u64> {
            Shares::<T>::get((key.cycle, key.region, key.period, prid))
        }

        #[cfg(feature = "runtime-benchmarks")]
        fn set_closed(key: &PeriodKey, shares: &[(Prid, u64)]) {
            let _ = Shares::<T>::clear_prefix((key.cycle, key.region, key.period), u32::MAX, None);
            Tallies::<T>::remove(key);
            for (prid, value) in shares {
                Self::admit(*key, *prid, *value);
            }
            Statuses::<T>::insert(key, PeriodStatus::Faulty);
        }
    }

    /// The cycles of which every period has closed, for `pallet_billing::Config::CycleClosed`.
    pub struct ClosedCycles<T>(PhantomData<T>);

    impl<T: Config> Contains<CycleId> for ClosedCycles<T> {
        fn contains(cycle: &CycleId) -> bool {
            Pallet::<T>::cycle_closed(*cycle)
        }
    }
}
