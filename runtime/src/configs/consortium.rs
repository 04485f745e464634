//! The votes of the consortium, and who may call what.
//!
//! A motion is proposed by a member and decided by at least two thirds of all members; who does not vote has voted no.
//! There is no superuser: what no origin of the runtime can do cannot be done. [`Permission`] is the list of signed calls
//! that exist for anyone; everything else is refused before it reaches a block.
//!
//! **Privacy.** Motions and votes are public, with the names of those who cast them.

use crate::{
    configs::{consensus::MAX_MEMBERS, system::RuntimeBlockWeights},
    AccountId, BlockNumber, Finality, Registry, Runtime, RuntimeCall, RuntimeEvent, RuntimeOrigin,
};
use frame_support::{
    parameter_types,
    traits::{ConstU32, Contains},
    weights::Weight,
};
use frame_system::EnsureRoot;
use gridveil_primitives::Role;
use pallet_collective::{EnsureProportionAtLeast, Instance1, PrimeDefaultVote};
use pallet_registry::CallPermission;
use sp_runtime::Perbill;

/// The collective of the members.
pub type ConsortiumCollective = Instance1;
/// A decision of at least two thirds of the members.
pub type TwoThirds = EnsureProportionAtLeast<AccountId, ConsortiumCollective, 2, 3>;

parameter_types! {
    /// How long a motion is open, in blocks: a week of slots of three seconds.
    pub const MotionDuration: BlockNumber = 7 * 24 * 60 * 20;
    /// The most that the call of a motion may cost: half a block.
    pub MaxProposalWeight: Weight = Perbill::from_percent(50) * RuntimeBlockWeights::get().max_block;
}

// Nothing in the runtime dispatches a call of somebody's choice as root, so `EnsureRoot` says: by nobody. The members are
// seated by pallet-finality.
impl pallet_collective::Config<ConsortiumCollective> for Runtime {
    type RuntimeOrigin = RuntimeOrigin;
    type Proposal = RuntimeCall;
    type RuntimeEvent = RuntimeEvent;
    type MotionDuration = MotionDuration;
    type MaxProposals = ConstU32<32>;
    type MaxMembers = ConstU32<MAX_MEMBERS>;
    type DefaultVote = PrimeDefaultVote;
    type WeightInfo = pallet_collective::weights::SubstrateWeight<Runtime>;
    type SetMembersOrigin = EnsureRoot<AccountId>;
    type MaxProposalWeight = MaxProposalWeight;
    type DisapproveOrigin = EnsureRoot<AccountId>;
    type KillOrigin = EnsureRoot<AccountId>;
    type Consideration = ();
}

/// Which calls are carried out at all, whoever decided on them: all but taking in a member that has a role, because an
/// account with a role is no aggregator beside it. The call fails with `System::CallFiltered`.
pub struct NobodyWithARoleJoins;

impl Contains<RuntimeCall> for NobodyWithARoleJoins {
    fn contains(call: &RuntimeCall) -> bool {
        match call {
            RuntimeCall::Finality(pallet_finality::Call::add_member { account, .. }) => {
                Registry::role(account).is_none()
            }
            _ => true,
        }
    }
}

/// Which signed calls exist for whom: the consortium's members may propose what the consortium decides, vote and close,
/// speak for themselves, and bring the code that the consortium has decided on; each role may make its own calls.
/// Wrapping a call makes it another call, which is not on the list.
pub struct Permission;

impl CallPermission<AccountId, RuntimeCall> for Permission {
    fn permits(who: &AccountId, call: &RuntimeCall) -> bool {
        if Finality::contains(who) {
            return is_vote(call) || is_members_own(call) || is_decided_code(call);
        }
        match Registry::role(who) {
            Some(Role::KeyCentre) => is_key_centres(call),
            Some(Role::ControlCentre) => is_control_centres(call),
            None => false,
        }
    }
}

/// Whether members may make `call`: to propose a decision, to vote on it, to close the vote.
fn is_vote(call: &RuntimeCall) -> bool {
    use pallet_collective::Call;
    match call {
        RuntimeCall::Consortium(Call::propose { proposal, .. }) => is_decision(proposal),
        RuntimeCall::Consortium(Call::vote { .. } | Call::close { .. }) => true,
        _ => false,
    }
}

/// Whether `call` is what the consortium decides on: its members, its runtime, what to do when finality stands still,
/// roles and regions.
fn is_decision(call: &RuntimeCall) -> bool {
    use pallet_finality::Call as Finality;
    use pallet_registry::Call as Registry;
    matches!(
        call,
        RuntimeCall::Finality(
            Finality::add_member { .. }
                | Finality::remove_member { .. }
                | Finality::note_stalled { .. }
                | Finality::authorize_upgrade { .. }
        ) | RuntimeCall::Registry(
            Registry::grant_role { .. } | Registry::revoke_role { .. } | Registry::register_region { .. }
        )
    )
}

/// Whether `call` is what a member says about itself: whether it is there, its keys, its nodes.
fn is_members_own(call: &RuntimeCall) -> bool {
    use pallet_finality::Call;
    matches!(
        call,
        RuntimeCall::Finality(
            Call::leave { .. } | Call::rejoin { .. } | Call::set_keys { .. } | Call::set_nodes { .. }
        )
    )
}

/// Whether `call` brings code to upgrade to. Which code, the consortium has decided before.
fn is_decided_code(call: &RuntimeCall) -> bool {
    matches!(
        call,
        RuntimeCall::System(frame_system::Call::apply_authorized_upgrade { .. })
    )
}

/// Whether the key centre may make `call`.
fn is_key_centres(call: &RuntimeCall) -> bool {
    match call {
        RuntimeCall::Registry(call) => {
            matches!(
                call,
                pallet_registry::Call::register_users { .. } | pallet_registry::Call::schedule_cycle { .. }
            )
        }
        RuntimeCall::Masks(_) | RuntimeCall::Billing(_) => true,
        _ => false,
    }
}

/// Whether the control centre may make `call`.
fn is_control_centres(call: &RuntimeCall) -> bool {
    matches!(call, RuntimeCall::Pricing(_))
}
