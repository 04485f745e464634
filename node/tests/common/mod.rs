//! Runs the real node as a process on loopback, on ports that the system picks, and ends it on every path out of a
//! test, the test's own violent death among them.

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
    future::Future,
    io::{BufRead, BufReader},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::{
        mpsc::{channel, Receiver, RecvTimeoutError},
        Arc,
    },
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Starting on a machine that is busy with other tests. A node with a built-in chain compiles the runtime twice before it
/// answers, for the genesis and for the chain.
pub const START: Duration = Duration::from_secs(240);
/// A handful of blocks, on the same machine.
pub const SOON: Duration = Duration::from_secs(180);
/// Closing the database.
pub const STOP: Duration = Duration::from_secs(60);
/// Some terms of a chain, or many blocks, on the same machine.
pub const LONG: Duration = Duration::from_secs(420);
/// Where the nodes of all tests keep what runtimes compile to: most tests would spend most of their time on compiling.
const COMPILED: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/compiled-runtimes");
/// How often a node is asked again.
const AGAIN: Duration = Duration::from_millis(300);

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

/// Where a node lives: its database, keys and identity. Removed with the last clone.
#[derive(Clone)]
pub struct Home(Arc<TempDir>);

impl Home {
    /// A new place, with an identity in it. It shares compiled runtimes with all other such places.
    pub fn new() -> Self {
        let home = Self::apart();
        std::fs::create_dir_all(COMPILED).unwrap();
        symlink(COMPILED, home.compiled_runtimes()).unwrap();
        home
    }

    /// A new place that shares nothing.
    pub fn apart() -> Self {
        let home = Self(Arc::new(tempfile::tempdir().unwrap()));
        gridveil_ok(&["key", "generate-node-key", "--chain", "local", "--file", &home.key()]);
        home
    }

    /// The identity, as other nodes know it.
    pub fn peer_id(&self) -> String {
        let said = gridveil_ok(&["key", "inspect-node-key", "--file", &self.key()]);
        String::from_utf8(said).unwrap().trim().to_owned()
    }

    /// Where a node that lives here keeps what runtimes compile to.
    pub fn compiled_runtimes(&self) -> PathBuf {
        self.0.path().join("compiled-runtimes")
    }

    /// The directory itself, as the node's `--base-path`.
    pub fn path(&self) -> &str {
        text(self.0.path())
    }

    fn key(&self) -> String {
        text(&self.0.path().join("node-key")).to_owned()
    }
}

/// Asks until the answer is there, at most for `within`.
pub async fn eventually<T, Answer>(what: &str, within: Duration, mut ask: impl FnMut() -> Answer) -> T
where
    Answer: Future<Output = Option<T>>,
{
    let deadline = Instant::now() + within;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "not within {within:?}: {what}");
        tokio::time::sleep(AGAIN).await;
    }
}

/// A node that runs. Dropping it kills it.
pub struct Node {
    child: Child,
    log: Receiver<String>,
    said: Vec<String>,
    home: Home,
    /// Its JSON-RPC port on 127.0.0.1.
    pub rpc_port: u16,
}

impl Node {
    /// Starts a node with `args` in a directory of its own and waits until its RPC answers.
    pub fn start(args: &[&str]) -> Self {
        Self::at(&Home::new(), args)
    }

    /// The same at a place that may have been lived at before.
    pub fn at(home: &Home, args: &[&str]) -> Self {
        // The system ends the node if the test is killed before it can.
        let mut child = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", env!("CARGO_BIN_EXE_gridveil-node")])
            .args(["--base-path", home.path(), "--node-key-file", &home.key()])
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
            home: home.clone(),
            rpc_port: 0,
        };
        node.rpc_port = node.port_after("Running JSON-RPC server: addr=127.0.0.1:");
        node
    }

    /// Where it lives.
    pub fn home(&self) -> &Home {
        &self.home
    }

    /// Waits until the log says `what`, and returns the port number that follows it.
    pub fn port_after(&mut self, what: &str) -> u16 {
        let rest = self.rest_after(what, START);
        let digits = rest.split(|c: char| !c.is_ascii_digit()).next().unwrap_or_default();
        digits
            .parse()
            .unwrap_or_else(|_| panic!("no port after {what:?}: {rest:?}"))
    }

    /// Waits until the log says `what`, and returns the rest of that line.
    pub fn rest_after(&mut self, what: &str, within: Duration) -> String {
        let deadline = Instant::now() + within;
        loop {
            if let Some((_, rest)) = self.said.iter().find_map(|line| line.split_once(what)) {
                return rest.to_owned();
            }
            match self
                .log
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => self.said.push(line),
                Err(RecvTimeoutError::Timeout) => panic!("no {what:?} within {within:?}:\n{}", self.said.join("\n")),
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

    /// The hash of the block `number`, once it is finalised here; at most some blocks from now.
    pub async fn finalised_hash(&self, number: u64) -> String {
        self.finalised_hash_within(number, SOON).await
    }

    /// The same for a block that is further off.
    pub async fn finalised_hash_within(&self, number: u64, within: Duration) -> String {
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
        tokio::time::timeout(within, wait).await.unwrap_or_else(|_| {
            panic!(
                "block {number} is not final after {within:?} (RPC port {})",
                self.rpc_port
            )
        });
        client
            .request("chain_getBlockHash", rpc_params![number])
            .await
            .expect("a final block has a hash")
    }

    /// The number of the last block that is final here.
    pub async fn finalised(&self) -> u64 {
        let hash: String = self.ask("chain_getFinalizedHead", rpc_params![]).await;
        let header: Value = self.ask("chain_getHeader", rpc_params![hash]).await;
        number_of(&header)
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
