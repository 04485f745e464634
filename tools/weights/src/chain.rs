//! The runtime with its benchmarks, and the first state of a development chain for it to start each of them from.

use crate::clock;
use codec::{Decode, Encode};
use frame_benchmarking::{benchmarking, BenchmarkBatch, BenchmarkConfig, BenchmarkList, BenchmarkResult};
use frame_support::traits::StorageInfo;
use sc_client_db::BenchmarkingState;
use sc_executor::{sp_wasm_interface::ExtendedHostFunctions, WasmExecutor};
use serde_json::Value;
use sp_core::traits::{CallContext, CodeExecutor, Externalities, RuntimeCode, WrappedRuntimeCode};
use sp_externalities::Extensions;
use sp_io::hashing::blake2_256;
use sp_keystore::{testing::MemoryKeystore, KeystoreExt};
use sp_runtime::traits::BlakeTwo256;
use sp_state_machine::{BasicExternalities, StateMachine};
use sp_storage::Storage;
use std::error::Error;

/// The runtime, as the build script made it.
// The constants in the included file are the builder's; they have no documentation, and one is enough.
#[allow(missing_docs, dead_code)]
mod wasm {
    include!(concat!(env!("OUT_DIR"), "/wasm_binary.rs"));
}

/// What a node's executor has, what benchmarks ask for beside it, and a clock of our own.
type HostFunctions = (
    ExtendedHostFunctions<
        (sp_io::SubstrateHostFunctions, benchmarking::HostFunctions),
        clock::benchmarking::HostFunctions,
    >,
    gridveil_host_functions::HostFunctions,
);

/// Whatever went wrong.
pub type Failure = Box<dyn Error>;

/// A chain of one block.
pub struct Chain {
    executor: WasmExecutor<HostFunctions>,
    code: WrappedRuntimeCode<'static>,
    hash: Vec<u8>,
    /// Counts what is read and written.
    counting: BenchmarkingState<BlakeTwo256>,
    /// Does not count, and so costs no time.
    plain: BenchmarkingState<BlakeTwo256>,
}

impl Chain {
    /// The chain of the genesis preset `preset`.
    pub fn new(preset: &str) -> Result<Self, Failure> {
        let code = wasm::WASM_BINARY.ok_or("built without the runtime")?;
        let mut chain = Self {
            executor: WasmExecutor::builder().build(),
            hash: blake2_256(code).to_vec(),
            code: WrappedRuntimeCode(code.into()),
            counting: state(Storage::default(), true)?,
            plain: state(Storage::default(), false)?,
        };
        let mut config = chain.preset(None)?;
        merge(&mut config, chain.preset(Some(preset))?);
        let mut genesis = BasicExternalities::new_empty();
        let built = chain.call(&mut genesis, "GenesisBuilder_build_state", &config.to_string().encode())?;
        Result::<(), String>::decode(&mut &built[..])??;
        let genesis = genesis.into_storages();
        chain.counting = state(genesis.clone(), true)?;
        chain.plain = state(genesis, false)?;
        Ok(chain)
    }

    /// The benchmarks by pallet, and what the entries of the state are called.
    pub fn benchmarks(&self) -> Result<(Vec<BenchmarkList>, Vec<StorageInfo>), Failure> {
        let listed = self.call(
            &mut BasicExternalities::new_empty(),
            "Benchmark_benchmark_metadata",
            &false.encode(),
        )?;
        Ok(Decode::decode(&mut &listed[..])?)
    }

    /// Runs a benchmark once, with the checks at its end.
    pub fn verify(&self, config: BenchmarkConfig) -> Result<(), Failure> {
        self.dispatch(
            &self.plain,
            BenchmarkConfig {
                verify: true,
                internal_repeats: 1,
                ..config
            },
        )?;
        Ok(())
    }

    /// What a benchmark reads and writes.
    pub fn count(&self, config: BenchmarkConfig) -> Result<Vec<BenchmarkResult>, Failure> {
        self.dispatch(
            &self.counting,
            BenchmarkConfig {
                internal_repeats: 1,
                ..config
            },
        )
    }

    /// How long a benchmark takes, each time.
    pub fn time(&self, config: BenchmarkConfig) -> Result<Vec<BenchmarkResult>, Failure> {
        self.dispatch(&self.plain, config)
    }

    fn dispatch(
        &self,
        state: &BenchmarkingState<BlakeTwo256>,
        config: BenchmarkConfig,
    ) -> Result<Vec<BenchmarkResult>, Failure> {
        let mut extensions = Extensions::default();
        extensions.register(KeystoreExt::new(MemoryKeystore::new()));
        let done = StateMachine::new(
            state,
            &mut Default::default(),
            &self.executor,
            "Benchmark_dispatch_benchmark",
            &config.encode(),
            &mut extensions,
            &self.runtime_code(),
            CallContext::Offchain,
        )
        .execute()
        .map_err(|error| error.to_string())?;
        let batches = Result::<Vec<BenchmarkBatch>, String>::decode(&mut &done[..])??;
        Ok(batches.into_iter().flat_map(|batch| batch.results).collect())
    }

    fn preset(&self, name: Option<&str>) -> Result<Value, Failure> {
        let preset = self.call(
            &mut BasicExternalities::new_empty(),
            "GenesisBuilder_get_preset",
            &name.encode(),
        )?;
        let preset = Option::<Vec<u8>>::decode(&mut &preset[..])?.ok_or("the runtime has no such preset")?;
        Ok(serde_json::from_slice(&preset)?)
    }

    fn call(&self, state: &mut dyn Externalities, method: &str, arguments: &[u8]) -> Result<Vec<u8>, Failure> {
        let (answer, _) = self
            .executor
            .call(state, &self.runtime_code(), method, arguments, CallContext::Offchain);
        Ok(answer?)
    }

    fn runtime_code(&self) -> RuntimeCode<'_> {
        RuntimeCode {
            code_fetcher: &self.code,
            heap_pages: None,
            hash: self.hash.clone(),
        }
    }
}

fn state(genesis: Storage, counting: bool) -> Result<BenchmarkingState<BlakeTwo256>, String> {
    BenchmarkingState::new(genesis, None, false, counting)
}

/// Puts what `patch` has in place of what `config` has.
fn merge(config: &mut Value, patch: Value) {
    match (config, patch) {
        (Value::Object(config), Value::Object(patch)) => {
            for (name, value) in patch {
                merge(config.entry(name).or_insert(Value::Null), value);
            }
        }
        (config, patch) => *config = patch,
    }
}
