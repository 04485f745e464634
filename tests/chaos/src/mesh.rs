//! The network between the nodes of one run: a namespace for each node, joined by two bridges that this one holds.
//!
//! Each node has two cables. One goes to the *mesh*, over which nodes find each other; it can be plugged into a second
//! bridge, which is what a partition is. The other goes to the *control* network, over which clients reach the node's RPC;
//! it stays plugged in, and its ports are kept from seeing each other, so that no node finds another that way. Works only
//! inside of a nest ([`crate::nest`]), which takes all of it away at the end.
//!
//! **Privacy.** Addresses of private networks that end at this machine.

use std::{
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    time::Duration,
};

use gridveil_demo::{
    network::Site,
    process::{Invocation, ProcessError},
};

/// The port of P2P in each namespace.
const P2P_PORT: u16 = 30_333;
/// The port of RPC in each namespace.
const RPC_PORT: u16 = 9_944;
/// The second byte of the mesh's addresses.
const MESH: u8 = 77;
/// The second byte of the control network's addresses.
const CONTROL: u8 = 78;
/// How often a node's kernel sends a TCP segment again, at least, before it gives the connection up: for 13 s instead of a
/// quarter of an hour. A node does not give up by itself a connection whose other end is silent, and the kernel's pauses
/// double: after an outage of a minute it would be silent for up to another one. Operators set the same (docs/consensus.md).
const TCP_RETRIES: u32 = 5;
/// How long a change of the network may take.
const TOOL_TIME: Duration = Duration::from_secs(10);

/// The network of one run.
pub struct Mesh {
    /// The run's number, which is in every name and address, so that runs don't get in each other's way.
    run: u8,
    dir: PathBuf,
    logs: PathBuf,
    nodes: u8,
}

/// Which of the bridges a cable is plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that all begin at.
    Main,
    /// The other one.
    Away,
}

impl Side {
    fn letter(self) -> char {
        match self {
            Self::Main => 'a',
            Self::Away => 'b',
        }
    }
}

impl Mesh {
    /// Builds the bridges. `dir` keeps the namespaces' files.
    ///
    /// # Errors
    ///
    /// [`ProcessError`] where the system refuses, as for all the methods below.
    pub async fn build(run: u8, dir: &Path, logs: &Path) -> Result<Self, ProcessError> {
        let mesh = Self {
            run,
            dir: dir.into(),
            logs: logs.into(),
            nodes: 0,
        };
        mesh.ip(&["link", "set", "lo", "up"]).await?;
        for bridge in [mesh.bridge(Side::Main), mesh.bridge(Side::Away), mesh.control_bridge()] {
            mesh.ip(&["link", "add", &bridge, "type", "bridge"]).await?;
            mesh.ip(&["link", "set", &bridge, "up"]).await?;
        }
        let own = format!("{}/24", mesh.address(CONTROL, 1));
        mesh.ip(&["address", "add", &own, "dev", &mesh.control_bridge()])
            .await?;
        Ok(mesh)
    }

    fn bridge(&self, side: Side) -> String {
        format!("mesh{}{}", self.run, side.letter())
    }

    fn control_bridge(&self) -> String {
        format!("control{}", self.run)
    }

    fn cable(&self, node: u8) -> String {
        format!("m{}-{node}", self.run)
    }

    fn address(&self, network: u8, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, network, self.run, host)
    }

    async fn ip(&self, arguments: &[&str]) -> Result<(), ProcessError> {
        let call = Invocation::new("ip", Path::new("ip"), &self.logs);
        let call = arguments.iter().fold(call, |call, argument| call.arg(argument));
        call.run(TOOL_TIME).await.map(drop)
    }

    async fn ip_within(&self, namespace: &str, arguments: &[&str]) -> Result<(), ProcessError> {
        let enter = [format!("--net={namespace}"), "--".into(), "ip".into()];
        let call = Invocation::new("nsenter", Path::new("nsenter"), &self.logs);
        let call = enter.iter().fold(call, |call, argument| call.arg(argument));
        let call = arguments.iter().fold(call, |call, argument| call.arg(argument));
        call.run(TOOL_TIME).await.map(drop)
    }

    /// Sets one of the kernel's settings of IPv4 within a namespace.
    async fn set_within(&self, namespace: &str, setting: &str, value: u32) -> Result<(), ProcessError> {
        let call = Invocation::new("nsenter", Path::new("nsenter"), &self.logs);
        let call = call.arg(format!("--net={namespace}")).arg("--").arg("sh").arg("-c");
        let call = call.arg(format!("echo {value} > /proc/sys/net/ipv4/{setting}"));
        call.run(TOOL_TIME).await.map(drop)
    }

    /// Makes a namespace for one more node, the index of which is the number of those before it, and plugs it in.
    pub async fn site(&mut self, name: &str) -> Result<Site, ProcessError> {
        let node = self.nodes;
        self.nodes = self.nodes.saturating_add(1);
        let file = self.dir.join(format!("{name}.net"));
        std::fs::write(&file, []).map_err(|source| ProcessError::Lost {
            name: format!("the file of {name}'s namespace"),
            source,
        })?;
        let namespace = file.display().to_string();
        // A namespace that is mounted on a file stays without a process in it.
        Invocation::new("unshare", Path::new("unshare"), &self.logs)
            .arg(format!("--net={namespace}"))
            .arg("true")
            .run(TOOL_TIME)
            .await?;
        let host = node.saturating_add(10);
        let control_cable = format!("c{}-{node}", self.run);
        for (cable, inside, network, bridge) in [
            (self.cable(node), "mesh", MESH, self.bridge(Side::Main)),
            (control_cable.clone(), "control", CONTROL, self.control_bridge()),
        ] {
            let peer = ["type", "veth", "peer", "name", inside, "netns", &namespace];
            self.ip(&[&["link", "add", &cable][..], &peer].concat()).await?;
            self.ip(&["link", "set", &cable, "master", &bridge, "up"]).await?;
            let own = format!("{}/24", self.address(network, host));
            self.ip_within(&namespace, &["address", "add", &own, "dev", inside])
                .await?;
            self.ip_within(&namespace, &["link", "set", inside, "up"]).await?;
        }
        let isolated = ["link", "set", &control_cable, "type", "bridge_slave", "isolated", "on"];
        self.ip(&isolated).await?;
        self.ip_within(&namespace, &["link", "set", "lo", "up"]).await?;
        self.set_within(&namespace, "tcp_retries2", TCP_RETRIES).await?;
        Ok(Site {
            p2p: SocketAddrV4::new(self.address(MESH, host), P2P_PORT),
            rpc: SocketAddrV4::new(self.address(CONTROL, host), RPC_PORT),
            wrapper: vec!["nsenter".into(), format!("--net={namespace}"), "--".into()],
        })
    }

    /// Plugs the mesh cables of these nodes into one of the bridges.
    pub async fn plug(&self, nodes: &[usize], side: Side) -> Result<(), ProcessError> {
        for node in nodes {
            let node = u8::try_from(*node).unwrap_or(u8::MAX);
            self.ip(&["link", "set", &self.cable(node), "master", &self.bridge(side)])
                .await?;
        }
        Ok(())
    }

    /// Takes the cables and the bridges away. The namespaces go with the nest.
    pub async fn dismantle(self) -> Result<(), ProcessError> {
        for node in 0..self.nodes {
            for cable in [self.cable(node), format!("c{}-{node}", self.run)] {
                self.ip(&["link", "delete", &cable]).await?;
            }
        }
        for bridge in [self.bridge(Side::Main), self.bridge(Side::Away), self.control_bridge()] {
            self.ip(&["link", "delete", &bridge]).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mesh(run: u8) -> Mesh {
        Mesh {
            run,
            dir: PathBuf::new(),
            logs: PathBuf::new(),
            nodes: 0,
        }
    }

    #[test]
    fn two_runs_share_no_name_and_no_address() {
        let (one, other) = (mesh(1), mesh(2));
        assert_ne!(one.bridge(Side::Main), other.bridge(Side::Main));
        assert_ne!(one.bridge(Side::Main), one.bridge(Side::Away));
        assert_ne!(one.cable(3), other.cable(3));
        assert_ne!(one.address(MESH, 10), other.address(MESH, 10));
    }

    #[test]
    fn the_names_fit_into_what_the_kernel_allows_for_an_interface() {
        let mesh = mesh(u8::MAX);
        for name in [mesh.bridge(Side::Away), mesh.control_bridge(), mesh.cable(u8::MAX)] {
            assert!(name.len() < 16, "{name}");
        }
    }
}
