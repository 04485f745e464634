//! A receipt: proof in one file that the consortium finalised a bill, checked without a node and without a network.
//!
//! [`make`] asks a node for a finalised block, why it is final, and what its state has under two keys: the record of the
//! bill, and the chain's genesis hash, which every later state holds. [`Receipt::check`] believes none of it: the block's
//! header must be signed, itself or through its descendants, by more than two thirds of the [`Authorities`] whom the checker
//! knows ([`finality`]), and the state that the header names must have both values ([`storage`]). The authorities are what a
//! checker has to believe: GRANDPA's signatures name a set by its number alone, and after a stall a set follows that no set
//! before it has signed. Whether the bill is right is [`crate::verify`]'s to say.
//!
//! **Privacy.** A receipt tells whoever reads it a BID, a cycle, and the CID and the hash of an encrypted bill, all of which
//! are on the chain. The node that is asked learns which BID this address asks about.

pub mod finality;
pub mod storage;

use crate::{
    bill::same_hash,
    state::{write_atomically, StateError},
};
use gridveil_bills::cid::Cid;
use gridveil_chain_client::{Authorities, Chain, Error as ChainError};
use gridveil_primitives::{Bid, BillRecord, CycleId};
use serde::{de::DeserializeOwned, Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The version of the form of a receipt.
const VERSION: u16 = 1;
/// No receipt and no list of authorities is longer, in bytes.
const LONGEST: u64 = 1 << 24;

/// Why a receipt could not be made, or proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// A file could not be read.
    #[error("{}: {cause}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        cause: String,
    },
    /// A receipt of a form that this program does not know.
    #[error("the receipt is of version {0}, which this program does not know")]
    Version(u16),
    /// The receipt, or the list of authorities, is of another chain.
    #[error("{what} is of the chain with the genesis hash {found}, not of {expected}")]
    OtherChain {
        /// What is.
        what: &'static str,
        /// Its genesis hash.
        found: String,
        /// The checker's.
        expected: String,
    },
    /// The list of authorities is of another set than the one that finalised.
    #[error("the block was finalised by set {needed}, and the authorities are those of set {given}; ask the consortium for the other list, or the user for a new receipt")]
    OtherSet {
        /// The receipt's set.
        needed: u64,
        /// The list's.
        given: u64,
    },
    /// The block is not shown to be final.
    #[error("the receipt does not show that its block is final: {0}")]
    NotFinal(&'static str),
    /// The state is not shown to have the bill.
    #[error("the receipt does not show that the chain has this bill: {0}")]
    NotThere(String),
    /// The bill's bytes are others.
    #[error(transparent)]
    OtherBill(#[from] crate::bill::BillError),
    /// The chain could not be asked.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The receipt could not be written.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Bytes, in hexadecimal where they are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hex(#[serde(with = "hex::serde")] pub Vec<u8>);

/// A receipt; its file is this as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// 1.
    pub version: u16,
    /// The chain's genesis hash.
    #[serde(with = "hex::serde")]
    pub genesis: [u8; 32],
    /// The user.
    #[serde(with = "hex::serde")]
    pub bid: Bid,
    /// The bill's cycle.
    pub cycle: CycleId,
    /// The bill's CID, as text.
    pub cid: String,
    /// BLAKE2b-256 of the encrypted bill.
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
    /// The number of the set of authorities that finalised the block.
    pub set: u64,
    /// The block's header, SCALE-encoded.
    pub header: Hex,
    /// Why it is final: SCALE of the hash of the block that was signed, GRANDPA's justification as bytes, and the headers
    /// from this block to that one.
    pub finality: Hex,
    /// The nodes of the state's trie on the way to the bill and to the genesis hash.
    pub state: Vec<Hex>,
}

/// What a receipt proves.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Proven {
    /// The user, in hexadecimal.
    pub bid: String,
    /// The bill's cycle.
    pub cycle: CycleId,
    /// The bill's CID.
    pub cid: String,
    /// BLAKE2b-256 of the encrypted bill, in hexadecimal.
    pub hash: String,
    /// The number of the block in whose state it is.
    pub block: u32,
    /// The set of authorities that finalised the block.
    pub set: u64,
    /// How many authorities signed.
    pub signed: usize,
    /// How many there are.
    pub authorities: usize,
    /// Whether the bill itself was compared, and is the one.
    pub bill_compared: bool,
}

/// Reads a file of JSON, such as [`Receipt`] or [`Authorities`].
///
/// # Errors
///
/// [`ReceiptError::Unreadable`].
pub fn read<T: DeserializeOwned>(file: &Path) -> Result<T, ReceiptError> {
    let unreadable = |cause: String| ReceiptError::Unreadable {
        file: file.to_owned(),
        cause,
    };
    let length = std::fs::metadata(file)
        .map_err(|error| unreadable(error.to_string()))?
        .len();
    if length > LONGEST {
        return Err(unreadable("it is too long to be one".into()));
    }
    let bytes = std::fs::read(file).map_err(|error| unreadable(error.to_string()))?;
    serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))
}

/// Makes the receipt of a user's bill of a cycle, as `record` has it on the chain, and writes it to `out`. It was checked
/// then, against the authorities that the same node names.
///
/// # Errors
///
/// [`ReceiptError`]; nothing is written then.
pub async fn make(
    chain: &Chain,
    cycle: CycleId,
    bid: &Bid,
    record: &BillRecord,
    out: &Path,
) -> Result<Proven, ReceiptError> {
    let head = chain.finalised().await?;
    let proof = chain.prove(&storage::keys(bid, cycle), head).await?;
    let signed = finality::signed_on(&proof.header, &proof.finality)?;
    let authorities = chain.authorities_at(signed).await?;
    let cid = Cid::from_bytes(&record.cid).map_err(|error| ReceiptError::NotThere(error.to_string()))?;
    let receipt = Receipt {
        version: VERSION,
        genesis: chain.genesis_hash(),
        bid: *bid,
        cycle,
        cid: cid.to_string(),
        hash: record.hash,
        set: authorities.set,
        header: Hex(proof.header),
        finality: Hex(proof.finality),
        state: proof.state.into_iter().map(Hex).collect(),
    };
    let proven = receipt.check(&authorities, &receipt.genesis, None)?;
    // A struct of numbers and strings into memory cannot fail; a reader refuses the empty text.
    let json = serde_json::to_vec_pretty(&receipt).unwrap_or_default();
    write_atomically(out, &json)?;
    Ok(proven)
}

impl Receipt {
    /// Checks that the chain with this genesis hash has the bill, as far as `authorities` are the members that finalised its
    /// blocks; and that `bill`, where it is given with where it came from, is that bill.
    ///
    /// # Errors
    ///
    /// [`ReceiptError`].
    pub fn check(
        &self,
        authorities: &Authorities,
        genesis: &[u8; 32],
        bill: Option<(&str, &[u8])>,
    ) -> Result<Proven, ReceiptError> {
        if self.version != VERSION {
            return Err(ReceiptError::Version(self.version));
        }
        for (what, found) in [
            ("the receipt", self.genesis),
            ("the list of authorities", authorities.genesis),
        ] {
            if found != *genesis {
                let (found, expected) = (hex::encode(found), hex::encode(genesis));
                return Err(ReceiptError::OtherChain { what, found, expected });
            }
        }
        if self.set != authorities.set {
            let (needed, given) = (self.set, authorities.set);
            return Err(ReceiptError::OtherSet { needed, given });
        }
        let block = finality::check(&self.header.0, &self.finality.0, authorities)?;
        let nodes = self.state.iter().map(|node| node.0.clone());
        let found = storage::check(nodes, block.state_root, genesis, &self.bid, self.cycle)?;
        let named = Cid::from_bytes(&found.cid).map_err(|error| ReceiptError::NotThere(error.to_string()))?;
        if named.to_string() != self.cid || found.hash != self.hash {
            return Err(ReceiptError::NotThere("it has another for this user and cycle".into()));
        }
        if let Some((from, bytes)) = bill {
            same_hash(from, bytes, &found)?;
            if !named.is_of(bytes) {
                return Err(ReceiptError::NotThere(format!("its CID is not that of {from}")));
            }
        }
        Ok(Proven {
            bid: hex::encode(self.bid),
            cycle: self.cycle,
            cid: self.cid.clone(),
            hash: hex::encode(self.hash),
            block: block.number,
            set: self.set,
            signed: block.signed,
            authorities: authorities.keys.len(),
            bill_compared: bill.is_some(),
        })
    }
}

#[cfg(test)]
mod tests;
