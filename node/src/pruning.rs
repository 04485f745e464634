//! Which old blocks a node keeps that prunes: those whose certificates a warp sync needs, and no others.
//!
//! Every block here has a certificate of finality, and the stock filter keeps every block that has one: `--blocks-pruning`
//! would throw nothing away. A warp sync goes from one set of voters to the next by the certificate of the block in which the
//! set changed. [`Needed`] keeps these blocks, one or two for a term, and lets the others go.
//!
//! **Privacy.** Blocks are public; a node that prunes forgets who sent what earlier.

use codec::DecodeAll;
use gridveil_runtime::opaque::{Block, Header};
use sc_consensus_grandpa::{GrandpaJustification, GRANDPA_ENGINE_ID};
use sc_service::PruningFilter;
use sp_blockchain::HeaderBackend;
use sp_consensus_grandpa::ConsensusLog;
use sp_runtime::{generic::OpaqueDigestItemId, traits::Header as _, Justifications};
use std::sync::{Arc, OnceLock, Weak};

/// Keeps the blocks that a warp sync needs, once it knows the client whose blocks they are; until then every block.
pub struct Needed<Client>(OnceLock<Weak<Client>>);

impl<Client> Needed<Client> {
    /// A filter that is given to the client's database before there is a client.
    pub fn new() -> Arc<Self> {
        Arc::new(Self(OnceLock::new()))
    }

    /// Tells it the client.
    pub fn belongs_to(&self, client: &Arc<Client>) {
        self.0.get_or_init(|| Arc::downgrade(client));
    }
}

impl<Client: HeaderBackend<Block> + Send + Sync> PruningFilter for Needed<Client> {
    fn should_retain(&self, justifications: &Justifications) -> bool {
        let Some(certificate) = justifications.get(GRANDPA_ENGINE_ID) else {
            return false;
        };
        let header = self.0.get().and_then(Weak::upgrade).and_then(|client| {
            let certificate = GrandpaJustification::<Block>::decode_all(&mut &certificate[..]).ok()?;
            client.header(certificate.target().1).ok()?
        });
        // What can't be read is kept.
        header.is_none_or(|header| changes_voters(&header))
    }
}

/// Whether the set of those who vote on finality changes in this block.
fn changes_voters(header: &Header) -> bool {
    let logs = |log| matches!(log, ConsensusLog::ScheduledChange(_) | ConsensusLog::ForcedChange(..));
    let id = OpaqueDigestItemId::Consensus(&GRANDPA_ENGINE_ID);
    let mut found = header
        .digest()
        .logs
        .iter()
        .filter_map(|item| item.try_to::<ConsensusLog<u32>>(id));
    found.any(logs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use codec::Encode;
    use sp_consensus_grandpa::ScheduledChange;
    use sp_runtime::{Digest, DigestItem};

    fn header(logs: Vec<DigestItem>) -> Header {
        Header::new(
            7,
            Default::default(),
            Default::default(),
            Default::default(),
            Digest { logs },
        )
    }

    fn log(log: ConsensusLog<u32>) -> DigestItem {
        DigestItem::Consensus(GRANDPA_ENGINE_ID, log.encode())
    }

    fn change() -> ScheduledChange<u32> {
        ScheduledChange {
            next_authorities: Vec::new(),
            delay: 0,
        }
    }

    #[test]
    fn blocks_in_which_the_voters_change_are_needed_and_others_are_not() {
        let other = || DigestItem::Consensus(*b"aura", vec![1]);
        assert!(changes_voters(&header(vec![
            other(),
            log(ConsensusLog::ScheduledChange(change()))
        ])));
        assert!(changes_voters(&header(vec![log(ConsensusLog::ForcedChange(
            3,
            change()
        ))])));
        assert!(!changes_voters(&header(vec![
            other(),
            log(ConsensusLog::OnDisabled(0))
        ])));
        assert!(!changes_voters(&header(Vec::new())));
    }
}
