//! An aggregator moves one share to the key X + δB and another to Y − δB, which leaves T as it was.
//!
//! A textbook Schnorr signature moves along: whoever has (R, z) under X makes (R, z + e·δ) under X + δB. sr25519 puts the key
//! into the challenge.

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use gridveil_primitives::{pseudonym::OneTimeKey, tally, Half};
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    forge::{moved, shifted, verifies},
    grid::Region,
    paper::{
        self,
        schnorr::{self, Signature},
    },
    report::{accepted, refused, Row},
    scene::Scene,
};

fn on_paper(region: &paper::Region, rng: &mut StdRng) -> bool {
    let k = rng.gen_range(0..48);
    let readings: Vec<i64> = region.meters.iter().map(|_| rng.gen_range(READING)).collect();
    let mut sent = region.send(&readings, k, rng);
    let tally = |sent: &[paper::Transaction]| -> RistrettoPoint {
        sent.iter()
            .map(|one| CompressedRistretto(one.prid).decompress().expect("a point"))
            .sum()
    };
    let before = tally(&sent);
    let delta = schnorr::random(rng);
    for (place, by) in [(0, delta), (1, -delta)] {
        let one = &mut sent[place];
        let Signature { nonce, response } = one.signature;
        one.prid = shifted(&one.prid, &by);
        one.signature.response = response + schnorr::challenge(&nonce, &one.share.to_le_bytes()) * by;
    }
    // Whether both are signatures; that BF1 would have to take both keys is another attack's business.
    let signed = sent[..2]
        .iter()
        .all(|one| region.admit(one) != Err(paper::Refused::Signature));
    signed && tally(&sent) == before && region.bf2.contains(before.compress().as_bytes())
}

/// Moves the two shares of a pair; whether one of them is still signed.
fn on_gridveil(region: &Region, rng: &mut StdRng) -> bool {
    let k = rng.gen_range(0..1_440);
    let home = &region.homes[rng.gen_range(0..region.homes.len())];
    let message: [u8; 20] = rng.gen();
    let delta = schnorr::random(rng);
    let [first, second] = Half::BOTH.map(|half| OneTimeKey::derive(&home.spend, &home.keys, half, k));
    let pair = [first.prid(), second.prid()];
    let shifts = [shifted(&pair[0], &delta), shifted(&pair[1], &-delta)];
    assert_eq!(tally::sum(pair.iter()), tally::sum(shifts.iter()), "T stays");
    [(first, delta), (second, -delta)]
        .into_iter()
        .zip(shifts)
        .any(|((key, by), target)| {
            let signature = key.sign(&message);
            assert!(
                verifies(&key.prid(), &message, &signature),
                "the share itself is signed"
            );
            moved(&key.prid(), &message, &signature, &by)
                .iter()
                .any(|forged| verifies(&target, &message, forged))
        })
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(4, 48, paper::FALSE_POSITIVES, rng);
    row.paper(
        "both signatures move and T stays",
        Rate::of(500, || on_paper(&region, rng)).always(),
    );

    let region = Region::seeded(1, 4, rng.gen());
    row.gridveil(
        "a signature moves",
        Rate::of(1_000, || on_gridveil(&region, rng)).never(),
    );

    let mut scene = Scene::new(region);
    scene.end(0);
    let [share, _] = scene.region.shares(0, 0, 640);
    let genuine = scene.sign(0, &share);
    let (message, signature) = scene.what_is_signed(&genuine);
    let (prid, delta) = (scene.region.prids(0)[0], schnorr::random(rng));
    assert!(verifies(&prid, &message, &signature), "the message is what was signed");
    let target = shifted(&prid, &delta);
    let ways = ["by the old challenge", "by the new one", "as it is"];
    for (forged, way) in moved(&prid, &message, &signature, &delta).into_iter().zip(ways) {
        let moved = scene.signed_otherwise(&genuine, target, forged);
        row.gridveil(
            format!("the chain takes it, moved {way}"),
            refused(scene.offer(moved), "BadProof"),
        );
    }
    row.gridveil("the share itself, for comparison", accepted(scene.offer(genuine)));
    row
}
