//! From one cycle to the next, and from one period to the next.

use super::*;

#[test]
fn the_next_cycle_is_run_with_the_next_keys_while_the_last_windows_are_still_open() {
    let (_dir, state) = enrolled();
    // Finality takes half a window, so cycle 0 is not settled when period 0 of cycle 1 ends.
    let world = World::new(&[Conduct::Honest(11_000)], &[(0, SCHEDULE), (1, NEXT)]);
    let mut source = Fickle::new(&[]);
    let (_, events) = live(&world, &state, &mut source, 1, Options::default(), 1);
    check(&world, &source.given);
    assert_eq!(states(&state, 1), [PeriodState::Finalised; 2]);
    let summaries: Vec<_> = events
        .iter()
        .filter(|event| matches!(event, Event::Summary { .. }))
        .collect();
    assert!(matches!(
        &summaries[..],
        [Event::Summary { cycle: 0, .. }, Event::Summary { cycle: 1, .. }]
    ));
    let enrolment = state.keys().unwrap().enrolment.unwrap();
    assert_eq!(enrolment.cycle(), 1);
    assert!(enrolment.tail_of(0).is_none(), "all of it is settled");
    let identity = state.identity(None).unwrap();
    assert!(state.seeds(0, &identity).unwrap().is_some() && state.seeds(1, &identity).unwrap().is_some());
}

#[test]
fn a_settled_period_is_not_signed_anew_where_its_record_is_lost() {
    // Killed at the first step at which period 0 is settled and its keys are erased; its window is still open.
    let (_dir, state, world, mut source) = (1..)
        .map(|step| {
            let (dir, state) = enrolled();
            let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
            let mut source = Fickle::new(&[]);
            world.kill_in(step);
            live(&world, &state, &mut source, 1, ONE, u32::MAX);
            (dir, state, world, source)
        })
        .find(|(_, state, ..)| state.keys().unwrap().enrolment.unwrap().tail_of(0).unwrap().first() == 1)
        .unwrap();
    assert!(Clock::now(&world) < SCHEDULE.closes(0).unwrap());
    for file in ["periods.sqlite", "periods.sqlite-wal", "periods.sqlite-shm"] {
        let _ = std::fs::remove_file(state.path().join(file));
    }
    world.spare();
    finish(&world, &state, &mut source);
    use PeriodState::{Finalised, Missed};
    assert_eq!(states(&state, 0), [Missed, Finalised, Finalised, Finalised]);
    assert_eq!(world.sent().iter().filter(|sent| sent.key.period == 0).count(), 2);
}

#[test]
fn two_cycles_on_nothing_of_the_first_is_left() {
    let (_dir, state) = enrolled();
    let third = CycleSchedule { start: 160_000, ..NEXT };
    let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE), (1, NEXT)]);
    let mut source = Fickle::new(&[]);
    live(&world, &state, &mut source, 1, Options::default(), 1);
    assert_eq!(states(&state, 0).len(), 4);
    world.schedule(2, third);
    live(&world, &state, &mut source, 1, Options::default(), 2);
    let identity = state.identity(None).unwrap();
    assert!(state.seeds(0, &identity).unwrap().is_none() && state.seeds(1, &identity).unwrap().is_some());
    assert!(states(&state, 0).is_empty());
    assert_eq!(states(&state, 1).len(), 2);
}

#[test]
fn a_cycle_that_the_keys_have_left_is_refused_at_once() {
    let (_dir, state) = enrolled();
    let mut keys = state.keys().unwrap();
    keys.enrolment.as_mut().unwrap().move_to(3).unwrap();
    state.save_keys(&mut keys).unwrap();
    let world = World::new(&[Conduct::Honest(0)], &[(2, SCHEDULE)]);
    let options = Options {
        cycle: Some(2),
        until_cycle_end: false,
    };
    let (done, _) = live(&world, &state, &mut Fickle::new(&[]), 1, options, u32::MAX);
    assert!(matches!(
        done,
        Some(Err(RunError::Keys(KeysError::Erased { asked: 2, now: 3 })))
    ));
}
