//! The four aggregators, as zombienet runs them.
//!
//! Promises that they were spawned from `four-aggregators.toml` as it is in this folder, on the node's own `local` chain with
//! nothing changed but the length of a term, and that what is told about them comes from their own RPC.
//!
//! **Privacy.** Development keys, known to everyone.

use std::path::{Path, PathBuf};

use anyhow::{ensure, Context, Result};
use serde::{de::DeserializeOwned, Deserialize};
use serde_json::Value;
use zombienet_sdk::{
    subxt::{
        ext::subxt_rpcs::client::{rpc_params, RpcClient, RpcParams},
        utils::AccountId32,
        OnlineClient, PolkadotConfig,
    },
    subxt_signer::sr25519::{dev, Keypair},
    GlobalSettingsBuilder, LocalFileSystem, Network, NetworkConfig, NetworkConfigExt,
};

use crate::programs::{arguments, Programs};

/// What zombienet is given, with two words for what differs from machine to machine.
const CONFIG: &str = include_str!("../four-aggregators.toml");
/// The blocks of a term: few, so that a leader is elected and loses its lead while somebody watches, and enough for all of a
/// pause of the leader to fit in: it misses three own slots while the others make three blocks.
pub const TERM_BLOCKS: u64 = 16;
/// How long a node may take to start, in seconds. The first start translates the runtime.
const START: u32 = 300;

/// A member of the consortium with its node.
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// Its account, as the chain prints it.
    pub account: String,
    /// Where its node's RPC is.
    pub url: String,
}

/// The running network; its processes end with it.
pub struct Aggregators {
    network: Network<LocalFileSystem>,
    /// The members, in the order of the file.
    pub members: Vec<Member>,
}

/// The consortium at a node's last finalised block, as its RPC `finality_status` tells it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    /// The number of the term.
    pub term: u32,
    /// The block with which it began.
    pub term_started: u64,
    /// The account of the leader, if there is one.
    pub leader: Option<String>,
    /// The last finalised block.
    pub finalised: Place,
    /// The end of the longest chain.
    pub best: Place,
}

/// A block's place on the chain.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Place {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: String,
}

/// Writes the raw spec of a chain with short terms; returns its path.
async fn chain_spec(programs: &Programs, dir: &Path) -> Result<PathBuf> {
    let export = arguments!["export-chain-spec", "--chain", "local"];
    let plain = programs.run("export-chain-spec", "gridveil-node", &export).await?;
    let mut plain: Value = serde_json::from_str(&plain).context("the node's chain spec")?;
    let finality = plain
        .pointer_mut("/genesis/runtimeGenesis/patch/finality")
        .context("the chain spec says nothing about finality")?;
    finality["termBlocks"] = TERM_BLOCKS.into();
    let file = dir.join("plain.json");
    std::fs::write(&file, plain.to_string())?;

    let export = arguments!["export-chain-spec", "--chain", file.display(), "--raw"];
    let raw = programs.run("export-raw-chain-spec", "gridveil-node", &export).await?;
    let spec: Value = serde_json::from_str(&raw).context("the node's raw chain spec")?;
    ensure!(
        spec.pointer("/genesis/raw/top").is_some(),
        "the node's raw chain spec is not raw, so zombienet would change it"
    );
    ensure!(
        spec["bootNodes"].is_array(),
        "the chain spec has no list of boot nodes, which zombienet asks for"
    );
    let file = dir.join("raw.json");
    std::fs::write(&file, raw)?;
    Ok(file)
}

fn names() -> [(&'static str, Keypair); 4] {
    [
        ("alice", dev::alice()),
        ("bob", dev::bob()),
        ("charlie", dev::charlie()),
        ("dave", dev::dave()),
    ]
}

impl Aggregators {
    /// Spawns the four, and waits until each answers.
    ///
    /// # Errors
    ///
    /// If the spec, the configuration or a node fails. What was started has ended by then.
    pub async fn spawn(programs: &Programs, dir: &Path) -> Result<Self> {
        let spec = chain_spec(programs, dir).await?;
        let node = programs.path("gridveil-node");
        let config = CONFIG
            .replace("{{GRIDVEIL_SPEC}}", &spec.display().to_string())
            .replace("{{GRIDVEIL_NODE}}", &node.display().to_string());
        let file = dir.join("four-aggregators.toml");
        std::fs::write(&file, config)?;
        // The file's settings, and the folder of this run.
        let settings = GlobalSettingsBuilder::new()
            .with_base_dir(dir.join("nodes"))
            .with_network_spawn_timeout(2 * START)
            .with_node_spawn_timeout(START)
            .with_tear_down_on_failure(false)
            .build()
            .map_err(|errors| anyhow::anyhow!("zombienet's settings: {errors:?}"))?;
        let file = file.to_str().context("the run's folder has a name that is no text")?;
        let network = NetworkConfig::load_from_toml_with_settings(file, &settings)?
            .spawn_native()
            .await?;

        let mut members = Vec::new();
        for (name, key) in names() {
            let node = network.get_node(name)?;
            members.push(Member {
                name,
                account: AccountId32(key.public_key().0).to_string(),
                url: node.ws_uri().into(),
            });
        }
        Ok(Self { network, members })
    }

    /// The member with this account.
    ///
    /// # Errors
    ///
    /// If there is none.
    pub fn member(&self, account: &str) -> Result<&Member> {
        let found = self.members.iter().find(|member| member.account == account);
        found.with_context(|| format!("{account} is none of the four"))
    }

    /// All members but one.
    pub fn but(&self, absent: &Member) -> Vec<&Member> {
        let others = self.members.iter().filter(|member| member.account != absent.account);
        others.collect()
    }

    /// All members.
    pub fn all(&self) -> Vec<&Member> {
        self.members.iter().collect()
    }

    /// The nodes' RPC addresses, as the programs take them.
    pub fn urls(&self) -> String {
        let urls: Vec<_> = self.members.iter().map(|member| member.url.as_str()).collect();
        urls.join(",")
    }

    /// A client of one member's node that knows the chain's types.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn client(&self, member: &Member) -> Result<OnlineClient<PolkadotConfig>> {
        self.network
            .get_node(member.name)?
            .wait_client_with_timeout(30_u64)
            .await
    }

    /// Stops a node's process where it is, without ending it.
    ///
    /// # Errors
    ///
    /// Those of zombienet.
    pub async fn pause(&self, member: &Member) -> Result<()> {
        self.network.get_node(member.name)?.pause().await
    }

    /// Lets a node's process go on.
    ///
    /// # Errors
    ///
    /// Those of zombienet.
    pub async fn resume(&self, member: &Member) -> Result<()> {
        self.network.get_node(member.name)?.resume().await
    }

    /// Ends all nodes.
    ///
    /// # Errors
    ///
    /// Those of zombienet.
    pub async fn stop(self) -> Result<()> {
        Ok(self.network.destroy().await?)
    }
}

impl Member {
    /// Asks on a connection of its own: one from before a pause may have been given up meanwhile.
    async fn ask<T: DeserializeOwned>(&self, method: &str, parameters: RpcParams) -> Result<T> {
        let answer = async { RpcClient::from_url(&self.url).await?.request(method, parameters).await };
        answer
            .await
            .with_context(|| format!("{}'s node, asked for {method}", self.name))
    }

    /// The consortium as this member's node sees it.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn status(&self) -> Result<Status> {
        self.ask("finality_status", rpc_params![]).await
    }

    /// The hash of its block with this number, if it has one.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub async fn hash(&self, number: u64) -> Result<Option<String>> {
        self.ask("chain_getBlockHash", rpc_params![number]).await
    }
}

/// What several members see, one after the other.
///
/// # Errors
///
/// If one does not answer.
pub async fn statuses(members: &[&Member]) -> Result<Vec<Status>> {
    let mut seen = Vec::new();
    for member in members {
        seen.push(member.status().await?);
    }
    Ok(seen)
}

/// The hash that all of these members have for a block; `None` while one has not got that far.
///
/// # Errors
///
/// If one does not answer, or they do not agree.
pub async fn common_hash(members: &[&Member], number: u64) -> Result<Option<String>> {
    let mut common: Option<String> = None;
    for member in members {
        let Some(hash) = member.hash(number).await? else {
            return Ok(None);
        };
        let first = common.get_or_insert_with(|| hash.clone());
        ensure!(
            *first == hash,
            "block {number} is {first} and, for {}, {hash}",
            member.name
        );
    }
    Ok(common)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_the_four_members_and_zombienet_reads_it() {
        let config = NetworkConfig::load_from_toml_string(CONFIG).unwrap();
        let names: Vec<_> = config
            .relaychain()
            .nodes()
            .iter()
            .map(|node| node.name().to_string())
            .collect();
        assert_eq!(names, super::names().map(|(name, _)| name));
        assert!(!config.global_settings().tear_down_on_failure());
    }

    #[test]
    fn a_status_is_read_as_the_node_writes_it() {
        let told = serde_json::json!({
            "term": 3, "termStarted": 40, "termBlocks": 16, "leader": null, "leaderMissed": 0, "members": [],
            "finalised": { "number": 45, "hash": "0x01" }, "best": { "number": 47, "hash": "0x02" }, "setId": 0
        });
        let status: Status = serde_json::from_value(told).unwrap();
        assert_eq!((status.term, status.term_started, status.leader), (3, 40, None));
        assert_eq!((status.finalised.number, status.best.number), (45, 47));
    }
}
