//! A chain on which nodes talk to listed ones only.

use crate::{
    common::{Home, Node, SOON},
    spec::Spec,
};
use codec::{Compact, Encode};
use gridveil_runtime::{AccountId, Address, Runtime, RuntimeCall, Signature, VERSION};
use jsonrpsee::rpc_params;
use pallet_finality::NodeId;
use sc_network::PeerId;
use serde_json::{json, Value};
use sp_core::{sr25519, Bytes, Pair, H256};
use sp_io::hashing::blake2_256;
use sp_runtime::generic::Era;

#[tokio::test]
async fn a_stranger_gets_nothing_until_a_member_lists_it() {
    let pair = sr25519::Pair::from_string("//Alice", None).unwrap();
    let account = AccountId::from(pair.public());
    let homes = [Home::new(), Home::new(), Home::new()];
    let ids = homes.each_ref().map(Home::peer_id);
    let [alice, follower, stranger] = &homes;
    let spec = Spec::new(
        "development",
        json!({ "listedPeersOnly": true, "nodes": [[account.to_string(), &ids[..2]]] }),
    );
    let path = spec.path();
    let chain = ["--chain", &path, "--no-prometheus"];

    let mut alice = Node::at(alice, &[&chain[..], &["--alice"]].concat());
    let bootnode = alice.address().await;
    let joining = [&chain[..], &["--bootnodes", &bootnode]].concat();
    let stranger = Node::at(stranger, &joining);
    let follower = Node::at(follower, &joining);

    // The follower comes later, and gets every block; the stranger was at the door all the while.
    let number = alice.finalised().await + 10;
    let hash = follower.finalised_hash(number).await;
    let ban = alice.rest_after(&format!("Report {}: ", ids[2]), SOON);
    assert!(ban.contains("not on the consortium's list of nodes"), "{ban}");
    let best: Value = stranger.ask("chain_getHeader", rpc_params![]).await;
    assert_eq!(best["number"], "0x0");
    let health: Value = stranger.ask("system_health", rpc_params![]).await;
    assert_eq!(health["peers"], 0);
    let admitted: Vec<String> = alice.ask("system_reservedPeers", rpc_params![]).await;
    assert_eq!(admitted, [ids[1].clone()]);

    list(&alice, &pair, &ids).await;
    assert_eq!(stranger.finalised_hash(number).await, hash);
}

/// Has a member list these nodes.
async fn list(node: &Node, member: &sr25519::Pair, ids: &[String]) {
    let id = |id: &String| NodeId::truncate_from(id.parse::<PeerId>().unwrap().to_bytes());
    let nodes: Vec<NodeId> = ids.iter().map(id).collect();
    let call = pallet_finality::Call::<Runtime>::set_nodes {
        nodes: nodes.try_into().unwrap(),
    };
    let genesis: H256 = node.ask("chain_getBlockHash", rpc_params![0]).await;
    let account = AccountId::from(member.public());
    let nonce: u32 = node
        .ask("system_accountNextIndex", rpc_params![account.to_string()])
        .await;
    let extrinsic = Bytes(sign(member, call.into(), nonce, genesis));
    let _: H256 = node.ask("author_submitExtrinsic", rpc_params![extrinsic]).await;
}

/// A signed extrinsic, as any client puts it together: our own extensions add nothing to it.
fn sign(signer: &sr25519::Pair, call: RuntimeCall, nonce: u32, genesis: H256) -> Vec<u8> {
    const SIGNED_V4: u8 = 0x84;
    let explicit = (Era::Immortal, Compact(nonce));
    let implicit = (VERSION.spec_version, VERSION.transaction_version, genesis, genesis);
    let payload = (&call, explicit, implicit).encode();
    let signature = match payload.len() {
        0..=256 => signer.sign(&payload),
        _ => signer.sign(&blake2_256(&payload)),
    };
    let sender = Address::Id(signer.public().into());
    (SIGNED_V4, sender, Signature::from(signature), explicit, call)
        .encode()
        .encode()
}
