//! Meters that leave and are replaced within a cycle.

use super::{publishing::malformed, *};

/// The manifests of the next day's first two periods.
fn next_day(meters: &Meters) -> Vec<ManifestOf<Test>> {
    vec![meters.manifest(NEXT_DAY), meters.manifest(NEXT_DAY + 1)]
}

#[test]
fn a_meter_leaves_at_a_days_start_and_the_manifests_from_there_on_are_published_anew() {
    published(5, |meters| {
        assert_ok!(publish_manifests(NEXT_DAY, next_day(&meters)));
        let rest = Meters::new(4);
        assert_ok!(rest.revise(NEXT_DAY));
        let event = Event::CycleRevised {
            region: REGION,
            cycle: CYCLE,
            from: NEXT_DAY,
            meters: 4,
        };
        assert_eq!(last_event(), event.into());
        assert_ok!(Masks::check_state());

        // The first day is as it was; the next one is unpublished, and has another BF2.
        assert_eq!(Masks::manifest(&key(3)), Some(meters.manifest(3)));
        assert_eq!(
            Masks::filter(&key(NEXT_DAY - 1)).unwrap().filter.into_inner(),
            meters.cycle_filter()
        );
        assert_eq!(Masks::manifest(&key(NEXT_DAY)), None);
        assert!(!Masks::is_published(&key(NEXT_DAY)));
        let filter = Masks::filter(&key(NEXT_DAY)).unwrap();
        assert_eq!(
            (filter.meters, filter.filter.into_inner()),
            (4, rest.filter_from(NEXT_DAY))
        );

        assert_noop!(
            publish_manifests(NEXT_DAY, next_day(&meters)),
            Error::<Test>::MetersDiffer
        );
        assert_ok!(publish_manifests(NEXT_DAY, next_day(&rest)));
        assert_eq!(Masks::manifest(&key(NEXT_DAY)), Some(rest.manifest(NEXT_DAY)));
        assert_noop!(
            publish_manifests(NEXT_DAY, next_day(&rest)),
            Error::<Test>::ManifestAlreadyPublished
        );
        assert_ok!(Masks::check_state());
    });
}

#[test]
fn a_period_is_opened_for_the_meters_that_are_left() {
    published(5, |_| {
        let rest = Meters::new(4);
        assert_ok!(rest.revise(NEXT_DAY));
        assert_ok!(publish_manifests(NEXT_DAY, next_day(&rest)));
        close(&key(NEXT_DAY), &rest.shares(NEXT_DAY, &READINGS[..4]));
        assert_ok!(open(NEXT_DAY, rest.opening(NEXT_DAY, &[], &[])));
        let total = Total {
            meters: 4,
            energy: READINGS[..4].iter().sum(),
        };
        assert_eq!(Masks::outcome(&key(NEXT_DAY)), Some(Outcome::Opened(total)));
        assert_ok!(Masks::check_state());
    });
}

#[test]
fn a_period_that_was_taken_back_and_not_published_anew_is_neither_opened_nor_withheld() {
    published(5, |meters| {
        assert_ok!(publish_manifests(NEXT_DAY, next_day(&meters)));
        assert_ok!(Meters::new(4).revise(NEXT_DAY));
        close(&key(NEXT_DAY), &[]);
        let opening = meters.opening(NEXT_DAY, &[], &[]);
        assert_noop!(open(NEXT_DAY, opening), Error::<Test>::ManifestMissing);
        assert_noop!(withhold(NEXT_DAY, &[]), Error::<Test>::ManifestMissing);
    });
}

#[test]
fn a_meter_takes_the_place_of_another() {
    published(5, |meters| {
        assert_ok!(publish_manifests(NEXT_DAY, next_day(&meters)));
        let replaced = Meters::numbered([0, 1, 2, 3, 9]);
        assert_ok!(replaced.revise(NEXT_DAY));
        assert_eq!(Masks::manifest(&key(NEXT_DAY)), None);
        assert_ok!(publish_manifests(NEXT_DAY, next_day(&replaced)));
        assert_eq!(Masks::manifest(&key(NEXT_DAY)), Some(replaced.manifest(NEXT_DAY)));
        assert_ok!(Masks::check_state());
    });
}

#[test]
fn nobody_joins_within_a_cycle() {
    published(5, |_| {
        assert_noop!(Meters::new(6).revise(NEXT_DAY), Error::<Test>::MetersJoin);
        assert_ok!(Meters::new(4).revise(0));
        // Nor does anyone come back.
        assert_noop!(Meters::new(5).revise(NEXT_DAY), Error::<Test>::MetersJoin);
        assert_ok!(Meters::new(4).revise(NEXT_DAY));
    });
}

#[test]
fn meters_change_at_a_days_start_only() {
    published(5, |_| {
        for from in [1, NEXT_DAY - 1, NEXT_DAY + 1] {
            assert_noop!(Meters::new(4).revise(from), Error::<Test>::NotADaysStart);
        }
    });
}

#[test]
fn a_day_that_has_begun_is_not_revised() {
    published(5, |_| {
        set_now(SCHEDULE.opens(NEXT_DAY).unwrap());
        assert_noop!(Meters::new(4).revise(NEXT_DAY), Error::<Test>::PeriodAlreadyOpen);
        set_now(SCHEDULE.opens(2 * NEXT_DAY).unwrap() - 1);
        assert_ok!(Meters::new(4).revise(2 * NEXT_DAY));
    });
}

#[test]
fn a_day_is_revised_once_and_days_in_their_order() {
    published(5, |_| {
        assert_ok!(Meters::new(4).revise(NEXT_DAY));
        for from in [NEXT_DAY, 0] {
            assert_noop!(Meters::new(3).revise(from), Error::<Test>::RevisionOutOfOrder);
        }
        assert_ok!(Meters::new(3).revise(2 * NEXT_DAY));
        let in_force = |period| Masks::filter(&key(period)).unwrap().meters;
        assert_eq!(
            [NEXT_DAY - 1, NEXT_DAY, 2 * NEXT_DAY - 1, 2 * NEXT_DAY].map(in_force),
            [5, 4, 4, 3]
        );
        assert_ok!(Masks::check_state());
    });
}

#[test]
fn a_revision_of_what_is_not_there_is_refused() {
    new_test_ext().execute_with(|| {
        let rest = Meters::new(4);
        assert_noop!(rest.revise(NEXT_DAY), Error::<Test>::CycleFilterMissing);
        let beyond = SCHEDULE.periods.next_multiple_of(NEXT_DAY);
        let filter = vec![1; filter::cycle_filter_len(1)];
        assert_noop!(
            rest.revise_with(beyond, 4, filter.clone()),
            Error::<Test>::UnknownPeriod
        );
        let elsewhere = |region, cycle| {
            let filter = filter.clone().try_into().unwrap();
            Masks::revise_cycle(signed(), region, cycle, NEXT_DAY, 4, filter)
        };
        assert_noop!(elsewhere(REGION + 1, CYCLE), Error::<Test>::UnknownRegion);
        assert_noop!(elsewhere(REGION, CYCLE + 1), Error::<Test>::UnknownCycle);
    });
}

#[test]
fn a_revision_with_a_malformed_filter_or_no_meters_is_refused() {
    published(5, |_| {
        let rest = Meters::new(4);
        let good = rest.filter_from(NEXT_DAY);
        for bad in malformed(&good).into_iter().chain([rest.cycle_filter()]) {
            assert_noop!(rest.revise_with(NEXT_DAY, 4, bad), Error::<Test>::MalformedFilter);
        }
        assert_noop!(
            rest.revise_with(NEXT_DAY, 0, good.clone()),
            Error::<Test>::MetersOutOfRange
        );
        assert_ok!(rest.revise_with(NEXT_DAY, 4, good));
    });
}
