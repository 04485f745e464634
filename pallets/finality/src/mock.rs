//! A runtime of sessions and this pallet alone, with a collective that only remembers whom it was given.

use crate as pallet_finality;
use frame_support::{
    derive_impl, parameter_types,
    traits::{ConstU128, ConstU32, ConstU64, InitializeMembers},
};
use pallet_session::historical;
use sp_runtime::{
    testing::UintAuthorityId,
    traits::{Convert, ConvertInto},
    BuildStorage,
};

frame_support::construct_runtime!(
    pub enum Test {
        System: frame_system,
        Finality: pallet_finality,
        Session: pallet_session,
        Historical: historical,
    }
);

/// Blocks in a session.
pub const SESSION: u64 = 3;

#[derive_impl(frame_system::config_preludes::TestDefaultConfig)]
impl frame_system::Config for Test {
    type Block = frame_system::mocking::MockBlock<Test>;
}

sp_runtime::impl_opaque_keys! {
    pub struct Keys {
        pub dummy: UintAuthorityId,
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
    type ShouldEndSession = pallet_session::PeriodicSessions<ConstU64<SESSION>, ConstU64<0>>;
    type NextSessionRotation = pallet_session::PeriodicSessions<ConstU64<SESSION>, ConstU64<0>>;
    type SessionManager = historical::NoteHistoricalRoot<Test, Finality>;
    type SessionHandler = pallet_session::TestSessionHandler;
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
    /// Whom the collective was given.
    pub static Seated: Vec<u64> = Vec::new();
}

/// A collective that remembers its members.
pub struct Seats;

impl InitializeMembers<u64> for Seats {
    fn initialize_members(members: &[u64]) {
        Seated::set(members.to_vec());
    }
}

impl pallet_finality::Config for Test {
    type MaxMembers = ConstU32<7>;
    type HistoryDepth = ConstU32<4>;
    type MembershipInitialized = Seats;
}

/// The chain at genesis with `members`, each with a session key that is its own number, and slots of `slot_ms`.
pub fn genesis(members: &[u64], slot_ms: u64) -> sp_io::TestExternalities {
    let keys = members
        .iter()
        .map(|&member| {
            (
                member,
                member,
                Keys {
                    dummy: UintAuthorityId(member),
                },
            )
        })
        .collect();
    RuntimeGenesisConfig {
        finality: pallet_finality::GenesisConfig {
            members: members.to_vec(),
            slot_ms,
        },
        session: pallet_session::GenesisConfig {
            keys,
            ..Default::default()
        },
        ..Default::default()
    }
    .build_storage()
    .expect("the genesis of a mock is in order")
    .into()
}

/// Runs the session pallet's hook at the first block of each of the next `sessions` sessions.
pub fn pass_sessions(sessions: u64) {
    for _ in 0..sessions {
        let next = (System::block_number() / SESSION + 1) * SESSION;
        System::set_block_number(next);
        <Session as frame_support::traits::Hooks<u64>>::on_initialize(next);
    }
}
