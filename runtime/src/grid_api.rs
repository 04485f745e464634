//! What clients read: the whole of a region, a cycle or a period in one call.
//!
//! Clients call it by name through `state_call`, as `GridApi_period` and so on, with SCALE-encoded arguments at a
//! finalised block. Whatever is unknown is answered with `None` or an empty list.
//!
//! **Privacy.** It answers with what is in the chain's storage anyway, to anyone.

use crate::{Masks, Readings, Registry, Runtime};
use alloc::vec::Vec;
use gridveil_primitives::{
    Bid, BillRecord, CycleId, CycleSchedule, Manifest, Moment, PeriodIndex, PeriodKey, PeriodView, Prid, RegionBills,
    RegionId, RegionInfo, Revision, Role, Share,
};
use sp_runtime::AccountId32;

sp_api::decl_runtime_apis! {
    /// The grid as the chain knows it.
    pub trait GridApi {
        /// The time of the block.
        fn now() -> Moment;
        /// The members of the consortium, ascending.
        fn members() -> Vec<AccountId32>;
        /// The role of an account.
        fn role(account: AccountId32) -> Option<Role>;
        /// All regions, ascending.
        fn regions() -> Vec<(RegionId, RegionInfo)>;
        /// When a cycle's periods are.
        fn cycle(cycle: CycleId) -> Option<CycleSchedule>;
        /// The last cycle that has been scheduled.
        fn latest_cycle() -> Option<CycleId>;
        /// The meters that a region's cycle began with, and BF2 for them.
        fn cycle_filter(region: RegionId, cycle: CycleId) -> Option<(u32, Vec<u8>)>;
        /// The changes of a region's meters within a cycle, ascending.
        fn revisions(region: RegionId, cycle: CycleId) -> Vec<Revision>;
        /// What the key centre published about a period, for the meters in force there.
        fn manifest(key: PeriodKey) -> Option<Manifest>;
        /// How far a period has come; `None` without a manifest.
        fn period(key: PeriodKey) -> Option<PeriodView>;
        /// All periods of a region and cycle that have a manifest, ascending.
        fn cycle_view(region: RegionId, cycle: CycleId) -> Vec<(PeriodIndex, PeriodView)>;
        /// All shares of a period, ascending by pseudonym.
        fn shares(key: PeriodKey) -> Vec<Share>;
        /// The code of the [`gridveil_primitives::Refusal`] that a share under this pseudonym would meet now, its
        /// signature left aside; `None` if it would be taken.
        fn refusal(key: PeriodKey, prid: Prid) -> Option<u8>;
        /// How many batches a period has, and how many it may have.
        fn batches(key: PeriodKey) -> (u32, u32);
        /// The most shares in a batch.
        fn batch_limit() -> u32;
        /// The recipient that a user's bills are encrypted to.
        fn user(bid: Bid) -> Option<[u8; 32]>;
        /// A user's bill of one cycle.
        fn bill(cycle: CycleId, bid: Bid) -> Option<BillRecord>;
        /// All bills of a user, ascending by cycle.
        fn bills(bid: Bid) -> Vec<(CycleId, BillRecord)>;
        /// What a region's bills of a cycle add up to; `None` while there are none.
        fn region_bills(region: RegionId, cycle: CycleId) -> Option<RegionBills>;
    }
}

/// What four pallets know about a period; `None` without a manifest.
pub(crate) fn period(key: &PeriodKey) -> Option<PeriodView> {
    let status = Readings::status(key)?;
    let meters = Masks::filter(key)?.meters;
    let tally = pallet_readings::Tallies::<Runtime>::get(key);
    Some(PeriodView {
        status,
        meters,
        count: tally.count,
        sum: tally.sum,
        tally: tally.point,
        outcome: Masks::outcome(key),
        price: pallet_pricing::Prices::<Runtime>::get(key),
    })
}

/// The periods of a region and cycle that have a manifest, ascending.
pub(crate) fn cycle_view(region: RegionId, cycle: CycleId) -> Vec<(PeriodIndex, PeriodView)> {
    let periods = Registry::schedule(cycle).map_or(0, |schedule| schedule.periods);
    (0..periods)
        .filter_map(|index| {
            period(&PeriodKey {
                region,
                cycle,
                period: index,
            })
            .map(|view| (index, view))
        })
        .collect()
}
