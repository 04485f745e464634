//! Bills, their cycles and the retention of shares.

mod reconciling;
mod state;

use crate::{mock::*, Bill, Bills, Cid, Entry, Error, Event, ExpiredShares, Finished};
use frame_support::{assert_noop, assert_ok, traits::Contains, BoundedVec};
use gridveil_primitives::{
    bill::{BillSecret, Figures},
    Bid, BillCommitments, BillRecord, BillSums, CycleId, RegionId,
};
use sp_runtime::{DispatchError, DispatchResult};

/// The CID of a bill whose SHA2-256 is `byte` throughout.
fn cid(byte: u8) -> Cid {
    let mut cid = vec![0x01, 0x55, 0x12, 0x20];
    cid.extend([byte; 32]);
    cid.try_into().unwrap()
}

/// What the bill of this `byte` comes to.
fn figures(byte: u8) -> Figures {
    let opened = BillSums {
        energy: 1_000 * i128::from(byte),
        amount: -7 * i128::from(byte),
    };
    Figures { opened, apart: 5 }
}

fn secret(byte: u8) -> BillSecret {
    BillSecret::from_bytes([byte; 32])
}

fn commitments(byte: u8) -> BillCommitments {
    figures(byte).commit(&secret(byte))
}

/// One bill: the user, where it is, its hash, and what it comes to.
fn bill(user: Bid, byte: u8) -> Entry {
    (user, cid(byte), [byte; 32], commitments(byte))
}

/// Publishes bills of users in the first region.
fn publish(cycle: CycleId, bills: &[Entry]) -> DispatchResult {
    publish_in(REGIONS[0], cycle, bills)
}

fn publish_in(region: RegionId, cycle: CycleId, bills: &[Entry]) -> DispatchResult {
    Billing::publish_bills(key_centre(), region, cycle, BoundedVec::truncate_from(bills.to_vec()))
}

fn record(byte: u8) -> BillRecord {
    kept(byte).into()
}

/// The bill of this `byte` as the chain keeps it.
fn kept(byte: u8) -> Bill {
    Bill {
        cid: cid(byte),
        hash: [byte; 32],
        region: REGIONS[0],
        commitments: commitments(byte),
    }
}

/// What the pallet has said so far.
fn events() -> Vec<Event<Test>> {
    System::read_events_for_pallet()
}

#[test]
fn bills_of_a_cycle_that_is_over_are_published() {
    new_test_ext().execute_with(|| {
        assert_ok!(publish(0, &[bill(USERS[0], 10), bill(USERS[1], 11)]));
        assert_eq!(Billing::bill(0, &USERS[0]), Some(record(10)));
        assert_eq!(Billing::bill(0, &USERS[1]), Some(record(11)));
        assert_eq!(Billing::bill(1, &USERS[0]), None);
        let published = |bid, byte| Event::BillPublished {
            cycle: 0,
            bid,
            cid: cid(byte),
            hash: [byte; 32],
            region: REGIONS[0],
            commitments: commitments(byte),
        };
        assert_eq!(events(), [published(USERS[0], 10), published(USERS[1], 11)]);
        assert_ok!(Billing::check_state());
    });
}

#[test]
fn a_user_finds_its_bills_by_ascending_cycle() {
    new_test_ext().execute_with(|| {
        Closed::set(vec![0, 1]);
        assert_ok!(publish(1, &[bill(USERS[0], 21)]));
        assert_ok!(publish(0, &[bill(USERS[0], 20), bill(USERS[1], 30)]));
        assert_eq!(Billing::bills(&USERS[0]), [(0, record(20)), (1, record(21))]);
        assert_eq!(Billing::bills(&USERS[1]), [(0, record(30))]);
        assert_eq!(Billing::bills(&[9; 32]), []);
    });
}

#[test]
fn a_bill_encodes_like_the_record_that_clients_read() {
    use codec::{DecodeAll, Encode};
    assert_eq!(BillRecord::decode_all(&mut &kept(5).encode()[..]), Ok(record(5)));
}

#[test]
fn a_user_is_billed_once_for_a_cycle() {
    new_test_ext().execute_with(|| {
        assert_ok!(publish(0, &[bill(USERS[0], 10)]));
        assert_noop!(publish(0, &[bill(USERS[0], 10)]), Error::<Test>::AlreadyBilled);
        assert_noop!(
            publish(0, &[bill(USERS[1], 12), bill(USERS[0], 12)]),
            Error::<Test>::AlreadyBilled
        );
        assert_noop!(
            publish(0, &[bill(USERS[1], 12), bill(USERS[1], 13)]),
            Error::<Test>::AlreadyBilled
        );
        assert_eq!(Billing::bill(0, &USERS[0]), Some(record(10)));
    });
}

#[test]
fn a_bill_for_an_unknown_user_is_refused_with_its_whole_call() {
    new_test_ext().execute_with(|| {
        assert_noop!(
            publish(0, &[bill(USERS[0], 10), bill([9; 32], 11)]),
            Error::<Test>::UnknownUser
        );
    });
}

#[test]
fn a_cycle_that_is_not_over_is_not_billed() {
    new_test_ext().execute_with(|| {
        assert_noop!(publish(1, &[bill(USERS[0], 10)]), Error::<Test>::CycleNotOver);
        assert_noop!(Billing::finish_cycle(key_centre(), 1), Error::<Test>::CycleNotOver);
    });
}

#[test]
fn an_unknown_cycle_is_not_billed() {
    new_test_ext().execute_with(|| {
        assert_noop!(publish(2, &[bill(USERS[0], 10)]), Error::<Test>::UnknownCycle);
        assert_noop!(Billing::finish_cycle(key_centre(), 2), Error::<Test>::UnknownCycle);
    });
}

#[test]
fn a_call_without_bills_is_refused() {
    new_test_ext().execute_with(|| {
        assert_noop!(publish(0, &[]), Error::<Test>::NothingToPublish);
    });
}

#[test]
fn a_malformed_cid_is_refused() {
    new_test_ext().execute_with(|| {
        let good = cid(10).into_inner();
        let spoilt = |spoil: fn(&mut Vec<u8>)| {
            let mut bytes = good.clone();
            spoil(&mut bytes);
            bytes
        };
        let bad = [
            Vec::new(),
            // Version 0, a node instead of raw bytes, another hash, a digest of other lengths.
            good[2..].to_vec(),
            spoilt(|bytes| bytes[1] = 0x70),
            spoilt(|bytes| bytes[2] = 0x13),
            spoilt(|bytes| bytes[3] = 0x40),
            spoilt(|bytes| bytes.truncate(35)),
            spoilt(|bytes| bytes.push(0)),
        ];
        for bytes in bad {
            let entry = (USERS[0], Cid::try_from(bytes).unwrap(), [0; 32], commitments(0));
            assert_noop!(publish(0, &[entry]), Error::<Test>::MalformedCid);
        }
    });
}

#[test]
fn a_finished_cycle_gets_no_more_bills_and_is_finished_once() {
    new_test_ext().execute_with(|| {
        assert_ok!(publish(0, &[bill(USERS[0], 10)]));
        assert_ok!(Billing::finish_cycle(key_centre(), 0));
        assert_eq!(events().last(), Some(&Event::CycleFinished { cycle: 0 }));
        assert_noop!(publish(0, &[bill(USERS[1], 11)]), Error::<Test>::AlreadyFinished);
        assert_noop!(Billing::finish_cycle(key_centre(), 0), Error::<Test>::AlreadyFinished);
        assert_eq!(Billing::bill(0, &USERS[0]), Some(record(10)));
        assert_ok!(Billing::check_state());
    });
}

#[test]
fn shares_expire_when_the_retention_after_the_finish_is_over() {
    new_test_ext().execute_with(|| {
        Timestamp::set_timestamp(5_000_000);
        assert!(!ExpiredShares::<Test>::contains(&0));
        assert_ok!(Billing::finish_cycle(key_centre(), 0));
        assert!(!ExpiredShares::<Test>::contains(&0));
        Timestamp::set_timestamp(5_000_000 + RETENTION_MS - 1);
        assert!(!ExpiredShares::<Test>::contains(&0));
        Timestamp::set_timestamp(5_000_000 + RETENTION_MS);
        assert!(ExpiredShares::<Test>::contains(&0));
        assert!(!ExpiredShares::<Test>::contains(&1));
    });
}

#[test]
fn only_the_key_centre_bills() {
    new_test_ext().execute_with(|| {
        let control_centre = RuntimeOrigin::signed(CONTROL_CENTRE);
        for origin in [control_centre, RuntimeOrigin::root(), RuntimeOrigin::none()] {
            let bills = BoundedVec::truncate_from(vec![bill(USERS[0], 10)]);
            assert_noop!(
                Billing::publish_bills(origin.clone(), REGIONS[0], 0, bills),
                DispatchError::BadOrigin
            );
            assert_noop!(Billing::finish_cycle(origin, 0), DispatchError::BadOrigin);
        }
    });
}
