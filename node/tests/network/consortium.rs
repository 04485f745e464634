//! Four members: they elect who leads, go on when that one dies, and put a cheat out.

use crate::{
    certificates,
    common::{eventually, Node, LONG},
    http_get, same_finalised_hash,
    spec::Spec,
    EXPORTER,
};
use codec::Decode;
use gridveil_runtime::AccountId;
use jsonrpsee::rpc_params;
use serde_json::{json, Value};
use sp_consensus_aura::sr25519::AuthorityId;
use sp_core::{sr25519, Bytes, Pair};
use sp_io::hashing::twox_128;

/// Every gauge of the consortium.
const GAUGES: [&str; 9] = [
    "gridveil_term",
    "gridveil_leader",
    "gridveil_member_slots_authored",
    "gridveil_member_slots_missed",
    "gridveil_leader_votes",
    "gridveil_members",
    "gridveil_authorities",
    "gridveil_finalised_block_number",
    "gridveil_finality_lag_blocks",
];

#[tokio::test]
async fn four_aggregators_elect_a_leader_by_themselves_and_three_go_on_when_it_is_killed() {
    let spec = Spec::new("local_testnet", json!({ "slotMs": 1_000, "termBlocks": 12 }));
    let path = spec.path();
    let mut nodes = Vec::new();
    let mut bootnodes = Vec::<String>::new();
    // Each knows all that were there before it, so that the death of any one cuts nobody off.
    for who in ["--alice", "--bob", "--charlie", "--dave"] {
        let mut args = vec!["--chain", &path, "--no-prometheus", who];
        for address in &bootnodes {
            args.extend(["--bootnodes", address]);
        }
        let node = Node::start(&args);
        bootnodes.push(node.address().await);
        nodes.push(node);
    }
    let first = same_finalised_hash(&nodes, 3).await;
    assert!(first.starts_with("0x") && first.len() == 66, "{first}");

    // Nobody was told whom to vote for.
    let leader = eventually("someone leads, by all nodes' word", LONG, || async {
        let mut said = Vec::new();
        for node in &nodes {
            said.push(status(node).await["leader"].as_str().map(str::to_owned));
        }
        said.dedup();
        match &said[..] {
            [Some(leader)] => Some(leader.clone()),
            _ => None,
        }
    })
    .await;
    let place = ["//Alice", "//Bob", "//Charlie", "//Dave"]
        .iter()
        .position(|uri| AccountId::from(public(uri)).to_string() == leader)
        .expect("the leader is a member");
    drop(nodes.remove(place));

    let new = eventually("the dead do not lead", LONG, || async {
        let status = status(&nodes[0]).await;
        (status["leader"] != *leader).then_some(status)
    })
    .await;
    let last = new["best"]["number"].as_u64().unwrap() + 3;
    same_finalised_hash(&nodes, last).await;
    for node in &nodes {
        certificates::check(node, last).await;
    }
}

#[tokio::test]
async fn the_elected_leader_owns_every_other_slot_and_every_node_says_who_it_is() {
    let spec = Spec::new("local_testnet", json!({ "slotMs": 1_000, "termBlocks": 10 }));
    let path = spec.path();
    let charlie = public("//Charlie");
    let leader = AccountId::from(charlie).to_string();
    let in_hex = format!("0x{}", hex(charlie.as_ref()));

    let chain = ["--chain", &path];
    let for_charlie = ["--leader-vote", &leader];
    let mut alice = Node::start(&[&chain[..], &["--alice", "--prometheus-port", "0"], &for_charlie].concat());
    let exporter = alice.port_after(EXPORTER);
    let bootnode = alice.address().await;
    let more = [&chain[..], &["--no-prometheus", "--bootnodes", &bootnode]].concat();
    let nodes = [
        alice,
        Node::start(&[&more[..], &["--bob"], &for_charlie].concat()),
        Node::start(&[&more[..], &["--charlie", "--leader-vote", &in_hex]].concat()),
        Node::start(&[&more[..], &["--dave"]].concat()),
    ];

    for node in &nodes {
        eventually("Charlie leads", LONG, || async {
            (status(node).await["leader"] == *leader).then_some(())
        })
        .await;
    }

    // The schedule of the block that the status was read at: an odd number of slots lies between two of the leader's.
    let (term, owners) = eventually("Charlie leads", LONG, || async {
        let status = status(&nodes[0]).await;
        let owners = schedule(&nodes[0], &status["finalised"]["hash"]).await;
        (status["leader"] == *leader).then_some((status, owners))
    })
    .await;
    let key = AuthorityId::from(charlie);
    let leads: Vec<bool> = owners.iter().map(|owner| *owner == key).collect();
    assert_eq!(leads, [true, false, true, false, true, false], "{term}");
    assert_eq!(term["termBlocks"], 10);
    assert!(term["term"].as_u64() >= Some(1), "{term}");

    let voted = eventually("three have voted for Charlie", LONG, || async {
        let status = status(&nodes[1]).await;
        let votes = members(&status)
            .iter()
            .filter(|member| member["vote"] == *leader)
            .count();
        (votes >= 3).then_some(status)
    })
    .await;
    assert!(members(&voted)
        .iter()
        .all(|member| member["authority"] == true && member["away"] == false));
    assert!(
        members(&voted)
            .iter()
            .any(|member| member["authored"].as_u64() > Some(0)),
        "{voted}"
    );

    let metrics = eventually("the gauge of the leader is 1", LONG, || async {
        let metrics = http_get(exporter, "/metrics");
        let line = format!("gridveil_leader{{account=\"{leader}\"");
        let leads = metrics
            .lines()
            .any(|said| said.starts_with(&line) && said.ends_with(" 1"));
        (leads && metrics.contains("gridveil_leader_votes{")).then_some(metrics)
    })
    .await;
    for gauge in GAUGES {
        assert!(metrics.contains(&format!("# TYPE {gauge} gauge")), "{gauge}: {metrics}");
    }
}

#[tokio::test]
async fn a_member_whose_key_signs_two_blocks_in_one_slot_is_named_and_put_out() {
    let spec = Spec::new("local_testnet", json!({ "slotMs": 1_000, "termBlocks": 12 }));
    let path = spec.path();
    let bob = public("//Bob");

    let chain = ["--chain", &path, "--no-prometheus"];
    let mut alice = Node::start(&[&chain[..], &["--alice"]].concat());
    let bootnode = alice.address().await;
    let more = [&chain[..], &["--bootnodes", &bootnode]].concat();
    let charlie = Node::start(&[&more[..], &["--charlie"]].concat());
    let dave = Node::start(&[&more[..], &["--dave"]].concat());
    let _bob = Node::start(&[&more[..], &["--bob"]].concat());
    // The same keys once more. It has no part in finality, so that only its blocks can give it away, and as it wants no leader
    // they are others: in each term the first block of Bob's own holds his vote.
    let twin = ["--bob", "--no-grandpa", "--leader-vote", "off"];
    let _twin = Node::start(&[&more[..], &twin].concat());

    let account = AccountId::from(bob).to_string();
    let status = eventually("Bob is no member any more", LONG, || async {
        let status = status(&alice).await;
        (!members(&status).iter().any(|member| member["account"] == *account)).then_some(status)
    })
    .await;
    assert_eq!(members(&status).len(), 3, "{status}");
    alice.rest_after("made two blocks in one slot", LONG);

    // The evidence is filed under his name.
    let evidence = sp_core::bytes::to_hex(&[twox_128(b"Finality"), twox_128(b"Evidence")].concat(), false);
    let at = status["finalised"]["hash"].clone();
    let filed: Vec<String> = alice
        .ask("state_getKeysPaged", rpc_params![evidence, 10, Value::Null, at])
        .await;
    assert!(filed.iter().any(|key| key.contains(&hex(bob.as_ref()))), "{filed:?}");

    // The three others go on without him, and his key owns no slot.
    let nodes = [alice, charlie, dave];
    let later = status["finalised"]["number"].as_u64().unwrap() + 8;
    let hash = same_finalised_hash(&nodes, later).await;
    for node in &nodes {
        let owners = schedule(node, &hash.clone().into()).await;
        assert!(!owners.contains(&AuthorityId::from(bob)), "{owners:?}");
    }
}

/// The public key of a development account, which is also its Aura key.
fn public(uri: &str) -> sr25519::Public {
    sr25519::Pair::from_string(uri, None).unwrap().public()
}

fn hex(bytes: &[u8]) -> String {
    sp_core::bytes::to_hex(bytes, false).trim_start_matches("0x").to_owned()
}

async fn status(node: &Node) -> Value {
    node.ask("finality_status", rpc_params![]).await
}

fn members(status: &Value) -> &Vec<Value> {
    status["members"].as_array().expect("there are members")
}

/// Whose the slots are after the block `at`.
async fn schedule(node: &Node, at: &Value) -> Vec<AuthorityId> {
    let answer: Bytes = node
        .ask("state_call", rpc_params!["AuraApi_authorities", "0x", at])
        .await;
    Vec::decode(&mut &answer[..]).unwrap()
}
