//! One meter says 2^40 Wh, or sends two shares that are nothing, so that the region's total is worth nothing.
//!
//! In the paper the total is opened with it. On gridveil the key centre, which has to unmask each reading for its bill, does so
//! before it opens the sum, and leaves out what no home can have used.

use gridveil_grid_operator::{
    key_centre::{
        audit::{audit, check_shares, decide},
        roster::{Member, Roster},
    },
    ledger::{self, Decision, FaultKind},
};
use gridveil_primitives::{share::LARGEST_READING, Share};
use gridveil_runtime::genesis_presets::MINIMUM_METERS;
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    grid::Region,
    paper,
    report::{accepted, seen, Row},
    scene::Scene,
};

const HOMES: usize = 6;
const POISON: i64 = 1 << 40;

fn on_paper(region: &paper::Region, rng: &mut StdRng) -> bool {
    let k = rng.gen_range(0..48);
    let mut readings: Vec<i64> = (0..HOMES).map(|_| rng.gen_range(READING)).collect();
    let truth: i64 = readings.iter().sum();
    readings[rng.gen_range(0..HOMES)] = POISON;
    let sum = region.aggregate(&region.send(&readings, k, rng));
    sum.is_ok_and(|sum| sum - region.mask_sum(k, &[]) > truth + POISON / 2)
}

/// The region as its key centre knows it.
fn roster(region: &Region) -> Roster {
    let member = |home: &crate::grid::Home| Member {
        meter: ledger::Meter {
            bid: home.bid,
            label: String::new(),
            region: region.id,
            first_cycle: 0,
            first_period: None,
            left: None,
            spend_public: home.spend.public().to_bytes(),
            recipient: [0; 32],
        },
        spend: home.spend.public(),
        keys: home.keys.clone(),
    };
    Roster {
        region: region.id,
        cycle: 0,
        members: region.homes.iter().map(member).collect(),
        revisions: Vec::new(),
    }
}

/// A period in which one home sends what it likes; the key centre's own code decides, and the chain takes it or doesn't.
fn poisoned(row: &mut Row, what: &str, seed: [u8; 32], poison: impl Fn(u64) -> u64) {
    let mut scene = Scene::new(Region::seeded(1, HOMES as u8, seed));
    let readings = [310, 4_070, 95, 1_200, 620, 7];
    let mut sent = scene.shares(0, &readings);
    let second = &mut sent[5].1;
    *second = poison(*second);
    scene.close(0, sent);

    let (key, view) = (scene.region.key(0), scene.view(0));
    let shares: Vec<Share> = scene.chain.call("GridApi_shares", key);
    let roster = roster(&scene.region);
    let audit = audit(&roster, &key, &shares);
    let kinds: Vec<_> = audit.faults.iter().map(|fault| (fault.bid, fault.kind)).collect();
    let named = kinds == [(Some(scene.region.homes[2].bid), FaultKind::Implausible)];
    row.gridveil(
        format!("{what} is found before the opening"),
        seen(
            check_shares(&key, &view, &shares).is_ok() && named && view.outcome.is_none(),
            format!("{} fault", kinds.len()),
        ),
    );
    match decide(&scene.region.root, &roster, &key, MINIMUM_METERS, &audit) {
        Decision::Open(opening) => row.gridveil("the chain opens the others", accepted(scene.open_as(0, opening))),
        Decision::Withhold(_) => row.gridveil("the chain opens the others", Err("withheld".into())),
    }
    row.gridveil(
        "their total is exact",
        scene.opened(0, HOMES as u32 - 1, readings.iter().sum::<i64>() - 95),
    );
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(HOMES, 48, paper::FALSE_POSITIVES, rng);
    row.paper(
        "the total is off by 2^40 Wh",
        Rate::of(500, || on_paper(&region, rng)).always(),
    );
    let noise: u64 = rng.gen();
    poisoned(&mut row, "2^40 Wh", rng.gen(), |share| {
        share.wrapping_add(POISON.cast_unsigned())
    });
    poisoned(&mut row, "-2^40 Wh", rng.gen(), |share| {
        share.wrapping_sub(POISON.cast_unsigned())
    });
    poisoned(&mut row, "noise", rng.gen(), |_| noise);
    row.note(format!(
        "A meter's word is taken up to {} kWh a period either way; a pair beyond it counts nothing and costs nothing.",
        LARGEST_READING / 1_000
    ));
    row
}
