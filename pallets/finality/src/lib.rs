//! Who forms blocks and who finalises them.
//!
//! The pallet keeps the members of the consortium, the grid operators whose aggregators run the chain, and the length of a
//! slot. It is the session manager of `pallet-session`, so that Aura and GRANDPA run with exactly the members; it gives
//! Aura and the timestamp pallet their times; it seats the members in the collective that votes on roles and regions; and
//! it forgets historical sessions that are too old for a report. It has no calls: the members are those of genesis.
//! Session keys come from `pallet-session`'s genesis, which is built after this pallet's.
//!
//! Promised: every member is known once, holds one provider reference (so that `CheckNonce` lets it sign) and sits in the
//! collective. Left to others: which keys a member runs with, who may vote on what, how votes are counted.
//!
//! **Privacy.** Members and their keys are public, as a consortium's must be. Nothing here knows of meters or homes.

#![cfg_attr(not(feature = "std"), no_std)]

extern crate alloc;

mod currency;
#[cfg(test)]
mod mock;
#[cfg(test)]
mod tests;

use alloc::vec::Vec;
use core::marker::PhantomData;
use frame_support::traits::{Contains, Get, InitializeMembers};
use pallet_session::historical;
use sp_runtime::traits::Convert;
use sp_staking::SessionIndex;

pub use currency::NoCurrency;
pub use pallet::*;

/// The length of a slot where genesis does not say, in milliseconds.
pub const DEFAULT_SLOT_MS: u64 = 3_000;
/// The shortest slot that genesis may ask for, in milliseconds.
pub const SHORTEST_SLOT_MS: u64 = 100;

/// The pallet's contents, as FRAME wants them.
#[frame_support::pallet]
pub mod pallet {
    use super::*;
    use frame_support::{pallet_prelude::*, traits::ConstU64};
    use frame_system::pallet_prelude::*;

    /// What the pallet needs from the runtime.
    #[pallet::config]
    pub trait Config:
        frame_system::Config + historical::Config<ValidatorId = <Self as frame_system::Config>::AccountId>
    {
        /// The most members that the consortium may have.
        #[pallet::constant]
        type MaxMembers: Get<u32>;

        /// How many sessions back a key ownership proof is accepted, at least 1.
        #[pallet::constant]
        type HistoryDepth: Get<SessionIndex>;

        /// The collective in which the members are seated at genesis.
        type MembershipInitialized: InitializeMembers<Self::AccountId>;
    }

    /// The pallet.
    #[pallet::pallet]
    pub struct Pallet<T>(_);

    /// The members of the consortium, ascending.
    #[pallet::storage]
    pub type Members<T: Config> = StorageValue<_, BoundedVec<T::AccountId, T::MaxMembers>, ValueQuery>;

    /// The length of a slot, in milliseconds.
    #[pallet::storage]
    pub type SlotMs<T: Config> = StorageValue<_, u64, ValueQuery, ConstU64<DEFAULT_SLOT_MS>>;

    /// The members and the slot of genesis.
    #[pallet::genesis_config]
    pub struct GenesisConfig<T: Config> {
        /// The members of the consortium, in any order, none twice; each needs session keys.
        pub members: Vec<T::AccountId>,
        /// The length of a slot in milliseconds, at least [`SHORTEST_SLOT_MS`].
        pub slot_ms: u64,
    }

    impl<T: Config> Default for GenesisConfig<T> {
        fn default() -> Self {
            Self {
                members: Vec::new(),
                slot_ms: DEFAULT_SLOT_MS,
            }
        }
    }

    #[pallet::genesis_build]
    impl<T: Config> BuildGenesisConfig for GenesisConfig<T> {
        fn build(&self) {
            assert!(
                self.slot_ms >= SHORTEST_SLOT_MS,
                "finality.slotMs must be at least {SHORTEST_SLOT_MS} ms"
            );
            let mut members = self.members.clone();
            members.sort();
            assert!(
                members.windows(2).all(|pair| pair[0] != pair[1]),
                "finality.members names a member twice"
            );
            for member in &members {
                frame_system::Pallet::<T>::inc_providers(member);
            }
            T::MembershipInitialized::initialize_members(&members);
            let members =
                BoundedVec::try_from(members).expect("finality.members has more members than the runtime's MaxMembers");
            Members::<T>::put(members);
            SlotMs::<T>::put(self.slot_ms);
        }
    }

    #[pallet::hooks]
    impl<T: Config> Hooks<BlockNumberFor<T>> for Pallet<T> {
        fn integrity_test() {
            assert!(T::MaxMembers::get() > 0, "a consortium needs room for a member");
            assert!(
                T::HistoryDepth::get() > 0,
                "a report is made at the earliest in the session after"
            );
        }

        #[cfg(feature = "try-runtime")]
        fn try_state(_: BlockNumberFor<T>) -> Result<(), sp_runtime::TryRuntimeError> {
            Self::do_try_state()
        }
    }
}

impl<T: Config> Pallet<T> {
    /// Whether `who` is a member of the consortium.
    pub fn is_member(who: &T::AccountId) -> bool {
        Members::<T>::get().binary_search(who).is_ok()
    }

    /// The members of the consortium, ascending.
    pub fn members() -> Vec<T::AccountId> {
        Members::<T>::get().into_inner()
    }

    /// The invariants of the pallet's storage: the members ascend without repetition, each has a provider reference and
    /// session keys, and the slot is no shorter than the shortest.
    #[cfg(any(test, feature = "try-runtime"))]
    pub fn do_try_state() -> Result<(), sp_runtime::TryRuntimeError> {
        let members = Members::<T>::get();
        frame_support::ensure!(
            members.windows(2).all(|pair| pair[0] < pair[1]),
            "the members do not ascend"
        );
        for member in &members {
            frame_support::ensure!(
                frame_system::Pallet::<T>::providers(member) > 0,
                "a member without a provider"
            );
            frame_support::ensure!(
                pallet_session::Pallet::<T>::load_keys(member).is_some(),
                "a member without session keys"
            );
        }
        frame_support::ensure!(SlotMs::<T>::get() >= SHORTEST_SLOT_MS, "a slot below the shortest");
        Ok(())
    }
}

impl<T: Config> Contains<T::AccountId> for Pallet<T> {
    fn contains(who: &T::AccountId) -> bool {
        Self::is_member(who)
    }
}

/// The members are the validators; `None` while the session pallet has them already, because GRANDPA counts every set it
/// is given as a new one.
impl<T: Config> pallet_session::SessionManager<T::AccountId> for Pallet<T> {
    fn new_session(_: SessionIndex) -> Option<Vec<T::AccountId>> {
        let members = Self::members();
        (members != pallet_session::Validators::<T>::get()).then_some(members)
    }

    fn new_session_genesis(_: SessionIndex) -> Option<Vec<T::AccountId>> {
        Some(Self::members())
    }

    fn start_session(index: SessionIndex) {
        // One session leaves the history for each that enters it, so this is one removal.
        if let Some(oldest) = index.checked_sub(T::HistoryDepth::get()) {
            historical::Pallet::<T>::prune_up_to(oldest);
        }
    }

    fn end_session(_: SessionIndex) {}
}

impl<T: Config> historical::SessionManager<T::AccountId, T::FullIdentification> for Pallet<T> {
    fn new_session(index: SessionIndex) -> Option<Vec<(T::AccountId, T::FullIdentification)>> {
        <Self as pallet_session::SessionManager<_>>::new_session(index).map(Self::identified)
    }

    fn new_session_genesis(index: SessionIndex) -> Option<Vec<(T::AccountId, T::FullIdentification)>> {
        <Self as pallet_session::SessionManager<_>>::new_session_genesis(index).map(Self::identified)
    }

    fn start_session(index: SessionIndex) {
        <Self as pallet_session::SessionManager<_>>::start_session(index)
    }

    fn end_session(index: SessionIndex) {
        <Self as pallet_session::SessionManager<_>>::end_session(index)
    }
}

impl<T: Config> Pallet<T> {
    /// The members with what identifies them in a historical session.
    fn identified(members: Vec<T::AccountId>) -> Vec<(T::AccountId, T::FullIdentification)> {
        members
            .into_iter()
            .filter_map(|member| T::FullIdentificationOf::convert(member.clone()).map(|full| (member, full)))
            .collect()
    }
}

/// The length of a slot in milliseconds: Aura's `SlotDuration`.
pub struct SlotDuration<T>(PhantomData<T>);

impl<T: Config> Get<u64> for SlotDuration<T> {
    fn get() -> u64 {
        SlotMs::<T>::get()
    }
}

/// Half a slot in milliseconds: the timestamp pallet's `MinimumPeriod`.
pub struct HalfSlot<T>(PhantomData<T>);

impl<T: Config> Get<u64> for HalfSlot<T> {
    fn get() -> u64 {
        SlotMs::<T>::get() / 2
    }
}
