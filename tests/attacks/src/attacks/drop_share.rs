//! An aggregator keeps back one share of a pair, and unmasks the home with the mask sums that are opened afterwards.
//!
//! The paper opens Z before anyone looks for faults, and Z' after one: Z − Z' are the silent meter's masks. With it the
//! aggregator tries every share of the period as the partner of the one it kept; only the right one leaves a plausible
//! reading. On gridveil the sum is opened once, without the home.

use gridveil_primitives::{commitment::commit, Half};
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    grid::Region,
    paper,
    report::{accepted, refused, Row},
    scene::Scene,
};

const HOMES: usize = 20;
const TRIALS: u64 = 1_500;

/// One fault on the paper's scheme; whether the aggregator names the partner and the reading.
fn on_paper(region: &paper::Region, k: u16, rng: &mut StdRng) -> bool {
    let readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(READING)).collect();
    let mut sent = region.send(&readings, k, rng);
    let dropped = rng.gen_range(0..sent.len());
    let kept_back = sent.remove(dropped);
    let victim = dropped / 2;

    let unmasked = region.mask_sum(k, &[]) - region.mask_sum(k, &[victim]);
    let mut candidates = sent
        .iter()
        .map(|other| (other.prid, kept_back.share + other.share - unmasked))
        .filter(|(_, reading)| READING.contains(reading));
    let found = candidates.next().filter(|_| candidates.next().is_none());
    let partner = region.meters[victim].point(1 - dropped % 2, k).compress().to_bytes();
    found == Some((partner, readings[victim]))
}

/// One fault on gridveil: the victim's reading is one of two that the aggregator knows. Whether it guesses which.
fn on_gridveil(region: &Region, k: u16, rng: &mut StdRng) -> bool {
    let candidates = [120i64, 2_900];
    let truth = rng.gen_range(0..2);
    let victim = rng.gen_range(0..region.homes.len());
    let half = Half::BOTH[rng.gen_range(0..2)];
    let [kept_back, named] = {
        let [first, second] = region.shares(victim, k, candidates[truth]);
        if half == Half::First {
            [first, second]
        } else {
            [second, first]
        }
    };
    let opening = region.commitments(k).open(&[victim], vec![named.0.account().into()]);

    // The opening names the partner, so that the pair's sum is the reading plus two masks. The sum of the others' masks, the
    // blinding that remains and the home's own commitment are all there is to tell the masks from.
    let pair = kept_back.1.wrapping_add(named.1);
    let left_out = opening.left_out[0].commitment;
    let commits = |reading: i64| {
        let masks = u128::from(pair.wrapping_sub(reading.cast_unsigned()));
        [masks, masks + (1 << 64)].iter().any(|sum| {
            [opening.blinding, [0; 32]]
                .iter()
                .any(|blinding| commit(*sum, blinding) == Some(left_out))
        })
    };
    let guess = match candidates.map(commits) {
        [true, false] => 0,
        [false, true] => 1,
        // Were masks near their mean, or near the others', the nearer candidate would be the likelier.
        _ => {
            let others = (opening.mask_sum / (region.homes.len() as u128 - 1)) as u64;
            let far = |reading: i64| {
                pair.wrapping_sub(reading.cast_unsigned())
                    .wrapping_sub(others)
                    .cast_signed()
            };
            usize::from(far(candidates[1]).unsigned_abs() < far(candidates[0]).unsigned_abs())
        }
    };
    guess == truth
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(HOMES, 50, paper::FALSE_POSITIVES, rng);
    let found = Rate::of(TRIALS, || on_paper(&region, rng.gen_range(0..50), rng));
    row.paper("pair linked and reading unmasked", found.at_least(0.99));

    let region = Region::seeded(1, 6, rng.gen());
    let guessed = Rate::of(6_000, || on_gridveil(&region, rng.gen_range(0..1_440), rng));
    row.gridveil("which of two readings", guessed.chance(0.08));

    // What the paper's attack needs are two sums of one period.
    let mut scene = Scene::new(Region::seeded(1, 5, rng.gen()));
    let mut sent = scene.shares(0, &[700; 5]);
    let (home, half) = (rng.gen_range(0..5), rng.gen_range(0..2));
    sent.remove(2 * home + half);
    scene.close(0, sent);
    row.gridveil("Z of all homes", refused(scene.open(0, &[], &[]), "CountsDoNotAddUp"));
    let partner = scene.region.prids(0)[2 * home + 1 - half];
    row.gridveil("Z without the home", accepted(scene.open(0, &[home], &[partner])));
    row.gridveil(
        "any other Z after it",
        refused(scene.open(0, &[], &[]), "AlreadyDecided"),
    );
    row.note("The opening names the dropped share's partner, which is used up: that pair is linked, and nothing else.");
    row
}
