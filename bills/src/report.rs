//! A home's bill for one cycle: what it used in each period, at which price, and what that makes.
//!
//! The report is data with an HTML page around it. [`Report::new`] adds up, [`Report::check`] adds up again. A period
//! without a reading, or without a price, is not billed and is named as such. The chain has commitments to what a bill comes to;
//! the report has the secret with which its user makes them, too ([`Report::commitments`]).
//!
//! **Privacy.** A report shows a home's consumption to the half hour. It leaves the key centre sealed, see
//! [`crate::envelope`].

mod chart;
mod page;

use chrono::{DateTime, NaiveDate, NaiveTime};
use gridveil_primitives::{
    bill::{BillSecret, Figures},
    money, Bid, BillCommitments, CycleId, CycleSchedule, Moment, PeriodIndex, Price, RegionId,
};
use serde::{Deserialize, Serialize};

/// The version that this release reads and writes.
pub const VERSION: u16 = 1;

/// Where the page keeps the report's data.
const DATA_OPENS: &str = r#"<script type="application/json" id="report">"#;
/// See [`DATA_OPENS`].
const DATA_CLOSES: &str = "</script>";

/// Why a report was refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReportError {
    /// The page or the data is not of the expected form.
    #[error("this is no gridveil bill: {0}")]
    Malformed(String),
    /// The report is of another version.
    #[error("the bill has version {0}, this program reads version {VERSION}; use a later release")]
    Version(u16),
    /// The periods are not in ascending order.
    #[error("the bill's periods are not in order at period {0}; do not pay it, ask the bill provider")]
    Unordered(PeriodIndex),
    /// The energy that the report states is not the sum of its periods.
    #[error("the bill states {stated} Wh, its periods add up to {found} Wh; do not pay it, ask the bill provider")]
    Energy {
        /// As stated, in watt-hours.
        stated: i64,
        /// As added up.
        found: i64,
    },
    /// The amount that the report states is not what its periods cost.
    #[error("the bill states {stated} hundredths, its periods cost {found}; do not pay it, ask the bill provider")]
    Amount {
        /// As stated, in hundredths of the currency unit.
        stated: i64,
        /// As added up.
        found: i64,
    },
}

/// One period of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Compact", into = "Compact")]
pub struct Line {
    /// The period's index in the cycle.
    pub period: PeriodIndex,
    /// The consumption in watt-hours, negative for feed-in; `None` if no reading counted.
    pub energy: Option<i64>,
    /// The price in millionths of the currency unit per kWh; `None` if none was set.
    pub price: Option<Price>,
}

/// A line as it is written: `[period, energy, price]`.
#[derive(Serialize, Deserialize)]
struct Compact(PeriodIndex, Option<i64>, Option<Price>);

impl From<Line> for Compact {
    fn from(line: Line) -> Self {
        Compact(line.period, line.energy, line.price)
    }
}

impl From<Compact> for Line {
    fn from(Compact(period, energy, price): Compact) -> Self {
        Line { period, energy, price }
    }
}

impl Line {
    /// What the period costs in 10^-9 of the currency unit; `None` if it is not billed.
    pub fn cost(&self) -> Option<i128> {
        Some(money::line(self.energy?, self.price?))
    }
}

/// A bill.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The version of this form.
    pub version: u16,
    /// The user's bill identifier, as 64 hexadecimal digits.
    pub bid: String,
    /// The cycle.
    pub cycle: CycleId,
    /// The home's region.
    pub region: RegionId,
    /// The currency, as printed before amounts.
    pub currency: String,
    /// When the cycle began.
    pub start: Moment,
    /// The length of a period, in milliseconds.
    pub period_ms: u64,
    /// The periods, by ascending index.
    pub lines: Vec<Line>,
    /// The sum of all readings that counted, in watt-hours.
    pub energy: i64,
    /// What is to be paid, in hundredths of the currency unit; negative for a credit.
    pub amount: i64,
    /// What the bill provider has to add, one paragraph each.
    pub notes: Vec<String>,
    /// The [`BillSecret`] of the chain's commitments to this bill, as 64 hexadecimal digits.
    pub secret: String,
}

impl Report {
    /// A bill with its sums and no notes.
    pub fn new(
        bid: &Bid,
        cycle: CycleId,
        region: RegionId,
        currency: impl Into<String>,
        schedule: &CycleSchedule,
        lines: Vec<Line>,
        secret: &BillSecret,
    ) -> Self {
        let (energy, amount) = (energy(&lines), amount(&lines));
        Self {
            version: VERSION,
            bid: hex::encode(bid),
            cycle,
            region,
            currency: currency.into(),
            start: schedule.start,
            period_ms: schedule.period_ms,
            lines,
            energy,
            amount,
            notes: Vec::new(),
            secret: hex::encode(*secret.to_bytes()),
        }
    }

    /// The commitments to this bill, where the region's total was `opened` of these periods; `None` if the secret is malformed.
    pub fn commitments(&self, opened: impl Fn(PeriodIndex) -> bool) -> Option<BillCommitments> {
        let secret = hex::decode(&self.secret).ok()?.try_into().ok()?;
        let lines = self.lines.iter();
        let billed = lines.filter_map(|line| Some((line.energy?, line.price?, opened(line.period))));
        Some(Figures::of(billed).commit(&BillSecret::from_bytes(secret)))
    }

    /// Confirms the version, the order of the periods, and both sums. Errors: [`ReportError`].
    pub fn check(&self) -> Result<(), ReportError> {
        if self.version != VERSION {
            return Err(ReportError::Version(self.version));
        }
        if let Some(pair) = self.lines.windows(2).find(|pair| pair[0].period >= pair[1].period) {
            return Err(ReportError::Unordered(pair[1].period));
        }
        let found = energy(&self.lines);
        if found != self.energy {
            return Err(ReportError::Energy {
                stated: self.energy,
                found,
            });
        }
        let found = amount(&self.lines);
        if found != self.amount {
            return Err(ReportError::Amount {
                stated: self.amount,
                found,
            });
        }
        Ok(())
    }

    /// The periods of which no reading counted, ascending.
    pub fn missing(&self) -> impl Iterator<Item = PeriodIndex> + '_ {
        self.lines
            .iter()
            .filter(|line| line.energy.is_none())
            .map(|line| line.period)
    }

    /// The periods that were read and have no price, ascending.
    pub fn unpriced(&self) -> impl Iterator<Item = PeriodIndex> + '_ {
        self.lines
            .iter()
            .filter(|line| line.energy.is_some() && line.price.is_none())
            .map(|line| line.period)
    }

    /// The report as JSON.
    pub fn to_json(&self) -> String {
        // A struct of strings, numbers and lists has no way to fail; an empty text would be refused by any reader.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads JSON; sums are not confirmed by this. Errors: [`ReportError::Malformed`], [`ReportError::Version`].
    pub fn from_json(text: &str) -> Result<Self, ReportError> {
        let report: Self = serde_json::from_str(text).map_err(|cause| ReportError::Malformed(cause.to_string()))?;
        if report.version == VERSION {
            Ok(report)
        } else {
            Err(ReportError::Version(report.version))
        }
    }

    /// A page that needs nothing else: figures, a chart, tables, and the report's data, see [`Report::from_html`].
    pub fn to_html(&self) -> String {
        page::render(self)
    }

    /// Reads the data in a page; sums are not confirmed by this. Errors: [`ReportError::Malformed`],
    /// [`ReportError::Version`].
    pub fn from_html(page: &str) -> Result<Self, ReportError> {
        let data = page
            .split_once(DATA_OPENS)
            .and_then(|(_, rest)| rest.split_once(DATA_CLOSES))
            .ok_or_else(|| ReportError::Malformed("the page holds no data".into()))?;
        Self::from_json(data.0)
    }

    /// The report's JSON in a form that no part of a page can end: `<` only ever stands inside strings there.
    fn to_embedded_json(&self) -> String {
        self.to_json().replace('<', "\\u003c")
    }

    /// When a period began.
    fn opens(&self, period: PeriodIndex) -> Moment {
        self.start
            .saturating_add(self.period_ms.saturating_mul(u64::from(period)))
    }

    /// When the last period ended.
    fn ends(&self) -> Moment {
        self.lines.last().map_or(self.start, |line| {
            self.opens(line.period).saturating_add(self.period_ms)
        })
    }

    /// The lines by the day (UTC) on which their periods began.
    fn days(&self) -> Vec<Day<'_>> {
        let mut days: Vec<Day<'_>> = Vec::new();
        let date = |line: &Line| date(self.opens(line.period));
        for lines in self.lines.chunk_by(|one, next| date(one) == date(next)) {
            days.push(Day {
                date: lines.first().map(date).unwrap_or_default(),
                lines,
            });
        }
        days
    }
}

/// A day's lines.
struct Day<'a> {
    date: NaiveDate,
    lines: &'a [Line],
}

/// The sum of all readings, in watt-hours; the largest (or smallest) number there is where it does not fit.
fn energy(lines: &[Line]) -> i64 {
    let sum: i128 = lines.iter().filter_map(|line| line.energy).map(i128::from).sum();
    i64::try_from(sum).unwrap_or(if sum > 0 { i64::MAX } else { i64::MIN })
}

/// What the lines cost, in hundredths of the currency unit, rounded once.
fn amount(lines: &[Line]) -> i64 {
    money::amount(lines.iter().filter_map(Line::cost).fold(0, i128::saturating_add))
}

/// The date (UTC) of a moment; the epoch's where it is out of all calendars.
fn date(moment: Moment) -> NaiveDate {
    instant(moment).date_naive()
}

/// The time of day (UTC) of a moment.
fn time(moment: Moment) -> NaiveTime {
    instant(moment).time()
}

fn instant(moment: Moment) -> DateTime<chrono::Utc> {
    i64::try_from(moment)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests;
