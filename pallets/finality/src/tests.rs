//! The members of genesis, the sessions they drive, and the slot.

use crate::{mock::*, HalfSlot, Members, NoCurrency, SlotDuration, SlotMs};
use frame_support::{
    assert_noop,
    traits::{
        fungible::{Inspect, InspectHold, Mutate, MutateHold},
        Contains, Get, Hooks, KeyOwnerProofSystem,
    },
    BoundedVec,
};
use pallet_session::historical;
use sp_runtime::{key_types::DUMMY, testing::UintAuthorityId, BuildStorage, TokenError};

fn members_of_a_broken_genesis(members: Vec<u64>, slot_ms: u64) {
    let config = crate::GenesisConfig::<Test> { members, slot_ms };
    config.build_storage().expect("unreachable: the genesis panics");
}

#[test]
fn the_members_of_genesis_are_kept_in_order_and_recognised() {
    genesis(&[5, 2, 9], 3_000).execute_with(|| {
        assert_eq!(Finality::members(), vec![2, 5, 9]);
        assert!(Finality::is_member(&5));
        assert!(<Finality as Contains<u64>>::contains(&9));
        assert!(!<Finality as Contains<u64>>::contains(&3));
        Finality::do_try_state().unwrap();
    });
}

#[test]
fn every_member_is_seated_in_the_collective_and_holds_a_provider_reference() {
    genesis(&[5, 2, 9], 3_000).execute_with(|| {
        assert_eq!(Seated::get(), vec![2, 5, 9]);
        for member in [2, 5, 9] {
            assert_eq!(System::providers(&member), 1);
        }
        assert_eq!(System::providers(&3), 0);
    });
}

#[test]
#[should_panic(expected = "names a member twice")]
fn a_genesis_that_names_a_member_twice_is_refused() {
    members_of_a_broken_genesis(vec![4, 1, 4], 3_000);
}

#[test]
#[should_panic(expected = "more members than the runtime's MaxMembers")]
fn a_genesis_with_more_members_than_there_is_room_for_is_refused() {
    members_of_a_broken_genesis((0..8).collect(), 3_000);
}

#[test]
#[should_panic(expected = "slotMs must be at least")]
fn a_genesis_with_a_slot_of_nothing_is_refused() {
    members_of_a_broken_genesis(vec![1], 0);
}

#[test]
fn the_members_are_the_validators_from_the_first_session_on() {
    genesis(&[5, 2, 9], 3_000).execute_with(|| {
        assert_eq!(Session::validators(), vec![2, 5, 9]);
        pass_sessions(3);
        assert_eq!(Session::current_index(), 3);
        assert_eq!(Session::validators(), vec![2, 5, 9]);
    });
}

#[test]
fn sessions_of_the_same_members_announce_no_new_set() {
    genesis(&[5, 2, 9], 3_000).execute_with(|| {
        pass_sessions(4);
        assert!(!System::events()
            .iter()
            .any(|record| record.event == RuntimeEvent::Session(pallet_session::Event::NewQueued)));
        assert!(!pallet_session::QueuedChanged::<Test>::get());
    });
}

#[test]
fn members_that_differ_from_the_validators_become_the_validators() {
    genesis(&[2, 5, 9], 3_000).execute_with(|| {
        Members::<Test>::put(BoundedVec::truncate_from(vec![2, 9]));
        pass_sessions(1);
        assert!(pallet_session::QueuedChanged::<Test>::get());
        pass_sessions(1);
        assert_eq!(Session::validators(), vec![2, 9]);
        assert!(!pallet_session::QueuedChanged::<Test>::get());
    });
}

#[test]
fn a_key_ownership_proof_holds_in_later_sessions_and_not_past_the_history() {
    genesis(&[2, 5, 9], 3_000).execute_with(|| {
        let key = UintAuthorityId(5);
        let key = (DUMMY, codec::Encode::encode(&key));
        let proof = Historical::prove(key.clone()).unwrap();
        assert_eq!(proof.session, 0);
        pass_sessions(4);
        assert_eq!(Historical::check_proof(key.clone(), proof.clone()), Some((5, ())));
        pass_sessions(1);
        assert_eq!(Historical::check_proof(key, proof), None);
    });
}

#[test]
fn history_does_not_grow_without_end() {
    genesis(&[2, 5, 9], 3_000).execute_with(|| {
        pass_sessions(20);
        // Four of the past, the present one and the one being planned.
        assert_eq!(historical::HistoricalSessions::<Test>::iter().count(), 6);
    });
}

#[test]
fn aura_gets_the_slot_of_genesis_and_the_timestamp_half_of_it() {
    genesis(&[2], 1_001).execute_with(|| {
        assert_eq!(<SlotDuration<Test> as Get<u64>>::get(), 1_001);
        assert_eq!(<HalfSlot<Test> as Get<u64>>::get(), 500);
    });
}

#[test]
fn a_chain_that_does_not_say_has_slots_of_three_seconds() {
    sp_io::TestExternalities::default().execute_with(|| {
        assert_eq!(<SlotDuration<Test> as Get<u64>>::get(), 3_000);
    });
}

#[test]
fn the_constants_hold_together() {
    sp_io::TestExternalities::default().execute_with(<Finality as Hooks<u64>>::integrity_test);
}

#[test]
fn try_state_detects_members_out_of_order() {
    genesis(&[2, 5, 9], 3_000).execute_with(|| {
        Members::<Test>::put(BoundedVec::truncate_from(vec![5, 2, 9]));
        assert_eq!(Finality::do_try_state(), Err("the members do not ascend".into()));
    });
}

#[test]
fn try_state_detects_a_member_without_a_provider() {
    genesis(&[2, 5, 9], 3_000).execute_with(|| {
        Members::<Test>::put(BoundedVec::truncate_from(vec![2, 5, 10]));
        assert_eq!(Finality::do_try_state(), Err("a member without a provider".into()));
    });
}

#[test]
fn try_state_detects_a_member_without_session_keys() {
    genesis(&[2, 5, 9], 3_000).execute_with(|| {
        System::inc_providers(&10);
        Members::<Test>::put(BoundedVec::truncate_from(vec![2, 5, 10]));
        assert_eq!(Finality::do_try_state(), Err("a member without session keys".into()));
    });
}

#[test]
fn try_state_detects_a_slot_below_the_shortest() {
    genesis(&[2, 5, 9], 3_000).execute_with(|| {
        SlotMs::<Test>::put(1);
        assert_eq!(Finality::do_try_state(), Err("a slot below the shortest".into()));
    });
}

#[test]
fn nothing_can_be_minted_held_or_moved_in_the_currency_with_no_supply() {
    type Nothing = NoCurrency<RuntimeHoldReason>;
    let reason = RuntimeHoldReason::Session(pallet_session::HoldReason::Keys);
    genesis(&[2, 5], 3_000).execute_with(|| {
        assert_noop!(<Nothing as Mutate<u64>>::mint_into(&2, 1), TokenError::Unsupported);
        assert_noop!(
            <Nothing as MutateHold<u64>>::hold(&reason, &2, 1),
            TokenError::FundsUnavailable
        );
        assert!(
            <Nothing as Mutate<u64>>::transfer(&2, &5, 1, frame_support::traits::tokens::Preservation::Expendable)
                .is_err()
        );
        assert_eq!(<Nothing as Inspect<u64>>::total_issuance(), 0);
        assert_eq!(<Nothing as InspectHold<u64>>::balance_on_hold(&reason, &2), 0);
    });
}
