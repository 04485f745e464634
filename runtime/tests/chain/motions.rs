//! Motions of the consortium, from the proposal to what came of it.

use codec::Encode;
use frame_support::weights::Weight;
use gridveil_runtime::{Runtime, RuntimeCall, RuntimeEvent};
use pallet_collective::{Call, Event, Instance1};
use sp_runtime::{
    traits::{BlakeTwo256, Hash},
    DispatchResult,
};

use crate::harness::{Chain, Signer};

/// What the members of the local test network are called.
pub const ALL: [&str; 4] = ["//Alice", "//Bob", "//Charlie", "//Dave"];
/// Three of the four, which are enough for any decision.
pub const ENOUGH: [&str; 3] = ["//Alice", "//Bob", "//Charlie"];

/// The index of the latest motion.
fn latest(chain: &mut Chain) -> u32 {
    chain.query(pallet_collective::ProposalCount::<Runtime, Instance1>::get) - 1
}

/// Lets Alice propose a decision that asks for this many votes.
pub fn propose(chain: &mut Chain, decision: &RuntimeCall, threshold: u32) {
    let length_bound = decision.encoded_size() as u32;
    let proposal = Box::new(decision.clone());
    chain.must(
        &Signer::uri("//Alice"),
        RuntimeCall::Consortium(Call::propose {
            threshold,
            proposal,
            length_bound,
        }),
    );
}

/// Lets these members vote for the latest motion.
pub fn vote(chain: &mut Chain, decision: &RuntimeCall, members: &[&str]) {
    let index = latest(chain);
    vote_on(chain, decision, index, members);
}

/// Lets these members vote for a motion.
pub fn vote_on(chain: &mut Chain, decision: &RuntimeCall, index: u32, members: &[&str]) {
    for member in members {
        let proposal = BlakeTwo256::hash_of(decision);
        chain.must(
            &Signer::uri(member),
            RuntimeCall::Consortium(Call::vote {
                proposal,
                index,
                approve: true,
            }),
        );
    }
}

/// Lets Alice close the vote on the latest motion, and gives back what the call said.
pub fn close(chain: &mut Chain, decision: &RuntimeCall) -> DispatchResult {
    let index = latest(chain);
    close_motion(chain, decision, index)
}

/// Lets Alice close the vote on a motion, and gives back what the call said.
pub fn close_motion(chain: &mut Chain, decision: &RuntimeCall, index: u32) -> DispatchResult {
    let close = Call::close {
        proposal_hash: BlakeTwo256::hash_of(decision),
        index,
        proposal_weight_bound: Weight::from_parts(100_000_000_000, u64::MAX / 8),
        length_bound: decision.encoded_size() as u32,
    };
    chain
        .submit(&Signer::uri("//Alice"), RuntimeCall::Consortium(close))
        .expect("the call gets into a block")
}

/// How the motion closed in the latest block was executed; `None` where it was not.
pub fn executed(chain: &mut Chain) -> Option<DispatchResult> {
    chain.events().into_iter().find_map(|event| match event {
        RuntimeEvent::Consortium(Event::Executed { result, .. }) => Some(result),
        _ => None,
    })
}

/// Lets these members decide on something, all of whose votes are needed, and gives back what came of it. The decision
/// is executed in the latest block.
pub fn decide(chain: &mut Chain, decision: impl Into<RuntimeCall>, members: &[&str]) -> DispatchResult {
    let decision = decision.into();
    propose(chain, &decision, members.len() as u32);
    vote(chain, &decision, members);
    assert_eq!(close(chain, &decision), Ok(()));
    executed(chain).expect("the motion has its votes")
}
