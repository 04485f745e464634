//! The JSON-RPC methods beside the standard ones (`author`, `chain`, `state`, `system`, `chainHead`, …).
//!
//! - `system_accountNextIndex`: the next nonce of a role's account (a meter's pseudonym always has nonce 0);
//! - `system_dryRun`: only for local callers, like all unsafe methods;
//! - `grandpa_roundState`, `grandpa_subscribeJustifications`, `grandpa_proveFinality`: who voted, and the certificate
//!   with which a user can check a finalised block without trusting this node.
//!
//! gridveil's own reads (`GridApi`) are runtime APIs, called with `state_call`: they need no method of their own.
//!
//! **Privacy.** Anyone who reaches the port can read the chain, which holds no plain reading. The port is bound to this
//! machine unless the operator says otherwise.

use gridveil_runtime::{opaque::Block, AccountId, BlockNumber, Hash, Nonce};
use jsonrpsee::{core::RegisterMethodError, RpcModule};
use sc_consensus_grandpa::{FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_block_builder::BlockBuilder;
use sp_blockchain::HeaderBackend;
use std::sync::Arc;
use substrate_frame_rpc_system::{AccountNonceApi, System, SystemApiServer};

/// What the `grandpa` methods look at.
pub struct Finality<Backend> {
    /// The voter's rounds; empty when this node does not vote.
    pub voter_state: SharedVoterState,
    /// Who votes, now and before.
    pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
    /// Each new certificate, as it comes.
    pub justifications: GrandpaJustificationStream<Block>,
    /// The certificates in the database.
    pub proofs: Arc<FinalityProofProvider<Backend, Block>>,
}

/// Puts the methods into a module that the service merges with the standard ones.
///
/// # Errors
///
/// If two methods have the same name.
pub fn methods<Client, Pool, Backend>(
    client: Arc<Client>,
    pool: Arc<Pool>,
    finality: Finality<Backend>,
    executor: SubscriptionTaskExecutor,
) -> Result<RpcModule<()>, RegisterMethodError>
where
    Client: ProvideRuntimeApi<Block> + HeaderBackend<Block> + Send + Sync + 'static,
    Client::Api: AccountNonceApi<Block, AccountId, Nonce> + BlockBuilder<Block>,
    Pool: TransactionPool + 'static,
    Backend: sc_client_api::Backend<Block> + 'static,
{
    let Finality {
        voter_state,
        authority_set,
        justifications,
        proofs,
    } = finality;
    let mut module = RpcModule::new(());
    module.merge(System::new(client, pool).into_rpc())?;
    module.merge(Grandpa::new(executor, authority_set, voter_state, justifications, proofs).into_rpc())?;
    Ok(module)
}
