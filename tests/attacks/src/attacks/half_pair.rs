//! One share of a pair never arrives. Nobody need mean harm.
//!
//! The paper takes the meter's masks out of the sum and leaves its other share in. gridveil takes out that share, too.

use gridveil_primitives::{commitment::verify_opening, share, Prid};
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    grid::Region,
    paper,
    report::{accepted, Row},
    scene::Scene,
};

const HOMES: usize = 6;

fn on_paper(region: &paper::Region, rng: &mut StdRng) -> bool {
    let k = rng.gen_range(0..48);
    let readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(READING)).collect();
    let mut sent = region.send(&readings, k, rng);
    let missing = rng.gen_range(0..sent.len());
    sent.remove(missing);
    let sum: i64 = sent.iter().map(|transaction| transaction.share).sum();
    let faulty = missing / 2;
    let truth = readings.iter().sum::<i64>() - readings[faulty];
    let total = sum - region.mask_sum(k, &[faulty]);
    // Further off than all homes together can use.
    (total - truth).unsigned_abs() > *READING.end() as u64 * HOMES as u64
}

fn on_gridveil(region: &Region, rng: &mut StdRng) -> bool {
    let k = rng.gen_range(0..1_440);
    let readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(-5_000..=5_000)).collect();
    let (home, half) = (rng.gen_range(0..HOMES), rng.gen_range(0..2));
    let shares: Vec<(Prid, u64)> = (0..HOMES)
        .flat_map(|home| region.shares(home, k, readings[home]))
        .map(|(signer, share)| (signer.account().into(), share))
        .collect();
    let (missing, partner) = (2 * home + half, 2 * home + 1 - half);
    let present = shares.iter().enumerate().filter(|(place, _)| *place != missing);
    let sum = present.fold(0u64, |sum, (_, (_, share))| sum.wrapping_add(*share));

    let commitments = region.commitments(k);
    let opening = commitments.open(&[home], vec![shares[partner].0]);
    let opens = verify_opening(HOMES as u32, &commitments.commitment(), &commitments.root(), &opening);
    let total = share::total(sum.wrapping_sub(shares[partner].1), opening.mask_sum);
    opens.is_ok() && total == readings.iter().sum::<i64>() - readings[home]
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(HOMES, 48, paper::FALSE_POSITIVES, rng);
    row.paper(
        "the total is garbage",
        Rate::of(2_000, || on_paper(&region, rng)).at_least(0.99),
    );

    let region = Region::seeded(1, HOMES as u8, rng.gen());
    row.gridveil(
        "the total is exact",
        Rate::of(1_000, || on_gridveil(&region, rng)).always(),
    );

    let mut scene = Scene::new(region);
    let readings = [310, -4_070, 95, 1_200, 620, 7];
    let mut sent = scene.shares(0, &readings);
    sent.remove(5);
    scene.close(0, sent);
    let partner = scene.region.prids(0)[4];
    row.gridveil(
        "the chain opens it without the pair",
        accepted(scene.open(0, &[2], &[partner])),
    );
    row.gridveil(
        "its total is exact",
        scene.opened(0, 5, readings.iter().sum::<i64>() - 95),
    );
    row
}
