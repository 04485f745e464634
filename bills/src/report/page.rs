//! The page around a report: plain words and tables, to be read on a screen or printed.

use super::{chart, date, time, Day, Line, Report, DATA_CLOSES, DATA_OPENS};
use gridveil_primitives::{PeriodIndex, Price};
use maud::{html, Markup, PreEscaped, DOCTYPE};

/// Nothing is loaded from anywhere, whatever a page contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

const STYLE: &str = "
body{font:16px/1.5 sans-serif;color:#1a1a1a;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2,h3{line-height:1.2}
.due{font-size:1.6rem;font-weight:bold}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}
th,td{padding:.1rem .8rem .1rem 0;text-align:right;font-variant-numeric:tabular-nums}
th:first-child,td:first-child{text-align:left}
tr{border-bottom:1px solid #ddd}
svg{max-width:100%;height:auto}
.bid{font-family:monospace;overflow-wrap:anywhere}
.days{columns:3;column-gap:2rem;font-size:.75rem}
.days section{break-inside:avoid-column}
@media(max-width:50rem){.days{columns:1}}
@media print{body{margin:0;max-width:none;font-size:11pt}.days{font-size:7pt}}
";

/// How many runs of missing periods a day's entry lists before it refers to the table.
const RUNS_SHOWN: usize = 4;

/// The page of a report.
pub(super) fn render(report: &Report) -> String {
    let days = report.days();
    let (first, last) = (date(report.start), date(report.ends().saturating_sub(1)));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width,initial-scale=1";
                title { "Electricity bill, cycle " (report.cycle) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                h1 { "Electricity bill" }
                table {
                    tr { th { "Bill identifier" } td.bid { (report.bid) } }
                    tr { th { "Region" } td { (report.region) } }
                    tr { th { "Cycle" } td { (report.cycle) } }
                    tr { th { "From" } td { (first) " " (clock(report, report.start)) " UTC" } }
                    tr { th { "Until" } td { (date(report.ends())) " " (clock(report, report.ends())) " UTC" } }
                    tr { th { "Consumption" } td { (kilowatt_hours(report.energy)) " kWh" } }
                }
                p.due {
                    @if report.amount < 0 { "Credit: " } @else { "To pay: " }
                    (report.currency) " " (hundredths(report.amount.unsigned_abs()))
                }
                @if report.amount < 0 { p { "You fed in more than you used; this amount is paid to you." } }
                h2 { "Use and price, " (first) " to " (last) }
                div role="img" aria-label="Chart of use and price; the tables below hold the same figures" {
                    (PreEscaped(chart::draw(report, &days)))
                }
                p {
                    "Bars: consumption in kWh " (if chart::is_by_day(report) { "by day" } else { "by period" })
                    " (left scale). Line: " (if chart::is_by_day(report) { "the day's mean price" } else { "price" })
                    " in " (report.currency) " per kWh (right scale)."
                }
                h2 { "By day" }
                (table_of_days(report, &days))
                p {
                    "A day's cost is rounded for display. The amount to pay is the sum over all periods of consumption "
                    "times price, rounded once."
                }
                (gaps(report, &days))
                @if !report.notes.is_empty() {
                    h2 { "Notes" }
                    @for note in &report.notes { p { (note) } }
                }
                h2 { "By period" }
                p { "Consumption in Wh, price in " (report.currency) " per kWh. Times are the beginnings of periods, UTC." }
                div.days { @for day in &days { (table_of_periods(report, day)) } }
                h2 { "Checking this bill" }
                p {
                    "The meter client's " code { "bill verify" } " compares every price with the chain, adds everything up "
                    "again and, on the meter itself, recomputes each reading."
                }
                (PreEscaped(DATA_OPENS)) (PreEscaped(report.to_embedded_json())) (PreEscaped(DATA_CLOSES))
            }
        }
    }
    .into_string()
}

fn table_of_days(report: &Report, days: &[Day<'_>]) -> Markup {
    html! {
        table {
            tr { th { "Day" } th { "kWh" } th { "Price per kWh" } th { "Cost, " (report.currency) } th { "Not billed" } }
            @for day in days {
                tr {
                    td { (day.date) }
                    td { (kilowatt_hours(super::energy(day.lines))) }
                    td { (price_range(day.lines)) }
                    td { (signed_hundredths(super::amount(day.lines))) }
                    td { @match unbilled(day.lines).count() { 0 => "", n => (periods(n)) } }
                }
            }
            tr {
                th { "Total" }
                th { (kilowatt_hours(report.energy)) }
                th { }
                th { (signed_hundredths(report.amount)) }
                th { @match unbilled(&report.lines).count() { 0 => "", n => (periods(n)) } }
            }
        }
    }
}

fn table_of_periods(report: &Report, day: &Day<'_>) -> Markup {
    html! {
        section {
            h3 { (day.date) }
            table {
                tr { th { "From" } th { "Wh" } th { "Price" } }
                @for line in day.lines {
                    tr {
                        td { (clock(report, report.opens(line.period))) }
                        td { @match line.energy { Some(energy) => (energy), None => "–" } }
                        td { @match line.price { Some(price) => (millionths(price)), None => "–" } }
                    }
                }
            }
        }
    }
}

/// Which periods are not billed, and why.
fn gaps(report: &Report, days: &[Day<'_>]) -> Markup {
    let (missing, unpriced) = (report.missing().count(), report.unpriced().count());
    html! {
        h2 { "Missing periods" }
        @if missing == 0 && unpriced == 0 {
            p { "None: every period was read and billed." }
        }
        @if missing > 0 {
            p {
                "No complete and plausible reading arrived for " (periods(missing)) ". What is missing is not estimated, not billed, and "
                "not part of the region's total."
            }
            (list_of_runs(report, days, |line| line.energy.is_none()))
        }
        @if unpriced > 0 {
            p { "No price was set for " (periods(unpriced)) ". What has no price is not billed." }
            (list_of_runs(report, days, |line| line.energy.is_some() && line.price.is_none()))
        }
    }
}

/// The runs of periods for which `is_in` holds, by day.
fn list_of_runs(report: &Report, days: &[Day<'_>], is_in: impl Fn(&Line) -> bool) -> Markup {
    html! {
        ul {
            @for (day, runs) in days.iter().map(|day| (day, runs(day.lines, &is_in))).filter(|(_, runs)| !runs.is_empty()) {
                li {
                    (day.date) ": "
                    @for (place, (from, until)) in runs.iter().take(RUNS_SHOWN).enumerate() {
                        @if place > 0 { ", " }
                        (clock(report, report.opens(*from))) "–"
                        (clock(report, report.opens(*until).saturating_add(report.period_ms)))
                    }
                    @if runs.len() > RUNS_SHOWN { " and others, see the table by period" }
                    " (not billed)"
                }
            }
        }
    }
}

/// The first and last index of each unbroken run of lines for which `is_in` holds.
fn runs(lines: &[Line], is_in: impl Fn(&Line) -> bool) -> Vec<(PeriodIndex, PeriodIndex)> {
    let mut runs: Vec<(PeriodIndex, PeriodIndex)> = Vec::new();
    for line in lines.iter().filter(|line| is_in(line)) {
        match runs.last_mut() {
            Some((_, until)) if until.checked_add(1) == Some(line.period) => *until = line.period,
            _ => runs.push((line.period, line.period)),
        }
    }
    runs
}

fn unbilled(lines: &[Line]) -> impl Iterator<Item = &Line> {
    lines.iter().filter(|line| line.cost().is_none())
}

fn periods(count: usize) -> String {
    match count {
        1 => "1 period".into(),
        _ => format!("{count} periods"),
    }
}

/// A time of day, with seconds where periods do not begin on full minutes.
fn clock(report: &Report, moment: u64) -> String {
    let whole_minutes = report.period_ms.is_multiple_of(60_000) && report.start.is_multiple_of(60_000);
    time(moment)
        .format(if whole_minutes { "%H:%M" } else { "%H:%M:%S" })
        .to_string()
}

/// The lowest and highest price of the lines.
fn price_range(lines: &[Line]) -> String {
    let prices = || lines.iter().filter_map(|line| line.price);
    match (prices().min(), prices().max()) {
        (Some(low), Some(high)) if low == high => millionths(low),
        (Some(low), Some(high)) => format!("{} to {}", millionths(low), millionths(high)),
        _ => "–".into(),
    }
}

/// Watt-hours as kilowatt-hours.
fn kilowatt_hours(energy: i64) -> String {
    let size = energy.unsigned_abs();
    format!("{}{}.{:03}", sign(energy), size / 1_000, size % 1_000)
}

/// Millionths as the unit.
fn millionths(price: Price) -> String {
    format!("{}.{:06}", price / 1_000_000, price % 1_000_000)
}

fn hundredths(amount: u64) -> String {
    format!("{}.{:02}", amount / 100, amount % 100)
}

fn signed_hundredths(amount: i64) -> String {
    format!("{}{}", sign(amount), hundredths(amount.unsigned_abs()))
}

fn sign(number: i64) -> &'static str {
    if number < 0 {
        "-"
    } else {
        ""
    }
}
