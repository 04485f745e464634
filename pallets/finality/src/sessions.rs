//! Terms: when one ends, who is in the next, who leads it.
//!
//! A term ends when it has had its blocks or when something cuts it short. Then, in this order: the votes are counted
//! ([`OneSessionHandler::on_before_session_ending`], where the voting term's set is still known); the planned set comes
//! into force, with its keys and the slot of its first block noted; the set after it is planned; Aura is handed the schedule.
//!
//! After a stall was noted, GRANDPA waits for its forced change and lets every other change of the set go by, for good: it
//! would finalise with members that are none any more. So a change that it let go by is remembered, and as soon as it is
//! done waiting, the term ends, the set is announced again and the term after ends, too. Blocks are formed by the set in
//! force all the while.
//!
//! **Privacy.** Terms and leaders are public.

use crate::{
    election, Config, Error, Event, FinalityBehind, KeysInForce, LastSlot, Leader, LeaderMissed, Pallet, Record,
    Records, RotationsDue, TermBlocks, TermSlots, TermStarted, Votes,
};
use alloc::vec::Vec;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{EstimateNextSessionRotation, Get, OneSessionHandler},
    weights::Weight,
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use pallet_session::{historical, ShouldEndSession};
use sp_consensus_slots::Slot;
use sp_runtime::{
    traits::{CheckedAdd, CheckedMul, Convert, SaturatedConversion, Saturating},
    ArithmeticError, BoundToRuntimeAppPublic, Permill,
};
use sp_staking::SessionIndex;

/// `None` while the set that is coming into force is the planned one, because GRANDPA counts every set it is given as a
/// new one; with other keys it is another set.
impl<T: Config> pallet_session::SessionManager<T::AccountId> for Pallet<T> {
    fn new_session(_: SessionIndex) -> Option<Vec<T::AccountId>> {
        let planned = Self::next_set();
        let is_behind = Self::finality_is_behind();
        if is_behind {
            RotationsDue::<T>::mutate(|due| *due = (*due).max(1));
        }
        // Never an empty set: the one in force is better.
        let is_new = !planned.is_empty() && (is_behind || planned != pallet_session::QueuedKeys::<T>::get());
        is_new.then(|| accounts(planned))
    }

    fn new_session_genesis(_: SessionIndex) -> Option<Vec<T::AccountId>> {
        Some(accounts(Self::next_set()))
    }

    fn start_session(index: SessionIndex) {
        TermStarted::<T>::put(frame_system::Pallet::<T>::block_number());
        RotationsDue::<T>::mutate(|due| *due = due.saturating_sub(1));
        let keys = pallet_session::QueuedKeys::<T>::get();
        if keys != KeysInForce::<T>::get() {
            KeysInForce::<T>::put(keys);
        }
        TermSlots::<T>::insert(index, LastSlot::<T>::get().unwrap_or_default());
        // One session leaves the history for each that enters it, so this is one removal.
        if let Some(oldest) = index.checked_sub(T::HistoryDepth::get()) {
            historical::Pallet::<T>::prune_up_to(oldest);
            if let Some(gone) = oldest.checked_sub(1) {
                TermSlots::<T>::remove(gone);
            }
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

impl<T: Config> BoundToRuntimeAppPublic for Pallet<T> {
    type Public = T::AuthorityId;
}

/// Stands in Aura's place among the session handlers. Nobody is ever disabled.
impl<T: Config> OneSessionHandler<T::AccountId> for Pallet<T> {
    type Key = T::AuthorityId;

    fn on_genesis_session<'a, I>(validators: I)
    where
        I: Iterator<Item = (&'a T::AccountId, T::AuthorityId)> + 'a,
    {
        <pallet_aura::Pallet<T> as OneSessionHandler<T::AccountId>>::on_genesis_session(validators);
    }

    fn on_before_session_ending() {
        let electorate = pallet_session::Validators::<T>::get().len();
        let coming = pallet_session::QueuedKeys::<T>::get();
        let next = Self::next_set();
        let is_in =
            |set: &[(T::AccountId, T::Keys)], account: &T::AccountId| set.iter().any(|(other, _)| other == account);
        let votes = Votes::<T>::take();
        let elected = election::tally(&votes, electorate, |winner| {
            is_in(&coming, winner) && is_in(&next, winner)
        });
        Leader::<T>::set(elected);
        LeaderMissed::<T>::kill();
        Self::halve_records();
    }

    fn on_new_session<'a, I>(_: bool, validators: I, _: I)
    where
        I: Iterator<Item = (&'a T::AccountId, T::AuthorityId)> + 'a,
    {
        let leader = Leader::<T>::get();
        let (set, keys): (Vec<_>, Vec<_>) = validators.unzip();
        let place = leader
            .as_ref()
            .and_then(|leader| set.iter().position(|account| *account == leader));
        Self::hand_over_schedule(&keys, place);
        Self::deposit_event(Event::TermStarted {
            term: pallet_session::CurrentIndex::<T>::get(),
            leader,
        });
    }

    fn on_disabled(_: u32) {}
}

impl<T: Config> ShouldEndSession<BlockNumberFor<T>> for Pallet<T> {
    fn should_end_session(now: BlockNumberFor<T>) -> bool {
        RotationsDue::<T>::get() > 0
            || now.saturating_sub(TermStarted::<T>::get()) >= TermBlocks::<T>::get()
            || FinalityBehind::<T>::get() && !pallet_grandpa::PendingChange::<T>::exists()
    }
}

impl<T: Config> EstimateNextSessionRotation<BlockNumberFor<T>> for Pallet<T> {
    fn average_session_length() -> BlockNumberFor<T> {
        TermBlocks::<T>::get()
    }

    fn estimate_current_session_progress(now: BlockNumberFor<T>) -> (Option<Permill>, Weight) {
        // The present block counts as passed, as in the session pallet's own estimate.
        let passed = now.saturating_sub(TermStarted::<T>::get()).saturating_add(1u32.into());
        let passed: u32 = passed.saturated_into();
        let all: u32 = TermBlocks::<T>::get().saturated_into();
        (
            Some(Permill::from_rational(passed.min(all), all)),
            T::DbWeight::get().reads(2),
        )
    }

    fn estimate_next_session_rotation(now: BlockNumberFor<T>) -> (Option<BlockNumberFor<T>>, Weight) {
        let next = if RotationsDue::<T>::get() > 0 {
            now.saturating_add(1u32.into())
        } else {
            TermStarted::<T>::get().saturating_add(TermBlocks::<T>::get())
        };
        (Some(next), T::DbWeight::get().reads(3))
    }
}

impl<T: Config> Pallet<T> {
    /// The session to which `slot` belongs, looked for around `near`; `None` where it is none of these, or forgotten.
    pub(crate) fn session_of(slot: Slot, near: SessionIndex) -> Option<SessionIndex> {
        let around = [near.checked_sub(1), Some(near), near.checked_add(1)];
        around.into_iter().flatten().find(|&session| {
            let after = TermSlots::<T>::get(session);
            let until = session.checked_add(1).and_then(TermSlots::<T>::get);
            after.is_some_and(|after| slot > after) && until.is_none_or(|until| slot <= until)
        })
    }

    /// Whether GRANDPA has let a change of the set go by and can be given the set again. Asked once in each rotation, before
    /// GRANDPA is told of the set that comes into force with it.
    fn finality_is_behind() -> bool {
        let waits = pallet_grandpa::PendingChange::<T>::exists();
        if pallet_session::QueuedChanged::<T>::get() {
            // It is told of a change now, and takes it unless it waits.
            FinalityBehind::<T>::put(waits);
        }
        !waits && FinalityBehind::<T>::take()
    }

    /// Has GRANDPA start over with the set of the next term, which begins with the next block. While the set is changing
    /// that would be the outgoing one.
    pub(crate) fn restart_finality(delay: BlockNumberFor<T>, best_finalized: BlockNumberFor<T>) -> DispatchResult {
        let is_changing = RotationsDue::<T>::get() > 0
            || pallet_session::QueuedChanged::<T>::get()
            || FinalityBehind::<T>::get()
            || pallet_grandpa::PendingChange::<T>::exists();
        ensure!(!is_changing, Error::<T>::SetIsChanging);
        let next = frame_system::Pallet::<T>::block_number().saturating_add(1u32.into());
        // When GRANDPA takes the next note it computes in a hook, where an overflow is either a wrong number or the end.
        let again = delay
            .checked_mul(&2u32.into())
            .and_then(|twice| next.checked_add(&twice));
        ensure!(again.is_some(), ArithmeticError::Overflow);
        let takes_it = pallet_grandpa::NextForced::<T>::get().is_none_or(|earliest| earliest <= next);
        ensure!(takes_it, Error::<T>::StallNotedTooRecently);
        pallet_grandpa::Pallet::<T>::note_stalled(RawOrigin::Root.into(), delay, best_finalized)?;
        RotationsDue::<T>::put(1);
        Ok(())
    }

    /// Lets the past count for half of what it did.
    fn halve_records() {
        for account in Self::members() {
            let record = Records::<T>::take(&account);
            let halved = Record {
                authored: record.authored / 2,
                missed: record.missed / 2,
            };
            if halved != Record::default() {
                Records::<T>::insert(account, halved);
            }
        }
    }

    /// The members with what identifies them in a historical session.
    fn identified(members: Vec<T::AccountId>) -> Vec<(T::AccountId, T::FullIdentification)> {
        members
            .into_iter()
            .filter_map(|member| T::FullIdentificationOf::convert(member.clone()).map(|full| (member, full)))
            .collect()
    }
}

/// The accounts of a set.
fn accounts<A, K>(set: Vec<(A, K)>) -> Vec<A> {
    set.into_iter().map(|(account, _)| account).collect()
}
