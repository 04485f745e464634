//! The chain as the consortium's commands need it, so that they run against a node or against a chain in memory alike.
//!
//! Everything is read at a block that the caller names. An [`Act`] is sent by the member whose key the chain's side holds
//! and counts once it is finalised (or, where the caller chose the best chain, once it is in a block).
//!
//! **Privacy.** Acts become public with the block that contains them.

use std::future::Future;

use gridveil_chain_client::{
    calls, Applied, Authorities, Call, Chain, ConsortiumStatus, Decision, Error, Head, ListedNodes, Motion, OpenMotion,
    SessionKeys,
};
use gridveil_primitives::{RegionId, RegionInfo, Role};

use crate::{error::is_passing, grid::Node};

/// What a member tells the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Put a decision to the vote.
    Propose {
        /// How many members must vote for it.
        threshold: u32,
        /// The decision.
        decision: Decision,
    },
    /// Vote on a motion, for it (`true`) or against it.
    Vote(Motion, bool),
    /// Close a motion.
    Close(Motion),
    /// Step out of those that form and finalise blocks.
    Leave,
    /// Come back.
    Rejoin,
    /// Set the keys to form and finalise blocks with.
    SetKeys(SessionKeys),
    /// List the member's nodes by the bytes of their peer ids.
    ListNodes(Vec<Vec<u8>>),
    /// Bring a new runtime's code.
    ApplyUpgrade(Vec<u8>),
}

impl Act {
    fn call(&self) -> Call {
        match self {
            Act::Propose { threshold, decision } => calls::propose(*threshold, decision.call()),
            Act::Vote(motion, approve) => calls::vote(motion, *approve),
            Act::Close(motion) => calls::close(motion),
            Act::Leave => calls::leave(),
            Act::Rejoin => calls::rejoin(),
            Act::SetKeys(keys) => calls::set_keys(keys),
            Act::ListNodes(nodes) => calls::set_nodes(nodes),
            Act::ApplyUpgrade(code) => calls::apply_authorized_upgrade(code),
        }
    }
}

/// A chain with a consortium. Errors are those of [`gridveil_chain_client`].
pub trait Council: Clone + Send + Sync + 'static {
    /// The hash of the chain's first block.
    fn genesis(&self) -> [u8; 32];
    /// The account that acts are signed by; `None` where there is no key.
    fn account(&self) -> Option<[u8; 32]>;
    /// The block to ask about.
    fn head(&self) -> impl Future<Output = Result<Head, Error>> + Send;
    /// The numbers of the finalised and of the best block.
    fn heights(&self) -> impl Future<Output = Result<(u32, u32), Error>> + Send;
    /// The consortium as it is.
    fn consortium(&self, at: Head) -> impl Future<Output = Result<ConsortiumStatus, Error>> + Send;
    /// Who finalises the blocks from here on.
    fn authorities(&self, at: Head) -> impl Future<Output = Result<Authorities, Error>> + Send;
    /// The nodes that the members listed.
    fn listed_nodes(&self, at: Head) -> impl Future<Output = Result<ListedNodes, Error>> + Send;
    /// The open motions, by ascending number.
    fn motions(&self, at: Head) -> impl Future<Output = Result<Vec<OpenMotion>, Error>> + Send;
    /// The hash by which a motion about a decision is known.
    fn motion_hash(&self, decision: &Decision, at: Head) -> impl Future<Output = Result<[u8; 32], Error>> + Send;
    /// An account's role.
    fn role_of(&self, account: [u8; 32], at: Head) -> impl Future<Output = Result<Option<Role>, Error>> + Send;
    /// A region.
    fn region(&self, region: RegionId, at: Head) -> impl Future<Output = Result<Option<RegionInfo>, Error>> + Send;
    /// The session keys that a member has set last.
    fn session_keys(&self, member: [u8; 32], at: Head) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send;
    /// The first block in which a member may set session keys again.
    fn keys_settable_from(&self, member: [u8; 32], at: Head) -> impl Future<Output = Result<u32, Error>> + Send;
    /// The hash of the code that may come.
    fn authorised_upgrade(&self, at: Head) -> impl Future<Output = Result<Option<[u8; 32]>, Error>> + Send;
    /// The hash of the code that is there.
    fn code_hash(&self, at: Head) -> impl Future<Output = Result<[u8; 32], Error>> + Send;
    /// The version of the runtime's specification.
    fn spec_version(&self, at: Head) -> impl Future<Output = Result<u32, Error>> + Send;
    /// Does something as the member, and waits until it has taken effect.
    fn act(&self, act: &Act) -> impl Future<Output = Result<Applied, Error>> + Send;
}

/// The node that keeps a member's keys.
pub trait OwnNode: Sync {
    /// Whether it has the secret halves of these session keys.
    fn has(&self, keys: &[u8]) -> impl Future<Output = Result<bool, Error>> + Send;
    /// Makes session keys for the member.
    fn make(&self, member: [u8; 32]) -> impl Future<Output = Result<SessionKeys, Error>> + Send;
}

impl Council for Node {
    fn genesis(&self) -> [u8; 32] {
        self.chain.genesis_hash()
    }

    fn account(&self) -> Option<[u8; 32]> {
        self.key.as_ref().map(|key| key.account())
    }

    async fn head(&self) -> Result<Head, Error> {
        self.chain.finalised().await
    }

    async fn heights(&self) -> Result<(u32, u32), Error> {
        self.chain.heights().await
    }

    async fn consortium(&self, at: Head) -> Result<ConsortiumStatus, Error> {
        self.chain.consortium_at(at.hash).await
    }

    async fn authorities(&self, at: Head) -> Result<Authorities, Error> {
        self.chain.authorities_at(at.hash).await
    }

    async fn listed_nodes(&self, at: Head) -> Result<ListedNodes, Error> {
        self.chain.listed_nodes_at(at.hash).await
    }

    async fn motions(&self, at: Head) -> Result<Vec<OpenMotion>, Error> {
        self.chain.motions(at).await
    }

    async fn motion_hash(&self, decision: &Decision, at: Head) -> Result<[u8; 32], Error> {
        self.chain.call_hash(&decision.call(), at).await
    }

    async fn role_of(&self, account: [u8; 32], at: Head) -> Result<Option<Role>, Error> {
        self.chain.role_at(account, at.hash).await
    }

    async fn region(&self, region: RegionId, at: Head) -> Result<Option<RegionInfo>, Error> {
        let regions = self.chain.regions_at(at.hash).await?;
        let found = regions.into_iter().find(|(known, _)| *known == region);
        Ok(found.map(|(_, info)| info))
    }

    async fn session_keys(&self, member: [u8; 32], at: Head) -> Result<Option<Vec<u8>>, Error> {
        self.chain.session_keys(member, at).await
    }

    async fn keys_settable_from(&self, member: [u8; 32], at: Head) -> Result<u32, Error> {
        self.chain.keys_settable_from(member, at).await
    }

    async fn authorised_upgrade(&self, at: Head) -> Result<Option<[u8; 32]>, Error> {
        self.chain.authorised_upgrade(at).await
    }

    async fn code_hash(&self, at: Head) -> Result<[u8; 32], Error> {
        self.chain.code_hash(at).await
    }

    async fn spec_version(&self, at: Head) -> Result<u32, Error> {
        self.chain.spec_version(at).await
    }

    async fn act(&self, act: &Act) -> Result<Applied, Error> {
        let call = act.call();
        let Some(key) = &self.key else {
            let cause = "it needs the key of a member, and none was given".into();
            return Err(Error::Encode {
                call: call.to_string(),
                cause,
            });
        };
        self.chain.apply(key, call).await
    }
}

impl OwnNode for Chain {
    async fn has(&self, keys: &[u8]) -> Result<bool, Error> {
        self.has_session_keys(keys).await
    }

    async fn make(&self, member: [u8; 32]) -> Result<SessionKeys, Error> {
        self.make_session_keys(member).await
    }
}

/// How often something is done before its failure is believed.
const ATTEMPTS: u32 = 3;

/// Does something until the chain has it. A call that was applied and failed is reported as such; after any other failure
/// the chain is asked, by `done`, whether it was applied all the same (the result is then `None`, its reports are lost),
/// and it is sent again where the failure may pass.
pub async fn carry_out<C, F, Fut>(council: &C, act: &Act, done: F) -> Result<Option<Applied>, Error>
where
    C: Council,
    F: Fn(Head) -> Fut,
    Fut: Future<Output = Result<bool, Error>>,
{
    let mut attempt: u32 = 1;
    loop {
        let failure = match council.act(act).await {
            Ok(applied) => return Ok(Some(applied)),
            Err(failure @ Error::Dispatch { .. }) => return Err(failure),
            Err(failure) => failure,
        };
        if done(council.head().await?).await? {
            tracing::debug!(%failure, "a call seemed to fail, but the chain has what it asks for");
            return Ok(None);
        }
        if !is_passing(&failure) || attempt >= ATTEMPTS {
            return Err(failure);
        }
        tracing::warn!(%failure, attempt, "sending a call again");
        attempt = attempt.saturating_add(1);
    }
}
