//! The commands that need no network.

mod common;

use common::{gridveil, gridveil_ok, text};
use serde_json::Value;

/// `:code` in hexadecimal: the storage key of the runtime.
const CODE_KEY: &str = "0x3a636f6465";

#[test]
fn the_version_names_the_node_and_its_release() {
    let said = String::from_utf8(gridveil_ok(&["--version"])).unwrap();
    assert!(
        said.starts_with(concat!("gridveil-node ", env!("CARGO_PKG_VERSION"), "-")),
        "{said}"
    );
}

#[test]
fn the_chain_specs_of_dev_and_local_are_json_with_a_genesis_to_edit() {
    for (chain, id, chain_type) in [
        ("dev", "gridveil_dev", "Development"),
        ("local", "gridveil_local", "Local"),
    ] {
        let spec: Value = serde_json::from_slice(&gridveil_ok(&["export-chain-spec", "--chain", chain])).unwrap();
        assert_eq!(spec["id"], id);
        assert_eq!(spec["chainType"], chain_type);
        assert_eq!(spec["bootNodes"], Value::Array(Vec::new()));
        assert!(
            spec["genesis"]["runtimeGenesis"]["code"].as_str().unwrap().len() > 100_000,
            "{chain}: no runtime"
        );
        assert!(
            !spec["genesis"]["runtimeGenesis"]["patch"]
                .as_object()
                .unwrap()
                .is_empty(),
            "{chain}: no genesis"
        );
    }
}

#[test]
fn a_raw_chain_spec_made_from_an_exported_file_holds_the_runtime() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("plain.json");
    gridveil_ok(&["export-chain-spec", "--chain", "local", "--output", text(&file)]);

    let raw: Value =
        serde_json::from_slice(&gridveil_ok(&["export-chain-spec", "--chain", text(&file), "--raw"])).unwrap();
    let genesis = raw["genesis"]["raw"]["top"].as_object().unwrap();
    assert!(genesis[CODE_KEY].as_str().unwrap().len() > 100_000);
    assert!(
        genesis.len() > 10,
        "a genesis of {} entries has no members and no regions",
        genesis.len()
    );
}

#[test]
fn an_unknown_chain_is_refused_by_name() {
    let output = gridveil(&["export-chain-spec", "--chain", "mainnet"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.contains("`mainnet` is neither `dev` nor `local`, nor a chain spec file"),
        "{said}"
    );
}

#[test]
fn an_authority_without_an_identity_is_told_how_to_make_one() {
    let directory = tempfile::tempdir().unwrap();
    let output = gridveil(&[
        "--chain",
        "local",
        "--alice",
        "--base-path",
        text(directory.path()),
        "--rpc-port",
        "0",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("key generate-node-key"), "{said}");
}

#[test]
fn the_network_backend_that_is_not_built_in_is_refused_before_anything_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let output = gridveil(&[
        "--dev",
        "--network-backend",
        "libp2p",
        "--base-path",
        text(directory.path()),
        "--rpc-port",
        "0",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("leave --network-backend out"), "{said}");
    assert!(!directory.path().join("chains/gridveil_dev/paritydb").exists());
}

#[test]
fn what_is_no_runtime_for_this_node_is_not_compiled() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("runtime.wasm");
    let compile = || {
        let output = gridveil(&["compile-runtime", text(&file), "--base-path", text(directory.path())]);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    let said = compile();
    assert!(said.contains("can't be read"), "{said}");

    std::fs::write(&file, b"\0asm\x01\0\0\0").unwrap();
    let said = compile();
    assert!(said.contains("this node can't run the code in"), "{said}");
}
