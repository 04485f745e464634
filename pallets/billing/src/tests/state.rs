//! What the state check finds.

use super::*;
use crate::Sums;
use gridveil_primitives::RegionBills;

/// The state check's complaint after `spoil` on a chain where cycle 0 is billed and finished.
fn complaint(spoil: impl FnOnce()) -> &'static str {
    new_test_ext().execute_with(|| {
        assert_ok!(publish(0, &[bill(USERS[0], 10)]));
        assert_ok!(Billing::finish_cycle(key_centre(), 0));
        assert_ok!(Billing::check_state());
        spoil();
        match Billing::check_state() {
            Err(DispatchError::Other(complaint)) => complaint,
            other => panic!("the state is broken, and the check says {other:?}"),
        }
    })
}

#[test]
fn a_bill_of_nobody_is_detected() {
    let spoil = || {
        Bills::<Test>::insert([9; 32], 0, kept(1));
    };
    assert_eq!(complaint(spoil), "a bill is for an unknown user");
}

#[test]
fn a_bill_of_an_open_cycle_is_detected() {
    let spoil = || {
        Bills::<Test>::insert(USERS[0], 1, kept(1));
    };
    assert_eq!(complaint(spoil), "a bill is for a cycle that is not over");
}

#[test]
fn a_bill_that_no_store_could_have_is_detected() {
    let spoil = || {
        let bill = Bill {
            cid: Cid::default(),
            ..kept(1)
        };
        Bills::<Test>::insert(USERS[1], 0, bill);
    };
    assert_eq!(complaint(spoil), "a bill has a malformed CID");
}

#[test]
fn a_cycle_finished_too_early_is_detected() {
    assert_eq!(
        complaint(|| Finished::<Test>::insert(1, 0)),
        "a cycle was finished before it was over"
    );
}

#[test]
fn a_cycle_finished_in_the_future_is_detected() {
    assert_eq!(
        complaint(|| Finished::<Test>::insert(0, u64::MAX)),
        "a cycle is finished in the future"
    );
}

#[test]
fn a_bill_that_was_not_added_up_is_detected() {
    let in_region = |region| {
        let bill = Bill { region, ..kept(1) };
        move || Bills::<Test>::insert(USERS[1], 0, bill)
    };
    assert_eq!(
        complaint(in_region(REGIONS[0])),
        "a region's sums are not those of its bills"
    );
    assert_eq!(complaint(in_region(REGIONS[1])), "a region has bills and no sums");
}

#[test]
fn sums_of_other_bills_are_detected() {
    let changes: [fn(&mut RegionBills); 3] = [
        |sums| sums.bills = 2,
        |sums| sums.energy = commitments(9).energy,
        |sums| sums.amount = commitments(9).amount,
    ];
    for change in changes {
        let spoil = || {
            Sums::<Test>::mutate(0, REGIONS[0], |sums| {
                change(sums.as_mut().expect("the region has a bill"))
            })
        };
        assert_eq!(complaint(spoil), "a region's sums are not those of its bills");
    }
    assert_eq!(
        complaint(|| Sums::<Test>::insert(
            0,
            REGIONS[1],
            RegionBills {
                bills: 1,
                ..RegionBills::default()
            }
        )),
        "a region's sums are not those of its bills"
    );
}

#[test]
fn a_commitment_that_is_no_point_is_detected() {
    let spoil = || {
        let mut bill = kept(1);
        bill.commitments.amount = [0xff; 32];
        Bills::<Test>::insert(USERS[1], 0, bill);
    };
    assert_eq!(complaint(spoil), "a bill has a malformed commitment");
}
