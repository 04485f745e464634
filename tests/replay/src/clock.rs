//! The node, and its clock in our hands.
//!
//! Promises a block for every slot that is asked for, in order, and that the node has ended when the [`Clock`] is dropped.
//!
//! **Privacy.** Nothing here but times.

use std::{
    future::Future,
    path::{Path, PathBuf},
    pin::pin,
    time::{Duration, Instant},
};

use gridveil_chain_client::{Chain, Options};
use gridveil_demo::process::{Invocation, Process};
use gridveil_primitives::Moment;
use serde::Deserialize;
use subxt::rpcs::{rpc_params, RpcClient};
use tokio::time::{sleep, timeout};

use crate::error::{broken, ReplayError};

/// The length of a slot, which is the least that the clock goes on with a block.
pub const SLOT: Duration = Duration::from_secs(1);
/// How long what is waited for has before the next block is made.
const PAUSE: Duration = Duration::from_millis(10);
/// How long the node may take until it answers: it compiles the runtime first.
const START: Duration = Duration::from_secs(180);
/// The most that a client may wait for an answer or a transaction: the machine may be busy with all of the rest.
const PATIENCE: Duration = Duration::from_secs(600);
/// The kernel's ticks a second in which it tells how long a process was on a processor.
const TICKS: f64 = 100.0;
/// The pause between two looks at a node that is starting.
const POLL: Duration = Duration::from_millis(250);

/// A block that was made, as the node tells it.
#[derive(Clone, Debug, Deserialize)]
pub struct Sealed {
    /// Its hash, as the node writes it.
    pub hash: String,
    /// How many extrinsics it holds.
    pub extrinsics: usize,
    /// How long it took to make, in microseconds.
    pub made_us: u64,
    /// How long it took to import, in microseconds.
    pub imported_us: u64,
}

/// A node with a driven clock.
pub struct Clock {
    process: Process,
    rpc: RpcClient,
    url: String,
    base: PathBuf,
    /// When the next block is made.
    next: Moment,
    blocks: u32,
    extrinsics: usize,
}

impl Clock {
    /// Starts a node on the chain of a spec, its clock at `first`.
    pub async fn start(
        program: &Path,
        dir: &Path,
        logs: &Path,
        spec: &Path,
        first: Moment,
    ) -> Result<Clock, ReplayError> {
        let base = dir.join("node");
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
        let url = format!("ws://127.0.0.1:{port}");
        let mut process = Invocation::new("node", program, logs)
            .path("--chain", spec)
            .path("--base-path", &base)
            .option("--rpc-port", port)
            .option("--listen-addr", "/ip4/127.0.0.1/tcp/0")
            .option("--rpc-max-connections", 200)
            .arg("--driven-clock")
            .arg("--no-telemetry")
            .arg("--no-prometheus")
            .arg("--no-mdns")
            .start()?;
        let started = Instant::now();
        let rpc = loop {
            process.check_alive()?;
            match RpcClient::from_insecure_url(&url).await {
                Ok(rpc) => break rpc,
                Err(error) if started.elapsed() > START => {
                    return Err(broken(format!("the node did not answer within {START:?}: {error}")));
                }
                Err(_) => sleep(POLL).await,
            }
        };
        let mut clock = Clock {
            process,
            rpc,
            url,
            base,
            next: first,
            blocks: 0,
            extrinsics: 0,
        };
        // Clients read the chain's clock, which a genesis does not have, at a block that is final, which its child makes it.
        clock.seal().await?;
        clock.seal().await?;
        Ok(clock)
    }

    /// A client of the node.
    pub async fn client(&self) -> Result<Chain, ReplayError> {
        let mut options = Options::new(vec![self.url.clone()]);
        options.request_timeout = PATIENCE;
        options.silence = PATIENCE;
        options.transaction_timeout = PATIENCE;
        Ok(Chain::connect(options).await?)
    }

    /// The node's methods.
    pub fn rpc(&self) -> &RpcClient {
        &self.rpc
    }

    /// Makes the next block, and the one before it final.
    pub async fn seal(&mut self) -> Result<Sealed, ReplayError> {
        self.process.check_alive()?;
        let sealed: Sealed = self
            .rpc
            .request("driven_seal", rpc_params![self.next])
            .await
            .map_err(|error| ReplayError::Sealing(error.to_string()))?;
        self.advance(self.next.saturating_add(millis(SLOT)));
        self.blocks = self.blocks.saturating_add(1);
        self.extrinsics = self.extrinsics.saturating_add(sealed.extrinsics);
        Ok(sealed)
    }

    /// Executes a block once more; how many microseconds the node took.
    pub async fn execute(&self, block: &Sealed) -> Result<u64, ReplayError> {
        let answer = self.rpc.request("driven_execute", rpc_params![&block.hash]).await;
        answer.map_err(|error| ReplayError::Sealing(error.to_string()))
    }

    /// Puts the clock forward; never back.
    pub fn advance(&mut self, to: Moment) {
        self.next = self.next.max(to);
    }

    /// When the next block will be made.
    pub fn next(&self) -> Moment {
        self.next
    }

    /// Makes blocks until the work is done.
    pub async fn until<T>(&mut self, work: impl Future<Output = T>) -> Result<T, ReplayError> {
        let mut work = pin!(work);
        loop {
            if let Ok(done) = timeout(PAUSE, &mut work).await {
                return Ok(done);
            }
            self.seal().await?;
        }
    }

    /// How many blocks were made, and with how many extrinsics.
    pub fn made(&self) -> (u32, usize) {
        (self.blocks, self.extrinsics)
    }

    /// What the kernel tells of the node's process.
    fn told(&self, what: &str) -> Result<String, ReplayError> {
        let id = self.process.id().ok_or_else(|| broken("the node has ended"))?;
        Ok(std::fs::read_to_string(format!("/proc/{id}/{what}"))?)
    }

    /// How long the node has been on a processor, in seconds, to a hundredth of one.
    pub fn processor_time(&self) -> Result<f64, ReplayError> {
        parse_time(&self.told("stat")?).ok_or_else(|| broken("the kernel does not tell the node's time"))
    }

    /// The most memory that the node has had, in bytes.
    pub fn peak_memory(&self) -> Result<u64, ReplayError> {
        parse_peak(&self.told("status")?).ok_or_else(|| broken("the kernel does not tell the node's memory"))
    }

    /// The bytes of the node's database on disk, and how many of them are its indexes: ParityDB gives each column that is used at
    /// all one of 32 MiB, which doubles after some four million entries.
    pub fn database(&self) -> Result<(u64, u64), ReplayError> {
        fn size(path: &Path) -> std::io::Result<(u64, u64)> {
            let (mut all, mut indexes) = (0, 0);
            for entry in std::fs::read_dir(path)? {
                let entry = entry?;
                let data = entry.metadata()?;
                // What is taken on disk; the database leaves holes in its files.
                let taken = std::os::unix::fs::MetadataExt::blocks(&data) * 512;
                let (more, more_indexes) = match (data.is_dir(), entry.file_name().as_encoded_bytes()) {
                    (true, _) => size(&entry.path())?,
                    (false, [b'i', b'n', b'd', b'e', b'x', b'_', ..]) => (taken, taken),
                    (false, _) => (taken, 0),
                };
                all += more;
                indexes += more_indexes;
            }
            Ok((all, indexes))
        }
        Ok(size(&self.base.join("chains"))?)
    }

    /// Stops the node.
    pub async fn stop(self) -> Result<(), ReplayError> {
        Ok(self.process.stop().await?)
    }
}

/// The peak of the memory in a process's status.
fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

/// The time on a processor in a process's stat: the fields are counted after its name, which may hold anything.
fn parse_time(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields
        .split_ascii_whitespace()
        .skip(11)
        .map(|field| field.parse::<f64>());
    let (user, system) = (times.next()?.ok()?, times.next()?.ok()?);
    Some((user + system) / TICKS)
}

/// A duration in milliseconds, as the chain counts time.
pub fn millis(duration: Duration) -> Moment {
    Moment::try_from(duration.as_millis()).unwrap_or(Moment::MAX)
}

#[cfg(test)]
mod tests {
    use super::{parse_peak, parse_time};

    #[test]
    fn the_peak_is_read_from_what_the_kernel_tells() {
        assert_eq!(
            parse_peak("Name:\tnode\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n"),
            Some(126_418_944)
        );
        assert_eq!(parse_peak("Name:\tnode\n"), None);
    }

    #[test]
    fn the_time_on_a_processor_is_read_whatever_the_process_is_called() {
        let stat = "7 (a (node) 1 2) S 1 7 7 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 9 0 100 1 1";
        assert_eq!(parse_time(stat), Some(3.0));
        assert_eq!(parse_time("7 (node) S 1"), None);
    }
}
