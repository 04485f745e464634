//! One node that does everything, its blocks, and what it keeps.

use crate::{
    certificates,
    common::{gridveil_ok, processes_with, text, Home, Node},
    http_get,
    spec::Spec,
    EXPORTER,
};
use gridveil_runtime::{VERSION, WASM_BINARY};
use jsonrpsee::rpc_params;
use serde_json::Value;
use sp_core::bytes::to_hex;
use sp_io::hashing::blake2_256;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::SystemTime,
};

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
        certificates::check(&node, number).await;
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

    let base_path = node.home().path().to_owned();
    assert!(!processes_with(&base_path).is_empty());
    let status = node.stop();
    assert_eq!(status.code(), Some(0), "{status}");
    assert_eq!(processes_with(&base_path), Vec::<String>::new());
}

#[tokio::test]
async fn a_stopped_node_keeps_its_chain_until_it_is_purged() {
    let spec = Spec::dev();
    let path = spec.path();
    let mut node = Node::start(&["--chain", &path, "--alice", "--no-prometheus"]);
    let first = node.finalised_hash(1).await;
    assert_eq!(node.stop().code(), Some(0));

    let chain = ["--chain", &path, "--base-path", node.home().path()];
    let with = |command: &str, more: &[&str]| gridveil_ok(&[&[command][..], &chain[..], more].concat());

    let info: Value = serde_json::from_slice(&with("chain-info", &[])).unwrap();
    assert!(info["finalized_number"].as_u64().unwrap() >= 1, "{info}");
    with("check-block", &[&first]);

    let state: Value = serde_json::from_slice(&with("export-state", &[&first])).unwrap();
    assert!(state["genesis"]["raw"]["top"].as_object().unwrap().len() > 10);

    // The blocks, executed again elsewhere, are the same chain, and just as final: the certificates are with them.
    let elsewhere = Home::new();
    let blocks = Path::new(elsewhere.path()).join("blocks");
    with("export-blocks", &["--binary", text(&blocks)]);
    let copy = ["--chain", &path, "--base-path", elsewhere.path()];
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
async fn a_node_keeps_what_its_runtime_compiles_to_and_compiles_it_anew_if_that_is_damaged() {
    let home = Home::apart();
    let spec = Spec::dev();
    let path = spec.path();
    let start = || Node::at(&home, &["--chain", &path, "--alice", "--no-prometheus"]);

    let mut node = start();
    node.finalised_hash(1).await;
    assert_eq!(node.stop().code(), Some(0));
    let compiled = entries(&home.compiled_runtimes());
    assert_eq!(compiled.len(), 1, "{compiled:?}");

    let mut node = start();
    node.finalised_hash(node.finalised().await + 1).await;
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(entries(&home.compiled_runtimes()), compiled, "compiled anew");

    for path in compiled.keys() {
        std::fs::write(path, "no runtime at all").unwrap();
    }
    std::fs::write(home.compiled_runtimes().join("modules").join("more"), "of it").unwrap();
    let damaged = entries(&home.compiled_runtimes());
    let node = start();
    node.finalised_hash(node.finalised().await + 1).await;
    let mended = entries(&home.compiled_runtimes());
    for path in compiled.keys() {
        assert_ne!(mended[path], damaged[path], "not compiled anew");
    }
}

#[tokio::test]
async fn a_runtime_that_was_compiled_ahead_is_there_when_the_node_needs_it() {
    let home = Home::apart();
    let file = Path::new(home.path()).join("runtime.wasm");
    let code = WASM_BINARY.expect("the runtime was built for nodes, too");
    std::fs::write(&file, code).unwrap();
    let said = gridveil_ok(&["compile-runtime", text(&file), "--base-path", home.path()]);
    let said: Value = serde_json::from_slice(&said).unwrap();
    assert_eq!(said["name"], "gridveil");
    assert_eq!(said["specVersion"], VERSION.spec_version);
    assert_eq!(said["codeHash"], to_hex(&blake2_256(code), false));
    let compiled = entries(&home.compiled_runtimes());
    assert_eq!(compiled.len(), 1, "{compiled:?}");

    let mut node = Node::at(&home, &["--chain", &Spec::dev().path(), "--alice", "--no-prometheus"]);
    node.finalised_hash(1).await;
    assert_eq!(node.stop().code(), Some(0));
    assert_eq!(entries(&home.compiled_runtimes()), compiled, "compiled anew");
}

/// The compiled runtimes below `folder`, each with its size and the time when it was written. Beside each there is a record
/// of its use, which changes whenever it is read.
fn entries(folder: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let about = path.metadata().unwrap();
        if about.is_dir() {
            found.extend(entries(&path));
        } else if path.extension().is_none() {
            found.insert(path, (about.len(), about.modified().unwrap()));
        }
    }
    found
}
