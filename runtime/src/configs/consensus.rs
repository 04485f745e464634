//! Who forms blocks and who finalises them: Aura and GRANDPA, run by the members of the consortium in terms.
//!
//! A session is a term of [`pallet_finality`], which says when it ends, with which members and which leader the next one
//! begins, and who has formed a block. Aura gets the schedule from it, in which the leader comes up more than once; GRANDPA
//! gets each member once. There is no stake, so nobody is slashed, and nobody is disabled: who contradicts itself is
//! removed. A report of that, of two blocks or of two votes, comes with a proof of whose key it was, which
//! [`KeyOwners`] makes and checks from the historical sessions.
//!
//! **Privacy.** Who has formed which block, who missed a slot and who contradicted itself is public, of members only.

use crate::{
    configs::consortium::TwoThirds, AccountId, Consortium, Finality, Grandpa, Runtime, RuntimeCall, RuntimeEvent,
    RuntimeHoldReason, SessionKeys, UncheckedExtrinsic,
};
use frame_support::traits::{ConstBool, ConstU128, ConstU32, ConstU64};
use frame_system::offchain::{CreateBare, CreateTransactionBase};
use pallet_finality::KeyOwners;
use pallet_session::historical;
use sp_consensus_aura::sr25519::AuthorityId as AuraId;
use sp_runtime::traits::{Convert, ConvertInto};
use sp_session::MembershipProof;

/// The most members of the consortium, and so the most authorities.
pub const MAX_MEMBERS: u32 = 100;
/// The fewest authorities that anything may leave in office: with four, one that contradicts itself can be put out.
pub const MIN_MEMBERS: u32 = 3;
/// The longest slot schedule: a leader's, in which the leader has every other slot of twice as many.
pub const MAX_SCHEDULE: u32 = 2 * MAX_MEMBERS;
/// How many of its own slots in a row a leader may miss before it has lost the term.
pub const MAX_MISSED_SLOTS: u32 = 3;
/// Blocks between two changes of a member's keys: five minutes of slots of three seconds.
pub const KEY_COOLDOWN: u32 = 100;
/// The most nodes that a member may list.
pub const MAX_NODES: u32 = 8;
/// How many terms back a contradiction can be reported: a week of terms of half an hour.
pub const HISTORY_DEPTH: u32 = 336;

impl pallet_aura::Config for Runtime {
    type AuthorityId = AuraId;
    type MaxAuthorities = ConstU32<MAX_SCHEDULE>;
    type DisabledValidators = ();
    type AllowMultipleBlocksPerSlot = ConstBool<false>;
    type SlotDuration = pallet_finality::SlotDuration<Runtime>;
}

impl pallet_grandpa::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type WeightInfo = ();
    type MaxAuthorities = ConstU32<MAX_MEMBERS>;
    type MaxNominators = ConstU32<0>;
    // A set lasts for a term at least, so as many sets as terms are enough for every report that is still accepted.
    type MaxSetIdSessionEntries = ConstU64<{ HISTORY_DEPTH as u64 }>;
    type KeyOwnerProof = MembershipProof;
    type EquivocationReportSystem = pallet_finality::VoteEquivocations<Runtime>;
}

impl pallet_authorship::Config for Runtime {
    type FindAuthor = Finality;
    type EventHandler = ();
}

impl pallet_finality::Config for Runtime {
    type WeightInfo = pallet_finality::weights::SubstrateWeight<Runtime>;
    type MaxMembers = ConstU32<MAX_MEMBERS>;
    type MinMembers = ConstU32<MIN_MEMBERS>;
    type MaxMissedSlots = ConstU32<MAX_MISSED_SLOTS>;
    type KeyCooldown = ConstU32<KEY_COOLDOWN>;
    type MaxNodes = ConstU32<MAX_NODES>;
    type HistoryDepth = ConstU32<HISTORY_DEPTH>;
    type ManageOrigin = TwoThirds;
    type MembershipInitialized = Consortium;
    type MembershipChanged = Consortium;
    type KeyOwnerProof = MembershipProof;
    type KeyOwnerSystem = KeyOwners<Runtime>;
}

impl pallet_session::Config for Runtime {
    type RuntimeEvent = RuntimeEvent;
    type ValidatorId = AccountId;
    type ValidatorIdOf = ConvertInto;
    type ShouldEndSession = Finality;
    type NextSessionRotation = Finality;
    type SessionManager = historical::NoteHistoricalRoot<Runtime, Finality>;
    // Aura is not told by the session but by pallet-finality, which knows who leads.
    type SessionHandler = (Finality, Grandpa);
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

/// Lets a node put the runtime's own unsigned calls, which are its reports, into extrinsics.
impl<Call> CreateTransactionBase<Call> for Runtime
where
    RuntimeCall: From<Call>,
{
    type Extrinsic = UncheckedExtrinsic;
    type RuntimeCall = RuntimeCall;
}

impl<Call> CreateBare<Call> for Runtime
where
    RuntimeCall: From<Call>,
{
    fn create_bare(call: RuntimeCall) -> UncheckedExtrinsic {
        UncheckedExtrinsic::new_bare(call)
    }
}
