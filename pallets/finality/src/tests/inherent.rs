//! The vote that a block's author puts in.

// FRAME has a successor for `ValidateUnsigned`, which GRANDPA's reports do not use yet, and neither do ours.
#![allow(deprecated)]

use super::*;
use sp_runtime::{
    traits::ValidateUnsigned,
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
};

/// Makes the block of `author` as its node does, wanting this; returns whether there was a vote.
fn node_votes(author: u64, data: InherentData) -> bool {
    let mut voted = false;
    block_by(author, || voted = author_votes(&data));
    voted
}

#[test]
fn a_node_votes_for_whom_it_wants() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert!(node_votes(2, wish(LeaderVote::For(3))));
        assert_eq!(Votes::<Test>::get().into_inner(), vec![(2, 3)]);
        assert_eq!(events(), vec![Event::LeaderVoted { voter: 2, candidate: 3 }]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_node_without_an_opinion_votes_for_the_best_record() {
    consortium(&[1, 2, 3]).execute_with(|| {
        for (account, missed) in [(1, 9), (2, 9), (3, 0)] {
            Records::<Test>::insert(account, Record { authored: 9, missed });
        }
        assert_eq!(Finality::best_candidate(), Some(3));
        assert!(node_votes(2, wish(LeaderVote::Best)));
        assert_eq!(Votes::<Test>::get().into_inner(), vec![(2, 3)]);
    });
}

#[test]
fn a_node_that_says_nothing_does_not_vote() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert!(!node_votes(2, InherentData::new()));
        assert!(Votes::<Test>::get().is_empty());
    });
}

#[test]
fn what_a_node_says_that_makes_no_sense_is_no_vote() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let mut data = InherentData::new();
        data.put_data(INHERENT_IDENTIFIER, &[7u8; 3]).unwrap();
        assert!(!node_votes(2, data));
        assert!(!node_votes(2, wish(LeaderVote::For(9))));
    });
}

#[test]
fn a_member_votes_once_in_a_term_and_again_in_the_next() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert!(node_votes(2, wish(LeaderVote::For(3))));
        assert!(!node_votes(2, wish(LeaderVote::For(1))));
        block_by(2, || {
            assert_noop!(
                Finality::vote_leader(RuntimeOrigin::none(), 1),
                Error::<Test>::AlreadyVoted
            );
        });
        next_term();
        assert!(Votes::<Test>::get().is_empty());
        assert!(node_votes(2, wish(LeaderVote::For(1))));
    });
}

#[test]
fn the_best_candidate_is_an_authority_now_and_next() {
    chain(configuration(&[1, 2, 3, 4, 5], &[1, 2, 3, 4])).execute_with(|| {
        for (account, missed) in [(1, 1), (2, 2), (3, 2), (4, 0), (5, 0)] {
            Records::<Test>::insert(account, Record { authored: 9, missed });
        }
        assert_eq!(Finality::best_candidate(), Some(4));
        assert_ok!(Finality::leave(signed(4)));
        assert_eq!(Finality::best_candidate(), Some(1));
    });
}

#[test]
fn a_vote_by_or_for_someone_who_is_no_authority_is_refused() {
    chain(configuration(&[1, 2, 3, 4], &[1, 2, 3])).execute_with(|| {
        block_by(1, || {
            assert_noop!(
                Finality::vote_leader(RuntimeOrigin::none(), 4),
                Error::<Test>::NotAnAuthority
            );
            Author::<Test>::put(4);
            assert_noop!(
                Finality::vote_leader(RuntimeOrigin::none(), 1),
                Error::<Test>::NotAnAuthority
            );
        });
    });
}

#[test]
fn an_author_that_was_just_removed_does_not_vote() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(remove(2));
        block_by(2, || {
            assert_eq!(Author::<Test>::get(), Some(2));
            assert!(Finality::create_inherent(&wish(LeaderVote::Best)).is_none());
            assert_noop!(
                Finality::vote_leader(RuntimeOrigin::none(), 1),
                Error::<Test>::NotAMember
            );
        });
    });
}

#[test]
fn a_vote_in_a_block_without_an_author_is_refused() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_noop!(Finality::vote_leader(RuntimeOrigin::none(), 1), Error::<Test>::NoAuthor);
        assert!(Finality::create_inherent(&wish(LeaderVote::Best)).is_none());
    });
}

#[test]
fn nobody_votes_by_a_transaction() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let call = Call::<Test>::vote_leader { candidate: 1 };
        for source in [
            TransactionSource::Local,
            TransactionSource::External,
            TransactionSource::InBlock,
        ] {
            let refused = TransactionValidityError::Invalid(InvalidTransaction::Call);
            assert_eq!(Finality::validate_unsigned(source, &call), Err(refused));
        }
        assert_ok!(Finality::pre_dispatch(&call));
        block_by(1, || {
            for origin in [RuntimeOrigin::root(), signed(1)] {
                assert_noop!(Finality::vote_leader(origin, 1), BadOrigin);
            }
        });
    });
}

#[test]
fn no_other_call_comes_without_a_signature() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let call = Call::<Test>::leave {};
        assert!(!Finality::is_inherent(&call));
        let refused = TransactionValidityError::Invalid(InvalidTransaction::Call);
        assert_eq!(Finality::pre_dispatch(&call), Err(refused));
    });
}
