//! A meter is switched off and on again between its two shares, or at any other moment.
//!
//! A meter of the paper keeps nothing of what it sent: switched on again it splits its reading anew, under the same masks, and
//! who saw both finds the pair by the differences. gridveil's meter sends what it had written down. Its own library is run here,
//! and stopped at each step and after each write, with the directory as it was at that very moment.

use std::{
    cell::Cell,
    collections::{HashMap, HashSet},
    path::Path,
};

use gridveil_primitives::{CycleSchedule, Prid};
use rand::{rngs::StdRng, Rng, SeedableRng};
use tempfile::TempDir;

use crate::{
    bounds::Rate,
    meter::{
        event::Event,
        records::PeriodState,
        run::{Meter, Options},
        state::StateDir,
        testing::{enrolled, Conduct, Fickle, World},
    },
    paper,
    report::{seen, Row},
};

const HOMES: usize = 20;
/// Two periods, whose windows overlap.
const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 100_000,
    period_ms: 10_000,
    window_ms: 24_000,
    periods: 2,
};

/// A power cut in a street after all have sent, seen by whoever sees the shares; whether one home's pair is found.
fn on_paper(region: &paper::Region, k: u16, rng: &mut StdRng) -> bool {
    let readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(1_000..=5_000)).collect();
    let (before, after) = (region.send(&readings, k, rng), region.send(&readings, k, rng));
    let differences: Vec<(Prid, i64)> = before
        .iter()
        .zip(&after)
        .map(|(one, other)| (one.prid, other.share - one.share))
        .collect();
    let home = rng.gen_range(0..HOMES);
    let (prid, difference) = differences[2 * home];
    // The two splits have one sum: what the one share gained the other lost.
    let mut partners = differences
        .iter()
        .filter(|(other, lost)| *other != prid && *lost == -difference);
    let found = partners.next().filter(|_| partners.next().is_none());
    found.is_some_and(|(partner, _)| *partner == differences[2 * home + 1].0)
}

/// Where a meter is stopped.
#[derive(Clone, Copy)]
enum Cut {
    /// At this step of what it does with nodes and clock.
    Step(u64),
    /// After this many reports, each of which follows a write.
    Report(usize),
    Never,
}

/// A life of a meter; how many reports it gave. `image` gets the directory as it was at the cut.
fn live(world: &World, state: &StateDir, source: &mut Fickle, cut: Cut, image: &Path) -> usize {
    let reports = Cell::new(0);
    let report = |_: Event| {
        reports.set(reports.get() + 1);
        if matches!(cut, Cut::Report(at) if at == reports.get()) {
            copy(state.path(), image);
            world.kill_in(0);
        }
    };
    if let Cut::Step(step) = cut {
        world.kill_in(step);
    }
    let options = Options {
        cycle: None,
        until_cycle_end: true,
    };
    let meter = Meter::new(state, world, world, StdRng::seed_from_u64(1), &report).expect("its record opens");
    if let Some(done) = world.run(meter.run(source, options), || false) {
        done.expect("nothing is wrong with its state");
    }
    reports.get()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("there is room");
    for entry in std::fs::read_dir(from).expect("it is there") {
        let path = entry.expect("it is there").path();
        let target = to.join(path.file_name().expect("it has a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, target).expect("there is room");
        }
    }
}

/// What became of a meter that was cut off once.
#[derive(Default)]
struct Outcome {
    /// Pseudonyms under which two values went out.
    differing: usize,
    /// Shares that went out more than once.
    resent: usize,
    /// Periods for which the meter had been given a reading, and none of the shares was out.
    unsent: usize,
    /// Whether both readings got to the chain.
    landed: bool,
    reports: usize,
    steps: u64,
}

fn cut_off(cut: Cut) -> Outcome {
    let (_dir, state) = enrolled();
    let image = TempDir::new().expect("there is room");
    // The first node takes nothing, so that all goes out a second time.
    let world = World::new(&[Conduct::Deaf, Conduct::Honest(900)], &[(0, SCHEDULE)]);
    // Asked again it gives another reading: only what stands on the disk is the same.
    let mut source = Fickle::new(&[]);
    let directory = image.path().join("meter");
    let reports = live(&world, &state, &mut source, cut, &directory);
    let steps = world.steps();
    let out: HashSet<u16> = world.sent().iter().map(|sent| sent.key.period).collect();
    let unsent = source.given.keys().filter(|period| !out.contains(period)).count();
    world.spare();
    let state = match cut {
        Cut::Report(_) => StateDir::new(&directory),
        Cut::Step(_) | Cut::Never => state,
    };
    live(&world, &state, &mut source, Cut::Never, &directory);

    let mut values: HashMap<Prid, Vec<u64>> = HashMap::new();
    for sent in world.sent() {
        values.entry(sent.prid).or_default().push(sent.value);
    }
    let readings = state.records().and_then(|records| Ok(records.readings(0)?));
    let readings = readings.expect("its record is readable");
    Outcome {
        differing: values
            .values()
            .filter(|all| all.iter().any(|one| one != &all[0]))
            .count(),
        resent: values.values().filter(|all| all.len() > 1).count(),
        unsent,
        landed: readings.len() == 2 && readings.values().all(|(state, _)| *state == PeriodState::Finalised),
        reports,
        steps,
    }
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(HOMES, 48, paper::FALSE_POSITIVES, rng);
    row.paper(
        "masks used again, pair found",
        Rate::of(1_500, || on_paper(&region, rng.gen_range(0..48), rng)).at_least(0.9),
    );

    let unhurt = cut_off(Cut::Never);
    let cuts = (1..=unhurt.steps).map(Cut::Step);
    let cuts: Vec<_> = cuts.chain((1..=unhurt.reports).map(Cut::Report)).collect();
    let outcomes: Vec<_> = cuts.iter().map(|cut| cut_off(*cut)).collect();
    let sum = |of: fn(&Outcome) -> usize| outcomes.iter().map(of).sum::<usize>();
    let (differing, resent) = (sum(|one| one.differing), sum(|one| one.resent));
    row.gridveil(
        "two values under one pseudonym",
        seen(
            differing == 0 && resent > 0 && unhurt.reports > 10,
            format!(
                "{differing}; {resent} shares sent again unchanged, cut at {} steps and after {} writes",
                unhurt.steps, unhurt.reports
            ),
        ),
    );
    let unsent = outcomes.iter().filter(|one| one.unsent > 0).count();
    let landed = outcomes.iter().filter(|one| one.landed).count();
    row.gridveil(
        "all readings arrive after it",
        seen(
            landed == outcomes.len() && unsent > 0,
            format!("{landed} of {}; before anything was out at {unsent}", outcomes.len()),
        ),
    );
    row
}
