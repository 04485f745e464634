//! Who is in the consortium: added and removed by two thirds, out of office and back by oneself, never too few.

use gridveil_runtime::{Runtime, RuntimeCall, RuntimeEvent};
use pallet_collective::Instance1;
use pallet_finality::{Call, Error, Event, Reason};
use serde_json::json;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::{AuthorityList, ConsensusLog, GRANDPA_ENGINE_ID};
use sp_runtime::{transaction_validity::InvalidTransaction, DispatchError};

use crate::{
    harness::{control_centre, Chain, Signer},
    keys::Keys,
    motions::{close, close_motion, decide, executed, propose, vote, vote_on, ALL, ENOUGH},
    status::{of, status},
};

/// Blocks in a term of these tests: more than any motion here takes.
const TERM: u32 = 50;

fn chain() -> Chain {
    Chain::patched("local_testnet", json!({ "finality": { "termBlocks": TERM } }))
}

fn reason() -> Reason {
    b"the annual meeting, item 7".to_vec().try_into().expect("short")
}

fn add(name: &str) -> Call<Runtime> {
    Call::add_member {
        account: Signer::uri(name).account(),
        reason: reason(),
    }
}

fn remove(name: &str) -> Call<Runtime> {
    Call::remove_member {
        account: Signer::uri(name).account(),
        reason: reason(),
    }
}

fn set_keys(name: &str) -> Call<Runtime> {
    let (keys, account) = (Keys::uri(name), Signer::uri(name).account());
    Call::set_keys {
        keys: keys.public(),
        proof: keys.proof(&account),
    }
}

/// Whether the names' keys, and no others, form blocks and vote on finality.
fn in_office(chain: &mut Chain, names: &[&str]) -> bool {
    let mut aura: Vec<AuraId> = chain.call("AuraApi_authorities", ());
    let mut grandpa: AuthorityList = chain.call("GrandpaApi_grandpa_authorities", ());
    let mut expected: Vec<AuraId> = names.iter().map(|name| Keys::uri(name).aura()).collect();
    let mut voters: AuthorityList = names.iter().map(|name| (Keys::uri(name).grandpa(), 1)).collect();
    aura.sort();
    aura.dedup();
    grandpa.sort();
    expected.sort();
    voters.sort();
    aura == expected && grandpa == voters
}

fn members(chain: &mut Chain) -> Vec<gridveil_runtime::AccountId> {
    chain.call("GridApi_members", ())
}

fn seats(chain: &mut Chain) -> Vec<gridveil_runtime::AccountId> {
    chain.query(pallet_collective::Members::<Runtime, Instance1>::get)
}

fn has_event(chain: &mut Chain, event: Event<Runtime>) -> bool {
    chain.events().contains(&RuntimeEvent::Finality(event))
}

fn refusal(error: Error<Runtime>) -> Result<(), DispatchError> {
    Err(error.into())
}

#[test]
fn an_account_with_a_role_does_not_become_a_member_whoever_decides_so_until_its_role_is_revoked() {
    let mut chain = chain();
    let account = control_centre().account();
    let join = Call::<Runtime>::add_member {
        account: account.clone(),
        reason: reason(),
    };
    let filtered = frame_system::Error::<Runtime>::CallFiltered.into();
    assert_eq!(decide(&mut chain, join.clone(), &ALL), Err(filtered));
    assert!(!members(&mut chain).contains(&account));
    assert_eq!(seats(&mut chain).len(), 4);

    let revoke = pallet_registry::Call::revoke_role {
        account: account.clone(),
    };
    assert_eq!(decide(&mut chain, revoke, &ENOUGH), Ok(()));
    assert_eq!(decide(&mut chain, join, &ENOUGH), Ok(()));
    assert!(members(&mut chain).contains(&account));
}

#[test]
fn three_of_four_members_add_a_fifth_who_has_a_vote_at_once_and_an_office_with_its_keys() {
    let mut chain = chain();
    let eve = Signer::uri("//Eve").account();
    assert_eq!(decide(&mut chain, add("//Eve"), &ENOUGH), Ok(()));
    let (account, reason) = (eve.clone(), reason());
    assert!(has_event(&mut chain, Event::MemberAdded { account, reason }));
    assert_eq!(members(&mut chain).len(), 5);
    assert_eq!(members(&mut chain), seats(&mut chain));
    assert!(!of(&status(&mut chain), &eve).authority);

    // Four of five decide now, and three don't.
    let decision: RuntimeCall = add("//Ferdie").into();
    propose(&mut chain, &decision, 3);
    vote(&mut chain, &decision, &["//Alice", "//Bob", "//Eve"]);
    assert_eq!(close(&mut chain, &decision), Ok(()));
    assert_eq!(executed(&mut chain), Some(Err(DispatchError::BadOrigin)));

    // Without keys it has no office, with them two terms later.
    chain.next_term();
    chain.next_term();
    assert!(in_office(&mut chain, &ALL));
    chain.must(&Signer::uri("//Eve"), set_keys("//Eve"));
    assert!(has_event(&mut chain, Event::KeysSet { account: eve.clone() }));
    chain.next_term();
    assert!(in_office(&mut chain, &ALL));
    chain.next_term();
    assert!(in_office(
        &mut chain,
        &["//Alice", "//Bob", "//Charlie", "//Dave", "//Eve"]
    ));
    assert!(of(&status(&mut chain), &eve).authority);
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), 1);
}

#[test]
fn two_of_four_members_add_and_remove_nobody() {
    let mut chain = chain();
    for decision in [add("//Eve"), remove("//Dave")] {
        assert_eq!(
            decide(&mut chain, decision, &ENOUGH[..2]),
            Err(DispatchError::BadOrigin)
        );
    }
    assert_eq!(members(&mut chain).len(), 4);
    assert_eq!(seats(&mut chain).len(), 4);
}

#[test]
fn a_member_is_added_once_and_a_stranger_is_not_removed() {
    let mut chain = chain();
    assert_eq!(
        decide(&mut chain, add("//Bob"), &ENOUGH),
        refusal(Error::AlreadyAMember)
    );
    assert_eq!(decide(&mut chain, remove("//Eve"), &ENOUGH), refusal(Error::NotAMember));
}

#[test]
fn a_removed_members_keys_are_no_authority_two_blocks_later() {
    let mut chain = chain();
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    let (account, reason) = (Signer::uri("//Dave").account(), reason());
    assert!(has_event(&mut chain, Event::MemberRemoved { account, reason }));
    assert!(in_office(&mut chain, &ALL));
    let set: u64 = chain.call("GrandpaApi_current_set_id", ());

    chain.block(vec![]);
    assert!(in_office(&mut chain, &ALL));
    chain.block(vec![]);
    assert!(in_office(&mut chain, &ENOUGH));
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), set + 1);
    // What the block before last left undone GRANDPA learns from the header.
    let changes = chain.consensus_logs::<ConsensusLog<u32>>(GRANDPA_ENGINE_ID);
    let [ConsensusLog::ScheduledChange(change)] = &changes[..] else {
        panic!("one change of the set")
    };
    assert_eq!((change.delay, change.next_authorities.len()), (0, 3));

    // Nor do they come back with the next terms, and the set stays the same.
    chain.next_term();
    chain.next_term();
    assert!(in_office(&mut chain, &ENOUGH));
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), set + 1);
    let dave = Keys::uri("//Dave").aura();
    assert_eq!(
        chain.call::<Option<Vec<u8>>>("FinalityApi_block_equivocation_key_proof", dave),
        None
    );
}

#[test]
fn a_removed_members_vote_is_gone_from_motions_that_are_open() {
    let mut chain = chain();
    // With Dave's vote there are three for Eve, but it is not closed before Dave is removed.
    let eve: RuntimeCall = add("//Eve").into();
    propose(&mut chain, &eve, 3);
    vote(&mut chain, &eve, &["//Alice", "//Bob", "//Dave"]);
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    assert_eq!(seats(&mut chain).len(), 3);
    let early = pallet_collective::Error::<Runtime, Instance1>::TooEarly;
    assert_eq!(close_motion(&mut chain, &eve, 0), Err(early.into()));
    assert_eq!(members(&mut chain).len(), 3);

    // Charlie's is the third now.
    vote_on(&mut chain, &eve, 0, &["//Charlie"]);
    assert_eq!(close_motion(&mut chain, &eve, 0), Ok(()));
    assert_eq!(members(&mut chain).len(), 4);
}

#[test]
fn a_removed_member_has_no_call_left() {
    let mut chain = chain();
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    let dave = Signer::uri("//Dave");
    let propose = |call: Call<Runtime>| {
        RuntimeCall::Consortium(pallet_collective::Call::propose {
            threshold: 3,
            proposal: Box::new(call.into()),
            length_bound: 1_000,
        })
    };
    for call in [
        propose(add("//Dave")),
        set_keys("//Dave").into(),
        Call::leave {}.into(),
        Call::rejoin {}.into(),
    ] {
        let extrinsic = chain.sign(&dave, call);
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
    }
}

#[test]
fn a_removed_member_comes_back_by_a_vote_and_with_its_keys() {
    let mut chain = chain();
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    chain.blocks(2);
    assert_eq!(decide(&mut chain, add("//Dave"), &ENOUGH), Ok(()));
    chain.next_term();
    chain.next_term();
    assert!(in_office(&mut chain, &ENOUGH));
    chain.must(&Signer::uri("//Dave"), set_keys("//Dave"));
    chain.next_term();
    chain.next_term();
    assert!(in_office(&mut chain, &ALL));
}

#[test]
fn a_member_that_leaves_is_out_of_office_two_blocks_later_and_keeps_its_vote() {
    let mut chain = chain();
    let dave = Signer::uri("//Dave");
    chain.must(&dave, Call::<Runtime>::leave {});
    assert!(has_event(
        &mut chain,
        Event::MemberLeft {
            account: dave.account()
        }
    ));
    chain.blocks(2);
    assert!(in_office(&mut chain, &ENOUGH));
    let now = status(&mut chain);
    assert!(of(&now, &dave.account()).away && !of(&now, &dave.account()).authority);
    assert_eq!(members(&mut chain).len(), 4);
    let decided = decide(&mut chain, add("//Eve"), &["//Alice", "//Bob", "//Dave"]);
    assert_eq!(decided, Ok(()));
    let again = chain.submit(&dave, Call::<Runtime>::leave {}).expect("its own call");
    assert_eq!(again, refusal(Error::AlreadyAway));
}

#[test]
fn a_member_that_left_comes_back_by_itself_with_the_terms_after() {
    let mut chain = chain();
    let dave = Signer::uri("//Dave");
    let early = chain.submit(&dave, Call::<Runtime>::rejoin {}).expect("its own call");
    assert_eq!(early, refusal(Error::NotAway));
    chain.must(&dave, Call::<Runtime>::leave {});
    chain.blocks(2);
    chain.must(&dave, Call::<Runtime>::rejoin {});
    assert!(has_event(
        &mut chain,
        Event::MemberReturned {
            account: dave.account()
        }
    ));
    chain.next_term();
    assert!(in_office(&mut chain, &ENOUGH));
    chain.next_term();
    assert!(in_office(&mut chain, &ALL));
    assert!(!of(&status(&mut chain), &dave.account()).away);
}

#[test]
fn no_vote_and_no_leaving_gets_the_set_below_three() {
    let mut chain = chain();
    chain.must(&Signer::uri("//Dave"), Call::<Runtime>::leave {});
    chain.blocks(2);
    let left = chain.submit(&Signer::uri("//Charlie"), Call::<Runtime>::leave {});
    assert_eq!(left, Ok(refusal(Error::TooFewMembers)));
    assert_eq!(
        decide(&mut chain, remove("//Charlie"), &ENOUGH),
        refusal(Error::TooFewMembers)
    );
    // Who has no office can go.
    assert_eq!(decide(&mut chain, remove("//Dave"), &ENOUGH), Ok(()));
    chain.blocks(2);
    assert!(in_office(&mut chain, &ENOUGH));
    assert_eq!(
        decide(&mut chain, remove("//Charlie"), &ENOUGH),
        refusal(Error::TooFewMembers)
    );
}

#[test]
fn two_removals_at_once_count_together_against_the_floor() {
    let mut chain = chain();
    let first = chain.sign(&Signer::uri("//Charlie"), Call::<Runtime>::leave {});
    let second = chain.sign(&Signer::uri("//Dave"), Call::<Runtime>::leave {});
    assert_eq!(
        chain.block(vec![first, second]),
        vec![Ok(Ok(())), Ok(refusal(Error::TooFewMembers))]
    );
    chain.blocks(2);
    assert!(in_office(&mut chain, &["//Alice", "//Bob", "//Dave"]));
}

#[test]
fn the_only_member_of_a_development_chain_stays() {
    let mut chain = Chain::new("development");
    let alice = Signer::uri("//Alice");
    let left = chain.submit(&alice, Call::<Runtime>::leave {}).expect("its own call");
    assert_eq!(left, refusal(Error::TooFewMembers));
    let decision: RuntimeCall = remove("//Alice").into();
    propose(&mut chain, &decision, 1);
    assert_eq!(executed(&mut chain), Some(refusal(Error::TooFewMembers)));
}
