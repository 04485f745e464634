//! The calls that roles and consortium members make; [`crate::Decision`] has those that motions carry in a form of their
//! own.
//!
//! A [`Call`] names its pallet and its function and carries its arguments as SCALE bytes; the numbers of both are looked
//! up in the chain's metadata when it is signed. Each constructor states who may make the call; what the call does and
//! which errors it has is the pallet's documentation.
//!
//! **Privacy.** Everything here becomes public with the block that contains it.

use crate::SessionKeys;
use codec::{Compact, Encode};
use gridveil_primitives::{
    batch::SignedShare, Bid, BillCommitments, BillOpening, CycleId, CycleSchedule, Manifest, Opening, PeriodIndex,
    PeriodKey, Price, Prid, RegionId, RegionInfo, Revision, Role,
};
use std::fmt;

/// A call of the chain's runtime, not yet bound to a runtime version.
#[derive(Clone, PartialEq, Eq)]
pub struct Call {
    pallet: &'static str,
    function: &'static str,
    arguments: Arguments,
}

/// A call's arguments, in order.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Arguments {
    /// SCALE bytes.
    Plain(Vec<u8>),
    /// The arguments of a consortium motion, whose inner call is encoded together with it.
    Motion {
        /// How many members must agree.
        threshold: u32,
        /// The call that they vote on.
        inner: Box<Call>,
    },
}

impl Call {
    /// A call of which only names and SCALE bytes are known.
    pub(crate) fn new(pallet: &'static str, function: &'static str, arguments: impl Encode) -> Self {
        Self {
            pallet,
            function,
            arguments: Arguments::Plain(arguments.encode()),
        }
    }

    /// The pallet's name in the runtime.
    pub fn pallet(&self) -> &'static str {
        self.pallet
    }

    /// The call's name in its pallet.
    pub fn function(&self) -> &'static str {
        self.function
    }

    /// The arguments.
    pub(crate) fn arguments(&self) -> &Arguments {
        &self.arguments
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.pallet, self.function)
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({self})")
    }
}

/// Gives an account a role. By a motion of the consortium.
pub fn grant_role(account: [u8; 32], role: Role) -> Call {
    Call::new("Registry", "grant_role", (account, role))
}

/// Takes an account's role away. By a motion of the consortium.
pub fn revoke_role(account: [u8; 32]) -> Call {
    Call::new("Registry", "revoke_role", account)
}

/// Registers a region. By a motion of the consortium.
pub fn register_region(region: RegionId, info: RegionInfo) -> Call {
    Call::new("Registry", "register_region", (region, info))
}

/// Registers users, each with the raw X25519 key that its bills are encrypted to. By the key centre.
pub fn register_users(users: &[(Bid, [u8; 32])]) -> Call {
    Call::new("Registry", "register_users", users)
}

/// Schedules the next cycle. By the key centre.
pub fn schedule_cycle(cycle: CycleId, schedule: CycleSchedule) -> Call {
    Call::new("Registry", "schedule_cycle", (cycle, schedule))
}

/// Hands in shares of a period, ascending by pseudonym. By the region's aggregator.
pub fn submit_batch(key: &PeriodKey, shares: &[SignedShare]) -> Call {
    Call::new("Readings", "submit_batch", (key.region, key.cycle, key.period, shares))
}

/// Publishes BF2 of a region and cycle. By the key centre.
pub fn publish_cycle_filter(region: RegionId, cycle: CycleId, meters: u32, filter: &[u8]) -> Call {
    Call::new("Masks", "publish_cycle_filter", (region, cycle, meters, filter))
}

/// Publishes the manifests of successive periods, the first of which is `first`. By the key centre.
pub fn publish_manifests(region: RegionId, cycle: CycleId, first: PeriodIndex, manifests: &[Manifest]) -> Call {
    Call::new("Masks", "publish_manifests", (region, cycle, first, manifests))
}

/// Gives a region other meters from a period on, with BF2 over the periods from there on. By the key centre.
pub fn revise_cycle(region: RegionId, cycle: CycleId, revision: Revision, filter: &[u8]) -> Call {
    Call::new(
        "Masks",
        "revise_cycle",
        (region, cycle, revision.from, revision.meters, filter),
    )
}

/// Opens the mask sum of a closed period. By the key centre.
pub fn open(key: &PeriodKey, opening: &Opening) -> Call {
    Call::new("Masks", "open", (key, opening))
}

/// Declares that a closed period has too few complete pairs to be opened; `excluded` are the shares that do not count,
/// ascending. By the key centre.
pub fn withhold(key: &PeriodKey, excluded: &[Prid]) -> Call {
    Call::new("Masks", "withhold", (key, excluded))
}

/// Sets the price of a region's period, in millionths of the currency unit per kWh. By the control centre.
pub fn set_price(key: &PeriodKey, price: Price) -> Call {
    Call::new("Pricing", "set_price", (key, price))
}

/// Publishes where the bills of users in a region are and what they come to, hidden: BID, binary CID, BLAKE2b-256 and
/// commitments of each. By the key centre.
pub fn publish_bills(region: RegionId, cycle: CycleId, bills: &[(Bid, Vec<u8>, [u8; 32], BillCommitments)]) -> Call {
    Call::new("Billing", "publish_bills", (region, cycle, bills))
}

/// Opens what a region's bills of a cycle add up to. By the key centre.
pub fn reconcile(region: RegionId, cycle: CycleId, opening: &BillOpening) -> Call {
    Call::new("Billing", "reconcile", (region, cycle, opening))
}

/// Declares a cycle's billing finished. By the key centre.
pub fn finish_cycle(cycle: CycleId) -> Call {
    Call::new("Billing", "finish_cycle", cycle)
}

/// Takes a member into the consortium; `reason` has at most 256 bytes. By a motion of the consortium.
pub fn add_member(account: [u8; 32], reason: &str) -> Call {
    Call::new("Finality", "add_member", (account, reason))
}

/// Puts a member out of the consortium; `reason` has at most 256 bytes. By a motion of the consortium.
pub fn remove_member(account: [u8; 32], reason: &str) -> Call {
    Call::new("Finality", "remove_member", (account, reason))
}

/// Lets GRANDPA begin anew `delay` blocks from now, from the finalised block with the number `best_finalised`. By a motion
/// of the consortium.
pub fn note_stalled(delay: u32, best_finalised: u32) -> Call {
    Call::new("Finality", "note_stalled", (delay, best_finalised))
}

/// Allows the runtime whose code has this BLAKE2b-256 hash. By a motion of the consortium.
pub fn authorize_upgrade(code_hash: [u8; 32]) -> Call {
    Call::new("Finality", "authorize_upgrade", code_hash)
}

/// Brings the runtime that was allowed. By a member.
pub fn apply_authorized_upgrade(code: &[u8]) -> Call {
    Call::new("System", "apply_authorized_upgrade", code)
}

/// Sets the keys that the member forms and finalises blocks with. By a member.
pub fn set_keys(keys: &SessionKeys) -> Call {
    // The keys are a value of the runtime's own type, encoded by its node; the proof is bytes.
    let mut arguments = keys.keys.clone();
    keys.proof.encode_to(&mut arguments);
    Call {
        pallet: "Finality",
        function: "set_keys",
        arguments: Arguments::Plain(arguments),
    }
}

/// Takes the member out of those that form and finalise blocks; it stays a member. By a member.
pub fn leave() -> Call {
    Call::new("Finality", "leave", ())
}

/// Takes the member back among those that form and finalise blocks. By a member that left.
pub fn rejoin() -> Call {
    Call::new("Finality", "rejoin", ())
}

/// Lists the member's nodes, each by the bytes of its peer id, in place of those listed before. By a member.
pub fn set_nodes(nodes: &[Vec<u8>]) -> Call {
    Call::new("Finality", "set_nodes", nodes)
}

/// Puts a call to the vote of the consortium; it is applied once `threshold` members agree and the motion is closed. By
/// a member, whose own vote is not cast by this.
pub fn propose(threshold: u32, call: Call) -> Call {
    let arguments = Arguments::Motion {
        threshold,
        inner: Box::new(call),
    };
    Call {
        pallet: "Consortium",
        function: "propose",
        arguments,
    }
}

/// Votes on a motion. By a member.
pub fn vote(motion: &Motion, approve: bool) -> Call {
    Call::new("Consortium", "vote", (motion.hash, Compact(motion.index), approve))
}

/// Closes a motion and, where enough members agreed, applies its call. By a member.
pub fn close(motion: &Motion) -> Call {
    let weight = (Compact(MOTION_WEIGHT.0), Compact(MOTION_WEIGHT.1));
    Call::new(
        "Consortium",
        "close",
        (motion.hash, Compact(motion.index), weight, Compact(motion.length)),
    )
}

/// The weight that a motion's call may have: time in picoseconds and proof size in bytes. Far above what a governance
/// call needs and below what a block has to give.
const MOTION_WEIGHT: (u64, u64) = (100_000_000_000, 1_000_000);

/// An open motion of the consortium, as [`crate::Chain::motion`] finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Motion {
    /// BLAKE2b-256 of the call that is voted on.
    pub hash: [u8; 32],
    /// The motion's number.
    pub index: u32,
    /// The length of the encoded call, in bytes.
    pub length: u32,
}
