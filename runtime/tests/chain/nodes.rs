//! The nodes that members list, for a network of these and no others.

use frame_support::BoundedVec;
use gridveil_runtime::{AccountId, Runtime, RuntimeEvent};
use pallet_finality::{Call, Error, Event, ListedNodes};
use serde_json::json;
use sp_runtime::transaction_validity::InvalidTransaction;

use crate::harness::{key_centre, Chain, Signer};

/// The peer id of a node with this ed25519 key: a multihash that is the key itself.
fn peer(key: u8) -> Vec<u8> {
    [&[0x00, 0x24, 0x08, 0x01, 0x12, 0x20][..], &[key; 32]].concat()
}

fn set_nodes(nodes: &[Vec<u8>]) -> Call<Runtime> {
    let nodes: Vec<_> = nodes
        .iter()
        .map(|node| BoundedVec::truncate_from(node.clone()))
        .collect();
    Call::set_nodes {
        nodes: BoundedVec::truncate_from(nodes),
    }
}

fn listed(chain: &mut Chain) -> ListedNodes<AccountId> {
    chain.call("FinalityApi_nodes", ())
}

#[test]
fn a_preset_lists_no_nodes_and_keeps_nobody_out() {
    for preset in ["development", "local_testnet"] {
        let listed = listed(&mut Chain::new(preset));
        assert!(!listed.listed_peers_only);
        assert_eq!(listed.nodes, vec![]);
    }
}

#[test]
fn a_genesis_lists_nodes_and_keeps_others_out() {
    let bob = Signer::uri("//Bob").account();
    let nodes = json!([[bob, ["12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp", peer(7)]]]);
    let mut chain = Chain::patched(
        "local_testnet",
        json!({ "finality": { "listedPeersOnly": true, "nodes": nodes } }),
    );
    let listed = listed(&mut chain);
    assert!(listed.listed_peers_only);
    let [(account, nodes)] = &listed.nodes[..] else {
        panic!("one member has nodes")
    };
    assert_eq!(*account, bob);
    assert_eq!(nodes.len(), 2);
    assert_eq!(nodes[0][..6], peer(0)[..6]);
    assert_eq!(nodes[1], peer(7));
}

#[test]
fn a_member_lists_its_nodes_anew_each_time() {
    let mut chain = Chain::new("local_testnet");
    let bob = Signer::uri("//Bob");
    chain.must(&bob, set_nodes(&[peer(1), peer(2)]));
    let account = bob.account();
    let event = chain.events().into_iter().find_map(|event| match event {
        RuntimeEvent::Finality(Event::NodesListed { account, nodes }) => Some((account, nodes.len())),
        _ => None,
    });
    assert_eq!(event, Some((account.clone(), 2)));
    assert_eq!(
        listed(&mut chain).nodes,
        vec![(account.clone(), vec![peer(1), peer(2)])]
    );
    chain.must(&bob, set_nodes(&[peer(3)]));
    assert_eq!(listed(&mut chain).nodes, vec![(account, vec![peer(3)])]);
    chain.must(&bob, set_nodes(&[]));
    assert_eq!(listed(&mut chain).nodes, vec![]);
}

#[test]
fn what_is_no_peer_id_is_refused() {
    let mut chain = Chain::new("local_testnet");
    let call = set_nodes(&[peer(1), b"not a multihash".to_vec()]);
    let result = chain.submit(&Signer::uri("//Bob"), call);
    assert_eq!(result, Ok(Err(Error::<Runtime>::NotAPeerId.into())));
    assert_eq!(listed(&mut chain).nodes, vec![]);
}

#[test]
fn nobody_but_a_member_lists_nodes() {
    let mut chain = Chain::new("local_testnet");
    for signer in [key_centre(), Signer::uri("//Mallory")] {
        let extrinsic = chain.sign(&signer, set_nodes(&[peer(1)]));
        chain.must_refuse(extrinsic, InvalidTransaction::Call);
    }
}
