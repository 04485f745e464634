//! A node that keeps only its latest blocks.

use crate::{
    common::{eventually, Home, Node, LONG, SOON},
    spec::Spec,
};
use jsonrpsee::rpc_params;
use serde_json::{json, Value};

#[tokio::test]
async fn a_node_that_prunes_lets_old_blocks_go_and_a_newcomer_warp_syncs_from_it() {
    const KEPT: u64 = 10;
    const LAST: u64 = 50;
    let spec = Spec::new("development", json!({ "slotMs": 200 }));
    let (path, kept) = (spec.path(), KEPT.to_string());
    let options = ["--chain", &path, "--no-prometheus", "--blocks-pruning", &kept];
    let alice = Node::at(&Home::new(), &[&options[..], &["--alice"]].concat());
    let last = alice.finalised_hash_within(LAST, LONG).await;
    let block = |hash: String| alice.ask::<Option<Value>>("chain_getBlock", rpc_params![hash]);
    assert!(block(last).await.is_some());
    for number in 1..=LAST - KEPT {
        let hash: String = alice.ask("chain_getBlockHash", rpc_params![number]).await;
        // Its header stays.
        let header: Option<Value> = alice.ask("chain_getHeader", rpc_params![&hash]).await;
        assert!(block(hash).await.is_none(), "block {number} is still there");
        assert!(header.is_some(), "the header of block {number} is gone");
    }

    let bootnode = alice.address().await;
    let newcomer = Node::at(
        &Home::new(),
        &[&options[..], &["--bootnodes", &bootnode, "--sync", "warp"]].concat(),
    );
    let new = alice.finalised().await + 1;
    eventually("the newcomer follows", SOON, || async {
        (newcomer.finalised().await >= new).then_some(())
    })
    .await;
}
