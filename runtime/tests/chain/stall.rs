//! A stall, noted by two thirds: GRANDPA starts anew with the members that are left.

use gridveil_runtime::{BlockNumber, Runtime, RuntimeEvent};
use pallet_finality::{Call, Error, Event};
use serde_json::json;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::{AuthorityList, ConsensusLog, GRANDPA_ENGINE_ID};
use sp_runtime::{transaction_validity::InvalidTransaction, DispatchError};

use crate::{
    harness::{Chain, Signer},
    keys::Keys,
    motions::{decide, ALL, ENOUGH},
};

/// Blocks for which the change of GRANDPA's set waits.
const DELAY: BlockNumber = 10;
/// The last block that everyone had finalised.
const BEST_FINALISED: BlockNumber = 1;

fn chain() -> Chain {
    Chain::patched("local_testnet", json!({ "finality": { "termBlocks": 50 } }))
}

fn note_stalled() -> Call<Runtime> {
    Call::note_stalled {
        delay: DELAY,
        best_finalized: BEST_FINALISED,
    }
}

fn remove(name: &str) -> Call<Runtime> {
    Call::remove_member {
        account: Signer::uri(name).account(),
        reason: Default::default(),
    }
}

/// GRANDPA's voters, by name.
fn voters(chain: &mut Chain) -> Vec<&'static str> {
    let list: AuthorityList = chain.call("GrandpaApi_grandpa_authorities", ());
    let named = |(key, _): &_| ALL.into_iter().find(|name| Keys::uri(name).grandpa() == *key);
    let mut names: Vec<_> = list.iter().map(|voter| named(voter).expect("a member's")).collect();
    names.sort();
    names
}

/// Whether a forced change waits for its delay.
fn is_pending(chain: &mut Chain) -> bool {
    chain.query(pallet_grandpa::PendingChange::<Runtime>::exists)
}

/// Lets the members note the stall and the term end; the latest block announces the forced change.
fn noted(chain: &mut Chain) -> sp_consensus_grandpa::ScheduledChange<BlockNumber> {
    assert_eq!(decide(chain, note_stalled(), &ENOUGH), Ok(()));
    chain.block(vec![]);
    let mut logs = chain.consensus_logs::<ConsensusLog<BlockNumber>>(GRANDPA_ENGINE_ID);
    assert_eq!(logs.len(), 1);
    match logs.remove(0) {
        ConsensusLog::ForcedChange(BEST_FINALISED, change) => change,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_delay_past_the_last_block_number_is_refused_and_the_chain_goes_on() {
    for delay in [BlockNumber::MAX, BlockNumber::MAX / 2] {
        let mut chain = chain();
        let note = Call::<Runtime>::note_stalled {
            delay,
            best_finalized: BEST_FINALISED,
        };
        let overflow = sp_runtime::ArithmeticError::Overflow.into();
        assert_eq!(decide(&mut chain, note, &ENOUGH), Err(overflow));
        chain.block(vec![]);
        assert!(!is_pending(&mut chain));
    }
}

#[test]
fn a_noted_stall_forces_a_change_in_the_next_block_that_starts_from_the_last_finalised_one() {
    let mut chain = chain();
    assert_eq!(decide(&mut chain, note_stalled(), &ENOUGH), Ok(()));
    let event = chain.events().into_iter().find_map(|event| match event {
        RuntimeEvent::Finality(Event::StallNoted { delay, best_finalized }) => Some((delay, best_finalized)),
        _ => None,
    });
    assert_eq!(event, Some((DELAY, BEST_FINALISED)));
    chain.block(vec![]);
    let logs = chain.consensus_logs::<ConsensusLog<BlockNumber>>(GRANDPA_ENGINE_ID);
    let [ConsensusLog::ForcedChange(BEST_FINALISED, change)] = &logs[..] else {
        panic!("one forced change: {logs:?}")
    };
    assert_eq!((change.delay, change.next_authorities.len()), (DELAY, 4));
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), 1);
    chain.blocks(DELAY as usize);
    assert_eq!(voters(&mut chain), ALL);
    assert!(!is_pending(&mut chain));
    // Once is enough.
    chain.next_term();
    assert_eq!(
        chain.consensus_logs::<ConsensusLog<BlockNumber>>(GRANDPA_ENGINE_ID),
        vec![]
    );
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), 1);
}

#[test]
fn the_dead_are_removed_first_and_the_forced_set_is_without_them() {
    let mut chain = chain();
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    chain.blocks(2);
    let change = noted(&mut chain);
    assert_eq!(change.next_authorities.len(), 3);
    chain.blocks(DELAY as usize);
    assert_eq!(voters(&mut chain), ENOUGH);
}

#[test]
fn a_stall_is_not_noted_while_the_set_is_changing() {
    let mut chain = chain();
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    let dispatch = |chain: &mut Chain| {
        chain.query(|| {
            use frame_support::traits::UnfilteredDispatchable;
            let origin = pallet_collective::RawOrigin::<_, pallet_collective::Instance1>::Members(3, 3);
            let result = note_stalled().dispatch_bypass_filter(origin.into());
            result.map(|_| ()).map_err(|error| error.error)
        })
    };
    assert_eq!(dispatch(&mut chain), Err(Error::<Runtime>::SetIsChanging.into()));
    chain.block(vec![]);
    assert_eq!(dispatch(&mut chain), Err(Error::<Runtime>::SetIsChanging.into()));
    chain.block(vec![]);
    assert_eq!(dispatch(&mut chain), Ok(()));
}

#[test]
fn a_member_removed_while_the_forced_change_waits_is_no_voter_right_after_it() {
    let mut chain = chain();
    noted(&mut chain);
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    chain.blocks(2);
    // GRANDPA is deaf until the delay is over; Aura has heard.
    assert!(is_pending(&mut chain));
    assert_eq!(voters(&mut chain), ALL);
    let blocks: Vec<AuraId> = chain.call("AuraApi_authorities", ());
    assert_eq!(blocks.len(), 3);
    while is_pending(&mut chain) {
        chain.block(vec![]);
    }
    chain.blocks(3);
    assert_eq!(voters(&mut chain), ENOUGH);
}

#[test]
fn a_stall_is_not_noted_again_before_the_first_note_has_had_its_time() {
    let mut chain = chain();
    noted(&mut chain);
    assert_eq!(
        decide(&mut chain, note_stalled(), &ENOUGH),
        Err(Error::<Runtime>::SetIsChanging.into())
    );
    while is_pending(&mut chain) {
        chain.block(vec![]);
    }
    assert_eq!(
        decide(&mut chain, note_stalled(), &ENOUGH),
        Err(Error::<Runtime>::StallNotedTooRecently.into())
    );
    chain.blocks(DELAY as usize);
    noted(&mut chain);
}

#[test]
fn two_of_four_members_note_no_stall() {
    let mut chain = chain();
    assert_eq!(
        decide(&mut chain, note_stalled(), &ENOUGH[..2]),
        Err(DispatchError::BadOrigin)
    );
    assert!(chain.query(pallet_grandpa::Stalled::<Runtime>::get).is_none());
}

#[test]
fn a_single_signature_notes_no_stall() {
    let mut chain = chain();
    for name in ALL {
        let ours = chain.sign(&Signer::uri(name), note_stalled());
        chain.must_refuse(ours, InvalidTransaction::Call);
        let stock = pallet_grandpa::Call::<Runtime>::note_stalled {
            delay: DELAY,
            best_finalized_block_number: BEST_FINALISED,
        };
        let stock = chain.sign(&Signer::uri(name), stock);
        chain.must_refuse(stock, InvalidTransaction::Call);
    }
}
