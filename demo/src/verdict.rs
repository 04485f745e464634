//! What the demo claims, checked against the CSV and the finalised chain.
//!
//! Promises that each claim is checked on what a party could really see: the chain through a node, bills as their users
//! fetched and opened them, the key centre's ledger as its own command prints it. What is expected comes from
//! [`gridveil_demo::data`] and from arithmetic written out here, not from the code that produced it.
//!
//! **Privacy.** Reads every home's bill with that home's own key, and shows one.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use gridveil_bills::{envelope, report::Report};
use gridveil_chain_client::Chain;
use gridveil_primitives::{Outcome, PeriodIndex, PeriodKey, PeriodStatus, PeriodView, RegionId, Total};

use gridveil_demo::{
    checks::{Checks, Comparison, Seen},
    data::{region_total, silences, Home},
    process::Finished,
};

use crate::story::{Day, StoryError, CYCLE};

/// 10^-9 currency units, in which watt-hours × millionths per kWh come out, to hundredths.
const NANOS_PER_HUNDREDTH: i128 = 10_000_000;

type Views = BTreeMap<(RegionId, PeriodIndex), PeriodView>;

/// Checks everything that the demo claims.
pub async fn judge(day: &Day<'_>, urls: &str) -> Result<Checks, StoryError> {
    let mut checks = Checks::default();
    let mut views = Views::new();
    for region in &day.regions {
        for (period, view) in day.chain.cycle_view(*region, CYCLE).await? {
            views.insert((*region, period), view);
        }
    }
    checks.add(
        "every regional total is the plain sum of the CSV over the meters that count",
        totals(day, &views),
    );
    checks.add(
        "a period is faulty exactly where a meter was silent",
        faults_on_chain(day, &views),
    );
    checks.add(
        "the silent meters in the key centre's ledger are those of the gaps file",
        ledger(day, urls).await?,
    );
    let shares = collect_shares(day).await?;
    checks.add(
        "both shares of every reading are on chain, with one aggregator dead half way through",
        arrivals(day, &shares),
    );
    checks.add(
        "no share equals a reading, nor do the two of a pair sum to one",
        masked(day, &shares),
    );
    checks.add("no pseudonym was used twice", pseudonyms(&shares));
    checks.add(
        "every period of every region has one price, and the price follows the load",
        prices(day, &views),
    );
    let bills = open_bills(day, urls).await?;
    checks.add("every consumption in every bill is the CSV's", consumption(day, &bills));
    checks.add(
        "every bill is Σ consumption × price of the chain, to the last unit",
        amounts(day, &views, &bills),
    );
    checks.add(
        "every user's own check of its bill passes",
        own_checks(day, urls).await?,
    );
    refusals(day, urls, &bills, &mut checks).await?;
    checks.add("all four nodes have the same finalised chain", same_chain(day).await?);
    show_one(day, &bills);
    Ok(checks)
}

fn periods(day: &Day) -> impl Iterator<Item = PeriodIndex> {
    0..day.schedule.periods
}

fn totals(day: &Day, views: &Views) -> Seen {
    let mut comparison = Comparison::default();
    for region in &day.regions {
        for period in periods(day) {
            let (meters, energy) = region_total(day.homes, *region, period);
            let found = views.get(&(*region, period)).and_then(|view| view.outcome);
            comparison.equal(
                format_args!("region {region}, period {period}"),
                Some(Outcome::Opened(Total { meters, energy })),
                found,
            );
        }
    }
    comparison.verdict("totals")
}

fn faults_on_chain(day: &Day, views: &Views) -> Seen {
    let silent: BTreeSet<(RegionId, PeriodIndex)> = day
        .homes
        .iter()
        .flat_map(|home| home.silent().map(|period| (home.region, period)))
        .collect();
    let mut comparison = Comparison::default();
    for region in &day.regions {
        for period in periods(day) {
            let expected = if silent.contains(&(*region, period)) {
                PeriodStatus::Faulty
            } else {
                PeriodStatus::Complete
            };
            let found = views.get(&(*region, period)).map(|view| view.status);
            comparison.equal(format_args!("region {region}, period {period}"), Some(expected), found);
        }
    }
    comparison
        .verdict("periods")
        .map(|seen| format!("{seen}, {} of them faulty", silent.len()))
}

async fn ledger(day: &Day<'_>, urls: &str) -> Result<Seen, StoryError> {
    let faults = day.stage.faults(CYCLE, urls).await?;
    let Some(rows) = faults.as_array() else {
        return Ok(Err("the ledger's faults are no list".into()));
    };
    let mut found = BTreeSet::new();
    for row in rows {
        let (label, kind) = (row["label"].as_str(), row["kind"].as_str());
        let period = row["period"]
            .as_u64()
            .and_then(|period| PeriodIndex::try_from(period).ok());
        let (Some(label), Some("silent"), Some(period)) = (label, kind, period) else {
            return Ok(Err(format!("a fault that nobody caused: {row}")));
        };
        found.insert((label.to_string(), period));
    }
    let expected = silences(day.homes);
    let meters: BTreeSet<_> = found.iter().map(|(meter, _)| meter.as_str()).collect();
    Ok(if found == expected {
        Ok(format!(
            "{} silences of {}",
            found.len(),
            meters.into_iter().collect::<Vec<_>>().join(", ")
        ))
    } else {
        let missed: Vec<_> = expected.difference(&found).take(3).collect();
        let invented: Vec<_> = found.difference(&expected).take(3).collect();
        Err(format!("missed {missed:?}, invented {invented:?}"))
    })
}

type Shares = BTreeMap<(RegionId, PeriodIndex), Vec<gridveil_primitives::Share>>;

async fn collect_shares(day: &Day<'_>) -> Result<Shares, StoryError> {
    let mut all = Shares::new();
    for region in &day.regions {
        for period in periods(day) {
            let key = PeriodKey {
                region: *region,
                cycle: CYCLE,
                period,
            };
            all.insert((*region, period), day.chain.shares(&key).await?);
        }
    }
    Ok(all)
}

fn arrivals(day: &Day, shares: &Shares) -> Seen {
    let mut comparison = Comparison::default();
    let mut count = 0;
    for ((region, period), found) in shares {
        let (meters, _) = region_total(day.homes, *region, *period);
        count += found.len();
        let expected = usize::try_from(meters).unwrap_or(usize::MAX).saturating_mul(2);
        comparison.equal(format_args!("region {region}, period {period}"), expected, found.len());
    }
    comparison
        .verdict("periods")
        .map(|seen| format!("{seen}, {count} shares; {}", day.outage))
}

/// A share must not be a reading, and no two shares of a period may sum to one: with the masks on, either would be a
/// coincidence of about 2^-50 in the whole run.
fn masked(day: &Day, shares: &Shares) -> Seen {
    let readings: BTreeSet<u64> = day
        .homes
        .iter()
        .flat_map(|home| home.readings.iter().flatten())
        .filter_map(|reading| u64::try_from(*reading).ok())
        .collect();
    let (mut single, mut pairs) = (0_usize, 0_usize);
    for (at, found) in shares {
        for (index, share) in found.iter().enumerate() {
            single += 1;
            if readings.contains(&share.value) {
                return Err(format!("a share of region and period {at:?} is a plain reading"));
            }
            for other in found.iter().skip(index + 1) {
                pairs += 1;
                if readings.contains(&share.value.wrapping_add(other.value)) {
                    return Err(format!("two shares of region and period {at:?} sum to a plain reading"));
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

fn pseudonyms(shares: &Shares) -> Seen {
    let all: Vec<_> = shares.values().flatten().map(|share| share.prid).collect();
    let distinct: BTreeSet<_> = all.iter().collect();
    if distinct.len() == all.len() && !all.is_empty() {
        Ok(format!("{} pseudonyms", all.len()))
    } else {
        Err(format!("{} shares under {} pseudonyms", all.len(), distinct.len()))
    }
}

fn prices(day: &Day, views: &Views) -> Seen {
    let mut by_price: BTreeMap<u64, Vec<i64>> = BTreeMap::new();
    for region in &day.regions {
        for period in periods(day) {
            let view = views.get(&(*region, period));
            let (Some(price), Some(Outcome::Opened(total))) =
                (view.and_then(|view| view.price), view.and_then(|view| view.outcome))
            else {
                return Err(format!("region {region}, period {period} has no price"));
            };
            by_price.entry(price).or_default().push(total.energy);
        }
    }
    // A dearer price must stand on larger loads than every cheaper one.
    let mut largest_so_far = i64::MIN;
    for (price, loads) in &by_price {
        let (least, most) = (loads.iter().min().copied(), loads.iter().max().copied());
        if least.is_some_and(|least| least < largest_so_far) {
            return Err(format!("{price} was set for a smaller load than a cheaper price"));
        }
        largest_so_far = most.unwrap_or(largest_so_far);
    }
    let told: Vec<_> = by_price
        .iter()
        .map(|(price, loads)| format!("{}×{price}", loads.len()))
        .collect();
    Ok(format!("prices in millionths per kWh: {}", told.join(", ")))
}

async fn open_bills(day: &Day<'_>, urls: &str) -> Result<BTreeMap<String, Report>, StoryError> {
    let dir = day.stage.dir.join("opened");
    std::fs::create_dir_all(&dir)?;
    let mut reports = BTreeMap::new();
    for batch in day.homes.chunks(8) {
        let opened = batch.iter().map(|home| async {
            let html = dir.join(format!("{}.html", home.meter));
            let file = day.stage.bill_file(&home.meter);
            let finished = day.stage.open_bill(&home.meter, CYCLE, &file, &html, urls).await?;
            if !finished.status.success() {
                return Err(StoryError::Missing(format!("{} can't open its bill", home.meter)));
            }
            let report = Report::from_html(&std::fs::read_to_string(&html)?)
                .map_err(|error| StoryError::Missing(format!("the bill of {}: {error}", home.meter)))?;
            Ok((home.meter.clone(), report))
        });
        reports.extend(try_join_all(opened).await?);
    }
    Ok(reports)
}

fn consumption(day: &Day, bills: &BTreeMap<String, Report>) -> Seen {
    let mut comparison = Comparison::default();
    for home in day.homes {
        let lines: BTreeMap<_, _> = bills
            .get(&home.meter)
            .map(|report| report.lines.iter().map(|line| (line.period, line.energy)).collect())
            .unwrap_or_default();
        for (period, reading) in (0..).zip(&home.readings) {
            let found = lines.get(&period).copied();
            comparison.equal(format_args!("{}, period {period}", home.meter), Some(*reading), found);
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

fn amounts(day: &Day, views: &Views, bills: &BTreeMap<String, Report>) -> Seen {
    let mut comparison = Comparison::default();
    let mut sum = 0;
    for home in day.homes {
        let expected = owed(home, views);
        sum += expected.unwrap_or(0);
        let found = bills.get(&home.meter).map(|report| report.amount);
        comparison.equal(&home.meter, (true, expected), (found.is_some(), found));
    }
    comparison
        .verdict("bills")
        .map(|seen| format!("{seen}, {}.{:02} in all", sum / 100, sum % 100))
}

async fn own_checks(day: &Day<'_>, urls: &str) -> Result<Seen, StoryError> {
    let mut comparison = Comparison::default();
    for batch in day.homes.chunks(8) {
        let verified = try_join_all(batch.iter().map(|home| async {
            let finished = day
                .stage
                .verify_bill(&home.meter, CYCLE, &day.stage.bill_file(&home.meter), urls)
                .await?;
            Ok::<_, StoryError>((home.meter.clone(), finished.status.success()))
        }));
        for (meter, passed) in verified.await? {
            comparison.equal(meter, true, passed);
        }
    }
    Ok(comparison.verdict("bills"))
}

async fn refusals(
    day: &Day<'_>,
    urls: &str,
    bills: &BTreeMap<String, Report>,
    checks: &mut Checks,
) -> Result<(), StoryError> {
    let ([first, second, ..], Some((_, report))) = (day.homes, bills.get_key_value(&day.homes[0].meter)) else {
        checks.add(
            "a tampered bill, a wrong key and a changed price are refused",
            Err("it takes two bills".into()),
        );
        return Ok(());
    };
    let genuine = day.stage.bill_file(&first.meter);

    let tampered = day.stage.dir.join("fetched/tampered.age");
    let mut bytes = std::fs::read(&genuine)?;
    let middle = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(middle) {
        *byte ^= 1;
    }
    std::fs::write(&tampered, bytes)?;
    let finished = day.stage.verify_bill(&first.meter, CYCLE, &tampered, urls).await?;
    checks.add(
        "a bill with one bit changed is refused",
        refused(&finished, "hash_mismatch"),
    );

    let html = day.stage.dir.join("opened/stolen.html");
    let finished = day.stage.open_bill(&second.meter, CYCLE, &genuine, &html, urls).await?;
    let seen = if html.exists() {
        Err("the bill was opened".into())
    } else {
        refused(&finished, "wrong_key")
    };
    checks.add("another home's key does not open a bill", seen);

    let dearer = day.stage.dir.join("fetched/dearer.age");
    std::fs::write(&dearer, make_dearer(day, first, report).await?)?;
    let finished = day.stage.verify_bill(&first.meter, CYCLE, &dearer, urls).await?;
    checks.add(
        "a bill with one price changed, its sums made to fit and sealed anew, is refused",
        refused(&finished, "price_changed"),
    );
    Ok(())
}

/// A bill as a dishonest provider would make it: one price higher by a millionth, the sums in agreement, sealed properly.
async fn make_dearer(day: &Day<'_>, home: &Home, report: &Report) -> Result<Vec<u8>, StoryError> {
    let bid = hex::decode(&report.bid).ok().and_then(|bytes| bytes.try_into().ok());
    let bid = bid.ok_or_else(|| StoryError::Missing(format!("the bill of {} has no BID", home.meter)))?;
    let recipient = day.chain.user(&bid).await?;
    let recipient = recipient.ok_or_else(|| StoryError::Missing(format!("{} is not on the chain", home.meter)))?;
    let mut lines = report.lines.clone();
    if let Some(price) = lines.iter_mut().find_map(|line| line.price.as_mut()) {
        *price += 1;
    }
    let Report {
        cycle,
        region,
        currency,
        notes,
        ..
    } = report.clone();
    let dearer = Report::new(&bid, cycle, region, currency, &day.schedule, lines, notes);
    envelope::seal(&dearer, &recipient).map_err(|error| StoryError::Missing(error.to_string()))
}

/// That a command refused, and for this reason among those that it gave.
fn refused(finished: &Finished, reason: &str) -> Seen {
    if finished.status.success() {
        return Err("it was accepted".into());
    }
    let mut kinds = BTreeSet::new();
    for told in finished.json() {
        let faults = told["faults"].as_array().cloned().unwrap_or_default();
        kinds.extend(
            faults
                .iter()
                .chain([&told])
                .filter_map(|fault| fault["kind"].as_str().map(String::from)),
        );
    }
    let told = kinds.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    if kinds.contains(reason) {
        Ok(told)
    } else {
        Err(format!("refused, but for: {told}"))
    }
}

async fn same_chain(day: &Day<'_>) -> Result<Seen, StoryError> {
    let clients = try_join_all((0..day.network.len()).map(|index| day.network.client(index))).await?;
    // The height that all of them have finalised; the one that was dead has caught up, or this waits until it has.
    let target = day.chain.finalised().await?.number;
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    for client in &clients {
        while client.finalised().await?.number < target {
            if tokio::time::Instant::now() > deadline {
                return Ok(Err(format!("a node did not reach block {target} within a minute")));
            }
            tokio::time::sleep(std::time::Duration::from_millis(250)).await;
        }
    }
    let hashes: Vec<_> = try_join_all(clients.iter().map(|client: &Chain| client.finalised_hash(target))).await?;
    let mut comparison = Comparison::default();
    for (index, hash) in hashes.iter().enumerate() {
        comparison.equal(day.network.name(index), (true, &hashes[0]), (hash.is_some(), hash));
    }
    let hash = hashes.first().copied().flatten().map(hex::encode).unwrap_or_default();
    Ok(comparison
        .verdict("nodes")
        .map(|seen| format!("{seen}, block {target}: 0x{}…", hash.get(..16).unwrap_or(""))))
}

fn show_one(day: &Day, bills: &BTreeMap<String, Report>) {
    let Some((meter, report)) = day
        .homes
        .iter()
        .find_map(|home| Some((&home.meter, bills.get(&home.meter)?)))
    else {
        return;
    };
    let missing = report.lines.iter().filter(|line| line.energy.is_none()).count();
    println!("\nOne of the bills, as its user sees it (the HTML has a chart):");
    println!("  meter {meter}, BID {}…", report.bid.get(..16).unwrap_or(&report.bid));
    println!(
        "  {:.3} kWh in {} periods, {missing} of them without a reading",
        as_thousandths(report.energy),
        report.lines.len()
    );
    println!(
        "  {} {}.{:02}",
        report.currency,
        report.amount / 100,
        (report.amount % 100).abs()
    );
    for note in &report.notes {
        println!("  note: {note}");
    }
    println!();
}

fn as_thousandths(watt_hours: i64) -> f64 {
    i32::try_from(watt_hours).map_or(f64::NAN, |wh| f64::from(wh) / 1_000.0)
}
