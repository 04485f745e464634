//! Chains with a genesis of the tests' own.

use crate::common::text;
use gridveil_runtime::{genesis_presets::get_preset, RuntimeGenesisConfig, WASM_BINARY};
use sc_chain_spec::json_patch;
use serde_json::{json, Map, Value};
use sp_core::{bytes::to_hex, storage::well_known_keys::CODE};
use sp_runtime::BuildStorage;
use tempfile::TempDir;

/// The raw chain spec of a built-in genesis with some other settings. Dropping it removes it.
///
/// It is built here and not by the node, which compiles the runtime each time it is asked for one; and with a raw spec a node
/// that starts again does not make its genesis anew.
pub struct Spec(TempDir);

impl Spec {
    /// The chain of the runtime's `preset` whose genesis has the members of `finality` in place of its own of these names.
    pub fn new(preset: &str, finality: Value) -> Self {
        let patch = get_preset(&preset.into()).expect("a preset of the runtime");
        let mut genesis = serde_json::to_value(RuntimeGenesisConfig::default()).unwrap();
        json_patch::merge(&mut genesis, serde_json::from_slice(&patch).unwrap());
        json_patch::merge(&mut genesis, json!({ "finality": finality }));
        let genesis: RuntimeGenesisConfig = serde_json::from_value(genesis).unwrap();

        let mut storage = genesis.build_storage().expect("the genesis is in order");
        let code = WASM_BINARY.expect("the runtime was built for nodes, too");
        storage.top.insert(CODE.to_vec(), code.to_vec());
        let top: Map<String, Value> = storage
            .top
            .iter()
            .map(|(key, value)| (to_hex(key, false), to_hex(value, false).into()))
            .collect();
        let spec = json!({
            "name": "gridveil test",
            "id": "gridveil_test",
            "chainType": "Local",
            "bootNodes": [],
            "telemetryEndpoints": null,
            "protocolId": "gridveil",
            "properties": null,
            "codeSubstitutes": {},
            "genesis": { "raw": { "top": top, "childrenDefault": {} } },
        });
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("raw.json"), spec.to_string()).unwrap();
        Self(directory)
    }

    /// The chain of one member, Alice, as it is built in.
    pub fn dev() -> Self {
        Self::new("development", json!({}))
    }

    /// What `--chain` takes.
    pub fn path(&self) -> String {
        text(&self.0.path().join("raw.json")).to_owned()
    }
}
