//! The close of periods, one or many at a time.

use super::*;

#[test]
fn a_period_with_all_its_shares_closes_complete_and_its_sum_less_the_masks_is_the_total() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        let readings = [480, -35, 1_200];
        for (number, reading) in (0..METERS).zip(readings) {
            send_pair(&key, number, reading);
        }
        assert_eq!(Readings::closed(&key), None);
        block(closes(&key));
        assert_eq!(Readings::status(&key), Some(PeriodStatus::Open));
        block(closes(&key) + SLOT_MS);
        assert_eq!(Readings::status(&key), Some(PeriodStatus::Complete));

        let Tally { count, sum, .. } = Tallies::<Test>::get(key);
        assert!(events().contains(&Event::PeriodClosed { key, count: 6, sum }));
        assert!(!events()
            .iter()
            .any(|event| matches!(event, Event::AggregationFault { key: at, .. } if *at == key)));
        let closed = Readings::closed(&key).unwrap();
        assert_eq!((closed.count, closed.sum), (count, sum));
        let masks = (0..METERS).flat_map(|number| {
            let keys = meter(1, number, 0).keys;
            Half::BOTH.map(|half| u128::from(mask::mask(&keys, half, 0)))
        });
        assert_eq!(share::total(sum, masks.sum()), readings.iter().sum::<i64>());
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_period_with_one_share_missing_closes_faulty_with_an_aggregation_fault() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        send_pair(&key, 0, 480);
        send_pair(&key, 1, 480);
        let [(prid, value), _] = pair(&key, 2, 480);
        assert_eq!(send(prid, &key, value), Ok(()));
        close_at(closes(&key));
        assert_eq!(Readings::status(&key), Some(PeriodStatus::Faulty));
        let fault = Event::AggregationFault {
            key,
            expected: 6,
            count: 5,
            tally_known: false,
        };
        assert!(events().contains(&fault));
        assert_eq!(Readings::sum_of(&key, &[prid]), Some(value));
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_period_whose_tally_the_cycle_filter_does_not_know_closes_faulty() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        (0..METERS).for_each(|number| send_pair(&key, number, 480));
        // Another period's T, and so the right count under a filter that was made for something else.
        let of = |region| pallet_masks::CycleFilters::<Test>::get((region, 0)).unwrap();
        pallet_masks::CycleFilters::<Test>::insert((1, 0), of(2));
        close_at(closes(&key));
        assert_eq!(Readings::status(&key), Some(PeriodStatus::Faulty));
        assert!(events().contains(&Event::AggregationFault {
            key,
            expected: 6,
            count: 6,
            tally_known: false
        }));
    });
}

#[test]
fn a_period_closes_by_the_meters_in_force_and_by_their_filter() {
    new_test_ext().execute_with(|| {
        revise_and_publish(1, METERS - 1);
        let (complete, faulty) = (period(1, 0, 0), period(1, 0, 1));
        block(ends(&complete));
        (0..METERS - 1).for_each(|number| send_pair(&complete, number, 480));
        close_at(closes(&complete));
        assert_eq!(Readings::status(&complete), Some(PeriodStatus::Complete));
        // The shares are counted, too: one alone is none of two.
        block(ends(&faulty));
        send_pair(&faulty, 0, 480);
        close_at(closes(&faulty));
        assert!(events().contains(&Event::AggregationFault {
            key: faulty,
            expected: 4,
            count: 2,
            tally_known: false
        }));
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn the_call_fails_for_no_meter_and_what_should_not_be_there_is_a_fault() {
    new_test_ext().execute_with(|| {
        let key = period(1, 0, 0);
        block(ends(&key));
        (0..METERS).for_each(|number| send_pair(&key, number, 480));
        let known = Tallies::<Test>::get(key).point;
        assert_ok!(Readings::submit(
            Origin::Meter([0xff; 32]).into(),
            key.region,
            key.cycle,
            key.period,
            1
        ));
        close_at(closes(&key));
        assert!(events().contains(&Event::AggregationFault {
            key,
            expected: 6,
            count: 7,
            tally_known: true
        }));
        assert_eq!(Tallies::<Test>::get(key).point, known);
    });
}

#[test]
fn a_period_that_nobody_reported_closes_faulty() {
    new_test_ext().execute_with(|| {
        let key = period(2, 0, 0);
        close_at(closes(&key));
        assert_eq!(Readings::status(&key), Some(PeriodStatus::Faulty));
        assert!(events().contains(&Event::PeriodClosed { key, count: 0, sum: 0 }));
        assert!(events().contains(&Event::AggregationFault {
            key,
            expected: 6,
            count: 0,
            tally_known: false
        }));
    });
}

#[test]
fn a_period_closes_once() {
    new_test_ext().execute_with(|| {
        close_at(closes(&period(1, 0, 0)));
        assert!(!events().is_empty());
        block(closes(&period(1, 0, 0)) + 2);
        assert_eq!(events(), []);
    });
}

#[test]
fn a_period_of_a_region_without_a_manifest_is_passed_silently() {
    new_test_ext().execute_with(|| {
        publish(1, &[2]);
        close_at(closes(&period(1, 1, 3)));
        for index in 0..PERIODS {
            assert_eq!(Readings::status(&period(1, 1, index)), None);
            assert_eq!(Readings::closed(&period(1, 1, index)), None);
            assert_eq!(Readings::status(&period(2, 1, index)), Some(PeriodStatus::Faulty));
        }
        let regions = events().into_iter().filter_map(|event| match event {
            Event::PeriodClosed { key, .. } if key.cycle == 1 => Some(key.region),
            _ => None,
        });
        assert_eq!(regions.collect::<Vec<RegionId>>(), [2; 4]);
        assert_ok!(Readings::check_state());
    });
}

#[test]
fn a_cycle_is_closed_when_its_last_period_is() {
    new_test_ext().execute_with(|| {
        publish(1, &REGIONS);
        let last = period(2, 0, PERIODS - 1);
        block(closes(&last) - 1);
        block(closes(&last));
        assert!(!ClosedCycles::<Test>::contains(&0));
        // Cycle 1 has begun, and its first period has not ended.
        assert!(schedule(1).opens(0).unwrap() < closes(&last));
        block(closes(&last) + SLOT_MS);
        assert!(ClosedCycles::<Test>::contains(&0));
        assert!(!ClosedCycles::<Test>::contains(&1));
        assert!(!ClosedCycles::<Test>::contains(&2));
    });
}

#[test]
fn a_stalled_chain_closes_all_due_periods_over_several_blocks() {
    new_test_ext().execute_with(|| {
        publish(1, &REGIONS);
        MaxCloses::set(3);
        let kept = period(1, 0, 0);
        block(ends(&kept));
        (0..METERS).for_each(|number| send_pair(&kept, number, 480));

        // The next block comes after both cycles; 16 periods of regions are due.
        block(closes(&period(2, 1, 3)));
        let mut order = Vec::new();
        for passed in 1..=7 {
            block(closes(&period(2, 1, 3)) + passed);
            let closed: Vec<PeriodKey> = events()
                .into_iter()
                .filter_map(|event| match event {
                    Event::PeriodClosed { key, .. } => Some(key),
                    _ => None,
                })
                .collect();
            assert_eq!(closed.len(), [3, 3, 3, 3, 3, 1, 0][passed as usize - 1]);
            assert_eq!(Readings::cycle_closed(0), passed >= 3);
            assert_eq!(Readings::cycle_closed(1), passed >= 6);
            order.extend(closed);
            assert_ok!(Readings::check_state());
        }
        let all: Vec<PeriodKey> = (0..2)
            .flat_map(|cycle| (0..PERIODS).map(move |index| (cycle, index)))
            .flat_map(|(cycle, index)| REGIONS.map(|region| period(region, cycle, index)))
            .collect();
        assert_eq!(order, all);
        assert_eq!(Readings::status(&kept), Some(PeriodStatus::Complete));
        assert_eq!(Readings::status(&period(1, 1, 3)), Some(PeriodStatus::Faulty));
    });
}

#[test]
fn passing_by_takes_its_turn_too() {
    new_test_ext().execute_with(|| {
        // Two cycles nobody published anything for, and then one region's.
        for cycle in 1..3 {
            publish(cycle, &[]);
        }
        publish(3, &[2]);
        MaxCloses::set(5);
        block(closes(&period(2, 3, 0)));
        // Cycle 0 has 8 periods of regions, cycles 1 and 2 have 16 to pass by, and of cycle 3 two are due.
        for passed in 1..=6 {
            assert!(!Statuses::<Test>::contains_key(period(2, 3, 0)));
            block(closes(&period(2, 3, 0)) + passed);
        }
        assert!(Statuses::<Test>::contains_key(period(2, 3, 0)));
        assert_eq!(
            NextClose::<Test>::get(),
            Progress {
                cycle: 3,
                period: 1,
                after: None
            }
        );
    });
}

#[test]
fn a_chain_without_regions_passes_by_its_periods_bit_by_bit() {
    new_test_ext().execute_with(|| {
        let _ = pallet_registry::Regions::<Test>::clear(u32::MAX, None);
        MaxCloses::set(3);
        block(closes(&period(1, 0, 3)));
        block(closes(&period(1, 0, 3)) + 1);
        assert_eq!(
            NextClose::<Test>::get(),
            Progress {
                cycle: 0,
                period: 3,
                after: None
            }
        );
        block(closes(&period(1, 0, 3)) + 2);
        assert_eq!(
            NextClose::<Test>::get(),
            Progress {
                cycle: 1,
                period: 0,
                after: None
            }
        );
    });
}

#[test]
fn a_block_that_closes_more_weighs_more() {
    new_test_ext().execute_with(|| {
        let idle = block(closes(&period(1, 0, 0)));
        let closing = block(closes(&period(1, 0, 3)));
        let stalled = block(closes(&period(1, 0, 3)) + 1);
        assert_eq!(events().len(), 12);
        assert!(closing.ref_time() > idle.ref_time());
        assert!(stalled.ref_time() > closing.ref_time());
    });
}
