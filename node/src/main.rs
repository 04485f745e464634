//! `gridveil-node`: one aggregator (data aggregator, DA) of the consortium, or a full node that follows it.
//!
//! Promises: executes every block with the runtime that the chain holds, authors in its Aura slots and votes in GRANDPA
//! when it is an authority, reports authors that make two blocks in one slot, talks to listed nodes only where the chain
//! says so, and serves JSON-RPC to meters and operators. Everything that is specific to gridveil is in the runtime; the
//! node decides only how blocks are made, voted on, kept and handed out.
//!
//! **Privacy.** The node sees masked shares, one-time pseudonyms and the network address each share came from; at the
//! default log level it keeps no record of who called. It sends nothing to anybody but its peers: no telemetry unless
//! `--telemetry-url` or the chain spec names a place.

#![allow(
    clippy::result_large_err,
    reason = "the errors are sc-cli's and sc-service's, and end the process"
)]

mod aggregator;
mod certificate;
mod chain_spec;
mod cli;
mod command;
mod compile;
mod driven;
mod equivocation;
mod gate;
mod metrics;
mod peers;
mod pruning;
mod rpc;
mod service;
mod status;
mod vote;

use std::{error::Error, process::ExitCode};

fn main() -> ExitCode {
    match command::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("gridveil-node: {error}");
            let mut cause = error.source();
            while let Some(inner) = cause {
                eprintln!("  because: {inner}");
                cause = inner.source();
            }
            ExitCode::FAILURE
        }
    }
}
