use super::*;
use crate::{
    run::Options,
    state::StateDir,
    testing::{enrolled, Conduct, Fickle, World, REGION},
};
use codec::DecodeAll;
use rand::{rngs::StdRng, SeedableRng};
use std::cell::RefCell;

const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 100_000,
    period_ms: 10_000,
    window_ms: 24_000,
    periods: 4,
};
/// How many shares those are.
const SHARES: usize = 8;
/// A node that is not the region's aggregator.
const NO_AGGREGATOR: Conduct = Conduct::Lying(Refusal::NotTheAggregator);

/// Runs a meter through the cycle; what it told.
fn live(world: &World, state: &StateDir, by: By) -> Vec<Event> {
    let events = RefCell::new(Vec::new());
    let report = |event| events.borrow_mut().push(event);
    let options = Options {
        cycle: None,
        until_cycle_end: true,
    };
    {
        let rng = StdRng::seed_from_u64(1);
        let meter = Meter::new(state, world, world, rng, &report).unwrap().by(by);
        let mut source = Fickle::new(&[]);
        let done = world.run(meter.run(&mut source, options), || false);
        done.expect("it was not killed").unwrap();
    }
    events.into_inner()
}

fn world(routes: &[Conduct]) -> World {
    World::new(routes, &[(0, SCHEDULE)])
}

/// How many periods of each state there are in the end.
fn counts(events: &[Event]) -> (u32, u32) {
    match events.last() {
        Some(Event::Summary { counts, .. }) => (counts.finalised, counts.lost),
        other => panic!("{other:?}"),
    }
}

fn is_before_half(sent: &crate::testing::Sent) -> bool {
    sent.at < SCHEDULE.ends(sent.key.period).unwrap() + SCHEDULE.window_ms / 2
}

#[test]
fn shares_are_handed_in_once_for_a_receipt_that_is_kept_until_they_are_on_the_chain() {
    for by in [By::Both, By::Batch] {
        let (_dir, state) = enrolled();
        let world = world(&[Conduct::Honest(3_000); 3]);
        let events = live(&world, &state, by);
        assert_eq!(counts(&events), (4, 0));
        let sent = world.sent();
        assert_eq!(sent.len(), SHARES);
        assert!(sent.iter().all(|sent| sent.batch && sent.route == AGGREGATOR));
        let accepted = |event: &&Event| matches!(event, Event::Accepted { .. });
        assert_eq!(events.iter().filter(accepted).count(), SHARES);
        let records = state.records().unwrap();
        assert_eq!(records.receipt(0, 3, Half::Second).unwrap(), None);
    }
}

#[test]
fn the_receipt_of_a_share_that_the_aggregator_lost_is_kept() {
    let (_dir, state) = enrolled();
    state.records().unwrap().remember_cycle(0, &SCHEDULE).unwrap();
    let world = world(&[Conduct::Pretending, Conduct::Honest(500), Conduct::Honest(500)]);
    assert_eq!(counts(&live(&world, &state, By::Batch)), (0, 4));
    let kept = state.records().unwrap().receipt(0, 3, Half::Second).unwrap().unwrap();
    let receipt = Receipt::decode_all(&mut &kept[..]).unwrap();
    assert_eq!((receipt.key.region, receipt.key.period), (REGION, 3));
    let sent = world.sent();
    assert!(sent
        .iter()
        .any(|sent| (sent.prid, sent.value) == (receipt.prid, receipt.value)));
}

#[test]
fn an_aggregator_that_gives_receipts_and_drops_the_shares_silences_no_one() {
    let (_dir, state) = enrolled();
    state.records().unwrap().remember_cycle(0, &SCHEDULE).unwrap();
    let world = world(&[Conduct::Pretending, Conduct::Honest(500), Conduct::Honest(500)]);
    assert_eq!(counts(&live(&world, &state, By::Both)), (4, 0));
    let (batch, direct): (Vec<_>, Vec<_>) = world.sent().into_iter().partition(|sent| sent.batch);
    assert!(batch.len() == SHARES && batch.iter().all(is_before_half));
    // Afterwards each goes out unchanged by another node.
    assert_eq!(direct.len(), SHARES);
    for again in &direct {
        assert!(again.route != AGGREGATOR && !is_before_half(again));
        assert!(batch
            .iter()
            .any(|first| (first.prid, first.value) == (again.prid, again.value)));
    }
}

#[test]
fn whatever_the_aggregator_does_each_share_arrives_the_other_way() {
    use Conduct::{Deaf, Down, Honest, Lying, Mute};
    let refusals = Refusal::ALL.map(Lying);
    for first in [Deaf, Down, Mute].into_iter().chain(refusals) {
        let (_dir, state) = enrolled();
        let world = world(&[first, Honest(500), Honest(500)]);
        assert_eq!(counts(&live(&world, &state, By::Both)), (4, 0), "{first:?}");
    }
}

#[test]
fn a_node_that_is_no_aggregator_is_handed_each_share_once() {
    let (_dir, state) = enrolled();
    let world = world(&[NO_AGGREGATOR, Conduct::Honest(500), Conduct::Honest(500)]);
    live(&world, &state, By::Both);
    let (batch, direct): (Vec<_>, Vec<_>) = world.sent().into_iter().partition(|sent| sent.batch);
    assert_eq!((batch.len(), direct.len()), (SHARES, SHARES));
    assert!(direct.iter().all(is_before_half), "a refusal is not waited out");
}

#[test]
fn a_meter_that_sends_in_batches_only_sends_in_no_other_way() {
    let (_dir, state) = enrolled();
    let world = world(&[NO_AGGREGATOR, Conduct::Honest(500), Conduct::Honest(500)]);
    assert_eq!(counts(&live(&world, &state, By::Batch)), (0, 4));
    let sent = world.sent();
    assert!(sent.len() > SHARES && sent.iter().all(|sent| sent.batch && sent.route == AGGREGATOR));
}
