//! Which users there are.

use super::*;

#[test]
fn the_key_centre_registers_users() {
    new_test_ext().execute_with(|| {
        assert_ok!(dispatch(
            register(vec![([1; 32], [11; 32]), ([2; 32], [12; 32])]),
            signed(KEY_CENTRE)
        ));
        assert_eq!(Registry::user(&[1; 32]), Some([11; 32]));
        assert_eq!(Registry::user(&[2; 32]), Some([12; 32]));
        assert_eq!(Registry::user(&[3; 32]), None);
        assert_eq!(last_event(), Event::UsersRegistered { count: 2 }.into());
    });
}

#[test]
fn users_registered_by_an_account_without_the_role_are_refused() {
    new_test_ext().execute_with(|| {
        for who in [CONTROL_CENTRE, AGGREGATOR, STRANGER] {
            let registered = || dispatch(register(vec![([1; 32], [11; 32])]), signed(who.clone()));
            assert_noop!(registered(), DispatchError::BadOrigin);
        }
        assert_noop!(
            dispatch(register(vec![([1; 32], [11; 32])]), RawOrigin::Root),
            DispatchError::BadOrigin
        );
    });
}

#[test]
fn a_user_registered_twice_is_refused_and_keeps_its_recipient() {
    new_test_ext().execute_with(|| {
        assert_ok!(dispatch(register(vec![([1; 32], [11; 32])]), signed(KEY_CENTRE)));
        let again = || {
            dispatch(
                register(vec![([2; 32], [12; 32]), ([1; 32], [99; 32])]),
                signed(KEY_CENTRE),
            )
        };
        assert_noop!(again(), Error::<Test>::UserAlreadyRegistered);
        assert_eq!(Registry::user(&[1; 32]), Some([11; 32]));
        assert_eq!(Registry::user(&[2; 32]), None);
    });
}

#[test]
fn a_batch_with_a_user_twice_is_refused_whole() {
    new_test_ext().execute_with(|| {
        let registered = || {
            dispatch(
                register(vec![([1; 32], [11; 32]), ([1; 32], [12; 32])]),
                signed(KEY_CENTRE),
            )
        };
        assert_noop!(registered(), Error::<Test>::UserAlreadyRegistered);
        assert_eq!(Users::<Test>::iter().count(), 0);
    });
}

#[test]
fn an_empty_batch_is_refused() {
    new_test_ext().execute_with(|| {
        assert_noop!(
            dispatch(register(vec![]), signed(KEY_CENTRE)),
            Error::<Test>::NothingToRegister
        );
    });
}
