//! An outsider makes keys until BF1, which is public, takes one for a meter's.
//!
//! One addition and one look a key: at p = 10^-4 that takes a moment, at 10^-6 about a second. gridveil's filter takes one in
//! 2^64, the chain takes no filter that takes more than a little beyond that, and a key that is in does not reach the total.

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, ristretto::RistrettoPoint, scalar::Scalar};
use gridveil_primitives::{filter, PeriodKey, PeriodStatus, Prid};
use rand::{rngs::StdRng, Rng};
use std::time::{Duration, Instant};

use crate::{
    bounds::{grouped, Rate},
    grid::Region,
    harness::Signer,
    paper::{self, schnorr},
    report::{accepted, refused, seen, Row},
    scene::{Scene, PERIODS},
};

/// The false-positive rate of this attack, for speed.
const P: f64 = 1e-4;
/// How many keys are tried on gridveil: two hundred times what `P` takes on average.
const TRIED: usize = 2_000_000;
const BATCH: usize = 256;

/// Keys with their secrets: x, x + 1, x + 2, …
fn keys(rng: &mut StdRng) -> impl Iterator<Item = (Scalar, Prid)> {
    let half = Scalar::from(2u8).invert();
    let mut first = schnorr::random(rng);
    // What is compressed in a batch is doubled.
    let (mut next, step) = (
        &(first * half) * RISTRETTO_BASEPOINT_TABLE,
        &half * RISTRETTO_BASEPOINT_TABLE,
    );
    std::iter::repeat_with(move || {
        let halves: [RistrettoPoint; BATCH] = std::array::from_fn(|_| {
            next += step;
            next - step
        });
        let compressed = RistrettoPoint::double_and_compress_batch(&halves);
        let batch: Vec<_> = compressed
            .into_iter()
            .zip(0u64..)
            .map(|(point, place)| (first + Scalar::from(place), point.to_bytes()))
            .collect();
        first += Scalar::from(BATCH as u64);
        batch
    })
    .flatten()
}

/// A BF1 of `region` with as many entries too many that something else passes at about [`P`].
fn stuffed(region: &Region, rng: &mut StdRng) -> Vec<u8> {
    let entries = 2 * region.homes.len();
    // n entries leave a fraction exp(−64 n / bits) of the bits unset, and 64 set ones pass.
    let filled = P.powf(1.0 / filter::POSITIONS as f64);
    let needed = -(1.0 - filled).ln() * (filter::BITS_PER_ENTRY * entries) as f64 / filter::POSITIONS as f64;
    let mut builder = filter::Builder::period(&region.key(0), region.homes.len() as u32);
    region.prids(0).iter().for_each(|prid| builder.insert_prid(prid));
    keys(rng)
        .take(needed.ceil() as usize - entries)
        .for_each(|(_, prid)| builder.insert_prid(&prid));
    builder.finish()
}

/// The key that a filter takes, among the first that are made; with how many were made.
fn grind(filter: &[u8], key: &PeriodKey, rng: &mut StdRng) -> (Option<Prid>, usize) {
    let mut tried = 0;
    let found = keys(rng).take(TRIED).find(|(_, prid)| {
        tried += 1;
        filter::contains_prid(filter, key, prid)
    });
    (found.map(|(_, prid)| prid), tried)
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(20, 48, P, rng);
    let (mut tried, began) = (0, Instant::now());
    let admitted = Rate::of(200, || {
        let found = keys(rng).find(|(_, prid)| {
            tried += 1;
            region.bf1.contains(prid)
        });
        let (secret, prid) = found.expect("it goes on until one is found");
        let share = 1 << 40;
        let signature = schnorr::sign(&secret, &i64::to_le_bytes(share), rng);
        region.admit(&paper::Transaction { prid, share, signature }).is_ok()
    });
    let each = began.elapsed() / tried;
    row.paper("a key of nobody's is admitted at p = 1e-4", admitted.at_least(0.9));

    let region = Region::seeded(1, 5, rng.gen());
    let manifest = region.manifest(0);
    let (found, tries) = grind(&manifest.filter, &region.key(0), rng);
    row.gridveil(
        "a key is in BF1",
        seen(found.is_none(), format!("none of {}", grouped(tries as u64))),
    );

    let stuffed = stuffed(&region, rng);
    let (found, tries) = grind(&stuffed, &region.key(0), rng);
    let is_weak = found.is_some_and(|_| tries < TRIED / 2);
    row.gridveil(
        "the same in a BF1 stuffed down to p = 1e-4",
        seen(is_weak, format!("found after {}", grouped(tries as u64))),
    );
    let mut scene = Scene::unpublished(region);
    scene
        .publish_filter(scene.region.cycle_filter(PERIODS))
        .expect("it is in order");
    let weak = gridveil_primitives::Manifest {
        filter: stuffed,
        ..manifest.clone()
    };
    row.gridveil(
        "that BF1 is published",
        refused(scene.publish(0, vec![weak]), "MalformedFilter"),
    );

    // Let the outsider have won: its key is in the filter of the first period, and not in that of the second.
    let outsider = Signer::uri("//Mallory");
    let mut won = filter::Builder::period(&scene.region.key(0), 5);
    scene.region.prids(0).iter().for_each(|prid| won.insert_prid(prid));
    won.insert_prid(&outsider.account().into());
    let won = gridveil_primitives::Manifest {
        filter: won.finish(),
        ..manifest
    };
    scene
        .publish(0, vec![won, scene.region.manifest(1)])
        .expect("they are in order");
    let readings = [310, 4_070, 95, 1_200, 620];
    let mut sent = scene.shares(0, &readings);
    sent.push((outsider, 1 << 40));
    scene.close(0, sent);
    let view = scene.view(0);
    let noticed = view.status == PeriodStatus::Faulty && view.count == 11;
    row.gridveil(
        "a key that is in goes unnoticed",
        seen(noticed, format!("{:?}, {} shares of 10", view.status, view.count)),
    );
    let outsider = Signer::uri("//Mallory");
    row.gridveil(
        "the period opens without it",
        accepted(scene.open(0, &[], &[outsider.account().into()])),
    );
    row.gridveil("the total is exact", scene.opened(0, 5, readings.iter().sum()));
    scene.end(1);
    let again = scene.sign(1, &(outsider, 1));
    row.gridveil(
        "the key serves another period",
        refused(scene.offer(again), "NotInFilter"),
    );

    for (p, name) in [(1e-4, "1e-4"), (1e-6, "1e-6"), (2f64.powi(-64), "2^-64")] {
        row.note(format!(
            "one key in a BF1 of p = {name}: {} on one core",
            took(each, 1.0 / p)
        ));
    }
    row
}

/// How long it takes to try this many keys, in words.
fn took(each: Duration, keys: f64) -> String {
    let seconds = each.as_secs_f64() * keys;
    let year = 365.25 * 24.0 * 3_600.0;
    if seconds < year {
        format!("{seconds:.2} s")
    } else {
        format!("{:.0} years", seconds / year)
    }
}
