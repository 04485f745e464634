//! When a term ends, and what is kept of past ones.

use super::*;
use frame_support::traits::EstimateNextSessionRotation;
use pallet_session::{historical, ShouldEndSession};
use sp_runtime::Permill;

#[test]
fn a_term_ends_when_it_has_had_its_blocks() {
    consortium(&[1, 2, 3]).execute_with(|| {
        blocks(TERM - 2);
        assert_eq!((System::block_number(), Session::current_index()), (TERM - 1, 0));
        blocks(1);
        assert_eq!(Session::current_index(), 1);
        assert_eq!(TermStarted::<Test>::get(), TERM);
        blocks(TERM - 1);
        assert_eq!(Session::current_index(), 1);
        blocks(1);
        assert_eq!(Session::current_index(), 2);
    });
}

#[test]
fn terms_count_blocks_and_not_slots() {
    consortium(&[1, 2, 3]).execute_with(|| {
        for _ in 0..TERM - 2 {
            block_at(slot() + 5);
        }
        assert_eq!(Session::current_index(), 0);
        block_at(slot() + 5);
        assert_eq!(Session::current_index(), 1);
    });
}

#[test]
fn the_end_of_a_term_is_foreseen() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_eq!(
            <Finality as EstimateNextSessionRotation<u64>>::average_session_length(),
            TERM
        );
        next_term();
        blocks(2);
        let now = System::block_number();
        assert_eq!(Finality::estimate_next_session_rotation(now).0, Some(2 * TERM));
        assert_eq!(
            Finality::estimate_current_session_progress(now).0,
            Some(Permill::from_percent(30))
        );
        assert!(!Finality::should_end_session(2 * TERM - 1));
        assert!(Finality::should_end_session(2 * TERM));
        assert_ok!(remove(1));
        assert_eq!(Finality::estimate_next_session_rotation(now).0, Some(now + 1));
        assert!(Finality::should_end_session(now + 1));
    });
}

#[test]
fn terms_of_the_same_set_announce_no_new_one() {
    consortium(&[5, 2, 9]).execute_with(|| {
        for _ in 0..4 {
            next_term();
            assert!(!System::events()
                .iter()
                .any(|record| record.event == RuntimeEvent::Session(pallet_session::Event::NewQueued)));
            assert_eq!(Grandpa::current_set_id(), 0);
        }
    });
}

#[test]
fn history_does_not_grow_without_end() {
    consortium(&[2, 5, 9]).execute_with(|| {
        for _ in 0..20 {
            next_term();
        }
        // Those of the past, the present one and the one being planned.
        assert_eq!(
            historical::HistoricalSessions::<Test>::iter().count(),
            DEPTH as usize + 2
        );
        assert_eq!(TermSlots::<Test>::iter().count(), DEPTH as usize + 1);
    });
}

#[test]
fn each_slot_belongs_to_one_term() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let mut first = Vec::new();
        for _ in 0..3 {
            next_term();
            first.push(slot());
        }
        let session_of = |slot: u64, near| Finality::session_of(slot.into(), near);
        // The block that begins a term is of the term before, which had its slot.
        assert_eq!(session_of(first[0], 1), Some(0));
        assert_eq!(session_of(first[0] + 1, 1), Some(1));
        assert_eq!(session_of(first[1], 1), Some(1));
        assert_eq!(session_of(first[1] + 1, 1), Some(2));
        // The present term is open.
        assert_eq!(session_of(first[2] + 1_000, 3), Some(3));
        // Only the neighbours of the session named are looked at.
        assert_eq!(session_of(first[2] + 1_000, 1), None);
        assert_eq!(session_of(first[0], 3), None);
        assert_eq!(session_of(0, 0), None);
        assert_eq!(session_of(u64::MAX, u32::MAX), None);
    });
}

#[test]
fn a_set_that_would_be_empty_is_not_planned() {
    consortium(&[1, 2, 3]).execute_with(|| {
        // No call gets there.
        Members::<Test>::kill();
        next_term();
        next_term();
        assert_in_force(&[1, 2, 3]);
    });
}
