//! A node links the two shares of a home by when they come.
//!
//! The paper doesn't say when a meter sends. Here its meters send one share after the other, some time in the ten seconds after
//! the period's end. gridveil's meters send each share at a random time of its own in the first part of the window, and so does
//! each send again what a node didn't take. Their own library is run here, in virtual time.

use futures::future::join_all;
use gridveil_bills::envelope::Identity;
use gridveil_primitives::{keys::MeterSecret, pseudonym::prid, CycleSchedule, Half, Moment, PeriodIndex, Prid};
use rand::{rngs::StdRng, Rng, SeedableRng};
use std::{collections::HashMap, path::Path};
use tempfile::TempDir;

use crate::{
    bounds::Auc,
    meter::{
        keys::{Enrolment, MeterKeys},
        run::{Meter, Options},
        state::StateDir,
        testing::{Conduct, Fickle, World, REGION},
    },
    report::{seen, Row},
};

const HOMES: usize = 20;
const PERIODS: PeriodIndex = 100;
/// Half hours, each with ten minutes to send in.
const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 1_000_000,
    period_ms: 1_800_000,
    window_ms: 600_000,
    periods: PERIODS,
};

/// A share as a node sees it: when, and whose it is, which the node wants to know.
type Arrival = (Moment, usize);

/// How a node scores two shares by their places in the order of arrival, and their times.
type Score = fn((usize, Moment), (usize, Moment)) -> f64;

const SCORES: [(&str, Score); 2] = [
    ("time", |(_, one), (_, other)| -(one.abs_diff(other) as f64)),
    ("order", |(one, _), (other, _)| -(one.abs_diff(other) as f64)),
];

/// How well a score finds the pairs of some periods.
fn measured(periods: &[Vec<Arrival>], score: Score) -> Auc {
    let mut auc = Auc::default();
    for arrivals in periods {
        let mut arrivals = arrivals.clone();
        arrivals.sort_unstable();
        let (mut pairs, mut others) = (Vec::new(), Vec::new());
        for (place, (at, home)) in arrivals.iter().enumerate() {
            for (later, (then, other)) in arrivals.iter().enumerate().skip(place + 1) {
                let scored = score((place, *at), (later, *then));
                if home == other {
                    pairs.push(scored);
                } else {
                    others.push(scored);
                }
            }
        }
        auc.add(&pairs, &mut others);
    }
    auc
}

fn on_paper(rng: &mut StdRng) -> Vec<Vec<Arrival>> {
    let mut period = || -> Vec<Arrival> {
        (0..HOMES)
            .flat_map(|home| {
                let first = rng.gen_range(0..10_000);
                [(first, home), (first + rng.gen_range(5..200), home)]
            })
            .collect()
    };
    (0..PERIODS).map(|_| period()).collect()
}

/// A home's meter, in a directory of its own, and what its pseudonyms follow from.
fn enrolled(directory: &Path, home: usize, rng: &mut StdRng) -> (StateDir, HashMap<Prid, usize>) {
    let state = StateDir::new(&directory.join(home.to_string()));
    let secret = MeterSecret::from_bytes(rng.gen());
    let mut keys = MeterKeys::generate(&home.to_string(), rng);
    let seeds = secret.cycle_keys();
    let of = |k: PeriodIndex| Half::BOTH.map(|half| (prid(&keys.spend.public(), &seeds, half, k), home));
    let prids = (0..PERIODS).flat_map(of).collect();
    keys.enrolment = Some(Enrolment::new(REGION, [9; 32], 0, secret));
    state.create().expect("there is room");
    state.save_identity(&Identity::generate()).expect("there is room");
    state.save_keys(&mut keys).expect("there is room");
    (state, prids)
}

/// What the node at the end of `route` sees of a region whose meters know these nodes.
fn on_gridveil(nodes: &[Conduct], route: usize, rng: &mut StdRng) -> Vec<Vec<Arrival>> {
    let directory = TempDir::new().expect("there is room");
    let mut homes = HashMap::new();
    let states: Vec<_> = (0..HOMES)
        .map(|home| {
            let (state, prids) = enrolled(directory.path(), home, rng);
            homes.extend(prids);
            state
        })
        .collect();
    let world = World::new(nodes, &[(0, SCHEDULE)]);
    let meters: Vec<_> = states
        .iter()
        .map(|state| {
            let rng = StdRng::from_seed(rng.gen());
            Meter::new(state, &world, &world, rng, &|_| {}).expect("its record opens")
        })
        .collect();
    let options = Options {
        cycle: None,
        until_cycle_end: true,
    };
    let lives = meters.iter().map(|meter| async move {
        let done = meter.run(&mut Fickle::new(&[]), options).await;
        done.expect("nothing is wrong with its state");
    });
    world.run(join_all(lives), || false).expect("nobody is killed");

    let mut periods = vec![Vec::new(); PERIODS.into()];
    for sent in world.sent().iter().filter(|sent| sent.route == route) {
        periods[usize::from(sent.key.period)].push((sent.at, homes[&sent.prid]));
    }
    periods
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let paper = on_paper(rng);
    for (name, score) in SCORES {
        row.paper(format!("pairs told by {name}"), measured(&paper, score).at_least(0.9));
    }
    let quiet = on_gridveil(&[Conduct::Honest(18_000)], 0, rng);
    // The first node takes nothing, so that the second gets all of it, by half of the window.
    let again = on_gridveil(&[Conduct::Deaf, Conduct::Honest(18_000)], 1, rng);
    for (periods, way) in [(&quiet, "at first"), (&again, "sent again")] {
        let complete = periods.iter().all(|arrivals| arrivals.len() == 2 * HOMES);
        row.gridveil(
            format!("shares seen {way}"),
            seen(complete, format!("two a home in {PERIODS} periods")),
        );
        for (name, score) in SCORES {
            row.gridveil(
                format!("pairs told by {name}, {way}"),
                measured(periods, score).at_most(0.55),
            );
        }
    }
    row.note("The node sees from which address each comes, too: nothing here hides that.");
    row
}
