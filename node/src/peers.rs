//! Whom this node talks to, where the chain says that only listed nodes may be talked to.
//!
//! While the finalised chain says `listed_peers_only`, the reserved peers of the sync protocol are the nodes that the
//! members have listed (`set_nodes`), without this one, and nobody else is admitted. What that cuts off:
//!
//! - **blocks and announcements**: the sync protocol refuses strangers, and closes what they had open;
//! - **GRANDPA's votes and transactions**: both protocols admit exactly the peers that sync has;
//! - **requests** (blocks, state, warp and light proofs): a stranger is banned as soon as it is known, by a fatal
//!   reputation that is renewed before it wears off, and the requests of a banned peer are refused.
//!
//! What it does not cut off, because the library has no place for it: the connection as such, with identification, pings
//! and the Kademlia table, which hold addresses and nothing of the chain; and a request by a peer that never identified
//! itself, so that its id is in no table yet. Such a peer learns what is in finalised blocks, which hold nothing that a
//! node's RPC would not tell; who wants to deny that too has a firewall do it.
//!
//! An operator's own `--reserved-nodes` are admitted beside the list: by them a newcomer gets in whose genesis is older
//! than its list, and a member that cheats with them could as well run another program.
//!
//! **Privacy.** The list is public, as everything on the chain; who connects to whom is not written anywhere.

use futures::StreamExt;
use gridveil_runtime::{finality_api::FinalityApi, opaque::Block, AccountId, Hash};
use pallet_finality::ListedNodes;
use sc_client_api::BlockchainEvents;
use sc_network::{
    config::{NetworkConfiguration, NonReservedPeerMode},
    peer_store::PeerStoreProvider,
    service::traits::NetworkService,
    PeerId, ReputationChange,
};
use sc_network_sync::SyncingService;
use sp_api::{ApiError, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use std::{collections::HashSet, sync::Arc, time::Duration};

/// How often strangers are looked for and their bans renewed. A ban holds for 69 seconds after it was last renewed.
const ROUND: Duration = Duration::from_secs(5);

/// The most strangers whose bans are renewed. Beyond that they are forgotten, and found again when their bans end.
const MAX_BANNED: usize = 4_096;

const STRANGER: ReputationChange = ReputationChange::new_fatal("not on the consortium's list of nodes");

/// What can be done about peers.
pub trait Doors: Send + 'static {
    /// Admits these peers and keeps up connections with them; closes what others have open, and refuses them.
    fn admit_only(&self, peers: &HashSet<PeerId>);
    /// Admits peers as the operator said.
    fn admit_all(&self);
    /// The peers that are known, admitted by reputation, and not among `expected`.
    fn others(&self, expected: &HashSet<PeerId>) -> Vec<PeerId>;
    /// Refuses everything that the peer asks for, for a minute.
    fn ban(&self, peer: PeerId);
    /// Takes a ban back.
    fn pardon(&self, peer: PeerId);
}

/// The doors of this node.
pub struct Network {
    network: Arc<dyn NetworkService>,
    sync: Arc<SyncingService<Block>>,
    known: Arc<dyn PeerStoreProvider>,
    reserved: HashSet<PeerId>,
    reserved_only: bool,
}

impl Network {
    /// The doors, which `config` says how to leave where the chain has no opinion.
    pub fn new(
        network: Arc<dyn NetworkService>,
        sync: Arc<SyncingService<Block>>,
        known: Arc<dyn PeerStoreProvider>,
        config: &NetworkConfiguration,
    ) -> Self {
        Self {
            network,
            sync,
            known,
            reserved: reserved(config),
            reserved_only: config.default_peers_set.non_reserved_mode == NonReservedPeerMode::Deny,
        }
    }
}

impl Doors for Network {
    fn admit_only(&self, peers: &HashSet<PeerId>) {
        // They do not count as the inbound peers that `--in-peers` limits.
        self.sync.set_no_slot_peers(peers.clone());
        self.network.set_authorized_peers(peers.clone());
        self.network.deny_unreserved_peers();
    }

    fn admit_all(&self) {
        self.sync.set_no_slot_peers(HashSet::new());
        self.network.set_authorized_peers(self.reserved.clone());
        if !self.reserved_only {
            self.network.accept_unreserved_peers();
        }
    }

    fn others(&self, expected: &HashSet<PeerId>) -> Vec<PeerId> {
        self.known.outgoing_candidates(MAX_BANNED, expected.clone())
    }

    fn ban(&self, peer: PeerId) {
        self.network.report_peer(peer, STRANGER);
    }

    fn pardon(&self, peer: PeerId) {
        let owed = self.network.peer_reputation(&peer).saturating_neg();
        if owed > 0 {
            let change = ReputationChange::new(owed, "on the consortium's list of nodes now");
            self.network.report_peer(peer, change);
        }
    }
}

/// The peers that the operator reserved on the command line.
pub fn reserved(config: &NetworkConfiguration) -> HashSet<PeerId> {
    let nodes = &config.default_peers_set.reserved_nodes;
    nodes.iter().map(|node| node.peer_id).collect()
}

/// Keeps the doors as the chain says.
pub struct Guard<D> {
    doors: D,
    ourselves: PeerId,
    /// The operator's own.
    reserved: HashSet<PeerId>,
    /// Who is admitted; `None` while everyone is.
    admitted: Option<HashSet<PeerId>>,
    banned: HashSet<PeerId>,
}

impl<D: Doors> Guard<D> {
    /// A guard of the doors of the node `ourselves`, which lets in `reserved` always.
    pub fn new(doors: D, ourselves: PeerId, reserved: HashSet<PeerId>) -> Self {
        Self {
            doors,
            ourselves,
            reserved,
            admitted: None,
            banned: HashSet::new(),
        }
    }

    /// Does as the chain says; nothing if that has not changed.
    fn follow(&mut self, chain: &ListedNodes<AccountId>) {
        let admitted = chain.listed_peers_only.then(|| {
            let mut peers = &peers_of(chain) | &self.reserved;
            peers.remove(&self.ourselves);
            peers
        });
        if admitted == self.admitted {
            return;
        }
        match &admitted {
            Some(peers) => {
                tracing::info!("The chain admits listed nodes only: {} beside this one", peers.len());
                self.doors.admit_only(peers);
                for peer in peers.intersection(&self.banned) {
                    self.doors.pardon(*peer);
                }
                self.banned.retain(|peer| !peers.contains(peer));
            }
            None => {
                tracing::info!("The chain admits any node again");
                self.doors.admit_all();
                for peer in self.banned.drain() {
                    self.doors.pardon(peer);
                }
            }
        }
        self.admitted = admitted;
    }

    /// Bans the strangers that have become known, and renews the bans of the others.
    fn patrol(&mut self) {
        let Some(admitted) = &self.admitted else { return };
        let mut expected = admitted.clone();
        expected.insert(self.ourselves);
        self.banned.extend(self.doors.others(&expected));
        for peer in &self.banned {
            self.doors.ban(*peer);
        }
        if self.banned.len() > MAX_BANNED {
            self.banned.clear();
        }
    }

    /// Guards the doors for as long as blocks are finalised.
    pub async fn run<Client>(mut self, client: Arc<Client>)
    where
        Client: BlockchainEvents<Block> + HeaderBackend<Block> + ProvideRuntimeApi<Block>,
        Client::Api: FinalityApi<Block>,
    {
        let mut finalised = client.finality_notification_stream();
        let mut rounds = tokio::time::interval(ROUND);
        if let Some(chain) = listed(&*client) {
            self.follow(&chain);
        }
        loop {
            tokio::select! {
                block = finalised.next() => match block {
                    Some(block) => match listed_at(&*client, block.hash) {
                        Ok(chain) => self.follow(&chain),
                        Err(error) => tracing::warn!("The list of nodes at {:?} can't be read: {error}", block.hash),
                    },
                    None => return,
                },
                _ = rounds.tick() => self.patrol(),
            }
        }
    }
}

/// The list of nodes at the last finalised block, or at genesis while that block's state isn't here, which is so in the
/// middle of a warp sync; `None` if neither can be read.
pub fn listed<Client>(client: &Client) -> Option<ListedNodes<AccountId>>
where
    Client: HeaderBackend<Block> + ProvideRuntimeApi<Block>,
    Client::Api: FinalityApi<Block>,
{
    let info = client.info();
    listed_at(client, info.finalized_hash)
        .or_else(|_| listed_at(client, info.genesis_hash))
        .inspect_err(|error| tracing::warn!("The list of nodes can't be read: {error}"))
        .ok()
}

fn listed_at<Client>(client: &Client, block: Hash) -> Result<ListedNodes<AccountId>, ApiError>
where
    Client: ProvideRuntimeApi<Block>,
    Client::Api: FinalityApi<Block>,
{
    client.runtime_api().nodes(block)
}

/// The peer ids on the list. The chain takes well-formed ones only; one that is not is nobody's.
fn peers_of(chain: &ListedNodes<AccountId>) -> HashSet<PeerId> {
    let bytes = chain.nodes.iter().flat_map(|(_, nodes)| nodes);
    bytes.filter_map(|bytes| PeerId::from_bytes(bytes).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Said {
        admitted: Vec<Option<HashSet<PeerId>>>,
        known: Vec<PeerId>,
        bans: Vec<PeerId>,
        pardons: Vec<PeerId>,
    }

    #[derive(Clone, Default)]
    struct Recorder(Arc<Mutex<Said>>);

    impl Recorder {
        fn said<R>(&self, look: impl FnOnce(&mut Said) -> R) -> R {
            look(&mut self.0.lock().unwrap())
        }
    }

    impl Doors for Recorder {
        fn admit_only(&self, peers: &HashSet<PeerId>) {
            self.said(|said| said.admitted.push(Some(peers.clone())));
        }

        fn admit_all(&self) {
            self.said(|said| said.admitted.push(None));
        }

        fn others(&self, expected: &HashSet<PeerId>) -> Vec<PeerId> {
            self.said(|said| {
                let known = said.known.iter().filter(|peer| !expected.contains(peer));
                known.copied().collect()
            })
        }

        fn ban(&self, peer: PeerId) {
            self.said(|said| said.bans.push(peer));
        }

        fn pardon(&self, peer: PeerId) {
            self.said(|said| said.pardons.push(peer));
        }
    }

    fn peer(seed: u8) -> PeerId {
        // The multihash of a public key of 32 bytes: identity, length, protobuf head, key.
        let mut bytes = vec![0x00, 0x24, 0x08, 0x01, 0x12, 0x20];
        bytes.extend([seed; 32]);
        PeerId::from_bytes(&bytes).unwrap()
    }

    fn peers(seeds: &[u8]) -> HashSet<PeerId> {
        seeds.iter().copied().map(peer).collect()
    }

    /// One member's list.
    fn chain(listed_peers_only: bool, seeds: &[u8]) -> ListedNodes<AccountId> {
        ListedNodes {
            listed_peers_only,
            nodes: vec![(
                AccountId::new([7; 32]),
                seeds.iter().map(|seed| peer(*seed).to_bytes()).collect(),
            )],
        }
    }

    /// The guard of node 0, whose operator reserved node 9.
    fn guard() -> (Guard<Recorder>, Recorder) {
        let doors = Recorder::default();
        (Guard::new(doors.clone(), peer(0), peers(&[9])), doors)
    }

    #[test]
    fn an_open_chain_is_left_alone() {
        let (mut guard, doors) = guard();
        doors.said(|said| said.known = vec![peer(5)]);
        guard.follow(&chain(false, &[0, 1]));
        guard.patrol();
        doors.said(|said| {
            assert!(said.admitted.is_empty());
            assert!(said.bans.is_empty());
        });
    }

    #[test]
    fn the_listed_and_the_operators_own_are_admitted_without_this_node() {
        let (mut guard, doors) = guard();
        guard.follow(&chain(true, &[0, 1, 2]));
        // The next block says the same.
        guard.follow(&chain(true, &[2, 1, 0]));
        doors.said(|said| assert_eq!(said.admitted, vec![Some(peers(&[1, 2, 9]))]));
    }

    #[test]
    fn the_doors_follow_the_list() {
        let (mut guard, doors) = guard();
        guard.follow(&chain(true, &[1]));
        guard.follow(&chain(true, &[1, 2]));
        guard.follow(&chain(true, &[2]));
        guard.follow(&chain(false, &[2]));
        doors.said(|said| {
            assert_eq!(
                said.admitted,
                vec![
                    Some(peers(&[1, 9])),
                    Some(peers(&[1, 2, 9])),
                    Some(peers(&[2, 9])),
                    None
                ]
            );
        });
    }

    #[test]
    fn strangers_are_banned_again_and_again_and_the_others_never() {
        let (mut guard, doors) = guard();
        guard.follow(&chain(true, &[1]));
        doors.said(|said| said.known = vec![peer(0), peer(1), peer(9), peer(5)]);
        guard.patrol();
        // A banned peer is no longer among those that have a good name.
        doors.said(|said| said.known.retain(|known| *known != peer(5)));
        guard.patrol();
        doors.said(|said| assert_eq!(said.bans, vec![peer(5), peer(5)]));
    }

    #[test]
    fn a_stranger_that_gets_on_the_list_is_pardoned_and_banned_no_more() {
        let (mut guard, doors) = guard();
        guard.follow(&chain(true, &[1]));
        doors.said(|said| said.known = vec![peer(5), peer(6)]);
        guard.patrol();
        guard.follow(&chain(true, &[1, 5]));
        doors.said(|said| {
            assert_eq!(said.pardons, vec![peer(5)]);
            said.bans.clear();
        });
        guard.patrol();
        doors.said(|said| assert_eq!(said.bans, vec![peer(6)]));

        guard.follow(&chain(false, &[]));
        doors.said(|said| assert_eq!(said.pardons, vec![peer(5), peer(6)]));
    }

    #[test]
    fn what_is_no_peer_id_is_nobodys() {
        let mut list = chain(true, &[1]);
        list.nodes[0].1.push(b"not a multihash".to_vec());
        assert_eq!(peers_of(&list), peers(&[1]));
    }
}
