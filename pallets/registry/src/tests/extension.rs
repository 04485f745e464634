//! What the extension lets through.

use super::*;

const REFUSED: TransactionValidityError = TransactionValidityError::Invalid(InvalidTransaction::Call);

fn role_call() -> RuntimeCall {
    Call::schedule_cycle {
        cycle: 0,
        schedule: day(NOW + 1),
    }
    .into()
}

#[test]
fn a_roles_call_by_its_holder_passes() {
    new_test_ext().execute_with(|| {
        let origin = validate(signed(KEY_CENTRE), &role_call()).unwrap();
        assert_eq!(origin.as_system_ref(), Some(&signed(KEY_CENTRE)));
        assert_ok!(dispatch(role_call(), origin));
    });
}

#[test]
fn a_roles_call_by_an_account_without_the_role_is_refused() {
    new_test_ext().execute_with(|| {
        for who in [CONTROL_CENTRE, AGGREGATOR] {
            assert_eq!(validate(signed(who), &role_call()).unwrap_err(), REFUSED);
        }
    });
}

#[test]
fn any_call_by_an_unknown_account_is_refused() {
    new_test_ext().execute_with(|| {
        let remark: RuntimeCall = frame_system::Call::remark { remark: vec![] }.into();
        for call in [role_call(), remark] {
            assert_eq!(validate(signed(STRANGER), &call).unwrap_err(), REFUSED);
        }
    });
}

#[test]
fn a_call_that_no_role_has_is_refused_to_everyone() {
    new_test_ext().execute_with(|| {
        let remark: RuntimeCall = frame_system::Call::remark { remark: vec![] }.into();
        for who in [KEY_CENTRE, CONTROL_CENTRE, AGGREGATOR] {
            assert_eq!(validate(signed(who), &remark).unwrap_err(), REFUSED);
        }
    });
}

#[test]
fn a_roles_call_wrapped_in_another_is_refused() {
    new_test_ext().execute_with(|| {
        let wrapped: RuntimeCall = wrapper::Call::wrap {
            call: Box::new(role_call()),
        }
        .into();
        assert_eq!(validate(signed(KEY_CENTRE), &wrapped).unwrap_err(), REFUSED);
        // It is the extension that refuses it: dispatched, it would do what it wraps.
        assert_ok!(dispatch(wrapped, signed(KEY_CENTRE)));
        assert_eq!(Registry::latest_cycle(), Some(0));
    });
}

#[test]
fn a_meters_own_origin_passes_untouched() {
    new_test_ext().execute_with(|| {
        let meter = meters::Origin::Meter([9; 32]);
        let origin = validate(meter.clone(), &role_call()).unwrap();
        assert_eq!(meters::Origin::try_from(origin.into_caller()), Ok(meter));
    });
}

#[test]
fn a_transaction_that_nobody_signed_is_refused() {
    new_test_ext().execute_with(|| {
        let refused = TransactionValidityError::Invalid(InvalidTransaction::UnknownOrigin);
        for origin in [RawOrigin::None, RawOrigin::Root, RawOrigin::Authorized] {
            assert_eq!(validate(origin, &role_call()).unwrap_err(), refused);
        }
    });
}

#[test]
fn a_revoked_roles_call_is_refused() {
    new_test_ext().execute_with(|| {
        assert_ok!(validate(signed(KEY_CENTRE), &role_call()));
        assert_ok!(Registry::revoke_role(RuntimeOrigin::root(), KEY_CENTRE));
        assert_eq!(validate(signed(KEY_CENTRE), &role_call()).unwrap_err(), REFUSED);
    });
}

#[test]
fn validation_writes_nothing() {
    new_test_ext().execute_with(|| {
        assert_storage_noop!(assert!(validate(signed(KEY_CENTRE), &role_call()).is_ok()));
        assert_storage_noop!(assert!(validate(signed(STRANGER), &role_call()).is_err()));
    });
}

#[test]
fn the_extension_adds_no_byte_to_a_transaction() {
    assert_eq!(RequireRole::<Test>::new().encode(), Vec::<u8>::new());
}
