//! Reconciliation: once a region's bills are on chain, what they add up to is opened there, so that anyone can compare it
//! with the region's totals ([`crate::audit`]).
//!
//! The opening follows from the root key and from public data, for right bills add up to what the opened totals cost: nothing
//! of it needs to be in the ledger, a command that was killed gives the same opening again, and so does one whose ledger was
//! lost. Where the bills do *not* add up to that, what they do add up to is worked out from the shares, and opened all the
//! same. What then still does not open is no bill of this key centre, and the chain says so.
//!
//! **Privacy.** As that of [`super::bill`]: readings are in memory, which is wiped.

use gridveil_primitives::{
    bill::{self, Figures},
    BillSums,
};

use super::bill::{is_opened, Book, GROUP};
use crate::{
    error::Error,
    grid::{carry_out, Grid, Order},
};

impl<G: Grid> Book<'_, G> {
    /// Opens what the region's bills add up to, unless that was done.
    pub(super) async fn reconcile(&self) -> Result<(), Error> {
        let (region, cycle, grid) = (self.roster.region, self.roster.cycle, &self.centre.grid);
        let at = grid.finalised().await?.hash;
        let bills = grid.region_bills(region, cycle, at).await?.unwrap_or_default();
        if bills.opened.is_some() {
            return Ok(());
        }
        let open = |sums| {
            let members = self.roster.members.iter();
            bill::open(
                sums,
                members.map(|one| self.centre.root.bill_secret(&one.meter.bid, cycle)),
            )
        };
        let mut opening = open(bill::of_totals(self.periods.iter().flatten().map(|(view, _)| view)));
        if !bill::opens(&bills, &opening) {
            tracing::warn!(
                region,
                cycle,
                "the bills do not add up to the totals; finding out what they add up to"
            );
            opening = open(self.billed().await?);
        }
        let done = |at| async move {
            let bills = grid.region_bills(region, cycle, at).await?;
            Ok(bills.is_some_and(|bills| bills.opened.is_some()))
        };
        Ok(carry_out(grid, &Order::Reconcile(region, cycle, opening), done).await?)
    }

    /// What the members' readings make, as they are billed.
    async fn billed(&self) -> Result<BillSums, Error> {
        let places: Vec<_> = (0..self.roster.members.len()).collect();
        let mut sums = BillSums::default();
        for group in places.chunks(GROUP) {
            for readings in self.read(group).await? {
                let lines = (0..).zip(readings.iter()).zip(self.periods.iter());
                let billed = lines.filter_map(|((period, energy), known)| {
                    let (_, price) = (*known)?;
                    Some(((*energy)?, price, is_opened(&self.periods, period)))
                });
                let Figures { opened, .. } = Figures::of(billed);
                sums.energy = sums.energy.saturating_add(opened.energy);
                sums.amount = sums.amount.saturating_add(opened.amount);
            }
        }
        Ok(sums)
    }
}
