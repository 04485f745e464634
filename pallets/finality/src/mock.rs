//! A chain of slots, terms and keys, with a collective that only remembers whom it was given.
//!
//! The consortium is what `EnsureRoot` lets through. Account `n` has the session keys of number `n` unless a test says otherwise.

use crate as pallet_finality;
use crate::{GenesisNode, INHERENT_IDENTIFIER};
use codec::Encode;
use frame_support::{
    derive_impl, parameter_types,
    traits::{ChangeMembers, ConstBool, ConstU128, ConstU32, ConstU64, InitializeMembers, OnFinalize, OnInitialize},
};
use frame_system::EnsureRoot;
use pallet_session::historical;
use sp_consensus_aura::{
    sr25519::{AuthorityId as AuraId, AuthorityPair as AuraPair},
    AURA_ENGINE_ID,
};
use sp_consensus_grandpa::{AuthorityId as GrandpaId, AuthorityPair as GrandpaPair};
use sp_consensus_slots::Slot;
use sp_core::{proof_of_possession::statement_of_ownership, Pair};
use sp_inherents::InherentData;
use sp_runtime::{
    testing::TestXt,
    traits::{Convert, ConvertInto},
    BuildStorage, Digest, DigestItem,
};

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Timestamp: pallet_timestamp,
        Aura: pallet_aura,
        Grandpa: pallet_grandpa,
        Authorship: pallet_authorship,
        Finality: pallet_finality,
        Session: pallet_session,
        Historical: historical,
    }
);

/// Blocks of a term.
pub const TERM: u64 = 10;
/// The slot of the first block.
pub const FIRST_SLOT: u64 = 120;
/// Blocks between two changes of keys.
pub const COOLDOWN: u64 = 5;
/// How many terms back an offence can be reported.
pub const DEPTH: u32 = 4;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

impl pallet_timestamp::Config for Test {
    type Moment = u64;
    type OnTimestampSet = ();
    type MinimumPeriod = pallet_finality::HalfSlot<Test>;
    type WeightInfo = ();
}

impl pallet_aura::Config for Test {
    type AuthorityId = AuraId;
    type MaxAuthorities = ConstU32<12>;
    type DisabledValidators = ();
    type AllowMultipleBlocksPerSlot = ConstBool<false>;
    type SlotDuration = pallet_finality::SlotDuration<Test>;
}

impl pallet_grandpa::Config for Test {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<7>;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<6>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type EquivocationReportSystem = pallet_finality::VoteEquivocations<Test>;
}

impl pallet_authorship::Config for Test {
    type FindAuthor = Finality;
    type EventHandler = ();
}

sp_runtime::impl_opaque_keys! {
    pub struct Keys {
        pub aura: Aura,
        pub grandpa: Grandpa,
    }
}

/// Identifies each validator by nothing beside its account.
pub struct NoMore;

impl Convert<u64, Option<()>> for NoMore {
    fn convert(_: u64) -> Option<()> {
        Some(())
    }
}

impl pallet_session::Config for Test {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = u64;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Finality;
    type NextSessionRotation = Finality;
    type SessionManager = historical::NoteHistoricalRoot<Test, Finality>;
    type SessionHandler = (Finality, Grandpa);
    type Keys = Keys;
    type DisablingStrategy = ();
    type WeightInfo = ();
    type Currency = pallet_finality::NoCurrency<RuntimeHoldReason>;
    type KeyDeposit = ConstU128<0>;
}

impl historical::Config for Test {
    type RuntimeEvent = RuntimeEvent;
    type FullIdentification = ();
    type FullIdentificationOf = NoMore;
}

parameter_types! {
    /// Whom the collective has.
    pub static Seated: Vec<u64> = Vec::new();
}

/// A collective that remembers its members, and holds those who tell it of changes to the truth.
pub struct Seats;

impl InitializeMembers<u64> for Seats {
    fn initialize_members(members: &[u64]) {
        Seated::set(members.to_vec());
    }
}

impl ChangeMembers<u64> for Seats {
    fn change_members_sorted(incoming: &[u64], outgoing: &[u64], sorted_new: &[u64]) {
        let difference = Self::compute_members_diff_sorted(sorted_new, &Seated::get());
        assert_eq!(difference, (incoming.to_vec(), outgoing.to_vec()));
        Seated::set(sorted_new.to_vec());
    }
}

impl pallet_finality::Config for Test {
    type WeightInfo = crate::weights::SubstrateWeight<Test>;
    type ManageOrigin = EnsureRoot<u64>;
    type MembershipInitialized = Seats;
    type MembershipChanged = Seats;
    type MaxMembers = ConstU32<7>;
    type MinMembers = ConstU32<3>;
    type MaxMissedSlots = ConstU32<3>;
    type KeyCooldown = ConstU64<COOLDOWN>;
    type MaxNodes = ConstU32<2>;
    type HistoryDepth = ConstU32<DEPTH>;
    type KeyOwnerProof = sp_session::MembershipProof;
    type KeyOwnerSystem = pallet_finality::KeyOwners<Test>;
}

impl<C> frame_system::offchain::CreateTransactionBase<C> for Test
where
    RuntimeCall: From<C>,
{
    type RuntimeCall = RuntimeCall;
    type Extrinsic = TestXt<RuntimeCall, ()>;
}

impl<C> frame_system::offchain::CreateBare<C> for Test
where
    RuntimeCall: From<C>,
{
    fn create_bare(call: RuntimeCall) -> Self::Extrinsic {
        TestXt::new_bare(call)
    }
}

fn secret(seed: u64) -> [u8; 32] {
    [u8::try_from(seed).expect("a small number"); 32]
}

/// The Aura key of this number.
pub fn aura(seed: u64) -> AuraPair {
    AuraPair::from_seed(&secret(seed))
}

/// The GRANDPA key of this number.
pub fn grandpa(seed: u64) -> GrandpaPair {
    GrandpaPair::from_seed(&secret(seed))
}

/// The session keys of this number.
pub fn keys(seed: u64) -> Keys {
    Keys {
        aura: aura(seed).public(),
        grandpa: grandpa(seed).public(),
    }
}

/// The proof that the session keys of this number are `owner`'s.
pub fn ownership(seed: u64, owner: u64) -> Vec<u8> {
    let statement = statement_of_ownership(&owner.encode());
    (aura(seed).sign(&statement), grandpa(seed).sign(&statement)).encode()
}

/// A genesis of `members`, those of `with_keys` with the session keys of their numbers.
pub fn configuration(members: &[u64], with_keys: &[u64]) -> RuntimeGenesisConfig {
    RuntimeGenesisConfig {
        finality: pallet_finality::GenesisConfig {
            members: members.to_vec(),
            term_blocks: TERM,
            ..Default::default()
        },
        session: pallet_session::GenesisConfig {
            keys: with_keys.iter().map(|&member| (member, member, keys(member))).collect(),
            ..Default::default()
        },
        ..Default::default()
    }
}

/// The chain of a configuration, with one block.
pub fn chain(configuration: RuntimeGenesisConfig) -> sp_io::TestExternalities {
    let mut state: sp_io::TestExternalities = configuration
        .build_storage()
        .expect("the genesis of a mock is in order")
        .into();
    state.execute_with(|| {
        block_at(FIRST_SLOT);
        Finality::do_try_state().expect("the genesis of a mock is in order");
    });
    state
}

/// The chain of these members, all with keys, with one block.
pub fn consortium(members: &[u64]) -> sp_io::TestExternalities {
    chain(configuration(members, members))
}

/// A chain for benchmarks, with a keystore.
#[cfg(feature = "runtime-benchmarks")]
pub fn new_test_ext() -> sp_io::TestExternalities {
    let mut state = consortium(&[1, 2, 3, 4]);
    state.register_extension(sp_keystore::KeystoreExt::new(
        sp_keystore::testing::MemoryKeystore::new(),
    ));
    state
}

/// A node in a genesis: the peer id with the ed25519 key of all `byte`s.
pub fn node(byte: u8) -> GenesisNode {
    let mut id = vec![0x00, 36, 8, 1, 18, 32];
    id.extend([byte; 32]);
    GenesisNode(id)
}

/// The slot of the latest block.
pub fn slot() -> u64 {
    crate::LastSlot::<Test>::get().map_or(0, u64::from)
}

/// Makes the block of `slot`, with what `extrinsics` does in it. What it returns is what the header says for nodes.
pub fn block_with(slot: u64, extrinsics: impl FnOnce()) -> Vec<DigestItem> {
    let number = System::block_number() + 1;
    let claim = DigestItem::PreRuntime(AURA_ENGINE_ID, Slot::from(slot).encode());
    System::reset_events();
    System::initialize(&number, &Default::default(), &Digest { logs: vec![claim] });
    AllPalletsWithSystem::on_initialize(number);
    Timestamp::set_timestamp(slot * crate::SlotMs::<Test>::get());
    extrinsics();
    AllPalletsWithSystem::on_finalize(number);
    System::finalize().digest.logs
}

/// Makes an empty block in `slot`.
pub fn block_at(slot: u64) -> Vec<DigestItem> {
    block_with(slot, || {})
}

/// Makes that many empty blocks, none of which skips a slot.
pub fn blocks(count: u64) {
    for _ in 0..count {
        block_at(slot() + 1);
    }
}

/// Makes blocks up to the first of the next term.
pub fn next_term() {
    let term = Session::current_index();
    while Session::current_index() == term {
        blocks(1);
    }
}

/// Makes blocks up to the first of which `author` is the author, skipping every slot before.
pub fn block_by(author: u64, extrinsics: impl FnOnce()) -> Vec<DigestItem> {
    let slot = (slot() + 1..)
        .find(|&slot| owner_of_slot(slot) == author)
        .expect("every authority has slots");
    block_with(slot, extrinsics)
}

/// Whose `slot` is, by the schedule in force.
pub fn owner_of_slot(slot: u64) -> u64 {
    let authorities = Session::validators();
    let leader = crate::Leader::<Test>::get().and_then(|leader| authorities.iter().position(|&other| other == leader));
    authorities[crate::schedule::owner(slot, authorities.len(), leader).expect("there are authorities")]
}

/// The inherent data of a node that wants to vote so.
pub fn wish(vote: crate::LeaderVote<u64>) -> InherentData {
    let mut data = InherentData::new();
    data.put_data(INHERENT_IDENTIFIER, &vote).expect("nothing is there yet");
    data
}

/// The pallet's events of the latest block.
pub fn events() -> Vec<crate::Event<Test>> {
    System::events()
        .into_iter()
        .filter_map(|record| match record.event {
            RuntimeEvent::Finality(event) => Some(event),
            _ => None,
        })
        .collect()
}

/// The accounts that own the slots of one round, as Aura has it.
pub fn slots_of_aura() -> Vec<u64> {
    let authorities = pallet_aura::Authorities::<Test>::get();
    authorities.iter().map(owner_of).collect()
}

/// The accounts that finalise, as GRANDPA has it.
pub fn finalisers() -> Vec<u64> {
    Grandpa::grandpa_authorities()
        .iter()
        .map(|(key, _)| account_of(|seed| grandpa(seed).public() == *key))
        .collect()
}

fn owner_of(key: &AuraId) -> u64 {
    account_of(|seed| aura(seed).public() == *key)
}

/// The account whose number the key was made from.
fn account_of(is_of: impl Fn(u64) -> bool) -> u64 {
    (0..100).find(|&seed| is_of(seed)).expect("a key of the tests")
}

/// Holds that exactly these are the authorities in force: for sessions, for blocks without a leader, for finality.
pub fn assert_in_force(set: &[u64]) {
    assert_eq!(Session::validators(), set, "the session's set");
    assert_eq!(slots_of_aura(), set, "Aura's set");
    assert_eq!(finalisers(), set, "GRANDPA's set");
}

/// The GRANDPA key of an account, as its public part.
pub fn grandpa_id(seed: u64) -> GrandpaId {
    grandpa(seed).public()
}
