//! Whether a block is final, by the signatures of those who finalise.
//!
//! The rule is GRANDPA's own, by its own code: a commit whose votes are for the signed block or its descendants, by more than
//! two thirds of the set, each signature over vote, round and number of the set. From the signed block, headers lead back to
//! the block in question.
//!
//! **Privacy.** Everything here is public.

use super::ReceiptError;
use codec::{Decode, DecodeAll};
use finality_grandpa::{validate_commit, voter_set::VoterSet, Chain, Error as GrandpaError, Message};
use gridveil_chain_client::Authorities;
use sp_consensus_grandpa::{check_message_signature, AuthorityId, GrandpaJustification, SignatureResult};
use sp_core::{ed25519::Public, H256};
use sp_runtime::{generic, traits::BlakeTwo256};
use std::collections::{BTreeSet, HashMap};

/// A header of this chain.
pub type Header = generic::Header<u32, BlakeTwo256>;

/// A block that is final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Final {
    /// Its number.
    pub number: u32,
    /// The root of its state's trie.
    pub state_root: H256,
    /// How many authorities signed.
    pub signed: usize,
}

/// The answer of `grandpa_proveFinality`.
#[derive(Decode)]
#[cfg_attr(test, derive(codec::Encode))]
pub(super) struct FinalityProof {
    /// The block that was signed.
    pub block: H256,
    /// Its justification.
    pub justification: Vec<u8>,
    /// The headers from the block in question (exclusive) to the signed one (inclusive).
    pub unknown_headers: Vec<Header>,
}

/// Something, if all bytes are of it.
fn decode<T: Decode>(mut bytes: &[u8], what: &'static str) -> Result<T, ReceiptError> {
    T::decode_all(&mut bytes).map_err(|_| ReceiptError::NotFinal(what))
}

fn read(header: &[u8], finality: &[u8]) -> Result<(Header, FinalityProof), ReceiptError> {
    let header = decode(header, "its header is none")?;
    Ok((header, decode(finality, "its proof of finality is none")?))
}

/// The hash of the parent of the block that was signed, in whose state the set is that signed it. Checks nothing.
///
/// # Errors
///
/// [`ReceiptError::NotFinal`] where the bytes are of another form.
pub fn signed_on(header: &[u8], finality: &[u8]) -> Result<[u8; 32], ReceiptError> {
    let (header, proof) = read(header, finality)?;
    Ok(proof.unknown_headers.last().unwrap_or(&header).parent_hash.0)
}

/// Checks that the block with this header is final, by SCALE bytes as `grandpa_proveFinality` gives them.
///
/// # Errors
///
/// [`ReceiptError::NotFinal`].
pub fn check(header: &[u8], finality: &[u8], authorities: &Authorities) -> Result<Final, ReceiptError> {
    use ReceiptError::NotFinal;
    let (header, proof) = read(header, finality)?;
    let mut last = &header;
    for next in &proof.unknown_headers {
        if next.parent_hash != last.hash() {
            return Err(NotFinal("its headers are no chain"));
        }
        last = next;
    }
    let justification: GrandpaJustification<Header> = decode(&proof.justification, "its justification is none")?;
    let commit = &justification.commit;
    if (commit.target_hash, commit.target_number) != (last.hash(), last.number) || proof.block != last.hash() {
        return Err(NotFinal("another block was signed"));
    }

    let ids = authorities
        .keys
        .iter()
        .map(|key| AuthorityId::from(Public::from_raw(key.0)));
    let voters = VoterSet::new(ids.map(|id| (id, 1))).ok_or(NotFinal("the list of authorities is empty"))?;
    for vote in &commit.precommits {
        let message = Message::Precommit(vote.precommit.clone());
        let result = check_message_signature(
            &message,
            &vote.id,
            &vote.signature,
            justification.round,
            authorities.set,
        );
        if !matches!(result, SignatureResult::Valid) {
            return Err(NotFinal("a signature is wrong"));
        }
    }
    let votes = &justification.votes_ancestries;
    let ancestry = Ancestry(votes.iter().map(|header| (header.hash(), header.parent_hash)).collect());
    match validate_commit(commit, &voters, &ancestry) {
        Ok(result) if result.is_valid() => {}
        _ => return Err(NotFinal("too few of the authorities have signed it")),
    }
    let signers: BTreeSet<_> = commit.precommits.iter().map(|vote| &vote.id).collect();
    Ok(Final {
        number: header.number,
        state_root: header.state_root,
        signed: signers.into_iter().filter(|id| voters.contains(id)).count(),
    })
}

/// The parents of the blocks that votes are for.
struct Ancestry(HashMap<H256, H256>);

impl Chain<H256, u32> for Ancestry {
    fn ancestry(&self, base: H256, block: H256) -> Result<Vec<H256>, GrandpaError> {
        let parent = |hash: &H256| self.0.get(hash).copied();
        let route: Vec<_> =
            std::iter::successors(Some(block), |hash| (*hash != base).then(|| parent(hash)).flatten()).collect();
        match route.as_slice() {
            [_, between @ .., last] if *last == base => Ok(between.to_vec()),
            [only] if *only == base => Ok(Vec::new()),
            _ => Err(GrandpaError::NotDescendent),
        }
    }
}
