//! Whoever keeps or carries a bill alters it, gives a user another's or last month's, and weighs it.
//!
//! The paper's bill is as long as its figures, and encrypted. On gridveil it is sealed, padded, says whose it is and of which
//! month, and its user compares all of it with the chain: these are `meter-client bill verify`'s own checks.

use curve25519_dalek::{constants::RISTRETTO_BASEPOINT_TABLE, scalar::Scalar};
use gridveil_bills::{
    cid,
    envelope::{decrypt_bytes, seal, Identity},
    report::{Line, Report},
};
use gridveil_meter_client::verify::{check_bytes, check_commitments, check_prices, check_report, read, Fault};
use gridveil_primitives::{
    bill::{BillSecret, Figures},
    tally, Bid, BillRecord, CycleId, CycleSchedule, Outcome, PeriodIndex, PeriodStatus, PeriodView, Total,
    PERIODS_PER_CYCLE,
};
use rand::{rngs::StdRng, Rng};

use crate::{
    bounds::Rate,
    paper::{bill, schnorr},
    report::{seen, Row, Seen},
};

const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 1_750_000_000_000,
    period_ms: 1_800_000,
    window_ms: 900_000,
    periods: PERIODS_PER_CYCLE,
};
const REGION: u32 = 1;

/// A month of a home that uses at most this much in half an hour.
fn report(bid: &Bid, cycle: CycleId, most: i64, rng: &mut StdRng) -> Report {
    let line = |period| Line {
        period,
        energy: Some(rng.gen_range(0..=most)),
        price: Some(price(period)),
    };
    let lines = (0..SCHEDULE.periods).map(line).collect();
    Report::new(
        bid,
        cycle,
        REGION,
        "GBP",
        &SCHEDULE,
        lines,
        &BillSecret::from_bytes(rng.gen()),
    )
}

/// The price of a period, as it is on the chain.
fn price(period: PeriodIndex) -> u64 {
    140_000 + 100 * u64::from(period % 48)
}

/// What the chain has of a bill.
fn record(bytes: &[u8]) -> BillRecord {
    BillRecord {
        cid: cid::of(bytes).map(|cid| cid.to_bytes()).unwrap_or_default(),
        hash: gridveil_bills::hash(bytes),
        region: REGION,
        commitments: Figures::default().commit(&BillSecret::from_bytes([0; 32])),
    }
}

/// Whether the only faults are of one kind, about `what` where that is said.
fn only(faults: &[Fault], kind: &str, what: &str) -> Seen {
    let found: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let as_expected = faults.iter().all(|fault| fault.kind() == kind) && found.iter().all(|text| text.contains(what));
    seen(
        !faults.is_empty() && as_expected,
        found.first().map_or("accepted".into(), Clone::clone),
    )
}

fn on_paper(row: &mut Row, rng: &mut StdRng) {
    let user = schnorr::random(rng);
    let key = &user * RISTRETTO_BASEPOINT_TABLE;
    let told = Rate::of(200, || {
        let bills = [9, 5_000].map(|most| bill::encrypt(&report(&[1; 32], 0, most, rng).to_json(), &key, rng));
        bills[0].1.len() < bills[1].1.len()
    });
    row.paper("a bill's size tells consumption", told.at_least(0.9));

    let altered = Rate::of(200, || {
        let report = report(&[1; 32], 0, 5_000, rng);
        let text = report.to_json();
        let (ephemeral, mut hidden) = bill::encrypt(&text, &key, rng);
        let amount = format!("\"amount\":{}", report.amount);
        let place = text.find(&amount).expect("it says what is to be paid") + "\"amount\":".len();
        // The digits 0 and 1, 2 and 3, … differ in one bit.
        hidden[place] ^= 1;
        reads_otherwise(&(ephemeral, hidden), &user, report.amount)
    });
    row.paper("a flipped bit changes the amount", altered.at_least(0.9));
}

/// Whether a bill decrypts to one with another amount.
fn reads_otherwise(bill: &(curve25519_dalek::RistrettoPoint, Vec<u8>), user: &Scalar, amount: i64) -> bool {
    Report::from_json(&bill::decrypt(bill, user)).is_ok_and(|report| report.amount != amount)
}

pub fn run(rng: &mut StdRng) -> Row {
    let mut row = Row::default();
    on_paper(&mut row, rng);

    let (mine, other) = (Identity::generate(), Identity::generate());
    let bid: Bid = rng.gen();
    let bill = report(&bid, 1, 5_000, rng);
    let Ok(sealed) = seal(&bill, &mine.recipient()) else {
        row.gridveil("a bill is sealed", Err("it isn't".into()));
        return row;
    };
    let on_chain = record(&sealed);
    let check = |report: &Report| check_report(report, &bid, REGION, 1, &SCHEDULE);
    let whole = check_bytes("the store", &sealed, &on_chain).is_empty()
        && read("the store", &sealed, &mine).is_ok_and(|report| check(&report).is_empty() && report == bill);
    row.gridveil("the bill itself is in order", seen(whole, "no fault"));

    let lengths = [9, 5_000].map(|most| {
        let lengths: std::collections::BTreeSet<usize> = (0..20)
            .filter_map(|_| seal(&report(&bid, 1, most, rng), &mine.recipient()).ok())
            .filter_map(|sealed| decrypt_bytes(&sealed, &mine).ok().map(|plain| plain.len()))
            .collect();
        lengths
    });
    let equal = lengths[0].len() == 1 && lengths[0] == lengths[1];
    row.gridveil(
        "bills of 20 frugal and 20 other homes differ in size",
        seen(equal, format!("none, all {:?} bytes", lengths[0])),
    );
    let flipped = Rate::of(1_000, || {
        let mut changed = sealed.clone();
        let (place, bit) = (rng.gen_range(0..changed.len()), rng.gen_range(0..8));
        changed[place] ^= 1 << bit;
        let noticed = check_bytes("the store", &changed, &on_chain)
            .iter()
            .any(|fault| fault.kind() == "hash_mismatch");
        !noticed || read("the store", &changed, &mine).is_ok()
    });
    row.gridveil("a flipped bit passes the hash, or the seal", flipped.never());

    // The chain, too, would say what the attacker wants.
    let theirs = seal(&report(&[2; 32], 1, 5_000, rng), &other.recipient()).unwrap_or_default();
    let unreadable: Vec<Fault> = read("the store", &theirs, &mine).err().into_iter().collect();
    row.gridveil("another user's bill", only(&unreadable, "wrong_key", "does not open"));
    let readdressed = report(&[2; 32], 1, 5_000, rng);
    row.gridveil(
        "another user's, sealed to this one",
        only(&check(&readdressed), "other_bill", "user"),
    );
    let old = report(&bid, 0, 5_000, rng);
    row.gridveil("last month's bill", only(&check(&old), "other_bill", "cycle"));
    let mut dearer = bill.clone();
    dearer.amount += 100;
    row.gridveil(
        "an amount that its lines don't make",
        only(&check(&dearer), "sum_wrong", "cost"),
    );
    let lines = bill.lines.iter().map(|line| Line {
        price: line.price.map(|price| price + 1),
        ..*line
    });
    let secret = BillSecret::from_bytes(rng.gen());
    let dearer = Report::new(&bid, 1, REGION, "GBP", &SCHEDULE, lines.collect(), &secret);
    let views: Vec<_> = (0..SCHEDULE.periods).map(|period| (period, view(period))).collect();
    assert!(
        check(&dearer).is_empty() && check_prices(&bill, &views).is_empty(),
        "only the prices are wrong"
    );
    row.gridveil(
        "prices that are not the chain's",
        only(&check_prices(&dearer, &views), "price_changed", "period"),
    );
    // The region's sum would come out right, with the dearer bill beside a bill that was committed to.
    let record = BillRecord {
        commitments: bill.commitments(|_| true).unwrap_or(on_chain.commitments),
        ..on_chain
    };
    let beside = Report {
        secret: bill.secret.clone(),
        ..dearer
    };
    assert!(
        check_commitments(&bill, REGION, &record, &views).is_empty(),
        "the bill is the one committed to"
    );
    row.gridveil(
        "a bill beside the one that is in its region's sum",
        only(
            &check_commitments(&beside, REGION, &record, &views),
            "commitment_wrong",
            "amount",
        ),
    );
    row
}

/// What the chain says of a period.
fn view(period: PeriodIndex) -> PeriodView {
    PeriodView {
        status: PeriodStatus::Complete,
        meters: 3,
        count: 6,
        sum: 0,
        tally: tally::EMPTY,
        outcome: Some(Outcome::Opened(Total { meters: 3, energy: 0 })),
        price: Some(price(period)),
    }
}
