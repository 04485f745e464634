use super::*;
use crate::{
    state::StateDir,
    testing::{enrolled, secret, FakeLedger, REGION},
};
use gridveil_primitives::{pseudonym::prid, share::split_and_mask, CycleSchedule, Half, PeriodStatus, PeriodView};
use tempfile::TempDir;

const SCHEDULE: CycleSchedule = CycleSchedule {
    start: 1_000_000,
    period_ms: 60_000,
    window_ms: 60_000,
    periods: 96,
};
/// The period in which the meter was silent, and the one whose shares are pruned in part.
const SILENT: PeriodIndex = 50;
const PRUNED: PeriodIndex = 52;

fn used(period: PeriodIndex) -> i64 {
    i64::from(period) * 7 - 20
}

/// A meter's state, and the chain with what it and a neighbour sent in cycle 0.
fn home() -> (TempDir, StateDir, FakeLedger) {
    let (dir, state) = enrolled();
    let keys = state.keys().unwrap();
    let seeds = secret().cycle_keys();
    let mut ledger = FakeLedger::default();
    ledger.schedules.insert(0, SCHEDULE);
    for period in 0..SCHEDULE.periods {
        let mut shares: Vec<_> = [1, 2]
            .map(|n| Share {
                prid: [n; 32],
                value: 9,
            })
            .to_vec();
        if period != SILENT {
            let pair = split_and_mask(used(period), &keys.split, &seeds, 0, period);
            for (half, value) in Half::BOTH.into_iter().zip([pair.first, pair.second]) {
                let prid = prid(&keys.spend.public(), &seeds, half, period);
                shares.push(Share { prid, value });
            }
        }
        let view = PeriodView {
            status: PeriodStatus::Complete,
            meters: 2,
            count: u32::try_from(shares.len()).unwrap(),
            sum: 0,
            tally: [0; 32],
            outcome: None,
            price: None,
        };
        if period == PRUNED {
            shares.pop();
        }
        ledger.views.push((period, view));
        let key = PeriodKey {
            region: REGION,
            cycle: 0,
            period,
        };
        ledger.shares.insert(key, shares);
    }
    (dir, state, ledger)
}

/// Discloses these periods; what is in the file then.
fn written(state: &StateDir, span: (PeriodIndex, PeriodIndex)) -> String {
    let file = state.path().join("disclosure.json");
    disclose(state, &state.identity(None).unwrap(), 0, span, &file).unwrap();
    std::fs::read_to_string(file).unwrap()
}

/// What an auditor gets who was given these periods, by way of the file.
fn disclosed(state: &StateDir, from: PeriodIndex, to: PeriodIndex) -> Disclosed {
    let file = state.path().join("disclosure.json");
    written(state, (from, to));
    read(&file).unwrap()
}

#[tokio::test]
async fn an_auditor_reads_the_periods_of_the_span_from_the_chain() {
    let (_dir, state, ledger) = home();
    let audit = audit(&ledger, &disclosed(&state, 47, 53)).await.unwrap();
    let shown = audit.lines.iter().map(|line| (line.period, line.shown));
    let expected = (47..=53).map(|period| match period {
        SILENT => (period, Shown::NotSent),
        PRUNED => (period, Shown::NotKept),
        _ => (period, Shown::Energy(used(period))),
    });
    assert!(shown.eq(expected), "{:?}", audit.lines);
    assert_eq!(audit.energy, [47, 48, 49, 51, 53].map(used).iter().sum::<i64>());
    assert_eq!(audit.lines[0].start, SCHEDULE.opens(47).unwrap());
}

#[tokio::test]
async fn a_span_beyond_the_cycles_end_shows_what_the_cycle_has() {
    let (_dir, state, ledger) = home();
    let audit = audit(&ledger, &disclosed(&state, 94, 120)).await.unwrap();
    assert!(audit.lines.iter().map(|line| line.period).eq([94, 95]));
}

#[test]
fn a_period_outside_the_span_can_neither_be_read_nor_found() {
    let (_dir, state, ledger) = home();
    let disclosed = disclosed(&state, 48, 71);
    let of = |period| {
        &ledger.shares[&PeriodKey {
            region: REGION,
            cycle: 0,
            period,
        }]
    };
    for outside in (0..48).chain(72..SCHEDULE.periods) {
        assert_eq!(disclosed.reading(outside, of(outside)), None);
        // No period's pseudonyms that the auditor does have are those of another period.
        for inside in 48..=71 {
            assert_eq!(disclosed.reading(inside, of(outside)), Some(Shown::NotSent));
        }
    }
}

#[test]
fn made_up_masks_show_in_every_period() {
    let (_dir, state, ledger) = home();
    let mut json: serde_json::Value = serde_json::from_str(&written(&state, (32, 47))).unwrap();
    json["mask"][1][0] = "77".repeat(32).into();
    let bent = parse(json.to_string().as_bytes()).unwrap();
    for period in 32..=47 {
        let key = PeriodKey {
            region: REGION,
            cycle: 0,
            period,
        };
        assert_eq!(bent.reading(period, &ledger.shares[&key]), Some(Shown::Implausible));
    }
}

#[test]
fn a_disclosure_moved_to_another_span_reads_nothing() {
    let (_dir, state, ledger) = home();
    let mut json: serde_json::Value = serde_json::from_str(&written(&state, (32, 47))).unwrap();
    for (from, to) in [(16, 31), (48, 63)] {
        (json["from"], json["to"]) = (from.into(), to.into());
        let moved = parse(json.to_string().as_bytes()).unwrap();
        for (key, shares) in &ledger.shares {
            let shown = moved.reading(key.period, shares);
            assert!(!matches!(shown, Some(Shown::Energy(_))), "{}", key.period);
        }
    }
    (json["from"], json["to"]) = (32.into(), 48.into());
    assert_eq!(
        parse(json.to_string().as_bytes()).err().unwrap(),
        "it has not the nodes of its span"
    );
}

#[test]
fn what_is_written_has_none_of_the_meters_keys_and_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_dir, state, _) = home();
    let text = written(&state, (0, SCHEDULE.periods - 1));
    let keys = state.keys().unwrap();
    let file = state.path().join("disclosure.json");
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let seeds = secret().cycle_keys();
    let seeds = seeds.pseudonym.iter().chain(&seeds.mask).map(|seed| seed.to_bytes());
    for secret in seeds.chain([keys.spend.to_bytes(), keys.split.to_bytes()]) {
        assert!(!text.contains(&hex::encode(secret.as_slice())));
    }
}

#[test]
fn what_is_no_span_or_of_a_cycle_without_seeds_is_not_disclosed() {
    let (_dir, state, _) = home();
    let (identity, out) = (state.identity(None).unwrap(), state.path().join("out"));
    for span in [(2, 1), (0, MAX_PERIODS)] {
        let refused = disclose(&state, &identity, 0, span, &out);
        assert!(matches!(refused, Err(DisclosureError::NoSpan { .. })), "{span:?}");
    }
    assert!(matches!(
        disclose(&state, &identity, 1, (0, 1), &out),
        Err(DisclosureError::NoSeeds { cycle: 1 })
    ));
    assert!(!out.exists());
}

#[test]
fn words_about_a_bad_file_hold_no_value_of_it() {
    let (_dir, state, _) = home();
    let text = written(&state, (3, 3));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let node = json["mask"][0][0].as_str().unwrap();
    for bad in [node[..63].to_owned(), format!("{node}0"), format!("x{}", &node[1..])] {
        let said = parse(text.replace(node, &bad).as_bytes()).err().unwrap();
        assert!(!said.contains(&node[4..20]), "{said}");
    }
}
