//! Members that step out and back by themselves.

use super::*;

#[test]
fn a_member_that_leaves_is_out_of_the_set_two_blocks_later_and_stays_a_member() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        blocks(3);
        assert_ok!(Finality::leave(signed(2)));
        assert_eq!(events(), vec![Event::MemberLeft { account: 2 }]);
        assert!(Finality::is_member(&2) && Seated::get().contains(&2));
        blocks(2);
        assert_in_force(&[1, 3, 4]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_member_that_returns_is_an_authority_from_the_second_ordinary_term_on() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::leave(signed(2)));
        blocks(2);
        assert_ok!(Finality::rejoin(signed(2)));
        assert_eq!(events().last(), Some(&Event::MemberReturned { account: 2 }));
        blocks(3);
        assert_in_force(&[1, 3, 4]);
        next_term();
        assert_in_force(&[1, 3, 4]);
        next_term();
        assert_in_force(&[1, 2, 3, 4]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn nobody_leaves_when_too_few_would_be_left() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::leave(signed(2)));
        for member in [1, 3, 4] {
            assert_noop!(Finality::leave(signed(member)), Error::<Test>::TooFewMembers);
        }
        blocks(2);
        assert_in_force(&[1, 3, 4]);
    });
}

#[test]
fn a_member_without_keys_leaves_whenever_it_wants_and_hurries_nothing() {
    chain(configuration(&[1, 2, 3, 4], &[1, 2, 3])).execute_with(|| {
        assert_ok!(Finality::leave(signed(4)));
        assert_eq!(RotationsDue::<Test>::get(), 0);
        assert_ok!(Finality::set_keys(signed(4), mock::keys(4), ownership(4, 4)));
        next_term();
        next_term();
        assert_in_force(&[1, 2, 3]);
    });
}

#[test]
fn a_member_that_is_away_does_not_leave_and_one_that_is_not_does_not_return() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_noop!(Finality::rejoin(signed(2)), Error::<Test>::NotAway);
        assert_ok!(Finality::leave(signed(2)));
        assert_noop!(Finality::leave(signed(2)), Error::<Test>::AlreadyAway);
    });
}

#[test]
fn going_in_and_out_is_slowed_down_because_it_ends_terms() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::leave(signed(2)));
        assert_ok!(Finality::rejoin(signed(2)));
        blocks(COOLDOWN - 1);
        assert_noop!(Finality::leave(signed(2)), Error::<Test>::LeftTooRecently);
        blocks(1);
        assert_ok!(Finality::leave(signed(2)));
    });
}

#[test]
fn a_leave_and_a_return_in_one_block_leave_the_set_as_it_was() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::leave(signed(2)));
        assert_ok!(Finality::rejoin(signed(2)));
        blocks(3);
        assert_in_force(&[1, 2, 3, 4]);
        assert_eq!(RotationsDue::<Test>::get(), 0);
    });
}

#[test]
fn only_members_leave_and_return_and_only_by_themselves() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_noop!(Finality::leave(signed(9)), Error::<Test>::NotAMember);
        assert_noop!(Finality::rejoin(signed(9)), Error::<Test>::NotAMember);
        for origin in [RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(Finality::leave(origin.clone()), BadOrigin);
            assert_noop!(Finality::rejoin(origin), BadOrigin);
        }
    });
}

#[test]
fn a_leader_that_leaves_leads_no_more() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        for voter in [1, 2, 3, 4] {
            vote(voter, 2);
        }
        assert_ok!(Finality::leave(signed(2)));
        blocks(1);
        assert_eq!(Leader::<Test>::get(), None, "not even by the votes it had");
        blocks(1);
        assert_in_force(&[1, 3, 4]);
    });
}
