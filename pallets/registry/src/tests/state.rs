//! Each invariant, broken.

use super::*;

/// Breaks a sound state in one way, and expects the check to say so.
fn is_detected(message: &'static str, breakage: impl FnOnce()) {
    new_test_ext().execute_with(|| {
        let first = day(NOW + 1);
        assert_ok!(schedule(0, first));
        assert_ok!(schedule(1, day(first.end().unwrap())));
        assert_ok!(Registry::check_state());
        breakage();
        assert_eq!(Registry::check_state(), Err(DispatchError::Other(message)));
    });
}

#[test]
fn a_role_without_a_provider_reference_is_detected() {
    is_detected("an account with a role has no provider reference", || {
        Roles::<Test>::insert(STRANGER, Role::KeyCentre);
    });
}

#[test]
fn an_aggregator_with_a_role_is_detected() {
    is_detected("an account with a role is an aggregator", || {
        Roles::<Test>::insert(AGGREGATOR, Role::KeyCentre);
        System::inc_providers(&AGGREGATOR);
    });
}

#[test]
fn a_miscounted_region_is_detected() {
    is_detected("the regions are miscounted", || {
        frame_support::storage::unhashed::kill(&Regions::<Test>::counter_storage_final_key());
    });
}

#[test]
fn too_many_regions_are_detected() {
    is_detected("there are too many regions", || {
        for region in 2..=4 {
            Regions::<Test>::insert(region, info());
        }
    });
}

#[test]
fn a_minimum_of_one_meter_is_detected() {
    is_detected("a region's minimum of meters is out of range", || {
        Regions::<Test>::insert(
            1,
            RegionInfo {
                minimum_meters: 1,
                ..info()
            },
        );
    });
}

#[test]
fn a_gap_between_cycles_is_detected() {
    is_detected("there are not as many cycles as the latest one says", || {
        Cycles::<Test>::remove(0)
    });
    is_detected("a cycle is missing", || {
        Cycles::<Test>::remove(0);
        Cycles::<Test>::insert(2, day(NOW));
    });
}

#[test]
fn a_schedule_that_cannot_be_used_is_detected() {
    is_detected("a cycle's schedule cannot be used", || {
        Cycles::<Test>::insert(1, CycleSchedule { periods: 0, ..day(NOW) });
    });
}

#[test]
fn an_overlap_of_cycles_is_detected() {
    is_detected("a cycle starts before the one before it ends", || {
        Cycles::<Test>::insert(1, day(NOW + 2))
    });
}
