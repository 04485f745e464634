//! The record of each member, the author of each block.

use super::*;
use frame_support::traits::FindAuthor;

fn record(account: u64) -> (u32, u32) {
    let record = Records::<Test>::get(account);
    (record.authored, record.missed)
}

#[test]
fn the_author_of_a_block_is_the_owner_of_its_slot_while_it_is_executed() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        for (next, author) in [2, 3, 4, 1, 2].into_iter().enumerate() {
            let slot = FIRST_SLOT + 1 + next as u64;
            block_with(slot, || {
                assert_eq!(Author::<Test>::get(), Some(author));
                assert_eq!(<Finality as FindAuthor<u64>>::find_author([]), Some(author));
                assert_eq!(Authorship::author(), Some(author));
            });
            assert_eq!(Author::<Test>::get(), None);
        }
    });
}

#[test]
fn a_block_without_a_slot_has_no_author_and_books_nothing() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let before: Vec<_> = (1..=4).map(record).collect();
        System::initialize(&2, &Default::default(), &Default::default());
        <Finality as Hooks<u64>>::on_initialize(2);
        assert_eq!(Author::<Test>::get(), None);
        assert_eq!((1..=4).map(record).collect::<Vec<_>>(), before);
        assert_eq!(slot(), FIRST_SLOT);
    });
}

#[test]
fn the_first_block_misses_nothing() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_eq!(
            (1..=4).map(record).collect::<Vec<_>>(),
            vec![(1, 0), (0, 0), (0, 0), (0, 0)]
        );
    });
}

#[test]
fn blocks_and_skipped_slots_are_booked_to_their_owners() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        block_at(FIRST_SLOT + 1);
        block_at(FIRST_SLOT + 4);
        assert_eq!(
            (1..=4).map(record).collect::<Vec<_>>(),
            vec![(2, 0), (1, 0), (0, 1), (0, 1)]
        );
    });
}

#[test]
fn after_a_long_stand_still_each_has_missed_one_round_and_no_more() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        block_at(FIRST_SLOT + 1_000_001);
        assert_eq!(
            (1..=4).map(record).collect::<Vec<_>>(),
            vec![(1, 1), (1, 1), (0, 1), (0, 1)]
        );
    });
}

#[test]
fn with_a_leader_a_round_is_as_long_as_its_schedule() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(3);
        let before: Vec<_> = (1..=4).map(record).collect();
        block_at((slot() / 6 + 1_000) * 6 + 1);
        let missed: Vec<_> = (1..=4)
            .map(|account| record(account).1 - before[account as usize - 1].1)
            .collect();
        assert_eq!(missed, vec![1, 1, 3, 1]);
    });
}

#[test]
fn the_past_counts_for_half_in_each_new_term() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        Records::<Test>::insert(
            2,
            Record {
                authored: 100,
                missed: 41,
            },
        );
        Records::<Test>::insert(3, Record { authored: 1, missed: 1 });
        next_term();
        let (authored, missed) = record(2);
        // Two or three blocks were its own since.
        assert!((50..=53).contains(&authored) && missed == 20, "{authored}, {missed}");
        assert_eq!(record(3).1, 0);
    });
}

#[test]
fn a_member_that_was_dead_for_long_recovers_its_name() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        Records::<Test>::insert(
            2,
            Record {
                authored: 0,
                missed: 600,
            },
        );
        for _ in 0..10 {
            next_term();
        }
        assert_eq!(record(2).1, 0);
    });
}

#[test]
fn slots_of_a_set_that_is_going_are_booked_to_members_only() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(remove(2));
        blocks(4);
        assert!(!Records::<Test>::contains_key(2));
        assert_ok!(Finality::do_try_state());
    });
}
