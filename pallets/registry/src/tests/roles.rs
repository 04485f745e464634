//! Who has which role.

use super::*;

#[test]
fn the_consortium_grants_and_revokes_a_role() {
    new_test_ext().execute_with(|| {
        assert_ok!(Registry::grant_role(
            RuntimeOrigin::root(),
            STRANGER,
            Role::ControlCentre
        ));
        assert!(Registry::has_role(&STRANGER, Role::ControlCentre));
        assert!(!Registry::has_role(&STRANGER, Role::KeyCentre));
        assert_eq!(
            last_event(),
            Event::RoleGranted {
                account: STRANGER,
                role: Role::ControlCentre
            }
            .into()
        );

        assert_ok!(Registry::revoke_role(RuntimeOrigin::root(), STRANGER));
        assert_eq!(Registry::role(&STRANGER), None);
        assert_eq!(
            last_event(),
            Event::RoleRevoked {
                account: STRANGER,
                role: Role::ControlCentre
            }
            .into()
        );
        assert_ok!(Registry::check_state());
    });
}

#[test]
fn an_account_can_sign_as_long_as_it_has_a_role() {
    new_test_ext().execute_with(|| {
        assert_eq!(System::providers(&KEY_CENTRE), 1);
        assert_eq!(System::providers(&STRANGER), 0);
        assert_ok!(Registry::grant_role(RuntimeOrigin::root(), STRANGER, Role::KeyCentre));
        assert_eq!(System::providers(&STRANGER), 1);
        assert_ok!(Registry::revoke_role(RuntimeOrigin::root(), STRANGER));
        assert_eq!(System::providers(&STRANGER), 0);
        assert!(!System::account_exists(&STRANGER));
    });
}

#[test]
fn a_role_granted_by_anyone_but_the_consortium_is_refused() {
    new_test_ext().execute_with(|| {
        for origin in [
            RuntimeOrigin::none(),
            signed(KEY_CENTRE).into(),
            signed(AGGREGATOR).into(),
        ] {
            let granted = || Registry::grant_role(origin.clone(), STRANGER, Role::KeyCentre);
            assert_noop!(granted(), DispatchError::BadOrigin);
            assert_noop!(Registry::revoke_role(origin, CONTROL_CENTRE), DispatchError::BadOrigin);
        }
    });
}

#[test]
fn a_second_role_for_an_account_is_refused() {
    new_test_ext().execute_with(|| {
        for role in [Role::KeyCentre, Role::ControlCentre] {
            let granted = || Registry::grant_role(RuntimeOrigin::root(), KEY_CENTRE, role);
            assert_noop!(granted(), Error::<Test>::AlreadyHasRole);
        }
    });
}

#[test]
fn a_role_for_an_aggregator_is_refused() {
    new_test_ext().execute_with(|| {
        let granted = || Registry::grant_role(RuntimeOrigin::root(), AGGREGATOR, Role::KeyCentre);
        assert_noop!(granted(), Error::<Test>::AggregatorHasNoRole);
    });
}

#[test]
fn revoking_a_role_that_no_one_has_is_refused() {
    new_test_ext().execute_with(|| {
        assert_noop!(
            Registry::revoke_role(RuntimeOrigin::root(), STRANGER),
            Error::<Test>::HasNoRole
        );
    });
}

#[test]
fn a_role_whose_account_is_still_in_use_stays() {
    new_test_ext().execute_with(|| {
        assert_ok!(System::inc_consumers(&KEY_CENTRE));
        let call: RuntimeCall = Call::revoke_role { account: KEY_CENTRE }.into();
        assert_noop!(dispatch(call, RawOrigin::Root), DispatchError::ConsumerRemaining);
        assert!(Registry::has_role(&KEY_CENTRE, Role::KeyCentre));
    });
}

#[test]
fn each_origin_lets_its_own_role_through_and_no_other() {
    new_test_ext().execute_with(|| {
        let key_centre = |origin: RuntimeOrigin| EnsureKeyCentre::<Test>::ensure_origin(origin).ok();
        let control_centre = |origin: RuntimeOrigin| EnsureControlCentre::<Test>::ensure_origin(origin).ok();
        assert_eq!(key_centre(signed(KEY_CENTRE).into()), Some(KEY_CENTRE));
        assert_eq!(control_centre(signed(CONTROL_CENTRE).into()), Some(CONTROL_CENTRE));
        for origin in [
            signed(CONTROL_CENTRE).into(),
            signed(STRANGER).into(),
            RuntimeOrigin::root(),
        ] {
            assert_eq!(key_centre(origin), None);
        }
        for origin in [
            signed(KEY_CENTRE).into(),
            signed(AGGREGATOR).into(),
            RuntimeOrigin::none(),
        ] {
            assert_eq!(control_centre(origin), None);
        }
    });
}
