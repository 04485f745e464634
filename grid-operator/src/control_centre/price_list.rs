//! Price lists: CSV files of `timestamp_utc,band,pence_per_kwh`, one line for each period.
//!
//! The columns are found by their names; `band` is for people and is not read. A list is taken whole or refused with
//! the line that is wrong.
//!
//! **Privacy.** Prices only.

use std::{collections::BTreeMap, path::Path};

use chrono::{DateTime, NaiveDateTime, Utc};
use gridveil_primitives::Price;

use super::tariff::TariffError;
use crate::state::read_text;

/// The most bytes that a price list may have: a century of half hours.
const LONGEST_LIST: u64 = 1 << 27;
/// Millionths of the currency unit in a penny.
const PENNY: Price = 10_000;
const FORM: &str = "%Y-%m-%dT%H:%M:%SZ";

/// A moment as price lists write it.
pub fn label(moment: DateTime<Utc>) -> String {
    moment.format(FORM).to_string()
}

/// The moment that a price list writes so; `None` where it is not of that form.
pub fn moment(text: &str) -> Option<DateTime<Utc>> {
    NaiveDateTime::parse_from_str(text, FORM)
        .ok()
        .map(|moment| moment.and_utc())
}

/// A price in pence per kWh, with at most four decimals, in millionths of the currency unit per kWh.
fn pence(text: &str) -> Option<Price> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) || decimals.len() > 4 {
        return None;
    }
    let decimals: Price = format!("{decimals:0<4}").parse().ok()?;
    whole.parse::<Price>().ok()?.checked_mul(PENNY)?.checked_add(decimals)
}

/// Reads a price list.
pub fn read(path: &Path) -> Result<BTreeMap<DateTime<Utc>, Price>, TariffError> {
    let text = read_text(path, LONGEST_LIST)?;
    let wrong = |line: u64, problem: String| TariffError::List {
        path: path.to_owned(),
        line,
        problem,
    };
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| wrong(1, error.to_string()))?.clone();
    let column = |name: &str| {
        let found = headers.iter().position(|header| header == name);
        found.ok_or_else(|| wrong(1, format!("the column {name} is missing")))
    };
    let (when, cost) = (column("timestamp_utc")?, column("pence_per_kwh")?);
    let mut prices = BTreeMap::new();
    for record in reader.records() {
        let record = record.map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            wrong(line, error.to_string())
        })?;
        let line = record.position().map_or(0, csv::Position::line);
        let field = |column: usize| record.get(column).unwrap_or_default();
        let moment = moment(field(when)).ok_or_else(|| {
            wrong(
                line,
                format!("{:?} is not a moment such as 2013-01-18T08:00:00Z", field(when)),
            )
        })?;
        let price = pence(field(cost)).ok_or_else(|| {
            wrong(
                line,
                format!(
                    "{:?} is not a price in pence, 0 or more, with at most four decimals",
                    field(cost)
                ),
            )
        })?;
        match prices.last_key_value() {
            Some((last, _)) if *last == moment => {
                return Err(wrong(line, format!("{} is there twice", label(moment))));
            }
            Some((last, _)) if *last > moment => {
                return Err(wrong(line, format!("{} comes after {}", label(moment), label(*last))));
            }
            _ => prices.insert(moment, price),
        };
    }
    if prices.is_empty() {
        return Err(wrong(1, "there is no price in it".into()));
    }
    Ok(prices)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_lines(lines: &str) -> Result<Vec<Price>, TariffError> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("list.csv");
        std::fs::write(&path, lines).unwrap();
        read(&path).map(|prices| prices.into_values().collect())
    }

    #[test]
    fn pence_become_millionths_without_rounding() {
        for (text, price) in [
            ("67.20", 672_000),
            ("11.76", 117_600),
            ("3.99", 39_900),
            ("0", 0),
            ("14.228", 142_280),
            ("1.0001", 10_001),
        ] {
            assert_eq!(pence(text), Some(price), "{text}");
        }
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1.00001",
            "1,5",
            "a",
            "99999999999999999999",
        ] {
            assert_eq!(pence(text), None, "{text}");
        }
    }

    #[test]
    fn columns_are_found_by_name() {
        let prices =
            read_lines("pence_per_kwh,timestamp_utc\n1.5,2013-01-01T00:00:00Z\n2,2013-01-01T00:30:00Z\n").unwrap();
        assert_eq!(prices, [15_000, 20_000]);
    }

    #[test]
    fn a_bad_price_list_is_refused_with_its_line() {
        let head = "timestamp_utc,band,pence_per_kwh\n2013-01-01T00:30:00Z,Low,1\n";
        for (lines, said) in [
            ("timestamp_utc,band\n".to_owned(), "line 1 of the price list"),
            ("timestamp_utc,band\n".to_owned(), "the column pence_per_kwh is missing"),
            (
                "timestamp_utc,band,pence_per_kwh\n".to_owned(),
                "there is no price in it",
            ),
            (format!("{head}2013-01-01 01:00,Low,1\n"), "line 3"),
            (
                format!("{head}2013-01-01T01:00:00Z,Low,cheap\n"),
                "\"cheap\" is not a price",
            ),
            (format!("{head}2013-01-01T01:00:00Z,Low,-1\n"), "is not a price"),
            (format!("{head}2013-01-01T00:30:00Z,Low,1\n"), "is there twice"),
            (format!("{head}2013-01-01T00:00:00Z,Low,1\n"), "comes after"),
            (format!("{head}2013-01-01T01:00:00Z,Low\n"), "line 3"),
        ] {
            let error = read_lines(&lines).unwrap_err().to_string();
            assert!(error.contains(said), "{lines:?} gave {error:?}");
        }
    }
}
