//! What the pallet keeps and what it answers with.
//!
//! **Privacy.** Members, their votes, records and nodes are public; nothing here knows of meters or homes.

use alloc::{string::String, vec::Vec};
use codec::{Decode, DecodeWithMemTracking, Encode, MaxEncodedLen};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::TypeInfo;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sp_staking::SessionIndex;

/// The most bytes of a reason for a decision about members.
pub const MAX_REASON_BYTES: u32 = 256;
/// The most bytes of a proof of an offence that is kept.
pub const MAX_PROOF_BYTES: u32 = 64 * 1024;
/// The most bytes of a node's peer id.
pub const MAX_NODE_ID_BYTES: u32 = 64;
/// The most bytes of a key that a peer id may carry as it is and not as a hash, by the peer ids' specification.
const MAX_INLINE_KEY_BYTES: usize = 42;

/// Why the consortium decided as it did, in its own words.
pub type Reason = BoundedVec<u8, ConstU32<MAX_REASON_BYTES>>;
/// A peer id of libp2p as bytes: a multihash.
pub type NodeId = BoundedVec<u8, ConstU32<MAX_NODE_ID_BYTES>>;
/// A proof of an offence, as it was reported: the two contradicting messages and the proof of whose key signed them.
pub type Proof = BoundedVec<u8, ConstU32<MAX_PROOF_BYTES>>;

/// What an account has done with its slots; halved at the start of each term, so that the old counts ever less.
#[derive(
    Clone, Copy, Default, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo, Debug,
)]
pub struct Record {
    /// The slots in which it formed a block.
    pub authored: u32,
    /// The slots that went by without one.
    pub missed: u32,
}

/// What a node wants its member to vote, as the data of the pallet's inherent.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, TypeInfo, Debug)]
pub enum LeaderVote<AccountId> {
    /// For the member with the best record on chain.
    Best,
    /// For this one.
    For(AccountId),
}

/// The ways for an authority to contradict itself.
#[derive(Clone, Copy, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo, Debug)]
pub enum Offence {
    /// Two blocks in one slot.
    BlockEquivocation,
    /// Two votes in one round of GRANDPA.
    VoteEquivocation,
}

/// A proven offence.
#[derive(Clone, PartialEq, Eq, Encode, Decode, DecodeWithMemTracking, MaxEncodedLen, TypeInfo, Debug)]
pub struct OffenceRecord<BlockNumber> {
    /// What was done.
    pub kind: Offence,
    /// The term in which it was done: for a block that of its slot, for a vote the first of its GRANDPA set.
    pub session: SessionIndex,
    /// The block that holds the report.
    pub reported_at: BlockNumber,
    /// The SCALE-encoded pair of the equivocation proof and the key ownership proof; empty if it is longer than
    /// [`MAX_PROOF_BYTES`], where only the report itself has it.
    pub proof: Proof,
}

/// The consortium as the chain knows it.
#[derive(Clone, PartialEq, Eq, Encode, Decode, TypeInfo, Debug)]
pub struct ConsortiumStatus<AccountId, BlockNumber = u32> {
    /// The number of the term, which is the session's.
    pub term: SessionIndex,
    /// The block with which the term began.
    pub term_started: BlockNumber,
    /// How many blocks a term has that nothing cuts short.
    pub term_blocks: BlockNumber,
    /// Who leads, if someone does.
    pub leader: Option<AccountId>,
    /// How many of its own slots in a row the leader has missed up to now.
    pub leader_missed: u32,
    /// The members, ascending by account.
    pub members: Vec<MemberStatus<AccountId>>,
}

/// A member as the chain knows it.
#[derive(Clone, PartialEq, Eq, Encode, Decode, TypeInfo, Debug)]
pub struct MemberStatus<AccountId> {
    /// Its account.
    pub account: AccountId,
    /// Whether it is an authority of the present term.
    pub authority: bool,
    /// Whether it has stepped out by itself.
    pub away: bool,
    /// How many blocks it has formed, as its [`Record`] has it.
    pub authored: u32,
    /// How many of its slots went by without a block, as its [`Record`] has it.
    pub missed: u32,
    /// Whom it wants to lead the next term, if it has voted.
    pub vote: Option<AccountId>,
}

/// The nodes that the members have listed.
#[derive(Clone, PartialEq, Eq, Encode, Decode, TypeInfo, Debug)]
pub struct ListedNodes<AccountId> {
    /// Whether a node is to talk to these only.
    pub listed_peers_only: bool,
    /// For each member that has listed any the peer ids of its nodes, as bytes.
    pub nodes: Vec<(AccountId, Vec<Vec<u8>>)>,
}

/// Whether these bytes are a peer id: a multihash that is either a key as it is or a key's SHA-256.
pub fn is_peer_id(bytes: &[u8]) -> bool {
    match bytes {
        [0x00, length, key @ ..] => {
            usize::from(*length) == key.len() && (1..=MAX_INLINE_KEY_BYTES).contains(&key.len())
        }
        [0x12, 0x20, hash @ ..] => hash.len() == 32,
        _ => false,
    }
}

/// A node in the genesis configuration: a peer id as people write it, in base 58, or as bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GenesisNode(pub Vec<u8>);

impl Serialize for GenesisNode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&bs58::encode(&self.0).into_string())
    }
}

impl<'de> Deserialize<'de> for GenesisNode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Text(String),
            Bytes(Vec<u8>),
        }
        match Form::deserialize(deserializer)? {
            Form::Bytes(bytes) => Ok(Self(bytes)),
            Form::Text(text) => bs58::decode(&text)
                .into_vec()
                .map(Self)
                .map_err(|_| serde::de::Error::custom("a peer id is not in base 58")),
        }
    }
}
