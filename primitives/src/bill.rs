//! Commitments to what bills come to, and the opening of the sum of a region's.
//!
//! Beside each bill the key centre publishes three Pedersen commitments, `figure·B + blinding·H` with H as in
//! [`crate::commitment`]: to the energy and to the amount of those periods whose total was opened, and *apart* to the amount
//! of whatever else is billed, which are the periods whose total was withheld. The chain adds up a region's. After
//! the last bill of a cycle the key centre opens the sums for energy and amount ([`open`]), the chain checks that ([`opens`]),
//! and anyone compares them with what the opened totals come to ([`of_totals`]). A user has the [`BillSecret`] of its own bill,
//! and with it makes the same three commitments. Amounts are exact, in 10^-9 of the currency unit, before the one rounding.
//!
//! **Privacy.** A commitment hides its figure from whoever lacks the bill's secret. Sums that are opened equal what follows from
//! totals that are public, unless bills are wrong. What is apart is never opened: it would show the total that was withheld.

use curve25519_dalek::{
    constants::RISTRETTO_BASEPOINT_TABLE,
    ristretto::{CompressedRistretto, RistrettoPoint},
    scalar::Scalar,
};
use zeroize::Zeroizing;

use crate::{
    commitment::generator,
    hash::tagged,
    keys::secret_bytes,
    money,
    types::{BillCommitments, BillOpening, BillSums, Outcome, PeriodView, PointBytes, Price, RegionBills},
};

secret_bytes! {
    /// What the blindings of one bill's commitments follow from. It stands in the bill.
    BillSecret
}

const ENERGY: &str = "bill/energy";
const AMOUNT: &str = "bill/amount";
const APART: &str = "bill/apart";

impl BillSecret {
    /// `H(domain, secret)` reduced modulo q.
    fn blinding(&self, domain: &str) -> Scalar {
        Scalar::from_bytes_mod_order_wide(&Zeroizing::new(tagged(domain, &[&self.0])))
    }
}

/// What a bill comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures {
    /// The energy of the periods whose total was opened, in watt-hours, and what it costs.
    pub opened: BillSums,
    /// What is billed for other periods, in 10^-9 of the currency unit.
    pub apart: i128,
}

impl Figures {
    /// What these lines come to: each is a period's energy in watt-hours, its price, and whether the region's total of the
    /// period was opened.
    pub fn of(lines: impl IntoIterator<Item = (i64, Price, bool)>) -> Self {
        let mut figures = Self::default();
        for (energy, price, opened) in lines {
            if opened {
                figures.opened.add(energy, price);
            } else {
                figures.apart = figures.apart.saturating_add(money::line(energy, price));
            }
        }
        figures
    }

    /// The three commitments, in constant time but for the figures' signs.
    pub fn commit(&self, secret: &BillSecret) -> BillCommitments {
        let commit = |figure: i128, domain: &str| {
            let point = &scalar(figure) * RISTRETTO_BASEPOINT_TABLE + secret.blinding(domain) * generator();
            point.compress().to_bytes()
        };
        BillCommitments {
            energy: commit(self.opened.energy, ENERGY),
            amount: commit(self.opened.amount, AMOUNT),
            apart: commit(self.apart, APART),
        }
    }
}

impl BillSums {
    /// Adds energy in watt-hours, and what it costs.
    fn add(&mut self, energy: i64, price: Price) {
        self.energy = self.energy.saturating_add(energy.into());
        self.amount = self.amount.saturating_add(money::line(energy, price));
    }
}

/// What a region's bills have to come to: the totals of the periods that were opened and priced, and what they cost.
pub fn of_totals<'a>(periods: impl IntoIterator<Item = &'a PeriodView>) -> BillSums {
    let mut sums = BillSums::default();
    for period in periods {
        if let (Some(Outcome::Opened(total)), Some(price)) = (period.outcome, period.price) {
            sums.add(total.energy, price);
        }
    }
    sums
}

/// The opening of the sums of the commitments to these bills, which come to `sums`.
pub fn open(sums: BillSums, bills: impl IntoIterator<Item = BillSecret>) -> BillOpening {
    let (mut energy, mut amount) = (Scalar::ZERO, Scalar::ZERO);
    for bill in bills {
        energy += bill.blinding(ENERGY);
        amount += bill.blinding(AMOUNT);
    }
    BillOpening {
        sums,
        energy_blinding: energy.to_bytes(),
        amount_blinding: amount.to_bytes(),
    }
}

/// Whether the opening opens both sums of a region's commitments. All values being public, in variable time.
pub fn opens(bills: &RegionBills, opening: &BillOpening) -> bool {
    let generator = generator();
    let opens = |commitment: PointBytes, figure: i128, blinding: [u8; 32]| {
        let blinding = Option::<Scalar>::from(Scalar::from_canonical_bytes(blinding));
        let shown = blinding.map(|blinding| {
            RistrettoPoint::vartime_double_scalar_mul_basepoint(&blinding, &generator, &scalar(figure))
        });
        shown.is_some() && CompressedRistretto(commitment).decompress() == shown
    };
    let BillSums { energy, amount } = opening.sums;
    opens(bills.energy, energy, opening.energy_blinding) && opens(bills.amount, amount, opening.amount_blinding)
}

/// A figure modulo q, which is far above twice the largest.
fn scalar(figure: i128) -> Scalar {
    let size = Scalar::from(figure.unsigned_abs());
    if figure < 0 {
        -size
    } else {
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{keys::RootKey, tally, types::Total, PeriodStatus};

    const LINES: [&[(i64, Price, bool)]; 3] = [
        &[(500, 140_000, true), (700, 200_000, false)],
        &[(-1_250, 150_000, true), (20, 140_000, true)],
        &[],
    ];

    fn secret(home: u8) -> BillSecret {
        RootKey::from_bytes([1; 32]).bill_secret(&[home; 32], 7)
    }

    /// The bills of three homes as the chain adds them up.
    fn added() -> RegionBills {
        let bills: std::vec::Vec<_> = (0..).zip(LINES).map(|(home, lines)| commit(home, lines)).collect();
        RegionBills {
            bills: 3,
            energy: tally::sum(bills.iter().map(|bill| &bill.energy)).unwrap(),
            amount: tally::sum(bills.iter().map(|bill| &bill.amount)).unwrap(),
            opened: None,
        }
    }

    fn commit(home: u8, lines: &[(i64, Price, bool)]) -> BillCommitments {
        Figures::of(lines.iter().copied()).commit(&secret(home))
    }

    /// The three bills' opening with these sums.
    fn opening(energy: i128, amount: i128) -> BillOpening {
        open(BillSums { energy, amount }, (0..3).map(secret))
    }

    #[test]
    fn what_was_withheld_is_booked_apart() {
        let figures = Figures::of(LINES[0].iter().copied());
        let opened = BillSums {
            energy: 500,
            amount: 70_000_000,
        };
        assert_eq!((figures.opened, figures.apart), (opened, 140_000_000));
    }

    #[test]
    fn the_sums_of_the_bills_open_and_nothing_beside_them_does() {
        let (energy, amount) = (-730, 70_000_000 - 187_500_000 + 2_800_000);
        assert!(opens(&added(), &opening(energy, amount)));
        assert!(!opens(&added(), &opening(energy + 1, amount)));
        assert!(!opens(&added(), &opening(energy, amount - 1)));
        assert!(!opens(&added(), &opening(-energy, amount)));
        let mut blinded = opening(energy, amount);
        blinded.energy_blinding[0] ^= 1;
        assert!(!opens(&added(), &blinded));
        let mut malformed = opening(energy, amount);
        malformed.amount_blinding = [0xff; 32];
        assert!(!opens(&added(), &malformed));
        let other = RegionBills {
            amount: [0xff; 32],
            ..added()
        };
        assert!(!opens(&other, &opening(energy, amount)));
    }

    #[test]
    fn one_bill_more_or_less_does_not_open() {
        let sums = opening(-730, -114_700_000).sums;
        assert!(opens(&added(), &open(sums, (0..3).map(secret))));
        assert!(!opens(&added(), &open(sums, (0..2).map(secret))));
        assert!(!opens(&added(), &open(sums, (0..4).map(secret))));
    }

    #[test]
    fn no_commitments_add_up_to_the_identity() {
        let nothing = open(BillSums::default(), []);
        assert!(opens(&RegionBills::default(), &nothing));
    }

    #[test]
    fn equal_figures_of_two_homes_or_cycles_or_kinds_cannot_be_told_to_be_equal() {
        let figures = Figures::default();
        let root = RootKey::from_bytes([1; 32]);
        let commitments = [(1, 0), (2, 0), (1, 1)].map(|(home, cycle)| {
            let BillCommitments { energy, amount, apart } = figures.commit(&root.bill_secret(&[home; 32], cycle));
            [energy, amount, apart]
        });
        let distinct: std::collections::BTreeSet<_> = commitments.iter().flatten().collect();
        assert_eq!(distinct.len(), 9);
    }

    #[test]
    fn only_totals_that_were_opened_and_priced_have_to_be_billed() {
        let view = |outcome, price| PeriodView {
            status: PeriodStatus::Complete,
            meters: 3,
            count: 6,
            sum: 0,
            tally: tally::EMPTY,
            outcome,
            price,
        };
        let opened = |energy| Some(Outcome::Opened(Total { meters: 3, energy }));
        let views = [
            view(opened(1_000), Some(140_000)),
            view(opened(-300), Some(100_000)),
            view(Some(Outcome::Withheld), Some(200_000)),
            view(opened(5), None),
            view(None, None),
        ];
        let sums = BillSums {
            energy: 700,
            amount: 110_000_000,
        };
        assert_eq!(of_totals(&views), sums);
    }
}
