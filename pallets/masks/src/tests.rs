//! What masks accepts and refuses, with real keys, filters and commitments.

use crate::{
    mock::{
        close, dispatch, key, new_test_ext, publish_manifests, set_now, Masks, Meters, RuntimeCall, RuntimeEvent,
        RuntimeOrigin, System, Test, Told, AGGREGATOR, CONTROL_CENTRE, CYCLE, KEY_CENTRE, MINIMUM, NEXT_DAY, REGION,
        SCHEDULE,
    },
    BoundedManifest, BoundedOpening, Call, CycleFilters, Error, Event, MadeFor, ManifestOf, Manifests, OpeningOf,
    Outcomes, RevisedFilters, Revisions, TooLong, MAX_PROOF,
};
use codec::{Decode, Encode, MaxEncodedLen};
use frame_support::{
    assert_noop, assert_ok,
    traits::{ConstU32, Hooks},
};
use gridveil_primitives::{
    filter, LeftOut, Manifest, Opening, Outcome, PeriodIndex, PeriodKey, Prid, Revision, Total, MAX_METERS,
};
use sp_runtime::{DispatchError, DispatchResult};

mod opening;
mod publishing;
mod revising;
mod state;
mod wire;
mod withholding;

/// The readings of five meters, one of them feeding in.
const READINGS: [i64; 5] = [250, 1_000, -3_000, 0, 17];

fn signed() -> RuntimeOrigin {
    RuntimeOrigin::signed(KEY_CENTRE)
}

fn open(period: PeriodIndex, opening: OpeningOf<Test>) -> DispatchResult {
    Masks::open(signed(), key(period), opening)
}

fn withhold(period: PeriodIndex, excluded: &[Prid]) -> DispatchResult {
    Masks::withhold(signed(), key(period), excluded.to_vec().try_into().unwrap())
}

fn sorted(mut prids: Vec<Prid>) -> Vec<Prid> {
    prids.sort_unstable();
    prids
}

fn last_event() -> RuntimeEvent {
    System::events().pop().unwrap().event
}

/// Everything published for `meters` meters.
fn published(meters: u8, test: impl FnOnce(Meters)) {
    new_test_ext().execute_with(|| {
        let meters = Meters::new(meters);
        meters.publish();
        test(meters);
    });
}
