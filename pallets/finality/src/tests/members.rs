//! Members by decision: how they come, how they go, and the floor.

use super::*;
use sp_core::Pair;

#[test]
fn the_consortium_adds_a_member_and_says_why() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(add(4));
        assert!(Finality::is_member(&4));
        assert_eq!(Seated::get(), vec![1, 2, 3, 4]);
        assert_eq!(System::providers(&4), 1);
        let event = Event::MemberAdded {
            account: 4,
            reason: because("they built a grid"),
        };
        assert_eq!(events(), vec![event]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_member_without_keys_is_no_authority() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(add(4));
        for _ in 0..3 {
            next_term();
            assert_in_force(&[1, 2, 3]);
        }
    });
}

#[test]
fn a_member_with_keys_is_an_authority_from_the_second_ordinary_term_on() {
    consortium(&[1, 2, 3]).execute_with(|| {
        add_with_keys(4);
        blocks(3);
        assert_eq!(Session::current_index(), 0, "nothing is hurried for an addition");
        next_term();
        assert_in_force(&[1, 2, 3]);
        next_term();
        assert_in_force(&[1, 2, 3, 4]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_member_that_is_one_already_is_not_added_again() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_noop!(add(2), Error::<Test>::AlreadyAMember);
    });
}

#[test]
fn there_are_no_more_members_than_the_most() {
    consortium(&[1, 2, 3, 4, 5, 6, 7]).execute_with(|| {
        assert_noop!(add(8), Error::<Test>::TooManyMembers);
    });
}

#[test]
fn a_removed_member_is_out_of_every_set_two_blocks_later() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        blocks(3);
        assert_ok!(remove(3));
        assert!(!Finality::is_member(&3));
        assert_eq!(Seated::get(), vec![1, 2, 4]);
        let event = Event::MemberRemoved {
            account: 3,
            reason: because("they sold it"),
        };
        assert_eq!(events(), vec![event]);
        assert_in_force(&[1, 2, 3, 4]);
        blocks(1);
        assert_in_force(&[1, 2, 3, 4]);
        assert_ok!(Finality::do_try_state());
        blocks(1);
        assert_in_force(&[1, 2, 4]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn after_a_removal_terms_are_of_their_ordinary_length_again() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        blocks(3);
        assert_ok!(remove(3));
        blocks(2);
        assert_eq!(Session::current_index(), 2);
        blocks(TERM - 1);
        assert_eq!(Session::current_index(), 2);
        blocks(1);
        assert_eq!(Session::current_index(), 3);
        assert_in_force(&[1, 2, 4]);
    });
}

#[test]
fn two_removals_in_a_row_are_both_in_force_two_blocks_after_the_second() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        assert_ok!(remove(2));
        blocks(1);
        assert_ok!(remove(4));
        blocks(1);
        assert_in_force(&[1, 3, 4, 5]);
        blocks(1);
        assert_in_force(&[1, 3, 5]);
        let term = Session::current_index();
        blocks(2);
        assert_eq!(Session::current_index(), term);
    });
}

#[test]
fn removing_a_member_that_is_in_no_set_hurries_nothing() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(add(4));
        assert_ok!(remove(4));
        assert_eq!(RotationsDue::<Test>::get(), 0);
        assert_eq!(System::providers(&4), 0);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_member_that_is_planned_and_not_yet_in_force_is_taken_out_of_the_plan() {
    consortium(&[1, 2, 3]).execute_with(|| {
        add_with_keys(4);
        next_term();
        assert_ok!(remove(4));
        blocks(2);
        assert_in_force(&[1, 2, 3]);
    });
}

#[test]
fn a_removal_takes_keys_votes_record_and_nodes_with_it() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        vote(3, 1);
        assert_ok!(Finality::set_nodes(signed(3), BoundedVec::default()));
        assert_ok!(Finality::set_keys(signed(3), mock::keys(33), ownership(33, 3)));
        assert!(Records::<Test>::contains_key(3));
        assert_ok!(remove(3));
        assert_eq!(Session::load_keys(&3), None);
        assert!(Votes::<Test>::get().is_empty());
        assert!(!Records::<Test>::contains_key(3) && !Nodes::<Test>::contains_key(3));
        assert!(!KeysSetAt::<Test>::contains_key(3));
        assert!(!System::account_exists(&3), "neither a consumer nor a provider is left");
        blocks(2);
        assert_eq!(
            Records::<Test>::get(3),
            Record::default(),
            "its last slots are not booked"
        );
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn an_account_with_another_use_outlives_its_membership() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(System::inc_consumers(&3));
        assert_ok!(remove(3));
        assert!(!Finality::is_member(&3));
        assert_eq!(Session::load_keys(&3), None);
        assert!(System::account_exists(&3));
        assert_ok!(add(3));
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_removed_members_keys_are_worth_nothing_and_open_to_no_one_without_their_secret() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        assert_ok!(remove(5));
        // Neither the proof for the old owner nor one of another key makes them another's.
        for proof in [ownership(5, 5), ownership(4, 4)] {
            assert_noop!(
                Finality::set_keys(signed(4), mock::keys(5), proof),
                pallet_session::Error::<Test>::InvalidProof
            );
        }
        assert_noop!(
            Finality::set_keys(signed(5), mock::keys(5), ownership(5, 5)),
            Error::<Test>::NotAMember
        );
        blocks(2);
        assert_in_force(&[1, 2, 3, 4]);
        for _ in 0..3 {
            next_term();
            assert_in_force(&[1, 2, 3, 4]);
        }
    });
}

#[test]
fn a_removed_member_comes_back_by_vote_and_sets_its_keys_at_once() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::set_keys(signed(4), mock::keys(44), ownership(44, 4)));
        assert_ok!(remove(4));
        add_with_keys(4);
        blocks(2);
        assert_in_force(&[1, 2, 3, 4]);
        assert_eq!(aura(4).public(), pallet_aura::Authorities::<Test>::get()[3]);
    });
}

#[test]
fn no_vote_makes_the_authorities_fewer_than_the_floor() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(remove(1));
        for member in [2, 3, 4] {
            assert_noop!(remove(member), Error::<Test>::TooFewMembers);
        }
        blocks(2);
        assert_in_force(&[2, 3, 4]);
        assert_noop!(remove(2), Error::<Test>::TooFewMembers);
    });
}

#[test]
fn the_floor_counts_authorities_and_not_members() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(add(4));
        assert_ok!(add(5));
        assert_noop!(remove(1), Error::<Test>::TooFewMembers);
        assert_ok!(remove(5));
        assert_ok!(Finality::set_keys(signed(4), mock::keys(4), ownership(4, 4)));
        assert_ok!(remove(1));
        blocks(2);
        assert_in_force(&[2, 3, 4]);
    });
}

#[test]
fn a_member_that_is_away_can_be_removed_at_the_floor() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::leave(signed(4)));
        assert_ok!(remove(4));
        blocks(2);
        assert_in_force(&[1, 2, 3]);
        assert!(Away::<Test>::get().is_empty() && !LeftAt::<Test>::contains_key(4));
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn who_is_no_member_cannot_be_removed() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_noop!(remove(9), Error::<Test>::NotAMember);
    });
}

#[test]
fn nobody_but_the_consortium_adds_and_removes() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for origin in [RuntimeOrigin::none(), signed(1)] {
            assert_noop!(Finality::add_member(origin.clone(), 5, because("mine")), BadOrigin);
            assert_noop!(Finality::remove_member(origin, 2, because("not mine")), BadOrigin);
        }
    });
}

#[test]
fn a_reason_is_bounded() {
    assert!(Reason::try_from(vec![b'x'; 256]).is_ok());
    assert!(Reason::try_from(vec![b'x'; 257]).is_err());
}

#[test]
fn the_status_tells_all_of_each_member() {
    chain(configuration(&[1, 2, 3, 4, 5], &[1, 2, 3, 4])).execute_with(|| {
        elect(2);
        assert_ok!(Finality::leave(signed(4)));
        vote(2, 1);
        let status = Finality::consortium();
        assert_eq!((status.term, status.term_blocks), (Session::current_index(), TERM));
        assert_eq!(status.term_started, System::block_number(), "a leave ends the term");
        assert_eq!((status.leader, status.leader_missed), (None, 0));
        let accounts: Vec<_> = status.members.iter().map(|member| member.account).collect();
        assert_eq!(accounts, vec![1, 2, 3, 4, 5]);
        let [one, two, _, four, five] = &status.members[..] else {
            panic!("five members");
        };
        assert!(one.authority && !one.away && one.vote.is_none() && one.authored > 0);
        assert_eq!(two.vote, Some(1));
        assert!(four.authority && four.away);
        assert!(!five.authority && !five.away && five.authored == 0 && five.missed == 0);
    });
}
