//! Shares and mask sums that were good once are used where they don't belong.
//!
//! A signature of the paper's is of the share alone, its BF1 is for the month, its BF2 doesn't say which T is whose, and a mask
//! sum comes from the key centre with no proof. On gridveil a signature names its chain, region, cycle and period, and a mask
//! sum opens the commitment of its own period or none.

use gridveil_primitives::PeriodKey;
use gridveil_runtime::Hash;
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    grid::{submit, Region},
    harness::Chain,
    paper,
    report::{accepted, refused, seen, Row},
    scene::{Scene, PERIODS},
};

fn on_paper(row: &mut Row, rng: &mut StdRng) {
    const HOMES: usize = 6;
    let regions = [(); 2].map(|()| paper::Region::new(HOMES, 48, paper::FALSE_POSITIVES, rng));
    let readings = |rng: &mut StdRng| -> Vec<i64> { (0..HOMES).map(|_| rng.gen_range(READING)).collect() };
    let [first, second] = &regions;

    let accepted = Rate::of(300, || {
        let (here, there) = (rng.gen_range(0..24), rng.gen_range(24..48));
        let of_here = first.send(&readings(rng), here, rng);
        // What is sent has no word of a period, so that the aggregator of `there` checks the very same.
        let total_there = first.aggregate(&of_here).map(|sum| sum - first.mask_sum(there, &[]));
        total_there.is_ok()
    });
    row.paper("a period's shares in another period", accepted.always());

    // A chain for trials has the same meters and filters.
    let twin = paper::Region {
        meters: vec![],
        bf1: first.bf1.clone(),
        bf2: first.bf2.clone(),
    };
    let accepted = Rate::of(300, || {
        let sent = first.send(&readings(rng), rng.gen_range(0..48), rng);
        twin.aggregate(&sent).is_ok()
    });
    row.paper("a chain's shares on another chain", accepted.always());

    let elsewhere = second
        .aggregate(&first.send(&readings(rng), 0, rng))
        .map_err(|reason| format!("{reason:?}"));
    row.paper(
        "a region's or an old month's shares are kept out by BF1",
        refused(elsewhere, "NotInBf1"),
    );

    let swapped = Rate::of(300, || {
        let k = rng.gen_range(0..48);
        let [mut sums, mut true_totals] = [[0; 2]; 2];
        for (place, region) in regions.iter().enumerate() {
            let readings = readings(rng);
            true_totals[place] = readings.iter().sum::<i64>();
            sums[place] = region.aggregate(&region.send(&readings, k, rng)).unwrap_or_default();
        }
        let totals = [sums[0] - second.mask_sum(k, &[]), sums[1] - first.mask_sum(k, &[])];
        // Both totals are wrong, their sum is right, and there is nothing to check either with.
        totals[0] != true_totals[0] && totals.iter().sum::<i64>() == true_totals.iter().sum::<i64>()
    });
    row.paper("two regions' mask sums swapped", swapped.always());
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    on_paper(&mut row, rng);

    let seeds: [[u8; 32]; 2] = rng.gen();
    elsewhere(&mut row, seeds);
    again(&mut row, seeds);
    row
}

/// Two regions on a chain on which a period has just ended: one scene, and the other region.
fn regions([first, second]: [[u8; 32]; 2]) -> (Scene, Region) {
    let mut scene = Scene::new(Region::seeded(1, 4, first));
    let other = Region::seeded(2, 4, second);
    other.publish(&mut scene.chain, PERIODS);
    scene.end(0);
    (scene, other)
}

/// A share where it doesn't belong.
fn elsewhere(row: &mut Row, seeds: [[u8; 32]; 2]) {
    let (mut scene, other) = regions(seeds);
    let key = scene.region.key(0);
    let [share, _] = scene.region.shares(0, 0, 640);
    let value = share.1;
    let genuine = scene.sign(0, &share);
    for (what, call) in [
        ("another period", submit(PeriodKey { period: 1, ..key }, value)),
        ("another region", submit(PeriodKey { region: 2, ..key }, value)),
        ("another cycle", submit(PeriodKey { cycle: 1, ..key }, value)),
        ("another value", submit(key, value ^ 1)),
    ] {
        let moved = scene.moved_to(&genuine, call);
        row.gridveil(
            format!("a signature for {what}"),
            refused(scene.offer(moved), "BadProof"),
        );
    }
    let mut foreign = Chain::with_genesis("local_testnet", Hash::repeat_byte(8));
    let foreign = foreign.sign(&share.0, submit(key, value));
    row.gridveil(
        "a share signed for another chain",
        refused(scene.offer(foreign), "BadProof"),
    );
    for (whose, signer) in [
        ("another period", scene.region.shares(0, 1, 640)),
        ("another region", other.shares(0, 0, 640)),
    ] {
        let [(signer, _), _] = signer;
        let signed = scene.sign(0, &(signer, value));
        row.gridveil(
            format!("a share signed by {whose}'s pseudonym"),
            refused(scene.offer(signed), "NotInFilter"),
        );
    }
    row.gridveil("the share itself", accepted(scene.offer(genuine)));
}

/// A share for the second time, a share too late, and mask sums of others.
fn again(row: &mut Row, seeds: [[u8; 32]; 2]) {
    let (mut scene, other) = regions(seeds);
    let [share, second] = scene.region.shares(0, 0, 640);
    let genuine = scene.sign(0, &share);
    row.gridveil("a share", accepted(scene.offer(genuine.clone())));
    row.gridveil("the share again", refused(scene.offer(genuine), "AlreadyUsed"));
    let other_value = scene.sign(0, &(share.0, share.1 ^ 1));
    row.gridveil(
        "its pseudonym for another value",
        refused(scene.offer(other_value), "AlreadyUsed"),
    );

    // All other shares of both regions but one, which comes after the window.
    let mut signed = vec![scene.sign(0, &second)];
    for share in scene.shares(0, &[640, 90, 4_100, 222]).split_off(2) {
        signed.push(scene.sign(0, &share));
    }
    for home in 0..4 {
        for (signer, share) in other.shares(home, 0, 1_000) {
            signed.push(scene.chain.sign(&signer, submit(other.key(0), share)));
        }
    }
    let late = signed.pop().expect("there are many");
    let all = scene.chain.block(signed).iter().all(|result| *result == Ok(Ok(())));
    row.gridveil("all other shares but one", seen(all, "accepted"));
    scene.close_now(0);
    row.gridveil("a share after the window", refused(scene.offer(late), "TooLate"));
    for (whose, opening) in [
        ("the other region", other.commitments(0).open(&[], vec![])),
        ("the next period", scene.region.commitments(1).open(&[], vec![])),
    ] {
        row.gridveil(
            format!("{whose}'s mask sum"),
            refused(scene.open_as(0, opening), "DoesNotOpen"),
        );
    }
    row.gridveil("its own mask sum", accepted(scene.open(0, &[], &[])));
}
