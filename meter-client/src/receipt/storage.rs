//! What a state has under the two keys that a receipt is about.
//!
//! Where the runtime keeps them is written down here, since a checker has no metadata to ask: `System.BlockHash` of block 0
//! and `Billing.Bills` of a user and a cycle. A runtime that moved them would need a receipt of another version.
//!
//! **Privacy.** Everything here is public.

use super::ReceiptError;
use codec::{DecodeAll, Encode};
use gridveil_primitives::{Bid, BillRecord, CycleId};
use sp_core::{Blake2Hasher, H256};
use sp_crypto_hashing::{blake2_128, twox_128, twox_64};
use sp_trie::{read_trie_value, LayoutV1, StorageProof};

/// Where an entry of a pallet starts.
fn prefix(pallet: &str, entry: &str) -> Vec<u8> {
    [twox_128(pallet.as_bytes()), twox_128(entry.as_bytes())].concat()
}

/// Where every state has the genesis hash.
fn genesis_key() -> Vec<u8> {
    let number = 0_u32.encode();
    [prefix("System", "BlockHash"), twox_64(&number).to_vec(), number].concat()
}

/// Where the chain's state has a user's bill of a cycle.
fn bill_key(bid: &Bid, cycle: CycleId) -> Vec<u8> {
    let cycle = cycle.encode();
    let (user, of) = (blake2_128(bid), twox_64(&cycle));
    [&prefix("Billing", "Bills")[..], &user, bid, &of, &cycle].concat()
}

/// The keys that a receipt's proof has to reach.
pub fn keys(bid: &Bid, cycle: CycleId) -> [Vec<u8>; 2] {
    [genesis_key(), bill_key(bid, cycle)]
}

/// The user's bill of a cycle in the state with this root, as the trie's `nodes` show it; and that the state is one of the
/// chain with this genesis hash.
///
/// # Errors
///
/// [`ReceiptError::NotThere`].
pub fn check(
    nodes: impl IntoIterator<Item = Vec<u8>>,
    root: H256,
    genesis: &[u8; 32],
    bid: &Bid,
    cycle: CycleId,
) -> Result<BillRecord, ReceiptError> {
    let missing = |what: &str| ReceiptError::NotThere(what.into());
    // Nodes are found by their hashes, so that one which does not belong is never read.
    let trie = StorageProof::new(nodes).into_memory_db::<Blake2Hasher>();
    let value = |key: &[u8]| {
        read_trie_value::<LayoutV1<Blake2Hasher>, _>(&trie, &root, key, None, None)
            .map_err(|_| missing("nodes of the state are missing"))
    };
    if value(&genesis_key())?.as_deref() != Some(genesis.as_slice()) {
        return Err(missing("the state is another chain's"));
    }
    let bill = value(&bill_key(bid, cycle))?.ok_or_else(|| missing("the state has no bill of this user and cycle"))?;
    BillRecord::decode_all(&mut &bill[..]).map_err(|_| missing("the state has something else in its place"))
}
