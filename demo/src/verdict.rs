//! What came out of the day, gathered and judged.
//!
//! Promises that each claim is checked on what a party could really see: the chain through a node, bills as their users
//! fetched and opened them, the key centre's ledger as its own command prints it. Leaves what must be seen to
//! [`crate::claims`].
//!
//! **Privacy.** Reads every home's bill with that home's own key, and shows one.

use std::collections::BTreeMap;

use futures::future::try_join_all;
use gridveil_bills::{envelope, report::Report};
use gridveil_chain_client::Chain;
use gridveil_primitives::{bill::BillSecret, PeriodKey};

use gridveil_demo::{
    actors::SIDE_BY_SIDE,
    checks::{Checks, Seen},
    data::Home,
    process::Finished,
};

use crate::{
    claims::{self, Batches, Bills, Rule, Shares, Truth, Views},
    logs, proofs,
    story::{Day, StoryError, CYCLE},
};

/// Checks everything that the demo claims.
pub async fn judge(day: &Day<'_>, urls: &str) -> Result<Checks, StoryError> {
    let mut checks = Checks::default();
    let truth = truth(day).await?;
    let mut views = Views::new();
    for region in &day.regions {
        for (period, view) in day.chain.cycle_view(*region, CYCLE).await? {
            views.insert((*region, period), view);
        }
    }
    checks.add(
        "every regional total is the plain sum of the CSV over the meters that count",
        claims::totals(&truth, &views),
    );
    checks.add(
        "a period is faulty exactly where a meter was silent",
        claims::faults(&truth, &views),
    );
    checks.add(
        "the silent meters in the key centre's ledger are those of the gaps file",
        claims::ledger(&truth, &day.stage.faults(CYCLE, urls).await?),
    );
    let shares = shares(day, &truth).await?;
    checks.add(
        "both shares of every reading are on chain, with one aggregator dead half way through",
        claims::arrivals(&truth, &shares).map(|seen| format!("{seen}; {}", day.outage)),
    );
    checks.add(
        "every region's aggregator brought shares in batches",
        claims::batches(&truth, &batches(day, &truth).await?),
    );
    checks.add(
        "no share equals a reading, nor do the two of a pair sum to one",
        claims::masked(&truth, &shares),
    );
    checks.add("no pseudonym was used twice", claims::pseudonyms(&shares));
    checks.add(
        "every period of every region has the tariff's price for its load",
        claims::prices(&truth, &views),
    );
    let bills = open_bills(day, urls).await?;
    checks.add(
        "every consumption in every bill is the CSV's",
        claims::consumption(&truth, &bills),
    );
    checks.add(
        "every bill is Σ consumption × price of the chain, to the last unit",
        claims::amounts(&truth, &views, &bills),
    );
    checks.add(
        "every user's own check of its bill passes",
        claims::own_checks(&truth, &own_checks(day, urls).await?),
    );
    let audit = day.stage.audit_bills(CYCLE, urls).await?;
    checks.add(
        "every region's bills add up to its totals at their prices, by the committed sums alone",
        claims::audited(&truth, audit.status.success(), &audit.json().next().unwrap_or_default()),
    );
    refusals(day, urls, &bills, &mut checks).await?;
    if let Some((meter, report)) = bills.first_key_value() {
        let genesis = day.chain.genesis_hash();
        proofs::check(day.stage, meter, report, genesis, urls, &mut checks).await?;
    }
    checks.add("all four nodes have the same finalised chain", same_chain(day).await?);
    let homes: Vec<_> = day
        .homes
        .iter()
        .map(|home| Ok((home, day.stage.bid(home)?)))
        .collect::<std::io::Result<_>>()?;
    let last = day.chain.finalised().await?.number;
    checks.add(
        "no log has a secret of the run in it, or a home's reading",
        logs::search(&day.stage.logs, &day.secrets, &homes, last)?,
    );
    checks.add(
        "what meters and operators at work log is JSON, line by line",
        logs::structured(&day.stage.logs)?,
    );
    show_one(day, &bills);
    Ok(checks)
}

async fn truth<'a>(day: &Day<'a>) -> Result<Truth<'a>, StoryError> {
    let known: BTreeMap<_, _> = day.chain.regions().await?.into_iter().collect();
    let mut rules = BTreeMap::new();
    for region in &day.regions {
        let info = known
            .get(region)
            .ok_or_else(|| StoryError::Missing(format!("the chain does not know region {region}")))?;
        let rule = Rule {
            minimum: info.minimum_meters,
            fallback: info.fallback_price,
        };
        rules.insert(*region, rule);
    }
    Ok(Truth {
        homes: day.homes,
        rules,
        periods: day.schedule.periods,
    })
}

async fn shares(day: &Day<'_>, truth: &Truth<'_>) -> Result<Shares, StoryError> {
    let mut all = Shares::new();
    for (region, period) in truth.keys() {
        let cycle = CYCLE;
        let key = PeriodKey { region, cycle, period };
        all.insert((region, period), day.chain.shares(&key).await?);
    }
    Ok(all)
}

async fn batches(day: &Day<'_>, truth: &Truth<'_>) -> Result<Batches, StoryError> {
    let mut all = Batches::new();
    for (region, period) in truth.keys() {
        let cycle = CYCLE;
        let (count, _) = day.chain.batches(&PeriodKey { region, cycle, period }).await?;
        all.insert((region, period), count);
    }
    Ok(all)
}

/// The bills that their users could open; one that could not be is missing, and what speaks of it fails.
async fn open_bills(day: &Day<'_>, urls: &str) -> Result<Bills, StoryError> {
    let dir = day.stage.dir.join("opened");
    std::fs::create_dir_all(&dir)?;
    let mut bills = Bills::new();
    for batch in day.homes.chunks(SIDE_BY_SIDE) {
        let opened = try_join_all(batch.iter().map(|home| async {
            let html = dir.join(format!("{}.html", home.meter));
            let file = day.stage.bill_file(&home.meter);
            let finished = day.stage.open_bill(&home.meter, CYCLE, &file, &html, urls).await?;
            if !finished.status.success() {
                return Ok(None);
            }
            let report = Report::from_html(&std::fs::read_to_string(&html)?).ok();
            Ok::<_, StoryError>(report.map(|report| (home.meter.clone(), report)))
        }));
        bills.extend(opened.await?.into_iter().flatten());
    }
    Ok(bills)
}

async fn own_checks(day: &Day<'_>, urls: &str) -> Result<BTreeMap<String, bool>, StoryError> {
    let mut passed = BTreeMap::new();
    for batch in day.homes.chunks(SIDE_BY_SIDE) {
        let verified = try_join_all(batch.iter().map(|home| async {
            let file = day.stage.bill_file(&home.meter);
            let finished = day.stage.verify_bill(&home.meter, CYCLE, &file, urls).await?;
            Ok::<_, StoryError>((home.meter.clone(), finished.status.success()))
        }));
        passed.extend(verified.await?);
    }
    Ok(passed)
}

async fn refusals(day: &Day<'_>, urls: &str, bills: &Bills, checks: &mut Checks) -> Result<(), StoryError> {
    let report = day.homes.first().and_then(|home| bills.get(&home.meter));
    let ([first, second, ..], Some(report)) = (day.homes, report) else {
        checks.add(
            "a tampered bill, a wrong key and a changed price are refused",
            Err("it takes two homes and the bill of the first".into()),
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
    let dearer = Report {
        notes,
        ..Report::new(
            &bid,
            cycle,
            region,
            currency,
            &day.schedule,
            lines,
            &BillSecret::from_bytes([0; 32]),
        )
    };
    envelope::seal(&dearer, &recipient).map_err(|error| StoryError::Missing(error.to_string()))
}

fn refused(finished: &Finished, reason: &str) -> Seen {
    claims::refused(finished.status.success(), finished.json(), reason)
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
    let hashes = try_join_all(clients.iter().map(|client: &Chain| client.finalised_hash(target))).await?;
    let named: Vec<_> = hashes
        .into_iter()
        .enumerate()
        .map(|(index, hash)| (day.network.name(index).to_owned(), hash))
        .collect();
    Ok(claims::same_chain(target, &named))
}

fn show_one(day: &Day, bills: &Bills) {
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
