//! What the key centre may publish, and when.

use super::*;

fn cycle_filter(meters: u32, filter: Vec<u8>) -> DispatchResult {
    Masks::publish_cycle_filter(signed(), REGION, CYCLE, meters, filter.try_into().unwrap())
}

#[test]
fn the_key_centre_publishes_a_cycle_filter_and_then_its_manifests() {
    new_test_ext().execute_with(|| {
        let meters = Meters::new(5);
        assert_ok!(meters.publish_cycle_filter());
        assert_eq!(
            last_event(),
            Event::CycleFilterPublished {
                region: REGION,
                cycle: CYCLE,
                meters: 5
            }
            .into()
        );
        assert_eq!(
            Masks::cycle_filter(REGION, CYCLE).unwrap().filter.into_inner(),
            meters.cycle_filter()
        );

        assert_ok!(publish_manifests(2, vec![meters.manifest(2), meters.manifest(3)]));
        let event = Event::ManifestsPublished {
            region: REGION,
            cycle: CYCLE,
            first: 2,
            count: 2,
        };
        assert_eq!(last_event(), event.into());
        assert_eq!(Masks::manifest(&key(1)), None);
        assert_eq!(Masks::manifest(&key(3)), Some(meters.manifest(3)));
        assert_ok!(Masks::check_state());
    });
}

#[test]
fn a_call_from_an_account_without_the_role_is_refused() {
    published(5, |meters| {
        close(&key(0), &meters.shares(0, &READINGS));
        let calls: [RuntimeCall; 5] = [
            Call::publish_cycle_filter {
                region: REGION,
                cycle: CYCLE,
                meters: 5,
                filter: meters.cycle_filter().try_into().unwrap(),
            }
            .into(),
            Call::publish_manifests {
                region: REGION,
                cycle: CYCLE,
                first: 4,
                manifests: vec![meters.manifest(4)].try_into().unwrap(),
            }
            .into(),
            Call::revise_cycle {
                region: REGION,
                cycle: CYCLE,
                from: NEXT_DAY,
                meters: 5,
                filter: meters.filter_from(NEXT_DAY).try_into().unwrap(),
            }
            .into(),
            Call::open {
                key: key(0),
                opening: meters.opening(0, &[], &[]),
            }
            .into(),
            Call::withhold {
                key: key(0),
                excluded: Default::default(),
            }
            .into(),
        ];
        for call in calls {
            for who in [CONTROL_CENTRE, AGGREGATOR] {
                assert_noop!(
                    dispatch(call.clone(), RuntimeOrigin::signed(who)),
                    DispatchError::BadOrigin
                );
            }
            assert_noop!(dispatch(call.clone(), RuntimeOrigin::root()), DispatchError::BadOrigin);
            assert_noop!(dispatch(call, RuntimeOrigin::none()), DispatchError::BadOrigin);
        }
    });
}

#[test]
fn an_unknown_region_or_cycle_is_refused() {
    new_test_ext().execute_with(|| {
        let meters = Meters::new(5);
        let filter = |region, cycle| {
            let filter = meters.cycle_filter().try_into().unwrap();
            Masks::publish_cycle_filter(signed(), region, cycle, 5, filter)
        };
        let manifest = |region, cycle| {
            let manifests = vec![meters.manifest(0)].try_into().unwrap();
            Masks::publish_manifests(signed(), region, cycle, 0, manifests)
        };
        assert_noop!(filter(REGION + 1, CYCLE), Error::<Test>::UnknownRegion);
        assert_noop!(manifest(REGION + 1, CYCLE), Error::<Test>::UnknownRegion);
        assert_noop!(filter(REGION, CYCLE + 1), Error::<Test>::UnknownCycle);
        assert_noop!(manifest(REGION, CYCLE + 1), Error::<Test>::UnknownCycle);
    });
}

#[test]
fn a_manifest_of_a_period_that_the_cycle_does_not_have_is_refused() {
    published(5, |meters| {
        let last = SCHEDULE.periods - 1;
        let manifests = vec![meters.manifest(last), meters.manifest(last + 1)];
        assert_noop!(publish_manifests(last, manifests), Error::<Test>::UnknownPeriod);
        for first in [SCHEDULE.periods, PeriodIndex::MAX] {
            let manifests = vec![meters.manifest(first), meters.manifest(first)];
            assert_noop!(publish_manifests(first, manifests), Error::<Test>::UnknownPeriod);
        }
    });
}

#[test]
fn a_cycle_filter_twice_is_refused() {
    published(5, |meters| {
        assert_noop!(
            meters.publish_cycle_filter(),
            Error::<Test>::CycleFilterAlreadyPublished
        );
    });
}

#[test]
fn a_cycle_filter_for_no_meters_or_too_many_is_refused() {
    new_test_ext().execute_with(|| {
        let filter = Meters::new(5).cycle_filter();
        for meters in [0, 51, u32::MAX] {
            assert_noop!(cycle_filter(meters, filter.clone()), Error::<Test>::MetersOutOfRange);
        }
        assert_ok!(cycle_filter(50, filter));
    });
}

/// A filter, and what could be passed off as one.
pub(super) fn malformed(good: &[u8]) -> [Vec<u8>; 5] {
    let long = [good, &[0]].concat();
    [
        vec![],
        good[1..].to_vec(),
        long,
        vec![0; good.len()],
        vec![0xFF; good.len()],
    ]
}

#[test]
fn a_malformed_cycle_filter_is_refused() {
    new_test_ext().execute_with(|| {
        let good = Meters::new(5).cycle_filter();
        for bad in malformed(&good) {
            assert_noop!(cycle_filter(5, bad), Error::<Test>::MalformedFilter);
        }
        assert_ok!(cycle_filter(5, good));
    });
}

#[test]
fn a_manifest_with_a_malformed_filter_is_refused() {
    published(5, |meters| {
        let good = meters.manifest(4);
        for bad in malformed(&good.filter) {
            let manifest = BoundedManifest {
                filter: bad.try_into().unwrap(),
                ..good.clone()
            };
            assert_noop!(publish_manifests(4, vec![manifest]), Error::<Test>::MalformedFilter);
        }
        assert_ok!(publish_manifests(4, vec![good]));
    });
}

#[test]
fn a_manifest_without_a_cycle_filter_is_refused() {
    new_test_ext().execute_with(|| {
        let manifest = Meters::new(5).manifest(0);
        assert_noop!(publish_manifests(0, vec![manifest]), Error::<Test>::CycleFilterMissing);
    });
}

#[test]
fn a_manifest_twice_is_refused_and_the_first_one_stays() {
    published(5, |meters| {
        let other = BoundedManifest {
            root: [0; 32],
            ..meters.manifest(3)
        };
        assert_noop!(
            publish_manifests(3, vec![other]),
            Error::<Test>::ManifestAlreadyPublished
        );
        assert_eq!(Masks::manifest(&key(3)), Some(meters.manifest(3)));
    });
}

#[test]
fn a_batch_with_one_wrong_manifest_is_refused_whole() {
    new_test_ext().execute_with(|| {
        let meters = Meters::new(5);
        assert_ok!(meters.publish_cycle_filter());
        assert_ok!(publish_manifests(1, vec![meters.manifest(1)]));
        let batch = vec![meters.manifest(0), meters.manifest(1)];
        assert_noop!(publish_manifests(0, batch), Error::<Test>::ManifestAlreadyPublished);
        assert_eq!(Masks::manifest(&key(0)), None);
    });
}

#[test]
fn a_manifest_after_its_period_opened_is_refused() {
    new_test_ext().execute_with(|| {
        let meters = Meters::new(5);
        assert_ok!(meters.publish_cycle_filter());
        set_now(SCHEDULE.opens(1).unwrap() - 1);
        assert_noop!(
            publish_manifests(0, vec![meters.manifest(0)]),
            Error::<Test>::PeriodAlreadyOpen
        );
        assert_ok!(publish_manifests(1, vec![meters.manifest(1)]));
        set_now(SCHEDULE.opens(2).unwrap());
        assert_noop!(
            publish_manifests(2, vec![meters.manifest(2)]),
            Error::<Test>::PeriodAlreadyOpen
        );
        assert_ok!(publish_manifests(3, vec![meters.manifest(3)]));
    });
}

#[test]
fn a_manifest_with_another_count_of_meters_than_its_cycle_is_refused() {
    published(5, |_| {
        let manifest = Meters::new(6).manifest(4);
        assert_noop!(publish_manifests(4, vec![manifest]), Error::<Test>::MetersDiffer);
    });
}

#[test]
fn a_manifest_whose_commitment_is_not_a_point_is_refused() {
    published(5, |meters| {
        let manifest = BoundedManifest {
            commitment: [0xFF; 32],
            ..meters.manifest(4)
        };
        assert_noop!(publish_manifests(4, vec![manifest]), Error::<Test>::InvalidCommitment);
    });
}

#[test]
fn a_call_without_a_manifest_is_refused() {
    published(5, |_| {
        assert_noop!(publish_manifests(4, vec![]), Error::<Test>::NothingToPublish);
    });
}
