//! What the demo claims, each claim as a function of what is true and of what was seen.
//!
//! Promises that a claim holds only where everything that it speaks of was compared and agreed: with nothing to compare it
//! fails. What is expected comes from [`gridveil_demo::data`] and from arithmetic written out here, not from the code that
//! produced it. Leaves getting at what was seen to [`crate::verdict`].
//!
//! **Privacy.** Compares plain readings with what parties saw; tells which home or period differs, and how.

use std::collections::{BTreeMap, BTreeSet};

use gridveil_bills::report::Report;
use gridveil_primitives::{Outcome, PeriodIndex, PeriodStatus, PeriodView, Price, RegionId, Share, Total};
use serde_json::Value;

use gridveil_demo::{
    checks::{Comparison, Seen},
    data::{region_total, silences, Home},
};

use crate::tariff;

/// 10^-9 currency units, in which watt-hours × millionths per kWh come out, to hundredths.
const NANOS_PER_HUNDREDTH: i128 = 10_000_000;

/// What the chain shows of each period of each region.
pub type Views = BTreeMap<(RegionId, PeriodIndex), PeriodView>;
/// The shares on chain of each period of each region.
pub type Shares = BTreeMap<(RegionId, PeriodIndex), Vec<Share>>;
/// How many batches each period of each region has.
pub type Batches = BTreeMap<(RegionId, PeriodIndex), u32>;
/// The opened bills, by meter.
pub type Bills = BTreeMap<String, Report>;

/// What the consortium decided about a region.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// The fewest meters whose total may be opened.
    pub minimum: u32,
    /// The price where it may not.
    pub fallback: Price,
}

/// What is true, whatever anybody saw.
pub struct Truth<'a> {
    /// The meters with their plain readings.
    pub homes: &'a [Home],
    /// The regions.
    pub rules: BTreeMap<RegionId, Rule>,
    /// How many periods there were.
    pub periods: PeriodIndex,
}

impl Truth<'_> {
    /// Every period of every region.
    pub fn keys(&self) -> impl Iterator<Item = (RegionId, PeriodIndex)> + '_ {
        let periods = self.periods;
        self.rules
            .keys()
            .flat_map(move |region| (0..periods).map(move |period| (*region, period)))
    }

    /// What must become of a period: too few complete pairs are never added up.
    fn outcome(&self, (region, period): (RegionId, PeriodIndex)) -> Outcome {
        let (meters, energy) = region_total(self.homes, region, period);
        if self.rules.get(&region).is_some_and(|rule| meters < rule.minimum) {
            Outcome::Withheld
        } else {
            Outcome::Opened(Total { meters, energy })
        }
    }

    /// What a kWh must cost in a period.
    fn price(&self, key: (RegionId, PeriodIndex)) -> Option<Price> {
        match self.outcome(key) {
            Outcome::Opened(total) => Some(tariff::price(total.energy)),
            Outcome::Withheld => self.rules.get(&key.0).map(|rule| rule.fallback),
        }
    }
}

fn name((region, period): (RegionId, PeriodIndex)) -> String {
    format!("region {region}, period {period}")
}

/// Every regional total is the plain sum over the meters that count.
pub fn totals(truth: &Truth, views: &Views) -> Seen {
    let mut comparison = Comparison::default();
    let mut withheld = 0;
    for key in truth.keys() {
        let expected = truth.outcome(key);
        withheld += usize::from(expected == Outcome::Withheld);
        let found = views.get(&key).and_then(|view| view.outcome);
        comparison.equal(name(key), Some(expected), found);
    }
    let seen = comparison.verdict("totals")?;
    Ok(match withheld {
        0 => seen,
        some => format!("{seen}, {some} of them withheld: too few meters spoke"),
    })
}

/// A period is faulty exactly where a meter was silent.
pub fn faults(truth: &Truth, views: &Views) -> Seen {
    let silent: BTreeSet<_> = truth
        .homes
        .iter()
        .flat_map(|home| home.silent().map(|period| (home.region, period)))
        .collect();
    let mut comparison = Comparison::default();
    for key in truth.keys() {
        let expected = if silent.contains(&key) {
            PeriodStatus::Faulty
        } else {
            PeriodStatus::Complete
        };
        comparison.equal(name(key), Some(expected), views.get(&key).map(|view| view.status));
    }
    let seen = comparison.verdict("periods")?;
    Ok(format!("{seen}, {} of them faulty", silent.len()))
}

/// The silences in the key centre's ledger, as its command prints them, are those of the CSV.
pub fn ledger(truth: &Truth, faults: &Value) -> Seen {
    let rows = faults.as_array().ok_or("the ledger's faults are no list")?;
    let mut found = BTreeSet::new();
    for row in rows {
        let period = row["period"].as_u64().and_then(|period| period.try_into().ok());
        let (Some(label), Some("silent"), Some(period)) = (row["label"].as_str(), row["kind"].as_str(), period) else {
            return Err(format!("a fault that nobody caused: {row}"));
        };
        found.insert((label.to_string(), period));
    }
    let expected = silences(truth.homes);
    if found == expected {
        let meters: BTreeSet<_> = found.iter().map(|(meter, _)| meter.as_str()).collect();
        let meters = meters.into_iter().collect::<Vec<_>>().join(", ");
        Ok(match found.len() {
            0 => "no silence, as in the CSV".into(),
            some => format!("{some} silences of {meters}"),
        })
    } else {
        let missed: Vec<_> = expected.difference(&found).take(3).collect();
        let invented: Vec<_> = found.difference(&expected).take(3).collect();
        Err(format!("missed {missed:?}, invented {invented:?}"))
    }
}

/// Both shares of every reading are on chain, and nothing else.
pub fn arrivals(truth: &Truth, shares: &Shares) -> Seen {
    let mut comparison = Comparison::default();
    let mut count = 0;
    for key in truth.keys() {
        let (meters, _) = region_total(truth.homes, key.0, key.1);
        let expected = usize::try_from(meters).unwrap_or(usize::MAX).saturating_mul(2);
        let found = shares.get(&key).map_or(0, Vec::len);
        count += found;
        comparison.equal(name(key), expected, found);
    }
    let seen = comparison.verdict("periods")?;
    Ok(format!("{seen}, {count} shares"))
}

/// Every region has periods with batches: in which, depends on when shares come and on who is alive.
pub fn batches(truth: &Truth, batches: &Batches) -> Seen {
    let with = |region: &RegionId| {
        truth
            .keys()
            .filter(|key| key.0 == *region && batches.get(key) > Some(&0))
            .count()
    };
    let mut comparison = Comparison::default();
    for region in truth.rules.keys() {
        comparison.equal(
            format!("region {region} has periods with batches"),
            true,
            with(region) > 0,
        );
    }
    let seen = comparison.verdict("regions")?;
    let periods: usize = truth.rules.keys().map(with).sum();
    Ok(format!(
        "{seen}, {periods} periods, {} batches",
        batches.values().sum::<u32>()
    ))
}

/// No share is a reading, and no two shares of a period sum to one: with the masks on, either would be a coincidence of
/// about 2^-44 in the whole run.
pub fn masked(truth: &Truth, shares: &Shares) -> Seen {
    let readings: BTreeSet<i64> = truth
        .homes
        .iter()
        .flat_map(|home| home.readings.iter().flatten().copied())
        .collect();
    let plain = |value: u64| readings.contains(&i64::from_le_bytes(value.to_le_bytes()));
    let (mut single, mut pairs) = (0_usize, 0_usize);
    for (key, found) in shares {
        for (index, share) in found.iter().enumerate() {
            single += 1;
            if plain(share.value) {
                return Err(format!("{}: a share is a plain reading", name(*key)));
            }
            for other in found.iter().skip(index + 1) {
                pairs += 1;
                if plain(share.value.wrapping_add(other.value)) {
                    return Err(format!("{}: two shares sum to a plain reading", name(*key)));
                }
            }
        }
    }
    if single == 0 {
        Err("there are no shares".into())
    } else {
        Ok(format!("{single} shares, {pairs} pairs"))
    }
}

/// No pseudonym was used twice.
pub fn pseudonyms(shares: &Shares) -> Seen {
    let all: Vec<_> = shares.values().flatten().map(|share| share.prid).collect();
    let distinct: BTreeSet<_> = all.iter().collect();
    if distinct.len() == all.len() && !all.is_empty() {
        Ok(format!("{} pseudonyms", all.len()))
    } else {
        Err(format!("{} shares under {} pseudonyms", all.len(), distinct.len()))
    }
}

/// Every period of every region has the tariff's price for its load.
pub fn prices(truth: &Truth, views: &Views) -> Seen {
    let mut comparison = Comparison::default();
    let mut counts: BTreeMap<Price, usize> = BTreeMap::new();
    for key in truth.keys() {
        let found = views.get(&key).and_then(|view| view.price);
        comparison.equal(name(key), (true, truth.price(key)), (found.is_some(), found));
        *counts.entry(found.unwrap_or_default()).or_default() += 1;
    }
    comparison.verdict("prices")?;
    let told: Vec<_> = counts.iter().map(|(price, count)| format!("{count}×{price}")).collect();
    Ok(format!("in millionths per kWh: {}", told.join(", ")))
}

/// Every consumption in every bill is the CSV's.
pub fn consumption(truth: &Truth, bills: &Bills) -> Seen {
    let mut comparison = Comparison::default();
    for home in truth.homes {
        let report = bills.get(&home.meter);
        let lines: BTreeMap<_, _> = report
            .map(|report| report.lines.iter().map(|line| (line.period, line.energy)).collect())
            .unwrap_or_default();
        for (period, reading) in (0..).zip(&home.readings) {
            let found = lines.get(&period).copied();
            comparison.equal(format_args!("{}, period {period}", home.meter), Some(*reading), found);
        }
        if report.is_some_and(|report| report.lines.len() != home.readings.len()) {
            return Err(format!("the bill of {} has other periods than the cycle", home.meter));
        }
    }
    comparison.verdict("half hours")
}

/// What a home owes in hundredths, from the CSV and the chain's prices: rounded once, half away from zero.
fn owed(home: &Home, views: &Views) -> Option<i64> {
    let mut nanos: i128 = 0;
    for (period, reading) in (0..).zip(&home.readings) {
        if let Some(reading) = reading {
            nanos += i128::from(*reading) * i128::from(views.get(&(home.region, period))?.price?);
        }
    }
    let half = NANOS_PER_HUNDREDTH / 2;
    let rounded = if nanos < 0 {
        (nanos - half) / NANOS_PER_HUNDREDTH
    } else {
        (nanos + half) / NANOS_PER_HUNDREDTH
    };
    i64::try_from(rounded).ok()
}

/// Every bill is Σ consumption × price of the chain, to the last unit.
pub fn amounts(truth: &Truth, views: &Views, bills: &Bills) -> Seen {
    let mut comparison = Comparison::default();
    let mut sum = 0;
    for home in truth.homes {
        let expected = owed(home, views);
        sum += expected.unwrap_or(0);
        let found = bills.get(&home.meter).map(|report| report.amount);
        comparison.equal(&home.meter, (true, expected), (found.is_some(), found));
    }
    let seen = comparison.verdict("bills")?;
    Ok(format!("{seen}, {}.{:02} in all", sum / 100, sum % 100))
}

/// Every user's own check of its bill passed.
pub fn own_checks(truth: &Truth, passed: &BTreeMap<String, bool>) -> Seen {
    let mut comparison = Comparison::default();
    for home in truth.homes {
        comparison.equal(&home.meter, Some(true), passed.get(&home.meter).copied());
    }
    comparison.verdict("bills")
}

/// That a command refused, and for this reason among those that it told as JSON.
pub fn refused(accepted: bool, told: impl Iterator<Item = Value>, reason: &str) -> Seen {
    if accepted {
        return Err("it was accepted".into());
    }
    let mut kinds = BTreeSet::new();
    for told in told {
        let faults = told["faults"].as_array().cloned().unwrap_or_default();
        kinds.extend(
            faults
                .iter()
                .chain([&told])
                .filter_map(|fault| fault["kind"].as_str().map(String::from)),
        );
    }
    let all = kinds.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    if kinds.contains(reason) {
        Ok(all)
    } else {
        Err(format!("refused, but for: {all}"))
    }
}

/// The audit, as its command ended and prints it, finds that each region's bills add up to what the CSV makes of its totals.
pub fn audited(truth: &Truth, accepted: bool, audit: &Value) -> Seen {
    let mut comparison = Comparison::default();
    let mut apart = 0;
    for region in truth.rules.keys() {
        let (mut energy, mut amount, mut withheld) = (0i128, 0i128, 0u64);
        for key in truth.keys().filter(|(of, _)| of == region) {
            match (truth.outcome(key), truth.price(key)) {
                (Outcome::Opened(total), Some(price)) => {
                    energy += i128::from(total.energy);
                    amount += i128::from(total.energy) * i128::from(price);
                }
                _ => withheld += 1,
            }
        }
        apart += withheld;
        let bills = truth.homes.iter().filter(|home| home.region == *region).count();
        let found = audit["regions"].as_array().and_then(|regions| {
            let found = regions.iter().find(|found| found["region"] == *region)?;
            let number = |name: &str| found[name].as_i64().map(i128::from);
            Some((
                found["bills"].as_u64()?,
                number("energy_of_bills")?,
                number("amount_of_bills")?,
                found["withheld"].as_u64()?,
            ))
        });
        let expected = u64::try_from(bills).ok().map(|bills| (bills, energy, amount, withheld));
        comparison.equal(format_args!("region {region}"), expected, found);
    }
    let seen = comparison.verdict("regions")?;
    if !accepted || audit["adds_up"] != true {
        return Err(format!("the audit does not agree: {audit}"));
    }
    Ok(match apart {
        0 => seen,
        some => format!("{seen}; what is billed for {some} withheld periods is booked apart"),
    })
}

/// Every node has the same block at this height; `hashes` are the nodes' names with what each has there.
pub fn same_chain(height: u32, hashes: &[(String, Option<[u8; 32]>)]) -> Seen {
    let first = hashes.first().and_then(|(_, hash)| *hash);
    let mut comparison = Comparison::default();
    for (name, hash) in hashes {
        let told = hash.map(hex::encode);
        comparison.equal(name, (true, first.map(hex::encode)), (hash.is_some(), told));
    }
    let seen = comparison.verdict("nodes")?;
    let hash = first.map(hex::encode).unwrap_or_default();
    Ok(format!("{seen}, block {height}: 0x{}…", hash.get(..16).unwrap_or("")))
}

#[cfg(test)]
mod tests;
