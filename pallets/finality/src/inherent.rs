//! The vote of a block's author, which its node puts into the block.
//!
//! A node says in the inherent data what it wants ([`LeaderVote`], under [`INHERENT_IDENTIFIER`]); nothing, and there is no
//! vote. The inherent is made only where its call will succeed, because a block with a failed one is not valid: the author
//! has not voted in this term, and it and its candidate are authorities of it. Nobody checks another's vote: it is its own.
//!
//! **Privacy.** A vote is public, with the voter's name.

use crate::{election, Author, Config, Error, LeaderVote, Pallet, Records, Votes};
use frame_support::{
    ensure,
    inherent::{InherentData, InherentIdentifier},
};

/// Under which a node's [`LeaderVote`] is found in the inherent data.
pub const INHERENT_IDENTIFIER: InherentIdentifier = *b"gvleader";

impl<T: Config> Pallet<T> {
    /// The authority of the present term with the best record, of those that will be one of the next; `None` where none
    /// will.
    pub fn best_candidate() -> Option<T::AccountId> {
        let next = Self::next_set();
        let candidates = pallet_session::Validators::<T>::get()
            .into_iter()
            .filter(|account| next.iter().any(|(other, _)| other == account))
            .map(|account| {
                let record = Records::<T>::get(&account);
                (account, record)
            });
        election::best(candidates)
    }

    /// For whom the author of this block is to vote, if at all.
    pub(crate) fn vote_in(data: &InherentData) -> Option<T::AccountId> {
        let wish = data.get_data::<LeaderVote<T::AccountId>>(&INHERENT_IDENTIFIER);
        let candidate = match wish.ok().flatten()? {
            LeaderVote::Best => Self::best_candidate()?,
            LeaderVote::For(account) => account,
        };
        let voter = Author::<T>::get()?;
        Self::check_vote(&voter, &candidate).ok().map(|()| candidate)
    }

    /// Whether `voter` may vote for `candidate` now.
    pub(crate) fn check_vote(voter: &T::AccountId, candidate: &T::AccountId) -> Result<(), Error<T>> {
        let authorities = pallet_session::Validators::<T>::get();
        ensure!(
            authorities.contains(voter) && authorities.contains(candidate),
            Error::<T>::NotAnAuthority
        );
        ensure!(Self::is_member(voter), Error::<T>::NotAMember);
        let has_voted = Votes::<T>::get().iter().any(|(other, _)| other == voter);
        ensure!(!has_voted, Error::<T>::AlreadyVoted);
        Ok(())
    }
}
