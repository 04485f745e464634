//! What is always true of the pallet's storage between blocks.
//!
//! **Privacy.** It reveals nothing.

use crate::{
    is_peer_id, schedule, Away, Config, KeysInForce, KeysSetAt, Leader, LeaderMissed, LeftAt, Members, Nodes, Pallet,
    Records, RotationsDue, SlotMs, TermBlocks, TermStarted, Testimony, Votes, ROTATIONS_OF_A_REMOVAL, SHORTEST_SLOT_MS,
    SHORTEST_TERM_BLOCKS,
};
use frame_support::{ensure, traits::Get};
use sp_runtime::TryRuntimeError;

/// Whether `accounts` ascend and none comes twice.
fn ascends<A: Ord>(accounts: &[A]) -> bool {
    accounts.windows(2).all(|pair| pair[0] < pair[1])
}

impl<T: Config> Pallet<T> {
    /// The invariants of the pallet's storage.
    ///
    /// Members ascend without repetition and have a provider reference; what is kept of accounts, but for the evidence, is
    /// kept of members; slot and term are not too short; the leader is an authority that has not lost the term; each
    /// authority has voted at most once, for an authority; Aura has the schedule of the authorities and the leader.
    pub fn do_try_state() -> Result<(), TryRuntimeError> {
        let members = Members::<T>::get();
        let is_member = |account: &T::AccountId| members.binary_search(account).is_ok();
        ensure!(ascends(&members), "the members do not ascend");
        ensure!(
            members
                .iter()
                .all(|member| frame_system::Pallet::<T>::providers(member) > 0),
            "a member without a provider"
        );
        let away = Away::<T>::get();
        ensure!(
            ascends(&away) && away.iter().all(is_member),
            "someone is away who is no member, or twice"
        );
        let is_kept = LeftAt::<T>::iter_keys()
            .chain(KeysSetAt::<T>::iter_keys())
            .chain(Records::<T>::iter_keys())
            .chain(Nodes::<T>::iter_keys())
            .all(|account| is_member(&account));
        ensure!(is_kept, "something is kept of someone who is no member");
        ensure!(
            Nodes::<T>::iter_values().flatten().all(|node| is_peer_id(&node)),
            "a node without a peer id"
        );
        ensure!(SlotMs::<T>::get() >= SHORTEST_SLOT_MS, "a slot below the shortest");
        ensure!(
            TermBlocks::<T>::get() >= SHORTEST_TERM_BLOCKS.into(),
            "a term below the shortest"
        );
        ensure!(
            TermStarted::<T>::get() <= frame_system::Pallet::<T>::block_number(),
            "a term that has not begun"
        );
        ensure!(
            RotationsDue::<T>::get() <= ROTATIONS_OF_A_REMOVAL,
            "more terms end than a removal ends"
        );
        ensure!(!Testimony::<T>::exists(), "a proof is left from a judgement");
        Self::try_lead()
    }

    /// The invariants of the term: its authorities, its leader, its votes, its schedule.
    fn try_lead() -> Result<(), TryRuntimeError> {
        let authorities = pallet_session::Validators::<T>::get();
        let in_force = KeysInForce::<T>::get();
        ensure!(
            in_force.iter().map(|(account, _)| account).eq(&authorities),
            "the keys in force are not the authorities'"
        );
        let leader = match Leader::<T>::get() {
            Some(leader) => {
                let place = authorities.iter().position(|account| *account == leader);
                ensure!(place.is_some(), "the leader is not an authority");
                place
            }
            None => None,
        };
        let missed = LeaderMissed::<T>::get();
        ensure!(
            missed < T::MaxMissedSlots::get() && (leader.is_some() || missed == 0),
            "a leader has missed more than it may, or there is none"
        );
        let votes = Votes::<T>::get();
        ensure!(
            votes
                .iter()
                .all(|(voter, candidate)| authorities.contains(voter) && authorities.contains(candidate)),
            "a vote of or for someone who is no authority"
        );
        let voted_twice = |place: usize| votes[..place].iter().any(|(voter, _)| *voter == votes[place].0);
        ensure!(!(0..votes.len()).any(voted_twice), "an authority has voted twice");

        let keys = Self::keys_for_blocks();
        let slots = schedule::slots(authorities.len(), leader);
        ensure!(
            slots
                .iter()
                .filter_map(|&place| keys.get(place))
                .eq(&pallet_aura::Authorities::<T>::get()),
            "Aura has another schedule"
        );
        Ok(())
    }
}
