//! The aggregators of a run: node processes with real P2P, and what a test does to them.
//!
//! Promises that [`Network::start`] returns once every node answers and the chain finalises, and that a node which is
//! started again comes back as it was: same keys, same identity in the network, same addresses, the database that it
//! left. Where a node lives is its [`Site`]: loopback, or a network namespace that the caller made.
//!
//! **Privacy.** Development keys, known to everyone: fit for demonstrations and tests, and for nothing else.

use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4, TcpListener},
    path::{Path, PathBuf},
    process::ExitStatus,
    time::Duration,
};

use futures::future::{join_all, try_join_all};
use gridveil_chain_client::{Chain, Options};
use tokio::time::{sleep, Instant};

pub use crate::spec::Genesis;
use crate::{
    process::{log_file, Invocation, Process, ProcessError},
    spec::{self, TOOL_TIME},
};

/// The names of the development keys that a node knows, in the order in which members are taken from them.
pub const MEMBERS: &[&str] = &["alice", "bob", "charlie", "dave", "eve", "ferdie", "one", "two"];

/// How long the first finalised block may take, on a machine that has other work, too.
const START_TIME: Duration = Duration::from_secs(300);
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

/// Where a node lives.
#[derive(Clone, Debug)]
pub struct Site {
    /// Where other nodes find it.
    pub p2p: SocketAddrV4,
    /// Where clients find its RPC.
    pub rpc: SocketAddrV4,
    /// The words before its program, that put the process in its place; none for the machine itself.
    pub wrapper: Vec<String>,
}

impl Site {
    /// Ports of loopback that were free a moment ago.
    ///
    /// # Errors
    ///
    /// If the system has no free port.
    pub fn loopback() -> io::Result<Self> {
        let free = || -> io::Result<SocketAddrV4> {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
            Ok(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port))
        };
        Ok(Self {
            p2p: free()?,
            rpc: free()?,
            wrapper: Vec::new(),
        })
    }
}

/// What a node is to be.
pub struct NodePlan {
    /// Its name, which names its folder and its log, too.
    pub name: String,
    /// The member whose development keys it holds; without one it has the keys that its keystore holds, if any.
    pub member: Option<&'static str>,
    /// Where it lives.
    pub site: Site,
    /// Where its database and keys are, if not in its folder of the run.
    pub base: Option<PathBuf>,
    /// More options for it.
    pub options: Vec<String>,
}

impl NodePlan {
    /// A member's node.
    pub fn member(name: &'static str, site: Site) -> Self {
        Self {
            member: Some(name),
            ..Self::named(name, site)
        }
    }

    /// A node without keys of its own.
    pub fn named(name: impl Into<String>, site: Site) -> Self {
        Self {
            name: name.into(),
            member: None,
            site,
            base: None,
            options: Vec::new(),
        }
    }

    /// A member's node on loopback.
    ///
    /// # Errors
    ///
    /// Those of [`Site::loopback`].
    pub fn on_loopback(name: &'static str) -> io::Result<Self> {
        Ok(Self::member(name, Site::loopback()?))
    }
}

struct Node {
    plan: NodePlan,
    base: PathBuf,
    node_key: PathBuf,
    /// The address that other nodes dial.
    address: String,
    process: Option<Process>,
}

/// The running network.
pub struct Network {
    program: PathBuf,
    dir: PathBuf,
    logs: PathBuf,
    spec: PathBuf,
    nodes: Vec<Node>,
}

impl Network {
    /// Writes the spec, starts the nodes in `dir` and waits until block 1 is final at each.
    ///
    /// # Errors
    ///
    /// Those of [`NetworkError`]. What was started has ended by then.
    pub async fn start(
        program: &Path,
        dir: &Path,
        logs: &Path,
        genesis: &Genesis<'_>,
        plans: Vec<NodePlan>,
    ) -> Result<Self, NetworkError> {
        let mut network = Self {
            program: program.into(),
            dir: dir.into(),
            logs: logs.into(),
            spec: dir.join("chain-spec.json"),
            nodes: Vec::new(),
        };
        spec::write(program, logs, &network.spec, genesis).await?;
        for plan in plans {
            network.prepare(plan).await?;
        }
        for index in 0..network.nodes.len() {
            network.restart(index)?;
        }
        network.wait_for_finality().await?;
        Ok(network)
    }

    /// Gives a node its folder and its identity in the network, without starting it; returns its index.
    ///
    /// # Errors
    ///
    /// Those of [`NetworkError`].
    pub async fn prepare(&mut self, plan: NodePlan) -> Result<usize, NetworkError> {
        let name = &plan.name;
        let base = plan.base.clone().unwrap_or_else(|| self.dir.join(name));
        std::fs::create_dir_all(&base)?;
        // Not in the base path, so that it stays when that is wiped.
        let node_key = self.dir.join(format!("{name}.node-key"));
        Invocation::new(format!("{name} key"), &self.program, &self.logs)
            .arg("key")
            .arg("generate-node-key")
            .path("--file", &node_key)
            .run(TOOL_TIME)
            .await?;
        let inspect = Invocation::new(format!("{name} peer"), &self.program, &self.logs)
            .arg("key")
            .arg("inspect-node-key");
        let peer = inspect.path("--file", &node_key).run(TOOL_TIME).await?;
        let (ip, port) = (plan.site.p2p.ip(), plan.site.p2p.port());
        let address = format!("/ip4/{ip}/tcp/{port}/p2p/{}", peer.trim());
        self.nodes.push(Node {
            plan,
            base,
            node_key,
            address,
            process: None,
        });
        Ok(self.nodes.len() - 1)
    }

    fn arguments(&self, index: usize, node: &Node) -> Vec<String> {
        let Site { p2p, rpc, .. } = &node.plan.site;
        let text = |path: &Path| path.display().to_string();
        let mut arguments = match node.plan.member {
            Some(member) => vec![format!("--{member}")],
            None => vec!["--name".to_string(), node.plan.name.clone()],
        };
        for (option, value) in [
            ("--chain", text(&self.spec)),
            ("--base-path", text(&node.base)),
            ("--node-key-file", text(&node.node_key)),
            ("--listen-addr", format!("/ip4/{}/tcp/{}", p2p.ip(), p2p.port())),
            ("--rpc-port", rpc.port().to_string()),
        ] {
            arguments.extend([option.to_string(), value]);
        }
        arguments.extend(["--validator", "--no-telemetry", "--no-prometheus", "--no-mdns"].map(String::from));
        if !rpc.ip().is_loopback() {
            arguments.extend(["--unsafe-rpc-external", "--rpc-cors", "all"].map(String::from));
        }
        for (other, peer) in self.nodes.iter().enumerate() {
            if other != index {
                arguments.extend(["--bootnodes".to_string(), peer.address.clone()]);
            }
        }
        arguments.extend(node.plan.options.iter().cloned());
        arguments
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
    ///
    /// # Errors
    ///
    /// Those of [`Chain::connect`].
    pub async fn client(&self, index: usize) -> Result<Chain, gridveil_chain_client::Error> {
        Chain::connect(Options::new(self.urls().into_iter().skip(index).take(1).collect())).await
    }

    /// How many nodes there are, running or not.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The nodes' RPC addresses.
    pub fn urls(&self) -> Vec<String> {
        self.nodes
            .iter()
            .map(|node| format!("ws://{}", node.plan.site.rpc))
            .collect()
    }

    /// The same, beginning with one node's: that aggregator first, the others when it fails.
    pub fn urls_from(&self, first: usize) -> String {
        let mut urls = self.urls();
        let count = urls.len().max(1);
        urls.rotate_left(first % count);
        urls.join(",")
    }

    /// A node's name.
    pub fn name(&self, index: usize) -> &str {
        self.nodes.get(index).map_or("?", |node| &node.plan.name)
    }

    /// The names of several nodes.
    pub fn names(&self, indices: &[usize]) -> String {
        indices
            .iter()
            .map(|index| self.name(*index))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Where a node's log is.
    pub fn log(&self, index: usize) -> PathBuf {
        log_file(&self.logs, self.name(index))
    }

    /// Where a node's database and keys are.
    pub fn base(&self, index: usize) -> &Path {
        self.nodes.get(index).map_or(Path::new(""), |node| &node.base)
    }

    /// The spec that all nodes were started with.
    pub fn spec(&self) -> &Path {
        &self.spec
    }

    /// Whether a node was started and not ended by this module.
    pub fn is_up(&self, index: usize) -> bool {
        self.nodes.get(index).is_some_and(|node| node.process.is_some())
    }

    /// A node's process id, while it runs.
    pub fn process_id(&self, index: usize) -> Option<u32> {
        self.nodes.get(index)?.process.as_ref()?.id()
    }

    /// How a node that ended by itself did so; `None` while it runs.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Process`] where the system does not say.
    pub fn ended(&mut self, index: usize) -> Result<Option<ExitStatus>, NetworkError> {
        match self.nodes.get_mut(index).and_then(|node| node.process.as_mut()) {
            Some(process) => Ok(process.status()?),
            None => Ok(None),
        }
    }

    /// Kills a node without warning.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Process`].
    pub async fn kill(&mut self, index: usize) -> Result<(), NetworkError> {
        self.kill_all(&[index]).await
    }

    /// Kills several nodes without warning, all at the same moment.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Process`].
    pub async fn kill_all(&mut self, indices: &[usize]) -> Result<(), NetworkError> {
        let victims: Vec<_> = indices
            .iter()
            .filter_map(|index| self.nodes.get_mut(*index)?.process.take())
            .collect();
        for ended in join_all(victims.into_iter().map(Process::kill)).await {
            ended?;
        }
        Ok(())
    }

    /// Starts a node that does not run, on the database that it left.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Process`].
    pub fn restart(&mut self, index: usize) -> Result<(), NetworkError> {
        let Some(node) = self.nodes.get(index) else {
            return Ok(());
        };
        let start = Invocation::new(&node.plan.name, &self.program, &self.logs).within(&node.plan.site.wrapper);
        let process = self
            .arguments(index, node)
            .iter()
            .fold(start, |call, argument| call.arg(argument))
            .start()?;
        if let Some(node) = self.nodes.get_mut(index) {
            node.process = Some(process);
        }
        Ok(())
    }

    /// Ends all nodes.
    ///
    /// # Errors
    ///
    /// [`NetworkError::Process`] where one did not end well.
    pub async fn stop(mut self) -> Result<(), NetworkError> {
        let processes: Vec<_> = self.nodes.iter_mut().filter_map(|node| node.process.take()).collect();
        try_join_all(processes.into_iter().map(Process::stop)).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network() -> Network {
        let node = |name: &'static str, last: u8| Node {
            plan: NodePlan::member(
                name,
                Site {
                    p2p: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, last), 30333),
                    rpc: SocketAddrV4::new(Ipv4Addr::new(10, 1, 0, last), 9944),
                    wrapper: Vec::new(),
                },
            ),
            base: name.into(),
            node_key: format!("{name}.node-key").into(),
            address: format!("/ip4/10.0.0.{last}/tcp/30333/p2p/{name}"),
            process: None,
        };
        Network {
            program: "node".into(),
            dir: "nodes".into(),
            logs: "logs".into(),
            spec: "spec".into(),
            nodes: vec![node("alice", 1), node("bob", 2), node("charlie", 3)],
        }
    }

    #[test]
    fn clients_begin_with_the_node_that_they_are_given_and_go_on_round_the_list() {
        let urls = network().urls_from(2);
        assert_eq!(urls, "ws://10.1.0.3:9944,ws://10.1.0.1:9944,ws://10.1.0.2:9944");
    }

    #[test]
    fn a_node_dials_all_others_and_opens_its_rpc_only_off_loopback() {
        let mut network = network();
        let arguments = network.arguments(1, &network.nodes[1]).join(" ");
        assert!(arguments.starts_with("--bob "), "{arguments}");
        assert!(
            arguments.contains("/p2p/alice") && arguments.contains("/p2p/charlie"),
            "{arguments}"
        );
        assert!(!arguments.contains("/p2p/bob"), "{arguments}");
        assert!(arguments.contains("--unsafe-rpc-external"), "{arguments}");
        network.nodes[1].plan.site.rpc.set_ip(Ipv4Addr::LOCALHOST);
        let arguments = network.arguments(1, &network.nodes[1]).join(" ");
        assert!(!arguments.contains("--unsafe-rpc-external"), "{arguments}");
    }
}
