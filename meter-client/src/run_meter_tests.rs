//! From a real meter's registers to what lands on the chain.

use super::*;
use crate::{register::Metered, telegram::Telegram};

/// A meter that says every second by the chain's clock what its register is: a step more each time.
struct Counting {
    inner: Metered,
    world: World,
    said: Moment,
}

impl Counting {
    fn new(state: &StateDir, world: &World) -> Self {
        Self {
            inner: Metered::open(state, 6).unwrap(),
            world: world.clone(),
            said: Clock::now(world).max(SCHEDULE.start - 5_000).next_multiple_of(1_000),
        }
    }

    /// The register at a moment, which rolls over in the middle of period 1.
    fn register(at: Moment) -> u64 {
        (1_000_000_000 - 15 + (at - SCHEDULE.start) / 1_000) % 1_000_000_000
    }

    /// Enters what was said since the last time, as whoever listens does while the loop waits.
    fn listen(&mut self) {
        while self.said <= Clock::now(&self.world) {
            let telegram = Telegram {
                meter: "M".into(),
                at: None,
                registers: [("1.8.0".into(), Self::register(self.said + 5_000))].into(),
            };
            self.inner.shared().enter(telegram, self.said);
            self.said += 1_000;
        }
    }
}

impl Source for Counting {
    fn begin(&mut self, schedule: &CycleSchedule) {
        self.inner.begin(schedule);
    }

    fn reading(&mut self, period: PeriodIndex) -> Result<Option<i64>, SourceError> {
        self.listen();
        self.inner.reading(period)
    }
}

/// The readings on the chain, by period.
fn landed(world: &World) -> Vec<Option<i64>> {
    let keys = secret().cycle_keys();
    (0..SCHEDULE.periods)
        .map(|period| match world.included(&key(0, period))[..] {
            [first, second] => Some(unmask(first.value, second.value, &keys, period)),
            _ => None,
        })
        .collect()
}

#[test]
fn what_a_meters_register_rose_in_each_period_lands_on_the_chain() {
    let (_dir, state) = enrolled();
    let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
    finish(&world, &state, &mut Counting::new(&state, &world));
    assert_eq!(landed(&world), [Some(10); 4]);
}

#[test]
fn at_whatever_step_the_program_is_killed_no_watt_hour_is_lost_or_told_twice() {
    for step in 1.. {
        let (_dir, state) = enrolled();
        let world = World::new(&[Conduct::Honest(0)], &[(0, SCHEDULE)]);
        world.kill_in(step);
        let mut source = Counting::new(&state, &world);
        let (done, _) = live(&world, &state, &mut source, 1, ONE, u32::MAX);
        if done.is_some() {
            assert!(step > 20);
            break;
        }
        source.listen();
        // No end in good order, in which the source could write what it has.
        std::mem::forget(source);
        world.spare();
        finish(&world, &state, &mut Counting::new(&state, &world));
        assert_eq!(landed(&world), [Some(10); 4], "killed at step {step}");
    }
}
