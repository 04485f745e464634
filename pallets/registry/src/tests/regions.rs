//! Which regions there are.

use super::*;

#[test]
fn the_consortium_registers_a_region() {
    new_test_ext().execute_with(|| {
        assert_ok!(Registry::register_region(RuntimeOrigin::root(), 0, info()));
        assert_eq!(Registry::region(0), Some(info()));
        assert_eq!(
            last_event(),
            Event::RegionRegistered {
                region: 0,
                info: info()
            }
            .into()
        );
        let regions: Vec<_> = Registry::regions().into_iter().map(|(region, _)| region).collect();
        assert_eq!(regions, [0, 1]);
        assert_ok!(Registry::check_state());
    });
}

#[test]
fn a_region_registered_by_anyone_but_the_consortium_is_refused() {
    new_test_ext().execute_with(|| {
        for origin in [
            RuntimeOrigin::none(),
            signed(KEY_CENTRE).into(),
            signed(AGGREGATOR).into(),
        ] {
            assert_noop!(Registry::register_region(origin, 2, info()), DispatchError::BadOrigin);
        }
    });
}

#[test]
fn a_region_registered_twice_is_refused() {
    new_test_ext().execute_with(|| {
        let again = || Registry::register_region(RuntimeOrigin::root(), 1, info());
        assert_noop!(again(), Error::<Test>::RegionAlreadyRegistered);
    });
}

#[test]
fn more_regions_than_the_bound_are_refused() {
    new_test_ext().execute_with(|| {
        assert_ok!(Registry::register_region(RuntimeOrigin::root(), 2, info()));
        assert_ok!(Registry::register_region(RuntimeOrigin::root(), 3, info()));
        let fourth = || Registry::register_region(RuntimeOrigin::root(), 4, info());
        assert_noop!(fourth(), Error::<Test>::TooManyRegions);
    });
}

#[test]
fn a_region_whose_aggregator_is_no_member_is_refused() {
    new_test_ext().execute_with(|| {
        let info = RegionInfo {
            aggregator: STRANGER.into(),
            ..info()
        };
        let registered = || Registry::register_region(RuntimeOrigin::root(), 2, info);
        assert_noop!(registered(), Error::<Test>::NotAnAggregator);
    });
}

#[test]
fn a_region_whose_total_could_be_one_meters_reading_is_refused() {
    new_test_ext().execute_with(|| {
        for minimum_meters in [0, 1, MAX_METERS + 1] {
            let info = RegionInfo {
                minimum_meters,
                ..info()
            };
            let registered = || Registry::register_region(RuntimeOrigin::root(), 2, info);
            assert_noop!(registered(), Error::<Test>::MinimumOutOfRange);
        }
        let info = RegionInfo {
            minimum_meters: LEAST_MINIMUM_METERS,
            ..info()
        };
        assert_ok!(Registry::register_region(RuntimeOrigin::root(), 2, info));
    });
}
