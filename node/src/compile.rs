//! `compile-runtime`: makes machine code of a runtime before the chain needs it.
//!
//! A runtime that comes by a decision is in force with the next block, and whoever has not compiled it by then does so before
//! it can execute or make that block: a quarter of a minute and more, in which slots pass. Compiled ahead, it is found where
//! the node looks for it, whether the node runs meanwhile or not. The command also tells whether this node can run the
//! runtime at all, and the hash that a decision names, so that a member looks before it votes.
//!
//! **Privacy.** The runtime's code, which is public.

use std::{borrow::Cow, path::PathBuf};

use sc_cli::{CliConfiguration, SharedParams};
use sc_executor::RuntimeVersionOf;
use sc_service::Configuration;
use sp_core::{
    bytes::to_hex,
    traits::{RuntimeCode, WrappedRuntimeCode},
};
use sp_io::hashing::blake2_256;
use sp_state_machine::BasicExternalities;

use crate::service;

/// What is to be compiled, and for which node.
#[derive(Debug, clap::Args)]
pub struct CompileRuntimeCmd {
    /// The runtime's code, as it is proposed: `gridveil_runtime.compact.compressed.wasm`.
    #[arg(value_name = "FILE.wasm")]
    code: PathBuf,

    /// The standard flags; `--base-path` says for which node.
    #[command(flatten)]
    pub shared_params: SharedParams,
}

impl CliConfiguration for CompileRuntimeCmd {
    fn shared_params(&self) -> &SharedParams {
        &self.shared_params
    }
}

impl CompileRuntimeCmd {
    /// Compiles the runtime into the node's folder, unless it is there, and prints its name, version and hash (blake2b,
    /// 32 bytes) as JSON.
    ///
    /// # Errors
    ///
    /// If the file can't be read, is no runtime, or is one that needs functions of its host that this node lacks.
    pub fn run(&self, config: &Configuration) -> sc_cli::Result<()> {
        let path = self.code.display();
        let code = std::fs::read(&self.code)
            .map_err(|error| sc_cli::Error::Input(format!("the runtime {path} can't be read: {error}")))?;
        let hash = blake2_256(&code);
        let runtime = RuntimeCode {
            code_fetcher: &WrappedRuntimeCode(Cow::Borrowed(&code)),
            heap_pages: None,
            hash: hash.to_vec(),
        };
        let version = service::executor(config)
            .runtime_version(&mut BasicExternalities::default(), &runtime)
            .map_err(|error| {
                sc_cli::Error::Input(format!(
                    "this node can't run the code in {path}; if it is gridveil's runtime, install a newer node first: {error}"
                ))
            })?;
        println!(
            r#"{{"name":"{}","specVersion":{},"codeHash":"{}"}}"#,
            version.spec_name,
            version.spec_version,
            to_hex(&hash, false)
        );
        Ok(())
    }
}
