//! The scheme of the paper, small and in memory.
//!
//! Keys, pseudonyms, masked pairs of shares, the filters BF1 and BF2, the aggregators' checks, the mask sums Z and Z', votes
//! on a block: what attacks need, and as the paper has it. Where it leaves a choice, the usual one is taken: a PRF that is
//! gridveil's own, textbook Schnorr signatures over the share, Bloom filters with the false-positive rate asked for, one BF1
//! and one BF2 for a region and a month. The key centre makes all secrets of a meter.
//!
//! **Privacy.** What it lacks is what the attacks show.

pub mod bill;
pub mod bloom;
pub mod schnorr;
pub mod vote;

use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_TABLE,
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
};
use gridveil_primitives::{hash::tagged, prf::Seed, PeriodIndex, Prid};
use rand::{rngs::StdRng, Rng};

use bloom::Bloom;
use schnorr::Signature;

/// The false-positive rate of both filters where nothing else is said.
pub const FALSE_POSITIVES: f64 = 1e-6;

/// What a meter knows, and the key centre's database of it.
#[derive(Clone)]
pub struct Meter {
    /// s and s'.
    pub pseudonym: [Seed; 2],
    /// r and r'.
    pub mask: [Seed; 2],
}

/// A masked share under a one-time pseudonym.
#[derive(Clone, Copy, Debug)]
pub struct Transaction {
    pub prid: Prid,
    pub share: i64,
    pub signature: Signature,
}

/// Why an aggregator turns a block of transactions away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    Signature,
    NotInBf1,
    NotInBf2,
}

impl Meter {
    pub fn new(rng: &mut StdRng) -> Self {
        Self {
            pseudonym: [(); 2].map(|()| Seed::from_bytes(rng.gen())),
            mask: [(); 2].map(|()| Seed::from_bytes(rng.gen())),
        }
    }

    /// x or x' of a period.
    pub fn secret(&self, half: usize, k: PeriodIndex) -> Scalar {
        let leaf = self.pseudonym[half].leaf(k);
        Scalar::from_bytes_mod_order_wide(&tagged("paper/pseudonym", &[&*leaf]))
    }

    /// PRID or PRID', as a point.
    pub fn point(&self, half: usize, k: PeriodIndex) -> RistrettoPoint {
        &self.secret(half, k) * RISTRETTO_BASEPOINT_TABLE
    }

    /// An integer mask in [−2^31, 2^31).
    pub fn mask(&self, half: usize, k: PeriodIndex) -> i64 {
        let leaf = self.mask[half].leaf(k);
        i64::from(i32::from_le_bytes([leaf[0], leaf[1], leaf[2], leaf[3]]))
    }

    /// A share under one of a period's pseudonyms.
    pub fn sign(&self, half: usize, k: PeriodIndex, share: i64, rng: &mut StdRng) -> Transaction {
        let secret = self.secret(half, k);
        Transaction {
            prid: (&secret * RISTRETTO_BASEPOINT_TABLE).compress().to_bytes(),
            share,
            signature: schnorr::sign(&secret, &share.to_le_bytes(), rng),
        }
    }

    /// The two masked shares of a reading in watt-hours.
    pub fn send(&self, reading: i64, k: PeriodIndex, rng: &mut StdRng) -> [Transaction; 2] {
        let first = rng.gen_range(0..=reading);
        [(0, first), (1, reading - first)].map(|(half, share)| self.sign(half, k, share + self.mask(half, k), rng))
    }
}

/// A region's meters, as the key centre knows them, and the filters that it published for a month.
pub struct Region {
    pub meters: Vec<Meter>,
    pub bf1: Bloom,
    pub bf2: Bloom,
}

impl Region {
    /// A region of as many meters, for a month of as many periods.
    pub fn new(meters: usize, periods: PeriodIndex, false_positives: f64, rng: &mut StdRng) -> Self {
        let meters: Vec<_> = (0..meters).map(|_| Meter::new(rng)).collect();
        let mut bf1 = Bloom::new(2 * meters.len() * usize::from(periods), false_positives);
        let mut bf2 = Bloom::new(periods.into(), false_positives);
        for k in 0..periods {
            let points: Vec<_> = meters
                .iter()
                .flat_map(|meter| [0, 1].map(|half| meter.point(half, k)))
                .collect();
            points.iter().for_each(|point| bf1.insert(point.compress().as_bytes()));
            bf2.insert(points.iter().sum::<RistrettoPoint>().compress().as_bytes());
        }
        Self { meters, bf1, bf2 }
    }

    /// What all meters send in a period.
    pub fn send(&self, readings: &[i64], k: PeriodIndex, rng: &mut StdRng) -> Vec<Transaction> {
        let pairs = self.meters.iter().zip(readings);
        pairs
            .flat_map(|(meter, reading)| meter.send(*reading, k, rng))
            .collect()
    }

    /// An aggregator's checks of a transaction: signature and BF1. The pseudonym.
    pub fn admit(&self, transaction: &Transaction) -> Result<RistrettoPoint, Refused> {
        let point = CompressedRistretto(transaction.prid).decompress();
        let signed =
            |point: &RistrettoPoint| schnorr::verify(point, &transaction.share.to_le_bytes(), &transaction.signature);
        let point = point.filter(signed).ok_or(Refused::Signature)?;
        if self.bf1.contains(&transaction.prid) {
            Ok(point)
        } else {
            Err(Refused::NotInBf1)
        }
    }

    /// An aggregator's checks of a period: every transaction, and T in BF2. The sum of the shares.
    pub fn aggregate(&self, transactions: &[Transaction]) -> Result<i64, Refused> {
        let mut tally = RistrettoPoint::default();
        for transaction in transactions {
            tally += self.admit(transaction)?;
        }
        if self.bf2.contains(tally.compress().as_bytes()) {
            Ok(transactions.iter().map(|transaction| transaction.share).sum())
        } else {
            Err(Refused::NotInBf2)
        }
    }

    /// The masks of the meters that aren't `faulty`: Z where none is, and Z' after a fault.
    pub fn mask_sum(&self, k: PeriodIndex, faulty: &[usize]) -> i64 {
        let sound = self
            .meters
            .iter()
            .enumerate()
            .filter(|(place, _)| !faulty.contains(place));
        sound
            .flat_map(|(_, meter)| [0, 1].map(|half| meter.mask(half, k)))
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn a_period_in_which_all_send_is_accepted_and_its_total_is_right() {
        let mut rng = StdRng::seed_from_u64(1);
        let region = Region::new(5, 3, FALSE_POSITIVES, &mut rng);
        let readings = [0, 17, 250, 1_000, 4_800];
        let sent = region.send(&readings, 2, &mut rng);
        let sum = region.aggregate(&sent).unwrap();
        assert_eq!(sum - region.mask_sum(2, &[]), readings.iter().sum::<i64>());
    }

    #[test]
    fn what_is_altered_left_out_or_not_a_meters_is_refused() {
        let mut rng = StdRng::seed_from_u64(2);
        let region = Region::new(4, 2, FALSE_POSITIVES, &mut rng);
        let sent = region.send(&[100; 4], 0, &mut rng);
        let mut altered = sent.clone();
        altered[3].share += 1;
        assert_eq!(region.aggregate(&altered), Err(Refused::Signature));
        assert_eq!(region.aggregate(&sent[1..]), Err(Refused::NotInBf2));
        let alien = Meter::new(&mut rng).send(100, 0, &mut rng);
        assert_eq!(region.aggregate(&alien), Err(Refused::NotInBf1));
    }
}
