//! Notices an author that makes two different blocks in one slot, and reports it to the chain.
//!
//! The watcher looks at every block that this node imports, on whichever fork, and remembers the sealed headers of the
//! latest slots by slot and author. The second block of a pair is the proof: the runtime checks both seals, keeps the
//! evidence and puts the author out of the set (`pallet-finality`). GRANDPA's voter watches votes by itself.
//!
//! Promised: a pair that this node imported since it started, and whose slots lie less than [`KEPT`] blocks apart, is
//! reported once to this node's own pool; its next block carries the report. A node that makes no blocks sees and logs the
//! pair, but its report goes nowhere: the chain takes reports from those who put them into a block, so that nobody can
//! flood the others with proofs to check. Not seen: a second block that arrives after another one of its height is final,
//! for it is not imported.
//!
//! **Privacy.** A report holds two block headers and the author's key, which its maker sent out itself.

use futures::StreamExt;
use gridveil_runtime::{
    finality_api::FinalityApi,
    opaque::{Block, Header},
    Hash,
};
use sc_client_api::BlockchainEvents;
use sc_consensus_aura::standalone::{find_pre_digest, slot_author};
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_api::{ApiError, ApiExt, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_consensus_aura::{
    sr25519::{AuthorityId, AuthorityPair, AuthoritySignature},
    AuraApi, Slot,
};
use sp_consensus_slots::EquivocationProof;
use sp_runtime::traits::Header as _;
use std::{
    collections::{btree_map::Entry, BTreeMap},
    sync::Arc,
};

/// How many blocks are remembered: at slots of three seconds an hour and a half, in about a megabyte.
const KEPT: usize = 2_048;

/// Two blocks of one author in one slot.
type Proof = EquivocationProof<Header, AuthorityId>;

/// A block as it was sealed.
struct Seen {
    header: Header,
    /// Whether its author was found out in this slot already.
    reported: bool,
}

/// The latest slots' blocks, one of each author and slot.
#[derive(Default)]
struct Memory(BTreeMap<(Slot, AuthorityId), Seen>);

impl Memory {
    /// Takes note of the sealed `header` that `author` made in `slot`, and returns the proof if it is the first that
    /// contradicts one noted before. The same block sealed again contradicts nothing.
    fn note(&mut self, slot: Slot, author: AuthorityId, header: Header) -> Option<Proof> {
        match self.0.entry((slot, author.clone())) {
            Entry::Vacant(entry) => {
                entry.insert(Seen {
                    header,
                    reported: false,
                });
                if self.0.len() > KEPT {
                    self.0.pop_first();
                }
                None
            }
            Entry::Occupied(mut entry) => {
                let seen = entry.get_mut();
                if seen.reported || unsealed_hash(&seen.header) == unsealed_hash(&header) {
                    return None;
                }
                seen.reported = true;
                Some(EquivocationProof {
                    offender: author,
                    slot,
                    first_header: seen.header.clone(),
                    second_header: header,
                })
            }
        }
    }
}

/// The hash that a header's seal signs.
fn unsealed_hash(header: &Header) -> Hash {
    let mut header = header.clone();
    header.digest_mut().pop();
    header.hash()
}

/// Why a proof did not get into this node's pool.
#[derive(Debug, thiserror::Error)]
enum NotReported {
    #[error("the runtime could not be asked: {0}")]
    Runtime(#[from] ApiError),
    #[error("the chain knows no owner of the key")]
    NobodysKey,
    #[error("the pool did not take it; most likely it is known already")]
    NotTaken,
}

/// Watches the imported blocks for as long as there are any, and reports what it finds.
pub async fn watch<Client>(client: Arc<Client>, pool: OffchainTransactionPoolFactory<Block>)
where
    Client: BlockchainEvents<Block> + HeaderBackend<Block> + ProvideRuntimeApi<Block>,
    Client::Api: AuraApi<Block, AuthorityId> + FinalityApi<Block>,
{
    let mut imported = client.every_import_notification_stream();
    let mut memory = Memory::default();
    while let Some(block) = imported.next().await {
        let Some((slot, author)) = slot_and_author(&*client, &block.header) else {
            continue;
        };
        let Some(proof) = memory.note(slot, author, block.header) else {
            continue;
        };
        tracing::warn!(
            "{} made two blocks in one slot, {slot}: {:?} and {:?}",
            proof.offender,
            proof.first_header.hash(),
            proof.second_header.hash()
        );
        match report(&*client, &pool, proof) {
            Ok(()) => tracing::info!("The report on slot {slot} waits for this node's next block"),
            Err(reason) => tracing::warn!("No report on slot {slot} was made: {reason}"),
        }
    }
}

/// In which slot a block was made, and by whom; `None` where its parent's state isn't here, as with blocks that a node
/// filled in after a warp sync. The seal was checked when the block was imported.
fn slot_and_author<Client>(client: &Client, header: &Header) -> Option<(Slot, AuthorityId)>
where
    Client: ProvideRuntimeApi<Block>,
    Client::Api: AuraApi<Block, AuthorityId>,
{
    let slot = find_pre_digest::<Block, AuthoritySignature>(header).ok()?;
    let schedule = client.runtime_api().authorities(*header.parent_hash()).ok()?;
    let author = slot_author::<AuthorityPair>(slot, &schedule)?;
    Some((slot, author.clone()))
}

/// Puts the report into this node's pool.
fn report<Client>(
    client: &Client,
    pool: &OffchainTransactionPoolFactory<Block>,
    proof: Proof,
) -> Result<(), NotReported>
where
    Client: HeaderBackend<Block> + ProvideRuntimeApi<Block>,
    Client::Api: FinalityApi<Block>,
{
    // Where the schedule was in force by which the slot was the author's, the key was its owner's, too.
    let parent = *proof.second_header.parent_hash();
    let owner = client
        .runtime_api()
        .block_equivocation_key_proof(parent, proof.offender.clone())?
        .ok_or(NotReported::NobodysKey)?;

    let best = client.info().best_hash;
    let mut api = client.runtime_api();
    api.register_extension(pool.offchain_transaction_pool(best));
    api.submit_block_equivocation_report(best, proof, owner)?
        .ok_or(NotReported::NotTaken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sp_consensus_aura::digests::CompatibleDigestItem;
    use sp_core::{sr25519, Pair};
    use sp_runtime::{Digest, DigestItem};

    fn pair(name: &str) -> sr25519::Pair {
        sr25519::Pair::from_string(name, None).unwrap()
    }

    fn id(pair: &sr25519::Pair) -> AuthorityId {
        pair.public().into()
    }

    /// A block of `author` in `slot`, sealed; `state` tells one from another.
    fn block(author: &sr25519::Pair, slot: u64, state: u8) -> Header {
        let mut header = Header::new(
            7,
            Hash::zero(),
            Hash::repeat_byte(state),
            Hash::repeat_byte(1),
            Digest {
                logs: vec![<DigestItem as CompatibleDigestItem<AuthoritySignature>>::aura_pre_digest(slot.into())],
            },
        );
        let signature = author.sign(header.hash().as_bytes());
        let seal = <DigestItem as CompatibleDigestItem<AuthoritySignature>>::aura_seal(signature.into());
        header.digest_mut().push(seal);
        header
    }

    fn note(memory: &mut Memory, author: &sr25519::Pair, slot: u64, state: u8) -> Option<Proof> {
        memory.note(slot.into(), id(author), block(author, slot, state))
    }

    #[test]
    fn two_blocks_in_one_slot_are_a_proof_with_both_seals() {
        let (mut memory, bob) = (Memory::default(), pair("//Bob"));
        assert_eq!(note(&mut memory, &bob, 5, 1), None);
        assert_eq!(note(&mut memory, &bob, 6, 1), None);
        let proof = note(&mut memory, &bob, 5, 2).unwrap();

        assert_eq!((proof.offender.clone(), u64::from(proof.slot)), (id(&bob), 5));
        for (mut header, state) in [(proof.first_header, 1), (proof.second_header, 2)] {
            assert_eq!(header.state_root, Hash::repeat_byte(state));
            assert_eq!(
                find_pre_digest::<Block, AuthoritySignature>(&header).unwrap(),
                proof.slot
            );
            let seal = header.digest_mut().pop().unwrap();
            let signature: AuthoritySignature = seal.as_aura_seal().unwrap();
            assert!(AuthorityPair::verify(&signature, header.hash(), &proof.offender));
        }
    }

    #[test]
    fn a_pair_is_reported_once_and_another_slot_again() {
        let (mut memory, bob) = (Memory::default(), pair("//Bob"));
        for (slot, state, found) in [(5, 1, false), (5, 2, true), (5, 3, false), (6, 1, false), (6, 2, true)] {
            assert_eq!(
                note(&mut memory, &bob, slot, state).is_some(),
                found,
                "block {state} of slot {slot}"
            );
        }
    }

    #[test]
    fn the_same_block_again_is_no_crime_even_with_another_seal() {
        let (mut memory, bob) = (Memory::default(), pair("//Bob"));
        let (once, again) = (block(&bob, 5, 1), block(&bob, 5, 1));
        // sr25519 draws each signature anew.
        assert_ne!(once.hash(), again.hash());
        for header in [once.clone(), once, again] {
            assert_eq!(memory.note(5.into(), id(&bob), header), None);
        }
    }

    #[test]
    fn forks_by_two_authors_in_one_slot_are_no_crime() {
        // Two branches can have different schedules, and with them different owners of a slot.
        let mut memory = Memory::default();
        assert_eq!(note(&mut memory, &pair("//Bob"), 5, 1), None);
        assert_eq!(note(&mut memory, &pair("//Dave"), 5, 2), None);
    }

    #[test]
    fn the_oldest_slots_are_forgotten_first() {
        let (mut memory, bob) = (Memory::default(), pair("//Bob"));
        let (first, last) = (10, 10 + KEPT as u64);
        let header = block(&bob, first, 1);
        for slot in first..=last {
            memory.note(slot.into(), id(&bob), header.clone());
        }
        assert_eq!(memory.0.len(), KEPT);
        assert_eq!(note(&mut memory, &bob, first, 2), None);
        assert!(note(&mut memory, &bob, first + 1, 2).is_some());
        assert!(note(&mut memory, &bob, last, 2).is_some());

        // One that comes far too late pushes no later one out.
        assert_eq!(note(&mut memory, &bob, first, 1), None);
        assert_eq!(memory.0.len(), KEPT);
    }
}
