//! The members: who comes, who goes, who steps out, and what is known of them.
//!
//! The authorities of the next set are the members with session keys that have not stepped out. Whatever makes them fewer
//! asks [`Pallet::can_be_spared`] first; that is the floor. Whatever takes an authority away ends the present term and the
//! next at once, so that the set without it is in force two blocks later.
//!
//! **Privacy.** Membership is public.

use crate::{
    Away, Config, ConsortiumStatus, Error, KeysSetAt, Leader, LeaderMissed, LeftAt, ListedNodes, ListedPeersOnly,
    MemberStatus, Members, NodeId, Nodes, Pallet, Records, RotationsDue, TermBlocks, TermStarted, Votes,
    ROTATIONS_OF_A_REMOVAL,
};
use alloc::vec::Vec;
use frame_support::{
    dispatch::DispatchResult,
    ensure,
    traits::{ChangeMembers, Contains, Get},
};
use frame_system::{pallet_prelude::BlockNumberFor, RawOrigin};
use pallet_session::SessionInterface;
use sp_runtime::traits::Saturating;

impl<T: Config> Pallet<T> {
    /// Whether `who` is a member of the consortium.
    pub fn is_member(who: &T::AccountId) -> bool {
        Members::<T>::get().binary_search(who).is_ok()
    }

    /// The members of the consortium, ascending.
    pub fn members() -> Vec<T::AccountId> {
        Members::<T>::get().into_inner()
    }

    /// The consortium as the chain knows it.
    pub fn consortium() -> ConsortiumStatus<T::AccountId, BlockNumberFor<T>> {
        let authorities = pallet_session::Validators::<T>::get();
        let away = Away::<T>::get();
        let votes = Votes::<T>::get();
        let status = |account: T::AccountId| {
            let record = Records::<T>::get(&account);
            let vote = votes.iter().find(|(voter, _)| *voter == account);
            MemberStatus {
                authority: authorities.contains(&account),
                away: away.binary_search(&account).is_ok(),
                authored: record.authored,
                missed: record.missed,
                vote: vote.map(|(_, candidate)| candidate.clone()),
                account,
            }
        };
        ConsortiumStatus {
            term: pallet_session::CurrentIndex::<T>::get(),
            term_started: TermStarted::<T>::get(),
            term_blocks: TermBlocks::<T>::get(),
            leader: Leader::<T>::get(),
            leader_missed: LeaderMissed::<T>::get(),
            members: Self::members().into_iter().map(status).collect(),
        }
    }

    /// The nodes that the members have listed; a member without any is left out.
    pub fn nodes() -> ListedNodes<T::AccountId> {
        let nodes = Self::members()
            .into_iter()
            .map(|member| {
                let nodes = Nodes::<T>::get(&member).into_iter().map(NodeId::into_inner);
                (member, nodes.collect::<Vec<_>>())
            })
            .filter(|(_, nodes)| !nodes.is_empty())
            .collect();
        ListedNodes {
            listed_peers_only: ListedPeersOnly::<T>::get(),
            nodes,
        }
    }

    /// The authorities of the next set that is planned, with the keys that they have set.
    pub(crate) fn next_set() -> Vec<(T::AccountId, T::Keys)> {
        let away = Away::<T>::get();
        Members::<T>::get()
            .into_iter()
            .filter(|member| away.binary_search(member).is_err())
            .filter_map(|member| pallet_session::NextKeys::<T>::get(&member).map(|keys| (member, keys)))
            .collect()
    }

    /// Whether there are authorities enough without `account`: it is none, or at least [`Config::MinMembers`] remain.
    pub(crate) fn can_be_spared(account: &T::AccountId) -> bool {
        let next = Self::next_set();
        let remaining = next.iter().filter(|(other, _)| other != account).count();
        remaining == next.len() || u32::try_from(remaining).is_ok_and(|remaining| remaining >= T::MinMembers::get())
    }

    /// Makes `account` a member.
    pub(crate) fn take_in(account: &T::AccountId) -> DispatchResult {
        let mut members = Members::<T>::get();
        let Err(place) = members.binary_search(account) else {
            return Err(Error::<T>::AlreadyAMember.into());
        };
        members
            .try_insert(place, account.clone())
            .map_err(|_| Error::<T>::TooManyMembers)?;
        Members::<T>::put(&members);
        frame_system::Pallet::<T>::inc_providers(account);
        T::MembershipChanged::change_members_sorted(core::slice::from_ref(account), &[], &members);
        Ok(())
    }

    /// Makes a member none, with all that is kept of it but the evidence against it.
    pub(crate) fn take_out(account: &T::AccountId) {
        let mut members = Members::<T>::get();
        members.retain(|member| member != account);
        Members::<T>::put(&members);
        Self::hurry(account);
        // The keys hold a consumer reference, and until it is gone the provider reference cannot go. What other
        // references there may be keep the account, but no one's permission lets it sign.
        let _ = <pallet_session::Pallet<T> as SessionInterface>::purge_keys(account);
        let _ = frame_system::Pallet::<T>::dec_providers(account);
        Away::<T>::mutate(|away| away.retain(|member| member != account));
        Votes::<T>::mutate(|votes| votes.retain(|(voter, _)| voter != account));
        LeftAt::<T>::remove(account);
        KeysSetAt::<T>::remove(account);
        Records::<T>::remove(account);
        Nodes::<T>::remove(account);
        T::MembershipChanged::change_members_sorted(&[], core::slice::from_ref(account), &members);
    }

    /// Lets `account` step out, if it is a member that may.
    pub(crate) fn step_out(account: &T::AccountId) -> DispatchResult {
        ensure!(Self::is_member(account), Error::<T>::NotAMember);
        let mut away = Away::<T>::get();
        let Err(place) = away.binary_search(account) else {
            return Err(Error::<T>::AlreadyAway.into());
        };
        ensure!(Self::has_cooled(LeftAt::<T>::get(account)), Error::<T>::LeftTooRecently);
        ensure!(Self::can_be_spared(account), Error::<T>::TooFewMembers);
        away.try_insert(place, account.clone())
            .map_err(|_| Error::<T>::TooManyMembers)?;
        Away::<T>::put(away);
        LeftAt::<T>::insert(account, frame_system::Pallet::<T>::block_number());
        Self::hurry(account);
        Ok(())
    }

    /// Lets `account` step back in, if it is a member that is away.
    pub(crate) fn step_in(account: &T::AccountId) -> DispatchResult {
        ensure!(Self::is_member(account), Error::<T>::NotAMember);
        let mut away = Away::<T>::get();
        let place = away.binary_search(account).map_err(|_| Error::<T>::NotAway)?;
        away.remove(place);
        Away::<T>::put(away);
        Ok(())
    }

    /// Sets the keys of `account`, if it is a member and may change them again.
    pub(crate) fn replace_keys(account: &T::AccountId, keys: T::Keys, proof: Vec<u8>) -> DispatchResult {
        ensure!(Self::is_member(account), Error::<T>::NotAMember);
        ensure!(Self::has_cooled(KeysSetAt::<T>::get(account)), Error::<T>::KeysTooSoon);
        pallet_session::Pallet::<T>::set_keys(RawOrigin::Signed(account.clone()).into(), keys, proof)?;
        KeysSetAt::<T>::insert(account, frame_system::Pallet::<T>::block_number());
        Ok(())
    }

    /// Whether what was last done in block `last` may be done again.
    fn has_cooled(last: Option<BlockNumberFor<T>>) -> bool {
        let now = frame_system::Pallet::<T>::block_number();
        last.is_none_or(|last| now.saturating_sub(last) >= T::KeyCooldown::get())
    }

    /// Ends the present term and the next, if `account` is an authority of one of them.
    fn hurry(account: &T::AccountId) {
        let planned = pallet_session::QueuedKeys::<T>::get();
        if pallet_session::Validators::<T>::get().contains(account) || planned.iter().any(|(other, _)| other == account)
        {
            RotationsDue::<T>::put(ROTATIONS_OF_A_REMOVAL);
        }
    }
}

impl<T: Config> Contains<T::AccountId> for Pallet<T> {
    fn contains(who: &T::AccountId) -> bool {
        Self::is_member(who)
    }
}
