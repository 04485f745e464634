//! The consortium that a chain starts with.
//!
//! A chain specification that is wrong must not become a chain, and there is no one yet to return an error to: what is
//! wrong panics, and says what.
//!
//! **Privacy.** A chain specification is public, with the members and nodes in it.

use crate::{
    is_peer_id, Config, GenesisConfig, GenesisNode, ListedPeersOnly, Members, NodeId, Nodes, SlotMs, TermBlocks,
    DEFAULT_SLOT_MS, DEFAULT_TERM_BLOCKS, SHORTEST_SLOT_MS, SHORTEST_TERM_BLOCKS,
};
use alloc::vec::Vec;
use frame_support::{traits::InitializeMembers, BoundedVec};

impl<T: Config> Default for GenesisConfig<T> {
    fn default() -> Self {
        Self {
            members: Vec::new(),
            slot_ms: DEFAULT_SLOT_MS,
            term_blocks: DEFAULT_TERM_BLOCKS.into(),
            listed_peers_only: false,
            nodes: Vec::new(),
        }
    }
}

impl<T: Config> GenesisConfig<T> {
    /// Puts the configuration into storage.
    pub(crate) fn set_up(&self) {
        assert!(
            self.slot_ms >= SHORTEST_SLOT_MS,
            "finality.slotMs must be at least {SHORTEST_SLOT_MS} ms"
        );
        assert!(
            self.term_blocks >= SHORTEST_TERM_BLOCKS.into(),
            "finality.termBlocks must be at least {SHORTEST_TERM_BLOCKS}"
        );
        SlotMs::<T>::put(self.slot_ms);
        TermBlocks::<T>::put(self.term_blocks);
        ListedPeersOnly::<T>::put(self.listed_peers_only);
        self.seat_members();
        for (member, nodes) in &self.nodes {
            Self::list(member, nodes);
        }
    }

    fn seat_members(&self) {
        let mut members = self.members.clone();
        members.sort();
        assert!(
            members.windows(2).all(|pair| pair[0] != pair[1]),
            "finality.members names a member twice"
        );
        for member in &members {
            frame_system::Pallet::<T>::inc_providers(member);
        }
        T::MembershipInitialized::initialize_members(&members);
        let members =
            BoundedVec::try_from(members).expect("finality.members has more members than the runtime's MaxMembers");
        Members::<T>::put(members);
    }

    fn list(member: &T::AccountId, nodes: &[GenesisNode]) {
        assert!(
            Members::<T>::get().contains(member),
            "finality.nodes lists nodes of someone who is no member"
        );
        assert!(
            !Nodes::<T>::contains_key(member),
            "finality.nodes lists a member's nodes twice"
        );
        assert!(
            nodes.iter().all(|node| is_peer_id(&node.0)),
            "finality.nodes has a node that is not named by a peer id"
        );
        let nodes: Vec<NodeId> = nodes.iter().map(|node| NodeId::truncate_from(node.0.clone())).collect();
        let nodes = BoundedVec::try_from(nodes)
            .expect("finality.nodes lists more nodes of a member than the runtime's MaxNodes");
        Nodes::<T>::insert(member, nodes);
    }
}
