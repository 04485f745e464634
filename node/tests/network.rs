//! Nodes as processes: one that does everything, and four that agree.

mod common;

use codec::Decode;
use common::{gridveil_ok, processes_with, text, Node};
use gridveil_runtime::opaque::{Block, Header};
use jsonrpsee::rpc_params;
use sc_consensus_grandpa::{FinalityProof, GrandpaJustification};
use serde_json::Value;
use sp_consensus_grandpa::AuthorityList;
use sp_core::{Bytes, H256};
use sp_runtime::traits::Header as _;
use std::{
    io::{Read, Write},
    net::TcpStream,
};

/// Where the Prometheus exporter of a node says it listens.
const EXPORTER: &str = "Prometheus exporter started at 127.0.0.1:";

#[tokio::test]
async fn a_dev_node_authors_and_finalises_alone_and_ends_on_sigterm() {
    let mut node = Node::start(&["--dev", "--prometheus-port", "0"]);
    node.finalised_hash(3).await;

    // The certificate is with the block itself.
    let head: String = node.ask("chain_getFinalizedHead", rpc_params![]).await;
    let block: Value = node.ask("chain_getBlock", rpc_params![head]).await;
    assert_eq!(block["justifications"].as_array().map(Vec::len), Some(1), "{block}");
    // Genesis was made by nobody, so that a later block's certificate has to speak for it.
    for number in [0, 1, 3] {
        check_certificate(&node, number).await;
    }
    let unborn = node
        .try_ask::<Value>("grandpa_proveFinality", rpc_params![1_000_000])
        .await;
    assert!(unborn.unwrap_err().contains("not yet finalized"));

    let exporter = node.port_after(EXPORTER);
    let metrics = http_get(exporter, "/metrics");
    assert!(
        metrics.contains("substrate_block_height{status=\"finalized\""),
        "{metrics}"
    );
    assert!(metrics.contains("substrate_finality_grandpa_round"), "{metrics}");

    let base_path = node.base_path().to_owned();
    assert!(!processes_with(&base_path).is_empty());
    let status = node.stop();
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(processes_with(&base_path), Vec::<String>::new());
}

#[tokio::test]
async fn a_stopped_node_keeps_its_chain_until_it_is_purged() {
    let mut node = Node::start(&["--dev", "--no-prometheus"]);
    let first = node.finalised_hash(1).await;
    assert_eq!(node.stop().code(), Some(0));

    let chain = ["--dev", "--base-path", node.base_path()];
    let with = |command: &str, more: &[&str]| gridveil_ok(&[&[command][..], &chain[..], more].concat());

    let info: Value = serde_json::from_slice(&with("chain-info", &[])).unwrap();
    assert!(info["finalized_number"].as_u64().unwrap() >= 1, "{info}");
    with("check-block", &[&first]);

    let state: Value = serde_json::from_slice(&with("export-state", &[&first])).unwrap();
    assert!(state["genesis"]["raw"]["top"].as_object().unwrap().len() > 10);

    // The blocks, executed again elsewhere, are the same chain, and just as final: the certificates are with them.
    let directory = tempfile::tempdir().unwrap();
    let blocks = directory.path().join("blocks");
    with("export-blocks", &["--binary", text(&blocks)]);
    let copy = ["--dev", "--base-path", text(directory.path())];
    gridveil_ok(&[&["import-blocks"][..], &copy[..], &["--binary", text(&blocks)]].concat());
    let copied: Value = serde_json::from_slice(&gridveil_ok(&[&["chain-info"][..], &copy[..]].concat())).unwrap();
    assert_eq!(copied, info);

    // What is final can't be taken back.
    with("revert", &[&info["best_number"].to_string()]);
    let reverted: Value = serde_json::from_slice(&with("chain-info", &[])).unwrap();
    assert_eq!(reverted["best_number"], info["finalized_number"]);
    assert_eq!(reverted["best_hash"], info["finalized_hash"]);

    with("purge-chain", &["-y"]);
    let purged: Value = serde_json::from_slice(&with("chain-info", &[])).unwrap();
    assert_eq!(purged["best_number"], 0);
}

#[tokio::test]
async fn four_aggregators_finalise_the_same_blocks_and_three_go_on_without_the_fourth() {
    let directory = tempfile::tempdir().unwrap();
    let spec = directory.path().join("spec.json");
    gridveil_ok(&[
        "export-chain-spec",
        "--chain",
        "local",
        "--raw",
        "--output",
        text(&spec),
    ]);

    let common = ["--chain", text(&spec), "--no-prometheus"];
    let alice = Node::start(&[&common[..], &["--alice"]].concat());
    let bootnode = alice.address().await;
    let mut nodes = vec![alice];
    for who in ["--bob", "--charlie", "--dave"] {
        nodes.push(Node::start(&[&common[..], &[who, "--bootnodes", &bootnode]].concat()));
    }

    let first = same_finalised_hash(&nodes, 3).await;
    assert!(first.starts_with("0x") && first.len() == 66, "{first}");

    let dave = nodes.pop().expect("four were started");
    drop(dave);
    let head: Value = nodes[0].ask("chain_getHeader", rpc_params![]).await;
    let last = common::number_of(&head) + 3;
    same_finalised_hash(&nodes, last).await;
    for node in &nodes {
        check_certificate(node, last).await;
    }
}

/// Checks as a user would, who knows the chain and its members and trusts no node: the block `number` is final.
async fn check_certificate(node: &Node, number: u64) {
    let hash: H256 = node.ask("chain_getBlockHash", rpc_params![number]).await;
    let rounds: Value = node.ask("grandpa_roundState", rpc_params![]).await;
    let set_id = rounds["setId"].as_u64().expect("the set of voters has a number");
    let members: Bytes = node
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

/// Waits until all nodes have finalised the block `number`, and asserts that it is the same one.
async fn same_finalised_hash(nodes: &[Node], number: u64) -> String {
    let first = nodes[0].finalised_hash(number).await;
    for node in &nodes[1..] {
        assert_eq!(
            node.finalised_hash(number).await,
            first,
            "block {number} at RPC port {}",
            node.rpc_port
        );
    }
    first
}

fn http_get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(common::STOP)).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    answer
}
