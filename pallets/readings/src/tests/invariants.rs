//! What a sound state is, and that a broken one is found.

use super::*;

/// The state check's complaint after `spoil` on a chain with shares in both regions, one period of which is closed.
fn complaint(spoil: impl FnOnce(PeriodKey, PeriodKey, Prid)) -> &'static str {
    new_test_ext().execute_with(|| {
        let (closed, open) = (period(1, 0, 0), period(2, 0, 1));
        block(ends(&closed));
        (0..METERS).for_each(|number| send_pair(&closed, number, 480));
        close_at(closes(&closed));
        block(ends(&open));
        send_pair(&open, 0, 480);
        assert_ok!(Readings::check_state());
        spoil(closed, open, pseudonym(&open));
        match Readings::check_state() {
            Err(DispatchError::Other(complaint)) => complaint,
            other => panic!("the state is broken, and the check says {other:?}"),
        }
    })
}

#[test]
fn a_missing_share_is_detected() {
    let found = complaint(|_, open, prid| Shares::<Test>::remove((0, 2, open.period, prid)));
    assert_eq!(found, "a tally is not that of its shares");
}

#[test]
fn a_changed_share_is_detected() {
    let found = complaint(|_, open, prid| Shares::<Test>::insert((0, 2, open.period, prid), 1));
    assert_eq!(found, "a tally is not that of its shares");
}

#[test]
fn a_tally_of_nothing_is_detected() {
    let found = complaint(|_, _, _| {
        let none = Tally {
            count: 1,
            sum: 1,
            point: tally::EMPTY,
            singles: 1,
            batches: 0,
        };
        Tallies::<Test>::insert(period(2, 0, 3), none)
    });
    assert_eq!(found, "a tally is not that of its shares");
}

#[test]
fn a_share_outside_a_manifest_is_detected() {
    let found = complaint(|_, _, prid| Shares::<Test>::insert((0, 7, 0, prid), 1));
    assert_eq!(found, "a period without a manifest has shares");
}

#[test]
fn a_tally_outside_a_manifest_is_detected() {
    let found = complaint(|_, _, _| Tallies::<Test>::insert(period(7, 0, 0), Tally::default()));
    assert_eq!(found, "a period without a manifest has a tally");
}

#[test]
fn a_share_of_a_pruned_cycle_is_detected() {
    let found = complaint(|_, _, _| {
        NextPrune::<Test>::put(Progress {
            cycle: 1,
            ..Progress::default()
        })
    });
    assert_eq!(found, "a share of a pruned cycle is left");
}

#[test]
fn a_closed_period_kept_as_open_is_detected() {
    let found = complaint(|closed, _, _| Statuses::<Test>::insert(closed, PeriodStatus::Open));
    assert_eq!(found, "a closed period is kept as open");
}

#[test]
fn a_share_of_no_pseudonym_is_detected() {
    let found = complaint(|_, open, _| Shares::<Test>::insert((0, 2, open.period, [0xff; 32]), 1));
    assert_eq!(found, "a share's pseudonym is not a point");
}

#[test]
fn a_period_closed_before_its_turn_is_detected() {
    let found = complaint(|_, open, _| Statuses::<Test>::insert(open, PeriodStatus::Faulty));
    assert_eq!(found, "a period has closed before its turn");
}

#[test]
fn a_period_left_open_is_detected() {
    let found = complaint(|closed, _, _| Statuses::<Test>::remove(closed));
    assert_eq!(found, "a period was passed and has not closed");
}

#[test]
fn a_complete_period_without_all_its_shares_is_detected() {
    let found = complaint(|_, _, _| Statuses::<Test>::insert(period(2, 0, 0), PeriodStatus::Complete));
    assert_eq!(found, "a complete period lacks shares");
}

/// The same on a chain whose open period has a batch.
fn complaint_of_batch(spoil: impl FnOnce(PeriodKey, Vec<Share>)) -> &'static str {
    complaint(|_, open, _| {
        assert!(send_batch(&open, signed(&open, [1, 2], 480)).is_ok());
        assert_ok!(Readings::check_state());
        let batch = Batches::<Test>::get((0, 2, open.period, 0)).unwrap();
        spoil(open, batch.into_inner())
    })
}

/// Stores another batch 0 in the place of the one there.
fn replace(open: PeriodKey, batch: Vec<Share>) {
    Batches::<Test>::insert((0, 2, open.period, 0), frame_support::BoundedVec::truncate_from(batch));
}

#[test]
fn a_batch_with_a_share_missing_is_detected() {
    let found = complaint_of_batch(|open, batch| replace(open, batch[1..].to_vec()));
    assert_eq!(found, "a tally is not that of its shares");
}

#[test]
fn a_missing_batch_is_detected() {
    let found = complaint_of_batch(|open, _| Batches::<Test>::remove((0, 2, open.period, 0)));
    assert_eq!(found, "a tally is not that of its shares");
}

#[test]
fn an_empty_batch_is_detected() {
    let found = complaint_of_batch(|open, _| replace(open, vec![]));
    assert_eq!(found, "a batch is empty");
}

#[test]
fn a_batch_that_does_not_ascend_is_detected() {
    let found = complaint_of_batch(|open, mut batch| {
        batch.swap(0, 1);
        replace(open, batch);
    });
    assert_eq!(found, "a batch does not ascend");
}

#[test]
fn a_batch_that_is_not_counted_is_detected() {
    let found = complaint_of_batch(|open, batch| {
        Batches::<Test>::insert((0, 2, open.period, 1), frame_support::BoundedVec::truncate_from(batch))
    });
    assert_eq!(found, "a batch is not counted");
}

#[test]
fn a_pseudonym_with_a_share_in_a_batch_and_one_of_its_own_is_detected() {
    let found = complaint_of_batch(|open, batch| Shares::<Test>::insert((0, 2, open.period, batch[0].prid), 1));
    assert_eq!(found, "a pseudonym has two shares");
}

#[test]
fn more_batches_than_there_may_be_are_detected() {
    let found = complaint_of_batch(|_, _| MaxBatches::set(0));
    assert_eq!(found, "a period has too many batches");
}
