//! Runs the real node as a process on loopback, on ports that the system picks, and ends it on every path out of a
//! test.

#![allow(dead_code, reason = "each test binary uses its part of this")]

use jsonrpsee::{
    core::{
        client::{ClientT, Subscription, SubscriptionClientT},
        params::ArrayParams,
    },
    rpc_params,
    ws_client::{WsClient, WsClientBuilder},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{channel, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Starting, and compiling the runtime, on a machine that is busy with other tests.
pub const START: Duration = Duration::from_secs(120);
/// A handful of blocks, on the same machine.
pub const SOON: Duration = Duration::from_secs(180);
/// Closing the database.
pub const STOP: Duration = Duration::from_secs(60);

/// Runs the node with `args` to its end.
pub fn gridveil(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_gridveil-node"))
        .args(args)
        .output()
        .expect("the node's binary is there")
}

/// Like [`gridveil`], and fails the test unless it ended well. Returns what it wrote to stdout.
pub fn gridveil_ok(args: &[&str]) -> Vec<u8> {
    let output = gridveil(args);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "gridveil-node {args:?} ended with {}: {said}",
        output.status
    );
    output.stdout
}

/// A node that runs. Dropping it kills it.
pub struct Node {
    child: Child,
    log: Receiver<String>,
    said: Vec<String>,
    directory: TempDir,
    /// Its JSON-RPC port on 127.0.0.1.
    pub rpc_port: u16,
}

impl Node {
    /// Starts a node with `args` in a directory of its own and waits until its RPC answers.
    pub fn start(args: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("node-key");
        gridveil_ok(&["key", "generate-node-key", "--chain", "local", "--file", text(&key)]);

        let mut child = Command::new(env!("CARGO_BIN_EXE_gridveil-node"))
            .args(["--base-path", text(directory.path()), "--node-key-file", text(&key)])
            .args([
                "--listen-addr",
                "/ip4/127.0.0.1/tcp/0",
                "--rpc-port",
                "0",
                "--no-mdns",
                "--disable-log-color",
            ])
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the node's binary is there");

        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, log) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                // Nobody listens any more once the node is dropped; its pipe must be emptied all the same.
                let _ = sender.send(line);
            }
        });

        let mut node = Self {
            child,
            log,
            said: Vec::new(),
            directory,
            rpc_port: 0,
        };
        node.rpc_port = node.port_after("Running JSON-RPC server: addr=127.0.0.1:");
        node
    }

    /// The directory that holds its database and keys.
    pub fn base_path(&self) -> &str {
        text(self.directory.path())
    }

    /// Waits until the log says `what`, and returns the port number that follows it.
    pub fn port_after(&mut self, what: &str) -> u16 {
        let deadline = Instant::now() + START;
        loop {
            if let Some((_, rest)) = self.said.iter().find_map(|line| line.split_once(what)) {
                let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
                return digits
                    .parse()
                    .unwrap_or_else(|_| panic!("no port after {what:?}: {rest:?}"));
            }
            match self
                .log
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("no {what:?} within {START:?}:\n{}", self.said.join("\n")),
                Err(RecvTimeoutError::Disconnected) => panic!("the node ended:\n{}", self.said.join("\n")),
            }
        }
    }

    /// A connection to its RPC.
    pub async fn rpc(&self) -> WsClient {
        WsClientBuilder::default()
            .request_timeout(SOON)
            .build(format!("ws://127.0.0.1:{}", self.rpc_port))
            .await
            .expect("the node's RPC port is open")
    }

    /// The address under which other nodes on this machine reach it.
    pub async fn address(&self) -> String {
        let addresses: Vec<String> = self.ask("system_localListenAddresses", rpc_params![]).await;
        addresses
            .into_iter()
            .find(|address| address.starts_with("/ip4/127.0.0.1/tcp/"))
            .expect("it listens on loopback")
    }

    /// Calls one RPC method.
    pub async fn ask<T: DeserializeOwned>(&self, method: &str, params: ArrayParams) -> T {
        self.try_ask(method, params)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Calls one RPC method that may be refused.
    pub async fn try_ask<T: DeserializeOwned>(&self, method: &str, params: ArrayParams) -> Result<T, String> {
        self.rpc()
            .await
            .request(method, params)
            .await
            .map_err(|error| error.to_string())
    }

    /// The hash of the block `number`, once it is finalised here.
    pub async fn finalised_hash(&self, number: u64) -> String {
        let client = self.rpc().await;
        let wait = async {
            let mut heads: Subscription<Value> = client
                .subscribe(
                    "chain_subscribeFinalizedHeads",
                    rpc_params![],
                    "chain_unsubscribeFinalizedHeads",
                )
                .await
                .expect("the node serves finalised heads");
            while let Some(head) = heads.next().await {
                if number_of(&head.expect("a head is JSON")) >= number {
                    return;
                }
            }
            panic!("the node closed the subscription before block {number} was final");
        };
        tokio::time::timeout(SOON, wait).await.unwrap_or_else(|_| {
            panic!(
                "block {number} is not final after {SOON:?} (RPC port {})",
                self.rpc_port
            )
        });
        client
            .request("chain_getBlockHash", rpc_params![number])
            .await
            .expect("a final block has a hash")
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        let process = self.child.id().to_string();
        assert!(Command::new("sh")
            .args(["-c", &format!("kill -TERM {process}")])
            .status()
            .unwrap()
            .success());
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("the node runs on {STOP:?} after SIGTERM");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already, which is just as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The number in a header as RPC gives it: hexadecimal.
pub fn number_of(header: &Value) -> u64 {
    let number = header["number"].as_str().expect("a header has a number");
    u64::from_str_radix(number.trim_start_matches("0x"), 16).expect("a header's number is hexadecimal")
}

/// The processes whose command line has `what` in it.
pub fn processes_with(what: &str) -> Vec<String> {
    std::fs::read_dir("/proc")
        .expect("a Linux machine")
        .filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok())
        .map(|command_line| String::from_utf8_lossy(&command_line).replace('\0', " "))
        .filter(|command_line| command_line.contains(what))
        .collect()
}

/// A path as an argument.
pub fn text(path: &Path) -> &str {
    path.to_str().expect("temporary paths are UTF-8")
}
