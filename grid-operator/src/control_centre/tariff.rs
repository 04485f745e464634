//! Tariffs: what a kilowatt-hour costs in a period, given when it is and what the region used.
//!
//! A tariff is a TOML file of one of three kinds (`flat`, `time_of_use`, `supply_curve`), read and checked whole by
//! [`Tariff::load`]; from then on [`Tariff::price`] gives the same price for the same period and total. Prices are
//! whole millionths of the currency unit per kWh. Publishing them is left to [`super::run`].
//!
//! **Privacy.** Works on a region's total, never on a home's reading.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Timelike, Utc};
use gridveil_primitives::{CycleSchedule, PeriodIndex, Price, Total};
use serde::Deserialize;

use super::price_list;
use crate::state::{read_text, StateError};

/// The most bytes that a tariff file may have.
const LONGEST_FILE: u64 = 1 << 20;
/// The most minutes of a period that has a place in a day.
const DAY: u32 = 24 * 60;

/// What can be wrong with a tariff.
#[derive(Debug, thiserror::Error)]
pub enum TariffError {
    /// The file, or the price list that it names, could not be read.
    #[error(transparent)]
    File(#[from] StateError),
    /// The file is not TOML of the expected form.
    #[error("{path} is not a tariff: {problem}")]
    Form {
        /// The tariff file.
        path: PathBuf,
        /// What the reader says.
        problem: String,
    },
    /// The file can be read, and says something that makes no tariff.
    #[error("{path} makes no tariff: {problem}; correct the file")]
    Rule {
        /// The tariff file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A line of a price list is wrong.
    #[error("line {line} of the price list {path}: {problem}; correct the file")]
    List {
        /// The price list.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The tariff says nothing about a period.
    #[error("the tariff has no price for period {period}, which it knows as {label}; extend it or set starts_at")]
    NoPrice {
        /// The period's index in its cycle.
        period: PeriodIndex,
        /// The moment that it was looked up under.
        label: String,
    },
}

/// A tariff: `kind` says which. Prices are whole millionths of the currency unit per kWh, so that `142_280` is 14.228 pence where
/// that unit is the pound.
#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum File {
    /// The same price always.
    Flat {
        /// The price.
        price: Price,
    },
    /// A price by when the period is: by the time of the day with `bands`, or each period's own with `csv`.
    TimeOfUse {
        /// How long a period is in the data that is replayed, with `starts_at` only. Default: `30`.
        period_minutes: Option<u32>,
        /// For replays: the day (`2013-01-18`) or the moment (`2013-01-18T08:00:00Z`) that period 0 of a cycle stands for; without
        /// it a period goes by when it really opens.
        starts_at: Option<String>,
        /// From which time of the day on which price holds, ascending by time; before the first one's, the last one's does.
        bands: Option<Vec<BandFile>>,
        /// Instead of bands, a price list beside the tariff, with the columns `timestamp_utc` and `pence_per_kwh` and a line for
        /// each period.
        csv: Option<PathBuf>,
    },
    /// A price by what the region used in the period.
    SupplyCurve {
        /// Up to which total which price holds, ascending in both.
        steps: Vec<StepFile>,
        /// The price beyond the last step, at least that one's.
        cap: Price,
    },
}

/// A part of the day.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BandFile {
    /// The time of the day in UTC from which it holds, such as `07:30`.
    from: String,
    /// Its price.
    price: Price,
}

/// A part of the curve.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepFile {
    /// Up to how many kilowatt-hours it reaches, itself included.
    up_to_kwh: Option<u64>,
    /// The same in watt-hours; either is needed, and not both.
    up_to_wh: Option<u64>,
    /// Its price.
    price: Price,
}

/// A tariff that was found to be sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tariff {
    /// The same price always.
    Flat(Price),
    /// A price by the time of the day.
    Bands {
        /// How periods get their times.
        clock: Clock,
        /// From which time on which price holds, ascending; before the first one, the last one's.
        bands: Vec<(NaiveTime, Price)>,
    },
    /// A price for each named moment.
    List {
        /// How periods get their times.
        clock: Clock,
        /// The prices.
        prices: BTreeMap<DateTime<Utc>, Price>,
    },
    /// A price by what the region used.
    SupplyCurve {
        /// Up to how many watt-hours which price holds, ascending in both.
        steps: Vec<(i64, Price)>,
        /// The price beyond the last step, and the highest.
        cap: Price,
    },
}

/// Which moment a period stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Its own: when it opens.
    Schedule,
    /// That of a replay, in which period k of any cycle stands for `start` and k times `minutes`.
    Replay {
        /// What period 0 stands for.
        start: DateTime<Utc>,
        /// How long a period is in the data replayed.
        minutes: u32,
    },
}

impl Clock {
    fn moment(&self, schedule: &CycleSchedule, period: PeriodIndex) -> Option<DateTime<Utc>> {
        match self {
            Clock::Schedule => DateTime::from_timestamp_millis(i64::try_from(schedule.opens(period)?).ok()?),
            Clock::Replay { start, minutes } => {
                let minutes = i64::from(*minutes).checked_mul(i64::from(period))?;
                start.checked_add_signed(TimeDelta::try_minutes(minutes)?)
            }
        }
    }
}

impl Tariff {
    /// Reads and checks a tariff file; a price list that it names is looked for beside it.
    pub fn load(path: &Path) -> Result<Tariff, TariffError> {
        let text = read_text(path, LONGEST_FILE)?;
        let file = toml::from_str(&text).map_err(|error: toml::de::Error| TariffError::Form {
            path: path.to_owned(),
            problem: error.to_string(),
        })?;
        let rule = |problem: String| TariffError::Rule {
            path: path.to_owned(),
            problem,
        };
        match file {
            File::Flat { price } => Ok(Tariff::Flat(price)),
            File::SupplyCurve { steps, cap } => supply_curve(&steps, cap).map_err(rule),
            File::TimeOfUse {
                period_minutes,
                starts_at,
                bands,
                csv,
            } => {
                let clock = clock(period_minutes, starts_at.as_deref()).map_err(rule)?;
                match (bands, csv) {
                    (Some(found), None) => Ok(Tariff::Bands {
                        clock,
                        bands: self::bands(&found).map_err(rule)?,
                    }),
                    (None, Some(list)) => {
                        let list = path.parent().unwrap_or(Path::new("")).join(list);
                        Ok(Tariff::List {
                            clock,
                            prices: price_list::read(&list)?,
                        })
                    }
                    _ => Err(rule("time_of_use needs either bands or csv, and not both".into())),
                }
            }
        }
    }

    /// The price of a period, in millionths of the currency unit per kWh.
    pub fn price(&self, schedule: &CycleSchedule, period: PeriodIndex, total: &Total) -> Result<Price, TariffError> {
        match self {
            Tariff::Flat(price) => Ok(*price),
            Tariff::SupplyCurve { steps, cap } => {
                let step = steps.iter().find(|(up_to, _)| total.energy <= *up_to);
                Ok(step.map_or(*cap, |(_, price)| *price))
            }
            Tariff::Bands { clock, bands } => {
                let moment = clock.moment(schedule, period);
                let band = moment.and_then(|moment| {
                    let running = bands.iter().rev().find(|(from, _)| *from <= moment.time());
                    running.or(bands.last())
                });
                band.map(|(_, price)| *price).ok_or_else(|| no_price(period, moment))
            }
            Tariff::List { clock, prices } => {
                let moment = clock.moment(schedule, period);
                moment
                    .and_then(|moment| prices.get(&moment))
                    .copied()
                    .ok_or_else(|| no_price(period, moment))
            }
        }
    }

    /// Finds out, before the first period, whether the tariff has a price for every period of a cycle.
    pub fn check(&self, schedule: &CycleSchedule) -> Result<(), TariffError> {
        let nothing = Total { meters: 0, energy: 0 };
        (0..schedule.periods).try_for_each(|period| self.price(schedule, period, &nothing).map(|_| ()))
    }
}

fn no_price(period: PeriodIndex, moment: Option<DateTime<Utc>>) -> TariffError {
    let label = moment.map_or_else(|| "a moment past the end of time".into(), price_list::label);
    TariffError::NoPrice { period, label }
}

fn clock(period_minutes: Option<u32>, starts_at: Option<&str>) -> Result<Clock, String> {
    let Some(text) = starts_at else {
        return match period_minutes {
            None => Ok(Clock::Schedule),
            Some(_) => Err("period_minutes means nothing without starts_at".into()),
        };
    };
    let minutes = period_minutes.unwrap_or(30);
    if !(1..=DAY).contains(&minutes) {
        return Err(format!("period_minutes is {minutes}; it must be 1 to {DAY}"));
    }
    let date = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let midnight = date.map(|date| date.and_time(NaiveTime::MIN).and_utc());
    let start = midnight.or_else(|| price_list::moment(text));
    match start {
        Some(start) => Ok(Clock::Replay { start, minutes }),
        None => Err(format!(
            "starts_at is {text:?}; write a day as 2013-01-18 or a moment as 2013-01-18T08:00:00Z"
        )),
    }
}

fn bands(found: &[BandFile]) -> Result<Vec<(NaiveTime, Price)>, String> {
    let mut bands: Vec<(NaiveTime, Price)> = Vec::new();
    for band in found {
        let from = NaiveTime::parse_from_str(&band.from, "%H:%M")
            .map_err(|_| format!("a band begins at {:?}; write a time of the day as 07:30", band.from))?;
        if let Some((before, _)) = bands.last().filter(|(before, _)| *before >= from) {
            let before = format!("{:02}:{:02}", before.hour(), before.minute());
            return Err(format!(
                "the band from {} comes after the one from {before}; order them by time",
                band.from
            ));
        }
        bands.push((from, band.price));
    }
    if bands.is_empty() {
        return Err("bands is empty".into());
    }
    Ok(bands)
}

fn supply_curve(found: &[StepFile], cap: Price) -> Result<Tariff, String> {
    let mut steps: Vec<(i64, Price)> = Vec::new();
    for (index, step) in found.iter().enumerate() {
        let number = index + 1;
        let watt_hours = match (step.up_to_kwh, step.up_to_wh) {
            (Some(kwh), None) => kwh.checked_mul(1_000),
            (None, Some(wh)) => Some(wh),
            _ => {
                return Err(format!(
                    "step {number} needs either up_to_kwh or up_to_wh, and not both"
                ))
            }
        };
        let up_to = watt_hours
            .and_then(|up_to| i64::try_from(up_to).ok())
            .ok_or_else(|| format!("step {number} reaches beyond what can be counted"))?;
        if let Some((before, price)) = steps.last() {
            if *before >= up_to {
                return Err(format!("step {number} does not reach further than the step before it"));
            }
            if *price > step.price {
                return Err(format!("step {number} is cheaper than the step before it"));
            }
        }
        steps.push((up_to, step.price));
    }
    match steps.last() {
        None => Err("steps is empty".into()),
        Some((_, price)) if *price > cap => Err(format!("cap is {cap}, below the last step's price {price}")),
        Some(_) => Ok(Tariff::SupplyCurve { steps, cap }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Half hours from 18 January 2013, 00:00 UTC.
    const SCHEDULE: CycleSchedule = CycleSchedule {
        start: 1_358_467_200_000,
        period_ms: 1_800_000,
        window_ms: 900_000,
        periods: 48,
    };

    fn load(text: &str) -> Result<Tariff, TariffError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("tariff.toml");
        std::fs::write(&path, text).unwrap();
        std::fs::write(
            dir.path().join("list.csv"),
            "timestamp_utc,band,pence_per_kwh\n2013-01-18T00:00:00Z,Low,3.99\n2013-01-18T00:30:00Z,High,67.20\n",
        )
        .unwrap();
        Tariff::load(&path)
    }

    fn problem(text: &str) -> String {
        load(text).unwrap_err().to_string()
    }

    fn price(tariff: &Tariff, period: PeriodIndex, energy: i64) -> Price {
        tariff.price(&SCHEDULE, period, &Total { meters: 5, energy }).unwrap()
    }

    #[test]
    fn a_flat_tariff_has_one_price() {
        let tariff = load("kind = 'flat'\nprice = 142_280").unwrap();
        assert_eq!([price(&tariff, 0, -5), price(&tariff, 47, 1 << 40)], [142_280; 2]);
        tariff.check(&SCHEDULE).unwrap();
    }

    #[test]
    fn bands_go_by_the_time_of_the_day_and_round_midnight() {
        let text = "kind = 'time_of_use'\nbands = [{ from = '07:00', price = 2 }, { from = '21:30', price = 1 }]";
        let tariff = load(text).unwrap();
        let prices: Vec<_> = (0..48).map(|period| price(&tariff, period, 0)).collect();
        let expected: Vec<_> = (0..48)
            .map(|period| if (14..43).contains(&period) { 2 } else { 1 })
            .collect();
        assert_eq!(prices, expected);
    }

    #[test]
    fn a_replay_gives_periods_the_times_of_the_data() {
        let fast = CycleSchedule {
            start: 77,
            period_ms: 1_000,
            ..SCHEDULE
        };
        let text = "kind = 'time_of_use'\nstarts_at = '2013-01-18T06:30:00Z'\nbands = [{ from = '07:00', price = 2 }, \
                    { from = '07:30', price = 1 }]";
        let tariff = load(text).unwrap();
        let nothing = Total { meters: 0, energy: 0 };
        let prices: Vec<_> = (0..4)
            .map(|period| tariff.price(&fast, period, &nothing).unwrap())
            .collect();
        assert_eq!(prices, [1, 2, 1, 1]);
    }

    #[test]
    fn a_price_list_beside_the_tariff_is_read_in_pence() {
        let tariff = load("kind = 'time_of_use'\ncsv = 'list.csv'").unwrap();
        assert_eq!([price(&tariff, 0, 0), price(&tariff, 1, 0)], [39_900, 672_000]);
        let by_day = load("kind = 'time_of_use'\ncsv = 'list.csv'\nstarts_at = '2013-01-18'").unwrap();
        assert_eq!([price(&by_day, 0, 0), price(&by_day, 1, 0)], [39_900, 672_000]);
    }

    #[test]
    fn a_period_that_the_price_list_lacks_is_found_before_it_opens() {
        let tariff = load("kind = 'time_of_use'\ncsv = 'list.csv'").unwrap();
        let error = tariff.check(&SCHEDULE).unwrap_err();
        assert!(
            matches!(&error, TariffError::NoPrice { period: 2, label } if label == "2013-01-18T01:00:00Z"),
            "{error}"
        );
    }

    #[test]
    fn a_supply_curve_charges_by_the_step_that_the_total_falls_in() {
        let text = "kind = 'supply_curve'\ncap = 90\n\
                    steps = [{ up_to_kwh = 1, price = 10 }, { up_to_wh = 2_500, price = 20 }]";
        let tariff = load(text).unwrap();
        let prices = [-1, 0, 1_000, 1_001, 2_500, 2_501, i64::MAX].map(|energy| price(&tariff, 0, energy));
        assert_eq!(prices, [10, 10, 10, 20, 20, 90, 90]);
    }

    #[test]
    fn a_bad_tariff_is_refused_with_its_fault() {
        for (text, said) in [
            ("kind = 'guess'\nprice = 1", "unknown variant"),
            ("kind = 'flat'", "missing field"),
            ("kind = 'flat'\nprice = -1", "invalid value"),
            ("kind = 'flat'\nprice = 'dear'", "invalid type"),
            ("kind = 'flat'\nprice = 1\ncap = 2", "unknown field"),
            ("price = 1", "missing field"),
            ("kind = ", "TOML parse error"),
            ("kind = 'time_of_use'", "either bands or csv"),
            (
                "kind = 'time_of_use'\ncsv = 'list.csv'\nbands = []",
                "either bands or csv",
            ),
            ("kind = 'time_of_use'\nbands = []", "bands is empty"),
            (
                "kind = 'time_of_use'\nbands = [{ from = '25:00', price = 1 }]",
                "time of the day",
            ),
            (
                "kind = 'time_of_use'\nbands = [{ from = '09:00', price = 1 }, { from = '08:00', price = 1 }]",
                "the band from 08:00 comes after the one from 09:00",
            ),
            (
                "kind = 'time_of_use'\nstarts_at = 'noon'\ncsv = 'list.csv'",
                "starts_at",
            ),
            (
                "kind = 'time_of_use'\nstarts_at = '2013-01-18'\nperiod_minutes = 0\ncsv = 'list.csv'",
                "period_minutes",
            ),
            (
                "kind = 'time_of_use'\nperiod_minutes = 30\ncsv = 'list.csv'",
                "without starts_at",
            ),
            ("kind = 'time_of_use'\ncsv = 'nowhere.csv'", "nowhere.csv"),
            ("kind = 'supply_curve'\ncap = 1\nsteps = []", "steps is empty"),
            (
                "kind = 'supply_curve'\ncap = 1\nsteps = [{ price = 1 }]",
                "step 1 needs either",
            ),
            (
                "kind = 'supply_curve'\ncap = 1\nsteps = [{ up_to_kwh = 1, up_to_wh = 1, price = 1 }]",
                "step 1 needs either",
            ),
            (
                "kind = 'supply_curve'\ncap = 1\nsteps = [{ up_to_kwh = 9_223_372_036_854_775_807, price = 1 }]",
                "beyond",
            ),
            (
                "kind = 'supply_curve'\ncap = 9\nsteps = [{ up_to_wh = 5, price = 1 }, { up_to_wh = 5, price = 2 }]",
                "step 2 does not reach further",
            ),
            (
                "kind = 'supply_curve'\ncap = 9\nsteps = [{ up_to_wh = 5, price = 2 }, { up_to_wh = 6, price = 1 }]",
                "step 2 is cheaper",
            ),
            (
                "kind = 'supply_curve'\ncap = 1\nsteps = [{ up_to_wh = 5, price = 2 }]",
                "below the last step",
            ),
        ] {
            assert!(problem(text).contains(said), "{text:?} gave {:?}", problem(text));
        }
    }

    #[test]
    fn a_tariff_that_is_not_there_is_named() {
        let error = Tariff::load(Path::new("/nowhere/tariff.toml")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/tariff.toml"), "{error}");
    }

    proptest! {
        #[test]
        fn a_supply_curve_never_falls_as_the_load_rises_and_never_passes_its_cap(
            steps in prop::collection::btree_map(0u64..1 << 40, 0u64..1 << 40, 1..8),
            cap in 0u64..1 << 41,
            loads in (any::<i64>(), any::<i64>()),
        ) {
            let mut prices: Vec<_> = steps.values().copied().collect();
            prices.sort_unstable();
            let found: Vec<_> = steps
                .keys()
                .zip(&prices)
                .map(|(up_to, price)| StepFile { up_to_kwh: None, up_to_wh: Some(*up_to), price: *price })
                .collect();
            match supply_curve(&found, cap) {
                Err(_) => prop_assert!(cap < *prices.last().unwrap()),
                Ok(tariff) => {
                    let (low, high) = (loads.0.min(loads.1), loads.0.max(loads.1));
                    prop_assert!(price(&tariff, 0, low) <= price(&tariff, 0, high));
                    prop_assert!(price(&tariff, 0, high) <= cap);
                }
            }
        }
    }
}
