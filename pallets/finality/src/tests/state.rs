//! Each invariant, broken.

use super::*;
use sp_runtime::TryRuntimeError;

/// Breaks a sound state in one way, and expects the check to say so.
fn is_detected(message: &'static str, breakage: impl FnOnce()) {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        elect(2);
        vote(1, 2);
        assert_ok!(Finality::do_try_state());
        breakage();
        assert_eq!(Finality::do_try_state(), Err(TryRuntimeError::Other(message)));
    });
}

#[test]
fn members_out_of_order_are_detected() {
    is_detected("the members do not ascend", || {
        Members::<Test>::put(BoundedVec::truncate_from(vec![2, 1, 3, 4]));
    });
    is_detected("the members do not ascend", || {
        Members::<Test>::put(BoundedVec::truncate_from(vec![1, 2, 2, 3, 4]));
    });
}

#[test]
fn a_member_without_a_provider_is_detected() {
    is_detected("a member without a provider", || {
        Members::<Test>::put(BoundedVec::truncate_from(vec![1, 2, 3, 4, 9]));
    });
}

#[test]
fn someone_who_is_away_and_no_member_is_detected() {
    for away in [vec![9], vec![2, 1], vec![2, 2]] {
        is_detected("someone is away who is no member, or twice", || {
            Away::<Test>::put(BoundedVec::truncate_from(away));
        });
    }
}

#[test]
fn what_is_kept_of_a_stranger_is_detected() {
    let message = "something is kept of someone who is no member";
    is_detected(message, || LeftAt::<Test>::insert(9, 1));
    is_detected(message, || KeysSetAt::<Test>::insert(9, 1));
    is_detected(message, || Records::<Test>::insert(9, Record::default()));
    is_detected(message, || Nodes::<Test>::insert(9, BoundedVec::default()));
}

#[test]
fn a_node_without_a_peer_id_is_detected() {
    is_detected("a node without a peer id", || {
        Nodes::<Test>::insert(1, BoundedVec::truncate_from(vec![NodeId::default()]));
    });
}

#[test]
fn slots_and_terms_that_are_too_short_are_detected() {
    is_detected("a slot below the shortest", || SlotMs::<Test>::put(1));
    is_detected("a term below the shortest", || TermBlocks::<Test>::put(1));
}

#[test]
fn a_term_from_the_future_is_detected() {
    is_detected("a term that has not begun", || TermStarted::<Test>::put(1_000));
}

#[test]
fn too_many_rotations_are_detected() {
    is_detected("more terms end than a removal ends", || RotationsDue::<Test>::put(3));
}

#[test]
fn a_proof_left_behind_is_detected() {
    is_detected("a proof is left from a judgement", || {
        Testimony::<Test>::put((sp_core::H256::zero(), Proof::default()));
    });
}

#[test]
fn keys_of_others_are_detected() {
    is_detected("the keys in force are not the authorities'", || {
        KeysInForce::<Test>::mutate(|keys| keys.swap(0, 1));
    });
}

#[test]
fn a_leader_that_is_no_authority_is_detected() {
    is_detected("the leader is not an authority", || Leader::<Test>::put(9));
}

#[test]
fn a_leader_that_should_have_been_deposed_is_detected() {
    let message = "a leader has missed more than it may, or there is none";
    is_detected(message, || LeaderMissed::<Test>::put(3));
    is_detected(message, || {
        Leader::<Test>::kill();
        LeaderMissed::<Test>::put(1);
    });
}

#[test]
fn votes_of_strangers_are_detected() {
    for pair in [(9, 1), (1, 9)] {
        is_detected("a vote of or for someone who is no authority", || {
            Votes::<Test>::put(BoundedVec::truncate_from(vec![pair]));
        });
    }
}

#[test]
fn a_second_vote_is_detected() {
    is_detected("an authority has voted twice", || {
        Votes::<Test>::put(BoundedVec::truncate_from(vec![(1, 2), (3, 2), (1, 4)]));
    });
}

#[test]
fn another_schedule_is_detected() {
    is_detected("Aura has another schedule", || Leader::<Test>::put(3));
    is_detected("Aura has another schedule", Leader::<Test>::kill);
}
