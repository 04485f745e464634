//! Which chain: `dev`, `local`, or a chain spec file that the consortium agreed on.
//!
//! The built-in chains take their whole genesis from the runtime's presets, so that a chain spec exported from this
//! binary and the runtime inside it can't disagree. A real consortium exports `local`, edits the genesis, and shares
//! the result as one file; its hash is what all members agree on (`docs/protocol.md`).
//!
//! **Privacy.** A chain spec holds public keys only. The two built-in chains use the well-known development keys, whose
//! secrets everybody knows: they are for tests.

use gridveil_host_functions::HostFunctions;
use gridveil_runtime::WASM_BINARY;
use sc_chain_spec::{ChainType, GenericChainSpec, NoExtension, DEV_RUNTIME_PRESET, LOCAL_TESTNET_RUNTIME_PRESET};
use std::path::PathBuf;

/// A gridveil chain spec: no extensions, and the runtime has our host functions.
pub type ChainSpec = GenericChainSpec<NoExtension, HostFunctions>;

/// Loads the chain that `--chain` names: `dev`, `local` (also when none is named), or the path of a JSON file.
///
/// # Errors
///
/// A message that says which of the two built-in names or which file was tried, and why it failed.
pub fn load(id: &str) -> Result<Box<dyn sc_chain_spec::ChainSpec>, String> {
    Ok(Box::new(match id {
        "dev" => from_preset(
            "gridveil development",
            "gridveil_dev",
            ChainType::Development,
            DEV_RUNTIME_PRESET,
        )?,
        "" | "local" => from_preset(
            "gridveil local testnet",
            "gridveil_local",
            ChainType::Local,
            LOCAL_TESTNET_RUNTIME_PRESET,
        )?,
        file => ChainSpec::from_json_file(PathBuf::from(file))
            .map_err(|error| format!("`{file}` is neither `dev` nor `local`, nor a chain spec file: {error}"))?,
    }))
}

fn from_preset(name: &str, id: &str, chain_type: ChainType, preset: &str) -> Result<ChainSpec, String> {
    let wasm = WASM_BINARY.ok_or_else(|| {
        format!(
            "the chain `{id}` needs the runtime, which this binary was built without: build it without SKIP_WASM_BUILD"
        )
    })?;
    Ok(ChainSpec::builder(wasm, None)
        .with_name(name)
        .with_id(id)
        .with_chain_type(chain_type)
        .with_protocol_id("gridveil")
        .with_genesis_config_preset_name(preset)
        .build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_is_neither_built_in_nor_a_file_is_refused_by_name() {
        let error = load("/nowhere/spec.json").map(|spec| spec.id().to_owned()).unwrap_err();
        assert!(
            error.contains("`/nowhere/spec.json` is neither `dev` nor `local`"),
            "{error}"
        );
    }

    #[test]
    fn a_file_that_is_no_chain_spec_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("spec.json");
        std::fs::write(&file, "{ \"name\": 1 }").unwrap();
        let error = load(file.to_str().unwrap())
            .map(|spec| spec.id().to_owned())
            .unwrap_err();
        assert!(error.contains("Error parsing spec file"), "{error}");
    }
}
