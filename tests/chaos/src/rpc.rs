//! One node's JSON-RPC, asked directly: what the clients' own library, which sees finalised state only and moves on to
//! another node by itself, is not made for.
//!
//! Promises an answer or an error within [`PATIENCE`]. A connection that failed is opened anew by the next question.
//!
//! **Privacy.** Reads what any client may read.

use std::{sync::Mutex, time::Duration};

use codec::Decode;
use serde::de::DeserializeOwned;
use serde_json::Value;
use subxt::{
    ext::frame_decode::storage::encode_storage_key_prefix,
    rpcs::{client::RpcParams, rpc_params, RpcClient},
};
use tokio::time::timeout;

use crate::{chains::Hash, error::ChaosError};

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The most keys that are read of a map.
const KEYS: u32 = 100;

/// A block as a node knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its height.
    pub number: u32,
    /// Its hash.
    pub hash: Hash,
    /// Its parent's hash.
    pub parent: Hash,
    /// The slot that it was made in; `None` for genesis.
    pub slot: Option<u64>,
}

/// One node's RPC.
pub struct Rpc {
    url: String,
    client: Mutex<Option<RpcClient>>,
}

/// A signed vote in a certificate: the block's hash and number, the signature, the voter.
type Precommit = (Hash, u32, [u8; 64], [u8; 32]);

impl Rpc {
    /// The RPC at an address; nothing is connected yet.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            client: Mutex::new(None),
        }
    }

    fn client(&self) -> Option<RpcClient> {
        self.client
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
    }

    fn keep(&self, client: Option<RpcClient>) {
        *self.client.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = client;
    }

    /// Calls a method.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Rpc`].
    pub async fn ask<T: DeserializeOwned>(&self, method: &str, params: RpcParams) -> Result<T, ChaosError> {
        let answer = timeout(PATIENCE, async {
            let client = match self.client() {
                Some(client) => client,
                None => {
                    let client = RpcClient::from_insecure_url(&self.url).await?;
                    self.keep(Some(client.clone()));
                    client
                }
            };
            client.request(method, params).await
        });
        let cause = match answer.await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("nothing for {PATIENCE:?}"),
        };
        self.keep(None);
        Err(self.failure(method, cause))
    }

    fn failure(&self, method: &str, cause: impl Into<String>) -> ChaosError {
        ChaosError::Rpc {
            url: self.url.clone(),
            method: method.into(),
            cause: cause.into(),
        }
    }

    /// The best block.
    ///
    /// # Errors
    ///
    /// [`ChaosError::Rpc`]; so have all the methods below.
    pub async fn best(&self) -> Result<Block, ChaosError> {
        let hash: Value = self.ask("chain_getBlockHash", rpc_params![]).await?;
        let hash = parse_hash(&hash).ok_or_else(|| self.failure("chain_getBlockHash", "no hash"))?;
        self.block(hash).await
    }

    /// The hash of the last finalised block.
    pub async fn finalised_hash(&self) -> Result<Hash, ChaosError> {
        let method = "chain_getFinalizedHead";
        let hash: Value = self.ask(method, rpc_params![]).await?;
        parse_hash(&hash).ok_or_else(|| self.failure(method, "no hash"))
    }

    /// The last finalised block.
    pub async fn finalised(&self) -> Result<Block, ChaosError> {
        self.block(self.finalised_hash().await?).await
    }

    /// The block with this hash.
    pub async fn block(&self, hash: Hash) -> Result<Block, ChaosError> {
        let method = "chain_getHeader";
        let header: Value = self.ask(method, rpc_params![text(&hash)]).await?;
        parse_header(hash, &header).ok_or_else(|| self.failure(method, format!("no header of {}", text(&hash))))
    }

    /// The hashes of the node's best chain at the heights `from` to `to`, both inclusive, as far as it goes.
    pub async fn hashes(&self, from: u32, to: u32) -> Result<Vec<Hash>, ChaosError> {
        let heights: Vec<u32> = (from..=to).collect();
        let found: Vec<Value> = self.ask("chain_getBlockHash", rpc_params![heights]).await?;
        Ok(found.iter().map_while(parse_hash).collect())
    }

    /// The node's finalised chain, from genesis on.
    pub async fn finalised_chain(&self) -> Result<Vec<Hash>, ChaosError> {
        let head = self.finalised().await?;
        self.hashes(0, head.number).await
    }

    /// The answer of a function of the runtime after the block with this hash.
    pub async fn call<T: Decode>(&self, function: &str, at: Hash) -> Result<T, ChaosError> {
        let answer: String = self.ask("state_call", rpc_params![function, "0x", text(&at)]).await?;
        let bytes = parse_bytes(&answer).ok_or_else(|| self.failure(function, "no hexadecimal"))?;
        T::decode(&mut &bytes[..]).map_err(|cause| self.failure(function, cause.to_string()))
    }

    /// The values of a map in the chain's storage after a block, with their keys.
    pub async fn map(&self, pallet: &str, entry: &str, at: Hash) -> Result<Vec<(Vec<u8>, Vec<u8>)>, ChaosError> {
        let prefix = format!("0x{}", hex::encode(encode_storage_key_prefix(pallet, entry)));
        let params = rpc_params![prefix, KEYS, Value::Null, text(&at)];
        let keys: Vec<String> = self.ask("state_getKeysPaged", params).await?;
        let mut entries = Vec::new();
        for key in keys {
            let value: Option<String> = self
                .ask("state_getStorage", rpc_params![key.clone(), text(&at)])
                .await?;
            if let (Some(key), Some(value)) = (parse_bytes(&key), value.as_deref().and_then(parse_bytes)) {
                entries.push((key, value));
            }
        }
        Ok(entries)
    }

    /// The version of the runtime's specification after the last finalised block.
    pub async fn spec_version(&self) -> Result<u32, ChaosError> {
        let method = "state_getRuntimeVersion";
        let at = self.finalised_hash().await?;
        let version: Value = self.ask(method, rpc_params![text(&at)]).await?;
        let number = version["specVersion"]
            .as_u64()
            .and_then(|number| number.try_into().ok());
        number.ok_or_else(|| self.failure(method, "no version"))
    }

    /// The keys that may form blocks after the block with this hash, in the order of their slots.
    pub async fn slot_keys(&self, at: Hash) -> Result<Vec<[u8; 32]>, ChaosError> {
        self.call("AuraApi_authorities", at).await
    }

    /// The keys that vote on finality, after the block with this hash.
    pub async fn voters(&self, at: Hash) -> Result<Vec<[u8; 32]>, ChaosError> {
        let voters: Vec<([u8; 32], u64)> = self.call("GrandpaApi_grandpa_authorities", at).await?;
        Ok(voters.into_iter().map(|(voter, _)| voter).collect())
    }

    /// The key that made a block, by its slot and the schedule that its parent left.
    pub async fn author(&self, block: &Block) -> Result<Option<[u8; 32]>, ChaosError> {
        let Some(slot) = block.slot else { return Ok(None) };
        let schedule = self.slot_keys(block.parent).await?;
        Ok(owner(slot, &schedule))
    }

    /// The voters whose votes make up the certificate that proves a finalised block.
    pub async fn certificate_voters(&self, height: u32) -> Result<Vec<[u8; 32]>, ChaosError> {
        let method = "grandpa_proveFinality";
        let proof: Option<String> = self.ask(method, rpc_params![height]).await?;
        let proof = proof.as_deref().and_then(parse_bytes);
        let proof = proof.ok_or_else(|| self.failure(method, format!("no proof of block {height}")))?;
        parse_certificate(&proof).ok_or_else(|| self.failure(method, "a proof of another form"))
    }
}

/// The owner of a slot.
fn owner(slot: u64, schedule: &[[u8; 32]]) -> Option<[u8; 32]> {
    let place = slot.checked_rem(u64::try_from(schedule.len()).ok()?)?;
    schedule.get(usize::try_from(place).ok()?).copied()
}

/// A hash as RPC takes it.
pub fn text(hash: &Hash) -> String {
    format!("0x{}", hex::encode(hash))
}

fn parse_bytes(text: &str) -> Option<Vec<u8>> {
    hex::decode(text.strip_prefix("0x")?).ok()
}

fn parse_hash(value: &Value) -> Option<Hash> {
    parse_bytes(value.as_str()?)?.try_into().ok()
}

fn parse_header(hash: Hash, header: &Value) -> Option<Block> {
    let number = header["number"].as_str()?.strip_prefix("0x")?;
    Some(Block {
        number: u32::from_str_radix(number, 16).ok()?,
        hash,
        parent: parse_hash(&header["parentHash"])?,
        slot: header["digest"]["logs"]
            .as_array()?
            .iter()
            .find_map(|log| parse_slot(&parse_bytes(log.as_str()?)?)),
    })
}

/// The slot in a digest item, if it is the one that Aura puts in before the block is made.
fn parse_slot(item: &[u8]) -> Option<u64> {
    // Kind 6 (pre-runtime), the engine, eight bytes.
    let slot = item.strip_prefix(&[6, b'a', b'u', b'r', b'a', 8 << 2])?;
    Some(u64::from_le_bytes(slot.try_into().ok()?))
}

/// The voters in an encoded proof of finality.
fn parse_certificate(proof: &[u8]) -> Option<Vec<[u8; 32]>> {
    let (_, certificate) = <(Hash, Vec<u8>)>::decode(&mut &proof[..]).ok()?;
    let (_round, _target, _number, votes) = <(u64, Hash, u32, Vec<Precommit>)>::decode(&mut &certificate[..]).ok()?;
    Some(votes.into_iter().map(|(_, _, _, voter)| voter).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use serde_json::json;

    #[test]
    fn a_header_tells_height_parent_and_slot() {
        let header = json!({
            "number": "0x1f",
            "parentHash": text(&[3; 32]),
            "digest": { "logs": ["0x05617572610101ff", "0x066175726120b20c831100000000"] },
        });
        let expected = Block {
            number: 31,
            hash: [4; 32],
            parent: [3; 32],
            slot: Some(0x1183_0cb2),
        };
        assert_eq!(parse_header([4; 32], &header), Some(expected));
        assert_eq!(parse_header([4; 32], &Value::Null), None);
    }

    #[test]
    fn a_slot_belongs_to_the_key_at_its_place_in_the_schedule() {
        let schedule = [[1; 32], [2; 32], [1; 32], [3; 32]];
        assert_eq!(owner(9, &schedule), Some([2; 32]));
        assert_eq!(owner(11, &schedule), Some([3; 32]));
        assert_eq!(owner(9, &[]), None);
    }

    #[test]
    fn the_voters_of_a_certificate_are_found_in_its_bytes() {
        let vote = |voter: u8| ([9_u8; 32], 12_u32, [0_u8; 64], [voter; 32]);
        let certificate = (5_u64, [9_u8; 32], 12_u32, vec![vote(1), vote(2)], Vec::<u8>::new()).encode();
        let proof = ([9_u8; 32], certificate, Vec::<u8>::new()).encode();
        assert_eq!(parse_certificate(&proof), Some(vec![[1; 32], [2; 32]]));
        assert_eq!(parse_certificate(&proof[..40]), None);
    }
}
