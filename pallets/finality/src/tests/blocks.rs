//! Two blocks of one authority in one slot.

// FRAME has a successor for `ValidateUnsigned`, which GRANDPA's reports do not use yet, and neither do ours.
#![allow(deprecated)]

use super::*;
use codec::{Decode, Encode};
use frame_support::traits::KeyOwnerProofSystem;
use pallet_session::{historical, SessionInterface};
use sp_consensus_aura::{
    digests::CompatibleDigestItem,
    sr25519::{AuthorityId, AuthoritySignature},
};
use sp_core::{crypto::key_types::AURA, offchain::TransactionPoolExt, Pair, H256};
use sp_runtime::{
    testing::TestXt,
    traits::{BlakeTwo256, Hash, Header as _, ValidateUnsigned},
    transaction_validity::{InvalidTransaction, TransactionSource, TransactionValidityError},
    Digest, DigestItem,
};
use sp_session::MembershipProof;

type Header = frame_system::pallet_prelude::HeaderFor<Test>;
type Report = (BlockEquivocationProof<Test>, MembershipProof);

/// A header of `slot` on some block, sealed with the key of number `seed`.
fn header(slot: u64, parent: u8, seed: u64) -> Header {
    let claim = <DigestItem as CompatibleDigestItem<AuthoritySignature>>::aura_pre_digest(slot.into());
    let parent = H256::repeat_byte(parent);
    let mut header = Header::new(9, H256::zero(), H256::zero(), parent, Digest { logs: vec![claim] });
    let signature = aura(seed).sign(header.hash().as_ref());
    header.digest_mut().push(DigestItem::aura_seal(signature));
    header
}

/// Two blocks of `slot` by the key of number `seed`.
fn two_blocks(slot: u64, seed: u64) -> BlockEquivocationProof<Test> {
    BlockEquivocationProof::<Test> {
        offender: aura(seed).public(),
        slot: slot.into(),
        first_header: header(slot, 1, seed),
        second_header: header(slot, 2, seed),
    }
}

fn prove(seed: u64) -> Option<MembershipProof> {
    KeyOwners::<Test>::prove((AURA, aura(seed).public()))
}

/// A report that the authority with the key of this number made two blocks in the present slot.
fn report_of(seed: u64) -> Report {
    (two_blocks(slot() + 1, seed), prove(seed).unwrap())
}

fn send((proof, key_owner_proof): Report) -> DispatchResult {
    Finality::report_block_equivocation(RuntimeOrigin::none(), Box::new(proof), key_owner_proof)
}

fn check(source: TransactionSource, (proof, key_owner_proof): Report) -> Result<(), TransactionValidityError> {
    let call = Call::<Test>::report_block_equivocation {
        equivocation_proof: Box::new(proof),
        key_owner_proof,
    };
    Finality::validate_unsigned(source, &call).map(|_| ())
}

fn hash_of(report: &Report) -> H256 {
    BlakeTwo256::hash(&report.encode())
}

#[test]
fn the_offender_is_out_two_blocks_later_and_the_evidence_kept() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        blocks(3);
        let report = report_of(3);
        assert_ok!(check(TransactionSource::Local, report.clone()));
        assert_ok!(send(report.clone()));

        let event = Event::OffenderRemoved {
            account: 3,
            offence: Offence::BlockEquivocation,
            evidence: hash_of(&report),
        };
        assert_eq!(events(), vec![event]);
        let record = Evidence::<Test>::get(3, (Offence::BlockEquivocation, 0)).unwrap();
        assert_eq!((record.kind, record.session), (Offence::BlockEquivocation, 0));
        assert_eq!(record.reported_at, System::block_number());
        assert_eq!(Report::decode(&mut &record.proof[..]).unwrap(), report);

        assert!(!Finality::is_member(&3) && !Seated::get().contains(&3));
        assert_eq!(Session::load_keys(&3), None);
        assert!(!System::account_exists(&3));
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
        assert_noop!(send(report.clone()), Error::<Test>::KnownOffence);
        for source in [TransactionSource::Local, TransactionSource::InBlock] {
            let stale = TransactionValidityError::Invalid(InvalidTransaction::Stale);
            assert_eq!(check(source, report.clone()), Err(stale));
        }
    });
}

#[test]
fn another_offence_in_the_same_term_is_known_and_one_in_another_term_is_not() {
    consortium(&[1, 2, 3]).execute_with(|| {
        assert_ok!(send(report_of(3)));
        blocks(1);
        assert_noop!(send(report_of(3)), Error::<Test>::KnownOffence);
        next_term();
        assert_ok!(send(report_of(3)));
        assert_eq!(Evidence::<Test>::iter_prefix(3).count(), 2);
    });
}

#[test]
fn an_offender_is_kept_where_too_few_would_be_left_and_its_evidence_with_it() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let report = report_of(3);
        assert_ok!(send(report.clone()));
        let event = Event::OffenderKept {
            account: 3,
            offence: Offence::BlockEquivocation,
            evidence: hash_of(&report),
        };
        assert_eq!(events(), vec![event]);
        assert!(Evidence::<Test>::contains_key(3, (Offence::BlockEquivocation, 0)));
        blocks(2);
        assert_in_force(&[1, 2, 3]);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn of_two_offenders_the_one_that_can_be_spared_goes_and_the_other_stays() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let (first, second) = (report_of(3), report_of(4));
        assert_ok!(send(first));
        assert_ok!(send(second));
        let kept = events().last().cloned();
        assert!(matches!(kept, Some(Event::OffenderKept { account: 4, .. })), "{kept:?}");
        blocks(2);
        assert_in_force(&[1, 2, 4]);
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
fn an_offence_of_a_past_term_is_reported_as_long_as_the_history_goes_back() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        let (report, late) = (report_of(3), report_of(4));
        for _ in 0..DEPTH {
            next_term();
        }
        assert_ok!(send(report));
        assert!(Evidence::<Test>::contains_key(3, (Offence::BlockEquivocation, 0)));
        assert!(!Finality::is_member(&3));
        blocks(2);
        assert_noop!(send(late), Error::<Test>::InvalidProof);
    });
}

#[test]
fn an_offence_is_filed_under_the_term_of_its_slot_whatever_the_key_proof_says() {
    consortium(&[1, 2, 3, 4, 5]).execute_with(|| {
        let slot_of_first_term = slot() + 1;
        next_term();
        let beside = prove(3).unwrap();
        assert_eq!(beside.session, 1);
        assert_ok!(send((two_blocks(slot_of_first_term, 3), beside)));
        assert!(Evidence::<Test>::contains_key(3, (Offence::BlockEquivocation, 0)));
    });
}

#[test]
fn a_key_proof_of_a_term_far_from_the_slot_is_refused() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let slot_of_first_term = slot() + 1;
        next_term();
        next_term();
        let report = (two_blocks(slot_of_first_term, 3), prove(3).unwrap());
        assert_noop!(send(report), Error::<Test>::InvalidProof);
    });
}

#[test]
fn who_comes_back_by_vote_is_not_put_out_for_the_same_offence_again() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let offence = two_blocks(slot() + 1, 3);
        let proof_of_its_term = prove(3).unwrap();
        next_term();
        let proof_of_the_next = prove(3).unwrap();
        assert_ok!(send((offence.clone(), proof_of_the_next.clone())));
        blocks(2);
        assert_in_force(&[1, 2, 4]);

        add_with_keys(3);
        for proof in [proof_of_its_term, proof_of_the_next] {
            assert_noop!(send((offence.clone(), proof)), Error::<Test>::KnownOffence);
        }
        next_term();
        next_term();
        assert_in_force(&[1, 2, 3, 4]);
        // What it does from now on is another matter.
        assert_ok!(send(report_of(3)));
        assert!(!Finality::is_member(&3));
        assert_eq!(Evidence::<Test>::iter_prefix(3).count(), 2);
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
            offence: Offence::BlockEquivocation,
            evidence: hash_of(&report),
        };
        assert_eq!(events().last(), Some(&event));
        assert_eq!(RotationsDue::<Test>::get(), 0);
        assert_eq!(Finality::members(), vec![1, 2, 4, 5]);
    });
}

#[test]
fn a_cheat_that_sets_new_keys_first_is_reported_for_the_old_ones_all_the_same() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let early = report_of(3);
        blocks(1);
        assert_ok!(Finality::set_keys(signed(3), mock::keys(33), ownership(33, 3)));
        // The stock pallet knows the new key only, which is not in force.
        let stock = |(proof, key): Report| Historical::check_proof((AURA, proof.offender), key);
        assert_eq!(stock(early.clone()), None);
        assert_eq!(prove(33), None);

        assert_ok!(check(TransactionSource::Local, early));
        let late = report_of(3);
        next_term();
        let in_the_next_term = report_of(3);
        next_term();
        assert_eq!(prove(3), None);
        assert!(prove(33).is_some());
        assert_eq!(stock(late.clone()), Some((3, ())));
        assert_ok!(check(TransactionSource::Local, late));
        assert_ok!(send(in_the_next_term));
        assert!(!Finality::is_member(&3));
    });
}

#[test]
fn proving_and_checking_change_nothing() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        assert_ok!(Finality::set_keys(signed(3), mock::keys(33), ownership(33, 3)));
        let guard = frame_support::StorageNoopGuard::new();
        let proof = prove(3).unwrap();
        assert_eq!(
            KeyOwners::<Test>::check_proof((AURA, aura(3).public()), proof),
            Some((3, ()))
        );
        drop(guard);
    });
}

#[test]
fn nobody_owns_a_key_that_is_not_in_force() {
    consortium(&[1, 2, 3]).execute_with(|| {
        add_with_keys(4);
        assert_eq!(prove(4), None);
        assert_eq!(prove(9), None);
        let someone_elses = prove(1).unwrap();
        assert_noop!(
            send((two_blocks(slot() + 1, 4), someone_elses)),
            Error::<Test>::InvalidProof
        );
    });
}

/// Holds that a report with this change is refused everywhere, and that without it it is not.
fn is_refused(tamper: impl FnOnce(&mut Report)) {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let mut report = report_of(3);
        assert_ok!(check(TransactionSource::Local, report.clone()));
        tamper(&mut report);
        assert_noop!(send(report.clone()), Error::<Test>::InvalidProof);
        for source in [TransactionSource::Local, TransactionSource::InBlock] {
            let bad = TransactionValidityError::Invalid(InvalidTransaction::BadProof);
            assert_eq!(check(source, report.clone()), Err(bad));
        }
    });
}

#[test]
fn one_block_twice_is_no_offence() {
    is_refused(|(proof, _)| proof.second_header = proof.first_header.clone());
}

#[test]
fn one_block_with_two_signatures_is_no_offence() {
    is_refused(|(proof, _)| {
        let mut again = header(u64::from(proof.slot), 1, 3);
        // A signature of sr25519 is never the same twice.
        assert_ne!(again.hash(), proof.first_header.hash());
        core::mem::swap(&mut proof.second_header, &mut again);
    });
}

#[test]
fn blocks_of_two_slots_are_no_offence() {
    is_refused(|(proof, _)| proof.second_header = header(u64::from(proof.slot) + 1, 2, 3));
}

#[test]
fn a_slot_that_the_blocks_do_not_claim_is_no_proof() {
    is_refused(|(proof, _)| proof.slot = (u64::from(proof.slot) + 1).into());
}

#[test]
fn blocks_of_two_authorities_are_no_offence() {
    is_refused(|(proof, _)| proof.second_header = header(u64::from(proof.slot), 2, 4));
}

#[test]
fn a_block_that_someone_else_sealed_is_no_proof() {
    is_refused(|(proof, _)| proof.offender = aura(4).public());
}

#[test]
fn a_header_that_was_changed_after_it_was_sealed_is_no_proof() {
    is_refused(|(proof, _)| proof.second_header.number += 1);
}

#[test]
fn a_header_without_a_seal_is_no_proof() {
    is_refused(|(proof, _)| {
        proof.second_header.digest_mut().pop();
    });
}

#[test]
fn a_header_without_a_slot_is_no_proof() {
    is_refused(|(proof, _)| {
        let parent = H256::repeat_byte(2);
        let mut header = Header::new(9, H256::zero(), H256::zero(), parent, Digest::default());
        let signature = aura(3).sign(header.hash().as_ref());
        header.digest_mut().push(DigestItem::aura_seal(signature));
        proof.second_header = header;
    });
}

#[test]
fn a_key_proof_that_was_tampered_with_is_refused() {
    is_refused(|(_, key)| key.trie_nodes[0][1] ^= 1);
    is_refused(|(_, key)| key.trie_nodes.push(vec![1, 2, 3]));
    is_refused(|(_, key)| key.validator_count += 1);
    is_refused(|(_, key)| key.session += 2);
}

#[test]
fn a_key_proof_for_another_member_is_refused() {
    is_refused(|(_, key)| *key = prove(4).unwrap());
}

#[test]
fn a_report_from_another_node_does_not_get_into_the_pool() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let refused = TransactionValidityError::Invalid(InvalidTransaction::Call);
        assert_eq!(check(TransactionSource::External, report_of(3)), Err(refused));
    });
}

#[test]
fn a_report_in_the_pool_is_urgent_stays_at_home_and_lasts_as_long_as_its_key_is_proved() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let (equivocation_proof, key_owner_proof) = report_of(3);
        let call = Call::<Test>::report_block_equivocation {
            equivocation_proof: Box::new(equivocation_proof),
            key_owner_proof,
        };
        let valid = Finality::validate_unsigned(TransactionSource::Local, &call).unwrap();
        assert_eq!(valid.priority, u64::MAX);
        assert!(!valid.propagate);
        assert_eq!(valid.longevity, TERM * u64::from(DEPTH));
        assert_eq!(valid.provides.len(), 1);
        assert_ok!(Finality::pre_dispatch(&call));
    });
}

#[test]
fn a_node_sends_its_report_as_an_unsigned_transaction() {
    let (pool, sent) = sp_core::offchain::testing::TestTransactionPoolExt::new();
    let mut state = consortium(&[1, 2, 3, 4]);
    state.register_extension(TransactionPoolExt::new(pool));
    state.execute_with(|| {
        let (proof, key_owner_proof) = report_of(3);
        let done = Finality::submit_block_equivocation_report(proof.clone(), key_owner_proof.clone());
        assert_eq!(done, Some(()));
        let expected = Call::<Test>::report_block_equivocation {
            equivocation_proof: Box::new(proof),
            key_owner_proof,
        };
        let sent = sent.write().transactions.pop().unwrap();
        let sent = TestXt::<RuntimeCall, ()>::decode(&mut &sent[..]).unwrap();
        assert_eq!(sent.function, RuntimeCall::Finality(expected));
    });
}

#[test]
fn nobody_reports_with_a_signature() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let (proof, key_owner_proof) = report_of(3);
        for origin in [RuntimeOrigin::root(), signed(1)] {
            let report = Finality::report_block_equivocation(origin, Box::new(proof.clone()), key_owner_proof.clone());
            assert_eq!(report, Err(BadOrigin.into()));
        }
    });
}

#[test]
fn a_proof_that_is_too_long_to_keep_counts_and_is_kept_by_its_hash() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let (mut proof, key) = report_of(3);
        let long = |parent: u8| {
            let mut header = header(u64::from(proof.slot), parent, 3);
            header.digest_mut().pop();
            header.digest_mut().push(DigestItem::Other(vec![0; 40_000]));
            let signature = aura(3).sign(header.hash().as_ref());
            header.digest_mut().push(DigestItem::aura_seal(signature));
            header
        };
        (proof.first_header, proof.second_header) = (long(1), long(2));
        let report = (proof, key);
        assert_ok!(send(report.clone()));
        let record = Evidence::<Test>::get(3, (Offence::BlockEquivocation, 0)).unwrap();
        assert!(record.proof.is_empty());
        let named = |event: &Event<Test>| matches!(event, Event::OffenderRemoved { evidence, .. } if *evidence == hash_of(&report));
        assert!(events().iter().any(named));
    });
}

#[test]
fn a_member_without_keys_that_cheated_before_is_removed_without_hurry() {
    consortium(&[1, 2, 3, 4]).execute_with(|| {
        let report = report_of(3);
        // As after a removal and a return without keys, but with the membership never lost.
        assert_ok!(<Session as SessionInterface>::purge_keys(&3));
        next_term();
        next_term();
        assert_in_force(&[1, 2, 4]);
        assert_ok!(send(report));
        assert!(!Finality::is_member(&3));
        assert_eq!(RotationsDue::<Test>::get(), 0);
        assert_ok!(Finality::do_try_state());
    });
}

#[test]
fn the_stock_key_proofs_are_the_same_where_no_keys_have_changed() {
    consortium(&[1, 2, 3]).execute_with(|| {
        let key: AuthorityId = aura(2).public();
        let stock = <historical::Pallet<Test> as KeyOwnerProofSystem<_>>::prove((AURA, key.clone()));
        assert_eq!(stock, prove(2));
        next_term();
        assert_eq!(
            KeyOwners::<Test>::check_proof((AURA, key), stock.unwrap()),
            Some((2, ()))
        );
    });
}
