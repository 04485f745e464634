//! Somebody steals all that the key centre has, reads the chain, and wants to send readings in a home's name.
//!
//! In the paper the key centre makes the meters' one-time secrets, so its database signs. On gridveil it has P0 of each meter
//! and not p0: it lists every pseudonym. What it knows besides is how any two pseudonyms of a meter differ.

use curve25519_dalek::scalar::Scalar;
use gridveil_primitives::{
    hash::tagged,
    keys::{RootKey, SpendKey, SpendPublic},
    prf::Seed,
    pseudonym::{prid, OneTimeKey},
    Bid, Half, PeriodIndex, Prid,
};
use rand::{rngs::StdRng, Rng};

use super::READING;
use crate::{
    bounds::Rate,
    forge::{moved, sign_as, verifies},
    grid::Region,
    paper,
    report::{accepted, refused, Row},
    scene::Scene,
};

/// One meter in the key centre's files: its root key, and of the meter the BID and P0.
struct Entry {
    root: RootKey,
    bid: Bid,
    spend: SpendPublic,
}

impl Entry {
    fn of(region: &Region, home: usize) -> Self {
        let home = &region.homes[home];
        Self {
            root: region.root.clone(),
            bid: home.bid,
            spend: home.spend.public(),
        }
    }

    fn seed(&self, half: Half) -> Seed {
        self.root.meter_secret(&self.bid).cycle_keys().pseudonym[half.index()].clone()
    }

    fn prid(&self, half: Half, k: PeriodIndex) -> Prid {
        prid(&self.spend, &self.root.meter_secret(&self.bid).cycle_keys(), half, k)
    }

    /// By how much the one-time secret is more than p0.
    fn offset(&self, half: Half, k: PeriodIndex) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&tagged("pseudonym", &[&*self.seed(half).leaf(k)]))
    }

    /// What p0 might be, if it came from anything that the thief has.
    fn spend_keys(&self) -> Vec<SpendKey> {
        let secret = self.root.meter_secret(&self.bid);
        let keys = secret.cycle_keys();
        let seeds = keys.pseudonym.iter().chain(&keys.mask).map(|seed| *seed.to_bytes());
        let known = [
            *self.root.to_bytes(),
            *secret.to_bytes(),
            self.bid,
            self.spend.to_bytes(),
            [0; 32],
        ];
        let known: Vec<[u8; 32]> = known.into_iter().chain(seeds).collect();
        let plain = known.iter().map(SpendKey::from_seed);
        plain
            .chain(known.iter().filter_map(|bytes| SpendKey::from_bytes(*bytes)))
            .collect()
    }
}

/// The signatures under a meter's second pseudonym that the thief makes of one under its first.
fn forgeries(entry: &Entry, k: PeriodIndex, message: &[u8], genuine: &[u8; 64]) -> Vec<[u8; 64]> {
    let [from, to] = Half::BOTH.map(|half| entry.offset(half, k));
    let target = entry.prid(Half::Second, k);
    // The two keys differ by a number that the thief knows.
    let mut forged = moved(&entry.prid(Half::First, k), message, genuine, &(to - from)).to_vec();
    // As if p0 were nothing.
    forged.extend(sign_as(&target, &to, &[0; 32], message));
    forged
}

/// Whether the seed of the nonces follows from what the thief has: then so would R, and from that the secret.
fn nonce_is_known(entry: &Entry, k: PeriodIndex, message: &[u8], genuine: &[u8; 64]) -> bool {
    let (prid, leaf, offset) = (
        entry.prid(Half::First, k),
        entry.seed(Half::First).leaf(k),
        entry.offset(Half::First, k),
    );
    let hashed = |part: &[u8]| std::array::from_fn(|at| tagged("nonce", &[part])[at]);
    let seeds = [
        [0; 32],
        *leaf,
        hashed(&*leaf),
        offset.to_bytes(),
        hashed(offset.as_bytes()),
        hashed(&prid),
    ];
    seeds
        .iter()
        .any(|seed| sign_as(&prid, &offset, seed, message).is_some_and(|signature| signature[..32] == genuine[..32]))
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    let region = paper::Region::new(5, 48, paper::FALSE_POSITIVES, rng);
    let database = region.meters.clone();
    let forged = Rate::of(500, || {
        let (meter, half, k) = (
            rng.gen_range(0..database.len()),
            rng.gen_range(0..2),
            rng.gen_range(0..48),
        );
        let forged = database[meter].sign(half, k, rng.gen_range(READING), rng);
        region.admit(&forged).is_ok()
    });
    row.paper("a forged share is admitted", forged.always());

    let region = Region::seeded(1, 5, rng.gen());
    let forged = Rate::of(1_000, || {
        let (home, k, message) = (rng.gen_range(0..5), rng.gen_range(0..1_440), rng.gen::<[u8; 20]>());
        let entry = Entry::of(&region, home);
        let meter = &region.homes[home];
        let genuine = OneTimeKey::derive(&meter.spend, &meter.keys, Half::First, k).sign(&message);
        assert!(
            verifies(&entry.prid(Half::First, k), &message, &genuine),
            "the thief lists the pseudonyms"
        );
        let target = entry.prid(Half::Second, k);
        let found = entry.spend_keys().iter().any(|spend| spend.public() == entry.spend);
        let forged = forgeries(&entry, k, &message, &genuine);
        found
            || nonce_is_known(&entry, k, &message, &genuine)
            || forged.iter().any(|signature| verifies(&target, &message, signature))
    });
    row.gridveil("a signature is forged", forged.never());

    let mut scene = Scene::new(region);
    scene.end(0);
    let [share, _] = scene.region.shares(2, 0, 640);
    let genuine = scene.sign(0, &share);
    let (message, signature) = scene.what_is_signed(&genuine);
    let entry = Entry::of(&scene.region, 2);
    let ways = [
        "moved by the difference, old challenge",
        "moved, new challenge",
        "unmoved",
        "made with the offset alone",
    ];
    for (forged, way) in forgeries(&entry, 0, &message, &signature).into_iter().zip(ways) {
        let forged = scene.signed_otherwise(&genuine, entry.prid(Half::Second, 0), forged);
        row.gridveil(
            format!("the chain takes a signature {way}"),
            refused(scene.offer(forged), "BadProof"),
        );
    }
    let spend = SpendKey::from_seed(&entry.bid);
    let keys = entry.root.meter_secret(&entry.bid).cycle_keys();
    let own = crate::harness::Signer::meter(OneTimeKey::derive(&spend, &keys, Half::Second, 0));
    let own = scene.sign(0, &(own, 1));
    row.gridveil(
        "the chain takes a p0 of the thief's own",
        refused(scene.offer(own), "NotInFilter"),
    );
    row.gridveil("the meter's share, for comparison", accepted(scene.offer(genuine)));
    row.note("The thief reads every home's consumption, as the key centre must to bill it.");
    row
}
