//! Shares of readings: their admission, their sum, the close of a period, and when they may be forgotten.
//!
//! There are two ways in, with the same checks and the same result. A meter sends `submit` as an extrinsic signed by a
//! one-time pseudonym; or it hands its share, signed for a batch, to its region's aggregator, who sends many in one
//! `submit_batch`. [`AuthenticateMeter`] decides whether each pseudonym may send for that period now and turns the signer
//! into the pallet's own [`Origin`]; the calls take no other origin, cost nothing, create no account and cannot fail. What
//! is accepted goes into storage and into a running tally: the count, the sum modulo 2^64 and T, the sum of the pseudonyms
//! (DESIGN section 3). Of two shares under one pseudonym the first stands, whichever ways they took.
//!
//! Once a period's window is over the pallet closes it by itself, `Complete` when count and T are what the key centre
//! promised and `Faulty` with an `AggregationFault` otherwise. At most [`Config::MaxClosesPerBlock`] periods are looked at
//! in a block, oldest first; the rest wait for the next block, and meanwhile nothing is accepted, because admission looks
//! at the clock and not at the close. A period without a manifest for the meters in force takes no shares and has no close.
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

mod batch;
mod closing;
mod extension;
mod pruning;
#[cfg(any(feature = "try-runtime", test))]
mod state;
mod types;
pub mod weights;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

pub use extension::{AuthenticateMeter, Checked};
pub use pallet::*;
pub use types::{Progress, Tally};
pub use weights::WeightInfo;

#[frame_support::pallet]
pub mod pallet {
    use super::{Progress, Tally, WeightInfo};
    use alloc::vec::Vec;
    use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
    use frame_support::{
        pallet_prelude::*,
        traits::{Contains, IsSubType, OriginTrait, Time},
    };
    use frame_system::pallet_prelude::*;
    use gridveil_host_functions::points;
    use gridveil_primitives::{
        batch::SignedShare, CycleId, PeriodIndex, PeriodKey, PeriodStatus, PointBytes, Prid, Refusal, RegionId, Share,
    };
    use scale_info::TypeInfo;

    /// The most shares that any runtime may let into a batch; their places fit into 16 bits.
    pub const LARGEST_BATCH: u32 = 8_192;

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
        /// The most shares in a batch; at least 1, at most [`LARGEST_BATCH`].
        #[pallet::constant]
        type MaxBatchShares: Get<u32>;
        /// The most batches of one period; what they don't take comes share by share.
        #[pallet::constant]
        type MaxBatches: Get<u32>;
    }

    /// Who may submit, as [`crate::AuthenticateMeter`] has found out.
    #[pallet::origin]
    #[derive(Clone, Debug, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo)]
    pub enum Origin {
        /// The holder of this pseudonym, which is in the filter of the call's period and has not been used.
        Meter(Prid),
        /// The aggregator of the call's region, with a batch that is in order.
        Aggregator {
            /// T of those shares of the batch that are new.
            tally: PointBytes,
            /// The places of those that are not, ascending.
            used: BoundedVec<u16, ConstU32<LARGEST_BATCH>>,
        },
    }

    /// The shares that came on their own, by cycle, region, period and pseudonym. A pseudonym is a key as it is, so that the shares of a period
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

    /// The shares that came in batches, by cycle, region, period and the batch's number, ascending by pseudonym. No
    /// pseudonym of a period is in two of them, or in one of them and in [`Shares`].
    #[pallet::storage]
    pub type Batches<T: Config> = StorageNMap<
        _,
        (
            NMapKey<Twox64Concat, CycleId>,
            NMapKey<Twox64Concat, RegionId>,
            NMapKey<Twox64Concat, PeriodIndex>,
            NMapKey<Twox64Concat, u32>,
        ),
        BoundedVec<Share, T::MaxBatchShares>,
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
        /// An aggregator's batch was taken.
        BatchAccepted {
            /// The period.
            key: PeriodKey,
            /// The batch's number in its period.
            number: u32,
            /// How many of its shares were new.
            count: u32,
        },
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
            assert!(
                (1..=LARGEST_BATCH).contains(&T::MaxBatchShares::get()),
                "a batch must have room for a share, and its places must fit into 16 bits"
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
            match origin.into_caller().try_into() {
                Ok(Origin::Meter(prid)) => Self::admit(PeriodKey { region, cycle, period }, prid, share),
                _ => return Err(DispatchError::BadOrigin),
            }
            Ok(())
        }

        /// Store the shares of a batch and count them.
        ///
        /// `shares` are of period `period` of cycle `cycle` in region `region`, ascending by pseudonym, each signed by its
        /// pseudonym (see [`gridveil_primitives::batch`]). Those whose pseudonyms are used already are left out. As with
        /// `submit`, everything that could be wrong is a refusal of [`crate::AuthenticateMeter`], and the call does not
        /// fail.
        ///
        /// Origin: [`Origin::Aggregator`], which only the extension makes. Event: [`Event::BatchAccepted`].
        #[pallet::call_index(1)]
        #[pallet::weight((
            <T as Config>::WeightInfo::submit_batch(u32::try_from(shares.len()).unwrap_or(u32::MAX)),
            DispatchClass::Normal,
            Pays::No,
        ))]
        pub fn submit_batch(
            origin: OriginFor<T>,
            region: RegionId,
            cycle: CycleId,
            period: PeriodIndex,
            shares: BoundedVec<SignedShare, T::MaxBatchShares>,
        ) -> DispatchResult {
            match origin.into_caller().try_into() {
                Ok(Origin::Aggregator { tally, used }) => {
                    Self::admit_batch(PeriodKey { region, cycle, period }, &shares, &used, &tally)
                }
                _ => return Err(DispatchError::BadOrigin),
            }
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// How far a period has come; `None` while it has no manifest.
        pub fn status(key: &PeriodKey) -> Option<PeriodStatus> {
            Statuses::<T>::get(key)
                .or_else(|| pallet_masks::Pallet::<T>::is_published(key).then_some(PeriodStatus::Open))
        }

        /// The shares of a period, by ascending pseudonym; empty once they are pruned.
        pub fn shares(key: &PeriodKey) -> Vec<Share> {
            let single = Shares::<T>::iter_prefix((key.cycle, key.region, key.period));
            let mut shares: Vec<_> = single.map(|(prid, value)| Share { prid, value }).collect();
            shares.extend(Batches::<T>::iter_prefix_values((key.cycle, key.region, key.period)).flatten());
            // Each batch ascends, and so do the single ones.
            shares.sort();
            shares
        }

        /// Why a share under `prid` would not be taken now; `None` if it would, as far as can be said without its
        /// signature.
        pub fn refusal(key: &PeriodKey, prid: &Prid) -> Option<Refusal> {
            crate::AuthenticateMeter::<T>::check(key, prid, T::Clock::now()).err()
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
                so_far.singles = so_far.singles.saturating_add(1);
                so_far.sum = so_far.sum.wrapping_add(value);
                // `prepare` has refused what is no point. Were one to come this far, T would miss it, BF2 would not know
                // T, and the period would close as faulty.
                if let Some(point) = points::sum(&[so_far.point, prid]) {
                    so_far.point = point;
                }
            });
        }
    }

    impl<T: Config> pallet_masks::ClosedPeriods for Pallet<T> {
        fn closed(key: &PeriodKey) -> Option<pallet_masks::ClosedPeriod> {
            Statuses::<T>::get(key)?;
            let Tally { count, sum, .. } = Tallies::<T>::get(key);
            Some(pallet_masks::ClosedPeriod { count, sum })
        }

        fn sum_of(key: &PeriodKey, prids: &[Prid]) -> Option<u64> {
            Self::accepted_sum(key, prids)
        }

        // In as many batches as there may be, which is what takes longest to look through.
        #[cfg(feature = "runtime-benchmarks")]
        fn set_closed(key: &PeriodKey, shares: &[(Prid, u64)]) {
            let _ = Shares::<T>::clear_prefix((key.cycle, key.region, key.period), u32::MAX, None);
            let _ = Batches::<T>::clear_prefix((key.cycle, key.region, key.period), u32::MAX, None);
            Tallies::<T>::remove(key);
            let batches = usize::try_from(T::MaxBatches::get()).unwrap_or(usize::MAX).max(1);
            for chunk in shares.chunks(shares.len().div_ceil(batches).max(1)) {
                let mut batch: Vec<_> = chunk
                    .iter()
                    .map(|(prid, value)| SignedShare {
                        prid: *prid,
                        value: *value,
                        signature: [0; 64],
                    })
                    .collect();
                batch.sort_by_key(|share| share.prid);
                let prids: Vec<_> = batch.iter().map(|share| share.prid).collect();
                let point = points::sum(&prids).unwrap_or_default();
                Self::admit_batch(*key, &batch, &[], &point);
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
