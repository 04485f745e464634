//! The commitments to bills: two regions' bills, and openings of their sums.

use super::{
    check::{fixed, hold, list, number},
    load,
    make::{flip, input},
    naive,
};
use gridveil_primitives::{
    bill::{self, Figures},
    keys::RootKey,
    tally, BillCommitments, BillOpening, BillSums, Price, RegionBills,
};
use serde_json::{json, Value};

const CYCLE: u32 = 3;
/// The lines of each home: energy, price, and whether the period's total was opened.
const HOMES: [&[(i64, Price, bool)]; 3] = [
    &[(412, 142_280, true), (88, 672_123, true), (950, 200_000, false)],
    &[(-1_700, 142_280, true), (0, 672_123, true)],
    &[(i64::MAX, Price::MAX, true), (i64::MIN, Price::MAX, false)],
];

fn root() -> RootKey {
    RootKey::from_bytes(input("root"))
}

fn bid(home: usize) -> [u8; 32] {
    input(&format!("bid {home}"))
}

fn figures(home: usize) -> Figures {
    Figures::of(HOMES[home].iter().copied())
}

fn written(opening: &BillOpening) -> Value {
    json!({ "energy": opening.sums.energy.to_string(), "amount": opening.sums.amount.to_string(),
        "energy_blinding": hex::encode(opening.energy_blinding), "amount_blinding": hex::encode(opening.amount_blinding) })
}

/// One file: bills with their commitments, the sums of these, and openings.
pub fn make() -> Value {
    let bills: Vec<_> = (0..HOMES.len())
        .map(|home| {
            let secret = root().bill_secret(&bid(home), CYCLE);
            let BillCommitments { energy, amount, apart } = figures(home).commit(&secret);
            let lines: Vec<_> = HOMES[home]
                .iter()
                .map(|(energy, price, opened)| json!([energy.to_string(), price.to_string(), opened]))
                .collect();
            json!({ "bid": hex::encode(bid(home)), "lines": lines, "secret": hex::encode(*secret.to_bytes()),
                "energy": hex::encode(energy), "amount": hex::encode(amount), "apart": hex::encode(apart) })
        })
        .collect();
    let sums = (0..HOMES.len())
        .map(figures)
        .fold(BillSums::default(), |sums, home| BillSums {
            energy: sums.energy + home.opened.energy,
            amount: sums.amount + home.opened.amount,
        });
    let good = bill::open(sums, (0..HOMES.len()).map(|home| root().bill_secret(&bid(home), CYCLE)));
    let with_sums = |energy, amount| BillOpening {
        sums: BillSums { energy, amount },
        ..good
    };
    let order = |blinding: &[u8; 32]| naive::add_order(blinding, 0);
    let tampered = [
        with_sums(sums.energy + 1, sums.amount),
        with_sums(sums.energy, sums.amount - 1),
        with_sums(-sums.energy, sums.amount),
        BillOpening {
            energy_blinding: flip(good.energy_blinding, 0),
            ..good
        },
        BillOpening {
            amount_blinding: flip(good.amount_blinding, 77),
            ..good
        },
        // The same scalar, in a form that is not canonical.
        BillOpening {
            energy_blinding: order(&good.energy_blinding),
            ..good
        },
    ];
    let tampered: Vec<_> = tampered.iter().map(written).collect();
    json!({ "version": 1, "root": hex::encode(input("root")), "cycle": CYCLE, "bills": bills,
        "good": [written(&good)], "tampered": tampered })
}

#[test]
fn commitments_to_bills_are_those_of_the_formula() {
    let file = load("bills");
    let (root, cycle) = (fixed::<32>(&file["root"]), number::<u32>(&file["cycle"]));
    for case in list(&file["bills"]) {
        let bid = fixed::<32>(&case["bid"]);
        let secret = naive::hkdf(&root, "bill", &[&bid[..], &cycle.to_le_bytes()].concat());
        assert_eq!(secret, fixed::<32>(&case["secret"]));
        let lines = list(&case["lines"]).iter().map(|line| {
            let opened = line[2].as_bool().expect("yes or no");
            (number::<i64>(&line[0]), number::<Price>(&line[1]), opened)
        });
        let (mut energy, mut amount, mut apart) = (0, 0, 0);
        for (wh, price, opened) in lines.clone() {
            let cost = i128::from(wh) * i128::from(price);
            if opened {
                (energy, amount) = (energy + i128::from(wh), amount + cost);
            } else {
                apart += cost;
            }
        }
        let made = Figures::of(lines).commit(&RootKey::from_bytes(root).bill_secret(&bid, cycle));
        for (name, figure, made) in [
            ("energy", energy, made.energy),
            ("amount", amount, made.amount),
            ("apart", apart, made.apart),
        ] {
            let blinding = naive::reduce(&naive::h(&format!("bill/{name}"), &[&secret]));
            assert_eq!(made.to_vec(), naive::commitment(naive::signed(figure), blinding));
            assert_eq!(made, fixed(&case[name]), "{name}");
        }
    }
}

#[test]
fn the_sum_of_bills_opens_and_tampered_openings_do_not() {
    let file = load("bills");
    let points = |name: &str| -> Vec<[u8; 32]> { list(&file["bills"]).iter().map(|bill| fixed(&bill[name])).collect() };
    let sum = |name| tally::sum(points(name).iter()).expect("all are points");
    let bills = RegionBills {
        bills: 3,
        energy: sum("energy"),
        amount: sum("amount"),
        opened: None,
    };
    hold(&file, |case| {
        let opening = BillOpening {
            sums: BillSums {
                energy: number(&case["energy"]),
                amount: number(&case["amount"]),
            },
            energy_blinding: fixed(&case["energy_blinding"]),
            amount_blinding: fixed(&case["amount_blinding"]),
        };
        bill::opens(&bills, &opening)
    });
}
