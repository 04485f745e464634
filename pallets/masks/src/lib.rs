//! What the key centre publishes before a period, and the mask sum that it opens after it.
//!
//! The pallet promises that a period's manifest (BF1, the expected count, the commitment to the mask sum) and its
//! cycle's filter (BF2) are there before the period opens and never change from then on; that within a cycle a region's
//! meters change at a day's start only, by a [`Revision`] published before it, and never become more; that a mask sum is
//! opened at most once, after the period has closed, only for pairs of shares that are on chain, and only if at least the region's minimum
//! of meters remains; and that an opened sum is the one committed to, less the meters left out. Only the key centre may
//! call. Closing a period is left to the pallet behind [`ClosedPeriods`], pricing it to the one behind [`OnOutcome`].
//! That the shares named as excluded are the incomplete and alien ones, and not others, is left to the key centre:
//! pseudonyms of a meter can't be told together by anyone else.
//!
//! A revision takes back the manifests of its periods without touching them: a manifest counts in a period only if it was
//! published for the revision in force there ([`Pallet::manifest`]), and one that does not is overwritten by the next.
//!
//! The paper's phases 3 (filters), 6 (opening, there Z and Z′) and 8 (faulty meters); DESIGN sections 3 and 4.
//!
//! **Privacy.** A filter shows which pseudonyms exist to whom already knows one; a commitment hides its mask sum, and a
//! meter's own commitment, shown when the meter is left out, hides that meter's masks. Opening shows the sum of the
//! masks of at least the minimum of meters, once. How many meters are missing in a period is public, which ones is not. Of a
//! period that was published before a revision and again after it, the two filters tell which pseudonyms are a new
//! meter's; of one that was not, nothing does.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
#[cfg(test)]
mod mock;
#[cfg(any(feature = "try-runtime", test))]
mod state;
#[cfg(test)]
mod tests;
mod types;
pub mod weights;

pub use pallet::*;
pub use types::{
    BoundedCycleFilter, BoundedLeftOut, BoundedManifest, BoundedOpening, ClosedPeriod, ClosedPeriods, OnOutcome,
    TooLong, MAX_PROOF, MAX_REVISIONS,
};
pub use weights::WeightInfo;

/// A manifest within the runtime's bounds.
pub type ManifestOf<T> = BoundedManifest<<T as Config>::MaxFilterBytes>;
/// A cycle's filter within the runtime's bounds.
pub type CycleFilterOf<T> = BoundedCycleFilter<<T as Config>::MaxFilterBytes>;
/// An opening within the runtime's bounds.
pub type OpeningOf<T> = BoundedOpening<<T as Config>::MaxExcluded, <T as Config>::MaxLeftOut>;

#[frame_support::pallet]
pub mod pallet {
    use super::{
        types::fits_entries, ClosedPeriod, ClosedPeriods, CycleFilterOf, ManifestOf, OnOutcome, OpeningOf, WeightInfo,
        MAX_PROOF, MAX_REVISIONS,
    };
    use frame_support::{
        pallet_prelude::*,
        traits::{EnsureOrigin, Time},
    };
    use frame_system::pallet_prelude::*;
    use gridveil_primitives::{
        commitment, filter, share, tally, CycleId, CycleSchedule, Opening, Outcome, PeriodIndex, PeriodKey, Prid,
        RegionId, RegionInfo, Revision, Total, MAX_METERS, MAX_PERIODS, PERIODS_PER_DAY,
    };
    use pallet_registry::EnsureKeyCentre;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<RuntimeEvent: From<Event<Self>>> + pallet_registry::Config {
        /// The weights of the calls, [`OnOutcome`] included.
        type WeightInfo: WeightInfo;
        /// The periods that have closed, and their shares.
        type ClosedPeriods: ClosedPeriods;
        /// Told what became of each period's mask sum.
        type OnOutcome: OnOutcome;
        /// The most meters in a region; at most [`MAX_METERS`].
        #[pallet::constant]
        type MaxMeters: Get<u32>;
        /// The most bytes of a filter; enough for BF1 over [`Config::MaxMeters`] meters and for BF2 over
        /// [`MAX_PERIODS`].
        #[pallet::constant]
        type MaxFilterBytes: Get<u32>;
        /// The most manifests in one call.
        #[pallet::constant]
        type MaxManifests: Get<u32>;
        /// The most shares that can be excluded from a period's sum; at least [`Config::MaxLeftOut`].
        #[pallet::constant]
        type MaxExcluded: Get<u32>;
        /// The most meters that an opening can leave out; where more are missing, the mask sum is withheld.
        #[pallet::constant]
        type MaxLeftOut: Get<u32>;
    }

    /// BF2 of each region and cycle, with the count of meters that the cycle began with.
    #[pallet::storage]
    pub type CycleFilters<T: Config> = StorageMap<_, Twox64Concat, (RegionId, CycleId), CycleFilterOf<T>>;

    /// The revisions of each region and cycle, ascending.
    #[pallet::storage]
    pub type Revisions<T: Config> =
        StorageMap<_, Twox64Concat, (RegionId, CycleId), BoundedVec<Revision, ConstU32<MAX_REVISIONS>>, ValueQuery>;

    /// BF2 of each revision, over its own periods, by the first of them.
    #[pallet::storage]
    pub type RevisedFilters<T: Config> =
        StorageMap<_, Twox64Concat, (RegionId, CycleId, PeriodIndex), BoundedVec<u8, T::MaxFilterBytes>>;

    /// The latest manifest of each period, whether or not it counts: see [`Pallet::manifest`].
    #[pallet::storage]
    pub type Manifests<T: Config> = StorageMap<_, Twox64Concat, PeriodKey, ManifestOf<T>>;

    /// The first period of the revision that a manifest was published for; nothing for the meters that the cycle began with.
    #[pallet::storage]
    pub type MadeFor<T: Config> = StorageMap<_, Twox64Concat, PeriodKey, PeriodIndex>;

    /// What became of each period's mask sum.
    #[pallet::storage]
    pub type Outcomes<T: Config> = StorageMap<_, Twox64Concat, PeriodKey, Outcome>;

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// A cycle's filter was published.
        CycleFilterPublished {
            /// The region.
            region: RegionId,
            /// The cycle.
            cycle: CycleId,
            /// The region's meters in this cycle.
            meters: u32,
        },
        /// From a period on a region has other meters; the manifests from there on are taken back.
        CycleRevised {
            /// The region.
            region: RegionId,
            /// The cycle.
            cycle: CycleId,
            /// The first of the periods.
            from: PeriodIndex,
            /// The region's meters from then on.
            meters: u32,
        },
        /// The manifests of consecutive periods were published.
        ManifestsPublished {
            /// The region.
            region: RegionId,
            /// The cycle.
            cycle: CycleId,
            /// The first of the periods.
            first: PeriodIndex,
            /// How many periods.
            count: u32,
        },
        /// A period's mask sum was opened.
        PeriodOpened {
            /// The period.
            key: PeriodKey,
            /// The region's consumption, and the meters that count in it.
            total: Total,
            /// How many meters were left out.
            left_out: u32,
            /// How many shares were excluded from the sum.
            excluded: u32,
        },
        /// A period's mask sum stays closed, since too few meters are complete.
        PeriodWithheld {
            /// The period.
            key: PeriodKey,
        },
    }

    /// What is wrong with a call.
    #[pallet::error]
    pub enum Error<T> {
        /// The region is not registered.
        UnknownRegion,
        /// The cycle is not scheduled.
        UnknownCycle,
        /// The cycle has no such period.
        UnknownPeriod,
        /// The count of meters is 0 or above [`Config::MaxMeters`].
        MetersOutOfRange,
        /// The filter has the wrong length for its entries, or more bits set than they can set, or none.
        MalformedFilter,
        /// The filter of this region and cycle is published already.
        CycleFilterAlreadyPublished,
        /// The filter of this region and cycle must be published before its manifests.
        CycleFilterMissing,
        /// The call has no manifest.
        NothingToPublish,
        /// The manifest of one of the periods is published already.
        ManifestAlreadyPublished,
        /// One of the periods has opened already.
        PeriodAlreadyOpen,
        /// A manifest's count of meters differs from the one in force.
        MetersDiffer,
        /// A revision begins within a day.
        NotADaysStart,
        /// A revision of the same day or of a later one is published already.
        RevisionOutOfOrder,
        /// A revision has more meters than there are: nobody joins within a cycle.
        MetersJoin,
        /// A manifest's commitment is not a point.
        InvalidCommitment,
        /// The period has no manifest.
        ManifestMissing,
        /// The period has not closed yet.
        PeriodNotClosed,
        /// The period's mask sum is opened or withheld already.
        AlreadyDecided,
        /// The excluded shares are not in strictly ascending order.
        ExcludedUnordered,
        /// An excluded share is not on chain.
        ExcludedUnknown,
        /// The shares that remain are not two for each meter that remains.
        CountsDoNotAddUp,
        /// Fewer meters remain than the region's minimum.
        TooFewMeters,
        /// The opening does not open the period's commitment, less the meters left out.
        DoesNotOpen,
        /// Enough meters are complete, so the mask sum must be opened.
        EnoughMeters,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            let meters = T::MaxMeters::get();
            let bytes = usize::try_from(T::MaxFilterBytes::get()).unwrap_or(usize::MAX);
            assert!((1..=MAX_METERS).contains(&meters), "MaxMeters is out of range");
            assert!(
                bytes >= filter::period_filter_len(meters),
                "a period's filter does not fit MaxFilterBytes"
            );
            assert!(
                bytes >= filter::cycle_filter_len(MAX_PERIODS),
                "a cycle's filter does not fit MaxFilterBytes"
            );
            assert!(
                MAX_METERS.ilog2() <= MAX_PROOF,
                "a proof over MAX_METERS leaves does not fit MAX_PROOF"
            );
            assert!(T::MaxManifests::get() >= 1, "no manifest could be published");
            assert!(
                T::MaxExcluded::get() >= T::MaxLeftOut::get(),
                "a period with more halves than MaxExcluded could be neither opened nor withheld"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Publish BF2 of `region` and `cycle`, and the count of meters that all its manifests will have until a revision.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::CycleFilterPublished`].
        #[pallet::call_index(0)]
        #[pallet::weight(<T as Config>::WeightInfo::publish_cycle_filter())]
        pub fn publish_cycle_filter(
            origin: OriginFor<T>,
            region: RegionId,
            cycle: CycleId,
            meters: u32,
            filter: BoundedVec<u8, T::MaxFilterBytes>,
        ) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            let (_, schedule) = Self::known(region, cycle)?;
            ensure!(
                (1..=T::MaxMeters::get()).contains(&meters),
                Error::<T>::MetersOutOfRange
            );
            ensure!(
                !CycleFilters::<T>::contains_key((region, cycle)),
                Error::<T>::CycleFilterAlreadyPublished
            );
            Self::check_cycle_filter(&filter, schedule.periods)?;
            CycleFilters::<T>::insert((region, cycle), CycleFilterOf::<T> { meters, filter });
            Self::deposit_event(Event::CycleFilterPublished { region, cycle, meters });
            Ok(())
        }

        /// Publish the manifests of consecutive periods, from period `first` on; all of them, or none where one is
        /// wrong. None of the periods may have opened yet.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::ManifestsPublished`].
        #[pallet::call_index(1)]
        #[pallet::weight(manifests.iter().fold(<T as Config>::WeightInfo::publish_manifests(0), |weight, manifest| {
            // A filter is looked at only if it has the length for this many meters.
            let meters = manifest.meters.min(T::MaxMeters::get());
            weight.saturating_add(<T as Config>::WeightInfo::publish_manifests(meters))
        }))]
        pub fn publish_manifests(
            origin: OriginFor<T>,
            region: RegionId,
            cycle: CycleId,
            first: PeriodIndex,
            manifests: BoundedVec<ManifestOf<T>, T::MaxManifests>,
        ) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            let (_, schedule) = Self::known(region, cycle)?;
            let first_meters = CycleFilters::<T>::get((region, cycle))
                .ok_or(Error::<T>::CycleFilterMissing)?
                .meters;
            let revisions = Revisions::<T>::get((region, cycle));
            ensure!(!manifests.is_empty(), Error::<T>::NothingToPublish);
            let count = length(&manifests);
            let now = T::Clock::now();
            let mut next = Some(first);
            for manifest in manifests {
                let period = next.ok_or(Error::<T>::UnknownPeriod)?;
                next = period.checked_add(1);
                let key = PeriodKey { region, cycle, period };
                let opens = schedule.opens(period).ok_or(Error::<T>::UnknownPeriod)?;
                ensure!(now < opens, Error::<T>::PeriodAlreadyOpen);
                ensure!(!Self::is_published(&key), Error::<T>::ManifestAlreadyPublished);
                let revision = Revision::in_force(&revisions, period);
                Self::check_manifest(&manifest, revision.map_or(first_meters, |revision| revision.meters))?;
                Manifests::<T>::insert(key, manifest);
                MadeFor::<T>::set(key, revision.map(|revision| revision.from));
            }
            Self::deposit_event(Event::ManifestsPublished {
                region,
                cycle,
                first,
                count,
            });
            Ok(())
        }

        /// Open the mask sum of a closed period: the excluded shares are taken out of the sum, the meters left out are
        /// taken out of the commitment, and what remains must be two shares for each meter, at least the region's
        /// minimum of meters, and opened by Z and r. The total is the remaining sum less Z, modulo 2^64. Once only.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::PeriodOpened`].
        #[pallet::call_index(2)]
        #[pallet::weight(<T as Config>::WeightInfo::open(length(&opening.excluded), length(&opening.left_out)))]
        pub fn open(origin: OriginFor<T>, key: PeriodKey, opening: OpeningOf<T>) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            let (region, manifest, closed) = Self::undecided(&key)?;
            let remaining = Self::exclude(&key, closed, &opening.excluded)?;
            let (excluded, left_out) = (length(&opening.excluded), length(&opening.left_out));
            let meters = manifest
                .meters
                .checked_sub(left_out)
                .ok_or(Error::<T>::CountsDoNotAddUp)?;
            ensure!(
                Some(remaining.count) == meters.checked_mul(2),
                Error::<T>::CountsDoNotAddUp
            );
            ensure!(meters >= region.minimum_meters, Error::<T>::TooFewMeters);

            let opening = Opening::from(opening);
            commitment::verify_opening(manifest.meters, &manifest.commitment, &manifest.root, &opening)
                .map_err(|_| Error::<T>::DoesNotOpen)?;
            let total = Total {
                meters,
                energy: share::total(remaining.sum, opening.mask_sum),
            };
            Self::decide(&key, Outcome::Opened(total));
            Self::deposit_event(Event::PeriodOpened {
                key,
                total,
                left_out,
                excluded,
            });
            Ok(())
        }

        /// Leave the mask sum of a closed period closed, because without the excluded shares fewer meters are complete
        /// than the region's minimum, or more are missing than an opening can leave out. Once only, and for good.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::PeriodWithheld`].
        #[pallet::call_index(3)]
        #[pallet::weight(<T as Config>::WeightInfo::withhold(length(excluded)))]
        pub fn withhold(
            origin: OriginFor<T>,
            key: PeriodKey,
            excluded: BoundedVec<Prid, T::MaxExcluded>,
        ) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            let (region, manifest, closed) = Self::undecided(&key)?;
            let remaining = Self::exclude(&key, closed, &excluded)?;
            let complete = remaining.count / 2;
            let missing = manifest.meters.saturating_sub(complete);
            let can_open = complete >= region.minimum_meters && missing <= T::MaxLeftOut::get();
            ensure!(!can_open, Error::<T>::EnoughMeters);
            Self::decide(&key, Outcome::Withheld);
            Self::deposit_event(Event::PeriodWithheld { key });
            Ok(())
        }

        /// Let `region` have other meters from period `from` of `cycle` on, `meters` of them: `filter` is BF2 over the
        /// periods from there on, and their manifests, so far as they are published, are taken back and have to be
        /// published anew before they open. A period that opens without takes no shares.
        ///
        /// `from` must be a day's first period, must not have opened, and must lie behind those of earlier revisions.
        /// There may be as many meters as before, some of them in others' places, or fewer.
        ///
        /// Origin: an account with the role of the key centre. Event: [`Event::CycleRevised`].
        #[pallet::call_index(4)]
        #[pallet::weight(<T as Config>::WeightInfo::revise_cycle())]
        pub fn revise_cycle(
            origin: OriginFor<T>,
            region: RegionId,
            cycle: CycleId,
            from: PeriodIndex,
            meters: u32,
            filter: BoundedVec<u8, T::MaxFilterBytes>,
        ) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            let (_, schedule) = Self::known(region, cycle)?;
            let opens = schedule.opens(from).ok_or(Error::<T>::UnknownPeriod)?;
            ensure!(T::Clock::now() < opens, Error::<T>::PeriodAlreadyOpen);
            ensure!(from.is_multiple_of(PERIODS_PER_DAY), Error::<T>::NotADaysStart);
            let first_meters = CycleFilters::<T>::get((region, cycle))
                .ok_or(Error::<T>::CycleFilterMissing)?
                .meters;
            ensure!(meters >= 1, Error::<T>::MetersOutOfRange);
            Self::check_cycle_filter(&filter, schedule.periods.saturating_sub(from))?;
            Revisions::<T>::try_mutate((region, cycle), |revisions| {
                let latest = revisions.last();
                ensure!(
                    latest.is_none_or(|latest| latest.from < from),
                    Error::<T>::RevisionOutOfOrder
                );
                let before = latest.map_or(first_meters, |latest| latest.meters);
                ensure!(meters <= before, Error::<T>::MetersJoin);
                // There is room for one of each day.
                let revision = Revision { from, meters };
                revisions.try_push(revision).map_err(|_| Error::<T>::RevisionOutOfOrder)
            })?;
            RevisedFilters::<T>::insert((region, cycle, from), filter);
            Self::deposit_event(Event::CycleRevised {
                region,
                cycle,
                from,
                meters,
            });
            Ok(())
        }
    }

    /// The length of something bounded, for weights and events.
    fn length<E>(items: &[E]) -> u32 {
        u32::try_from(items.len()).unwrap_or(u32::MAX)
    }

    impl<T: Config> Pallet<T> {
        /// BF2 that `region` and `cycle` began with, and the count of meters; `None` until it is published.
        pub fn cycle_filter(region: RegionId, cycle: CycleId) -> Option<CycleFilterOf<T>> {
            CycleFilters::<T>::get((region, cycle))
        }

        /// The revision in force in a period; `None` where the region has the meters that the cycle began with.
        pub fn revision(key: &PeriodKey) -> Option<Revision> {
            Revision::in_force(&Revisions::<T>::get((key.region, key.cycle)), key.period)
        }

        /// BF2 in force in a period, and the count of meters; `None` until it is published.
        pub fn filter(key: &PeriodKey) -> Option<CycleFilterOf<T>> {
            let PeriodKey { region, cycle, .. } = *key;
            match Self::revision(key) {
                None => Self::cycle_filter(region, cycle),
                Some(Revision { from, meters }) => {
                    let filter = RevisedFilters::<T>::get((region, cycle, from))?;
                    Some(CycleFilterOf::<T> { meters, filter })
                }
            }
        }

        /// Whether a period has a manifest for the meters in force.
        pub fn is_published(key: &PeriodKey) -> bool {
            Self::is_current(key) && Manifests::<T>::contains_key(key)
        }

        /// The manifest of a period for the meters in force; `None` until it is published.
        pub fn manifest(key: &PeriodKey) -> Option<ManifestOf<T>> {
            Manifests::<T>::get(key).filter(|_| Self::is_current(key))
        }

        /// Whether a period's manifest, if there is one, was published for the revision in force.
        fn is_current(key: &PeriodKey) -> bool {
            // Without a revision there is nothing else that it could have been published for.
            Self::revision(key).is_none_or(|revision| MadeFor::<T>::get(key) == Some(revision.from))
        }

        /// What became of a period's mask sum; `None` until it is decided.
        pub fn outcome(key: &PeriodKey) -> Option<Outcome> {
            Outcomes::<T>::get(key)
        }

        /// The region and the schedule, both of which must be known.
        pub(crate) fn known(region: RegionId, cycle: CycleId) -> Result<(RegionInfo, CycleSchedule), Error<T>> {
            let info = pallet_registry::Pallet::<T>::region(region).ok_or(Error::<T>::UnknownRegion)?;
            let schedule = pallet_registry::Pallet::<T>::schedule(cycle).ok_or(Error::<T>::UnknownCycle)?;
            Ok((info, schedule))
        }

        /// A period that has closed and whose mask sum is still to be decided.
        fn undecided(key: &PeriodKey) -> Result<(RegionInfo, ManifestOf<T>, ClosedPeriod), Error<T>> {
            let (region, schedule) = Self::known(key.region, key.cycle)?;
            ensure!(key.period < schedule.periods, Error::<T>::UnknownPeriod);
            ensure!(!Outcomes::<T>::contains_key(key), Error::<T>::AlreadyDecided);
            let manifest = Self::manifest(key).ok_or(Error::<T>::ManifestMissing)?;
            let closed = T::ClosedPeriods::closed(key).ok_or(Error::<T>::PeriodNotClosed)?;
            Ok((region, manifest, closed))
        }

        /// The count and sum of a closed period without the excluded shares, which must ascend and be on chain.
        fn exclude(key: &PeriodKey, mut closed: ClosedPeriod, excluded: &[Prid]) -> Result<ClosedPeriod, Error<T>> {
            let ascending = excluded
                .iter()
                .zip(excluded.iter().skip(1))
                .all(|(one, next)| one < next);
            ensure!(ascending, Error::<T>::ExcludedUnordered);
            let sum = T::ClosedPeriods::sum_of(key, excluded).ok_or(Error::<T>::ExcludedUnknown)?;
            // Readings are added modulo 2^64, so they are taken out modulo 2^64.
            closed.sum = closed.sum.wrapping_sub(sum);
            closed.count = u32::try_from(excluded.len())
                .ok()
                .and_then(|excluded| closed.count.checked_sub(excluded))
                .ok_or(Error::<T>::CountsDoNotAddUp)?;
            Ok(closed)
        }

        /// Record an outcome and tell whom it concerns.
        fn decide(key: &PeriodKey, outcome: Outcome) {
            Outcomes::<T>::insert(key, outcome);
            T::OnOutcome::outcome(key, &outcome);
        }

        /// Whether `bytes` can be BF2 over `periods` tallies.
        pub(crate) fn check_cycle_filter(bytes: &[u8], periods: PeriodIndex) -> Result<(), Error<T>> {
            let well_formed = bytes.len() == filter::cycle_filter_len(periods) && fits_entries(bytes, periods.into());
            ensure!(well_formed, Error::<T>::MalformedFilter);
            Ok(())
        }

        /// Whether a manifest is one for `meters` meters.
        pub(crate) fn check_manifest(manifest: &ManifestOf<T>, meters: u32) -> Result<(), Error<T>> {
            ensure!(manifest.meters == meters, Error::<T>::MetersDiffer);
            let entries = u64::from(meters).saturating_mul(2);
            let well_formed =
                manifest.filter.len() == filter::period_filter_len(meters) && fits_entries(&manifest.filter, entries);
            ensure!(well_formed, Error::<T>::MalformedFilter);
            // A sum of one point exists if the point does.
            ensure!(
                tally::sum([&manifest.commitment].into_iter()).is_some(),
                Error::<T>::InvalidCommitment
            );
            Ok(())
        }
    }
}
