//! What a court and an auditor see of the first home: a receipt for its bill, and two of its periods.
//!
//! Promises that they get files and the answers of nodes, and nothing of the home's own folder.
//!
//! **Privacy.** Discloses two periods of one home.

use std::path::Path;

use gridveil_bills::report::Report;
use gridveil_demo::{
    actors::Stage,
    checks::{Checks, Comparison, Seen},
};
use serde_json::Value;

use crate::{
    claims,
    story::{StoryError, CYCLE},
};

/// The periods that the auditor is to see.
const SPAN: (u16, u16) = (1, 2);

/// Checks both, for the home with this meter and bill, on the chain with this genesis hash.
pub async fn check(
    stage: &Stage,
    meter: &str,
    report: &Report,
    genesis: [u8; 32],
    urls: &str,
    checks: &mut Checks,
) -> Result<(), StoryError> {
    let file = |name: &str| stage.dir.join("fetched").join(name);
    let (receipt, authorities) = (file("receipt.json"), file("authorities.json"));
    stage.make_receipt(meter, CYCLE, &receipt, urls).await?;
    std::fs::write(&authorities, stage.authorities(urls).await?)?;
    let bill = stage.bill_file(meter);
    let proven = stage.check_receipt(&receipt, &genesis, &authorities, &bill).await?;
    checks.add(
        "a receipt proves a bill to whoever has three files and no node",
        match proven.json().next() {
            Some(told) if proven.status.success() && told["bill_compared"] == true => Ok(format!(
                "{} of {} authorities signed block {}",
                told["signed"], told["authorities"], told["block"]
            )),
            _ => Err(proven.stdout.clone()),
        },
    );
    let elsewhere = stage.check_receipt(&receipt, &[1; 32], &authorities, &bill).await?;
    checks.add(
        "and not on another chain",
        claims::refused(elsewhere.status.success(), elsewhere.json(), "receipt"),
    );

    let disclosure = file("disclosure.json");
    stage.disclose(meter, CYCLE, SPAN, &disclosure, urls).await?;
    let read = stage.audit(&disclosure, urls).await?;
    checks.add(
        "an auditor reads the two periods that a home disclosed, as they are in its bill",
        disclosed(&read, report, &disclosure),
    );
    Ok(())
}

/// Whether these are the readings of the bill.
fn disclosed(read: &Value, report: &Report, file: &Path) -> Seen {
    let Some(lines) = read["lines"].as_array() else {
        return Err(format!("nothing was read with {}", file.display()));
    };
    let mut comparison = Comparison::default();
    let periods: Vec<_> = lines.iter().map(|line| line["period"].as_u64()).collect();
    comparison.equal("periods", vec![Some(SPAN.0.into()), Some(SPAN.1.into())], periods);
    let billed = report
        .lines
        .iter()
        .filter(|line| (SPAN.0..=SPAN.1).contains(&line.period));
    for (line, billed) in lines.iter().zip(billed) {
        let energy = line["shown"]["energy"].as_i64();
        comparison.equal(format!("period {}", billed.period), billed.energy, energy);
    }
    comparison.verdict("readings")
}
