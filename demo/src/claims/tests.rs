use super::*;
use gridveil_bills::report::Line;
use gridveil_primitives::{bill::BillSecret, CycleSchedule};
use serde_json::json;

const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 1_000_000,
    period_ms: 3_000,
    window_ms: 4_000,
    periods: 2,
};

fn home(meter: &str, region: RegionId, readings: [Option<i64>; 2]) -> Home {
    Home {
        meter: meter.into(),
        file: "readings.csv".into(),
        region,
        readings: readings.to_vec(),
    }
}

/// Two regions of three homes over two periods; in region 1, C is silent in period 1, so that two are left there.
fn homes() -> Vec<Home> {
    vec![
        home("A", 1, [Some(100), Some(200)]),
        home("B", 1, [Some(1_000), Some(0)]),
        home("C", 1, [Some(700), None]),
        home("D", 2, [Some(300), Some(2_000)]),
        home("E", 2, [Some(400), Some(2_000)]),
        home("F", 2, [Some(500), Some(2_000)]),
    ]
}

/// A run in which everything is as it should be, for each test to spoil.
struct Run {
    homes: Vec<Home>,
    views: Views,
    shares: Shares,
    bills: Bills,
}

/// A view of a period: what it closed as, its total (of so many meters) or that it is withheld, its price.
fn view(status: PeriodStatus, total: Option<(u32, i64)>, price: Price) -> PeriodView {
    PeriodView {
        status,
        meters: 3,
        count: 6,
        sum: 0,
        tally: [0; 32],
        outcome: Some(total.map_or(Outcome::Withheld, |(meters, energy)| {
            Outcome::Opened(Total { meters, energy })
        })),
        price: Some(price),
    }
}

impl Run {
    fn good() -> Self {
        use PeriodStatus::{Complete, Faulty};
        let views = Views::from([
            ((1, 0), view(Complete, Some((3, 1_800)), 117_600)),
            ((1, 1), view(Faulty, None, 200_000)),
            ((2, 0), view(Complete, Some((3, 1_200)), 39_900)),
            ((2, 1), view(Complete, Some((3, 6_000)), 672_000)),
        ]);
        let mut shares = Shares::new();
        for (number, (key, count)) in (0_u8..).zip([((1, 0), 6), ((1, 1), 4), ((2, 0), 6), ((2, 1), 6)]) {
            let share = |index: u8| Share {
                prid: [number * 8 + index; 32],
                value: (1 << 60) + (u64::from(number * 8 + index) << 40),
            };
            shares.insert(key, (0..count).map(share).collect());
        }
        let homes = homes();
        let bills = homes
            .iter()
            .map(|home| {
                let line = |(period, energy): (PeriodIndex, &Option<i64>)| Line {
                    period,
                    energy: *energy,
                    price: views[&(home.region, period)].price,
                };
                let lines = (0..).zip(&home.readings).map(line).collect();
                let secret = BillSecret::from_bytes([5; 32]);
                let report = Report::new(&[7; 32], 0, home.region, "GBP", &SCHEDULE, lines, &secret);
                (home.meter.clone(), report)
            })
            .collect();
        Self {
            homes,
            views,
            shares,
            bills,
        }
    }

    fn truth(&self) -> Truth<'_> {
        let rule = Rule {
            minimum: 3,
            fallback: 200_000,
        };
        Truth {
            homes: &self.homes,
            rules: BTreeMap::from([(1, rule), (2, rule)]),
            periods: 2,
        }
    }

    fn view(&mut self, key: (RegionId, PeriodIndex)) -> &mut PeriodView {
        self.views.get_mut(&key).unwrap()
    }
}

/// What spoils a run, and a word that the claim's error has to say of it.
type Spoilt = (&'static str, fn(&mut Run));

/// That a claim holds in a good run, fails in each spoilt one with a word on where, and fails where nothing was seen.
fn holds_unless(claim: impl Fn(&Run) -> Seen, spoilt: &[Spoilt]) {
    claim(&Run::good()).unwrap();
    for (told, spoil) in spoilt {
        let mut run = Run::good();
        spoil(&mut run);
        let error = claim(&run).expect_err(told);
        assert!(error.contains(told), "{error}, not: {told}");
    }
    let nothing = Run {
        views: Views::new(),
        shares: Shares::new(),
        bills: Bills::new(),
        ..Run::good()
    };
    claim(&nothing).expect_err("nothing was seen");
}

#[test]
fn a_total_that_is_off_by_a_watt_hour_or_a_meter_or_is_not_there_fails() {
    holds_unless(
        |run| totals(&run.truth(), &run.views),
        &[
            ("region 1, period 0", |run| {
                run.view((1, 0)).outcome = Some(Outcome::Opened(Total {
                    meters: 3,
                    energy: 1_801,
                }));
            }),
            ("region 2, period 1", |run| {
                run.view((2, 1)).outcome = Some(Outcome::Opened(Total {
                    meters: 2,
                    energy: 6_000,
                }));
            }),
            ("region 2, period 0", |run| run.view((2, 0)).outcome = None),
            ("region 2, period 0", |run| {
                run.view((2, 0)).outcome = Some(Outcome::Withheld)
            }),
            ("region 1, period 0", |run| {
                run.views.remove(&(1, 0));
            }),
        ],
    );
}

#[test]
fn a_total_over_fewer_meters_than_the_minimum_must_stay_withheld() {
    let run = Run::good();
    assert!(totals(&run.truth(), &run.views).unwrap().contains("1 of them withheld"));
    holds_unless(
        |run| totals(&run.truth(), &run.views),
        &[("region 1, period 1", |run| {
            run.view((1, 1)).outcome = Some(Outcome::Opened(Total { meters: 2, energy: 200 }));
        })],
    );
}

#[test]
fn a_fault_without_a_silence_and_a_silence_without_a_fault_fail() {
    holds_unless(
        |run| faults(&run.truth(), &run.views),
        &[
            ("region 2, period 0", |run| {
                run.view((2, 0)).status = PeriodStatus::Faulty
            }),
            ("region 1, period 1", |run| {
                run.view((1, 1)).status = PeriodStatus::Complete
            }),
            ("region 2, period 1", |run| run.view((2, 1)).status = PeriodStatus::Open),
        ],
    );
}

#[test]
fn a_ledger_that_misses_a_silence_or_invents_one_or_tells_of_something_else_fails() {
    let run = Run::good();
    let row = |label: &str, kind: &str, period: u64| json!({ "label": label, "kind": kind, "period": period });
    let silence = row("C", "silent", 1);
    assert!(ledger(&run.truth(), &json!([silence]))
        .unwrap()
        .contains("1 silences of C"));
    for (told, faults) in [
        ("missed", json!([])),
        ("invented", json!([silence, row("A", "silent", 0)])),
        ("missed", json!([row("C", "silent", 0)])),
        ("nobody caused", json!([silence, row("A", "half", 0)])),
        (
            "nobody caused",
            json!([silence, { "prid": "00", "kind": "alien", "period": 0 }]),
        ),
        ("no list", Value::Null),
    ] {
        let error = ledger(&run.truth(), &faults).unwrap_err();
        assert!(error.contains(told), "{error}, not: {told}");
    }
}

#[test]
fn a_share_that_is_lost_or_is_nobodys_fails() {
    holds_unless(
        |run| arrivals(&run.truth(), &run.shares),
        &[
            ("region 2, period 1", |run| {
                run.shares.get_mut(&(2, 1)).unwrap().pop();
            }),
            ("region 1, period 0", |run| {
                run.shares.remove(&(1, 0));
            }),
            ("region 1, period 1", |run| {
                let more = run.shares[&(2, 0)][0];
                run.shares.get_mut(&(1, 1)).unwrap().push(more);
            }),
        ],
    );
}

#[test]
fn a_region_whose_aggregator_brought_nothing_fails() {
    let run = Run::good();
    let mut seen: Batches = run.shares.keys().map(|key| (*key, u32::from(key.1 == 0))).collect();
    let regions = run.truth().rules.len();
    let told = batches(&run.truth(), &seen).unwrap();
    assert!(told.ends_with(&format!("{regions} batches")), "{told}");
    seen.insert((2, 0), 0);
    let error = batches(&run.truth(), &seen).unwrap_err();
    assert!(error.starts_with("region 2 "), "{error}");
    assert!(batches(&run.truth(), &Batches::new()).is_err());
}

#[test]
fn a_share_without_its_mask_and_a_pair_whose_masks_cancel_out_fail() {
    holds_unless(
        |run| masked(&run.truth(), &run.shares),
        &[
            ("region 2, period 0: a share is", |run| {
                run.shares.get_mut(&(2, 0)).unwrap()[3].value = 700
            }),
            ("region 1, period 0: a share is", |run| {
                run.shares.get_mut(&(1, 0)).unwrap()[0].value = 0
            }),
            ("region 2, period 1: two shares", |run| {
                let shares = run.shares.get_mut(&(2, 1)).unwrap();
                shares[5].value = 2_000_u64.wrapping_sub(shares[1].value);
            }),
        ],
    );
}

#[test]
fn a_pseudonym_that_comes_back_in_another_period_fails() {
    holds_unless(
        |run| pseudonyms(&run.shares),
        &[("22 shares under 21", |run| {
            let again = run.shares[&(1, 0)][0].prid;
            run.shares.get_mut(&(2, 1)).unwrap()[0].prid = again;
        })],
    );
}

#[test]
fn a_price_that_is_not_the_tariffs_or_not_the_fallback_fails() {
    holds_unless(
        |run| prices(&run.truth(), &run.views),
        &[
            ("region 1, period 0", |run| run.view((1, 0)).price = Some(39_900)),
            ("region 1, period 1", |run| run.view((1, 1)).price = Some(39_900)),
            ("region 2, period 1", |run| run.view((2, 1)).price = None),
        ],
    );
}

#[test]
fn a_bill_with_another_consumption_or_without_a_period_or_with_one_more_fails() {
    holds_unless(
        |run| consumption(&run.truth(), &run.bills),
        &[
            ("B, period 1", |run| {
                run.bills.get_mut("B").unwrap().lines[1].energy = Some(1)
            }),
            ("C, period 1", |run| {
                run.bills.get_mut("C").unwrap().lines[1].energy = Some(0)
            }),
            ("A, period 0", |run| {
                run.bills.get_mut("A").unwrap().lines[0].energy = None
            }),
            ("D", |run| {
                run.bills.get_mut("D").unwrap().lines.pop();
            }),
            ("the bill of E has other periods", |run| {
                let mut more = run.bills["E"].lines[1];
                more.period = 2;
                run.bills.get_mut("E").unwrap().lines.push(more);
            }),
            ("F, period 0", |run| {
                run.bills.remove("F");
            }),
        ],
    );
}

#[test]
fn a_bill_that_is_off_by_the_last_unit_or_is_not_there_fails() {
    holds_unless(
        |run| amounts(&run.truth(), &run.views, &run.bills),
        &[
            ("A", |run| run.bills.get_mut("A").unwrap().amount += 1),
            ("D", |run| {
                run.bills.remove("D");
            }),
            ("E", |run| run.view((2, 0)).price = Some(1_000_000)),
            ("C", |run| run.view((1, 0)).price = None),
        ],
    );
}

#[test]
fn what_is_owed_is_rounded_once_and_half_away_from_zero() {
    let mut run = Run::good();
    // 100 Wh at 0.05 a kWh are half of a hundredth; twice that, each rounded by itself, would be two hundredths.
    run.view((1, 0)).price = Some(50_000);
    run.view((1, 1)).price = Some(50_000);
    assert_eq!(owed(&home("A", 1, [Some(100), None]), &run.views), Some(1));
    assert_eq!(owed(&home("A", 1, [Some(100), Some(100)]), &run.views), Some(1));
    assert_eq!(owed(&home("A", 1, [Some(-100), None]), &run.views), Some(-1));
    assert_eq!(owed(&home("A", 1, [Some(99), None]), &run.views), Some(0));
}

#[test]
fn a_user_whose_check_fails_or_who_did_not_check_fails() {
    let run = Run::good();
    let mut passed: BTreeMap<_, _> = run.homes.iter().map(|home| (home.meter.clone(), true)).collect();
    own_checks(&run.truth(), &passed).unwrap();
    passed.insert("B".into(), false);
    assert!(own_checks(&run.truth(), &passed).unwrap_err().contains("B"));
    passed.remove("B");
    assert!(own_checks(&run.truth(), &passed).unwrap_err().contains("B"));
}

#[test]
fn a_refusal_counts_only_for_the_reason_that_is_meant() {
    let told = |value: Value| std::iter::once(value);
    refused(false, told(json!({ "kind": "wrong_key" })), "wrong_key").unwrap();
    let faults = json!({ "kind": "bill_refused", "faults": [{ "kind": "price_changed" }] });
    refused(false, told(faults.clone()), "price_changed").unwrap();
    assert!(refused(true, told(faults.clone()), "price_changed")
        .unwrap_err()
        .contains("accepted"));
    assert!(refused(false, told(faults), "wrong_key")
        .unwrap_err()
        .contains("refused, but for"));
    assert!(refused(false, std::iter::empty(), "wrong_key").is_err());
}

#[test]
fn an_audit_holds_only_with_every_region_s_bills_and_sums_and_its_own_consent() {
    let region = |region: u32, bills: u32, energy: i64, amount: i64, withheld: u32| {
        json!({ "region": region, "bills": bills, "energy_of_bills": energy, "amount_of_bills": amount,
            "withheld": withheld })
    };
    let audit = |first: Value, second: Value| json!({ "adds_up": true, "regions": [first, second] });
    let run = Run::good();
    let of = |number: u32| run.homes.iter().filter(|home| home.region == number).count() as u32;
    let first = |bills, energy| region(1, bills, energy, 1_800 * 117_600, 1);
    let second = |amount, withheld| region(2, of(2), 7_200, amount, withheld);
    let amount = 1_200 * 39_900 + 6_000 * 672_000;
    let good = audit(first(of(1), 1_800), second(amount, 0));
    let seen = audited(&run.truth(), true, &good).unwrap();
    assert!(seen.contains("1 withheld"), "{seen}");
    audited(&run.truth(), false, &good).unwrap_err();
    for wrong in [
        audit(first(of(1) - 1, 1_800), second(amount, 0)),
        audit(first(of(1), 1_801), second(amount, 0)),
        audit(first(of(1), 1_800), second(amount - 1, 0)),
        audit(first(of(1), 1_800), second(amount, 1)),
        audit(first(of(1), 1_800), Value::Null),
        json!({ "adds_up": false, "regions": good["regions"] }),
        Value::Null,
    ] {
        audited(&run.truth(), true, &wrong).unwrap_err();
    }
}

#[test]
fn a_node_on_another_chain_or_behind_fails() {
    let node = |name: &str, hash: Option<u8>| (name.to_string(), hash.map(|byte| [byte; 32]));
    same_chain(9, &[node("alice", Some(1)), node("bob", Some(1))]).unwrap();
    for hashes in [
        [node("alice", Some(1)), node("bob", Some(2))],
        [node("alice", Some(1)), node("bob", None)],
        [node("alice", None), node("bob", Some(1))],
        [node("alice", None), node("bob", None)],
    ] {
        assert!(same_chain(9, &hashes).is_err(), "{hashes:?}");
    }
    assert!(same_chain(9, &[]).is_err());
}
