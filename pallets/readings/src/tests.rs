//! Admission, closing, pruning and the invariants, with real keys, pseudonyms and filters.

use crate::{
    mock::*, AuthenticateMeter, Batches, Checked, ClosedCycles, Event, NextClose, NextPrune, Origin, Progress, Shares,
    Statuses, Tallies, Tally,
};
use codec::Encode;
use frame_support::{
    assert_noop, assert_ok, assert_storage_noop,
    dispatch::{GetDispatchInfo, Pays},
    traits::{Contains, Hooks, OriginTrait},
    weights::Weight,
};
use frame_system::RawOrigin;
use gridveil_primitives::{
    batch::SignedShare, mask, share, tally, CycleId, Half, PeriodKey, PeriodStatus, Prid, Refusal, RegionId, Share,
};
use pallet_masks::ClosedPeriods;
use sp_runtime::{
    traits::{DispatchTransaction, Dispatchable, TransactionExtension},
    transaction_validity::{TransactionSource, TransactionValidityError, ValidTransaction},
    AccountId32, DispatchError,
};

mod admission;
mod batches;
mod closing;
mod invariants;
mod pruning;

/// What the pool makes of a `submit` signed by `prid`.
fn pooled(
    origin: RuntimeOrigin,
    call: &RuntimeCall,
) -> Result<(ValidTransaction, Checked, RuntimeOrigin), TransactionValidityError> {
    let info = call.get_dispatch_info();
    AuthenticateMeter::<Test>::new().validate_only(origin, call, &info, 0, TransactionSource::External, 0)
}

/// The answer to a share of meter 0 of region 1 for period 0, sent at `now`, the call saying `key`.
fn answer(now: u64, key: PeriodKey) -> Result<(), Refusal> {
    block(now);
    send(pseudonym(&period(1, 0, 0)), &key, 7)
}
