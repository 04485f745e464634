//! How far things are: the ledger and the chain, side by side.
//!
//! **Privacy.** Counts only.

use gridveil_primitives::{CycleId, Moment, Outcome, PeriodIndex, PeriodStatus, RegionId};
use serde::Serialize;

use super::KeyCentre;
use crate::{error::Error, grid::Grid};

/// How far the key centre and the chain are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// The chain's genesis hash, in hexadecimal.
    pub genesis: String,
    /// The number of the latest finalised block.
    pub block: u32,
    /// The chain's clock, in milliseconds since the Unix epoch.
    pub now: Moment,
    /// How many meters are enrolled.
    pub meters: u32,
    /// How many of them the chain is known to have registered.
    pub registered: u32,
    /// The cycle that the rest is about; `None` where none is scheduled.
    pub cycle: Option<CycleStatus>,
}

/// How far a cycle is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CycleStatus {
    /// The cycle.
    pub cycle: CycleId,
    /// When it starts.
    pub start: Moment,
    /// When its last period ends.
    pub end: Moment,
    /// How many periods it has.
    pub periods: PeriodIndex,
    /// The regions that have meters in it.
    pub regions: Vec<RegionStatus>,
    /// How many bills are in the store.
    pub bills_stored: usize,
    /// How many of them the chain is known to have.
    pub bills_published: usize,
}

/// How far a region is in a cycle.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RegionStatus {
    /// The region.
    pub region: RegionId,
    /// Its meters in the cycle, by the latest revision.
    pub meters: usize,
    /// Whether the cycle's filter is published.
    pub filter: bool,
    /// Periods that have a manifest.
    pub manifests: usize,
    /// Periods that closed with every share.
    pub complete: usize,
    /// Periods that closed with a fault.
    pub faulty: usize,
    /// Periods whose mask sum was opened.
    pub opened: usize,
    /// Periods whose mask sum was withheld.
    pub withheld: usize,
    /// Periods that have a price.
    pub priced: usize,
}

/// How far things are, with the cycle asked for or the latest one.
pub async fn status<G: Grid>(centre: &KeyCentre<G>, cycle: Option<CycleId>) -> Result<Status, Error> {
    let head = centre.grid.finalised().await?;
    let at = head.hash;
    let (meters, registered) = centre.ledger.count_meters()?;
    let cycle = match cycle {
        Some(cycle) => Some(cycle),
        None => centre.grid.latest_cycle(at).await?,
    };
    let cycle = match cycle {
        Some(cycle) => Some(cycle_status(centre, cycle, at).await?),
        None => None,
    };
    let now = centre.grid.now(at).await?;
    Ok(Status {
        genesis: hex::encode(centre.grid.genesis()),
        block: head.number,
        now,
        meters,
        registered,
        cycle,
    })
}

async fn cycle_status<G: Grid>(centre: &KeyCentre<G>, cycle: CycleId, at: [u8; 32]) -> Result<CycleStatus, Error> {
    let schedule = centre.known_cycle(cycle, at).await?;
    let mut regions = Vec::new();
    for region in centre.ledger.regions(cycle)? {
        let revisions = centre.grid.revisions(region, cycle, at).await?;
        let latest = revisions.last().map(|revision| revision.from);
        let meters = centre.ledger.meters(region, cycle)?;
        let mut status = RegionStatus {
            region,
            meters: meters.iter().filter(|meter| meter.takes_part(cycle, latest)).count(),
            filter: centre.grid.filter_meters(region, cycle, at).await?.is_some(),
            ..RegionStatus::default()
        };
        let view = centre.grid.cycle_view(region, cycle, at).await?;
        let count = |wanted: &dyn Fn(&gridveil_primitives::PeriodView) -> bool| {
            view.iter().filter(|(_, view)| wanted(view)).count()
        };
        status.manifests = view.len();
        status.complete = count(&|view| view.status == PeriodStatus::Complete);
        status.faulty = count(&|view| view.status == PeriodStatus::Faulty);
        status.opened = count(&|view| matches!(view.outcome, Some(Outcome::Opened(_))));
        status.withheld = count(&|view| view.outcome == Some(Outcome::Withheld));
        status.priced = count(&|view| view.price.is_some());
        regions.push(status);
    }
    let bills = centre.ledger.bills(cycle)?;
    Ok(CycleStatus {
        cycle,
        start: schedule.start,
        end: schedule.end().unwrap_or(Moment::MAX),
        periods: schedule.periods,
        regions,
        bills_stored: bills.len(),
        bills_published: bills.iter().filter(|bill| bill.published).count(),
    })
}
