//! Who forms blocks and who finalises them: Aura and GRANDPA, run by the members of the consortium in sessions.
//!
//! Nobody is disabled or slashed: there is no stake, and what becomes of a member that contradicts itself is the
//! consortium's matter. A GRANDPA key is proved to be its owner's by the historical sessions; no report can be sent, since
//! its proof's type has no values.

use crate::{AccountId, Aura, BlockNumber, Finality, Grandpa, Runtime, RuntimeEvent, RuntimeHoldReason, SessionKeys};
use frame_support::{
    parameter_types,
    traits::{ConstBool, ConstU128, ConstU32, ConstU64},
};
use pallet_session::{historical, FindAccountFromAuthorIndex, PeriodicSessions};
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::{Convert, ConvertInto};

/// The most members of the consortium, and so the most authorities.
pub const MAX_MEMBERS: u32 = 100;
/// How many sessions back a key ownership proof is accepted: a week of them.
pub const HISTORY_DEPTH: u32 = 336;

parameter_types! {
    /// The blocks of a session: half an hour of slots of three seconds.
    pub const SessionBlocks: BlockNumber = 600;
    /// The block at which the first session ends, but for the sessions before it: none.
    pub const SessionOffset: BlockNumber = 0;
}

impl pallet_aura::Config for Runtime {
    type AuthorityId = AuraId;
    type MaxAuthorities = ConstU32<MAX_MEMBERS>;
    type DisabledValidators = ();
    type AllowMultipleBlocksPerSlot = ConstBool<false>;
    type SlotDuration = pallet_finality::SlotDuration<Runtime>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<MAX_MEMBERS>;
    type MaxNominators = ConstU32<0>;
    type MaxSetIdSessionEntries = ConstU64<{ HISTORY_DEPTH as u64 }>;
    type KeyOwnerProof = sp_core::Void;
    type EquivocationReportSystem = ();
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = FindAccountFromAuthorIndex<Runtime, Aura>;
    type EventHandler = ();
}

impl pallet_finality::Config for Runtime {
    type MaxMembers = ConstU32<MAX_MEMBERS>;
    type HistoryDepth = ConstU32<HISTORY_DEPTH>;
    type MembershipInitialized = crate::Consortium;
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = PeriodicSessions<SessionBlocks, SessionOffset>;
    type NextSessionRotation = PeriodicSessions<SessionBlocks, SessionOffset>;
    type SessionManager = historical::NoteHistoricalRoot<Runtime, Finality>;
    type SessionHandler = (Aura, Grandpa);
    type Keys = SessionKeys;
    type DisablingStrategy = ();
    type WeightInfo = pallet_session::weights::SubstrateWeight<Runtime>;
    type Currency = pallet_finality::NoCurrency<RuntimeHoldReason>;
    type KeyDeposit = ConstU128<0>;
}

/// A member is identified by its account and nothing beside it.
pub struct AccountAlone;

impl Convert<AccountId, Option<()>> for AccountAlone {
    fn convert(_: AccountId) -> Option<()> {
        Some(())
    }
}

impl historical::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type FullIdentification = ();
    type FullIdentificationOf = AccountAlone;
}
