//! A chain in memory, with the rules of the pallets as far as the operators rely on them, for tests.
//!
//! Openings and filters are checked with the same functions that the chain uses. A test can make an order fail, lose
//! its answer, stop the operator dead just before or just after the chain takes it, or let the node go away.

mod bills;
mod grid;

use std::{
    collections::BTreeMap,
    future::Future,
    sync::{Arc, Mutex, MutexGuard},
};

use codec::Encode;
use gridveil_chain_client::{Error, Head};
use gridveil_primitives::{
    commitment::verify_opening, filter, share, tally, Bid, BillRecord, CycleId, CycleSchedule, Manifest, Moment,
    Outcome, PeriodKey, PeriodStatus, PeriodView, PointBytes, Price, Prid, RegionBills, RegionId, RegionInfo, Revision,
    Role, Total, PERIODS_PER_DAY,
};
use tokio::sync::{watch, Notify};

use crate::{
    grid::{BlockHash, Follow, Order},
    limits,
};

/// What befalls an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The operator dies before the chain hears of it.
    DiesBefore,
    /// The operator dies when the chain has taken it.
    DiesAfter,
    /// The chain takes it, and the answer is lost.
    AnswerLost,
    /// The node fails before the chain hears of it.
    NodeFails,
    /// The node goes away before the chain hears of it, and stays away.
    NodeLeaves,
}

/// A revision with its BF2.
type Revised = (Revision, Vec<u8>);

/// What the chain holds.
#[derive(Default)]
pub struct World {
    pub now: Moment,
    pub roles: BTreeMap<[u8; 32], Role>,
    pub regions: BTreeMap<RegionId, RegionInfo>,
    pub users: BTreeMap<Bid, [u8; 32]>,
    pub cycles: Vec<CycleSchedule>,
    pub filters: BTreeMap<(RegionId, CycleId), (u32, Vec<u8>)>,
    pub revisions: BTreeMap<(RegionId, CycleId), Vec<Revised>>,
    /// Those that count.
    pub manifests: BTreeMap<PeriodKey, Manifest>,
    pub shares: BTreeMap<PeriodKey, BTreeMap<Prid, u64>>,
    pub closed: BTreeMap<PeriodKey, PeriodStatus>,
    pub outcomes: BTreeMap<PeriodKey, Outcome>,
    pub prices: BTreeMap<PeriodKey, Price>,
    pub bills: BTreeMap<(CycleId, Bid), BillRecord>,
    pub sums: BTreeMap<(RegionId, CycleId), RegionBills>,
    pub finished: Vec<CycleId>,
    /// Every order that was applied.
    pub orders: Vec<Order>,
    /// What befalls the orders to come: how many pass unharmed, then what.
    pub plan: Option<(usize, Fate)>,
    /// A share that the node keeps to itself.
    pub hidden: Option<Prid>,
    /// Whether all shares have left the state.
    pub pruned: bool,
    /// Whether the node is away, while the chain goes on.
    pub away: bool,
    /// How often something was asked of the node while it was away.
    pub unanswered: usize,
}

/// The chain, seen by one account.
#[derive(Clone)]
pub struct FakeGrid {
    world: Arc<Mutex<World>>,
    height: Arc<watch::Sender<u32>>,
    death: Arc<Notify>,
    account: Option<[u8; 32]>,
}

pub struct FakeHeads {
    grid: FakeGrid,
    height: watch::Receiver<u32>,
    begun: bool,
}

impl Follow for FakeHeads {
    async fn next(&mut self) -> Result<Head, Error> {
        if self.begun {
            self.height.changed().await.expect("the chain outlives its followers");
        }
        self.begun = true;
        self.grid.reach()?;
        Ok(head(*self.height.borrow_and_update()))
    }
}

fn head(number: u32) -> Head {
    let mut hash = [0; 32];
    hash[..4].copy_from_slice(&number.to_le_bytes());
    Head { number, hash }
}

/// The error of a call that was applied and failed.
fn refuse<T>(error: &str) -> Result<T, Error> {
    Err(Error::Dispatch {
        call: "an order".into(),
        pallet: "Some".into(),
        error: error.into(),
        doc: "as the test wants".into(),
    })
}

fn ensure(holds: bool, error: &str) -> Result<(), Error> {
    if holds {
        Ok(())
    } else {
        refuse(error)
    }
}

pub const KEY_CENTRE: [u8; 32] = [0xce; 32];
pub const CONTROL_CENTRE: [u8; 32] = [0xcc; 32];
/// The genesis hash.
pub const GENESIS: [u8; 32] = [0x6e; 32];

impl FakeGrid {
    /// A chain with two regions, 1 and 2, whose minimum is three meters and whose fallback price is 200,000, seen by
    /// the key centre.
    pub fn new() -> FakeGrid {
        let info = RegionInfo {
            aggregator: [1; 32],
            minimum_meters: 3,
            fallback_price: 200_000,
        };
        let world = World {
            now: 1_000_000,
            roles: [(KEY_CENTRE, Role::KeyCentre), (CONTROL_CENTRE, Role::ControlCentre)].into(),
            regions: [(1, info), (2, info)].into(),
            ..World::default()
        };
        let height = Arc::new(watch::Sender::new(1));
        FakeGrid {
            world: Arc::new(Mutex::new(world)),
            height,
            death: Arc::default(),
            account: Some(KEY_CENTRE),
        }
    }

    /// The same chain, seen by another account.
    pub fn seen_by(&self, account: Option<[u8; 32]>) -> FakeGrid {
        FakeGrid {
            account,
            ..self.clone()
        }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().expect("no test panics while it holds the world")
    }

    /// Lets the clock move to a moment, closing what is due, and finalises a block.
    pub fn advance(&self, to: Moment) {
        self.world().advance(to);
        self.finalise();
    }

    pub fn finalise(&self) {
        self.height.send_modify(|height| *height += 1);
    }

    /// Lets `pass` orders through and then does `fate` to the next one.
    pub fn plan(&self, pass: usize, fate: Fate) {
        self.world().plan = Some((pass, fate));
    }

    /// The operator's process is no more: nothing after this ever runs.
    async fn dead<T>(&self) -> T {
        self.death.notify_one();
        std::future::pending().await
    }

    /// Runs an operator until it ends (`Some`) or dies (`None`).
    pub async fn until_death<T>(&self, operator: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = operator => Some(done),
            () = self.death.notified() => None,
        }
    }

    /// Fails while the node is away.
    fn reach(&self) -> Result<(), Error> {
        let mut world = self.world();
        if !world.away {
            return Ok(());
        }
        world.unanswered += 1;
        Err(Error::Connection {
            url: "ws://the.node".into(),
            what: "asking".into(),
            cause: "nobody listens there".into(),
        })
    }

    fn check(&self, at: BlockHash) -> Result<(), Error> {
        let known = (0..=*self.height.borrow()).any(|number| head(number).hash == at);
        assert!(known, "a block was asked about that was never finalised");
        self.reach()
    }
}

impl World {
    fn advance(&mut self, to: Moment) {
        self.now = self.now.max(to);
        let keys: Vec<_> = self
            .manifests
            .keys()
            .filter(|key| !self.closed.contains_key(key))
            .copied()
            .collect();
        for key in keys {
            let schedule = self.cycles[key.cycle as usize];
            if schedule.closes(key.period).unwrap() <= self.now {
                let view = self.view(&key).unwrap();
                let (_, filter) = self.promised(&key).unwrap();
                let known = filter::contains_tally(filter, key.region, key.cycle, key.period, &view.tally);
                let complete = view.count == view.meters * 2 && known;
                self.closed.insert(
                    key,
                    if complete {
                        PeriodStatus::Complete
                    } else {
                        PeriodStatus::Faulty
                    },
                );
            }
        }
    }

    pub fn revised(&self, region: RegionId, cycle: CycleId) -> Vec<Revision> {
        let revisions = self.revisions.get(&(region, cycle)).into_iter().flatten();
        revisions.map(|(revision, _)| *revision).collect()
    }

    /// The meters and BF2 in force in a period.
    fn promised(&self, key: &PeriodKey) -> Option<(u32, &Vec<u8>)> {
        let place = (key.region, key.cycle);
        let mut revisions = self.revisions.get(&place).into_iter().flatten().rev();
        match revisions.find(|(revision, _)| revision.from <= key.period) {
            Some((revision, filter)) => Some((revision.meters, filter)),
            None => self.filters.get(&place).map(|(meters, filter)| (*meters, filter)),
        }
    }

    /// Takes a share in, as the chain does.
    pub fn send(&mut self, key: PeriodKey, prid: Prid, value: u64) {
        assert!(!self.closed.contains_key(&key), "the period is closed");
        assert!(
            filter::contains_prid(&self.manifests[&key].filter, &key, &prid),
            "the pseudonym is in no filter"
        );
        assert_eq!(
            self.shares.entry(key).or_default().insert(prid, value),
            None,
            "the pseudonym is used"
        );
    }

    /// Takes in a share that slipped through the filter.
    pub fn send_alien(&mut self, key: PeriodKey, prid: Prid, value: u64) {
        self.shares.entry(key).or_default().insert(prid, value);
    }

    fn of(&self, key: &PeriodKey) -> (u32, u64, PointBytes) {
        let empty = BTreeMap::new();
        let shares = self.shares.get(key).unwrap_or(&empty);
        let sum = shares.values().fold(0u64, |sum, value| sum.wrapping_add(*value));
        (
            shares.len() as u32,
            sum,
            tally::sum(shares.keys()).unwrap_or(tally::EMPTY),
        )
    }

    pub fn view(&self, key: &PeriodKey) -> Option<PeriodView> {
        let meters = self.manifests.get(key)?.meters;
        let (count, sum, tally) = self.of(key);
        Some(PeriodView {
            status: self.closed.get(key).copied().unwrap_or(PeriodStatus::Open),
            meters,
            count,
            sum,
            tally,
            outcome: self.outcomes.get(key).copied(),
            price: self.prices.get(key).copied(),
        })
    }

    /// Count and sum of what remains of a closed, undecided period without these shares.
    fn exclude(&self, key: &PeriodKey, excluded: &[Prid]) -> Result<(u32, u64), Error> {
        ensure(self.closed.contains_key(key), "PeriodNotClosed")?;
        ensure(!self.outcomes.contains_key(key), "AlreadyDecided")?;
        ensure(excluded.windows(2).all(|pair| pair[0] < pair[1]), "ExcludedUnordered")?;
        ensure(excluded.len() <= limits::EXCLUDED, "TooManyExcluded")?;
        let (mut count, mut sum, _) = self.of(key);
        for prid in excluded {
            let Some(value) = self.shares.get(key).and_then(|shares| shares.get(prid)) else {
                return refuse("ExcludedUnknown");
            };
            (count, sum) = (count - 1, sum.wrapping_sub(*value));
        }
        Ok((count, sum))
    }

    fn apply(&mut self, by: Option<[u8; 32]>, order: &Order) -> Result<(), Error> {
        let role = by.and_then(|account| self.roles.get(&account)).copied();
        let needed = if matches!(order, Order::SetPrice(..)) {
            Role::ControlCentre
        } else {
            Role::KeyCentre
        };
        ensure(role == Some(needed), "BadOrigin")?;
        match order {
            Order::RegisterUsers(users) => {
                ensure(
                    users.iter().all(|(bid, _)| !self.users.contains_key(bid)),
                    "AlreadyRegistered",
                )?;
                self.users.extend(users.iter().copied());
            }
            Order::ScheduleCycle(cycle, schedule) => {
                ensure(*cycle as usize == self.cycles.len(), "NotTheNextCycle")?;
                ensure(schedule.is_valid() && schedule.start > self.now, "BadSchedule")?;
                self.cycles.push(*schedule);
            }
            Order::PublishCycleFilter {
                region,
                cycle,
                meters,
                filter,
            } => {
                let schedule = self.cycles.get(*cycle as usize).copied();
                let length = schedule.map(|schedule| filter::cycle_filter_len(schedule.periods));
                ensure(length == Some(filter.len()), "MalformedFilter")?;
                ensure(
                    !self.filters.contains_key(&(*region, *cycle)),
                    "CycleFilterAlreadyPublished",
                )?;
                self.filters.insert((*region, *cycle), (*meters, filter.clone()));
            }
            Order::PublishManifests {
                region,
                cycle,
                first,
                manifests,
            } => {
                ensure(self.filters.contains_key(&(*region, *cycle)), "CycleFilterMissing")?;
                ensure(
                    !manifests.is_empty() && manifests.len() <= limits::MANIFESTS,
                    "NothingToPublish",
                )?;
                ensure(
                    manifests.len() == 1 || manifests.encoded_size() <= limits::MANIFEST_BYTES + 8,
                    "TooLarge",
                )?;
                for (period, manifest) in (*first..).zip(manifests) {
                    let key = PeriodKey {
                        region: *region,
                        cycle: *cycle,
                        period,
                    };
                    let Some(opens) = self.cycles[*cycle as usize].opens(period) else {
                        return refuse("UnknownPeriod");
                    };
                    ensure(self.now < opens, "PeriodAlreadyOpen")?;
                    ensure(!self.manifests.contains_key(&key), "ManifestAlreadyPublished")?;
                    let meters = self.promised(&key).map_or(0, |(meters, _)| meters);
                    ensure(manifest.meters == meters, "MetersDiffer")?;
                    ensure(
                        manifest.filter.len() == filter::period_filter_len(meters),
                        "MalformedFilter",
                    )?;
                }
                for (period, manifest) in (*first..).zip(manifests) {
                    self.manifests.insert(
                        PeriodKey {
                            region: *region,
                            cycle: *cycle,
                            period,
                        },
                        manifest.clone(),
                    );
                }
            }
            Order::ReviseCycle {
                region,
                cycle,
                revision: Revision { from, meters },
                filter,
            } => {
                let (schedule, place) = (self.cycles[*cycle as usize], (*region, *cycle));
                let Some((first, _)) = self.filters.get(&place) else {
                    return refuse("CycleFilterMissing");
                };
                ensure(
                    schedule.opens(*from).is_some_and(|opens| self.now < opens),
                    "PeriodAlreadyOpen",
                )?;
                ensure(from.is_multiple_of(PERIODS_PER_DAY), "NotADaysStart")?;
                let length = filter::cycle_filter_len(schedule.periods - from);
                ensure(length == filter.len(), "MalformedFilter")?;
                let revisions = self.revised(*region, *cycle);
                let latest = revisions.last();
                ensure(latest.is_none_or(|latest| latest.from < *from), "RevisionOutOfOrder")?;
                ensure(*meters <= latest.map_or(*first, |latest| latest.meters), "MetersJoin")?;
                let revision = Revision {
                    from: *from,
                    meters: *meters,
                };
                let kept = |key: &PeriodKey| (key.region, key.cycle) != place || key.period < *from;
                self.manifests.retain(|key, _| kept(key));
                self.revisions
                    .entry(place)
                    .or_default()
                    .push((revision, filter.clone()));
            }
            Order::Open(key, opening) => {
                let (count, sum) = self.exclude(key, &opening.excluded)?;
                let manifest = &self.manifests[key];
                let meters = manifest.meters - opening.left_out.len() as u32;
                ensure(count == meters * 2, "CountsDoNotAddUp")?;
                ensure(meters >= self.regions[&key.region].minimum_meters, "TooFewMeters")?;
                let opens = verify_opening(manifest.meters, &manifest.commitment, &manifest.root, opening);
                ensure(opens.is_ok(), "DoesNotOpen")?;
                let total = Total {
                    meters,
                    energy: share::total(sum, opening.mask_sum),
                };
                self.outcomes.insert(*key, Outcome::Opened(total));
            }
            Order::Withhold(key, excluded) => {
                let (count, _) = self.exclude(key, excluded)?;
                let region = self.regions[&key.region];
                ensure(count / 2 < region.minimum_meters, "EnoughMeters")?;
                self.outcomes.insert(*key, Outcome::Withheld);
                self.prices.insert(*key, region.fallback_price);
            }
            Order::SetPrice(key, price) => {
                ensure(self.outcomes.contains_key(key), "NoTotal")?;
                ensure(!self.prices.contains_key(key), "AlreadyPriced")?;
                self.prices.insert(*key, *price);
            }
            Order::PublishBills(region, cycle, bills) => self.publish_bills(*region, *cycle, bills)?,
            Order::Reconcile(region, cycle, opening) => self.reconcile(*region, *cycle, opening)?,
            Order::FinishCycle(cycle) => {
                ensure(!self.finished.contains(cycle), "AlreadyFinished")?;
                self.finished.push(*cycle);
            }
        }
        self.orders.push(order.clone());
        Ok(())
    }
}
