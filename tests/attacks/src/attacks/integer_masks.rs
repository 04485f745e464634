//! An observer of one home's pair of shares tells which of two readings it is.
//!
//! An integer mask has ends: a share beyond them shows that the reading is not nothing, and a lower bound of it. Modulo 2^64
//! there are no ends, and each share is a one-time pad; primitives/src/share_tests.rs shows that exhaustively for 8 bits.

use gridveil_primitives::share::split_and_mask;
use rand::{rngs::StdRng, Rng};

use crate::{
    bounds::{grouped, Rate},
    grid::Region,
    report::{seen, Row},
};

/// Nobody at home, and every plate on.
const READINGS: [i64; 2] = [0, 4_999];
const MASK: i64 = 1 << 31;
/// As many pairs as a thousand homes send in a year and more.
const PAIRS: u64 = 20_000_000;

/// A guess between the two readings, from a pair of shares.
type Guess = fn(u64, u64) -> bool;

/// The guesses, each with its name.
const GUESSES: [(&str, Guess); 5] = [
    ("the sum is odd", |first, second| first.wrapping_add(second) % 2 == 1),
    ("the sum is negative", |first, second| {
        first.wrapping_add(second).cast_signed() < 0
    }),
    ("the first is odd", |first, _| first % 2 == 1),
    ("the first is the larger", |first, second| first > second),
    ("the second is negative", |_, second| second.cast_signed() < 0),
];

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let [mut certain, mut wrong] = [0u64; 2];
    for _ in 0..PAIRS {
        let truth = rng.gen::<bool>();
        let reading = READINGS[usize::from(truth)];
        let first = rng.gen_range(0..=reading);
        let beyond = [first, reading - first]
            .iter()
            .any(|share| share + i64::from(rng.gen::<i32>()) >= MASK);
        certain += u64::from(beyond);
        wrong += u64::from(beyond && !truth);
    }
    row.paper(
        "readings told for certain",
        seen(
            certain > 0 && wrong == 0,
            format!("{certain} of {} pairs, {wrong} wrongly", grouped(PAIRS)),
        ),
    );
    row.note(format!(
        "By theory {:.1e} of the pairs of {} Wh.",
        READINGS[1] as f64 / (2 * MASK) as f64,
        READINGS[1]
    ));

    let region = Region::seeded(1, 20, rng.gen());
    for (name, guess) in GUESSES {
        let guessed = Rate::of(20_000, || {
            let (home, k, truth) = (
                &region.homes[rng.gen_range(0..20)],
                rng.gen_range(0..1_440),
                rng.gen::<bool>(),
            );
            // Two readings of one period would be told apart by their difference; a meter never sends two.
            let pair = split_and_mask(READINGS[usize::from(truth)], &home.split, &home.keys, rng.gen(), k);
            guess(pair.first, pair.second) == truth
        });
        row.gridveil(format!("guessed by whether {name}"), guessed.chance(0.05));
    }
    row
}
