//! When a mask sum stays closed.

use super::*;

#[test]
fn a_period_with_too_few_complete_meters_is_withheld() {
    published(5, |meters| {
        let mut shares = meters.shares(0, &READINGS[..2]);
        let halves = [2, 3, 4].map(|meter| meters.pair(meter, 0, READINGS[meter])[0]);
        shares.extend(halves);
        close(&key(0), &shares);
        assert_ok!(withhold(0, &sorted(halves.map(|(prid, _)| prid).to_vec())));
        assert_eq!(Masks::outcome(&key(0)), Some(Outcome::Withheld));
        assert_eq!(last_event(), Event::PeriodWithheld { key: key(0) }.into());
        assert_eq!(Told::get(), [(key(0), Outcome::Withheld)]);
        assert_ok!(Masks::check_state());
    });
}

#[test]
fn a_period_in_which_every_meter_is_silent_is_withheld() {
    published(5, |_| {
        close(&key(0), &[]);
        assert_ok!(withhold(0, &[]));
        assert_eq!(Masks::outcome(&key(0)), Some(Outcome::Withheld));
    });
}

#[test]
fn a_withheld_period_stays_closed() {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS[..2]));
        assert_ok!(withhold(0, &[]));
        assert_noop!(withhold(0, &[]), Error::<Test>::AlreadyDecided);
        assert_noop!(
            open(0, meters.opening(0, &[2, 3, 4], &[])),
            Error::<Test>::AlreadyDecided
        );
    });
}

#[test]
fn a_period_with_enough_complete_meters_is_not_withheld() {
    published(5, |meters| {
        for complete in 3..=5 {
            close(&key(0), &meters.shares(0, &READINGS[..complete]));
            assert_noop!(withhold(0, &[]), Error::<Test>::EnoughMeters);
        }
    });
}

#[test]
fn a_period_with_more_missing_meters_than_an_opening_can_leave_out_is_withheld() {
    published(7, |meters| {
        close(&key(0), &meters.shares(0, &READINGS[..4]));
        assert_noop!(withhold(0, &[]), Error::<Test>::EnoughMeters);
        close(&key(1), &meters.shares(1, &READINGS[..3]));
        assert_eq!(
            OpeningOf::<Test>::try_from(meters.wire_opening(1, &[3, 4, 5, 6], &[])),
            Err(TooLong)
        );
        assert_ok!(withhold(1, &[]));
    });
}

#[test]
fn a_period_with_more_halves_than_can_be_excluded_is_withheld() {
    published(8, |meters| {
        // Three complete meters and five halves, of which four can be named.
        let mut shares = meters.shares(0, &READINGS[..3]);
        let halves: Vec<_> = (3..8).map(|meter| meters.pair(meter, 0, 1)[0]).collect();
        shares.extend(&halves);
        close(&key(0), &shares);
        assert_ok!(withhold(
            0,
            &sorted(halves[..4].iter().map(|(prid, _)| *prid).collect())
        ));
    });
}
