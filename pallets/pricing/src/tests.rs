//! Prices, with real shares, closes and openings before them.

use crate::{mock::*, Error, Event, Prices};
use frame_support::{assert_noop, assert_ok};
use gridveil_primitives::{Outcome, Total};
use sp_runtime::DispatchError;

/// What the pallet has said so far.
fn events() -> Vec<Event<Test>> {
    System::read_events_for_pallet()
}

/// A chain on which period 0 has its total.
fn opened() -> sp_io::TestExternalities {
    let mut ext = new_test_ext();
    ext.execute_with(|| {
        report(&period(0), &[480, -35, 1_200]);
        assert_ok!(Masks::open(key_centre(), period(0), opening(&period(0))));
        let total = Total {
            meters: 3,
            energy: 1_645,
        };
        assert_eq!(Masks::outcome(&period(0)), Some(Outcome::Opened(total)));
    });
    ext
}

/// A chain on which period 0 has too few meters for a total.
fn withheld() -> sp_io::TestExternalities {
    let mut ext = new_test_ext();
    ext.execute_with(|| {
        report(&period(0), &[480, -35]);
        assert_ok!(Masks::withhold(key_centre(), period(0), Vec::new().try_into().unwrap()));
        assert_eq!(Masks::outcome(&period(0)), Some(Outcome::Withheld));
    });
    ext
}

#[test]
fn the_control_centre_prices_a_period_with_a_total() {
    opened().execute_with(|| {
        assert_eq!(Pricing::price(&period(0)), None);
        assert_eq!(events(), []);
        assert_ok!(Pricing::set_price(control_centre(), period(0), 310_000));
        assert_eq!(Pricing::price(&period(0)), Some(310_000));
        assert_eq!(
            events(),
            [Event::PriceSet {
                key: period(0),
                price: 310_000,
                fallback: false
            }]
        );
        assert_ok!(Pricing::check_state());
    });
}

#[test]
fn a_period_has_no_price_before_its_total() {
    new_test_ext().execute_with(|| {
        let set = || Pricing::set_price(control_centre(), period(0), 310_000);
        assert_noop!(set(), Error::<Test>::NoTotal);
        report(&period(0), &[480, -35, 1_200]);
        assert_noop!(set(), Error::<Test>::NoTotal);
        assert_ok!(Masks::open(key_centre(), period(0), opening(&period(0))));
        assert_ok!(set());
        assert_noop!(
            Pricing::set_price(control_centre(), period(1), 310_000),
            Error::<Test>::NoTotal
        );
    });
}

#[test]
fn a_period_is_priced_once() {
    opened().execute_with(|| {
        assert_ok!(Pricing::set_price(control_centre(), period(0), 310_000));
        for price in [310_000, 1] {
            assert_noop!(
                Pricing::set_price(control_centre(), period(0), price),
                Error::<Test>::AlreadyPriced
            );
        }
        assert_eq!(Pricing::price(&period(0)), Some(310_000));
    });
}

#[test]
fn a_withheld_period_has_the_fallback_price_at_once_and_for_good() {
    withheld().execute_with(|| {
        assert_eq!(Pricing::price(&period(0)), Some(FALLBACK));
        assert_eq!(
            events(),
            [Event::PriceSet {
                key: period(0),
                price: FALLBACK,
                fallback: true
            }]
        );
        assert_noop!(
            Pricing::set_price(control_centre(), period(0), 310_000),
            Error::<Test>::AlreadyPriced
        );
        assert_ok!(Pricing::check_state());
    });
}

#[test]
fn only_the_control_centre_sets_prices() {
    opened().execute_with(|| {
        let stranger = RuntimeOrigin::signed([9; 32].into());
        for origin in [key_centre(), stranger, RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(Pricing::set_price(origin, period(0), 310_000), DispatchError::BadOrigin);
        }
    });
}

#[test]
fn a_price_before_its_outcome_is_detected() {
    opened().execute_with(|| {
        Prices::<Test>::insert(period(1), 1);
        assert_eq!(
            Pricing::check_state(),
            Err("a period is priced before its outcome".into())
        );
    });
}

#[test]
fn a_withheld_period_without_its_fallback_price_is_detected() {
    withheld().execute_with(|| {
        Prices::<Test>::remove(period(0));
        assert_eq!(
            Pricing::check_state(),
            Err("a withheld period has no fallback price".into())
        );
    });
}
