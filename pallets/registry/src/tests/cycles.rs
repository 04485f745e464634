//! When cycles are.

use super::*;

#[test]
fn the_key_centre_schedules_cycles_one_after_the_other() {
    new_test_ext().execute_with(|| {
        assert_eq!(Registry::latest_cycle(), None);
        let first = day(NOW + 1);
        assert_ok!(schedule(0, first));
        assert_eq!(
            last_event(),
            Event::CycleScheduled {
                cycle: 0,
                schedule: first
            }
            .into()
        );
        let second = day(first.end().unwrap());
        assert_ok!(schedule(1, second));
        assert_eq!(Registry::latest_cycle(), Some(1));
        assert_eq!(Registry::schedule(0), Some(first));
        assert_eq!(Registry::schedule(1), Some(second));
        assert_eq!(Registry::schedule(2), None);
        assert_ok!(Registry::check_state());
    });
}

#[test]
fn a_cycle_scheduled_by_an_account_without_the_role_is_refused() {
    new_test_ext().execute_with(|| {
        for who in [CONTROL_CENTRE, AGGREGATOR, STRANGER] {
            let scheduled = || Registry::schedule_cycle(signed(who.clone()).into(), 0, day(NOW + 1));
            assert_noop!(scheduled(), DispatchError::BadOrigin);
        }
    });
}

#[test]
fn a_cycle_out_of_order_is_refused() {
    new_test_ext().execute_with(|| {
        assert_noop!(schedule(1, day(NOW + 1)), Error::<Test>::CycleOutOfOrder);
        assert_ok!(schedule(0, day(NOW + 1)));
        for cycle in [0, 2, CycleId::MAX] {
            assert_noop!(schedule(cycle, day(NOW + 100 * HOUR)), Error::<Test>::CycleOutOfOrder);
        }
    });
}

#[test]
fn no_cycle_comes_after_the_last_number() {
    new_test_ext().execute_with(|| {
        Cycles::<Test>::insert(CycleId::MAX, day(NOW + 1));
        LatestCycle::<Test>::put(CycleId::MAX);
        for cycle in [0, CycleId::MAX] {
            assert_noop!(schedule(cycle, day(NOW + 100 * HOUR)), Error::<Test>::CycleOutOfOrder);
        }
    });
}

#[test]
fn a_schedule_that_cannot_be_used_is_refused() {
    new_test_ext().execute_with(|| {
        let good = day(NOW + 1);
        for bad in [
            CycleSchedule { periods: 0, ..good },
            CycleSchedule {
                periods: MAX_PERIODS + 1,
                ..good
            },
            CycleSchedule { period_ms: 0, ..good },
            CycleSchedule { window_ms: 0, ..good },
            CycleSchedule {
                start: u64::MAX,
                ..good
            },
            CycleSchedule {
                window_ms: u64::MAX,
                ..good
            },
        ] {
            assert_noop!(schedule(0, bad), Error::<Test>::InvalidSchedule);
        }
    });
}

#[test]
fn a_cycle_that_has_started_already_is_refused() {
    new_test_ext().execute_with(|| {
        for start in [0, NOW - 1, NOW] {
            assert_noop!(schedule(0, day(start)), Error::<Test>::StartsInThePast);
        }
        assert_ok!(schedule(0, day(NOW + 1)));
    });
}

#[test]
fn a_cycle_that_starts_before_the_one_before_it_ends_is_refused() {
    new_test_ext().execute_with(|| {
        assert_ok!(schedule(0, day(NOW + 1)));
        let end = day(NOW + 1).end().unwrap();
        assert_noop!(schedule(1, day(end - 1)), Error::<Test>::OverlapsPreviousCycle);
        assert_ok!(schedule(1, day(end)));
    });
}
