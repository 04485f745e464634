//! How the chain in memory answers and takes orders.

use std::time::Duration;

use gridveil_chain_client::{Error, Head};
use gridveil_primitives::{
    Bid, BillRecord, CycleId, CycleSchedule, Moment, PeriodIndex, PeriodKey, PeriodView, RegionBills, RegionId,
    RegionInfo, Revision, Role, Share,
};

use super::{head, FakeGrid, FakeHeads, Fate, GENESIS};
use crate::grid::{BlockHash, Grid, Order};

impl Grid for FakeGrid {
    type Heads = FakeHeads;

    fn genesis(&self) -> [u8; 32] {
        GENESIS
    }

    fn account(&self) -> Option<[u8; 32]> {
        self.account
    }

    async fn finalised(&self) -> Result<Head, Error> {
        self.reach()?;
        Ok(head(*self.height.borrow()))
    }

    async fn heads(&self) -> Result<FakeHeads, Error> {
        self.reach()?;
        Ok(FakeHeads {
            grid: self.clone(),
            height: self.height.subscribe(),
            begun: false,
        })
    }

    async fn now(&self, at: BlockHash) -> Result<Moment, Error> {
        self.check(at)?;
        Ok(self.world().now)
    }

    async fn regions(&self, at: BlockHash) -> Result<Vec<(RegionId, RegionInfo)>, Error> {
        self.check(at)?;
        Ok(self
            .world()
            .regions
            .iter()
            .map(|(region, info)| (*region, *info))
            .collect())
    }

    async fn role(&self, account: [u8; 32], at: BlockHash) -> Result<Option<Role>, Error> {
        self.check(at)?;
        Ok(self.world().roles.get(&account).copied())
    }

    async fn cycle(&self, cycle: CycleId, at: BlockHash) -> Result<Option<CycleSchedule>, Error> {
        self.check(at)?;
        Ok(self.world().cycles.get(cycle as usize).copied())
    }

    async fn latest_cycle(&self, at: BlockHash) -> Result<Option<CycleId>, Error> {
        self.check(at)?;
        Ok((self.world().cycles.len() as CycleId).checked_sub(1))
    }

    async fn filter_meters(&self, region: RegionId, cycle: CycleId, at: BlockHash) -> Result<Option<u32>, Error> {
        self.check(at)?;
        Ok(self.world().filters.get(&(region, cycle)).map(|(meters, _)| *meters))
    }

    async fn revisions(&self, region: RegionId, cycle: CycleId, at: BlockHash) -> Result<Vec<Revision>, Error> {
        self.check(at)?;
        Ok(self.world().revised(region, cycle))
    }

    async fn cycle_view(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> Result<Vec<(PeriodIndex, PeriodView)>, Error> {
        self.check(at)?;
        let world = self.world();
        let keys = world
            .manifests
            .keys()
            .filter(|key| (key.region, key.cycle) == (region, cycle));
        Ok(keys
            .map(|key| (key.period, world.view(key).expect("it has a manifest")))
            .collect())
    }

    async fn period(&self, key: PeriodKey, at: BlockHash) -> Result<Option<PeriodView>, Error> {
        self.check(at)?;
        Ok(self.world().view(&key))
    }

    async fn shares(&self, key: PeriodKey, at: BlockHash) -> Result<Vec<Share>, Error> {
        self.check(at)?;
        let world = self.world();
        let shares = world.shares.get(&key).into_iter().flatten();
        let shown = shares.filter(|(prid, _)| !world.pruned && world.hidden != Some(**prid));
        Ok(shown
            .map(|(prid, value)| Share {
                prid: *prid,
                value: *value,
            })
            .collect())
    }

    async fn user(&self, bid: Bid, at: BlockHash) -> Result<Option<[u8; 32]>, Error> {
        self.check(at)?;
        Ok(self.world().users.get(&bid).copied())
    }

    async fn bill(&self, cycle: CycleId, bid: Bid, at: BlockHash) -> Result<Option<BillRecord>, Error> {
        self.check(at)?;
        Ok(self.world().bills.get(&(cycle, bid)).cloned())
    }

    async fn region_bills(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> Result<Option<RegionBills>, Error> {
        self.check(at)?;
        Ok(self.world().sums.get(&(region, cycle)).copied())
    }

    async fn submit(&self, order: &Order) -> Result<(), Error> {
        self.reach()?;
        let fate = {
            let mut world = self.world();
            match world.plan.take() {
                Some((0, fate)) => Some(fate),
                Some((pass, fate)) => {
                    world.plan = Some((pass - 1, fate));
                    None
                }
                None => None,
            }
        };
        match fate {
            Some(Fate::DiesBefore) => return self.dead().await,
            Some(Fate::NodeFails) => {
                return Err(Error::TimedOut {
                    what: "an order".into(),
                    after: Duration::from_secs(1),
                });
            }
            Some(Fate::NodeLeaves) => {
                self.world().away = true;
                return self.reach();
            }
            _ => {}
        }
        let applied = self.world().apply(self.account, order);
        self.finalise();
        match fate {
            Some(Fate::DiesAfter) => self.dead().await,
            Some(Fate::AnswerLost) => Err(Error::Unresolved {
                call: "an order".into(),
                after: Duration::from_secs(1),
            }),
            _ => applied,
        }
    }
}
