//! All meters of a region but one collude to learn that home's reading, and send, fall silent, join and leave as they like.
//!
//! The paper opens the sum of however few have sent. gridveil opens none below the region's minimum, once a period, and for
//! meters that change at a day's start only, and never become more within a cycle.

use gridveil_primitives::{Outcome, PeriodIndex};
use gridveil_runtime::genesis_presets::{FALLBACK_PRICE, MINIMUM_METERS};
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    grid::Region,
    paper,
    report::{accepted, refused, seen, Row},
    scene::{Scene, PERIODS},
};

const HOMES: usize = 5;

/// The others fall silent; whether the total that is opened is the home's reading.
fn on_paper(region: &paper::Region, rng: &mut StdRng) -> bool {
    let (k, reading, home) = (rng.gen_range(0..48), rng.gen_range(READING), rng.gen_range(0..HOMES));
    let sent = region.meters[home].send(reading, k, rng);
    let silent: Vec<usize> = (0..HOMES).filter(|other| *other != home).collect();
    let sum: i64 = sent.iter().map(|transaction| transaction.share).sum();
    region.aggregate(&sent) == Err(paper::Refused::NotInBf2) && sum - region.mask_sum(k, &silent) == reading
}

/// A period in which only the first homes send; how its opening for them ends.
fn opened_for(scene: &mut Scene, k: PeriodIndex, senders: usize) -> Result<(), String> {
    let mut sent = scene.shares(k, &[640; HOMES]);
    sent.truncate(2 * senders);
    scene.close(k, sent);
    let silent: Vec<usize> = (senders..HOMES).collect();
    scene.open(k, &silent, &[])
}

fn withhold(scene: &mut Scene, k: PeriodIndex) -> Result<(), String> {
    let key = scene.region.key(k);
    scene.order(pallet_masks::Call::withhold {
        key,
        excluded: Default::default(),
    })
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(HOMES, 48, paper::FALSE_POSITIVES, rng);
    row.paper(
        "the lone home's reading is opened",
        Rate::of(500, || on_paper(&region, rng)).always(),
    );

    let mut scene = Scene::new(Region::seeded(1, HOMES as u8, rng.gen()));
    let minimum = MINIMUM_METERS as usize;
    row.gridveil(
        "a sum of one home is opened",
        refused(opened_for(&mut scene, 0, 1), "TooFewMeters"),
    );
    row.gridveil("it is withheld instead", accepted(withhold(&mut scene, 0)));
    let view = scene.view(0);
    let fallback = view.outcome == Some(Outcome::Withheld) && view.price == Some(FALLBACK_PRICE);
    row.gridveil(
        "at the fallback price",
        seen(fallback, format!("{:?} at {:?}", view.outcome, view.price)),
    );
    row.gridveil(
        "and opened later",
        refused(scene.open(0, &[1, 2, 3, 4], &[]), "AlreadyDecided"),
    );
    row.gridveil(
        "a sum of one below the minimum",
        refused(opened_for(&mut scene, 1, minimum - 1), "TooFewMeters"),
    );
    row.gridveil("a sum of the minimum", accepted(opened_for(&mut scene, 2, minimum)));

    let small = Region::seeded(2, 2, rng.gen());
    let mut scene = Scene::new(small);
    let sent = scene.shares(0, &[640; 2]);
    scene.close(0, sent);
    row.gridveil(
        "a region of two, all there",
        refused(scene.open(0, &[], &[]), "TooFewMeters"),
    );

    // Somebody joins for a period, or leaves for one.
    let seed = rng.gen();
    let (region, joined) = (
        Region::seeded(3, HOMES as u8, seed),
        Region::seeded(3, HOMES as u8 + 1, seed),
    );
    let mut scene = Scene::unpublished(region);
    scene
        .publish_filter(scene.region.cycle_filter(PERIODS))
        .expect("it is in order");
    scene
        .publish(0, vec![scene.region.manifest(0)])
        .expect("it is in order");
    row.gridveil(
        "a period with one more",
        refused(scene.publish(1, vec![joined.manifest(1)]), "MetersDiffer"),
    );
    row.gridveil(
        "a period published anew",
        refused(
            scene.publish(0, vec![scene.region.manifest(0)]),
            "ManifestAlreadyPublished",
        ),
    );
    let filter = joined.cycle_filter(PERIODS);
    row.gridveil(
        "a second filter for the cycle",
        refused(scene.publish_filter(filter), "CycleFilterAlreadyPublished"),
    );
    row.gridveil(
        "one more by a revision",
        refused(scene.order(joined.revise(0, PERIODS)), "MetersJoin"),
    );
    let left = Region::seeded(3, HOMES as u8 - 1, seed);
    row.gridveil(
        "one fewer within a day",
        refused(scene.order(left.revise(1, PERIODS)), "NotADaysStart"),
    );
    let opens = scene.schedule.opens(1).expect("it is one of the cycle's");
    scene.chain.block_at(opens, vec![]);
    row.gridveil(
        "a period that has begun",
        refused(scene.publish(1, vec![scene.region.manifest(1)]), "PeriodAlreadyOpen"),
    );
    row.gridveil(
        "one fewer on a day that has begun",
        refused(scene.order(left.revise(0, PERIODS)), "PeriodAlreadyOpen"),
    );
    row
}
