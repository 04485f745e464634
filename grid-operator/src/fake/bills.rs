//! What the chain in memory does with bills.

use gridveil_chain_client::Error;
use gridveil_primitives::{bill, tally, Bid, BillOpening, BillRecord, CycleId, RegionId};

use super::{ensure, refuse, World};

impl World {
    pub(super) fn publish_bills(
        &mut self,
        region: RegionId,
        cycle: CycleId,
        bills: &[(Bid, BillRecord)],
    ) -> Result<(), Error> {
        ensure(!self.finished.contains(&cycle), "AlreadyFinished")?;
        ensure(self.regions.contains_key(&region), "UnknownRegion")?;
        ensure(bills.iter().all(|(bid, _)| self.users.contains_key(bid)), "UnknownUser")?;
        ensure(
            bills.iter().all(|(bid, _)| !self.bills.contains_key(&(cycle, *bid))),
            "AlreadyBilled",
        )?;
        let sums = self.sums.get(&(region, cycle)).copied().unwrap_or_default();
        ensure(sums.opened.is_none(), "AlreadyReconciled")?;
        for (bid, record) in bills {
            assert_eq!(record.region, region, "a bill is in another region's call");
            self.add_bill(cycle, *bid, record.clone());
        }
        Ok(())
    }

    /// Adds a bill, as the chain does, whoever brought it.
    pub fn add_bill(&mut self, cycle: CycleId, bid: Bid, record: BillRecord) {
        let sums = self.sums.entry((record.region, cycle)).or_default();
        sums.bills += 1;
        sums.energy = tally::add(&sums.energy, &record.commitments.energy).expect("it is a point");
        sums.amount = tally::add(&sums.amount, &record.commitments.amount).expect("it is a point");
        self.bills.insert((cycle, bid), record);
    }

    pub(super) fn reconcile(&mut self, region: RegionId, cycle: CycleId, opening: &BillOpening) -> Result<(), Error> {
        ensure(!self.finished.contains(&cycle), "AlreadyFinished")?;
        let Some(bills) = self.sums.get_mut(&(region, cycle)) else {
            return refuse("NoBills");
        };
        ensure(bills.opened.is_none(), "AlreadyReconciled")?;
        ensure(bill::opens(bills, opening), "DoesNotOpen")?;
        bills.opened = Some(opening.sums);
        Ok(())
    }
}
