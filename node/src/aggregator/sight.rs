//! What a block says about the shares that may come after it: regions, windows and filters, each asked for once.
//!
//! Anybody can hand in any number of shares for periods that are not, or under pseudonyms that nobody has. Each of them is
//! turned away here by a look into memory; the runtime's answer is the same and takes a hundred times as long. Nothing is
//! kept but of periods whose window is open, and all of it for one block only.
//!
//! **Privacy.** All of it is public.

use gridveil_primitives::{filter, CycleId, CycleSchedule, Moment, PeriodKey, Prid, Refusal, RegionId};
use gridveil_runtime::Hash;
use std::collections::BTreeMap;

/// What is asked of the chain; it can fail where a block's state is not here.
pub trait Look {
    /// Why the chain could not be asked.
    type Error;

    /// The time of a block.
    fn now(&self, at: Hash) -> Result<Moment, Self::Error>;
    /// The regions with their aggregators.
    fn regions(&self, at: Hash) -> Result<BTreeMap<RegionId, [u8; 32]>, Self::Error>;
    /// The last cycle that is scheduled.
    fn latest_cycle(&self, at: Hash) -> Result<Option<CycleId>, Self::Error>;
    /// When a cycle's periods are.
    fn schedule(&self, at: Hash, cycle: CycleId) -> Result<Option<CycleSchedule>, Self::Error>;
    /// A period's BF1.
    fn filter(&self, at: Hash, key: PeriodKey) -> Result<Option<Vec<u8>>, Self::Error>;
}

/// What a block says.
pub struct Sight {
    at: Hash,
    now: Moment,
    regions: BTreeMap<RegionId, [u8; 32]>,
    latest: Option<CycleId>,
    schedules: BTreeMap<CycleId, Option<CycleSchedule>>,
    filters: BTreeMap<PeriodKey, Option<Vec<u8>>>,
}

impl Sight {
    /// What the block `at` says.
    ///
    /// # Errors
    ///
    /// The chain's.
    pub fn new<C: Look>(chain: &C, at: Hash) -> Result<Self, C::Error> {
        Ok(Self {
            at,
            now: chain.now(at)?,
            regions: chain.regions(at)?,
            latest: chain.latest_cycle(at)?,
            schedules: BTreeMap::new(),
            filters: BTreeMap::new(),
        })
    }

    /// The block.
    pub fn at(&self) -> Hash {
        self.at
    }

    /// The aggregator of a region.
    pub fn aggregator(&self, region: RegionId) -> Option<[u8; 32]> {
        self.regions.get(&region).copied()
    }

    /// A cycle's schedule.
    ///
    /// # Errors
    ///
    /// The chain's.
    pub fn schedule<C: Look>(&mut self, chain: &C, cycle: CycleId) -> Result<Option<CycleSchedule>, C::Error> {
        if self.latest.is_none_or(|latest| cycle > latest) {
            return Ok(None);
        }
        if let Some(known) = self.schedules.get(&cycle) {
            return Ok(*known);
        }
        let schedule = chain.schedule(self.at, cycle)?;
        self.schedules.insert(cycle, schedule);
        Ok(schedule)
    }

    /// Why a share under this pseudonym would be refused, its signature and what is on the chain left aside.
    ///
    /// # Errors
    ///
    /// The chain's.
    pub fn refusal<C: Look>(&mut self, chain: &C, key: &PeriodKey, prid: &Prid) -> Result<Option<Refusal>, C::Error> {
        if self.aggregator(key.region).is_none() {
            return Ok(Some(Refusal::UnknownRegion));
        }
        let Some(schedule) = self.schedule(chain, key.cycle)? else {
            return Ok(Some(Refusal::UnknownCycle));
        };
        let Some((ends, closes)) = schedule.ends(key.period).zip(schedule.closes(key.period)) else {
            return Ok(Some(Refusal::UnknownPeriod));
        };
        if self.now < ends {
            return Ok(Some(Refusal::TooEarly));
        }
        if self.now >= closes {
            return Ok(Some(Refusal::TooLate));
        }
        if !self.filters.contains_key(key) {
            self.filters.insert(*key, chain.filter(self.at, *key)?);
        }
        Ok(match self.filters.get(key) {
            Some(Some(bits)) if filter::contains_prid(bits, key, prid) => None,
            Some(Some(_)) => Some(Refusal::NotInFilter),
            _ => Some(Refusal::NoManifest),
        })
    }
}
