//! The runtime as nodes and clients call it.
//!
//! Stock interfaces for blocks, metadata, the transaction pool, consensus, session keys, nonces and genesis; ours are
//! [`GridApi`](crate::grid_api::GridApi) and [`FinalityApi`](crate::finality_api::FinalityApi).

// What the macro generates has no documentation, and none can be given to it.
#![allow(missing_docs)]

use crate::{
    configs::grid::{MAX_BATCHES, MAX_BATCH_SHARES},
    finality_api, genesis_presets, grid_api, pallets, AccountId, Aura, Billing, Block, Executive, Finality, Grandpa,
    Masks, Nonce, Readings, Registry, Runtime, RuntimeGenesisConfig, SessionKeys, System, Timestamp, VERSION,
};
use alloc::vec::Vec;
use codec::{Decode, Encode};
use frame_support::{
    genesis_builder_helper::{build_state, get_preset},
    traits::KeyOwnerProofSystem,
};
use gridveil_primitives::{
    Bid, BillRecord, CycleId, CycleSchedule, Manifest, Moment, PeriodIndex, PeriodKey, PeriodView, Prid, Refusal,
    RegionBills, RegionId, RegionInfo, Revision, Role, Share,
};
use pallet_finality::{ConsortiumStatus, KeyOwners, ListedNodes};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_consensus_grandpa::AuthorityId as GrandpaId;
use sp_consensus_slots::EquivocationProof;
use sp_core::{
    crypto::{key_types::AURA, KeyTypeId},
    OpaqueMetadata,
};
use sp_runtime::{
    traits::{Block as BlockT, NumberFor},
    transaction_validity::{TransactionSource, TransactionValidity},
    ApplyExtrinsicResult,
};
use sp_session::OpaqueGeneratedSessionKeys;
use sp_version::RuntimeVersion;

sp_api::impl_runtime_apis! {
    impl sp_api::Core<Block> for Runtime {
        fn version() -> RuntimeVersion {
            VERSION
        }

        fn execute_block(block: <Block as BlockT>::LazyBlock) {
            Executive::execute_block(block);
        }

        fn initialize_block(header: &<Block as BlockT>::Header) -> sp_runtime::ExtrinsicInclusionMode {
            Executive::initialize_block(header)
        }
    }

    impl sp_api::Metadata<Block> for Runtime {
        fn metadata() -> OpaqueMetadata {
            OpaqueMetadata::new(Runtime::metadata().into())
        }

        fn metadata_at_version(version: u32) -> Option<OpaqueMetadata> {
            Runtime::metadata_at_version(version)
        }

        fn metadata_versions() -> Vec<u32> {
            Runtime::metadata_versions()
        }
    }

    impl sp_block_builder::BlockBuilder<Block> for Runtime {
        fn apply_extrinsic(extrinsic: <Block as BlockT>::Extrinsic) -> ApplyExtrinsicResult {
            Executive::apply_extrinsic(extrinsic)
        }

        fn finalize_block() -> <Block as BlockT>::Header {
            Executive::finalize_block()
        }

        fn inherent_extrinsics(data: sp_inherents::InherentData) -> Vec<<Block as BlockT>::Extrinsic> {
            pallets::inherent_extrinsics(&data)
        }

        fn check_inherents(
            block: <Block as BlockT>::LazyBlock,
            data: sp_inherents::InherentData,
        ) -> sp_inherents::CheckInherentsResult {
            pallets::check_inherents(&data, block)
        }
    }

    impl sp_transaction_pool::runtime_api::TaggedTransactionQueue<Block> for Runtime {
        fn validate_transaction(
            source: TransactionSource,
            tx: <Block as BlockT>::Extrinsic,
            block_hash: <Block as BlockT>::Hash,
        ) -> TransactionValidity {
            Executive::validate_transaction(source, tx, block_hash)
        }
    }

    impl sp_offchain::OffchainWorkerApi<Block> for Runtime {
        fn offchain_worker(header: &<Block as BlockT>::Header) {
            Executive::offchain_worker(header)
        }
    }

    impl sp_consensus_aura::AuraApi<Block, AuraId> for Runtime {
        fn slot_duration() -> sp_consensus_aura::SlotDuration {
            sp_consensus_aura::SlotDuration::from_millis(Aura::slot_duration())
        }

        fn authorities() -> Vec<AuraId> {
            pallet_aura::Authorities::<Runtime>::get().into_inner()
        }
    }

    impl sp_consensus_grandpa::GrandpaApi<Block> for Runtime {
        fn grandpa_authorities() -> sp_consensus_grandpa::AuthorityList {
            Grandpa::grandpa_authorities()
        }

        fn current_set_id() -> sp_consensus_grandpa::SetId {
            pallet_grandpa::CurrentSetId::<Runtime>::get()
        }

        fn submit_report_equivocation_unsigned_extrinsic(
            equivocation_proof: sp_consensus_grandpa::EquivocationProof<<Block as BlockT>::Hash, NumberFor<Block>>,
            key_owner_proof: sp_consensus_grandpa::OpaqueKeyOwnershipProof,
        ) -> Option<()> {
            Grandpa::submit_unsigned_equivocation_report(equivocation_proof, key_owner_proof.decode()?)
        }

        // Of the present set only: a proof for a past one is asked for at a block of its time.
        fn generate_key_ownership_proof(
            _: sp_consensus_grandpa::SetId,
            authority_id: GrandpaId,
        ) -> Option<sp_consensus_grandpa::OpaqueKeyOwnershipProof> {
            KeyOwners::<Runtime>::prove((sp_consensus_grandpa::KEY_TYPE, authority_id))
                .map(|proof| sp_consensus_grandpa::OpaqueKeyOwnershipProof::new(proof.encode()))
        }
    }

    impl sp_session::SessionKeys<Block> for Runtime {
        fn generate_session_keys(owner: Vec<u8>, seed: Option<Vec<u8>>) -> OpaqueGeneratedSessionKeys {
            SessionKeys::generate(&owner, seed).into()
        }

        fn decode_session_keys(encoded: Vec<u8>) -> Option<Vec<(Vec<u8>, KeyTypeId)>> {
            SessionKeys::decode_into_raw_public_keys(&encoded)
        }
    }

    impl frame_system_rpc_runtime_api::AccountNonceApi<Block, AccountId, Nonce> for Runtime {
        fn account_nonce(account: AccountId) -> Nonce {
            System::account_nonce(account)
        }
    }

    impl sp_genesis_builder::GenesisBuilder<Block> for Runtime {
        fn build_state(config: Vec<u8>) -> sp_genesis_builder::Result {
            build_state::<RuntimeGenesisConfig>(config)
        }

        fn get_preset(id: &Option<sp_genesis_builder::PresetId>) -> Option<Vec<u8>> {
            get_preset::<RuntimeGenesisConfig>(id, genesis_presets::get_preset)
        }

        fn preset_names() -> Vec<sp_genesis_builder::PresetId> {
            genesis_presets::preset_names()
        }
    }

    impl finality_api::FinalityApi<Block> for Runtime {
        fn consortium() -> ConsortiumStatus<AccountId> {
            Finality::consortium()
        }

        fn nodes() -> ListedNodes<AccountId> {
            Finality::nodes()
        }

        fn block_equivocation_key_proof(aura_id: AuraId) -> Option<Vec<u8>> {
            KeyOwners::<Runtime>::prove((AURA, aura_id)).map(|proof| proof.encode())
        }

        fn submit_block_equivocation_report(
            equivocation_proof: EquivocationProof<<Block as BlockT>::Header, AuraId>,
            key_owner_proof: Vec<u8>,
        ) -> Option<()> {
            let key_owner_proof = Decode::decode(&mut &key_owner_proof[..]).ok()?;
            Finality::submit_block_equivocation_report(equivocation_proof, key_owner_proof)
        }
    }

    impl grid_api::GridApi<Block> for Runtime {
        fn now() -> Moment {
            Timestamp::get()
        }

        fn members() -> Vec<AccountId> {
            Finality::members()
        }

        fn role(account: AccountId) -> Option<Role> {
            Registry::role(&account)
        }

        fn regions() -> Vec<(RegionId, RegionInfo)> {
            Registry::regions()
        }

        fn cycle(cycle: CycleId) -> Option<CycleSchedule> {
            Registry::schedule(cycle)
        }

        fn latest_cycle() -> Option<CycleId> {
            Registry::latest_cycle()
        }

        fn cycle_filter(region: RegionId, cycle: CycleId) -> Option<(u32, Vec<u8>)> {
            Masks::cycle_filter(region, cycle).map(|published| (published.meters, published.filter.into_inner()))
        }

        fn revisions(region: RegionId, cycle: CycleId) -> Vec<Revision> {
            pallet_masks::Revisions::<Runtime>::get((region, cycle)).into_inner()
        }

        fn manifest(key: PeriodKey) -> Option<Manifest> {
            Masks::manifest(&key).map(Manifest::from)
        }

        fn period(key: PeriodKey) -> Option<PeriodView> {
            grid_api::period(&key)
        }

        fn cycle_view(region: RegionId, cycle: CycleId) -> Vec<(PeriodIndex, PeriodView)> {
            grid_api::cycle_view(region, cycle)
        }

        fn shares(key: PeriodKey) -> Vec<Share> {
            Readings::shares(&key)
        }

        fn refusal(key: PeriodKey, prid: Prid) -> Option<u8> {
            Readings::refusal(&key, &prid).map(Refusal::code)
        }

        fn batches(key: PeriodKey) -> (u32, u32) {
            let batches = pallet_readings::Tallies::<Runtime>::get(key).batches;
            (batches, MAX_BATCHES)
        }

        fn batch_limit() -> u32 {
            MAX_BATCH_SHARES
        }

        fn user(bid: Bid) -> Option<[u8; 32]> {
            Registry::user(&bid)
        }

        fn bill(cycle: CycleId, bid: Bid) -> Option<BillRecord> {
            Billing::bill(cycle, &bid)
        }

        fn bills(bid: Bid) -> Vec<(CycleId, BillRecord)> {
            Billing::bills(&bid)
        }

        fn region_bills(region: RegionId, cycle: CycleId) -> Option<RegionBills> {
            Billing::region_bills(region, cycle)
        }
    }

    #[cfg(feature = "runtime-benchmarks")]
    impl frame_benchmarking::Benchmark<Block> for Runtime {
        fn benchmark_metadata(
            extra: bool,
        ) -> (Vec<frame_benchmarking::BenchmarkList>, Vec<frame_support::traits::StorageInfo>) {
            use crate::Pricing;
            use frame_support::traits::StorageInfoTrait;

            let mut list = Vec::new();
            list_benchmarks!(list, extra);
            (list, crate::AllPalletsWithSystem::storage_info())
        }

        fn dispatch_benchmark(
            config: frame_benchmarking::BenchmarkConfig,
        ) -> Result<Vec<frame_benchmarking::BenchmarkBatch>, alloc::string::String> {
            use crate::Pricing;
            use frame_support::traits::WhitelistedStorageKeys;

            let whitelist = crate::AllPalletsWithSystem::whitelisted_storage_keys();
            let mut batches = Vec::new();
            let params = (&config, &whitelist);
            add_benchmarks!(params, batches);
            Ok(batches)
        }
    }

    // Only a node that tries a runtime out has this interface; there, a failed check has to end the try.
    #[cfg(feature = "try-runtime")]
    impl frame_try_runtime::TryRuntime<Block> for Runtime {
        fn on_runtime_upgrade(
            checks: frame_try_runtime::UpgradeCheckSelect,
        ) -> (frame_support::weights::Weight, frame_support::weights::Weight) {
            let weight = Executive::try_runtime_upgrade(checks).expect("the upgrade passes its checks");
            (weight, crate::configs::system::MAX_BLOCK_WEIGHT)
        }

        fn execute_block(
            block: <Block as BlockT>::LazyBlock,
            state_root_check: bool,
            signature_check: bool,
            select: frame_try_runtime::TryStateSelect,
        ) -> frame_support::weights::Weight {
            Executive::try_execute_block(block, state_root_check, signature_check, select)
                .expect("the block executes and leaves the state in order")
        }
    }
}
