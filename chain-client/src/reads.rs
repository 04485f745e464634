//! What the chain's runtime answers about regions, cycles, periods, users and bills.
//!
//! Every question is one call of the runtime's `GridApi` with SCALE bytes both ways, at the latest finalised block or,
//! with the `_at` form, at a block whose hash the caller has.

use crate::{
    chain::{finalised, Chain},
    link::{translate, Session},
    Error,
};
use codec::{DecodeAll, Encode};
use gridveil_primitives::{
    Bid, BillRecord, CycleId, CycleSchedule, Manifest, Moment, PeriodIndex, PeriodKey, PeriodView, RegionBills,
    RegionId, RegionInfo, Revision, Role, Share,
};
use subxt::utils::H256;

/// Functions of [`Chain`] that put questions to one of the runtime's APIs.
macro_rules! questions {
    ($api:literal; $($(#[$doc:meta])* $method:literal: $name:ident, $name_at:ident ( $($argument:ident: $kind:ty),* ) -> $answer:ty;)*) => {
        impl Chain {
            $(
                $(#[$doc])*
                ///
                /// At the latest finalised block. Errors: those of a request, [`Error::Decode`].
                pub async fn $name(&self, $($argument: $kind),*) -> Result<$answer, Error> {
                    self.question($api, $method, ($(&$argument,)*).encode(), None).await
                }

                $(#[$doc])*
                ///
                /// At the block with the hash `at`. Errors: those of a request, [`Error::UnknownBlock`],
                /// [`Error::Decode`].
                pub async fn $name_at(&self, $($argument: $kind,)* at: [u8; 32]) -> Result<$answer, Error> {
                    self.question($api, $method, ($(&$argument,)*).encode(), Some(at)).await
                }
            )*
        }
    };
}
pub(crate) use questions;

questions! {
    "GridApi";
    /// The chain's clock.
    "now": now, now_at() -> Moment;
    /// The regions, with what was decided about each.
    "regions": regions, regions_at() -> Vec<(RegionId, RegionInfo)>;
    /// An account's role.
    "role": role, role_at(account: [u8; 32]) -> Option<Role>;
    /// A cycle's schedule.
    "cycle": cycle, cycle_at(cycle: CycleId) -> Option<CycleSchedule>;
    /// The number of the latest cycle that is scheduled.
    "latest_cycle": latest_cycle, latest_cycle_at() -> Option<CycleId>;
    /// BF2 that a region and cycle began with, and the number of meters it was made for.
    "cycle_filter": cycle_filter, cycle_filter_at(region: RegionId, cycle: CycleId) -> Option<(u32, Vec<u8>)>;
    /// The changes of a region's meters within a cycle, by ascending first period.
    "revisions": revisions, revisions_at(region: RegionId, cycle: CycleId) -> Vec<Revision>;
    /// A period's manifest, for the meters in force.
    "manifest": manifest, manifest_at(key: &PeriodKey) -> Option<Manifest>;
    /// How far a period has come; `None` without a manifest.
    "period": period, period_at(key: &PeriodKey) -> Option<PeriodView>;
    /// Every period of a region and cycle that has a manifest, by ascending index.
    "cycle_view": cycle_view, cycle_view_at(region: RegionId, cycle: CycleId) -> Vec<(PeriodIndex, PeriodView)>;
    /// A period's shares, by ascending pseudonym; empty once they are pruned.
    "shares": shares, shares_at(key: &PeriodKey) -> Vec<Share>;
    /// How many batches a period has, and how many it may have.
    "batches": batches, batches_at(key: &PeriodKey) -> (u32, u32);
    /// The raw X25519 key that a user's bills are encrypted to.
    "user": user, user_at(bid: &Bid) -> Option<[u8; 32]>;
    /// Where a user's bill for a cycle is.
    "bill": bill, bill_at(cycle: CycleId, bid: &Bid) -> Option<BillRecord>;
    /// Where all of a user's bills are, by ascending cycle.
    "bills": bills, bills_at(bid: &Bid) -> Vec<(CycleId, BillRecord)>;
    /// What a region's bills of a cycle add up to; `None` while there are none.
    "region_bills": region_bills, region_bills_at(region: RegionId, cycle: CycleId) -> Option<RegionBills>;
    /// The accounts of the consortium's members.
    "members": members, members_at() -> Vec<[u8; 32]>;
}

impl Chain {
    /// Puts a question to one of the runtime's APIs.
    pub(crate) async fn question<T: DecodeAll>(
        &self,
        api: &str,
        name: &str,
        arguments: Vec<u8>,
        at: Option<[u8; 32]>,
    ) -> Result<T, Error> {
        let function = format!("{api}_{name}");
        let answer = self
            .inner
            .link
            .ask(&function, |session| {
                let (function, arguments) = (&function, &arguments);
                async move {
                    let at = match at {
                        Some(at) => at,
                        None => finalised(&session).await?.hash,
                    };
                    state_call(&session, function, arguments, at).await
                }
            })
            .await?;
        decode(&function, &answer)
    }
}

/// Calls a function of the runtime at a block.
pub(crate) async fn state_call(
    session: &Session,
    function: &str,
    arguments: &[u8],
    at: [u8; 32],
) -> Result<Vec<u8>, Error> {
    let answer = session.rpc.state_call(function, Some(arguments), Some(H256(at))).await;
    answer.map_err(|cause| translate(&session.url, function, cause))
}

/// Reads a runtime function's answer, which must be used up.
pub(crate) fn decode<T: DecodeAll>(function: &str, mut answer: &[u8]) -> Result<T, Error> {
    T::decode_all(&mut answer).map_err(|cause| Error::Decode {
        what: format!("the answer of {function}"),
        cause: cause.to_string(),
    })
}
