//! The certificate for users: why a block is final, so that nobody has to take this node's word for it.
//!
//! [`prove`] answers from the database, for every finalised block, on any node and after any restart. The stock method
//! looks for the end of the authority set that a block belongs to, and knows none before the set has changed for the
//! first time; a consortium whose members stay never gets there.
//!
//! **Privacy.** A certificate names the members that voted, which the chain says anyway.

use gridveil_runtime::{
    opaque::{Block, Header},
    BlockNumber,
};
use sc_consensus_grandpa::{FinalityProof, FinalityProofError, GRANDPA_ENGINE_ID};
use sp_blockchain::{Backend as _, HeaderBackend};
use sp_runtime::generic::BlockId;

/// How many blocks after the one in question are searched for a certificate. One vote can make many blocks final after
/// finality was away; so many headers still fit into one RPC answer.
const MAX_HEADERS: BlockNumber = 20_000;

/// Proves that the block `number` is final: the certificate of the first block from there on that carries one, usually
/// `number` itself, and the headers from `number` (exclusive) to that block (inclusive).
///
/// Returns `None` if none of the next [`MAX_HEADERS`] blocks carries one.
///
/// # Errors
///
/// If the block is not final yet, or the database can't be read.
pub fn prove<Backend>(
    backend: &Backend,
    number: BlockNumber,
) -> Result<Option<FinalityProof<Header>>, FinalityProofError>
where
    Backend: sc_client_api::Backend<Block>,
{
    let chain = backend.blockchain();
    let finalised = chain.info().finalized_number;
    if number > finalised {
        return Err(FinalityProofError::BlockNotYetFinalized);
    }

    let mut unknown_headers = Vec::new();
    for candidate in number..=finalised.min(number.saturating_add(MAX_HEADERS)) {
        let block = chain.expect_block_hash_from_id(&BlockId::Number(candidate))?;
        if candidate > number {
            unknown_headers.push(chain.expect_header(block)?);
        }
        let certificate = chain
            .justifications(block)?
            .and_then(|all| all.into_justification(GRANDPA_ENGINE_ID));
        if let Some(justification) = certificate {
            return Ok(Some(FinalityProof {
                block,
                justification,
                unknown_headers,
            }));
        }
    }
    Ok(None)
}
