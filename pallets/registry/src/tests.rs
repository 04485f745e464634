//! What the registry accepts and refuses.

use crate::{
    mock::{
        meters, new_test_ext, signed, validate, wrapper, Registry, RuntimeCall, RuntimeEvent, RuntimeOrigin, System,
        Test, AGGREGATOR, CONTROL_CENTRE, KEY_CENTRE, NOW, STRANGER,
    },
    Call, Cycles, EnsureControlCentre, EnsureKeyCentre, Error, Event, LatestCycle, Regions, RequireRole, Roles, Users,
    LEAST_MINIMUM_METERS,
};
use codec::Encode;
use frame_support::{
    assert_noop, assert_ok, assert_storage_noop,
    traits::{EnsureOrigin, Hooks, OriginTrait},
};
use frame_system::RawOrigin;
use gridveil_primitives::{CycleId, CycleSchedule, RegionInfo, Role, MAX_METERS, MAX_PERIODS};
use sp_runtime::{
    traits::Dispatchable,
    transaction_validity::{InvalidTransaction, TransactionValidityError},
    BuildStorage, DispatchError, DispatchResult,
};

mod cycles;
mod extension;
mod genesis;
mod regions;
mod roles;
mod state;
mod users;

const HOUR: u64 = 3_600_000;

fn info() -> RegionInfo {
    RegionInfo {
        aggregator: AGGREGATOR.into(),
        minimum_meters: 3,
        fallback_price: 150_000,
    }
}

/// A cycle of 48 half hours.
fn day(start: u64) -> CycleSchedule {
    CycleSchedule {
        start,
        period_ms: HOUR / 2,
        window_ms: HOUR / 2,
        periods: 48,
    }
}

fn schedule(cycle: CycleId, schedule: CycleSchedule) -> DispatchResult {
    Registry::schedule_cycle(signed(KEY_CENTRE).into(), cycle, schedule)
}

fn register(users: Vec<([u8; 32], [u8; 32])>) -> RuntimeCall {
    Call::register_users {
        users: users.try_into().unwrap(),
    }
    .into()
}

/// Dispatches as the executive does, that is, so that a failed call leaves nothing behind.
fn dispatch(call: RuntimeCall, origin: impl Into<RuntimeOrigin>) -> DispatchResult {
    call.dispatch(origin.into())
        .map(|_| ())
        .map_err(|failure| failure.error)
}

fn last_event() -> RuntimeEvent {
    System::events().pop().unwrap().event
}
