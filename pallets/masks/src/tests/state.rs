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

/// The same on a state with a revision, for which its first period is published anew.
fn is_detected_of_a_revision(expected: impl Into<DispatchError>, breakage: impl FnOnce(&Meters)) {
    is_detected(expected, |_| {
        let rest = Meters::new(4);
        assert_ok!(rest.revise(NEXT_DAY));
        assert_ok!(publish_manifests(NEXT_DAY, vec![rest.manifest(NEXT_DAY)]));
        assert_ok!(Masks::check_state());
        breakage(&rest);
    });
}

fn alter(alteration: impl FnOnce(&mut Revision)) {
    Revisions::<Test>::mutate((REGION, CYCLE), |revisions| alteration(&mut revisions[0]));
}

#[test]
fn a_revision_within_a_day_is_detected() {
    let expected = "a revision is not at a day's start, or not behind the one before";
    is_detected_of_a_revision(expected, |_| alter(|revision| revision.from += 1));
}

#[test]
fn revisions_out_of_order_are_detected() {
    let expected = "a revision is not at a day's start, or not behind the one before";
    is_detected_of_a_revision(expected, |_| {
        Revisions::<Test>::mutate((REGION, CYCLE), |revisions| {
            revisions.try_push(revisions[0]).unwrap();
        });
    });
}

#[test]
fn a_revision_with_more_meters_or_none_is_detected() {
    for meters in [0, 6] {
        is_detected_of_a_revision("a revision has no meters, or more than before", |_| {
            alter(|revision| revision.meters = meters);
        });
    }
}

#[test]
fn a_revision_of_a_cycle_without_a_filter_is_detected() {
    is_detected_of_a_revision("a revision is of a cycle without a filter", |_| {
        CycleFilters::<Test>::remove((REGION, CYCLE));
    });
}

#[test]
fn a_revision_and_a_filter_without_each_other_are_detected() {
    is_detected_of_a_revision("a revision has no filter", |_| {
        RevisedFilters::<Test>::remove((REGION, CYCLE, NEXT_DAY));
    });
    is_detected_of_a_revision("a filter is of a revision that is not there", |_| {
        Revisions::<Test>::remove((REGION, CYCLE));
    });
}

#[test]
fn a_revisions_malformed_filter_is_detected() {
    is_detected_of_a_revision(Error::<Test>::MalformedFilter, |_| {
        RevisedFilters::<Test>::mutate((REGION, CYCLE, NEXT_DAY), |filter| filter.as_mut().unwrap().truncate(1));
    });
}

#[test]
fn a_manifest_for_a_revision_that_is_not_there_or_not_yet_is_detected() {
    for (period, from) in [(NEXT_DAY, 0), (3, NEXT_DAY)] {
        is_detected_of_a_revision("a manifest is for a revision that is not there", |_| {
            MadeFor::<Test>::insert(key(period), from);
        });
    }
}

#[test]
fn a_manifest_with_another_count_than_its_revision_is_detected() {
    is_detected_of_a_revision(Error::<Test>::MetersDiffer, |_| {
        Manifests::<Test>::insert(key(NEXT_DAY), Meters::new(5).manifest(NEXT_DAY));
    });
}

#[test]
fn a_manifest_that_is_for_a_revision_and_gone_is_detected() {
    is_detected_of_a_revision("a manifest is for a revision and not there", |_| {
        Manifests::<Test>::remove(key(NEXT_DAY));
    });
}
