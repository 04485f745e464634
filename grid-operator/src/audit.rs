//! The audit of a cycle: whether each region's bills add up to its totals at their prices.
//!
//! Both sides are public. The key centre opened what a region's bills add up to, and the chain saw to it that these are the
//! bills that it committed to; the totals were opened period by period, and priced. Nobody's word is needed for the comparison,
//! and no key. What is billed for periods whose total was withheld is booked apart, and not compared: there is no total. That
//! a bill is the one committed to is its user's check.
//!
//! **Privacy.** Reads and shows sums of regions, nothing of a home's.

use std::fmt::Write as _;

use gridveil_primitives::{bill, BillSums, CycleId, Outcome, RegionId};
use serde::Serialize;

use crate::{error::Error, grid::Grid, output::table};

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The cycle.
    pub cycle: CycleId,
    /// The number of the finalised block that was read.
    pub block: u32,
    /// The regions that took part.
    pub regions: Vec<RegionAudit>,
    /// Whether there are any, and all add up.
    pub adds_up: bool,
}

/// What was found of a region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RegionAudit {
    /// The region.
    pub region: RegionId,
    /// The meters that took part, those that left or came within the cycle among them.
    pub meters: u32,
    /// The bills published.
    pub bills: u32,
    /// The periods whose total was opened: those that are compared.
    pub opened: usize,
    /// The periods whose total was withheld: what is billed for them is booked apart.
    pub withheld: usize,
    /// The energy that the bills add up to, in watt-hours; `None` until it is opened.
    pub energy_of_bills: Option<i128>,
    /// The energy that the totals add up to, in watt-hours.
    pub energy_of_totals: i128,
    /// What the bills charge, before each is rounded, in 10^-9 of the currency unit; `None` until it is opened.
    pub amount_of_bills: Option<i128>,
    /// What the totals cost at their prices, in 10^-9 of the currency unit.
    pub amount_of_totals: i128,
    /// What does not add up.
    pub problems: Vec<Problem>,
}

/// Why a region does not add up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Problem {
    /// Periods that are not closed, decided and priced.
    #[error("{periods} periods have no total or no price yet")]
    Unsettled {
        /// How many.
        periods: usize,
    },
    /// Not each meter has one bill.
    #[error("{meters} meters took part, and {bills} bills are published")]
    OtherBills {
        /// How many meters.
        meters: u32,
        /// How many bills.
        bills: u32,
    },
    /// The sums of the bills were not opened.
    #[error("the key centre has not opened what the bills add up to")]
    NotReconciled,
    /// The energies differ.
    #[error("the bills add up to {bills} Wh, the totals to {totals} Wh")]
    Energy {
        /// Of the bills.
        bills: i128,
        /// Of the totals.
        totals: i128,
    },
    /// The amounts differ.
    #[error("the bills add up to {}, the totals cost {}", units(*.bills), units(*.totals))]
    Amount {
        /// Of the bills, in 10^-9 of the currency unit.
        bills: i128,
        /// Of the totals, in 10^-9 of the currency unit.
        totals: i128,
    },
}

/// Audits a cycle at the latest finalised block. Errors: [`Error::UnknownCycle`], those of the chain; that something does not
/// add up is in the audit.
pub async fn audit<G: Grid>(grid: &G, cycle: CycleId) -> Result<Audit, Error> {
    let head = grid.finalised().await?;
    grid.cycle(cycle, head.hash).await?.ok_or(Error::UnknownCycle(cycle))?;
    let mut regions = Vec::new();
    for (region, _) in grid.regions(head.hash).await? {
        regions.extend(audit_region(grid, region, cycle, head.hash).await?);
    }
    Ok(Audit {
        cycle,
        block: head.number,
        adds_up: !regions.is_empty() && regions.iter().all(|region| region.problems.is_empty()),
        regions,
    })
}

/// Audits a region; `None` if it had no part in the cycle.
async fn audit_region<G: Grid>(
    grid: &G,
    region: RegionId,
    cycle: CycleId,
    at: [u8; 32],
) -> Result<Option<RegionAudit>, Error> {
    let meters = grid.filter_meters(region, cycle, at).await?;
    let bills = grid.region_bills(region, cycle, at).await?;
    if meters.is_none() && bills.is_none() {
        return Ok(None);
    }
    let (mut meters, bills) = (meters.unwrap_or_default(), bills.unwrap_or_default());
    // A revision with as many meters as before has a new one in another's place, and both have bills.
    let mut before = meters;
    for revision in grid.revisions(region, cycle, at).await? {
        meters = meters.saturating_add(u32::from(revision.meters == before));
        before = revision.meters;
    }
    let periods = grid.cycle_view(region, cycle, at).await?;
    let count = |wanted: &dyn Fn(&gridveil_primitives::PeriodView) -> bool| {
        periods.iter().filter(|(_, period)| wanted(period)).count()
    };
    let totals = bill::of_totals(periods.iter().map(|(_, period)| period));
    let unsettled = count(&|period| period.outcome.is_none() || period.price.is_none());
    let mut problems = Vec::new();
    if unsettled > 0 {
        problems.push(Problem::Unsettled { periods: unsettled });
    }
    if bills.bills != meters {
        let bills = bills.bills;
        problems.push(Problem::OtherBills { meters, bills });
    }
    match bills.opened {
        None => problems.push(Problem::NotReconciled),
        Some(sums) => problems.extend(differences(sums, totals)),
    }
    Ok(Some(RegionAudit {
        region,
        meters,
        bills: bills.bills,
        opened: count(&|period| matches!(period.outcome, Some(Outcome::Opened(_)))),
        withheld: count(&|period| period.outcome == Some(Outcome::Withheld)),
        energy_of_bills: bills.opened.map(|sums| sums.energy),
        energy_of_totals: totals.energy,
        amount_of_bills: bills.opened.map(|sums| sums.amount),
        amount_of_totals: totals.amount,
        problems,
    }))
}

fn differences(bills: BillSums, totals: BillSums) -> impl Iterator<Item = Problem> {
    let energy = (bills.energy != totals.energy).then_some(Problem::Energy {
        bills: bills.energy,
        totals: totals.energy,
    });
    let amount = (bills.amount != totals.amount).then_some(Problem::Amount {
        bills: bills.amount,
        totals: totals.amount,
    });
    energy.into_iter().chain(amount)
}

impl Audit {
    /// The audit as people read it: a table, and what does not add up.
    pub fn words(&self) -> String {
        let Audit { cycle, block, .. } = self;
        if self.regions.is_empty() {
            return format!("no region took part in cycle {cycle}, at finalised block {block}");
        }
        let rows = self.regions.iter().map(|one| {
            let opened = |figure: Option<String>| figure.unwrap_or("-".into());
            vec![
                one.region.to_string(),
                one.meters.to_string(),
                one.bills.to_string(),
                one.opened.to_string(),
                opened(one.energy_of_bills.map(|energy| energy.to_string())),
                one.energy_of_totals.to_string(),
                opened(one.amount_of_bills.map(units)),
                units(one.amount_of_totals),
                one.withheld.to_string(),
                if one.problems.is_empty() { "adds up" } else { "does not" }.into(),
            ]
        });
        let head = [
            "region",
            "meters",
            "bills",
            "periods",
            "Wh of bills",
            "Wh of totals",
            "amount of bills",
            "amount of totals",
            "periods apart",
            "",
        ];
        let mut words = format!("cycle {cycle} at finalised block {block}\n{}", table(&head, rows));
        for one in &self.regions {
            for problem in &one.problems {
                // Into a text that cannot fail.
                let _ = write!(words, "\nregion {}: {problem}", one.region);
            }
        }
        let withheld: usize = self.regions.iter().map(|one| one.withheld).sum();
        if withheld > 0 {
            let _ = write!(
                words,
                "\n{withheld} periods have no total: what is billed for them, at the fallback price, is booked apart"
            );
        }
        words + "\namounts are exact; each bill is then rounded once, by half a hundredth at most"
    }
}

/// An amount in whole currency units, with its nine decimals.
fn units(amount: i128) -> String {
    let (sign, size) = (if amount < 0 { "-" } else { "" }, amount.unsigned_abs());
    format!("{sign}{}.{:09}", size / 1_000_000_000, size % 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn amounts_are_shown_in_whole_units() {
        assert_eq!(units(70_000_000), "0.070000000");
        assert_eq!(units(-12_000_000_001), "-12.000000001");
    }
}
