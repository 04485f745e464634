//! What a node can show to those who do not take its word: that a block is final, and what the state of that block holds.
//!
//! A [`Proof`] is bytes as the node gave them. Nothing is checked here; whoever checks needs the finalising members' keys
//! ([`Authorities`]) from somebody whom it believes, and no node.
//!
//! **Privacy.** The node learns which storage keys are asked for. Authorities are public.

use crate::{
    chain::{Chain, Head},
    link::{bytes_of, translate, Session},
    reads::questions,
    Error,
};
use codec::Encode;
use serde::{Deserialize, Serialize};
use subxt::{rpcs::client::RpcParams, utils::H256};

/// A key of a member that finalises blocks: ed25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AuthorityKey(#[serde(with = "hex::serde")] pub [u8; 32]);

/// The members that finalise blocks, from one change of the set to the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorities {
    /// The chain's genesis hash.
    #[serde(with = "hex::serde")]
    pub genesis: [u8; 32],
    /// The number of the set; the first is 0.
    pub set: u64,
    /// The members' keys, one vote each.
    pub keys: Vec<AuthorityKey>,
}

/// Why a block is final, and some of its state, without anything having been checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The block's header, SCALE-encoded.
    pub header: Vec<u8>,
    /// The answer of `grandpa_proveFinality`: SCALE of the hash of the block that was signed, the justification's bytes, and
    /// the headers from this block (exclusive) to the signed one (inclusive).
    pub finality: Vec<u8>,
    /// The nodes of the state's trie on the way to the keys that were asked for.
    pub state: Vec<Vec<u8>>,
}

questions! {
    "GrandpaApi";
    /// The number of the set that finalises the blocks after this one.
    "current_set_id": set_id, set_id_at() -> u64;
    /// The keys and the weights of that set.
    "grandpa_authorities": set_keys, set_keys_at() -> Vec<([u8; 32], u64)>;
}

impl Chain {
    /// The members that finalise the block after the one with the hash `at`.
    ///
    /// Errors: those of a request, [`Error::UnknownBlock`], [`Error::Decode`].
    pub async fn authorities_at(&self, at: [u8; 32]) -> Result<Authorities, Error> {
        let keys = self.set_keys_at(at).await?.into_iter();
        Ok(Authorities {
            genesis: self.genesis_hash(),
            set: self.set_id_at(at).await?,
            keys: keys.map(|(key, _)| AuthorityKey(key)).collect(),
        })
    }

    /// Why a finalised block is final, and what its state holds under `keys`.
    ///
    /// Errors: those of a request, [`Error::UnknownBlock`], [`Error::Decode`].
    pub async fn prove(&self, keys: &[Vec<u8>], at: Head) -> Result<Proof, Error> {
        let what = "proving what a block's state holds";
        let ask = |session: Session| async move {
            let failed = |cause| translate(&session.url, what, cause);
            let unknown = || Error::UnknownBlock {
                url: session.url.to_string(),
                what: what.into(),
            };
            let hash = Some(H256(at.hash));
            let header = session.rpc.chain_get_header(hash).await.map_err(failed)?;
            let mut arguments = RpcParams::new();
            arguments.push(at.number).map_err(failed)?;
            let finality: Option<String> = session
                .raw
                .request("grandpa_proveFinality", arguments)
                .await
                .map_err(failed)?;
            let finality = finality.ok_or_else(unknown)?;
            let finality = bytes_of(&finality, "the answer of grandpa_proveFinality")?;
            let keys = keys.iter().map(Vec::as_slice);
            let state = session.rpc.state_get_read_proof(keys, hash).await.map_err(failed)?;
            Ok(Proof {
                header: header.ok_or_else(unknown)?.encode(),
                finality,
                state: state.proof.into_iter().map(|node| node.0).collect(),
            })
        };
        self.inner.link.ask(what, ask).await
    }
}
