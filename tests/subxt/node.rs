//! A development node of its own for a test, on ports of loopback that the system picks. It ends when it is dropped, and
//! with the test's process however that one ends.
//!
//! **Privacy.** Development keys; the node's log goes to the test's own output.

use std::{env, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

const OPTIONS: [&str; 9] = [
    "--dev",
    "--tmp",
    "--rpc-port",
    "0",
    "--listen-addr",
    "/ip4/127.0.0.1/tcp/0",
    "--no-mdns",
    "--no-prometheus",
    "--no-telemetry",
];
/// How long a node may take until it listens: it compiles the runtime first.
const START: Duration = Duration::from_secs(120);

/// A running node.
pub struct Node {
    /// Where it answers.
    pub url: String,
    // Ended when dropped.
    _process: Child,
}

impl Node {
    /// Starts the node whose program `GRIDVEIL_NODE` names.
    pub async fn start() -> Self {
        let program = env::var_os("GRIDVEIL_NODE").expect("GRIDVEIL_NODE names the node's program");
        // The kernel ends the node where this process can't: setpriv asks it to.
        let mut process = Command::new("setpriv")
            .args(["--pdeathsig", "TERM"])
            .arg(program)
            .args(OPTIONS)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the node starts");
        let mut log = BufReader::new(process.stderr.take().expect("it is piped")).lines();
        let address = async {
            while let Some(line) = log.next_line().await.expect("the log is text") {
                eprintln!("{line}");
                if let Some((_, rest)) = line.split_once("JSON-RPC server: addr=") {
                    return rest.split(',').next().map(|address| format!("ws://{address}"));
                }
            }
            None
        };
        let url = timeout(START, address)
            .await
            .ok()
            .flatten()
            .expect("the node says where it listens");
        // A pipe that nobody empties would hold the node up.
        tokio::spawn(async move { while let Ok(Some(_)) = log.next_line().await {} });
        Self { url, _process: process }
    }
}
