use super::*;
use crate::{
    deliver::FIRST_TRY_PERCENT,
    source::SourceError,
    testing::{enrolled, secret, Conduct, Fickle, Sent, World, REGION},
};
use gridveil_primitives::{share::unmask, PeriodKey, Prid, Refusal};
use proptest::prelude::*;
use rand::SeedableRng;
use std::{cell::RefCell, collections::HashMap};

/// Four periods whose windows are longer than themselves.
const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 100_000,
    period_ms: 10_000,
    window_ms: 24_000,
    periods: 4,
};
/// The cycle after it.
const NEXT: CycleSchedule = CycleSchedule {
    start: 140_000,
    periods: 2,
    ..SCHEDULE
};
const ONE: Options = Options {
    cycle: None,
    until_cycle_end: true,
};

fn key(cycle: CycleId, period: PeriodIndex) -> PeriodKey {
    PeriodKey {
        region: REGION,
        cycle,
        period,
    }
}

/// Runs a meter until it ends, is killed, or has told of the end of cycle `until`.
fn live(
    world: &World,
    state: &StateDir,
    source: &mut dyn Source,
    seed: u64,
    options: Options,
    until: CycleId,
) -> (Option<Result<(), RunError>>, Vec<Event>) {
    let events = RefCell::new(Vec::new());
    let report = |event| events.borrow_mut().push(event);
    let rng = StdRng::seed_from_u64(seed);
    let ended = || {
        events
            .borrow()
            .iter()
            .any(|event| matches!(event, Event::Summary { cycle, .. } if *cycle == until))
    };
    let done = {
        let meter = Meter::new(state, world, world, rng, &report).unwrap();
        world.run(meter.run(source, options), ended)
    };
    (done, events.into_inner())
}

fn finish(world: &World, state: &StateDir, source: &mut dyn Source) -> Vec<Event> {
    let (done, events) = live(world, state, source, 1, ONE, u32::MAX);
    done.expect("it was not killed").unwrap();
    events
}

fn states(state: &StateDir, cycle: CycleId) -> Vec<PeriodState> {
    state
        .records()
        .unwrap()
        .readings(cycle)
        .unwrap()
        .into_values()
        .map(|(state, _)| state)
        .collect()
}

/// What must hold whatever happened: no pseudonym was given two values, each period has at most two pseudonyms, nothing
/// was sent before a period's end or after its close, and each whole pair unmasks to a reading that the source gave.
fn check(world: &World, given: &HashMap<PeriodIndex, Vec<i64>>) {
    let mut values: HashMap<Prid, u64> = HashMap::new();
    let mut prids: HashMap<PeriodKey, BTreeSet<Prid>> = HashMap::new();
    for Sent {
        at, key, prid, value, ..
    } in world.sent()
    {
        assert_eq!(
            *values.entry(prid).or_insert(value),
            value,
            "two values under one pseudonym in {key:?}"
        );
        prids.entry(key).or_default().insert(prid);
        let schedule = if key.cycle == 0 { SCHEDULE } else { NEXT };
        assert!(at >= schedule.ends(key.period).unwrap() && at < schedule.closes(key.period).unwrap());
    }
    let mut secret = secret();
    for cycle in 0..2 {
        let keys = secret.cycle_keys();
        for (key, prids) in prids.iter().filter(|(key, _)| key.cycle == cycle) {
            assert!(prids.len() <= 2);
            let included = world.included(key);
            if let [first, second] = included[..] {
                // Addition does not mind which half is which, so either order unmasks.
                let reading = unmask(first.value, second.value, &keys, key.period);
                assert!(
                    given[&key.period].contains(&reading),
                    "{key:?} unmasks to what was never read"
                );
            }
        }
        secret = secret.ratchet();
    }
}

#[test]
fn every_reading_lands_as_two_shares_under_two_pseudonyms() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(3_000)], &[(0, SCHEDULE)]);
    let mut source = Fickle::new(&[]);
    let events = finish(&world, &state, &mut source);
    check(&world, &source.given);
    for period in 0..4 {
        assert_eq!(world.included(&key(0, period)).len(), 2);
    }
    assert_eq!(world.sent().len(), 8);
    assert!(matches!(events.last(), Some(Event::Summary { cycle: 0, counts }) if counts.finalised == 4));
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
}

#[test]
fn first_tries_are_spread_over_the_first_part_of_the_window_and_are_independent() {
    let (mut gaps, mut late) = (BTreeSet::new(), 0);
    for seed in 0..12 {
        let (_dir, state) = enrolled();
        let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
        live(&world, &state, &mut Fickle::new(&[]), seed, ONE, u32::MAX)
            .0
            .unwrap()
            .unwrap();
        let mut times: HashMap<PeriodKey, Vec<Moment>> = HashMap::new();
        for Sent { at, key, .. } in world.sent() {
            let after = at - SCHEDULE.ends(key.period).unwrap();
            assert!(after < SCHEDULE.window_ms * FIRST_TRY_PERCENT / 100);
            late += u32::from(after > SCHEDULE.window_ms / 5);
            times.entry(key).or_default().push(at);
        }
        gaps.extend(times.values().map(|times| times[1] - times[0]));
    }
    // 96 first tries, half of which fall into the second half of the span; 48 gaps.
    assert!((24..72).contains(&late), "{late} of 96 in the second half");
    assert!(gaps.len() > 40 && gaps.last().unwrap() - gaps.first().unwrap() > 5_000);
}

#[test]
fn a_silent_meter_sends_nothing_and_says_so() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
    finish(&world, &state, &mut Fickle::new(&[1, 2]));
    assert!(world.sent().iter().all(|sent| ![1, 2].contains(&sent.key.period)));
    use PeriodState::{Finalised, Silent};
    assert_eq!(states(&state, 0), [Finalised, Silent, Silent, Finalised]);
}

#[test]
fn a_source_that_fails_makes_the_meter_silent_for_the_period_and_not_for_good() {
    struct Broken(Fickle);
    impl Source for Broken {
        fn reading(&mut self, period: PeriodIndex) -> Result<Option<i64>, SourceError> {
            if period == 1 {
                return Err(SourceError {
                    period,
                    reason: "the register is stuck".into(),
                });
            }
            self.0.reading(period)
        }
    }
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
    finish(&world, &state, &mut Broken(Fickle::new(&[])));
    use PeriodState::{Finalised, Silent};
    assert_eq!(states(&state, 0), [Finalised, Silent, Finalised, Finalised]);
}

#[test]
fn a_share_that_is_not_finalised_by_half_of_the_window_is_resent_unchanged_by_another_route() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Deaf, Conduct::Honest(500)], &[(0, SCHEDULE)]);
    let mut source = Fickle::new(&[]);
    finish(&world, &state, &mut source);
    check(&world, &source.given);
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
    for sent in world.sent() {
        let after = sent.at - SCHEDULE.ends(sent.key.period).unwrap();
        match sent.route {
            0 => assert!(after < SCHEDULE.window_ms / 2),
            _ => assert!((SCHEDULE.window_ms / 2..SCHEDULE.window_ms * 6 / 10).contains(&after)),
        }
    }
    assert_eq!(world.sent().len(), 16);
}

#[test]
fn a_hostile_aggregator_that_refuses_every_share_silences_no_one() {
    for refusal in Refusal::ALL {
        let (_dir, state) = enrolled();
        let world = World::new(&[Conduct::Lying(refusal), Conduct::Honest(500)], &[(0, SCHEDULE)]);
        finish(&world, &state, &mut Fickle::new(&[]));
        assert_eq!(states(&state, 0), [PeriodState::Finalised; 4], "{refusal:?}");
    }
}

#[test]
fn a_hostile_aggregator_that_says_final_and_includes_nothing_silences_no_one() {
    for (nodes, liars) in [(2, 1), (3, 1), (4, 1), (7, 2)] {
        for first in 0..nodes {
            let (_dir, state) = enrolled();
            state.records().unwrap().remember_cycle(0, &SCHEDULE).unwrap();
            let mut routes = vec![Conduct::Honest(500); nodes];
            (0..liars).for_each(|liar| routes[(first + liar) % nodes] = Conduct::Pretending);
            let world = World::new(&routes, &[(0, SCHEDULE)]);
            let mut source = Fickle::new(&[]);
            finish(&world, &state, &mut source);
            check(&world, &source.given);
            for period in 0..4 {
                let landed = world.included(&key(0, period)).len();
                assert_eq!(landed, 2, "{liars} of {nodes} lie, from {first} on");
            }
            assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
        }
    }
}

#[test]
fn what_is_final_at_one_node_is_looked_up_at_another_and_not_sent_again() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(500); 4], &[(0, SCHEDULE)]);
    // The second node hears of everything ten seconds late.
    world.set_behind(1);
    finish(&world, &state, &mut Fickle::new(&[]));
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
    assert_eq!(world.sent().len(), 8);
    assert!(world.sent().iter().all(|sent| sent.route == 0));
}

#[test]
fn a_schedule_that_one_node_makes_up_is_outvoted() {
    for liar in 0..4 {
        let (_dir, state) = enrolled();
        let mut routes = [Conduct::Honest(0); 4];
        routes[liar] = Conduct::Pretending;
        let world = World::new(&routes, &[(0, SCHEDULE)]);
        finish(&world, &state, &mut Fickle::new(&[]));
        assert_eq!(state.records().unwrap().schedule(0).unwrap(), Some(SCHEDULE));
    }
}

#[test]
fn while_two_nodes_name_different_schedules_the_meter_waits_and_says_so() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(0), Conduct::Pretending], &[(0, SCHEDULE)]);
    world.kill_in(20);
    let (done, events) = live(&world, &state, &mut Fickle::new(&[]), 1, ONE, u32::MAX);
    assert!(done.is_none());
    assert!(matches!(&events[..], [Event::Waiting { cycle: 0, reason }] if reason.contains("different schedules")));
    assert_eq!(state.records().unwrap().schedule(0).unwrap(), None);
}

#[test]
fn a_node_that_is_down_is_passed_by() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(0), Conduct::Honest(0)], &[(0, SCHEDULE)]);
    // The schedule is read while the first node is up; then it goes away.
    state.records().unwrap().remember_cycle(0, &SCHEDULE).unwrap();
    world.set_routes(&[Conduct::Down, Conduct::Honest(0)]);
    finish(&world, &state, &mut Fickle::new(&[]));
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
}

#[test]
fn a_share_whose_inclusion_was_not_answered_is_found_on_the_chain_and_not_sent_again() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Mute], &[(0, SCHEDULE)]);
    finish(&world, &state, &mut Fickle::new(&[]));
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
    assert_eq!(world.sent().len(), 8);
}

#[test]
fn a_share_that_never_lands_is_given_up_after_the_window_and_recorded() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Deaf], &[(0, SCHEDULE)]);
    let events = finish(&world, &state, &mut Fickle::new(&[2]));
    use PeriodState::{Lost, Silent};
    assert_eq!(states(&state, 0), [Lost, Lost, Silent, Lost]);
    assert!(matches!(events.last(), Some(Event::Summary { counts, .. }) if counts.lost == 3 && counts.silent == 1));
    let reasons = events.iter().filter_map(|event| match event {
        Event::Period { reason, .. } => Some(reason),
        _ => None,
    });
    assert!(reasons.map(String::len).all(|length| length > 0));
    assert!(Clock::now(&world) < SCHEDULE.closes(3).unwrap() + 10_000);
}

#[test]
fn a_share_included_just_before_the_close_is_not_given_up_while_the_node_is_behind() {
    let (_dir, state) = enrolled();
    // Finality takes longer than the window, and the node answers questions with the past.
    let world = World::new(&[Conduct::Honest(26_000)], &[(0, SCHEDULE)]);
    world.set_behind(0);
    finish(&world, &state, &mut Fickle::new(&[]));
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
}

#[test]
fn a_node_that_is_down_at_start_is_waited_for() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Down], &[(0, SCHEDULE)]);
    world.kill_in(20);
    let (done, events) = live(&world, &state, &mut Fickle::new(&[]), 1, ONE, u32::MAX);
    assert!(done.is_none());
    assert!(matches!(&events[..], [Event::Waiting { cycle: 0, .. }]));
    world.spare();
    world.set_routes(&[Conduct::Honest(0)]);
    finish(&world, &state, &mut Fickle::new(&[]));
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
}

/// Runs a meter to the end of its cycle while its only node is away from one moment to another.
fn live_through_an_outage(world: &World, state: &StateDir, away: std::ops::Range<Moment>) -> Vec<Event> {
    let events = RefCell::new(Vec::new());
    let report = |event| events.borrow_mut().push(event);
    let meter = Meter::new(state, world, world, StdRng::seed_from_u64(1), &report).unwrap();
    let come_and_go = || {
        let down = away.contains(&Clock::now(world));
        world.set_routes(&[if down { Conduct::Down } else { Conduct::Honest(500) }]);
        false
    };
    come_and_go();
    let mut source = Fickle::new(&[]);
    world
        .run(meter.run(&mut source, ONE), come_and_go)
        .expect("it was not killed")
        .unwrap();
    check(world, &source.given);
    drop(meter);
    events.into_inner()
}

#[test]
fn a_node_that_comes_up_while_the_meter_waits_for_it_is_used_without_a_restart() {
    let (_dir, state) = enrolled();
    let world = World::new(&[], &[(0, SCHEDULE)]);
    let events = live_through_an_outage(&world, &state, 0..SCHEDULE.start);
    assert!(matches!(&events[0], Event::Waiting { cycle: 0, reason } if reason.contains("no node can be reached")));
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
}

#[test]
fn a_node_that_goes_away_for_half_a_window_costs_no_share() {
    let (_dir, state) = enrolled();
    let world = World::new(&[], &[(0, SCHEDULE)]);
    let ends = SCHEDULE.ends(1).unwrap();
    let events = live_through_an_outage(&world, &state, ends..ends + SCHEDULE.window_ms / 2);
    // All first tries of period 1 fall into the outage.
    let failed =
        |event: &Event| matches!(event, Event::Refused { period: 1, reason, .. } if reason.contains("reached"));
    assert!(events.iter().filter(|event| failed(event)).count() >= 2);
    assert_eq!(states(&state, 0), [PeriodState::Finalised; 4]);
}

#[test]
fn a_node_of_another_chain_is_sent_nothing_and_ends_the_run() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Foreign], &[(0, SCHEDULE)]);
    let (done, _) = live(&world, &state, &mut Fickle::new(&[]), 1, ONE, u32::MAX);
    assert!(matches!(done, Some(Err(RunError::WrongChain(said))) if said.contains("another chain")));
    assert!(world.sent().is_empty() && states(&state, 0).is_empty());
}

#[test]
fn periods_whose_window_was_slept_through_are_missed_and_the_others_are_not() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
    world.pass(SCHEDULE.closes(1).unwrap());
    finish(&world, &state, &mut Fickle::new(&[]));
    use PeriodState::{Finalised, Missed};
    assert_eq!(states(&state, 0), [Missed, Missed, Finalised, Finalised]);
}

#[test]
fn a_restart_after_the_window_sends_nothing_and_records_what_the_chain_has() {
    for (conduct, state_after) in [
        (Conduct::Mute, PeriodState::Finalised),
        (Conduct::Deaf, PeriodState::Lost),
    ] {
        // Killed at the first step after which both shares of period 0 were sent.
        let (_dir, state, world, mut source) = (1..)
            .map(|step| {
                let (dir, state) = enrolled();
                let world = World::new(&[conduct], &[(0, SCHEDULE)]);
                let mut source = Fickle::new(&[1, 2, 3]);
                world.kill_in(step);
                live(&world, &state, &mut source, 1, ONE, u32::MAX);
                (dir, state, world, source)
            })
            .find(|(_, _, world, _)| world.sent().len() == 2)
            .unwrap();
        world.spare();
        world.pass(100_000);
        finish(&world, &state, &mut source);
        assert_eq!(world.sent().len(), 2);
        assert_eq!(states(&state, 0)[0], state_after);
    }
}

#[test]
fn killed_at_any_step_and_restarted_at_once_every_reading_still_lands_and_no_share_ever_differs() {
    let world_of = || World::new(&[Conduct::Deaf, Conduct::Honest(900)], &[(0, SCHEDULE), (1, NEXT)]);
    let unhurt = {
        let (_dir, state) = enrolled();
        let world = world_of();
        live(&world, &state, &mut Fickle::new(&[2]), 1, Options::default(), 1);
        world.steps()
    };
    assert!(unhurt > 50);
    for step in 1..=unhurt {
        let (_dir, state) = enrolled();
        let world = world_of();
        let mut source = Fickle::new(&[2]);
        world.kill_in(step);
        live(&world, &state, &mut source, 1, Options::default(), 1);
        world.spare();
        let (_, events) = live(&world, &state, &mut source, step, Options::default(), 1);
        check(&world, &source.given);
        assert!(
            events
                .iter()
                .any(|event| matches!(event, Event::Summary { cycle: 1, .. }))
                || step >= unhurt
        );
        use PeriodState::{Finalised, Silent};
        assert_eq!(
            states(&state, 0),
            [Finalised, Finalised, Silent, Finalised],
            "killed at step {step}"
        );
        assert_eq!(states(&state, 1), [Finalised, Finalised], "killed at step {step}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_nodes_do_and_however_often_it_is_killed_no_pseudonym_signs_two_values(
        lives in prop::collection::vec(
            (1u64..60, 0u64..30_000, prop::collection::vec(conduct(), 1..4)), 0..6),
        seed in any::<u64>(),
        silent in prop::collection::vec(0u16..4, 0..2),
    ) {
        let (_dir, state) = enrolled();
        let world = World::new(&[Conduct::Honest(100)], &[(0, SCHEDULE), (1, NEXT)]);
        let mut source = Fickle::new(&silent);
        for (index, (steps, downtime, routes)) in lives.iter().enumerate() {
            world.set_routes(routes);
            world.kill_in(*steps);
            live(&world, &state, &mut source, seed.wrapping_add(index as u64), Options::default(), 1);
            world.pass(*downtime);
        }
        world.spare();
        world.set_routes(&[Conduct::Honest(100)]);
        live(&world, &state, &mut source, seed, Options::default(), 1);
        // Once more, for what was left of cycle 0 when cycle 1 was done.
        let rest = Options { cycle: Some(1), until_cycle_end: true };
        live(&world, &state, &mut source, seed, rest, u32::MAX).0.unwrap().unwrap();
        check(&world, &source.given);
        // What the meter believes is what the chain has.
        let records = state.records().unwrap();
        for (cycle, periods) in [(0, SCHEDULE.periods), (1, NEXT.periods)] {
            for period in 0..periods {
                let recorded = records.period(cycle, period).unwrap().unwrap();
                let landed = match recorded.state {
                    PeriodState::Finalised => 2,
                    PeriodState::Partial => 1,
                    PeriodState::Lost | PeriodState::Silent | PeriodState::Missed => 0,
                    PeriodState::Pending => panic!("not settled"),
                };
                prop_assert_eq!(world.included(&key(cycle, period)).len(), landed);
            }
        }
    }
}

fn conduct() -> impl Strategy<Value = Conduct> {
    prop_oneof![
        (0u64..20_000).prop_map(Conduct::Honest),
        Just(Conduct::Mute),
        Just(Conduct::Deaf),
        Just(Conduct::Down),
        prop::sample::select(Refusal::ALL.to_vec()).prop_map(Conduct::Lying),
    ]
}

#[test]
fn a_meter_that_is_not_enrolled_is_refused() {
    let (_dir, state) = enrolled();
    let mut keys = state.keys().unwrap();
    keys.enrolment = None;
    state.save_keys(&mut keys).unwrap();
    let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
    let (done, _) = live(&world, &state, &mut Fickle::new(&[]), 1, ONE, u32::MAX);
    assert!(matches!(done, Some(Err(RunError::NotEnrolled))));
}

#[test]
fn shares_recorded_with_other_keys_are_not_sent() {
    let (_dir, state) = enrolled();
    let records = state.records().unwrap();
    records.remember_cycle(0, &SCHEDULE).unwrap();
    let mut records = records;
    records.fix(0, 0, 5, [([1; 32], 1), ([2; 32], 2)], 0).unwrap();
    let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
    let (done, _) = live(&world, &state, &mut Fickle::new(&[]), 1, ONE, u32::MAX);
    assert!(matches!(done, Some(Err(RunError::OtherKeys { cycle: 0, period: 0 }))));
    assert!(world.sent().is_empty());
}

#[test]
fn many_overlapping_periods_are_bounded_and_all_land() {
    let (_dir, state) = enrolled();
    let long = CycleSchedule {
        start: 0,
        period_ms: 1_000,
        window_ms: 100_000,
        periods: 80,
    };
    let world = World::new(&[Conduct::Honest(0)], &[(0, long)]);
    finish(&world, &state, &mut Fickle::new(&[]));
    assert_eq!(states(&state, 0), vec![PeriodState::Finalised; 80]);
}

#[path = "run_cycle_tests.rs"]
mod cycles;

#[path = "run_meter_tests.rs"]
mod meter;
