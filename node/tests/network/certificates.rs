//! Why a block is final, checked as a user would: who knows the chain and its members and trusts no node.

use crate::{
    common::{eventually, Home, Node, LONG, SOON},
    spec::Spec,
};
use codec::Decode;
use gridveil_runtime::opaque::{Block, Header};
use jsonrpsee::rpc_params;
use sc_consensus_grandpa::{FinalityProof, GrandpaJustification};
use serde_json::{json, Value};
use sp_consensus_grandpa::{AuthorityList, SetId};
use sp_core::{Bytes, H256};
use sp_runtime::traits::Header as _;

/// The node that is there from the start keeps so many blocks' states, and so would one that executed all blocks.
const STATES: &str = "100000";

/// Checks that the block `number` is final, by the node's own word on who the members are.
pub async fn check(node: &Node, number: u64) {
    check_of(node, node, number).await;
}

/// Checks what `node` says of the block `number`, with the members and the block that `trusted` knows.
async fn check_of(node: &Node, trusted: &Node, number: u64) {
    let hash: H256 = trusted.ask("chain_getBlockHash", rpc_params![number]).await;
    let set_id: Bytes = trusted
        .ask("state_call", rpc_params!["GrandpaApi_current_set_id", "0x"])
        .await;
    let set_id = SetId::decode(&mut &set_id[..]).unwrap();
    let members: Bytes = trusted
        .ask("state_call", rpc_params!["GrandpaApi_grandpa_authorities", "0x"])
        .await;
    let members = AuthorityList::decode(&mut &members[..]).unwrap();

    let proof: Bytes = node.ask("grandpa_proveFinality", rpc_params![number]).await;
    let proof = FinalityProof::<Header>::decode(&mut &proof[..]).unwrap();
    let certificate = GrandpaJustification::<Block>::decode(&proof.justification).unwrap();
    certificate.verify(set_id, &members).unwrap();
    assert_eq!(certificate.target().1, proof.block);

    // From the block in question, header by header, to the one that the members signed.
    let signed = proof.unknown_headers.iter().fold(hash, |parent, header| {
        assert_eq!(*header.parent_hash(), parent);
        header.hash()
    });
    assert_eq!(signed, proof.block, "block {number} at RPC port {}", node.rpc_port);

    // In another set of members' name it proves nothing.
    assert!(certificate.verify(set_id + 1, &members).is_err());
}

#[tokio::test]
async fn old_blocks_have_certificates_after_a_kill_and_on_a_node_that_warp_synced() {
    const LAST: u64 = 60;
    let spec = Spec::new("development", json!({ "slotMs": 200 }));
    let path = spec.path();
    let chain = ["--chain", &path, "--no-prometheus", "--state-pruning", STATES];
    let authority = [&chain[..], &["--alice"]].concat();

    let home = Home::new();
    let alice = Node::at(&home, &authority);
    alice.finalised_hash_within(LAST, LONG).await;
    // Dropping kills it, with SIGKILL.
    drop(alice);
    let alice = Node::at(&home, &authority);
    for number in 0..=LAST {
        check(&alice, number).await;
    }

    let bootnode = alice.address().await;
    let newcomers_home = Home::new();
    let newcomer = Node::at(
        &newcomers_home,
        &[&chain[..], &["--bootnodes", &bootnode, "--sync", "warp"]].concat(),
    );
    let hash = eventually("the newcomer has its history", SOON, || async {
        newcomer
            .ask::<Option<H256>>("chain_getBlockHash", rpc_params![LAST])
            .await
    })
    .await;
    check_newcomer(&newcomer, &alice, LAST).await;
    // It has not executed that history: it has no state of it, where another node has.
    assert!(has_state(&alice, hash).await);
    assert!(!has_state(&newcomer, hash).await);

    let mut newcomer = newcomer;
    assert_eq!(newcomer.stop().code(), Some(0));
    let newcomer = Node::at(&newcomers_home, &[&chain[..], &["--bootnodes", &bootnode]].concat());
    check_newcomer(&newcomer, &alice, LAST).await;
}

/// Whether a node has the state of a block.
async fn has_state(node: &Node, block: H256) -> bool {
    let version = node.try_ask::<Value>("state_getRuntimeVersion", rpc_params![block]);
    version.await.is_ok()
}

/// Checks old blocks, and one that is new.
async fn check_newcomer(newcomer: &Node, alice: &Node, last: u64) {
    for number in 0..=last {
        check_of(newcomer, alice, number).await;
    }
    let new = alice.finalised().await + 1;
    eventually("the newcomer follows", SOON, || async {
        (newcomer.finalised().await >= new).then_some(())
    })
    .await;
    check_of(newcomer, alice, new).await;
}
