//! Blocks: how much goes into one, how long one is, when one is made.
//!
//! **Time.** The limits come from slots. A slot lasts three seconds unless genesis says otherwise, and within it a block is
//! made, sent, and executed by everyone else: each of the three gets a third, so a block may cost one second of execution
//! on the machine that the weights were measured on. Where genesis sets shorter slots, as a development chain does, the
//! block's author stops at its share of the slot before that.
//!
//! **Length.** The longest calls are those that publish filters, 23.3 bytes per meter and period, so nine tenths of ten
//! mebibytes may be ordinary calls; a node passes on blocks and transactions of up to sixteen.

use crate::{
    configs::consortium::NobodyWithARoleJoins, AccountId, Aura, Block, Hash, Nonce, PalletInfo, Runtime, RuntimeCall,
    RuntimeEvent, RuntimeOrigin, RuntimeTask, VERSION,
};
use frame_support::{
    derive_impl,
    dispatch::DispatchClass,
    parameter_types,
    traits::ConstU32,
    weights::{
        constants::{ParityDbWeight, WEIGHT_REF_TIME_PER_SECOND},
        Weight,
    },
};
use frame_system::limits::{BlockLength, BlockWeights};
use sp_runtime::{traits::AccountIdLookup, Perbill};
use sp_version::RuntimeVersion;

/// The share of a block, in time, that ordinary calls may take; the rest is kept for the consortium's votes.
pub const NORMAL_SHARE: Perbill = Perbill::from_percent(75);
/// The share of a block, in time, that ordinary calls have even where a term ends in it: the session pallet declares such a
/// block full, whatever the change of term cost, and evidence of two votes is an ordinary call.
pub const RESERVED_NORMAL_SHARE: Perbill = Perbill::from_percent(25);
/// The longest block, in bytes.
pub const MAX_BLOCK_BYTES: u32 = 10 * 1024 * 1024;
/// What ordinary calls may take of a block, in bytes: nine tenths.
pub const MAX_NORMAL_BYTES: u32 = MAX_BLOCK_BYTES / 10 * 9;
/// What a block may cost: a third of a slot of three seconds. There is no relay chain that would limit its proof.
pub const MAX_BLOCK_WEIGHT: Weight = Weight::from_parts(WEIGHT_REF_TIME_PER_SECOND, u64::MAX);

parameter_types! {
    /// The runtime's version.
    pub const Version: RuntimeVersion = VERSION;
    /// How many blocks back a block's hash is kept, which is also how long a transaction can live.
    pub const BlockHashCount: u32 = 2_400;
    /// The limits in time.
    pub RuntimeBlockWeights: BlockWeights = block_weights();
    /// The limits in length.
    pub RuntimeBlockLength: BlockLength = BlockLength::builder()
        .max_length(MAX_BLOCK_BYTES)
        .modify_max_length_for_class(DispatchClass::Normal, |bytes| *bytes = MAX_NORMAL_BYTES)
        .build();
    /// The prefix of addresses as text: the generic one.
    pub const Ss58Prefix: u16 = 42;
}

fn block_weights() -> BlockWeights {
    let mut weights = BlockWeights::with_sensible_defaults(MAX_BLOCK_WEIGHT, NORMAL_SHARE);
    weights.per_class.get_mut(DispatchClass::Normal).reserved = Some(RESERVED_NORMAL_SHARE * MAX_BLOCK_WEIGHT);
    weights
}

#[derive_impl(frame_system::config_preludes::SolochainDefaultConfig)]
impl frame_system::Config for Runtime {
    type BaseCallFilter = NobodyWithARoleJoins;
    type Block = Block;
    type AccountId = AccountId;
    type Nonce = Nonce;
    type Hash = Hash;
    type Lookup = AccountIdLookup<AccountId, ()>;
    type BlockHashCount = BlockHashCount;
    type BlockWeights = RuntimeBlockWeights;
    type BlockLength = RuntimeBlockLength;
    type DbWeight = ParityDbWeight;
    type Version = Version;
    type SS58Prefix = Ss58Prefix;
    type MaxConsumers = ConstU32<16>;
    type SystemWeightInfo = frame_system::weights::SubstrateWeight<Runtime>;
    type ExtensionsWeightInfo = frame_system::SubstrateExtensionsWeight<Runtime>;
}

impl pallet_timestamp::Config for Runtime {
    type Moment = u64;
    type OnTimestampSet = Aura;
    type MinimumPeriod = pallet_finality::HalfSlot<Runtime>;
    type WeightInfo = pallet_timestamp::weights::SubstrateWeight<Runtime>;
}
