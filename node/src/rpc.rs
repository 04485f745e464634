//! The JSON-RPC methods beside the standard ones (`author`, `chain`, `state`, `system`, `chainHead`, …).
//!
//! - `system_accountNextIndex`: the next nonce of a role's account (a meter's pseudonym always has nonce 0);
//! - `system_dryRun`: only for local callers, like all unsafe methods;
//! - `grandpa_roundState`, `grandpa_subscribeJustifications`: who votes, and each new certificate;
//! - `grandpa_proveFinality(number)`: the certificate of the finalised block `number` with the headers that lead to it, SCALE-encoded
//!   as the stock method of that name encodes it ([`certificate::prove`]); also after a restart, and on a node that warp-synced, for the history that it has
//!   filled in so far. `null` where none of the 20,000 blocks from there on carries one, error 4 where the block is not final yet;
//! - `finality_status()`: the consortium at the last finalised block, as JSON ([`FinalityStatus`]). Error 5 where that block's
//!   state can't be read.
//!
//! gridveil's own reads (`GridApi`, `FinalityApi`) are runtime APIs, called with `state_call`, and need no method of their
//! own; `finality_status` is for people and scripts that speak no SCALE.
//!
//! **Privacy.** Anyone who reaches the port can read the chain, which holds no plain reading. The port is bound to this
//! machine unless the operator says otherwise.

use crate::{
    certificate,
    status::{self, FinalityStatus},
};
use codec::Encode;
use gridveil_runtime::{finality_api::FinalityApi, opaque::Block, AccountId, BlockNumber, Hash, Nonce};
use jsonrpsee::{
    core::{RegisterMethodError, RpcResult},
    types::ErrorObject,
    RpcModule,
};
use sc_consensus_grandpa::{FinalityProofProvider, GrandpaJustificationStream, SharedAuthoritySet, SharedVoterState};
use sc_consensus_grandpa_rpc::{Grandpa, GrandpaApiServer};
use sc_rpc::SubscriptionTaskExecutor;
use sc_transaction_pool_api::TransactionPool;
use sp_api::ProvideRuntimeApi;
use sp_block_builder::BlockBuilder;
use sp_blockchain::HeaderBackend;
use sp_core::Bytes;
use std::sync::Arc;
use substrate_frame_rpc_system::{AccountNonceApi, System, SystemApiServer};

/// The name of the method that proves finality.
const PROVE_FINALITY: &str = "grandpa_proveFinality";
/// Its error code, as in the stock method.
const NOT_PROVEN: i32 = 4;
/// The error code of `finality_status`: the state at the last finalised block can't be read.
const NO_STATUS: i32 = 5;

/// What the `grandpa` and `finality` methods look at.
pub struct Finality<Backend> {
    /// The voter's rounds; empty when this node does not vote.
    pub voter_state: SharedVoterState,
    /// Who votes, now and before.
    pub authority_set: SharedAuthoritySet<Hash, BlockNumber>,
    /// Each new certificate, as it comes.
    pub justifications: GrandpaJustificationStream<Block>,
    /// The database, with the certificates.
    pub backend: Arc<Backend>,
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
    Client::Api: AccountNonceApi<Block, AccountId, Nonce> + BlockBuilder<Block> + FinalityApi<Block>,
    Pool: TransactionPool + 'static,
    Backend: sc_client_api::Backend<Block> + 'static,
{
    let Finality {
        voter_state,
        authority_set,
        justifications,
        backend,
    } = finality;

    let mut consortium = RpcModule::new((client.clone(), authority_set.clone()));
    consortium.register_blocking_method("finality_status", |_, context, _| -> RpcResult<FinalityStatus> {
        let (client, voters) = &*context;
        status::read(&**client, voters).map_err(|error| ErrorObject::owned(NO_STATUS, error.to_string(), None::<()>))
    })?;

    let stock_proofs = FinalityProofProvider::new_for_service(backend.clone(), Some(authority_set.clone()));
    let mut grandpa = Grandpa::new(executor, authority_set, voter_state, justifications, stock_proofs).into_rpc();
    grandpa.remove_method(PROVE_FINALITY);

    let mut proofs = RpcModule::new(backend);
    proofs.register_blocking_method(PROVE_FINALITY, |params, backend, _| -> RpcResult<Option<Bytes>> {
        let proof = certificate::prove(&**backend, params.one()?)
            .map_err(|error| ErrorObject::owned(NOT_PROVEN, error.to_string(), None::<()>))?;
        Ok(proof.map(|proof| proof.encode().into()))
    })?;

    let mut module = RpcModule::new(());
    module.merge(System::new(client, pool).into_rpc())?;
    module.merge(grandpa)?;
    module.merge(proofs)?;
    module.merge(consortium)?;
    Ok(module)
}
