//! What a region's bills add up to, and the opening of that.

use super::*;
use gridveil_primitives::{bill, BillOpening};

/// The opening of the bills of these bytes.
fn opening(bytes: &[u8]) -> BillOpening {
    let sums = bytes.iter().fold(BillSums::default(), |sums, byte| BillSums {
        energy: sums.energy + figures(*byte).opened.energy,
        amount: sums.amount + figures(*byte).opened.amount,
    });
    bill::open(sums, bytes.iter().map(|byte| secret(*byte)))
}

fn reconcile(region: RegionId, cycle: CycleId, opening: BillOpening) -> DispatchResult {
    Billing::reconcile(key_centre(), region, cycle, opening)
}

/// What the first region's bills of the first cycle were opened to.
fn opened() -> Option<BillSums> {
    Billing::region_bills(REGIONS[0], 0).unwrap().opened
}

#[test]
fn a_regions_bills_are_added_up_and_their_sums_opened_once() {
    new_test_ext().execute_with(|| {
        assert_eq!(Billing::region_bills(REGIONS[0], 0), None);
        assert_ok!(publish(0, &[bill(USERS[0], 10)]));
        assert_ok!(publish(0, &[bill(USERS[1], 11)]));
        assert_eq!(Billing::region_bills(REGIONS[0], 0).unwrap().bills, 2);
        assert_eq!(opened(), None);
        let opening = opening(&[10, 11]);
        assert_ok!(reconcile(REGIONS[0], 0, opening));
        assert_eq!(opened(), Some(opening.sums));
        let reconciled = Event::Reconciled {
            region: REGIONS[0],
            cycle: 0,
            sums: opening.sums,
        };
        assert_eq!(events().last(), Some(&reconciled));
        assert_noop!(reconcile(REGIONS[0], 0, opening), Error::<Test>::AlreadyReconciled);
        assert_ok!(Billing::check_state());
    });
}

#[test]
fn regions_are_added_up_by_themselves() {
    new_test_ext().execute_with(|| {
        assert_ok!(publish_in(REGIONS[0], 0, &[bill(USERS[0], 10)]));
        assert_ok!(publish_in(REGIONS[1], 0, &[bill(USERS[1], 11)]));
        assert_noop!(reconcile(REGIONS[0], 0, opening(&[11])), Error::<Test>::DoesNotOpen);
        assert_ok!(reconcile(REGIONS[0], 0, opening(&[10])));
        assert_ok!(reconcile(REGIONS[1], 0, opening(&[11])));
        assert_ok!(Billing::check_state());
    });
}

#[test]
fn an_opening_of_other_sums_or_other_bills_is_refused() {
    new_test_ext().execute_with(|| {
        assert_ok!(publish(0, &[bill(USERS[0], 10), bill(USERS[1], 11)]));
        let good = opening(&[10, 11]);
        let changes: [fn(&mut BillOpening); 4] = [
            |opening| opening.sums.energy += 1,
            |opening| opening.sums.amount -= 1,
            |opening| opening.energy_blinding[0] ^= 1,
            |opening| opening.amount_blinding = [0xff; 32],
        ];
        for change in changes {
            let mut changed = good;
            change(&mut changed);
            assert_noop!(reconcile(REGIONS[0], 0, changed), Error::<Test>::DoesNotOpen);
        }
        assert_noop!(reconcile(REGIONS[0], 0, opening(&[10])), Error::<Test>::DoesNotOpen);
        assert_ok!(reconcile(REGIONS[0], 0, good));
    });
}

#[test]
fn a_reconciled_region_gets_no_more_bills_of_the_cycle() {
    new_test_ext().execute_with(|| {
        Closed::set(vec![0, 1]);
        assert_ok!(publish(0, &[bill(USERS[0], 10)]));
        assert_ok!(reconcile(REGIONS[0], 0, opening(&[10])));
        assert_noop!(publish(0, &[bill(USERS[1], 11)]), Error::<Test>::AlreadyReconciled);
        assert_ok!(publish_in(REGIONS[1], 0, &[bill(USERS[1], 11)]));
        assert_ok!(publish(1, &[bill(USERS[1], 11)]));
    });
}

#[test]
fn only_the_key_centre_reconciles_and_only_a_region_with_bills_of_a_cycle_that_is_not_finished() {
    new_test_ext().execute_with(|| {
        let nothing = opening(&[]);
        assert_noop!(reconcile(REGIONS[0], 0, nothing), Error::<Test>::NoBills);
        assert_noop!(reconcile(REGIONS[0], 1, nothing), Error::<Test>::CycleNotOver);
        assert_noop!(reconcile(REGIONS[0], 2, nothing), Error::<Test>::UnknownCycle);
        assert_ok!(publish(0, &[bill(USERS[0], 10)]));
        let control_centre = RuntimeOrigin::signed(CONTROL_CENTRE);
        for origin in [control_centre, RuntimeOrigin::root(), RuntimeOrigin::none()] {
            assert_noop!(
                Billing::reconcile(origin, REGIONS[0], 0, opening(&[10])),
                DispatchError::BadOrigin
            );
        }
        assert_ok!(Billing::finish_cycle(key_centre(), 0));
        assert_noop!(reconcile(REGIONS[0], 0, opening(&[10])), Error::<Test>::AlreadyFinished);
    });
}

#[test]
fn bills_in_an_unknown_region_or_with_a_malformed_commitment_are_refused() {
    new_test_ext().execute_with(|| {
        assert_noop!(publish_in(9, 0, &[bill(USERS[0], 10)]), Error::<Test>::UnknownRegion);
        let changes: [fn(&mut BillCommitments); 2] = [|bill| bill.energy = [0xff; 32], |bill| bill.amount = [0xff; 32]];
        for change in changes {
            let mut spoilt = bill(USERS[1], 11);
            change(&mut spoilt.3);
            assert_noop!(
                publish(0, &[bill(USERS[0], 10), spoilt]),
                Error::<Test>::MalformedCommitment
            );
        }
    });
}
