//! A clock that is driven from outside: blocks are made when they are asked for, at the moment that they are asked for.
//!
//! With `--driven-clock` a month passes as fast as the machine can execute it, for replays and measurements. There are two methods
//! then, whose errors are 6, with what went wrong:
//!
//! - `driven_seal(moment)`: makes one block of everything that is ready in the pool, and its parent final; `moment` is in
//!   milliseconds since the Unix epoch, in a later slot than the last block's. Only with `--driven-clock`;
//! - `driven_execute(hash)`: executes that block once more on top of its parent's state, as a node does that did not make it, and
//!   answers with the microseconds that this took. Only with `--driven-clock`.
//!
//! Pool, runtime, state, database and RPC are those of any node; only the slots that pass by themselves, the seals on blocks
//! and the votes on them are left out, so that a chain of type `Live` is refused.
//!
//! The stock crate for blocks on demand, `sc-consensus-manual-seal`, has no clock that can be set and would bring a second
//! consensus engine with it; what is needed of it is [`seal`].
//!
//! **Privacy.** Nothing is seen here that a block does not show.

use gridveil_runtime::{opaque::Block, BlockNumber, Hash};
use jsonrpsee::{
    core::{RegisterMethodError, RpcResult},
    types::{ErrorObject, ErrorObjectOwned},
    RpcModule,
};
use sc_client_api::{Backend, BlockBackend, Finalizer};
use sc_consensus::{BlockImport, BlockImportParams, ForkChoiceStrategy, ImportResult, StateAction, StorageChanges};
use sc_transaction_pool_api::TransactionPool;
use sp_api::{Core, ProvideRuntimeApi};
use sp_blockchain::HeaderBackend;
use sp_consensus::{BlockOrigin, Environment, ProposeArgs, Proposer};
use sp_consensus_aura::{digests::CompatibleDigestItem, sr25519::AuthoritySignature};
use sp_consensus_slots::{Slot, SlotDuration};
use sp_inherents::InherentDataProvider;
use sp_runtime::{
    traits::{Block as BlockT, Header as HeaderT},
    Digest, DigestItem,
};
use sp_timestamp::Timestamp;
use std::{
    fmt::Display,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};

/// How long making a block may take. It has as much time as it needs: nobody waits for its slot to end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The error code of both methods.
const FAILED: i32 = 6;

/// A block that was asked for.
pub struct Order {
    moment: u64,
    answer: oneshot::Sender<Result<Sealed, String>>,
}

/// A block that was made.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Sealed {
    /// Its number.
    pub number: BlockNumber,
    /// Its hash.
    pub hash: Hash,
    /// How many extrinsics it holds, inherents included.
    pub extrinsics: usize,
    /// How long it took to make, in microseconds.
    pub made_us: u128,
    /// How long it took to import, in microseconds: it is not executed again, only written.
    pub imported_us: u128,
}

/// The methods, and where the orders of `driven_seal` come out.
///
/// # Errors
///
/// None that can occur: the methods' names differ.
pub fn methods<Client>(client: Arc<Client>) -> Result<(RpcModule<()>, mpsc::Receiver<Order>), RegisterMethodError>
where
    Client: ProvideRuntimeApi<Block> + BlockBackend<Block> + Send + Sync + 'static,
    Client::Api: Core<Block>,
{
    let (send, orders) = mpsc::channel::<Order>(1);
    let mut seals = RpcModule::new(send);
    seals.register_async_method::<RpcResult<Sealed>, _, _>("driven_seal", |params, send, _| async move {
        let moment = params.one::<u64>()?;
        let (answer, answered) = oneshot::channel();
        let sealed = match send.send(Order { moment, answer }).await {
            Ok(()) => answered.await.unwrap_or_else(|_| Err("the node is stopping".into())),
            Err(_) => Err("the node is stopping".into()),
        };
        sealed.map_err(failed)
    })?;
    let mut executes = RpcModule::new(client);
    executes.register_blocking_method("driven_execute", |params, client, _| -> RpcResult<u128> {
        execute(&**client, params.one()?).map_err(failed)
    })?;
    let mut all = RpcModule::new(());
    all.merge(seals)?;
    all.merge(executes)?;
    Ok((all, orders))
}

fn failed(problem: String) -> ErrorObjectOwned {
    ErrorObject::owned(FAILED, problem, None::<()>)
}

/// Executes a block of the database; how many microseconds it took.
fn execute<Client>(client: &Client, hash: Hash) -> Result<u128, String>
where
    Client: ProvideRuntimeApi<Block> + BlockBackend<Block>,
    Client::Api: Core<Block>,
{
    let block = client.block(hash).map_err(told)?.ok_or("there is no such block")?.block;
    let parent = *block.header().parent_hash();
    let api = client.runtime_api();
    let begun = Instant::now();
    api.execute_block(parent, block.into()).map_err(told)?;
    Ok(begun.elapsed().as_micros())
}

/// Makes the blocks that are asked for, until nobody can ask any more.
pub async fn run<State, Client, Pool, Factory, Vote>(
    mut orders: mpsc::Receiver<Order>,
    client: Arc<Client>,
    pool: Arc<Pool>,
    mut factory: Factory,
    slot_duration: SlotDuration,
    vote: Vote,
) where
    State: Backend<Block>,
    Client: HeaderBackend<Block> + Finalizer<Block, State>,
    Arc<Client>: BlockImport<Block>,
    Pool: TransactionPool<Block = Block>,
    Factory: Environment<Block>,
    Vote: InherentDataProvider + Clone,
{
    while let Some(Order { moment, answer }) = orders.recv().await {
        let slot = Slot::from_timestamp(moment.into(), slot_duration);
        let inherents = (
            sp_consensus_aura::inherents::InherentDataProvider::new(slot),
            sp_timestamp::InherentDataProvider::new(Timestamp::new(moment)),
            vote.clone(),
        );
        let parent = client.info();
        let mut sealed = seal(&client, &mut factory, slot, inherents).await;
        if let Ok(Sealed { hash, .. }) = sealed {
            // What clients sign names the latest final block, which the pool must know by then. The block itself stays open until
            // its child is there: the pool drops what came in while it prepared for a block that is final already.
            pool.ready_at(hash).await;
            if parent.best_hash != parent.finalized_hash {
                if let Err(problem) = client.finalize_block(parent.best_hash, None, true) {
                    sealed = Err(told(problem));
                }
            }
        }
        // Whoever asked may be gone; the block is there all the same.
        let _ = answer.send(sealed);
    }
}

/// Makes one block on top of the best one and imports it.
async fn seal<Client, Factory>(
    client: &Arc<Client>,
    factory: &mut Factory,
    slot: Slot,
    inherents: impl InherentDataProvider,
) -> Result<Sealed, String>
where
    Client: HeaderBackend<Block>,
    Arc<Client>: BlockImport<Block>,
    Factory: Environment<Block>,
{
    let parent = client
        .header(client.info().best_hash)
        .map_err(told)?
        .ok_or("the best block is gone")?;
    let claimed = parent
        .digest()
        .logs
        .iter()
        .find_map(CompatibleDigestItem::<AuthoritySignature>::as_aura_pre_digest);
    if claimed.is_some_and(|claimed| claimed >= slot) {
        return Err("the moment lies in a slot that has passed: give a later one".into());
    }
    let begun = Instant::now();
    let proposer = factory.init(&parent).await.map_err(told)?;
    let proposal = proposer
        .propose(ProposeArgs {
            inherent_data: inherents.create_inherent_data().await.map_err(told)?,
            inherent_digests: Digest {
                logs: vec![<DigestItem as CompatibleDigestItem<AuthoritySignature>>::aura_pre_digest(slot)],
            },
            max_duration: PATIENCE,
            ..Default::default()
        })
        .await
        .map_err(told)?;

    let (header, body) = proposal.block.deconstruct();
    let mut sealed = Sealed {
        number: *header.number(),
        hash: header.hash(),
        extrinsics: body.len(),
        made_us: begun.elapsed().as_micros(),
        imported_us: 0,
    };
    let mut block = BlockImportParams::new(BlockOrigin::Own, header);
    block.body = Some(body);
    block.fork_choice = Some(ForkChoiceStrategy::LongestChain);
    block.state_action = StateAction::ApplyChanges(StorageChanges::Changes(proposal.storage_changes));
    let begun = Instant::now();
    let result = client.import_block(block).await.map_err(told)?;
    sealed.imported_us = begun.elapsed().as_micros();
    match result {
        ImportResult::Imported(_) => Ok(sealed),
        other => Err(format!("the block was not imported: {other:?}")),
    }
}

fn told(problem: impl Display) -> String {
    problem.to_string()
}
