//! Who may do what, and where and when: roles, regions, users and cycles.
//!
//! The pallet promises that an account has at most one [`Role`](gridveil_primitives::Role) and that no aggregator is given
//! one (that an account with a role becomes no aggregator is the runtime's part), that a region's aggregator was a member
//! of the consortium when the region was registered, that a user keeps the recipient it was registered with, and that
//! cycles are numbered without gaps, announced before they start and never overlap. Roles and regions are decided by the
//! consortium ([`Config::ConsortiumOrigin`]); users and cycles are the key centre's. [`RequireRole`] refuses every signed
//! call that the runtime's [`CallPermission`] does not name for the signer. What happens in a cycle's periods is left to
//! the pallets masks, readings, pricing and billing.
//!
//! A role carries a provider reference, without which `CheckNonce` turns the account away; it goes with the role, and
//! the account's nonce with it. A role given back to the same account thus starts at nonce 0 again: no call of a role
//! can succeed twice, so an old transaction that comes round again fails.
//!
//! **Privacy.** The chain shows how many users there are, in what batches they came, and for each its BID and the
//! public key that its bills are encrypted to. It shows neither a user's name nor its region nor its meter's
//! pseudonyms.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

#[cfg(feature = "runtime-benchmarks")]
mod benchmarking;
mod extension;
#[cfg(test)]
mod mock;
mod origin;
#[cfg(test)]
mod tests;
pub mod weights;

pub use extension::{CallPermission, RequireRole};
pub use origin::{EnsureControlCentre, EnsureKeyCentre};
pub use pallet::*;
pub use weights::WeightInfo;

/// The fewest meters that a region may set as its minimum: the total of a single meter is that meter's reading.
pub const LEAST_MINIMUM_METERS: u32 = 2;

#[frame_support::pallet]
pub mod pallet {
    use super::{CallPermission, EnsureKeyCentre, WeightInfo, LEAST_MINIMUM_METERS};
    use alloc::vec::Vec;
    use frame_support::{
        pallet_prelude::*,
        traits::{Contains, EnsureOrigin, Time},
    };
    use frame_system::pallet_prelude::*;
    use gridveil_primitives::{Bid, CycleId, CycleSchedule, Moment, Price, RegionId, RegionInfo, Role, MAX_METERS};
    use sp_runtime::AccountId32;

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// What the pallet needs of the runtime.
    #[pallet::config]
    pub trait Config: frame_system::Config<AccountId = AccountId32, RuntimeEvent: From<Event<Self>>> {
        /// The weights of the calls and of [`RequireRole`](crate::RequireRole).
        type WeightInfo: WeightInfo;
        /// The consortium's decision, by at least two thirds of its members.
        type ConsortiumOrigin: EnsureOrigin<Self::RuntimeOrigin>;
        /// Whether an account is a member of the consortium, that is, may be a region's aggregator.
        type IsAggregator: Contains<Self::AccountId>;
        /// Which calls an account may make; read by [`RequireRole`](crate::RequireRole).
        type Permission: CallPermission<Self::AccountId, Self::RuntimeCall>;
        /// The chain's clock.
        type Clock: Time<Moment = Moment>;
        /// The most regions.
        #[pallet::constant]
        type MaxRegions: Get<u32>;
        /// The most users in one call.
        #[pallet::constant]
        type MaxBatch: Get<u32>;
    }

    /// The role of each account that has one.
    #[pallet::storage]
    pub type Roles<T: Config> = StorageMap<_, Blake2_128Concat, T::AccountId, Role>;

    /// The regions, at most [`Config::MaxRegions`].
    #[pallet::storage]
    pub type Regions<T: Config> = CountedStorageMap<_, Twox64Concat, RegionId, RegionInfo>;

    /// Each user's recipient: the X25519 public key that its bills are encrypted to.
    #[pallet::storage]
    pub type Users<T: Config> = StorageMap<_, Blake2_128Concat, Bid, [u8; 32]>;

    /// The schedules of the cycles 0 to [`LatestCycle`].
    #[pallet::storage]
    pub type Cycles<T: Config> = StorageMap<_, Twox64Concat, CycleId, CycleSchedule>;

    /// The last cycle scheduled.
    #[pallet::storage]
    pub type LatestCycle<T: Config> = StorageValue<_, CycleId>;

    /// The roles and regions that a chain starts with; held to the same conditions as the calls.
    #[pallet::genesis_config]
    #[derive(frame_support::DefaultNoBound)]
    pub struct GenesisConfig<T: Config> {
        /// The accounts with the role [`Role::KeyCentre`].
        pub key_centres: Vec<T::AccountId>,
        /// The accounts with the role [`Role::ControlCentre`].
        pub control_centres: Vec<T::AccountId>,
        /// Each region with its aggregator, its minimum of meters and its fallback price.
        pub regions: Vec<(RegionId, T::AccountId, u32, Price)>,
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            // A chain specification that is wrong must not become a chain; there is no one yet to return an error to.
            for who in &self.key_centres {
                assert!(
                    Pallet::<T>::give_role(who, Role::KeyCentre).is_ok(),
                    "key centre {who:?} cannot have the role"
                );
            }
            for who in &self.control_centres {
                let given = Pallet::<T>::give_role(who, Role::ControlCentre);
                assert!(given.is_ok(), "control centre {who:?} cannot have the role");
            }
            for (region, aggregator, minimum_meters, fallback_price) in &self.regions {
                let info = RegionInfo {
                    aggregator: aggregator.clone().into(),
                    minimum_meters: *minimum_meters,
                    fallback_price: *fallback_price,
                };
                assert!(
                    Pallet::<T>::add_region(*region, info).is_ok(),
                    "region {region} cannot be registered"
                );
            }
        }
    }

    /// What happened.
    #[pallet::event]
    #[pallet::generate_deposit(pub(super) fn deposit_event)]
    pub enum Event<T: Config> {
        /// The consortium gave an account a role.
        RoleGranted {
            /// The account.
            account: T::AccountId,
            /// Its role.
            role: Role,
        },
        /// The consortium took an account's role away.
        RoleRevoked {
            /// The account.
            account: T::AccountId,
            /// The role that it had.
            role: Role,
        },
        /// The consortium registered a region.
        RegionRegistered {
            /// The region.
            region: RegionId,
            /// What was decided about it.
            info: RegionInfo,
        },
        /// The key centre registered a batch of users.
        UsersRegistered {
            /// How many.
            count: u32,
        },
        /// The key centre scheduled a cycle.
        CycleScheduled {
            /// The cycle.
            cycle: CycleId,
            /// When its periods are.
            schedule: CycleSchedule,
        },
    }

    /// What is wrong with a call.
    #[pallet::error]
    pub enum Error<T> {
        /// The account has a role already; an account has one at most.
        AlreadyHasRole,
        /// The account has no role that could be revoked.
        HasNoRole,
        /// The account is an aggregator's, which can't have a role: with the key centre's masks it could read the
        /// shares.
        AggregatorHasNoRole,
        /// The region is registered already.
        RegionAlreadyRegistered,
        /// There are [`Config::MaxRegions`] regions already.
        TooManyRegions,
        /// The region's aggregator is not a member of the consortium.
        NotAnAggregator,
        /// The region's minimum of meters is below [`LEAST_MINIMUM_METERS`] or above [`MAX_METERS`].
        MinimumOutOfRange,
        /// The batch is empty.
        NothingToRegister,
        /// A user of the batch is registered already, or is in the batch twice.
        UserAlreadyRegistered,
        /// The cycle is not the one after the last cycle scheduled.
        CycleOutOfOrder,
        /// The schedule can't be used, see [`CycleSchedule::is_valid`].
        InvalidSchedule,
        /// The cycle would have started already.
        StartsInThePast,
        /// The cycle would start before the one before it ends.
        OverlapsPreviousCycle,
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::MaxRegions::get() >= 1, "a chain without regions has nothing to do");
            assert!(T::MaxBatch::get() >= 1, "an empty batch registers no one");
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::check_state()
        }
    }

    #[pallet::call]
    impl<T: Config> Pallet<T> {
        /// Give `account` a role and the provider reference that lets it sign.
        ///
        /// Origin: [`Config::ConsortiumOrigin`]. Event: [`Event::RoleGranted`].
        #[pallet::call_index(0)]
        #[pallet::weight(T::WeightInfo::grant_role())]
        pub fn grant_role(origin: OriginFor<T>, account: T::AccountId, role: Role) -> DispatchResult {
            T::ConsortiumOrigin::ensure_origin(origin)?;
            Self::give_role(&account, role)?;
            Self::deposit_event(Event::RoleGranted { account, role });
            Ok(())
        }

        /// Take the role of `account` away, and the provider reference with it.
        ///
        /// Origin: [`Config::ConsortiumOrigin`]. Event: [`Event::RoleRevoked`].
        #[pallet::call_index(1)]
        #[pallet::weight(T::WeightInfo::revoke_role())]
        pub fn revoke_role(origin: OriginFor<T>, account: T::AccountId) -> DispatchResult {
            T::ConsortiumOrigin::ensure_origin(origin)?;
            let role = Roles::<T>::take(&account).ok_or(Error::<T>::HasNoRole)?;
            frame_system::Pallet::<T>::dec_providers(&account)?;
            Self::deposit_event(Event::RoleRevoked { account, role });
            Ok(())
        }

        /// Register region `region`; its aggregator must be a member of the consortium.
        ///
        /// Origin: [`Config::ConsortiumOrigin`]. Event: [`Event::RegionRegistered`].
        #[pallet::call_index(2)]
        #[pallet::weight(T::WeightInfo::register_region())]
        pub fn register_region(origin: OriginFor<T>, region: RegionId, info: RegionInfo) -> DispatchResult {
            T::ConsortiumOrigin::ensure_origin(origin)?;
            Self::add_region(region, info)?;
            Self::deposit_event(Event::RegionRegistered { region, info });
            Ok(())
        }

        /// Register users: each one's BID with the X25519 public key that its bills are encrypted to. All of the batch,
        /// or none where one is registered already.
        ///
        /// Origin: an account with the role [`Role::KeyCentre`]. Event: [`Event::UsersRegistered`].
        #[pallet::call_index(3)]
        #[pallet::weight(T::WeightInfo::register_users(users.len().try_into().unwrap_or(u32::MAX)))]
        pub fn register_users(origin: OriginFor<T>, users: BoundedVec<(Bid, [u8; 32]), T::MaxBatch>) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            ensure!(!users.is_empty(), Error::<T>::NothingToRegister);
            let count = users.len().try_into().unwrap_or(u32::MAX);
            for (bid, recipient) in users {
                ensure!(!Users::<T>::contains_key(bid), Error::<T>::UserAlreadyRegistered);
                Users::<T>::insert(bid, recipient);
            }
            Self::deposit_event(Event::UsersRegistered { count });
            Ok(())
        }

        /// Schedule cycle `cycle`, the one after the last scheduled (the first is 0). It must start in the future, and
        /// not before the cycle before it ends.
        ///
        /// Origin: an account with the role [`Role::KeyCentre`]. Event: [`Event::CycleScheduled`].
        #[pallet::call_index(4)]
        #[pallet::weight(T::WeightInfo::schedule_cycle())]
        pub fn schedule_cycle(origin: OriginFor<T>, cycle: CycleId, schedule: CycleSchedule) -> DispatchResult {
            EnsureKeyCentre::<T>::ensure_origin(origin)?;
            let latest = LatestCycle::<T>::get();
            let expected = latest.map_or(Some(0), |latest| latest.checked_add(1));
            ensure!(expected == Some(cycle), Error::<T>::CycleOutOfOrder);
            ensure!(schedule.is_valid(), Error::<T>::InvalidSchedule);
            ensure!(schedule.start > T::Clock::now(), Error::<T>::StartsInThePast);
            if let Some(end) = latest.and_then(Self::schedule).and_then(|previous| previous.end()) {
                ensure!(schedule.start >= end, Error::<T>::OverlapsPreviousCycle);
            }
            Cycles::<T>::insert(cycle, schedule);
            LatestCycle::<T>::put(cycle);
            Self::deposit_event(Event::CycleScheduled { cycle, schedule });
            Ok(())
        }
    }

    impl<T: Config> Pallet<T> {
        /// The role of `who`.
        pub fn role(who: &T::AccountId) -> Option<Role> {
            Roles::<T>::get(who)
        }

        /// Whether `who` has the role `role`.
        pub fn has_role(who: &T::AccountId, role: Role) -> bool {
            Self::role(who) == Some(role)
        }

        /// What the consortium decided about `region`; `None` where it is unknown.
        pub fn region(region: RegionId) -> Option<RegionInfo> {
            Regions::<T>::get(region)
        }

        /// All regions, ascending.
        pub fn regions() -> Vec<(RegionId, RegionInfo)> {
            let mut regions: Vec<_> = Regions::<T>::iter().collect();
            regions.sort_unstable_by_key(|(region, _)| *region);
            regions
        }

        /// The recipient of user `bid`; `None` where the user is unknown.
        pub fn user(bid: &Bid) -> Option<[u8; 32]> {
            Users::<T>::get(bid)
        }

        /// The schedule of `cycle`; `None` where it is unknown.
        pub fn schedule(cycle: CycleId) -> Option<CycleSchedule> {
            Cycles::<T>::get(cycle)
        }

        /// The last cycle scheduled; `None` before the first.
        pub fn latest_cycle() -> Option<CycleId> {
            LatestCycle::<T>::get()
        }

        /// Give `who` a role and a provider reference, under the conditions of [`Pallet::grant_role`].
        pub(crate) fn give_role(who: &T::AccountId, role: Role) -> Result<(), Error<T>> {
            ensure!(!Roles::<T>::contains_key(who), Error::<T>::AlreadyHasRole);
            ensure!(!T::IsAggregator::contains(who), Error::<T>::AggregatorHasNoRole);
            frame_system::Pallet::<T>::inc_providers(who);
            Roles::<T>::insert(who, role);
            Ok(())
        }

        /// Register a region, under the conditions of [`Pallet::register_region`].
        fn add_region(region: RegionId, info: RegionInfo) -> Result<(), Error<T>> {
            ensure!(!Regions::<T>::contains_key(region), Error::<T>::RegionAlreadyRegistered);
            ensure!(Regions::<T>::count() < T::MaxRegions::get(), Error::<T>::TooManyRegions);
            ensure!(
                T::IsAggregator::contains(&info.aggregator.into()),
                Error::<T>::NotAnAggregator
            );
            let allowed = LEAST_MINIMUM_METERS..=MAX_METERS;
            ensure!(allowed.contains(&info.minimum_meters), Error::<T>::MinimumOutOfRange);
            Regions::<T>::insert(region, info);
            Ok(())
        }

        /// The invariants: every account with a role can sign and is no aggregator beside it; the regions are counted,
        /// within their bound and have a usable minimum; the cycles 0 to the latest are all there, usable, and none starts
        /// before the end of the one before it.
        #[cfg(any(feature = "try-runtime", test))]
        pub(crate) fn check_state() -> Result<(), sp_runtime::TryRuntimeError> {
            for who in Roles::<T>::iter_keys() {
                let providers = frame_system::Pallet::<T>::providers(&who);
                ensure!(providers > 0, "an account with a role has no provider reference");
                ensure!(
                    !T::IsAggregator::contains(&who),
                    "an account with a role is an aggregator"
                );
            }

            let regions = Self::regions();
            ensure!(
                u32::try_from(regions.len()) == Ok(Regions::<T>::count()),
                "the regions are miscounted"
            );
            ensure!(
                Regions::<T>::count() <= T::MaxRegions::get(),
                "there are too many regions"
            );
            for (_, info) in regions {
                let allowed = LEAST_MINIMUM_METERS..=MAX_METERS;
                ensure!(
                    allowed.contains(&info.minimum_meters),
                    "a region's minimum of meters is out of range"
                );
            }

            let cycles = u32::try_from(Cycles::<T>::iter_keys().count());
            let expected = LatestCycle::<T>::get().map_or(0, |latest| latest.saturating_add(1));
            ensure!(
                cycles == Ok(expected),
                "there are not as many cycles as the latest one says"
            );
            let mut end_of_previous = 0;
            for cycle in 0..expected {
                let schedule = Cycles::<T>::get(cycle).ok_or("a cycle is missing")?;
                ensure!(schedule.is_valid(), "a cycle's schedule cannot be used");
                ensure!(
                    schedule.start >= end_of_previous,
                    "a cycle starts before the one before it ends"
                );
                end_of_previous = schedule.end().ok_or("a cycle does not end")?;
            }
            Ok(())
        }
    }
}
