//! Members that contradict themselves: whoever has the evidence brings it, and they are out.

use codec::Encode;
use finality_grandpa::{Equivocation as TwoVotes, Message, Precommit, Prevote};
use gridveil_runtime::{AccountId, BlockNumber, Hash, Header, Runtime, RuntimeCall, RuntimeEvent, UncheckedExtrinsic};
use pallet_finality::{Call, Event, Offence};
use serde_json::json;
use sp_consensus_aura::{Slot, AURA_ENGINE_ID};
use sp_consensus_grandpa::{
    localized_payload, AuthorityId, AuthoritySignature, Equivocation, OpaqueKeyOwnershipProof, SetId,
};
use sp_runtime::{
    generic::{Digest, DigestItem},
    traits::Header as _,
    transaction_validity::{InvalidTransaction, TransactionSource},
};
use sp_session::MembershipProof;

use crate::{
    harness::{Chain, Signer},
    keys::Keys,
    motions::{decide, ALL, ENOUGH},
    status::{of, status},
};

type BlockProof = sp_consensus_slots::EquivocationProof<Header, sp_consensus_aura::sr25519::AuthorityId>;
type Prevotes = TwoVotes<AuthorityId, Prevote<Hash, BlockNumber>, AuthoritySignature>;
type VoteProof = sp_consensus_grandpa::EquivocationProof<Hash, BlockNumber>;

/// Blocks in a term of these tests: more than a motion takes.
const TERM: u32 = 20;

fn chain() -> Chain {
    Chain::patched("local_testnet", json!({ "finality": { "termBlocks": TERM } }))
}

fn account(name: &str) -> AccountId {
    Signer::uri(name).account()
}

/// A header of a slot, sealed with these keys; different contents make different headers.
fn header(keys: &Keys, slot: Slot, content: u8) -> Header {
    let digest = Digest {
        logs: vec![DigestItem::PreRuntime(AURA_ENGINE_ID, slot.encode())],
    };
    let roots = (Hash::repeat_byte(content), Hash::repeat_byte(content));
    keys.seal(Header::new(2, roots.0, roots.1, Hash::repeat_byte(1), digest))
}

/// Two blocks in the latest slot.
fn two_blocks(chain: &Chain, keys: &Keys) -> BlockProof {
    BlockProof {
        offender: keys.aura(),
        slot: chain.slot(),
        first_header: header(keys, chain.slot(), 1),
        second_header: header(keys, chain.slot(), 2),
    }
}

/// Two prevotes in one round.
fn two_prevotes(keys: &Keys, set: SetId, round: u64) -> VoteProof {
    let prevote = |target: u8| {
        let vote = Prevote {
            target_hash: Hash::repeat_byte(target),
            target_number: 2,
        };
        let payload = localized_payload(round, set, &Message::Prevote(vote.clone()));
        (vote, keys.sign_vote(&payload))
    };
    let votes = TwoVotes {
        round_number: round,
        identity: keys.grandpa(),
        first: prevote(1),
        second: prevote(2),
    };
    VoteProof::new(set, Equivocation::Prevote(votes))
}

/// What a proof made by [`two_prevotes`] is about.
fn prevotes_of(proof: &VoteProof) -> Prevotes {
    // Only its bytes say: the number of the set, which kind of vote, the votes.
    codec::Decode::decode(&mut &proof.encode()[9..]).expect("two prevotes")
}

/// Two precommits in one round.
fn two_precommits(keys: &Keys, set: SetId, round: u64) -> VoteProof {
    let precommit = |target: u8| {
        let vote = Precommit {
            target_hash: Hash::repeat_byte(target),
            target_number: 2,
        };
        let payload = localized_payload(round, set, &Message::Precommit(vote.clone()));
        (vote, keys.sign_vote(&payload))
    };
    let votes = TwoVotes {
        round_number: round,
        identity: keys.grandpa(),
        first: precommit(1),
        second: precommit(2),
    };
    VoteProof::new(set, Equivocation::Precommit(votes))
}

/// The proof of whose Aura key it is at the latest block, as a node gets it.
fn block_key_proof(chain: &mut Chain, keys: &Keys) -> Vec<u8> {
    chain
        .call::<Option<Vec<u8>>>("FinalityApi_block_equivocation_key_proof", keys.aura())
        .expect("a key in force")
}

/// The proof of whose GRANDPA key it is at the latest block, as a voter gets it.
fn vote_key_proof(chain: &mut Chain, keys: &Keys) -> OpaqueKeyOwnershipProof {
    let set: SetId = chain.call("GrandpaApi_current_set_id", ());
    chain
        .call::<Option<OpaqueKeyOwnershipProof>>("GrandpaApi_generate_key_ownership_proof", (set, keys.grandpa()))
        .expect("a key in force")
}

/// The extrinsic that a node's runtime makes of a report of blocks.
fn block_report(chain: &mut Chain, proof: &BlockProof, key: &[u8]) -> UncheckedExtrinsic {
    let method = "FinalityApi_submit_block_equivocation_report";
    assert_eq!(chain.call::<Option<()>>(method, (proof, key)), Some(()));
    let mut sent = chain.sent();
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

/// The extrinsic that a voter's runtime makes of a report of votes.
fn vote_report(chain: &mut Chain, proof: &VoteProof, key: &OpaqueKeyOwnershipProof) -> UncheckedExtrinsic {
    let method = "GrandpaApi_submit_report_equivocation_unsigned_extrinsic";
    assert_eq!(chain.call::<Option<()>>(method, (proof, key)), Some(()));
    let mut sent = chain.sent();
    assert_eq!(sent.len(), 1);
    sent.remove(0)
}

/// A report of either kind about a member, of the present term, as this node would send it.
fn report(chain: &mut Chain, offence: Offence, name: &str) -> UncheckedExtrinsic {
    let keys = Keys::uri(name);
    match offence {
        Offence::BlockEquivocation => {
            let (proof, key) = (two_blocks(chain, &keys), block_key_proof(chain, &keys));
            block_report(chain, &proof, &key)
        }
        Offence::VoteEquivocation => {
            let set = chain.call("GrandpaApi_current_set_id", ());
            let key = vote_key_proof(chain, &keys);
            vote_report(chain, &two_prevotes(&keys, set, 7), &key)
        }
    }
}

const KINDS: [Offence; 2] = [Offence::BlockEquivocation, Offence::VoteEquivocation];

/// What the latest block's events of this pallet say about offenders, by the words that they say it with.
fn told(chain: &mut Chain, name: &str) -> Vec<(&'static str, Offence)> {
    let offender = account(name);
    let events = chain.events().into_iter();
    let told = events.filter_map(|event| match event {
        RuntimeEvent::Finality(Event::OffenderRemoved { account, offence, .. }) => Some(("removed", account, offence)),
        RuntimeEvent::Finality(Event::OffenderKept { account, offence, .. }) => Some(("kept", account, offence)),
        RuntimeEvent::Finality(Event::OffenceRecorded { account, offence, .. }) => Some(("recorded", account, offence)),
        _ => None,
    });
    told.map(|(word, account, offence)| {
        assert_eq!(account, offender);
        (word, offence)
    })
    .collect()
}

fn is_member(chain: &mut Chain, name: &str) -> bool {
    chain
        .call::<Vec<AccountId>>("GridApi_members", ())
        .contains(&account(name))
}

/// How many pieces of evidence the chain keeps.
fn evidence(chain: &mut Chain) -> usize {
    chain.query(|| pallet_finality::Evidence::<Runtime>::iter_values().count())
}

/// How many authorities there are, of both kinds.
fn authorities(chain: &mut Chain) -> (usize, usize) {
    let mut aura: Vec<sp_consensus_aura::sr25519::AuthorityId> = chain.call("AuraApi_authorities", ());
    aura.sort();
    aura.dedup();
    let grandpa: sp_consensus_grandpa::AuthorityList = chain.call("GrandpaApi_grandpa_authorities", ());
    (aura.len(), grandpa.len())
}

/// Checks that a report about Dave does nothing, neither in a pool nor in a block.
fn does_nothing(chain: &mut Chain, report: UncheckedExtrinsic, why: &str) {
    let result = chain.block(vec![report]).remove(0);
    assert_ne!(result, Ok(Ok(())), "{why}");
    assert!(is_member(chain, "//Dave"), "{why}");
    assert_eq!(evidence(chain), 0, "{why}");
    assert_eq!(told(chain, "//Dave"), vec![], "{why}");
}

#[test]
fn a_report_of_either_kind_removes_the_offender_keeps_the_evidence_and_names_it() {
    for offence in KINDS {
        let mut chain = chain();
        let report = report(&mut chain, offence, "//Dave");
        assert!(chain.validate_from(TransactionSource::Local, report.clone()).is_ok());
        assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
        assert_eq!(told(&mut chain, "//Dave"), vec![("removed", offence)]);
        assert!(!is_member(&mut chain, "//Dave"));
        assert_eq!(evidence(&mut chain), 1);
        let seats = chain.query(pallet_collective::Members::<Runtime, pallet_collective::Instance1>::get);
        assert_eq!(seats.len(), 3);
        let keys = chain.query(|| pallet_session::NextKeys::<Runtime>::get(account("//Dave")));
        assert_eq!(keys, None);

        assert_eq!(authorities(&mut chain), (4, 4));
        chain.blocks(2);
        assert_eq!(authorities(&mut chain), (3, 3));
    }
}

#[test]
fn two_precommits_are_a_contradiction_too() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave");
    let key = vote_key_proof(&mut chain, &keys);
    let report = vote_report(&mut chain, &two_precommits(&keys, 0, 3), &key);
    assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
    assert_eq!(told(&mut chain, "//Dave"), vec![("removed", Offence::VoteEquivocation)]);
}

#[test]
fn the_kept_evidence_is_the_proof_that_was_brought() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave");
    let proof = two_blocks(&chain, &keys);
    let key = block_key_proof(&mut chain, &keys);
    let report = block_report(&mut chain, &proof, &key);
    assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
    let number = chain.number();
    let kept = chain.query(|| pallet_finality::Evidence::<Runtime>::iter_values().next().expect("one"));
    assert_eq!(kept.kind, Offence::BlockEquivocation);
    assert_eq!(kept.reported_at, number);
    assert_eq!(kept.proof.into_inner(), [proof.encode(), key].concat());
}

#[test]
fn a_report_from_another_node_is_not_taken_into_a_pool() {
    for offence in KINDS {
        let mut chain = chain();
        let report = report(&mut chain, offence, "//Dave");
        assert_eq!(chain.validate(report.clone()), Err(InvalidTransaction::Call.into()));
        assert!(chain.validate_from(TransactionSource::InBlock, report).is_ok());
    }
}

#[test]
fn a_report_of_a_past_term_is_accepted() {
    for offence in KINDS {
        let mut chain = chain();
        let report = report(&mut chain, offence, "//Dave");
        for _ in 0..3 {
            chain.next_term();
        }
        chain.block(vec![]);
        assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
        assert_eq!(told(&mut chain, "//Dave"), vec![("removed", offence)]);
    }
}

#[test]
fn a_report_has_room_in_a_block_in_which_a_term_ends() {
    for offence in KINDS {
        let mut chain = chain();
        let report = report(&mut chain, offence, "//Dave");
        while chain.number() < TERM - 1 {
            chain.block(vec![]);
        }
        assert_eq!(chain.query(pallet_session::CurrentIndex::<Runtime>::get), 0);
        assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
        assert_eq!(chain.query(pallet_session::CurrentIndex::<Runtime>::get), 1);
        assert_eq!(told(&mut chain, "//Dave"), vec![("removed", offence)]);
    }
}

#[test]
fn a_report_of_votes_of_a_past_set_is_accepted() {
    let mut chain = chain();
    let report = report(&mut chain, Offence::VoteEquivocation, "//Dave");
    // Charlie's leaving makes a new set, the return a third, of four again.
    let charlie = Signer::uri("//Charlie");
    chain.must(&charlie, Call::<Runtime>::leave {});
    chain.blocks(2);
    chain.must(&charlie, Call::<Runtime>::rejoin {});
    chain.next_term();
    chain.next_term();
    chain.block(vec![]);
    assert_eq!(chain.call::<SetId>("GrandpaApi_current_set_id", ()), 2);
    assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
    assert!(!is_member(&mut chain, "//Dave"));
}

#[test]
fn a_report_from_before_the_history_is_refused() {
    for offence in KINDS {
        let mut chain = Chain::patched("local_testnet", json!({ "finality": { "termBlocks": 2 } }));
        let report = report(&mut chain, offence, "//Dave");
        for _ in 0..=gridveil_runtime::configs::consensus::HISTORY_DEPTH {
            chain.next_term();
        }
        chain.block(vec![]);
        assert!(chain.validate_from(TransactionSource::Local, report.clone()).is_err());
        does_nothing(&mut chain, report, "older than the history");
    }
}

#[test]
fn a_report_is_refused_the_second_time() {
    for offence in KINDS {
        let mut chain = chain();
        let report = report(&mut chain, offence, "//Dave");
        assert_eq!(chain.block(vec![report.clone()]), vec![Ok(Ok(()))]);
        assert!(chain.validate_from(TransactionSource::Local, report.clone()).is_err());
        assert_ne!(chain.block(vec![report.clone()]), vec![Ok(Ok(()))]);
        assert_eq!(evidence(&mut chain), 1);

        // Nor does it put the member out again whom the consortium has taken back.
        let back = Call::<Runtime>::add_member {
            account: account("//Dave"),
            reason: Default::default(),
        };
        chain.blocks(2);
        assert_eq!(decide(&mut chain, back, &ENOUGH), Ok(()));
        assert_ne!(chain.block(vec![report]), vec![Ok(Ok(()))]);
        assert!(is_member(&mut chain, "//Dave"));
        assert_eq!(evidence(&mut chain), 1);
    }
}

#[test]
fn two_headers_that_are_no_contradiction_are_refused() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave");
    let good = two_blocks(&chain, &keys);
    let slot = good.slot;
    let key = block_key_proof(&mut chain, &keys);

    let same = BlockProof {
        second_header: good.first_header.clone(),
        ..good.clone()
    };
    let two_slots = BlockProof {
        second_header: header(&keys, slot + 1, 2),
        ..good.clone()
    };
    let another_slot = BlockProof {
        slot: slot + 1,
        ..good.clone()
    };
    let mut altered = good.clone();
    altered.second_header.state_root = Hash::repeat_byte(9);
    let mut unsealed = good.clone();
    unsealed.second_header.digest_mut().logs.pop();
    let by_another = BlockProof {
        second_header: header(&Keys::uri("//Bob"), slot, 2),
        ..good.clone()
    };
    let blamed = BlockProof {
        offender: keys.aura(),
        ..two_blocks(&chain, &Keys::uri("//Bob"))
    };
    for (why, proof) in [
        ("the same block twice", same),
        ("two slots", two_slots),
        ("another slot than the headers'", another_slot),
        ("a header altered after it was sealed", altered),
        ("a header without a seal", unsealed),
        ("a header of another member", by_another),
        ("another member's headers", blamed),
    ] {
        let call = Call::<Runtime>::report_block_equivocation {
            equivocation_proof: Box::new(proof),
            key_owner_proof: codec::Decode::decode(&mut &key[..]).expect("a proof"),
        };
        let bare = UncheckedExtrinsic::new_bare(call.into());
        assert!(
            chain.validate_from(TransactionSource::Local, bare.clone()).is_err(),
            "{why}"
        );
        does_nothing(&mut chain, bare, why);
    }
    // What all of these were made of is good.
    let report = block_report(&mut chain, &good, &key);
    assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
}

#[test]
fn two_votes_that_are_no_contradiction_are_refused() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave");
    let key = vote_key_proof(&mut chain, &keys);
    let altered = |alter: &dyn Fn(&mut Prevotes)| {
        let mut votes = prevotes_of(&two_prevotes(&keys, 0, 7));
        alter(&mut votes);
        VoteProof::new(0, Equivocation::Prevote(votes))
    };
    let bobs = prevotes_of(&two_prevotes(&Keys::uri("//Bob"), 0, 7));
    for (why, proof) in [
        (
            "the same vote twice",
            altered(&|votes| votes.second = votes.first.clone()),
        ),
        (
            "a target altered afterwards",
            altered(&|votes| votes.second.0.target_number = 3),
        ),
        (
            "another round than was signed",
            altered(&|votes| votes.round_number = 8),
        ),
        (
            "another member's signature",
            altered(&|votes| votes.second.1 = bobs.second.1.clone()),
        ),
        ("a set that was never in force", two_prevotes(&keys, 5, 7)),
    ] {
        let report = vote_report(&mut chain, &proof, &key);
        does_nothing(&mut chain, report, why);
    }
    let report = vote_report(&mut chain, &two_prevotes(&keys, 0, 7), &key);
    assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
}

#[test]
fn a_report_with_a_proof_of_another_key_is_refused() {
    let mut chain = chain();
    let (dave, bob) = (Keys::uri("//Dave"), Keys::uri("//Bob"));
    let key = block_key_proof(&mut chain, &bob);
    let call = Call::<Runtime>::report_block_equivocation {
        equivocation_proof: Box::new(two_blocks(&chain, &dave)),
        key_owner_proof: codec::Decode::decode(&mut &key[..]).expect("a proof"),
    };
    let of_blocks = UncheckedExtrinsic::new_bare(call.into());
    let key = vote_key_proof(&mut chain, &bob);
    let call = pallet_grandpa::Call::<Runtime>::report_equivocation_unsigned {
        equivocation_proof: Box::new(two_prevotes(&dave, 0, 7)),
        key_owner_proof: key.decode::<MembershipProof>().expect("a proof"),
    };
    let of_votes = UncheckedExtrinsic::new_bare(call.into());
    for report in [of_blocks, of_votes] {
        assert_eq!(
            chain.validate_from(TransactionSource::Local, report.clone()),
            Err(InvalidTransaction::BadProof.into())
        );
        does_nothing(&mut chain, report, "a proof of Bob's key");
    }
}

#[test]
fn a_stranger_that_contradicts_itself_is_nobodys_matter() {
    let mut chain = chain();
    let mallory = Keys::uri("//Mallory");
    let proof: Option<Vec<u8>> = chain.call("FinalityApi_block_equivocation_key_proof", mallory.aura());
    assert_eq!(proof, None);
    let proof: Option<OpaqueKeyOwnershipProof> = chain.call(
        "GrandpaApi_generate_key_ownership_proof",
        (0 as SetId, mallory.grandpa()),
    );
    assert!(proof.is_none());
}

#[test]
fn a_cheat_that_sets_new_keys_at_once_is_reported_all_the_same() {
    for offence in KINDS {
        let mut chain = chain();
        let (dave, new) = (Signer::uri("//Dave"), Keys::uri("//Dave//2"));
        let call = Call::<Runtime>::set_keys {
            keys: new.public(),
            proof: new.proof(&dave.account()),
        };
        chain.must(&dave, call);
        let report = report(&mut chain, offence, "//Dave");
        assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
        assert_eq!(told(&mut chain, "//Dave"), vec![("removed", offence)]);
    }
}

#[test]
fn at_the_floor_an_offender_is_kept_and_so_is_the_evidence() {
    for offence in KINDS {
        let mut chain = chain();
        chain.must(&Signer::uri("//Charlie"), Call::<Runtime>::leave {});
        chain.blocks(2);
        assert_eq!(authorities(&mut chain), (3, 3));
        let report = report(&mut chain, offence, "//Dave");
        assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
        assert_eq!(told(&mut chain, "//Dave"), vec![("kept", offence)]);
        assert!(is_member(&mut chain, "//Dave"));
        assert_eq!(evidence(&mut chain), 1);
        chain.next_term();
        chain.next_term();
        assert_eq!(authorities(&mut chain), (3, 3));
        let dave = account("//Dave");
        assert!(of(&status(&mut chain), &dave).authority);
    }
}

#[test]
fn of_a_past_member_the_evidence_is_kept_and_nothing_else_happens() {
    for offence in KINDS {
        let mut chain = chain();
        let report = report(&mut chain, offence, "//Dave");
        let remove = Call::<Runtime>::remove_member {
            account: account("//Dave"),
            reason: Default::default(),
        };
        assert_eq!(decide(&mut chain, remove, &ENOUGH), Ok(()));
        chain.blocks(3);
        assert_eq!(chain.block(vec![report]), vec![Ok(Ok(()))]);
        assert_eq!(told(&mut chain, "//Dave"), vec![("recorded", offence)]);
        assert_eq!(evidence(&mut chain), 1);
        chain.blocks(2);
        assert_eq!(authorities(&mut chain), (3, 3));
    }
}

#[test]
fn a_signed_report_is_refused_from_everyone() {
    let mut chain = chain();
    let keys = Keys::uri("//Dave");
    let key = block_key_proof(&mut chain, &keys);
    let of_blocks = Call::<Runtime>::report_block_equivocation {
        equivocation_proof: Box::new(two_blocks(&chain, &keys)),
        key_owner_proof: codec::Decode::decode(&mut &key[..]).expect("a proof"),
    };
    let votes = Box::new(two_prevotes(&keys, 0, 7));
    let key: MembershipProof = vote_key_proof(&mut chain, &keys).decode().expect("a proof");
    let of_votes = pallet_grandpa::Call::<Runtime>::report_equivocation {
        equivocation_proof: votes.clone(),
        key_owner_proof: key.clone(),
    };
    let unsigned = pallet_grandpa::Call::<Runtime>::report_equivocation_unsigned {
        equivocation_proof: votes,
        key_owner_proof: key,
    };
    for name in ALL.into_iter().chain(["//KeyCentre", "//Mallory"]) {
        let calls: [RuntimeCall; 3] = [
            of_blocks.clone().into(),
            of_votes.clone().into(),
            unsigned.clone().into(),
        ];
        for call in calls {
            let extrinsic = chain.sign(&Signer::uri(name), call);
            chain.must_refuse(extrinsic, InvalidTransaction::Call);
        }
    }
    assert!(is_member(&mut chain, "//Dave"));
}
