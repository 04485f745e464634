//! Somebody has taken a meter, which its owner has reported, and sends what it likes in its name.
//!
//! The paper's filters are made once for the month, and nothing in it takes a meter out of them: the thief is believed to the
//! month's end. On gridveil the key centre takes the meter out at the next day's start and puts a new one in its place, with
//! keys that the lost one knows nothing of.

use gridveil_primitives::{Outcome, PeriodIndex, Total, PERIODS_PER_DAY};
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    grid::Region,
    paper,
    report::{accepted, refused, seen, Row},
    scene::Scene,
};

const HOMES: usize = 5;
/// Whose meter is lost.
const LOST: usize = 2;
/// The first period of the day after the loss.
const DAY: PeriodIndex = PERIODS_PER_DAY;
/// A day and a period.
const PERIODS: PeriodIndex = DAY + 1;

/// The thief sends a reading of its own in some later period; whether it is in the total.
fn on_paper(region: &paper::Region, rng: &mut StdRng) -> bool {
    let k = rng.gen_range(1..48);
    let readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(READING)).collect();
    let sum = region.aggregate(&region.send(&readings, k, rng));
    sum.is_ok_and(|sum| sum - region.mask_sum(k, &[]) == readings.iter().sum::<i64>())
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(HOMES, 48, paper::FALSE_POSITIVES, rng);
    row.paper(
        "the thief's reading is in the total to the month's end",
        Rate::of(500, || on_paper(&region, rng)).always(),
    );

    // The same region but for one home, whose meter is another.
    let seed = rng.gen();
    let mut renewed = Region::seeded(1, HOMES as u8, seed);
    renewed.homes[LOST] = Region::seeded(1, 1, rng.gen()).homes.remove(0);
    let mut scene = Scene::lasting(Region::seeded(1, HOMES as u8, seed), PERIODS);
    let readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(READING)).collect();
    row.gridveil(
        "the lost meter is replaced",
        accepted(scene.order(renewed.revise(DAY, PERIODS))),
    );
    let by_old = scene.region.manifest(DAY);
    let manifests = renewed.publish_manifests(DAY..PERIODS);
    row.gridveil("the day is published anew", accepted(scene.order(manifests)));
    row.gridveil(
        "and not again for the lost one",
        refused(scene.publish(DAY, vec![by_old]), "ManifestAlreadyPublished"),
    );

    scene.end(DAY);
    for share in scene.region.shares(LOST, DAY, readings[LOST]) {
        let stolen = scene.sign(DAY, &share);
        row.gridveil(
            "from then on a share of its",
            refused(scene.offer(stolen), "NotInFilter"),
        );
    }

    let sent: Vec<_> = (0..HOMES)
        .flat_map(|home| renewed.shares(home, DAY, readings[home]))
        .collect();
    let [first, second] = [0, 1].map(|half| sent[2 * LOST + half].1);
    let read = scene.region.unmask(LOST, DAY, first, second);
    row.gridveil(
        "the lost meter's seeds read the new one",
        seen(
            read != readings[LOST],
            format!("{read} Wh, sent were {}", readings[LOST]),
        ),
    );
    scene.close(DAY, sent);
    // The first day's periods, in which nobody sent anything else, close before it, a few in a block.
    scene.chain.blocks(usize::from(PERIODS));
    let opening = renewed.commitments(DAY).open(&[], vec![]);
    row.gridveil("the homes' sum is opened", accepted(scene.open_as(DAY, opening)));
    let total = Outcome::Opened(Total {
        meters: HOMES as u32,
        energy: readings.iter().sum(),
    });
    let outcome = scene.view(DAY).outcome;
    row.gridveil(
        "the total is theirs",
        seen(outcome == Some(total), format!("{outcome:?}")),
    );
    row.note("Until the day begins that follows the report, the thief is believed here, too.");
    row
}
