//! Pricing: each period whose total is final gets the price that the tariff gives it, once.
//!
//! The paper's phase 6; DESIGN section 4, step 7. A period that was withheld has its fallback price from the chain
//! itself.
//!
//! **Privacy.** Reads regional totals.

use std::sync::Arc;

use gridveil_primitives::{CycleId, CycleSchedule, Outcome, PeriodIndex, PeriodKey, PeriodView, Price, RegionId, Role};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{prices::Prices, tariff::Tariff};
use crate::{
    error::Error,
    follow::{follow, Job, Scope, Step},
    grid::{carry_out, BlockHash, Grid, Order},
    key_centre::authorised,
};

/// A price that was set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Priced {
    /// `priced`.
    pub event: &'static str,
    /// The region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The period.
    pub period: PeriodIndex,
    /// The meters that count in the total.
    pub meters: u32,
    /// The total, in watt-hours.
    pub energy: i64,
    /// The price, in millionths of the currency unit per kWh.
    pub price: Price,
}

#[derive(Clone)]
struct Pricer<G> {
    grid: G,
    tariff: Arc<Tariff>,
    prices: Arc<Prices>,
}

impl<G: Grid> Pricer<G> {
    async fn schedule(&self, cycle: CycleId, at: BlockHash) -> Result<CycleSchedule, Error> {
        self.grid.cycle(cycle, at).await?.ok_or(Error::UnknownCycle(cycle))
    }
}

impl<G: Grid> Job for Pricer<G> {
    type Done = Priced;

    fn judge(&self, _: &PeriodKey, view: &PeriodView) -> Step {
        match (view.price, view.outcome) {
            (Some(_), _) => Step::Settled,
            (None, Some(Outcome::Opened(_))) => Step::Act,
            // Not opened yet; or withheld, and then the chain sets the price together with that.
            (None, None | Some(Outcome::Withheld)) => Step::Wait,
        }
    }

    async fn act(&self, key: PeriodKey, view: PeriodView, at: BlockHash) -> Result<Priced, Error> {
        let Some(Outcome::Opened(total)) = view.outcome else {
            return Err(Error::Worker("a price was asked for a period without a total".into()));
        };
        let schedule = self.schedule(key.cycle, at).await?;
        let price = self
            .prices
            .decide(&key, self.tariff.price(&schedule, key.period, &total)?)?;
        let (grid, order) = (&self.grid, Order::SetPrice(key, price));
        carry_out(grid, &order, |at| async move {
            Ok(grid.period(key, at).await?.is_some_and(|view| view.price.is_some()))
        })
        .await?;
        let PeriodKey { region, cycle, period } = key;
        let event = "priced";
        Ok(Priced {
            event,
            region,
            cycle,
            period,
            meters: total.meters,
            energy: total.energy,
            price,
        })
    }
}

/// Prices a cycle, or every cycle there is and will be, in all regions, and tells `said` of each price set. Ends with
/// `until_priced` (which needs a cycle), once every period of the cycle that took shares has a price; else never.
pub async fn run<G: Grid>(
    grid: &G,
    tariff: Tariff,
    prices: Prices,
    cycle: Option<CycleId>,
    until_priced: bool,
    bar: &ProgressBar,
    said: impl FnMut(Priced),
) -> Result<(), Error> {
    let at = grid.finalised().await?.hash;
    authorised(grid, Role::ControlCentre, at).await?;
    let pricer = Pricer {
        grid: grid.clone(),
        tariff: Arc::new(tariff),
        prices: Arc::new(prices),
    };
    if let Some(cycle) = cycle {
        pricer.tariff.check(&pricer.schedule(cycle, at).await?)?;
    }
    let scope = Scope {
        cycle,
        regions: None,
        until_settled: until_priced && cycle.is_some(),
    };
    follow(grid, &scope, &pricer, bar, said).await
}
