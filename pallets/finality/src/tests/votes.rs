//! Two votes of one authority in one round of GRANDPA.

#![allow(deprecated)]

use super::*;
use codec::{Decode, Encode};
use finality_grandpa::{Message, Prevote};
use frame_support::traits::KeyOwnerProofSystem;
use sp_consensus_grandpa::{localized_payload, Equivocation, EquivocationProof, KEY_TYPE};
use sp_core::{Pair, H256};
use sp_runtime::{
    traits::{BlakeTwo256, Hash, ValidateUnsigned},
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
};
use sp_session::MembershipProof;

type Report = (EquivocationProof<H256, u64>, MembershipProof);

/// Prevotes of `seed` for two blocks in one round of the set.
fn two_votes(set_id: u64, round: u64, targets: [u8; 2], seed: u64) -> EquivocationProof<H256, u64> {
    let [first, second] = targets.map(|target| {
        let vote = Prevote {
            target_hash: H256::repeat_byte(target),
            target_number: 7,
        };
        let message = Message::Prevote(vote.clone());
        (vote, grandpa(seed).sign(&localized_payload(round, set_id, &message)))
    });
    let equivocation = finality_grandpa::Equivocation {
        round_number: round,
        identity: grandpa_id(seed),
        first,
        second,
    };
    EquivocationProof::new(set_id, Equivocation::Prevote(equivocation))
}

fn prove(seed: u64) -> Option<MembershipProof> {
    KeyOwners::<Test>::prove((KEY_TYPE, grandpa_id(seed)))
}

fn report_of(seed: u64) -> Report {
    let proof = two_votes(Grandpa::current_set_id(), 1, [1, 2], seed);
    (proof, prove(seed).unwrap())
}

fn send((proof, key_owner_proof): Report) -> DispatchResult {
    Grandpa::report_equivocation_unsigned(RuntimeOrigin::none(), Box::new(proof), key_owner_proof)
        .map(|_| ())
        .map_err(|failure| failure.error)
}

fn check((proof, key_owner_proof): Report) -> Result<(), TransactionValidityError> {
    let call = pallet_grandpa::Call::<Test>::report_equivocation_unsigned {
        equivocation_proof: Box::new(proof),
        key_owner_proof,
    };
    <Grandpa as ValidateUnsigned>::validate_unsigned(TransactionSource::Local, &call).map(|_| ())
}

fn hash_of(report: &Report) -> H256 {
    BlakeTwo256::hash(&report.encode())
}

#[test]
fn the_offender_is_out_two_blocks_later_and_the_evidence_kept() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        blocks(3);
        let report = report_of(3);
        assert_ok!(check(report.clone()));
        assert_ok!(send(report.clone()));
        let event = Event::OffenderRemoved {
            account: 3,
            offence: Offence::VoteEquivocation,
            evidence: hash_of(&report),
        };
        assert_eq!(events(), vec![event]);
        let record = Evidence::<Test>::get(3, (Offence::VoteEquivocation, 0)).unwrap();
        assert_eq!((record.kind, record.session), (Offence::VoteEquivocation, 0));
        assert_eq!(Report::decode(&mut &record.proof[..]).unwrap(), report);
        assert!(!Testimony::<Test>::exists());
        blocks(2);
        assert_in_force(&[1, 2, 4]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn the_same_report_again_is_refused_in_the_pool_and_in_the_block() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let report = report_of(3);
        assert_ok!(send(report.clone()));
        assert_noop!(
            send(report.clone()),
            pallet_grandpa::Error::<Test>::DuplicateOffenceReport
        );
        let stale = TransactionValidityError::Invalid(InvalidTransaction::Stale);
        assert_eq!(check(report), Err(stale));
        assert!(!Testimony::<Test>::exists());
    });
}

#[test]
fn blocks_and_votes_are_two_kinds_of_evidence() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(send(report_of(3)));
        assert!(!Evidence::<Test>::contains_key(3, (Offence::BlockEquivocation, 0)));
    });
}

#[test]
fn an_offender_is_kept_where_too_few_would_be_left_and_its_evidence_with_it() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let report = report_of(3);
        assert_ok!(send(report.clone()));
        let event = Event::OffenderKept {
            account: 3,
            offence: Offence::VoteEquivocation,
            evidence: hash_of(&report),
        };
        assert_eq!(events(), vec![event]);
        assert!(Evidence::<Test>::contains_key(3, (Offence::VoteEquivocation, 0)));
        blocks(2);
        assert_in_force(&[1, 2, 3]);
    });
}

#[test]
fn an_offence_of_a_past_term_is_reported_as_long_as_the_history_goes_back() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        let (report, late) = (report_of(3), report_of(4));
        for _ in 0..DEPTH {
            next_term();
        }
        assert_ok!(send(report));
        assert!(!Finality::is_member(&3));
        blocks(2);
        assert_noop!(send(late), pallet_grandpa::Error::<Test>::InvalidKeyOwnershipProof);
    });
}

#[test]
fn an_offence_of_a_past_set_is_filed_under_that_sets_first_term() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        next_term();
        assert_ok!(remove(5));
        blocks(2);
        let first_term = Session::current_index();
        next_term();
        let report = report_of(3);
        assert_eq!(report.0.set_id(), 1);
        next_term();
        assert_ok!(Finality::set_keys(signed(1), mock::keys(11), ownership(11, 1)));
        next_term();
        next_term();
        assert_eq!(Grandpa::current_set_id(), 2);
        assert_ok!(send(report));
        assert!(Evidence::<Test>::contains_key(
            3,
            (Offence::VoteEquivocation, first_term)
        ));
        assert!(!Finality::is_member(&3));
    });
}

#[test]
fn who_comes_back_by_vote_is_not_put_out_for_the_same_offence_again() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let offence = two_votes(0, 1, [1, 2], 3);
        let of_its_term = prove(3).unwrap();
        next_term();
        let of_the_next = prove(3).unwrap();
        assert_ok!(send((offence.clone(), of_the_next.clone())));
        add_with_keys(3);
        blocks(2);
        for key in [of_its_term, of_the_next] {
            assert_noop!(
                send((offence.clone(), key)),
                pallet_grandpa::Error::<Test>::DuplicateOffenceReport
            );
        }
        assert!(Finality::is_member(&3));
    });
}

#[test]
fn two_offenders_of_one_block_are_both_put_out_by_proofs_made_before() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        let (first, second) = (report_of(3), report_of(4));
        assert_ok!(send(first));
        assert_ok!(send(second));
        blocks(2);
        assert_in_force(&[1, 2, 5]);
    });
}

#[test]
fn a_cheat_that_sets_new_keys_first_is_reported_for_the_old_ones_all_the_same() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::set_keys(signed(3), mock::keys(33), ownership(33, 3)));
        assert_ok!(send(report_of(3)));
        assert!(!Finality::is_member(&3));
    });
}

#[test]
fn an_offence_of_a_past_member_is_recorded_and_nothing_else() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        let report = report_of(3);
        assert_ok!(remove(3));
        blocks(2);
        assert_ok!(send(report.clone()));
        let event = Event::OffenceRecorded {
            account: 3,
            offence: Offence::VoteEquivocation,
            evidence: hash_of(&report),
        };
        assert_eq!(events().last(), Some(&event));
        assert_eq!(RotationsDue::<Test>::get(), 0);
    });
}

/// Holds that a report with this change is refused, and leaves nothing behind.
fn is_refused(tamper: impl FnOnce(&mut Report)) {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let mut report = report_of(3);
        assert_ok!(check(report.clone()));
        tamper(&mut report);
        let before = Evidence::<Test>::iter().count();
        assert!(send(report).is_err());
        assert_eq!(Evidence::<Test>::iter().count(), before);
        assert!(Finality::is_member(&3) && !Testimony::<Test>::exists());
    });
}

#[test]
fn one_vote_twice_is_no_offence() {
    is_refused(|(proof, _)| *proof = two_votes(0, 1, [1, 1], 3));
}

#[test]
fn a_vote_that_someone_else_signed_is_no_proof() {
    is_refused(|(proof, _)| {
        let mut bytes = proof.encode();
        // The offender's key follows the set, the kind and the round.
        bytes[17..49].copy_from_slice(grandpa_id(4).as_ref());
        *proof = Decode::decode(&mut &bytes[..]).unwrap();
        assert_eq!(proof.offender(), &grandpa_id(4));
    });
}

#[test]
fn votes_of_a_set_that_is_not_yet_there_are_no_proof() {
    is_refused(|(proof, _)| *proof = two_votes(1, 1, [1, 2], 3));
}

#[test]
fn a_key_proof_for_another_member_or_term_is_refused() {
    is_refused(|(_, key)| *key = prove(4).unwrap());
    is_refused(|(_, key)| key.session += 1);
    is_refused(|(_, key)| key.trie_nodes[0][1] ^= 1);
}
