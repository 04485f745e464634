//! Puts the node together: database, runtime executor, transaction pool, Aura, GRANDPA, network, RPC.
//!
//! Promises: an authority authors in its slots and votes; every node checks each block by executing it, keeps a GRANDPA
//! certificate with every block that GRANDPA finalises, and stops as a whole when an essential part stops. Who the
//! authorities are, who leads, whom to talk to, and how long a slot is, the runtime says (`pallet-finality`).
//!
//! **Privacy.** Shares are passed on as they came; nothing here looks inside one.

use crate::{
    aggregator::{self, chain::NodeChain, worker::Worker},
    cli::Settings,
    driven, equivocation,
    gate::Gate,
    metrics::Metrics,
    peers::{self, Guard},
    pruning, rpc,
};
use futures::{FutureExt, StreamExt};
use gridveil_runtime::{apis::RuntimeApi, opaque::Block};
use sc_chain_spec::ChainType;
use sc_client_api::{Backend as _, BlockchainEvents};
use sc_consensus::{DefaultImportQueue, LongestChain};
use sc_consensus_aura::{SlotDuration, SlotProportion};
use sc_consensus_grandpa::SharedVoterState;
use sc_executor::{HeapAllocStrategy, WasmExecutor, DEFAULT_HEAP_ALLOC_STRATEGY};
use sc_network::{
    config::{FullNetworkConfiguration, NetworkBackendType, NonReservedPeerMode},
    Litep2pNetworkBackend as Network, NetworkBackend, NetworkStateInfo,
};
use sc_service::{
    error::Error, BuildNetworkParams, Configuration, PartialComponents, SpawnTasksParams, TaskManager, WarpSyncConfig,
};
use sc_storage_monitor::StorageMonitorService;
use sc_telemetry::{Telemetry, TelemetryWorker};
use sc_transaction_pool::TransactionPoolHandle;
use sc_transaction_pool_api::OffchainTransactionPoolFactory;
use sp_consensus_aura::sr25519::AuthorityPair;
use sp_runtime::traits::Block as BlockT;
use std::{sync::Arc, time::Duration};

type Hash = <Block as BlockT>::Hash;
type Executor = WasmExecutor<(sp_io::SubstrateHostFunctions, gridveil_host_functions::HostFunctions)>;
type Client = sc_service::TFullClient<Block, RuntimeApi, Executor>;
type Backend = sc_service::TFullBackend<Block>;
type Chain = LongestChain<Backend, Block>;
type Pool = TransactionPoolHandle<Block, Client>;
type BlockImport = sc_consensus_grandpa::GrandpaBlockImport<Backend, Block, Client, Chain>;
type GrandpaLink = sc_consensus_grandpa::LinkHalf<Block, Client, Chain>;

/// How many blocks may pass between two certificates that are kept with a block: none. Whoever asks for the block that
/// closed a period gets the votes that made it final with it, from any node and after any restart. A certificate of
/// four members takes about half a kilobyte.
const JUSTIFICATION_PERIOD: u32 = 1;

/// GRANDPA's estimate of how long a vote takes to reach everyone, at most. It prevotes after two of these and
/// precommits after four.
const MAX_GOSSIP: Duration = Duration::from_millis(333);

/// The part of a slot in which its owner makes the block: half. The others execute the block in about the time that it
/// took to make, and must be done before the next slot begins.
const PROPOSAL_PORTION: f32 = 0.5;

/// The most that the part may grow to after slots without a block, so that a block that needs more than half a slot
/// doesn't stop the chain for good; never past the slot's end, where the next owner builds already.
const MAX_PROPOSAL_PORTION: f32 = 1.0;

/// How many peers a warp sync waits for: one. Its proof is checked against genesis, whoever sent it, and blocks that are
/// newer come from all peers afterwards; the stock three are more than a small consortium may have up.
const WARP_SYNC_PEERS: usize = 1;

/// The folder below the base path that compiled runtimes are kept in.
const COMPILED_RUNTIMES: &str = "compiled-runtimes";

/// The folder beside the chain's database that an aggregator keeps the shares in which it has accepted.
const SHARES: &str = "shares";

/// The parts that the commands on the database need, too.
pub type Components = PartialComponents<Client, Backend, Chain, DefaultImportQueue<Block>, Pool, Consensus>;

/// The parts that author and vote.
pub struct Consensus {
    block_import: BlockImport,
    grandpa_link: GrandpaLink,
    slot_duration: SlotDuration,
    telemetry: Option<Telemetry>,
}

/// Opens the database and makes everything that works without a network.
///
/// # Errors
///
/// If the database, the keystore or the genesis state can't be made or read.
pub fn components(config: &Configuration) -> Result<Components, Error> {
    let telemetry = config
        .telemetry_endpoints
        .clone()
        .filter(|endpoints| !endpoints.is_empty())
        .map(|endpoints| {
            let worker = TelemetryWorker::new(16)?;
            let telemetry = worker.handle().new_telemetry(endpoints);
            Ok::<_, sc_telemetry::Error>((worker, telemetry))
        })
        .transpose()?;

    let needed = pruning::Needed::new();
    let (client, backend, keystore_container, task_manager) = sc_service::new_full_parts::<Block, RuntimeApi, _>(
        config,
        telemetry.as_ref().map(|(_, telemetry)| telemetry.handle()),
        executor(config),
        vec![needed.clone()],
    )?;
    let client = Arc::new(client);
    needed.belongs_to(&client);

    let telemetry = telemetry.map(|(worker, telemetry)| {
        task_manager.spawn_handle().spawn("telemetry", None, worker.run());
        telemetry
    });
    let telemetry_handle = telemetry.as_ref().map(Telemetry::handle);

    let select_chain = LongestChain::new(backend.clone());
    let transaction_pool = Arc::new(
        sc_transaction_pool::Builder::new(
            task_manager.spawn_essential_handle(),
            client.clone(),
            config.role.is_authority().into(),
        )
        .with_options(config.transaction_pool.clone())
        .with_prometheus(config.prometheus_registry())
        .build(),
    );

    let (block_import, grandpa_link) = sc_consensus_grandpa::block_import(
        client.clone(),
        JUSTIFICATION_PERIOD,
        &client,
        select_chain.clone(),
        telemetry_handle.clone(),
    )?;

    let slot_duration = sc_consensus_aura::slot_duration(&*client)?;
    let import_queue =
        sc_consensus_aura::import_queue::<AuthorityPair, _, _, _, _, _>(sc_consensus_aura::ImportQueueParams {
            block_import: block_import.clone(),
            justification_import: Some(Box::new(block_import.clone())),
            client: client.clone(),
            create_inherent_data_providers: move |_, ()| async move { Ok(inherents(slot_duration)) },
            spawner: &task_manager.spawn_essential_handle(),
            registry: config.prometheus_registry(),
            check_for_equivocation: Default::default(),
            telemetry: telemetry_handle,
            compatibility_mode: Default::default(),
        })?;

    Ok(PartialComponents {
        client,
        backend,
        task_manager,
        keystore_container,
        select_chain,
        import_queue,
        transaction_pool,
        other: Consensus {
            block_import,
            grandpa_link,
            slot_duration,
            telemetry,
        },
    })
}

/// The executor of the runtime's code. What the code compiles to is kept below the base path: a node that starts again
/// does not spend a quarter of a minute on compiling it once more, which counts when all nodes of a consortium restart.
pub fn executor(config: &Configuration) -> Executor {
    let settings = &config.executor;
    let heap = settings
        .default_heap_pages
        .map_or(DEFAULT_HEAP_ALLOC_STRATEGY, |pages| HeapAllocStrategy::Static {
            extra_pages: u32::try_from(pages).unwrap_or(u32::MAX),
        });
    let builder = Executor::builder()
        .with_execution_method(settings.wasm_method)
        .with_onchain_heap_alloc_strategy(heap)
        .with_offchain_heap_alloc_strategy(heap)
        .with_max_runtime_instances(settings.max_runtime_instances)
        .with_runtime_cache_size(settings.runtime_cache_size);
    match std::path::absolute(config.base_path.path()) {
        Ok(base) => builder.with_cache_path(base.join(COMPILED_RUNTIMES)).build(),
        Err(_) => builder.build(),
    }
}

/// Starts the node that `config` and `settings` describe. The node runs as long as the returned task manager.
///
/// # Errors
///
/// If a part can't be made, a port not be bound, the disk is full already, `config` asks for the network backend that is
/// not built in (nodes on either understand each other, and one is half the code), or the clock of a live chain is to be
/// driven.
pub fn run(mut config: Configuration, settings: Settings) -> Result<TaskManager, Error> {
    if !matches!(config.network.network_backend, NetworkBackendType::Litep2p) {
        return Err(Error::Other(
            "this node has one network backend, litep2p, which speaks to nodes on libp2p as well: leave --network-backend out"
                .into(),
        ));
    }
    let Settings {
        leader_vote,
        driven_clock,
        storage_monitor,
    } = settings;
    if driven_clock {
        if matches!(config.chain_spec.chain_type(), ChainType::Live) {
            return Err(Error::Other(
                "the chain's type is Live, and only time itself drives the clock of such a chain: leave --driven-clock out".into(),
            ));
        }
        // Its blocks are final when they are made.
        config.disable_grandpa = true;
    }
    let PartialComponents {
        client,
        backend,
        mut task_manager,
        import_queue,
        keystore_container,
        select_chain,
        transaction_pool,
        other:
            Consensus {
                block_import,
                grandpa_link,
                slot_duration,
                mut telemetry,
            },
    } = components(&config)?;

    let registry = config.prometheus_registry().cloned();
    let mut net_config = FullNetworkConfiguration::<Block, Hash, Network>::new(&config.network, registry.clone());
    let metrics = <Network as NetworkBackend<Block, Hash>>::register_notification_metrics(registry.as_ref());

    let grandpa_protocol =
        sc_consensus_grandpa::protocol_standard_name(&client.chain_info().genesis_hash, &config.chain_spec);
    // Without a voter that listens to it the protocol must not be there: the network gives up every connection on which
    // a protocol has no owner.
    let grandpa_notifications = (!config.disable_grandpa).then(|| {
        let (protocol, notifications) = sc_consensus_grandpa::grandpa_peers_set_config::<Block, Network>(
            grandpa_protocol.clone(),
            metrics.clone(),
            net_config.peer_store_handle(),
        );
        net_config.add_notification_protocol(protocol);
        notifications
    });
    net_config
        .network_config
        .min_peers_to_start_warp_sync
        .get_or_insert(WARP_SYNC_PEERS);
    if peers::listed(&*client).is_some_and(|chain| chain.listed_peers_only) {
        // Nobody is let in before the guard has the list.
        net_config.network_config.default_peers_set.non_reserved_mode = NonReservedPeerMode::Deny;
    }
    let known_peers = net_config.peer_store_handle();

    let warp_sync = Arc::new(sc_consensus_grandpa::warp_proof::NetworkProvider::new(
        backend.clone(),
        grandpa_link.shared_authority_set().clone(),
        Vec::new(),
    ));

    let (network, system_rpc_tx, tx_handler_controller, sync_service, _bitswap) =
        sc_service::build_network(BuildNetworkParams {
            config: &config,
            net_config,
            client: client.clone(),
            transaction_pool: transaction_pool.clone(),
            spawn_handle: task_manager.spawn_handle(),
            spawn_essential_handle: task_manager.spawn_essential_handle(),
            import_queue,
            block_announce_validator_builder: None,
            warp_sync_config: Some(WarpSyncConfig::WithProvider(warp_sync)),
            block_relay: None,
            metrics,
            gap_sync_body_policy: None,
        })?;

    // Essential: without its guard a node would talk to anyone.
    task_manager
        .spawn_essential_handle()
        .spawn("peer-guard", Some("networking"), {
            let doors = peers::Network::new(network.clone(), sync_service.clone(), known_peers, &config.network);
            Guard::new(doors, network.local_peer_id(), peers::reserved(&config.network)).run(client.clone())
        });

    let pool_factory = OffchainTransactionPoolFactory::new(transaction_pool.clone());
    task_manager.spawn_handle().spawn(
        "equivocation-watch",
        None,
        equivocation::watch(client.clone(), pool_factory.clone()),
    );

    if let Some(registry) = &registry {
        let metrics = Metrics::register(registry)?.run(client.clone(), grandpa_link.shared_authority_set().clone());
        task_manager.spawn_handle().spawn("consortium-metrics", None, metrics);
    }

    if let Some(database) = config.database.path() {
        StorageMonitorService::try_spawn(
            storage_monitor,
            database.to_path_buf(),
            &task_manager.spawn_essential_handle(),
        )
        .map_err(|error| Error::Application(Box::new(error)))?;
    }

    if config.offchain_worker.enabled {
        let workers = sc_offchain::OffchainWorkers::new(sc_offchain::OffchainWorkerOptions {
            runtime_api_provider: client.clone(),
            keystore: Some(keystore_container.keystore()),
            offchain_db: backend.offchain_storage(),
            transaction_pool: Some(pool_factory.clone()),
            network_provider: Arc::new(network.clone()),
            is_validator: config.role.is_authority(),
            // No worker of ours fetches anything, so none can be made to.
            enable_http_requests: false,
            custom_extensions: |_| Vec::new(),
        })?;
        task_manager.spawn_handle().spawn(
            "offchain-workers-runner",
            "offchain-worker",
            workers.run(client.clone(), task_manager.spawn_handle()).boxed(),
        );
    }

    let keystore = keystore_container.keystore();
    if let Some(seed) = &config.dev_key_seed {
        keystore
            .sr25519_generate_new(aggregator::KEY_TYPE, Some(seed))
            .map_err(|error| Error::Application(Box::new(error)))?;
    }
    let (share_methods, handed_in) = aggregator::methods().map_err(|error| Error::Application(Box::new(error)))?;
    let node_chain = || NodeChain {
        client: client.clone(),
        pool: transaction_pool.clone(),
        keystore: keystore.clone(),
    };
    let gate = Arc::new(Gate::new(transaction_pool.clone(), node_chain()));
    // Essential: shares that were promised must not lie there.
    task_manager
        .spawn_essential_handle()
        .spawn_blocking("aggregator", None, {
            let folder = config.base_path.config_dir(config.chain_spec.id()).join(SHARES);
            let chain = node_chain();
            let metrics = aggregator::metrics::Metrics::new(registry.as_ref())?;
            let best = client
                .import_notification_stream()
                .filter(|block| std::future::ready(block.is_new_best));
            Worker::open(&folder, chain, keystore, metrics)?.run(handed_in, best, client.finality_notification_stream())
        });

    let role = config.role;
    let force_authoring = config.force_authoring;
    let name = config.network.node_name.clone();
    let voter_state = SharedVoterState::empty();

    let (driven_methods, orders) = match driven_clock {
        true => {
            let (methods, orders) =
                driven::methods(client.clone()).map_err(|error| Error::Application(Box::new(error)))?;
            (Some(methods), Some(orders))
        }
        false => (None, None),
    };
    let rpc_builder = {
        let client = client.clone();
        let pool = transaction_pool.clone();
        let voter_state = voter_state.clone();
        let authority_set = grandpa_link.shared_authority_set().clone();
        let justifications = grandpa_link.justification_stream();
        let backend = backend.clone();
        Box::new(move |executor| {
            let finality = rpc::Finality {
                voter_state: voter_state.clone(),
                authority_set: authority_set.clone(),
                justifications: justifications.clone(),
                backend: backend.clone(),
            };
            let mut methods = rpc::methods(client.clone(), pool.clone(), finality, executor)
                .map_err(|error| Error::Application(Box::new(error)))?;
            for more in [Some(&share_methods), driven_methods.as_ref()].into_iter().flatten() {
                methods
                    .merge(more.clone())
                    .map_err(|error| Error::Application(Box::new(error)))?;
            }
            Ok(methods)
        })
    };

    sc_service::spawn_tasks(SpawnTasksParams {
        config,
        client: client.clone(),
        backend,
        task_manager: &mut task_manager,
        keystore: keystore_container.keystore(),
        transaction_pool: gate,
        rpc_builder,
        network: network.clone(),
        system_rpc_tx,
        tx_handler_controller,
        sync_service: sync_service.clone(),
        telemetry: telemetry.as_mut(),
        tracing_execute_block: None,
    })?;

    let telemetry_handle = telemetry.as_ref().map(Telemetry::handle);

    let proposer_factory = (driven_clock || role.is_authority()).then(|| {
        sc_basic_authorship::ProposerFactory::new(
            task_manager.spawn_handle(),
            client.clone(),
            transaction_pool.clone(),
            registry.as_ref(),
            telemetry_handle.clone(),
        )
    });
    match (proposer_factory, orders) {
        (Some(proposer_factory), Some(orders)) => {
            let driver = driven::run::<Backend, _, _, _, _>(
                orders,
                client,
                transaction_pool,
                proposer_factory,
                slot_duration,
                leader_vote,
            );
            task_manager
                .spawn_essential_handle()
                .spawn_blocking("driven-clock", Some("block-authoring"), driver);
        }
        (Some(proposer_factory), None) => {
            let aura = sc_consensus_aura::start_aura::<AuthorityPair, _, _, _, _, _, _, _, _, _, _>(
                sc_consensus_aura::StartAuraParams {
                    slot_duration,
                    client,
                    select_chain,
                    block_import,
                    proposer_factory,
                    create_inherent_data_providers: move |_, ()| {
                        let (slot, timestamp) = inherents(slot_duration);
                        let vote = leader_vote.clone();
                        async move { Ok((slot, timestamp, vote)) }
                    },
                    force_authoring,
                    // Blocks go on at full pace while finality is away: a window closes by the clock, and a share that is
                    // in no block by then is lost.
                    backoff_authoring_blocks: None::<()>,
                    keystore: keystore_container.keystore(),
                    sync_oracle: sync_service.clone(),
                    justification_sync_link: sync_service.clone(),
                    block_proposal_slot_portion: SlotProportion::new(PROPOSAL_PORTION),
                    max_block_proposal_slot_portion: Some(SlotProportion::new(MAX_PROPOSAL_PORTION)),
                    telemetry: telemetry_handle.clone(),
                    compatibility_mode: Default::default(),
                },
            )?;
            task_manager
                .spawn_essential_handle()
                .spawn_blocking("aura", Some("block-authoring"), aura);
        }
        (None, _) => {}
    }

    if let Some(notification_service) = grandpa_notifications {
        // A full node runs the voter without keys: it follows the votes and sees certificates as they are made.
        let voter = sc_consensus_grandpa::run_grandpa_voter(sc_consensus_grandpa::GrandpaParams {
            config: sc_consensus_grandpa::Config {
                gossip_duration: gossip_duration(slot_duration),
                justification_generation_period: JUSTIFICATION_PERIOD,
                name: Some(name),
                observer_enabled: false,
                keystore: role.is_authority().then(|| keystore_container.keystore()),
                local_role: role,
                telemetry: telemetry_handle.clone(),
                protocol_name: grandpa_protocol,
            },
            link: grandpa_link,
            network,
            sync: sync_service,
            notification_service,
            // No rule: the stock ones keep votes two blocks behind the best one, for chains that fork by chance. Here
            // each slot has one owner, and they would only add delay (DESIGN section 5).
            voting_rule: (),
            prometheus_registry: registry,
            shared_voter_state: voter_state,
            telemetry: telemetry_handle,
            offchain_tx_pool_factory: pool_factory,
        })?;
        task_manager
            .spawn_essential_handle()
            .spawn_blocking("grandpa-voter", None, voter);
    }

    Ok(task_manager)
}

/// What every block must say beside its extrinsics, the slot and the time; an author adds its vote.
fn inherents(
    slot_duration: SlotDuration,
) -> (
    sp_consensus_aura::inherents::InherentDataProvider,
    sp_timestamp::InherentDataProvider,
) {
    let timestamp = sp_timestamp::InherentDataProvider::from_system_time();
    let slot =
        sp_consensus_aura::inherents::InherentDataProvider::from_timestamp_and_slot_duration(*timestamp, slot_duration);
    (slot, timestamp)
}

/// A tenth of a slot, so that a round of votes (four of these, and some) ends within the slot it began in; 333 ms at
/// most, which is ample between any two places on Earth.
fn gossip_duration(slot_duration: SlotDuration) -> Duration {
    (slot_duration.as_duration() / 10).min(MAX_GOSSIP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_of_votes_fits_into_half_a_slot() {
        for slot_ms in [200, 1_000, 3_000, 6_000, 60_000] {
            let gossip = gossip_duration(SlotDuration::from_millis(slot_ms));
            assert!(
                gossip * 4 <= Duration::from_millis(slot_ms / 2),
                "{slot_ms} ms slots: {gossip:?}"
            );
        }
    }

    #[test]
    fn long_slots_do_not_slow_finality_down() {
        assert_eq!(gossip_duration(SlotDuration::from_millis(60_000)), MAX_GOSSIP);
    }
}
