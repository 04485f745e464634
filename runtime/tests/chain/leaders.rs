//! Leaders: elected by the authors' votes, in every other slot while they last, and gone when they miss theirs.

use codec::Encode;
use gridveil_runtime::{Block, Header, Runtime, RuntimeCall, RuntimeEvent, UncheckedExtrinsic};
use pallet_finality::{Call, Event, LeaderVote};
use serde_json::json;
use sp_consensus_aura::{sr25519::AuthorityId as AuraId, ConsensusLog, AURA_ENGINE_ID};
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::{
    generic::{Digest, DigestItem},
    traits::{Block as _, Header as _},
    transaction_validity::InvalidTransaction,
};

use crate::{
    harness::{Chain, Signer},
    keys::Keys,
    motions::ALL,
    status::{of, status},
};

/// Blocks in a term of these tests.
const TERM: u32 = 12;

fn chain() -> Chain {
    Chain::patched("local_testnet", json!({ "finality": { "termBlocks": TERM } }))
}

/// A chain on which Bob leads, from the latest block on.
fn led_by_bob() -> Chain {
    let mut chain = chain();
    chain.vote = Some(LeaderVote::For(Signer::uri("//Bob").account()));
    chain.next_term();
    assert_eq!(status(&mut chain).leader, Some(Signer::uri("//Bob").account()));
    chain
}

/// The members' Aura keys, in the order of their accounts.
fn in_order() -> Vec<AuraId> {
    let mut keys = ALL.map(|name| Keys::uri(name).aura()).to_vec();
    keys.sort();
    keys
}

/// Bob's schedule: Bob in every other slot, the others in turn in between.
fn bobs_schedule() -> Vec<AuraId> {
    let bob = Keys::uri("//Bob").aura();
    let others = in_order().into_iter().filter(|key| *key != bob);
    others.flat_map(|other| [bob.clone(), other]).collect()
}

fn schedule(chain: &mut Chain) -> Vec<AuraId> {
    chain.call("AuraApi_authorities", ())
}

/// The changes of the schedule that the latest block's header announces.
fn announced(chain: &Chain) -> Vec<Vec<AuraId>> {
    let logs = chain.consensus_logs::<ConsensusLog<AuraId>>(AURA_ENGINE_ID);
    logs.into_iter()
        .map(|log| match log {
            ConsensusLog::AuthoritiesChange(schedule) => schedule,
            ConsensusLog::OnDisabled(_) => panic!("nobody is disabled"),
        })
        .collect()
}

fn has_event(chain: &mut Chain, event: Event<Runtime>) -> bool {
    chain.events().contains(&RuntimeEvent::Finality(event))
}

#[test]
fn without_votes_the_members_take_turns() {
    let mut chain = chain();
    assert_eq!(schedule(&mut chain), in_order());
    chain.next_term();
    assert_eq!(schedule(&mut chain), in_order());
    assert_eq!(status(&mut chain).leader, None);
    assert_eq!(announced(&chain), Vec::<Vec<AuraId>>::new());
}

#[test]
fn the_authors_votes_of_a_term_elect_the_leader_of_the_next() {
    let mut chain = chain();
    let bob = Signer::uri("//Bob").account();
    chain.vote = Some(LeaderVote::For(bob.clone()));
    // Everyone makes a block in four slots, and votes with its first.
    for _ in 0..4 {
        chain.block(vec![]);
        let votes = chain.events().into_iter().filter(
            |event| matches!(event, RuntimeEvent::Finality(Event::LeaderVoted { candidate, .. }) if *candidate == bob),
        );
        assert_eq!(votes.count(), 1);
    }
    let now = status(&mut chain);
    assert_eq!(now.leader, None);
    assert!(now.members.iter().all(|member| member.vote == Some(bob.clone())));
    // Nobody votes twice.
    chain.blocks(4);
    let voted = |event| matches!(event, RuntimeEvent::Finality(Event::LeaderVoted { .. }));
    assert!(!chain.events().into_iter().any(voted));

    chain.next_term();
    let next = status(&mut chain);
    assert_eq!(next.term, now.term + 1);
    assert_eq!(next.leader, Some(bob.clone()));
    assert_eq!(next.term_started, chain.number());
    let (term, leader) = (next.term, Some(bob));
    assert!(has_event(&mut chain, Event::TermStarted { term, leader }));
}

#[test]
fn a_leaders_schedule_is_the_same_in_the_storage_the_interface_and_the_digest() {
    let mut chain = led_by_bob();
    assert_eq!(schedule(&mut chain), bobs_schedule());
    let stored = chain.query(pallet_aura::Authorities::<Runtime>::get);
    assert_eq!(stored.into_inner(), bobs_schedule());
    assert_eq!(announced(&chain), vec![bobs_schedule()]);
    // GRANDPA has everyone once, as before.
    let voters: sp_consensus_grandpa::AuthorityList = chain.call("GrandpaApi_grandpa_authorities", ());
    assert_eq!(voters.len(), 4);
    assert_eq!(chain.call::<u64>("GrandpaApi_current_set_id", ()), 0);

    // As long as Bob leads there is nothing to announce.
    chain.next_term();
    assert_eq!(schedule(&mut chain), bobs_schedule());
    assert_eq!(announced(&chain), Vec::<Vec<AuraId>>::new());
}

#[test]
fn a_leader_makes_every_other_block_and_the_others_the_rest_in_turn() {
    let mut chain = led_by_bob();
    let before = status(&mut chain);
    chain.blocks(6);
    let after = status(&mut chain);
    for name in ALL {
        let account = Signer::uri(name).account();
        let made = of(&after, &account).authored - of(&before, &account).authored;
        assert_eq!(made, if name == "//Bob" { 3 } else { 1 }, "{name}");
        assert_eq!(of(&after, &account).missed, of(&before, &account).missed);
    }
}

#[test]
fn the_author_of_a_block_is_the_owner_of_its_slot_by_the_schedule_of_its_parent() {
    let owners = ALL.map(|name| (Keys::uri(name).aura(), Signer::uri(name).account()));
    for mut chain in [chain(), led_by_bob()] {
        chain.vote = Some(LeaderVote::For(Signer::uri("//Charlie").account()));
        let mut votes = 0;
        for _ in 0..2 * TERM {
            let schedule = schedule(&mut chain);
            let before = status(&mut chain);
            chain.block(vec![]);
            let key = &schedule[*chain.slot() as usize % schedule.len()];
            let (_, author) = owners.iter().find(|(other, _)| other == key).expect("a member's");
            // The first block of a term has another schedule in its own state; its author votes all the same.
            for event in chain.events() {
                if let RuntimeEvent::Finality(Event::LeaderVoted { voter, .. }) = event {
                    assert_eq!(voter, *author);
                    votes += 1;
                }
            }
            let after = status(&mut chain);
            if after.term == before.term {
                assert_eq!(of(&after, author).authored, of(&before, author).authored + 1);
            }
        }
        assert!(votes > 4);
    }
}

#[test]
fn two_of_four_votes_elect_nobody() {
    let mut chain = chain();
    let candidates = ["//Bob", "//Bob", "//Charlie", "//Dave"];
    for candidate in candidates {
        chain.vote = Some(LeaderVote::For(Signer::uri(candidate).account()));
        chain.block(vec![]);
    }
    chain.vote = None;
    chain.next_term();
    assert_eq!(status(&mut chain).leader, None);
    assert_eq!(schedule(&mut chain), in_order());
}

#[test]
fn a_node_that_votes_for_the_best_record_votes_for_the_member_that_missed_the_fewest_slots() {
    let mut chain = chain();
    // The one that is not silent but last in order would win by its account alone.
    let mut accounts = ALL.map(|name| Signer::uri(name).account());
    accounts.sort();
    let key = |account: &_| {
        let name = ALL.into_iter().find(|name| Signer::uri(name).account() == *account);
        Keys::uri(name.expect("a member")).aura()
    };
    chain.silent = accounts[..3].iter().map(key).collect();
    chain.blocks(2);
    chain.silent.clear();
    chain.vote = Some(LeaderVote::Best);
    chain.next_term();
    assert_eq!(status(&mut chain).leader, Some(accounts[3].clone()));
}

#[test]
fn a_leader_that_misses_its_slots_is_deposed_and_the_members_take_turns_again() {
    let mut chain = led_by_bob();
    chain.vote = None;
    chain.silent = vec![Keys::uri("//Bob").aura()];
    let bob = Signer::uri("//Bob").account();
    let mut blocks = 0;
    while status(&mut chain).leader.is_some() {
        chain.block(vec![]);
        blocks += 1;
        assert!(blocks <= 4, "three slots missed in a row are too many");
    }
    let now = status(&mut chain);
    assert_eq!(now.leader, None);
    let deposed = |event: &RuntimeEvent| matches!(event, RuntimeEvent::Finality(Event::LeaderDeposed { leader, .. }) if *leader == bob);
    assert!(chain.events().iter().any(deposed));
    assert_eq!(schedule(&mut chain), in_order());
    assert_eq!(announced(&chain), vec![in_order()]);
    // It is still a member, an authority and a voter on finality.
    assert!(of(&now, &bob).authority);
    let voters: sp_consensus_grandpa::AuthorityList = chain.call("GrandpaApi_grandpa_authorities", ());
    assert_eq!(voters.len(), 4);
}

#[test]
fn a_leader_that_misses_two_slots_in_a_row_and_is_back_leads_on() {
    let mut chain = led_by_bob();
    let bob = Signer::uri("//Bob").account();
    // From a block of Bob's own on.
    while !made_by_bob(&mut chain) {}
    chain.silent = vec![Keys::uri("//Bob").aura()];
    chain.blocks(3);
    assert_eq!(status(&mut chain).leader_missed, 2);
    chain.silent.clear();
    chain.block(vec![]);
    let now = status(&mut chain);
    assert_eq!((now.leader, now.leader_missed), (Some(bob), 0));
}

/// Makes a block, and says whether it was Bob's.
fn made_by_bob(chain: &mut Chain) -> bool {
    let schedule = schedule(chain);
    chain.block(vec![]);
    schedule[*chain.slot() as usize % schedule.len()] == Keys::uri("//Bob").aura()
}

#[test]
fn a_vote_in_a_block_is_accepted_by_a_node_that_would_vote_otherwise() {
    let mut chain = chain();
    let (slot, parent) = (*chain.slot() + 1, chain.header().hash());
    let now = slot * 3_000;
    let calls = [
        RuntimeCall::Timestamp(pallet_timestamp::Call::set { now }),
        RuntimeCall::Finality(Call::vote_leader {
            candidate: Signer::uri("//Bob").account(),
        }),
    ];
    let digest = Digest {
        logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())],
    };
    let header = Header::new(
        chain.number() + 1,
        Default::default(),
        Default::default(),
        parent,
        digest,
    );
    let block = Block::new(header, calls.into_iter().map(UncheckedExtrinsic::new_bare).collect());

    let mut data = InherentData::new();
    data.put_data(*b"timstap0", &now).expect("said once");
    for vote in [None, Some(LeaderVote::For(Signer::uri("//Dave").account()))] {
        let mut data = data.clone();
        if let Some(vote) = vote {
            data.put_data(pallet_finality::INHERENT_IDENTIFIER, &vote)
                .expect("said once");
        }
        let result: CheckInherentsResult = chain.call("BlockBuilder_check_inherents", (&block, data));
        assert!(result.ok());
    }
}

#[test]
fn a_vote_is_the_authors_and_no_signature_or_pool_brings_one() {
    let mut chain = chain();
    let call = Call::<Runtime>::vote_leader {
        candidate: Signer::uri("//Bob").account(),
    };
    let bare = UncheckedExtrinsic::new_bare(call.clone().into());
    assert!(chain.validate(bare).is_err());
    for name in ALL {
        let signed = chain.sign(&Signer::uri(name), call.clone());
        assert_eq!(
            chain.validate(signed.clone()),
            Err(InvalidTransaction::MandatoryValidation.into())
        );
        assert_eq!(chain.block(vec![signed]), vec![Err(InvalidTransaction::Call.into())]);
    }
}

#[test]
fn a_consortium_of_one_leads_itself() {
    let mut chain = Chain::patched("development", json!({ "finality": { "termBlocks": TERM } }));
    chain.vote = Some(LeaderVote::Best);
    chain.next_term();
    let alice = Signer::uri("//Alice").account();
    assert_eq!(status(&mut chain).leader, Some(alice));
    assert_eq!(schedule(&mut chain), vec![Keys::uri("//Alice").aura()]);
    chain.blocks(3);
}
