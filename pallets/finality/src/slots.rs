//! The slots as they go by: who formed this block, who missed a slot, and how long a slot is.
//!
//! A block's author is the owner of its slot by the schedule of its parent's state, which is what Aura's nodes check its
//! seal against. So this runs before the session pallet may bring another schedule. Of the slots that went by without a
//! block, at most one round of the schedule is booked: after a long stand-still each owner has missed its share of one
//! round, and a block's work is bounded.
//!
//! A leader that has missed too many of its own slots in a row is deposed at once, in the first block that notices; unless a
//! new term begins with that very block, the rotation begins with it. A header carries at most one change of Aura's
//! authorities, because Aura's nodes look no further than the first.
//!
//! **Privacy.** Who was there and who was not is public, of members only.

use crate::{
    schedule, Author, Config, Event, KeysInForce, LastSlot, Leader, LeaderMissed, Pallet, Record, Records, SlotMs,
};
use alloc::{vec, vec::Vec};
use codec::Decode;
use core::marker::PhantomData;
use frame_support::{
    traits::{FindAuthor, Get},
    BoundedVec, ConsensusEngineId,
};
use frame_system::pallet_prelude::BlockNumberFor;
use pallet_session::ShouldEndSession;
use sp_consensus_aura::AURA_ENGINE_ID;
use sp_consensus_slots::Slot;
use sp_runtime::{traits::OpaqueKeys, RuntimeAppPublic};

impl<T: Config> Pallet<T> {
    /// Finds the block's author, books the slots since the block before, and deposes a leader that was not there. Returns
    /// how many authorities' records it has looked at.
    pub(crate) fn note_slot(now: BlockNumberFor<T>) -> u32 {
        Author::<T>::kill();
        // Blocks that a node makes only to look at the state have no slot.
        let Some(slot) = Self::slot_of_digest() else {
            return 0;
        };
        let authorities = pallet_session::Validators::<T>::get();
        let led_by = Leader::<T>::get();
        let leader = led_by
            .as_ref()
            .and_then(|leader| authorities.iter().position(|account| account == leader));
        let last = LastSlot::<T>::get();
        LastSlot::<T>::put(slot);

        let mut records = vec![Record::default(); authorities.len()];
        let mut missed_in_a_row = LeaderMissed::<T>::get();
        let mut is_lost = false;
        for skipped in skipped_slots(last, slot, schedule::period(authorities.len(), leader)) {
            let owner = schedule::owner(skipped, authorities.len(), leader);
            if let Some(record) = owner.and_then(|owner| records.get_mut(owner)) {
                record.missed = record.missed.saturating_add(1);
            }
            if owner.is_some() && owner == leader {
                missed_in_a_row = missed_in_a_row.saturating_add(1);
                is_lost |= missed_in_a_row >= T::MaxMissedSlots::get();
            }
        }
        let owner = schedule::owner(slot.into(), authorities.len(), leader);
        if let Some(record) = owner.and_then(|owner| records.get_mut(owner)) {
            record.authored = record.authored.saturating_add(1);
        }
        if owner.is_some() && owner == leader {
            missed_in_a_row = 0;
        }
        Author::<T>::set(owner.and_then(|owner| authorities.get(owner).cloned()));

        let touched = Self::book(&authorities, &records);
        match led_by {
            Some(leader) if is_lost => Self::depose(leader, now),
            Some(_) => LeaderMissed::<T>::put(missed_in_a_row),
            None => {}
        }
        touched
    }

    /// Adds to the records of those that are members; returns how many they were.
    fn book(authorities: &[T::AccountId], records: &[Record]) -> u32 {
        let mut touched = 0u32;
        for (account, more) in authorities.iter().zip(records) {
            if *more != Record::default() && Self::is_member(account) {
                Records::<T>::mutate(account, |record| {
                    record.authored = record.authored.saturating_add(more.authored);
                    record.missed = record.missed.saturating_add(more.missed);
                });
                touched = touched.saturating_add(1);
            }
        }
        touched
    }

    /// Takes the lead away from the leader, for the rest of the term.
    fn depose(leader: T::AccountId, now: BlockNumberFor<T>) {
        Leader::<T>::kill();
        LeaderMissed::<T>::kill();
        if !<Self as ShouldEndSession<_>>::should_end_session(now) {
            Self::hand_over_schedule(&Self::keys_for_blocks(), None);
        }
        Self::deposit_event(Event::LeaderDeposed { leader });
    }

    /// Gives Aura the schedule of these authorities, unless it has it.
    pub(crate) fn hand_over_schedule(keys: &[T::AuthorityId], leader: Option<usize>) {
        let slots: Vec<_> = schedule::slots(keys.len(), leader)
            .into_iter()
            .filter_map(|place| keys.get(place).cloned())
            .collect();
        // It fits: checked by the pallet's integrity test.
        let slots = BoundedVec::truncate_from(slots);
        if slots != pallet_aura::Authorities::<T>::get() {
            pallet_aura::Pallet::<T>::change_authorities(slots);
        }
    }

    /// The Aura keys in force, in the order of the set.
    pub(crate) fn keys_for_blocks() -> Vec<T::AuthorityId> {
        KeysInForce::<T>::get()
            .iter()
            .filter_map(|(_, keys)| keys.get(<T::AuthorityId as RuntimeAppPublic>::ID))
            .collect()
    }

    /// The slot that the block's header claims.
    fn slot_of_digest() -> Option<Slot> {
        frame_system::Pallet::<T>::digest()
            .logs
            .iter()
            .filter_map(|item| item.as_pre_runtime())
            .find(|(engine, _)| *engine == AURA_ENGINE_ID)
            .and_then(|(_, mut claim)| Slot::decode(&mut claim).ok())
    }
}

/// The latest slots between `last` and `slot`, at most `most`, in order; none where there was no slot before.
fn skipped_slots(last: Option<Slot>, slot: Slot, most: usize) -> core::ops::Range<u64> {
    let slot = u64::from(slot);
    let first = last.map_or(slot, |last| u64::from(last).saturating_add(1));
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    first.max(slot.saturating_sub(most))..slot
}

/// The author of the block that is being executed, by the schedule of its parent's state.
impl<T: Config> FindAuthor<T::AccountId> for Pallet<T> {
    fn find_author<'a, I>(_: I) -> Option<T::AccountId>
    where
        I: 'a + IntoIterator<Item = (ConsensusEngineId, &'a [u8])>,
    {
        Author::<T>::get()
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
