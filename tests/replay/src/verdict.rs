//! What must have come out, checked against the CSV: on the chain through the node, in the key centre's ledger, and in the bills
//! as their users open them.
//!
//! What is expected comes from [`crate::month`] and from arithmetic written out here, not from the code that produced it.
//!
//! **Privacy.** Opens every bill with its user's own key, and prints counts.

use std::collections::{BTreeMap, BTreeSet};

use gridveil_bills::{cid::Cid, envelope, hash, report::Report, store::Store};
use gridveil_chain_client::Chain;
use gridveil_demo::{
    checks::{Checks, Comparison, Seen},
    data::region_total,
};
use gridveil_grid_operator::{audit::audit, grid::Node, key_centre::KeyCentre, ledger::FaultKind};
use gridveil_primitives::{
    Half, Outcome, PeriodIndex, PeriodKey, PeriodStatus, PeriodView, Price, RegionId, Share, Total,
};

use crate::{
    error::{broken, ReplayError},
    meters::Meter,
    month::{Fate, Month},
    story::{CAP, CYCLE, STEPS},
};

/// 10^-9 currency units, in which watt-hours × millionths per kWh come out, to hundredths.
const NANOS_PER_HUNDREDTH: i128 = 10_000_000;

type Views = BTreeMap<(RegionId, PeriodIndex), PeriodView>;

/// What is looked at.
pub struct See<'a> {
    /// What was replayed.
    pub month: &'a Month,
    /// The meters with their users.
    pub meters: &'a [Meter],
    /// The regions.
    pub regions: &'a [RegionId],
    /// The chain.
    pub chain: &'a Chain,
    /// The key centre, for its ledger.
    pub centre: &'a KeyCentre<Node>,
    /// Where the bills are.
    pub store: &'a dyn Store,
}

/// Checks the shares on chain, which are forgotten some time after the bills.
pub async fn judge_shares(see: &See<'_>, checks: &mut Checks) -> Result<(), ReplayError> {
    let claim = "the shares on chain are one for each pseudonym, as many as were sent, and no reading is among them";
    checks.add(claim, shares(see).await?);
    Ok(())
}

/// Checks everything else.
pub async fn judge(see: &See<'_>, checks: &mut Checks) -> Result<(), ReplayError> {
    let mut views = Views::new();
    for &region in see.regions {
        for (period, view) in see.chain.cycle_view(region, CYCLE).await? {
            views.insert((region, period), view);
        }
    }
    checks.add(
        "every regional total is the plain sum of the CSV over the meters that count",
        totals(see, &views),
    );
    checks.add(
        "a period is faulty exactly where a share is missing",
        statuses(see, &views),
    );
    checks.add(
        "the key centre's ledger names exactly the meters that failed, and how",
        ledger(see)?,
    );
    checks.add(
        "every price is the tariff's for the region's total in the CSV",
        prices(see, &views),
    );
    let bills = open_bills(see).await?;
    checks.add(
        "every user finds a bill that the chain vouches for and its own key opens",
        opened(see, &bills),
    );
    checks.add(
        "every line of every bill is the CSV's consumption at the chain's price",
        lines(see, &views, &bills),
    );
    checks.add(
        "every amount is Σ consumption × price, rounded once",
        amounts(see, &bills),
    );
    checks.add(
        "every region's bills add up to its totals at their prices, by the committed sums alone",
        audited(see).await?,
    );
    Ok(())
}

async fn audited(see: &See<'_>) -> Result<Seen, ReplayError> {
    let audit = audit(&Node::new(see.chain.clone(), None), CYCLE).await?;
    let whole = audit.adds_up && audit.regions.len() == see.regions.len();
    Ok(match whole {
        true => Ok(format!("{} regions", audit.regions.len())),
        false => Err(audit.words()),
    })
}

/// Every period of every region.
fn keys(see: &See<'_>) -> Vec<(RegionId, PeriodIndex)> {
    let periods = 0..see.month.periods;
    let of = |region: &RegionId| periods.clone().map(|period| (*region, period)).collect::<Vec<_>>();
    see.regions.iter().flat_map(of).collect()
}

fn totals(see: &See<'_>, views: &Views) -> Seen {
    let mut comparison = Comparison::default();
    for (region, period) in keys(see) {
        let (meters, energy) = region_total(&see.month.counted, region, period);
        let found = views.get(&(region, period)).and_then(|view| view.outcome);
        let expected = Some(Outcome::Opened(Total { meters, energy }));
        comparison.equal(format_args!("region {region}, period {period}"), expected, found);
    }
    comparison.verdict("totals")
}

fn statuses(see: &See<'_>, views: &Views) -> Seen {
    let faulty: BTreeSet<_> = see
        .month
        .failures()
        .map(|(_, region, period, _)| (region, period))
        .collect();
    let mut comparison = Comparison::default();
    for key in keys(see) {
        let expected = match faulty.contains(&key) {
            true => PeriodStatus::Faulty,
            false => PeriodStatus::Complete,
        };
        let found = views.get(&key).map(|view| view.status);
        comparison.equal(
            format_args!("region {}, period {}", key.0, key.1),
            Some(expected),
            found,
        );
    }
    comparison
        .verdict("periods")
        .map(|seen| format!("{seen}, {} of them faulty", faulty.len()))
}

fn ledger(see: &See<'_>) -> Result<Seen, ReplayError> {
    let found: BTreeSet<_> = see
        .centre
        .ledger()
        .faults(Some(CYCLE))?
        .into_iter()
        .map(|fault| (fault.label, fault.key.region, fault.key.period, fault.kind))
        .collect();
    let expected: BTreeSet<_> = see
        .month
        .failures()
        .filter_map(|(meter, region, period, fate)| {
            let kind = match fate {
                Fate::Both => return None,
                Fate::Only(Half::First) => FaultKind::FirstOnly,
                Fate::Only(Half::Second) => FaultKind::SecondOnly,
                Fate::Silent => FaultKind::Silent,
            };
            Some((Some(meter.to_owned()), region, period, kind))
        })
        .collect();
    let mut comparison = Comparison::default();
    comparison.equal("faults", expected.len(), found.len());
    for one in expected.symmetric_difference(&found) {
        comparison.equal(format_args!("{one:?}"), expected.contains(one), found.contains(one));
    }
    Ok(comparison
        .verdict("ledger")
        .map(|_| format!("{} faults", expected.len())))
}

/// The tariff, as [`crate::story`] gives it to the control centre.
fn price_of(energy: i64) -> Price {
    for (up_to, price) in STEPS {
        if energy <= up_to {
            return price;
        }
    }
    CAP
}

fn prices(see: &See<'_>, views: &Views) -> Seen {
    let (mut comparison, mut seen) = (Comparison::default(), BTreeSet::new());
    for key in keys(see) {
        let (_, energy) = region_total(&see.month.counted, key.0, key.1);
        let found = views.get(&key).and_then(|view| view.price);
        seen.extend(found);
        comparison.equal(
            format_args!("region {}, period {}", key.0, key.1),
            Some(price_of(energy)),
            found,
        );
    }
    comparison
        .verdict("prices")
        .map(|told| format!("{told}, {} different ones", seen.len()))
}

async fn shares(see: &See<'_>) -> Result<Seen, ReplayError> {
    let (mut prids, mut count, mut plain) = (BTreeSet::new(), 0usize, 0usize);
    let readings: BTreeSet<u64> = see
        .month
        .homes
        .iter()
        .flat_map(|home| home.readings.iter().flatten())
        .map(|reading| reading.cast_unsigned())
        .collect();
    for (region, period) in keys(see) {
        let key = PeriodKey {
            region,
            cycle: CYCLE,
            period,
        };
        let found: Vec<Share> = see.chain.shares(&key).await?;
        count += found.len();
        plain += found.iter().filter(|share| readings.contains(&share.value)).count();
        prids.extend(found.iter().map(|share| share.prid));
    }
    let mut comparison = Comparison::default();
    comparison.equal("shares", see.month.shares(), count);
    comparison.equal("pseudonyms", count, prids.len());
    comparison.equal("shares that equal a reading", 0, plain);
    Ok(comparison.verdict("counts").map(|_| format!("{count} shares")))
}

/// Each user's bill, by its meter's name: fetched by what the chain says, compared with its hash, opened.
async fn open_bills(see: &See<'_>) -> Result<BTreeMap<String, Report>, ReplayError> {
    let mut bills = BTreeMap::new();
    for meter in see.meters {
        let Some(record) = see.chain.bill(CYCLE, &meter.bid).await? else {
            continue;
        };
        let cid = Cid::from_bytes(&record.cid).map_err(broken)?;
        let sealed = see.store.get(&cid).await?;
        if hash(&sealed) != record.hash {
            continue;
        }
        if let Ok(report) = envelope::open(&sealed, &meter.identity) {
            bills.insert(meter.label.clone(), report);
        }
    }
    Ok(bills)
}

fn opened(see: &See<'_>, bills: &BTreeMap<String, Report>) -> Seen {
    let mut comparison = Comparison::default();
    for meter in see.meters {
        let found = bills
            .get(&meter.label)
            .map(|report| (report.bid.clone(), report.cycle, report.region));
        let expected = Some((hex::encode(meter.bid), CYCLE, meter.region));
        comparison.equal(&meter.label, expected, found);
    }
    comparison.verdict("bills")
}

fn lines(see: &See<'_>, views: &Views, bills: &BTreeMap<String, Report>) -> Seen {
    let mut comparison = Comparison::default();
    for home in &see.month.counted {
        let lines: BTreeMap<_, _> = bills
            .get(&home.meter)
            .into_iter()
            .flat_map(|report| &report.lines)
            .map(|line| (line.period, (line.energy, line.price)))
            .collect();
        for (period, reading) in (0..).zip(&home.readings) {
            let price = views.get(&(home.region, period)).and_then(|view| view.price);
            let found = lines.get(&period).copied();
            comparison.equal(
                format_args!("{}, period {period}", home.meter),
                Some((*reading, price)),
                found,
            );
        }
    }
    comparison.verdict("lines")
}

/// What a home owes, in hundredths, by the CSV and the tariff alone.
fn owed(see: &See<'_>, totals: &BTreeMap<(RegionId, PeriodIndex), i64>, place: usize) -> Option<i64> {
    let home = &see.month.counted[place];
    let mut nanos: i128 = 0;
    for (period, reading) in (0..).zip(&home.readings) {
        if let Some(reading) = reading {
            let price = price_of(*totals.get(&(home.region, period))?);
            nanos += i128::from(*reading) * i128::from(price);
        }
    }
    let half = NANOS_PER_HUNDREDTH / 2;
    let rounded = match nanos < 0 {
        true => (nanos - half) / NANOS_PER_HUNDREDTH,
        false => (nanos + half) / NANOS_PER_HUNDREDTH,
    };
    i64::try_from(rounded).ok()
}

fn amounts(see: &See<'_>, bills: &BTreeMap<String, Report>) -> Seen {
    let totals = keys(see)
        .into_iter()
        .map(|(region, period)| ((region, period), region_total(&see.month.counted, region, period).1))
        .collect();
    let (mut comparison, mut sum, mut energy) = (Comparison::default(), 0i64, 0i64);
    for (place, home) in see.month.counted.iter().enumerate() {
        let expected = owed(see, &totals, place).map(|amount| (home.readings.iter().flatten().sum::<i64>(), amount));
        let found = bills.get(&home.meter).map(|report| (report.energy, report.amount));
        if let Some((used, amount)) = expected {
            sum += amount;
            energy += used;
        }
        comparison.equal(&home.meter, (true, expected), (found.is_some(), found));
    }
    comparison.verdict("bills").map(|seen| {
        format!(
            "{seen}, {}.{:02} in all for {} kWh",
            sum / 100,
            sum % 100,
            energy / 1_000
        )
    })
}
