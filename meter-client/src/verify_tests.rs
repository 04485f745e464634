use super::*;
use crate::{
    state::StateDir,
    testing::{enrolled, secret, FakeLedger, REGION},
};
use gridveil_bills::{cid, envelope::seal, report::Line};
use gridveil_primitives::{bill::BillSecret, share::split_and_mask, tally, BillCommitments, PeriodStatus, Total};
use tempfile::TempDir;

const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 1_000_000,
    period_ms: 60_000,
    window_ms: 60_000,
    periods: 4,
};
/// What the meter used; it was silent in period 2.
const READINGS: [Option<i64>; 4] = [Some(500), Some(-20), None, Some(1_250)];

/// Commitments to nothing at all.
const NOTHING: BillCommitments = BillCommitments {
    energy: tally::EMPTY,
    amount: tally::EMPTY,
    apart: tally::EMPTY,
};
/// The period whose total was not opened.
const WITHHELD: PeriodIndex = 3;

/// A home with its bill, everything in order.
struct Home {
    _dir: TempDir,
    keys: MeterKeys,
    ledger: FakeLedger,
    identity: Identity,
    record: BTreeMap<PeriodIndex, (PeriodState, Option<i64>)>,
    seeds: Option<CycleKeys>,
}

fn price(period: PeriodIndex) -> Price {
    140_000 + u64::from(period)
}

fn key(period: PeriodIndex) -> PeriodKey {
    PeriodKey {
        region: REGION,
        cycle: 0,
        period,
    }
}

impl Home {
    fn new() -> Self {
        let (dir, state): (TempDir, StateDir) = enrolled();
        let keys = state.keys().unwrap();
        let seeds = secret().cycle_keys();
        let mut ledger = FakeLedger::default();
        ledger.schedules.insert(0, SCHEDULE);
        let mut record = BTreeMap::new();
        for (period, reading) in (0..).zip(READINGS) {
            // Two shares of a neighbour are on the chain in every period.
            let mut shares = vec![
                Share {
                    prid: [1; 32],
                    value: 1,
                },
                Share {
                    prid: [2; 32],
                    value: 2,
                },
            ];
            if let Some(reading) = reading {
                let pair = split_and_mask(reading, &keys.split, &seeds, 0, period);
                for (half, value) in Half::BOTH.into_iter().zip([pair.first, pair.second]) {
                    shares.push(Share {
                        prid: prid(&keys.spend.public(), &seeds, half, period),
                        value,
                    });
                }
            }
            let state = if reading.is_some() {
                PeriodState::Finalised
            } else {
                PeriodState::Silent
            };
            record.insert(period, (state, reading));
            let view = PeriodView {
                status: PeriodStatus::Complete,
                meters: 2,
                count: u32::try_from(shares.len()).unwrap(),
                sum: 0,
                tally: [0; 32],
                outcome: Some(if period == WITHHELD {
                    Outcome::Withheld
                } else {
                    Outcome::Opened(Total { meters: 2, energy: 0 })
                }),
                price: Some(price(period)),
            };
            ledger.views.push((period, view));
            ledger.shares.insert(key(period), shares);
        }
        Self {
            _dir: dir,
            keys,
            ledger,
            identity: Identity::generate(),
            record,
            seeds: Some(seeds),
        }
    }

    fn lines() -> Vec<Line> {
        (0..)
            .zip(READINGS)
            .map(|(period, energy)| Line {
                period,
                energy,
                price: Some(price(period)),
            })
            .collect()
    }

    fn report(&self, lines: Vec<Line>) -> Report {
        let secret = BillSecret::from_bytes([6; 32]);
        Report::new(&self.keys.bid, 0, REGION, "GBP", &SCHEDULE, lines, &secret)
    }

    fn seal(&self, report: &Report) -> Vec<u8> {
        seal(report, &self.identity.recipient()).unwrap()
    }

    /// What the chain has of a bill that was published as it is.
    fn record(&self, published: &[u8]) -> BillRecord {
        let report = read("the bill", published, &self.identity).ok();
        let commitments = report.and_then(|report| report.commitments(|period| period != WITHHELD));
        BillRecord {
            cid: cid::of(published).unwrap().to_bytes(),
            hash: gridveil_bills::hash(published),
            region: REGION,
            commitments: commitments.unwrap_or(NOTHING),
        }
    }

    /// The verdict on `bytes` where the chain names `published`.
    async fn judge(&self, bytes: &[u8], published: &[u8], identity: &Identity) -> Verdict {
        self.judge_by(bytes, &self.record(published), identity).await
    }

    /// The verdict on `bytes` where the chain has this record.
    async fn judge_by(&self, bytes: &[u8], record: &BillRecord, identity: &Identity) -> Verdict {
        let own = Own {
            keys: &self.keys,
            region: REGION,
            seeds: self.seeds.clone(),
            record: self.record.clone(),
        };
        verify(&self.ledger, &own, 0, (bytes, "the bill"), record, identity, &|_| ())
            .await
            .unwrap()
    }

    /// The kinds of fault in a bill with these lines that was published as it is.
    async fn faults(&self, report: &Report) -> Vec<&'static str> {
        let bytes = self.seal(report);
        let verdict = self.judge(&bytes, &bytes, &self.identity).await;
        assert_eq!(verdict.ok, verdict.faults.is_empty());
        verdict.faults.iter().map(Fault::kind).collect()
    }
}

#[tokio::test]
async fn a_right_bill_is_right_and_every_consumption_was_checked_twice() {
    let home = Home::new();
    let report = home.report(Home::lines());
    let bytes = home.seal(&report);
    let verdict = home.judge(&bytes, &bytes, &home.identity).await;
    assert!(verdict.ok, "{:?}", verdict.faults);
    assert_eq!(
        verdict.consumption,
        Checked {
            by_chain: 4,
            by_record: 4,
            unchecked: 0
        }
    );
    assert_eq!(verdict.report, Some(report));
}

#[tokio::test]
async fn a_changed_price_is_found() {
    let home = Home::new();
    let mut lines = Home::lines();
    lines[1].price = Some(price(1) + 1);
    assert_eq!(home.faults(&home.report(lines)).await, ["price_changed"]);
    let mut lines = Home::lines();
    lines[3].price = None;
    assert_eq!(home.faults(&home.report(lines)).await, ["price_changed"]);
}

#[tokio::test]
async fn a_changed_consumption_is_found_by_the_chain_and_by_the_record() {
    let home = Home::new();
    for (period, energy) in [(0, Some(501)), (0, None), (2, Some(1))] {
        let mut lines = Home::lines();
        lines[period].energy = energy;
        assert_eq!(home.faults(&home.report(lines)).await, ["consumption_wrong"; 2]);
    }
}

#[tokio::test]
async fn a_changed_consumption_is_found_by_the_record_alone_once_shares_are_pruned() {
    let mut home = Home::new();
    home.ledger.shares.clear();
    let mut lines = Home::lines();
    lines[0].energy = Some(501);
    assert_eq!(home.faults(&home.report(lines)).await, ["consumption_wrong"]);
}

#[tokio::test]
async fn a_bill_is_not_doubted_while_the_shares_of_a_period_are_half_pruned() {
    let mut home = Home::new();
    // Those of period 1 go one by one, the meter's own among the first.
    home.ledger.shares.get_mut(&key(1)).unwrap().drain(2..);
    let bytes = home.seal(&home.report(Home::lines()));
    let verdict = home.judge(&bytes, &bytes, &home.identity).await;
    assert!(verdict.ok, "{:?}", verdict.faults);
    assert_eq!((verdict.consumption.by_chain, verdict.consumption.by_record), (3, 4));
    assert!(verdict.report.is_some());
}

#[tokio::test]
async fn a_changed_consumption_is_found_by_the_chain_alone_where_the_meter_has_no_record() {
    let mut home = Home::new();
    home.record.clear();
    let mut lines = Home::lines();
    lines[0].energy = Some(501);
    assert_eq!(home.faults(&home.report(lines)).await, ["consumption_wrong"]);
}

#[tokio::test]
async fn without_seeds_and_record_the_verdict_says_that_consumption_is_unchecked() {
    let mut home = Home::new();
    home.record.clear();
    home.seeds = None;
    let bytes = home.seal(&home.report(Home::lines()));
    let verdict = home.judge(&bytes, &bytes, &home.identity).await;
    assert!(verdict.ok);
    assert_eq!(
        verdict.consumption,
        Checked {
            unchecked: 4,
            ..Checked::default()
        }
    );
}

#[tokio::test]
async fn one_share_of_a_pair_on_the_chain_is_no_reading() {
    let mut home = Home::new();
    home.ledger.shares.get_mut(&key(0)).unwrap().pop();
    home.ledger.views[0].1.count = 3;
    home.record.insert(0, (PeriodState::Partial, Some(500)));
    assert_eq!(home.faults(&home.report(Home::lines())).await, ["consumption_wrong"]);
    let mut lines = Home::lines();
    lines[0].energy = None;
    assert!(home.faults(&home.report(lines)).await.is_empty());
}

#[tokio::test]
async fn a_reading_that_no_home_can_have_is_rightly_not_billed() {
    let mut home = Home::new();
    let share = home.ledger.shares.get_mut(&key(0)).unwrap().last_mut().unwrap();
    share.value = share.value.wrapping_add(1 << 40);
    home.record.insert(0, (PeriodState::Finalised, Some(500 + (1 << 40))));
    let mut lines = Home::lines();
    assert_eq!(home.faults(&home.report(lines.clone())).await, ["consumption_wrong"; 2]);
    lines[0].energy = None;
    assert!(home.faults(&home.report(lines)).await.is_empty());
}

#[tokio::test]
async fn the_bill_of_a_meter_that_came_within_the_month_is_right_for_its_own_periods() {
    // It was off in period 0, and what it sent for period 1 was refused.
    let mut home = Home::new();
    let mut lines = Home::lines();
    for period in 0..2 {
        let shares = home.ledger.shares.get_mut(&key(period)).unwrap();
        shares.truncate(2);
        home.ledger.views[usize::from(period)].1.count = 2;
        lines[usize::from(period)].energy = None;
    }
    home.record.insert(0, (PeriodState::Missed, None));
    home.record.insert(1, (PeriodState::Lost, READINGS[1]));
    assert!(home.faults(&home.report(lines.clone())).await.is_empty());
    lines[1].energy = READINGS[1];
    assert_eq!(home.faults(&home.report(lines)).await, ["consumption_wrong"]);
}

#[tokio::test]
async fn a_wrong_sum_is_found() {
    let home = Home::new();
    let mut report = home.report(Home::lines());
    report.amount += 1;
    assert_eq!(home.faults(&report).await, ["sum_wrong"]);
    let mut report = home.report(Home::lines());
    report.energy += 1;
    assert_eq!(home.faults(&report).await, ["sum_wrong"]);
}

#[tokio::test]
async fn a_bill_of_another_user_cycle_region_or_time_is_found() {
    let home = Home::new();
    type Change = fn(&mut Report);
    let changes: [Change; 5] = [
        |report| report.bid = "00".repeat(32),
        |report| report.cycle = 1,
        |report| report.region += 1,
        |report| report.start += 1,
        |report| report.period_ms += 1,
    ];
    for change in changes {
        let mut report = home.report(Home::lines());
        change(&mut report);
        assert_eq!(home.faults(&report).await, ["other_bill"]);
    }
}

#[tokio::test]
async fn a_bill_that_leaves_a_period_out_or_adds_one_is_found() {
    let home = Home::new();
    let mut lines = Home::lines();
    lines.remove(1);
    assert_eq!(home.faults(&home.report(lines)).await, ["other_periods"]);
    let mut lines = Home::lines();
    lines.push(Line {
        period: 4,
        energy: None,
        price: None,
    });
    assert_eq!(home.faults(&home.report(lines)).await, ["other_periods"]);
}

#[tokio::test]
async fn a_tampered_bill_does_not_have_the_chains_hash_and_does_not_open() {
    let home = Home::new();
    let bytes = home.seal(&home.report(Home::lines()));
    let mut tampered = bytes.clone();
    *tampered.last_mut().unwrap() ^= 1;
    let verdict = home.judge(&tampered, &bytes, &home.identity).await;
    assert_eq!(
        verdict.faults.iter().map(Fault::kind).collect::<Vec<_>>(),
        ["hash_mismatch", "wrong_key"]
    );
}

#[tokio::test]
async fn a_bill_sealed_anew_with_other_prices_shows_both_faults() {
    let home = Home::new();
    let genuine = home.seal(&home.report(Home::lines()));
    let mut lines = Home::lines();
    lines[0].price = Some(1);
    let forged = home.seal(&home.report(lines));
    let verdict = home.judge(&forged, &genuine, &home.identity).await;
    assert_eq!(
        verdict.faults.iter().map(Fault::kind).collect::<Vec<_>>(),
        ["hash_mismatch", "price_changed", "commitment_wrong"]
    );
}

#[tokio::test]
async fn a_bill_that_is_not_the_one_committed_to_is_found() {
    let home = Home::new();
    let bytes = home.seal(&home.report(Home::lines()));
    let record = home.record(&bytes);
    // One watt-hour more on the chain, or one less, in a period whose total was opened and in the one where it was not.
    for (period, commitments) in [(0, &["energy", "amount"][..]), (WITHHELD, &["amount booked apart"])] {
        for change in [1, -1] {
            let mut lines = Home::lines();
            *lines[usize::from(period)].energy.as_mut().unwrap() += change;
            let other = home.record(&home.seal(&home.report(lines)));
            let record = BillRecord {
                commitments: other.commitments,
                ..record.clone()
            };
            let verdict = home.judge_by(&bytes, &record, &home.identity).await;
            let expected: Vec<_> = commitments.iter().map(|what| Fault::CommitmentWrong { what }).collect();
            assert_eq!(verdict.faults, expected);
        }
    }
}

#[tokio::test]
async fn a_bill_with_another_secret_or_none_is_not_the_one_committed_to() {
    let home = Home::new();
    for secret in [hex::encode([7; 32]), "none".into()] {
        let report = Report {
            secret,
            ..home.report(Home::lines())
        };
        let bytes = home.seal(&report);
        let record = BillRecord {
            commitments: home.record(&home.seal(&home.report(Home::lines()))).commitments,
            ..home.record(&bytes)
        };
        let verdict = home.judge_by(&bytes, &record, &home.identity).await;
        let kinds: Vec<_> = verdict.faults.iter().map(Fault::kind).collect();
        assert_eq!(kinds, ["commitment_wrong"; 3]);
    }
}

#[tokio::test]
async fn a_bill_that_the_chain_adds_to_another_region_is_found() {
    let home = Home::new();
    let bytes = home.seal(&home.report(Home::lines()));
    let record = BillRecord {
        region: REGION + 1,
        ..home.record(&bytes)
    };
    let verdict = home.judge_by(&bytes, &record, &home.identity).await;
    let kinds: Vec<_> = verdict.faults.iter().map(Fault::kind).collect();
    assert_eq!(kinds, ["other_bill"]);
}

#[tokio::test]
async fn another_key_does_not_open_the_bill() {
    let home = Home::new();
    let bytes = home.seal(&home.report(Home::lines()));
    let verdict = home.judge(&bytes, &bytes, &Identity::generate()).await;
    assert!(!verdict.ok && verdict.report.is_none());
    assert_eq!(
        verdict.faults.iter().map(Fault::kind).collect::<Vec<_>>(),
        ["wrong_key"]
    );
}

#[tokio::test]
async fn what_is_no_bill_is_malformed() {
    let home = Home::new();
    let bytes = gridveil_bills::envelope::encrypt_bytes(b"<p>hello</p>", &home.identity.recipient()).unwrap();
    let verdict = home.judge(&bytes, &bytes, &home.identity).await;
    assert_eq!(
        verdict.faults.iter().map(Fault::kind).collect::<Vec<_>>(),
        ["malformed"]
    );
}

#[tokio::test]
async fn a_cid_on_the_chain_that_is_not_the_bills_is_found() {
    let home = Home::new();
    let bytes = home.seal(&home.report(Home::lines()));
    let record = BillRecord {
        cid: cid::of(b"other").unwrap().to_bytes(),
        ..home.record(&bytes)
    };
    assert_eq!(
        check_bytes("the bill", &bytes, &record),
        [Fault::CidMismatch {
            from: "the bill".into()
        }]
    );
}

#[tokio::test]
async fn a_cycle_that_the_chain_does_not_know_is_an_error() {
    let mut home = Home::new();
    let bytes = home.seal(&home.report(Home::lines()));
    home.ledger.schedules.clear();
    let own = Own {
        keys: &home.keys,
        region: REGION,
        seeds: None,
        record: BTreeMap::new(),
    };
    let record = home.record(&bytes);
    let error = verify(
        &home.ledger,
        &own,
        0,
        (&bytes, "the bill"),
        &record,
        &home.identity,
        &|_| (),
    )
    .await;
    assert!(matches!(error, Err(BillError::UnknownCycle { cycle: 0 })));
}

#[tokio::test]
async fn a_verdict_as_json_names_the_kind_of_each_fault() {
    let home = Home::new();
    let mut lines = Home::lines();
    lines[1].price = Some(5);
    let bytes = home.seal(&home.report(lines));
    let verdict = home.judge(&bytes, &bytes, &home.identity).await;
    let json = serde_json::to_value(&verdict).unwrap();
    assert_eq!(json["ok"], false);
    assert_eq!(json["faults"][0]["kind"], "price_changed");
    assert_eq!(
        json["faults"][0]["message"],
        "period 1 is billed at 5 millionths per kWh, and the chain's price is 140001 millionths per kWh"
    );
}
