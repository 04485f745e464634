//! What nodes and people read of the consortium, and how a node reports a member that made two blocks in one slot.
//!
//! Called by name through `state_call`, as `FinalityApi_consortium` and so on, with SCALE-encoded arguments. Reports of
//! votes go through GRANDPA's own interface; those of blocks have none that ships, hence the two methods here. Both are
//! asked at the parent of the two blocks, where the key that signed them is in force.
//!
//! **Privacy.** It answers with what is in the chain's storage anyway, to anyone.

use alloc::vec::Vec;
use pallet_finality::{ConsortiumStatus, ListedNodes};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_slots::EquivocationProof;
use sp_runtime::AccountId32;

sp_api::decl_runtime_apis! {
    /// The consortium as the chain knows it.
    pub trait FinalityApi {
        /// The term, its leader, and every member with its record and its vote.
        fn consortium() -> ConsortiumStatus<AccountId32>;
        /// The nodes that the members have listed, and whether these are the only ones to talk to.
        fn nodes() -> ListedNodes<AccountId32>;
        /// A proof of whose Aura key this is in the present term, for a report of its blocks; `None` where it is nobody's.
        fn block_equivocation_key_proof(aura_id: AuraId) -> Option<Vec<u8>>;
        /// Sends a report of two blocks of one author in one slot to this node's own pool, whose next block takes it;
        /// `None` where the key proof is malformed or the pool does not accept the report.
        fn submit_block_equivocation_report(
            equivocation_proof: EquivocationProof<Block::Header, AuraId>,
            key_owner_proof: Vec<u8>,
        ) -> Option<()>;
    }
}
