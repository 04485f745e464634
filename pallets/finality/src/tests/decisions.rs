//! What else the consortium decides: that finality stands still, and which runtime comes next.

use super::*;
use sp_core::H256;

fn note(delay: u64) -> DispatchResult {
    Finality::note_stalled(decided(), delay, 1)
}

#[test]
fn a_stall_is_noted_and_finality_starts_over_after_the_delay() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        blocks(2);
        assert_ok!(note(3));
        let event = Event::StallNoted {
            delay: 3,
            best_finalized: 1,
        };
        assert_eq!(events(), vec![event]);
        blocks(1);
        assert_eq!(Session::current_index(), 1, "the next block begins a term");
        let pending = Grandpa::pending_change().unwrap();
        assert_eq!((pending.forced, pending.delay), (Some(1), 3));
        assert_eq!(Grandpa::current_set_id(), 1);
        blocks(2);
        assert!(Grandpa::pending_change().is_some());
        blocks(1);
        assert!(Grandpa::pending_change().is_none());
        assert_in_force(&[1, 2, 3, 4]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_stall_is_not_noted_while_the_set_changes_and_is_when_it_has() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(remove(4));
        assert_noop!(note(3), Error::<Test>::SetIsChanging);
        blocks(1);
        assert_noop!(note(3), Error::<Test>::SetIsChanging);
        blocks(1);
        assert_ok!(note(3));
        blocks(1);
        let next: Vec<_> = Grandpa::pending_change()
            .unwrap()
            .next_authorities
            .iter()
            .map(|(key, _)| key.clone())
            .collect();
        assert_eq!(next, [1, 2, 3].map(grandpa_id));
    });
}

#[test]
fn a_stall_is_not_noted_while_an_addition_is_planned() {
    consortium(&[1, 2, 3]).execute_with(|| {
        add_with_keys(4);
        next_term();
        assert_noop!(note(3), Error::<Test>::SetIsChanging);
        next_term();
        assert_ok!(note(3));
    });
}

#[test]
fn a_second_stall_is_noted_after_twice_the_delay() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(note(3));
        blocks(1);
        let signalled = System::block_number();
        assert_noop!(note(3), Error::<Test>::SetIsChanging);
        blocks(3);
        assert_noop!(note(3), Error::<Test>::StallNotedTooRecently);
        blocks(1);
        assert_noop!(note(3), Error::<Test>::StallNotedTooRecently);
        blocks(1);
        assert_eq!(System::block_number(), signalled + 5);
        assert_ok!(note(3));
        blocks(1);
        assert!(!pallet_grandpa::Stalled::<Test>::exists());
        assert_eq!(Grandpa::current_set_id(), 2);
    });
}

#[test]
fn a_member_removed_while_finality_waits_to_start_over_is_out_of_it_two_blocks_after() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(note(5));
        blocks(1);
        assert_ok!(remove(4));
        blocks(2);
        // Blocks are formed without it at once; GRANDPA is deaf.
        assert_eq!(slots_of_aura(), vec![1, 2, 3]);
        assert!(FinalityBehind::<Test>::get());
        while Grandpa::pending_change().is_some() {
            blocks(1);
            assert_eq!(finalisers(), vec![1, 2, 3, 4]);
        }
        assert_noop!(note(5), Error::<Test>::SetIsChanging);
        blocks(2);
        assert_in_force(&[1, 2, 3]);
        assert!(!FinalityBehind::<Test>::get());
        let term = Session::current_index();
        blocks(3);
        assert_eq!(Session::current_index(), term, "terms have their length again");
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn a_set_that_comes_into_force_as_finality_is_done_waiting_is_not_announced_twice() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        assert_ok!(note(4));
        blocks(1);
        assert_ok!(remove(5));
        blocks(2);
        assert!(FinalityBehind::<Test>::get());
        assert_ok!(remove(4));
        blocks(1);
        assert!(Grandpa::pending_change().is_some());
        blocks(1);
        assert!(Grandpa::pending_change().is_none());
        // The second removal came into force while GRANDPA was still deaf.
        blocks(2);
        assert_in_force(&[1, 2, 3]);
        let set_id = Grandpa::current_set_id();
        next_term();
        next_term();
        assert_eq!(Grandpa::current_set_id(), set_id);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn an_upgrade_is_allowed_by_its_hash() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let code_hash = H256::repeat_byte(7);
        assert_ok!(Finality::authorize_upgrade(decided(), code_hash));
        assert_eq!(events(), vec![Event::UpgradeAuthorized { code_hash }]);
        assert!(System::authorized_upgrade().is_some());
    });
}

#[test]
fn nobody_but_the_consortium_notes_stalls_and_allows_upgrades() {
    consortium(&[1, 2, 3]).execute_with(|| {
        for origin in [RuntimeOrigin::none(), signed(1)] {
            assert_noop!(Finality::note_stalled(origin.clone(), 3, 1), BadOrigin);
            assert_noop!(Finality::authorize_upgrade(origin, H256::repeat_byte(7)), BadOrigin);
        }
    });
}
