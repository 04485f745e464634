//! Each invariant, broken.

use super::*;

/// Breaks a sound state in one way, and expects the check to say so.
fn is_detected(expected: impl Into<DispatchError>, breakage: impl FnOnce(&Meters)) {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS));
        assert_ok!(open(0, meters.opening(0, &[], &[])));
        close(&key(1), &[]);
        assert_ok!(withhold(1, &[]));
        assert_ok!(Masks::check_state());
        breakage(&meters);
        assert_eq!(Masks::check_state(), Err(expected.into()));
    });
}

#[test]
fn a_cycle_filter_of_an_unknown_region_is_detected() {
    is_detected(Error::<Test>::UnknownRegion, |_| {
        CycleFilters::<Test>::insert((9, CYCLE), Masks::cycle_filter(REGION, CYCLE).unwrap());
    });
}

#[test]
fn a_malformed_cycle_filter_is_detected() {
    is_detected(Error::<Test>::MalformedFilter, |_| {
        CycleFilters::<Test>::mutate((REGION, CYCLE), |filter| filter.as_mut().unwrap().filter.truncate(1));
    });
}

#[test]
fn a_cycle_filter_for_no_meters_is_detected() {
    is_detected("a cycle filter's meters are out of range", |_| {
        CycleFilters::<Test>::mutate((REGION, CYCLE), |filter| filter.as_mut().unwrap().meters = 0);
    });
}

#[test]
fn a_manifest_without_a_cycle_filter_is_detected() {
    is_detected("a manifest has no cycle filter", |_| {
        CycleFilters::<Test>::remove((REGION, CYCLE))
    });
}

#[test]
fn a_manifest_of_a_period_that_does_not_exist_is_detected() {
    is_detected("a manifest is for a period that its cycle does not have", |meters| {
        Manifests::<Test>::insert(key(SCHEDULE.periods), meters.manifest(3));
    });
}

#[test]
fn a_manifest_with_another_count_of_meters_is_detected() {
    is_detected(Error::<Test>::MetersDiffer, |_| {
        CycleFilters::<Test>::mutate((REGION, CYCLE), |filter| filter.as_mut().unwrap().meters = 6);
    });
}

#[test]
fn an_outcome_without_a_manifest_is_detected() {
    is_detected("an outcome has no manifest", |_| Manifests::<Test>::remove(key(0)));
}

#[test]
fn an_outcome_of_a_period_that_has_not_closed_is_detected() {
    is_detected("an outcome is for a period that has not closed", |_| {
        Outcomes::<Test>::insert(key(2), Outcome::Withheld);
    });
}

#[test]
fn a_total_over_too_few_or_too_many_meters_is_detected() {
    for meters in [0, MINIMUM - 1, 6] {
        is_detected("a total is over too few or too many meters", |_| {
            Outcomes::<Test>::insert(key(0), Outcome::Opened(Total { meters, energy: 0 }));
        });
    }
}
