//! A member's keys: set by itself, with proof of possession, and not again for a while.

use gridveil_runtime::{Runtime, RuntimeCall, RuntimeEvent, SessionKeys};
use pallet_finality::{Call, Error, Event};
use serde_json::json;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityList;
use sp_runtime::{transaction_validity::InvalidTransaction, DispatchError, DispatchResult};

use crate::{
    harness::{control_centre, key_centre, Chain, Signer},
    keys::Keys,
    motions::ALL,
};

fn chain() -> Chain {
    Chain::patched("local_testnet", json!({ "finality": { "termBlocks": 20 } }))
}

/// Dave's call with the keys of a name and a proof for an account.
fn set_keys(keys: &Keys, account: &str) -> Call<Runtime> {
    Call::set_keys {
        keys: keys.public(),
        proof: keys.proof(&Signer::uri(account).account()),
    }
}

fn submit(chain: &mut Chain, call: Call<Runtime>) -> DispatchResult {
    chain
        .submit(&Signer::uri("//Dave"), call)
        .expect("a member's own call gets into a block")
}

fn invalid_proof() -> DispatchError {
    pallet_session::Error::<Runtime>::InvalidProof.into()
}

fn stored(chain: &mut Chain) -> Option<SessionKeys> {
    let dave = Signer::uri("//Dave").account();
    chain.query(|| pallet_session::NextKeys::<Runtime>::get(dave))
}

#[test]
fn new_keys_are_in_office_from_the_term_after_next_and_the_old_ones_no_longer() {
    let mut chain = chain();
    let (old, new) = (Keys::uri("//Dave"), Keys::uri("//Dave//2"));
    assert_eq!(submit(&mut chain, set_keys(&new, "//Dave")), Ok(()));
    let account = Signer::uri("//Dave").account();
    let event = RuntimeEvent::Finality(Event::KeysSet { account });
    assert!(chain.events().contains(&event));

    let in_office = |chain: &mut Chain, keys: &Keys| {
        let aura: Vec<AuraId> = chain.call("AuraApi_authorities", ());
        let grandpa: AuthorityList = chain.call("GrandpaApi_grandpa_authorities", ());
        assert_eq!((aura.len(), grandpa.len()), (4, 4));
        let both = (aura.contains(&keys.aura()), grandpa.contains(&(keys.grandpa(), 1)));
        assert_eq!(both.0, both.1);
        both.0
    };
    chain.next_term();
    assert!(in_office(&mut chain, &old) && !in_office(&mut chain, &new));
    chain.next_term();
    assert!(in_office(&mut chain, &new) && !in_office(&mut chain, &old));
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), 1);
}

#[test]
fn keys_without_a_proof_are_refused() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave//2").public();
    let call = Call::set_keys { keys, proof: vec![] };
    assert_eq!(submit(&mut chain, call), Err(invalid_proof()));
    assert_eq!(stored(&mut chain), Some(Keys::uri("//Dave").public()));
}

#[test]
fn a_proof_for_another_account_or_by_other_keys_is_refused() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave//2");
    let foreign = set_keys(&keys, "//Bob");
    assert_eq!(submit(&mut chain, foreign), Err(invalid_proof()));
    let by_others = Call::set_keys {
        keys: keys.public(),
        proof: Keys::uri("//Dave//3").proof(&Signer::uri("//Dave").account()),
    };
    assert_eq!(submit(&mut chain, by_others), Err(invalid_proof()));
    assert_eq!(stored(&mut chain), Some(Keys::uri("//Dave").public()));
}

#[test]
fn keys_of_another_member_are_refused_even_with_their_proof() {
    let mut chain = chain();
    let call = set_keys(&Keys::uri("//Bob"), "//Dave");
    let taken = pallet_session::Error::<Runtime>::DuplicatedKey.into();
    assert_eq!(submit(&mut chain, call), Err(taken));
}

#[test]
fn keys_set_again_within_the_cooldown_are_refused_also_in_the_same_block() {
    let mut chain = chain();
    let dave = Signer::uri("//Dave");
    let first = set_keys(&Keys::uri("//Dave//2"), "//Dave");
    let second = set_keys(&Keys::uri("//Dave//3"), "//Dave");
    let both = vec![
        chain.sign_with_nonce(&dave, 0, first.into()),
        chain.sign_with_nonce(&dave, 1, second.clone().into()),
    ];
    let too_soon: DispatchResult = Err(Error::<Runtime>::KeysTooSoon.into());
    assert_eq!(chain.block(both), vec![Ok(Ok(())), Ok(too_soon)]);
    let set_at = chain.number();

    let cooldown = gridveil_runtime::configs::consensus::KEY_COOLDOWN;
    while chain.number() + 2 < set_at + cooldown {
        chain.block(vec![]);
    }
    assert_eq!(submit(&mut chain, second.clone()), too_soon);
    assert_eq!(stored(&mut chain), Some(Keys::uri("//Dave//2").public()));
    assert_eq!(submit(&mut chain, second), Ok(()));
    assert_eq!(stored(&mut chain), Some(Keys::uri("//Dave//3").public()));
}

#[test]
fn keys_that_were_refused_do_not_start_the_cooldown() {
    let mut chain = chain();
    let refused = set_keys(&Keys::uri("//Dave//2"), "//Bob");
    assert_eq!(submit(&mut chain, refused), Err(invalid_proof()));
    let good = set_keys(&Keys::uri("//Dave//2"), "//Dave");
    assert_eq!(submit(&mut chain, good), Ok(()));
}

#[test]
fn keys_of_somebody_who_is_no_member_are_refused_before_they_reach_a_block() {
    let mut chain = chain();
    for signer in [Signer::uri("//Mallory"), key_centre(), control_centre()] {
        let keys = Keys::uri("//Mallory");
        let call = Call::<Runtime>::set_keys {
            keys: keys.public(),
            proof: keys.proof(&signer.account()),
        };
        let extrinsic = chain.sign(&signer, call);
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
    }
}

#[test]
fn keys_wrapped_in_a_motion_are_refused_before_they_reach_a_block() {
    let mut chain = chain();
    for name in ALL {
        let proposal: Box<RuntimeCall> = Box::new(set_keys(&Keys::uri("//Dave//2"), "//Dave").into());
        let signer = Signer::uri(name);
        for call in [
            pallet_collective::Call::propose {
                threshold: 1,
                proposal: proposal.clone(),
                length_bound: 1_000,
            },
            pallet_collective::Call::execute {
                proposal,
                length_bound: 1_000,
            },
        ] {
            let extrinsic = chain.sign(&signer, RuntimeCall::Consortium(call));
            chain.must_refuse(extrinsic, InvalidTransaction::Call);
        }
    }
}

#[test]
fn the_session_pallets_own_calls_stay_closed_to_members() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave//2");
    let dave = Signer::uri("//Dave");
    let calls: [RuntimeCall; 2] = [
        pallet_session::Call::set_keys {
            keys: keys.public(),
            proof: keys.proof(&dave.account()),
        }
        .into(),
        pallet_session::Call::purge_keys {}.into(),
    ];
    for call in calls {
        let extrinsic = chain.sign(&dave, call);
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
    }
}
