//! Four aggregators on this machine: a chain spec, four node processes with real P2P on loopback, and what a test does to
//! them.
//!
//! Promises that [`Network::start`] returns once every node answers and the chain finalises. The spec is the node's own
//! `local` one with a slot of the demo's length and the demo's regions; nothing else of it is touched.
//!
//! **Privacy.** Development keys, known to everyone: fit for a demo and for nothing else.

use std::{
    io,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use gridveil_chain_client::{Chain, Options};
use gridveil_primitives::RegionId;
use tokio::time::{sleep, Instant};

use crate::process::{Invocation, Process, ProcessError};

/// The aggregators, as the `local` chain spec names them.
pub const AGGREGATORS: [&str; 4] = ["alice", "bob", "charlie", "dave"];

const TOOL_TIME: Duration = Duration::from_secs(60);
const START_TIME: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(250);

/// What went wrong with the network.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// A process failed.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file or a port could not be had.
    #[error("can't prepare the network: {0}")]
    Io(#[from] io::Error),
    /// The chain spec isn't what this code knows.
    #[error("the node's chain spec can't be used: {0}")]
    Spec(String),
    /// The chain did not get going.
    #[error("the network did not finalise a block within {0:?}; the nodes' logs say why")]
    NotFinalising(Duration),
    /// A node does not answer.
    #[error(transparent)]
    Chain(#[from] gridveil_chain_client::Error),
}

struct Node {
    name: &'static str,
    rpc_port: u16,
    arguments: Vec<String>,
    process: Option<Process>,
}

/// The running network.
pub struct Network {
    program: PathBuf,
    logs: PathBuf,
    nodes: Vec<Node>,
}

/// A port that was free a moment ago.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The node's `local` spec with our slot, and with our regions given to the aggregators in turn.
fn adapt_spec(spec: &mut serde_json::Value, slot: Duration, regions: &[RegionId]) -> Option<()> {
    let genesis = spec.pointer_mut("/genesis/runtimeGenesis/patch")?;
    let slot = u64::try_from(slot.as_millis()).ok()?;
    genesis
        .pointer_mut("/finality")?
        .as_object_mut()?
        .insert("slotMs".into(), slot.into());
    let given = genesis.pointer_mut("/registry/regions")?.as_array_mut()?;
    // An entry begins with the region's number; the rest says whose it is.
    let patterns = given.clone();
    *given = regions
        .iter()
        .zip(patterns.iter().cycle())
        .map(|(_, entry)| entry.clone())
        .collect();
    for (entry, region) in given.iter_mut().zip(regions) {
        *entry.get_mut(0)? = (*region).into();
    }
    (given.len() == regions.len()).then_some(())
}

async fn write_spec(
    program: &Path,
    logs: &Path,
    to: &Path,
    slot: Duration,
    regions: &[RegionId],
) -> Result<(), NetworkError> {
    let invocation = Invocation::new("export-chain-spec", program, logs).arg("export-chain-spec");
    let text = invocation.option("--chain", "local").run(TOOL_TIME).await?;
    let mut spec = serde_json::from_str(&text).map_err(|e| NetworkError::Spec(e.to_string()))?;
    adapt_spec(&mut spec, slot, regions)
        .ok_or_else(|| NetworkError::Spec("its genesis has no slot or no regions where they are looked for".into()))?;
    std::fs::write(to, spec.to_string())?;
    Ok(())
}

impl Network {
    /// Writes the spec, starts the nodes in `dir` and waits until block 1 is final.
    pub async fn start(
        program: &Path,
        dir: &Path,
        logs: &Path,
        slot: Duration,
        regions: &[RegionId],
    ) -> Result<Self, NetworkError> {
        let spec = dir.join("chain-spec.json");
        write_spec(program, logs, &spec, slot, regions).await?;
        let mut bootnodes = Vec::new();
        let mut network = Self {
            program: program.into(),
            logs: logs.into(),
            nodes: Vec::new(),
        };
        for name in AGGREGATORS {
            let base = dir.join(name);
            std::fs::create_dir_all(&base)?;
            let key = base.join("node-key");
            Invocation::new(format!("{name} key"), program, logs)
                .arg("key")
                .arg("generate-node-key")
                .path("--file", &key)
                .run(TOOL_TIME)
                .await?;
            let inspect = Invocation::new(format!("{name} peer"), program, logs)
                .arg("key")
                .arg("inspect-node-key");
            let peer = inspect.path("--file", &key).run(TOOL_TIME).await?;
            let (p2p, rpc_port) = (free_port()?, free_port()?);
            bootnodes.push(format!("/ip4/127.0.0.1/tcp/{p2p}/p2p/{}", peer.trim()));
            let text = |path: &Path| path.display().to_string();
            let mut arguments = vec![format!("--{name}")];
            for (option, value) in [
                ("--chain", text(&spec)),
                ("--base-path", text(&base)),
                ("--node-key-file", text(&key)),
                ("--listen-addr", format!("/ip4/127.0.0.1/tcp/{p2p}")),
                ("--rpc-port", rpc_port.to_string()),
                ("--rpc-max-connections", "200".into()),
            ] {
                arguments.extend([option.to_string(), value]);
            }
            arguments.extend(["--validator", "--no-telemetry", "--no-prometheus", "--no-mdns"].map(String::from));
            network.nodes.push(Node {
                name,
                rpc_port,
                arguments,
                process: None,
            });
        }
        for (index, node) in network.nodes.iter_mut().enumerate() {
            for (other, address) in bootnodes.iter().enumerate() {
                if other != index {
                    node.arguments.extend(["--bootnodes".to_string(), address.clone()]);
                }
            }
        }
        for index in 0..network.nodes.len() {
            network.launch(index)?;
        }
        network.wait_for_finality().await?;
        Ok(network)
    }

    fn launch(&mut self, index: usize) -> Result<(), NetworkError> {
        if let Some(node) = self.nodes.get_mut(index) {
            let start = Invocation::new(node.name, &self.program, &self.logs);
            node.process = Some(
                node.arguments
                    .iter()
                    .fold(start, |call, argument| call.arg(argument))
                    .start()?,
            );
        }
        Ok(())
    }

    async fn wait_for_finality(&mut self) -> Result<(), NetworkError> {
        let deadline = Instant::now() + START_TIME;
        for index in 0..self.nodes.len() {
            loop {
                if let Some(process) = self.nodes.get_mut(index).and_then(|node| node.process.as_mut()) {
                    process.check_alive()?;
                }
                // The node may not listen yet: that it does not answer is no error before the deadline.
                if let Ok(chain) = self.client(index).await {
                    if chain.finalised().await.is_ok_and(|head| head.number >= 1) {
                        break;
                    }
                }
                if Instant::now() > deadline {
                    return Err(NetworkError::NotFinalising(START_TIME));
                }
                sleep(POLL).await;
            }
        }
        Ok(())
    }

    /// A client of one node and no other.
    pub async fn client(&self, index: usize) -> Result<Chain, gridveil_chain_client::Error> {
        Chain::connect(Options::new(self.urls().into_iter().skip(index).take(1).collect())).await
    }

    /// The nodes' RPC addresses.
    pub fn urls(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| format!("ws://127.0.0.1:{}", node.rpc_port))
            .collect()
    }

    /// The same, beginning with one node's: that aggregator first, the others when it fails.
    pub fn urls_from(&self, first: usize) -> String {
        let mut urls = self.urls();
        let count = urls.len().max(1);
        urls.rotate_left(first % count);
        urls.join(",")
    }

    /// An aggregator's name.
    pub fn name(&self, index: usize) -> &'static str {
        self.nodes.get(index).map_or("?", |node| node.name)
    }

    /// Kills a node without warning.
    pub async fn kill(&mut self, index: usize) -> Result<(), NetworkError> {
        if let Some(process) = self.nodes.get_mut(index).and_then(|node| node.process.take()) {
            process.kill().await?;
        }
        Ok(())
    }

    /// Starts a killed node again, on the database that it left.
    pub fn restart(&mut self, index: usize) -> Result<(), NetworkError> {
        self.launch(index)
    }

    /// Ends all nodes.
    pub async fn stop(mut self) -> Result<(), NetworkError> {
        for process in self.nodes.iter_mut().filter_map(|node| node.process.take()) {
            process.stop().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_spec_gets_the_slot_and_as_many_regions_as_asked_for() {
        let mut spec = json!({"genesis": {"runtimeGenesis": {"patch": {
            "finality": {"slotMs": 6000}, "registry": {"regions": [[1, "a", 3], [2, "b", 3]]}}}}});
        adapt_spec(&mut spec, Duration::from_secs(2), &[1, 2, 3]).unwrap();
        let patch = &spec["genesis"]["runtimeGenesis"]["patch"];
        assert_eq!(patch["finality"]["slotMs"], 2000);
        assert_eq!(
            patch["registry"]["regions"],
            json!([[1, "a", 3], [2, "b", 3], [3, "a", 3]])
        );
    }

    #[test]
    fn a_spec_of_another_form_is_refused() {
        assert!(adapt_spec(&mut json!({"genesis": {"raw": {}}}), Duration::from_secs(2), &[1]).is_none());
    }
}
