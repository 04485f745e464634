//! The pallets of the runtime, in the order in which they are built at genesis and run in a block.
//!
//! - [`Timestamp`] comes first, so that the close of a period sees the time of the block before, as the meters' extension
//!   does.
//! - [`Finality`] comes after [`Aura`], which has made sure by then that the block's slot is later than its parent's, and
//!   before [`Session`]: it has to find the block's author by the schedule of the parent's state, before a new term brings
//!   a new schedule. At genesis, too, [`Session`] asks it for the first validators.
//! - [`Grandpa`] comes before [`Session`], but announces a new set only when the block is finalised, after all began.
//! - [`Finality`] comes before [`Registry`], which wants a region's aggregator to be a member.

// What the macro generates has no documentation, and none can be given to it.
#![allow(missing_docs)]

#[frame_support::runtime]
mod runtime {
    #[runtime::runtime]
    #[runtime::derive(
        RuntimeCall,
        RuntimeEvent,
        RuntimeError,
        RuntimeOrigin,
        RuntimeFreezeReason,
        RuntimeHoldReason,
        RuntimeSlashReason,
        RuntimeLockId,
        RuntimeTask,
        RuntimeViewFunction
    )]
    pub struct Runtime;

    #[runtime::pallet_index(0)]
    pub type System = frame_system;
    #[runtime::pallet_index(1)]
    pub type Timestamp = pallet_timestamp;
    #[runtime::pallet_index(2)]
    pub type Aura = pallet_aura;
    #[runtime::pallet_index(3)]
    pub type Grandpa = pallet_grandpa;
    #[runtime::pallet_index(4)]
    pub type Authorship = pallet_authorship;
    #[runtime::pallet_index(5)]
    pub type Finality = pallet_finality;
    #[runtime::pallet_index(6)]
    pub type Session = pallet_session;
    #[runtime::pallet_index(7)]
    pub type Historical = pallet_session::historical;
    #[runtime::pallet_index(8)]
    pub type Consortium = pallet_collective<Instance1>;
    #[runtime::pallet_index(9)]
    pub type Registry = pallet_registry;
    #[runtime::pallet_index(10)]
    pub type Masks = pallet_masks;
    #[runtime::pallet_index(11)]
    pub type Readings = pallet_readings;
    #[runtime::pallet_index(12)]
    pub type Pricing = pallet_pricing;
    #[runtime::pallet_index(13)]
    pub type Billing = pallet_billing;
}

use crate::{Block, UncheckedExtrinsic};
use alloc::vec::Vec;
use sp_inherents::{CheckInherentsResult, InherentData};
use sp_runtime::traits::Block as BlockT;

// The trait behind these two is generated here and private.

/// The extrinsics that a block's author puts in by itself: the time, and once in a term its vote for the next leader.
pub(crate) fn inherent_extrinsics(data: &InherentData) -> Vec<UncheckedExtrinsic> {
    data.create_extrinsics()
}

/// Whether a block's inherent extrinsics agree with what this node sees.
pub(crate) fn check_inherents(data: &InherentData, block: <Block as BlockT>::LazyBlock) -> CheckInherentsResult {
    data.check_extrinsics(&block)
}
