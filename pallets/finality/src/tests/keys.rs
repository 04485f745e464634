//! Session keys: whose, how often, from when on.

use super::*;

#[test]
fn a_member_sets_its_keys_with_proof_that_it_has_them() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(Finality::set_keys(signed(1), mock::keys(11), ownership(11, 1)));
        assert_eq!(events(), vec![Event::KeysSet { account: 1 }]);
        assert_eq!(Session::load_keys(&1), Some(mock::keys(11)));
        assert_eq!(System::consumers(&1), 1);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn new_keys_are_in_force_from_the_second_ordinary_term_on() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(Finality::set_keys(signed(1), mock::keys(11), ownership(11, 1)));
        next_term();
        assert_in_force(&[1, 2, 3]);
        next_term();
        assert_eq!(slots_of_aura(), vec![11, 2, 3]);
        assert_eq!(finalisers(), vec![11, 2, 3]);
        assert_eq!(Session::validators(), vec![1, 2, 3]);
        assert_ok!(Finality::do_try_state());
        let set_id = Grandpa::current_set_id();
        next_term();
        next_term();
        assert_eq!(Grandpa::current_set_id(), set_id, "the same keys are the same set");
    });
}

#[test]
fn keys_without_a_proof_for_this_member_are_refused() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let mut garbled = ownership(11, 1);
        garbled[0] ^= 1;
        for proof in [ownership(11, 2), ownership(12, 1), garbled, Vec::new()] {
            assert_noop!(
                Finality::set_keys(signed(1), mock::keys(11), proof),
                pallet_session::Error::<Test>::InvalidProof
            );
        }
    });
}

#[test]
fn keys_of_another_member_are_refused_even_with_their_secret() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_noop!(
            Finality::set_keys(signed(1), mock::keys(2), ownership(2, 1)),
            pallet_session::Error::<Test>::DuplicatedKey
        );
    });
}

#[test]
fn keys_are_not_set_twice_before_the_cooldown_has_passed() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let set = |seed| Finality::set_keys(signed(1), mock::keys(seed), ownership(seed, 1));
        assert_ok!(set(11));
        assert_noop!(set(12), Error::<Test>::KeysTooSoon);
        blocks(COOLDOWN - 1);
        assert_noop!(set(12), Error::<Test>::KeysTooSoon);
        blocks(1);
        assert_ok!(set(12));
        assert_noop!(set(13), Error::<Test>::KeysTooSoon);
    });
}

#[test]
fn the_cooldown_is_each_members_own_and_a_refused_call_does_not_start_it() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(Finality::set_keys(signed(1), mock::keys(11), ownership(11, 1)));
        assert!(Finality::set_keys(signed(2), mock::keys(12), ownership(12, 1)).is_err());
        assert_ok!(Finality::set_keys(signed(2), mock::keys(12), ownership(12, 2)));
    });
}

#[test]
fn leaving_and_returning_does_not_shorten_the_cooldown() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::set_keys(signed(1), mock::keys(11), ownership(11, 1)));
        assert_ok!(Finality::leave(signed(1)));
        assert_ok!(Finality::rejoin(signed(1)));
        assert_noop!(
            Finality::set_keys(signed(1), mock::keys(12), ownership(12, 1)),
            Error::<Test>::KeysTooSoon
        );
    });
}

#[test]
fn only_members_set_keys() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_noop!(
            Finality::set_keys(signed(9), mock::keys(9), ownership(9, 9)),
            Error::<Test>::NotAMember
        );
        for origin in [RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(Finality::set_keys(origin, mock::keys(1), ownership(1, 1)), BadOrigin);
        }
    });
}
