use super::*;
use proptest::prelude::*;

/// 2026-11-01 00:00 UTC.
const START: Moment = 1_793_491_200_000;

fn schedule(periods: PeriodIndex) -> CycleSchedule {
    CycleSchedule {
        start: START,
        period_ms: 1_800_000,
        window_ms: 1,
        periods,
    }
}

fn report(lines: Vec<Line>) -> Report {
    Report::new(&[7; 32], 3, 2, "GBP", &schedule(48), lines, &secret())
}

fn secret() -> BillSecret {
    BillSecret::from_bytes([5; 32])
}

fn line(period: PeriodIndex, energy: Option<i64>, price: Option<Price>) -> Line {
    Line { period, energy, price }
}

/// A report with a read and priced period, a missing one, an unpriced one, and one of feed-in.
fn mixed() -> Report {
    report(vec![
        line(0, Some(1_234), Some(200_000)),
        line(1, None, Some(210_000)),
        line(2, Some(500), None),
        line(3, Some(-400), Some(150_000)),
    ])
}

#[test]
fn the_sums_are_those_of_the_lines_and_unpriced_energy_costs_nothing() {
    let report = mixed();
    assert_eq!(report.energy, 1_234 + 500 - 400);
    // 1.234 kWh at 0.20 less 0.4 kWh at 0.15 is 0.1868.
    assert_eq!(report.amount, 19);
    assert_eq!(report.check(), Ok(()));
}

#[test]
fn the_amount_is_rounded_once_and_not_line_by_line() {
    // Each line is 0.4 hundredths: rounded one by one they would cost nothing.
    let lines = (0..10).map(|period| line(period, Some(20), Some(200_000))).collect();
    assert_eq!(report(lines).amount, 4);
}

#[test]
fn missing_and_unpriced_periods_are_told_apart() {
    let report = mixed();
    assert_eq!(report.missing().collect::<Vec<_>>(), [1]);
    assert_eq!(report.unpriced().collect::<Vec<_>>(), [2]);
}

#[test]
fn changed_sums_are_found() {
    let honest = mixed();
    let changed = Report {
        energy: honest.energy + 1,
        ..honest.clone()
    };
    assert_eq!(
        changed.check(),
        Err(ReportError::Energy {
            stated: 1_335,
            found: 1_334
        })
    );
    let changed = Report {
        amount: honest.amount - 1,
        ..honest.clone()
    };
    assert_eq!(changed.check(), Err(ReportError::Amount { stated: 18, found: 19 }));
    let mut changed = honest.clone();
    changed.lines[0].price = Some(300_000);
    assert!(matches!(changed.check(), Err(ReportError::Amount { .. })));
    let mut changed = honest;
    changed.lines[0].energy = Some(1_235);
    assert!(matches!(changed.check(), Err(ReportError::Energy { .. })));
}

#[test]
fn a_period_that_is_billed_twice_or_out_of_order_is_found() {
    let twice = report(vec![line(0, Some(1), Some(1)), line(0, Some(1), Some(1))]);
    assert_eq!(twice.check(), Err(ReportError::Unordered(0)));
    let unordered = report(vec![line(5, Some(1), Some(1)), line(4, Some(1), Some(1))]);
    assert_eq!(unordered.check(), Err(ReportError::Unordered(4)));
}

#[test]
fn a_bill_is_committed_to_by_what_was_opened_and_apart_from_it_what_was_not() {
    let report = mixed();
    // Period 1 has no reading and period 2 no price: neither is billed.
    let opened = gridveil_primitives::BillSums {
        energy: 1_234,
        amount: 1_234 * 200_000,
    };
    let figures = Figures {
        opened,
        apart: -400 * 150_000,
    };
    assert_eq!(
        report.commitments(|period| period != 3),
        Some(figures.commit(&secret()))
    );
    for secret in ["", "05", "not hexadecimal"] {
        let report = Report {
            secret: secret.into(),
            ..mixed()
        };
        assert_eq!(report.commitments(|_| true), None);
    }
}

#[test]
fn figures_beyond_all_bounds_saturate() {
    let report = report(vec![
        line(0, Some(i64::MAX), Some(u64::MAX)),
        line(1, Some(i64::MAX), Some(u64::MAX)),
    ]);
    assert_eq!((report.energy, report.amount), (i64::MAX, i64::MAX));
    assert_eq!(report.check(), Ok(()));
    assert_eq!(Report::from_html(&report.to_html()), Ok(report));
}

#[test]
fn lines_are_written_compactly() {
    let json = mixed().to_json();
    assert!(
        json.contains("[[0,1234,200000],[1,null,210000],[2,500,null],[3,-400,150000]]"),
        "{json}"
    );
}

#[test]
fn text_cannot_break_out_of_the_page() {
    let hostile = r#"</script><script>alert(1)</script><script type="application/json" id="report">{}</script>"#;
    let mut report = mixed();
    report.notes = vec![hostile.into()];
    report.currency = hostile.into();
    let page = report.to_html();
    assert_eq!(page.matches("<script").count(), 1);
    assert_eq!(Report::from_html(&page), Ok(report));
}

#[test]
fn the_page_loads_nothing() {
    let page = mixed().to_html();
    assert!(page.contains("default-src 'none'"));
    for attribute in ["src=", "href=", "url(", "@import"] {
        assert!(!page.contains(attribute), "{attribute}");
    }
}

#[test]
fn the_page_states_what_matters_in_words() {
    let page = mixed().to_html();
    for words in [
        "To pay: GBP 0.19",
        "2026-11-01 00:00 UTC",
        "1.334 kWh",
        "2026-11-01: 00:30–01:00 (not billed)",
        "No complete and plausible reading arrived for 1 period.",
        "No price was set for 1 period.",
        "0.150000 to 0.210000",
        "<svg",
    ] {
        assert!(page.contains(words), "{words} is not in {page}");
    }
}

#[test]
fn a_credit_is_called_one() {
    let page = report(vec![line(0, Some(-5_000), Some(200_000))]).to_html();
    assert!(page.contains("Credit: GBP 1.00"));
    assert!(!page.contains("To pay"));
}

#[test]
fn a_complete_bill_says_that_nothing_is_missing() {
    assert!(report(vec![line(0, Some(1), Some(1))])
        .to_html()
        .contains("every period was read and billed"));
}

#[test]
fn runs_of_missing_periods_are_listed_by_day() {
    let lines = (0..96)
        .map(|period| line(period, (!(40..60).contains(&period)).then_some(1), Some(1)))
        .collect();
    let page = report(lines).to_html();
    assert!(page.contains("2026-11-01: 20:00–00:00 (not billed)"));
    assert!(page.contains("2026-11-02: 00:00–06:00 (not billed)"));
}

#[test]
fn a_shortened_clock_shows_seconds() {
    let schedule = CycleSchedule {
        start: START + 5_000,
        period_ms: 10_000,
        window_ms: 1,
        periods: 2,
    };
    let lines = vec![line(0, Some(1), Some(1)), line(1, None, Some(1))];
    let page = Report::new(&[7; 32], 0, 1, "GBP", &schedule, lines, &secret()).to_html();
    assert!(page.contains("2026-11-01: 00:00:15–00:00:25 (not billed)"));
}

#[test]
fn a_bill_without_periods_is_a_page_all_the_same() {
    let empty = report(vec![]);
    assert_eq!(Report::from_html(&empty.to_html()), Ok(empty));
}

#[test]
fn what_is_no_bill_is_refused() {
    assert!(matches!(
        Report::from_html("<p>hello</p>"),
        Err(ReportError::Malformed(_))
    ));
    assert!(matches!(Report::from_json("{}"), Err(ReportError::Malformed(_))));
    let later = mixed().to_json().replace("\"version\":1", "\"version\":2");
    assert_eq!(Report::from_json(&later), Err(ReportError::Version(2)));
}

proptest! {
    #[test]
    fn every_report_survives_json_and_html(
        figures in prop::collection::vec((any::<Option<i64>>(), any::<Option<u64>>()), 0..60),
        start in any::<u64>(),
        period_ms in any::<u64>(),
        currency in any::<String>(),
        note in any::<String>(),
    ) {
        let lines = (0..).zip(figures).map(|(period, (energy, price))| line(period, energy, price)).collect();
        let schedule = CycleSchedule { start, period_ms, window_ms: 1, periods: 60 };
        let report = Report {
            notes: vec![note],
            ..Report::new(&[7; 32], 1, 1, currency, &schedule, lines, &secret())
        };
        prop_assert_eq!(report.check(), Ok(()));
        prop_assert_eq!(&Report::from_json(&report.to_json()).unwrap(), &report);
        prop_assert_eq!(&Report::from_html(&report.to_html()).unwrap(), &report);
    }
}
