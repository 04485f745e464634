//! What the chain knows about the consortium: its members, its open motions, the nodes of each member.
//!
//! Everything is read at a block that the caller names, or at the latest finalised one. Counts and block numbers are as
//! the chain has them; whether a motion can be closed and who may vote is for the caller to conclude.
//!
//! **Privacy.** Members, motions, votes and the peer ids of listed nodes are public.

use crate::{
    chain::{Chain, Head},
    decision::Proposal,
    reads::questions,
    Call, Error, Motion,
};
use codec::{Decode, Encode};
use gridveil_primitives::hash::blake2b_256;

/// An account, as its public key.
type Account = [u8; 32];

/// Who forms and finalises blocks, and how they have done.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ConsortiumStatus {
    /// The number of the term.
    pub term: u32,
    /// The block that it began with.
    pub term_started: u32,
    /// How many blocks a term has.
    pub term_blocks: u32,
    /// Who leads; `None` while the members take turns.
    pub leader: Option<Account>,
    /// How many of its own slots the leader has missed in a row.
    pub leader_missed: u32,
    /// The members, ascending.
    pub members: Vec<MemberStatus>,
}

/// A member of the consortium.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct MemberStatus {
    /// Its account.
    pub account: Account,
    /// Whether it forms and finalises blocks in this term.
    pub authority: bool,
    /// Whether it left by itself.
    pub away: bool,
    /// How many blocks it formed; halved with each term.
    pub authored: u32,
    /// How many of its slots it missed; halved with each term.
    pub missed: u32,
    /// Whom it voted for as the next term's leader.
    pub vote: Option<Account>,
}

/// The nodes that the members listed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct ListedNodes {
    /// Whether nodes talk to no others.
    pub listed_peers_only: bool,
    /// The bytes of the peer ids, by member.
    pub nodes: Vec<(Account, Vec<Vec<u8>>)>,
}

/// An open motion with what it is about and how the vote stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenMotion {
    /// The motion.
    pub motion: Motion,
    /// What it would do.
    pub proposal: Proposal,
    /// How many ayes it needs to be carried, by its proposer.
    pub threshold: u32,
    /// Who voted for it.
    pub ayes: Vec<Account>,
    /// Who voted against it.
    pub nays: Vec<Account>,
    /// The block from which on it can be closed whatever the votes.
    pub end: u32,
}

/// The chain's record of a motion.
#[derive(Decode)]
struct Votes {
    index: u32,
    threshold: u32,
    ayes: Vec<Account>,
    nays: Vec<Account>,
    end: u32,
}

questions! {
    "FinalityApi";
    /// The consortium as it is.
    "consortium": consortium, consortium_at() -> ConsortiumStatus;
    /// The nodes that the members listed.
    "nodes": listed_nodes, listed_nodes_at() -> ListedNodes;
}

impl Chain {
    /// The motions that are open at a block, by ascending number.
    ///
    /// Errors: those of a request, [`Error::UnknownBlock`], [`Error::Decode`].
    pub async fn motions(&self, at: Head) -> Result<Vec<OpenMotion>, Error> {
        let open: Option<Vec<[u8; 32]>> = self.value("Consortium", "Proposals", [], at).await?;
        let mut motions = Vec::new();
        for hash in open.unwrap_or_default() {
            motions.push(self.open_motion(hash, at).await?);
        }
        motions.sort_by_key(|motion| motion.motion.index);
        Ok(motions)
    }

    /// The open motion of the consortium about a call; `None` if there is none.
    pub async fn motion(&self, call: &Call) -> Result<Option<Motion>, Error> {
        let head = self.finalised().await?;
        let runtime = self.runtime_at(head).await?;
        let encoded = runtime.encode(call)?;
        let hash = blake2b_256(&[&encoded]);
        let key = runtime.storage_key("Consortium", "Voting", [hash])?;
        let votes = self.storage("the consortium's motions", &key, head.hash).await?;
        let Some(votes) = votes else { return Ok(None) };
        let failed = |cause: String| Error::Decode {
            what: "a motion of the consortium".into(),
            cause,
        };
        // The motion's number comes first in its record.
        let index = u32::decode(&mut &votes[..]).map_err(|cause| failed(cause.to_string()))?;
        let length = u32::try_from(encoded.len()).map_err(|cause| failed(cause.to_string()))?;
        Ok(Some(Motion { hash, index, length }))
    }

    /// BLAKE2b-256 of a call as the runtime at a block encodes it, by which a motion about it is known.
    pub async fn call_hash(&self, call: &Call, at: Head) -> Result<[u8; 32], Error> {
        Ok(blake2b_256(&[&self.runtime_at(at).await?.encode(call)?]))
    }

    async fn open_motion(&self, hash: [u8; 32], at: Head) -> Result<OpenMotion, Error> {
        let missing = |what: &str| Error::Decode {
            what: format!("the motion 0x{}", hex::encode(hash)),
            cause: format!("the chain has no {what} of it"),
        };
        let votes: Option<Votes> = self.value("Consortium", "Voting", [hash], at).await?;
        let votes = votes.ok_or_else(|| missing("votes"))?;
        let runtime = self.runtime_at(at).await?;
        let key = runtime.storage_key("Consortium", "ProposalOf", [hash])?;
        let call = self.storage("a motion's call", &key, at.hash).await?;
        let call = call.ok_or_else(|| missing("call"))?;
        let length = u32::try_from(call.len()).map_err(|_| missing("call of a fitting length"))?;
        let (pallet, function, arguments) = runtime.name(&call).ok_or_else(|| missing("call that it understands"))?;
        Ok(OpenMotion {
            motion: Motion {
                hash,
                index: votes.index,
                length,
            },
            proposal: Proposal::read(pallet, function, arguments),
            threshold: votes.threshold,
            ayes: votes.ayes,
            nays: votes.nays,
            end: votes.end,
        })
    }
}
