//! The chain as the operators need it, so that their logic runs against a node or against a chain in memory alike.
//!
//! Everything is read at a block that the caller names and that is final, so that one decision never mixes what two
//! blocks say. An [`Order`] is sent by the role whose key the [`Node`] holds and counts once it is finalised.
//!
//! **Privacy.** Orders become public with the block that contains them.

use std::{fmt, future::Future};

use gridveil_chain_client::{calls, Chain, Error, Head, Heads, RoleKey};
use gridveil_primitives::{
    Bid, BillOpening, BillRecord, CycleId, CycleSchedule, Manifest, Moment, Opening, PeriodIndex, PeriodKey,
    PeriodView, Price, Prid, RegionBills, RegionId, RegionInfo, Revision, Role, Share,
};

use crate::error::is_passing;

/// The hash of a finalised block.
pub type BlockHash = [u8; 32];

/// What an operator tells the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Register users, each with the key that its bills are encrypted to.
    RegisterUsers(Vec<(Bid, [u8; 32])>),
    /// Schedule the next cycle.
    ScheduleCycle(CycleId, CycleSchedule),
    /// Publish BF2 of a region and cycle.
    PublishCycleFilter {
        /// The region.
        region: RegionId,
        /// The cycle.
        cycle: CycleId,
        /// The region's meters in the cycle.
        meters: u32,
        /// BF2.
        filter: Vec<u8>,
    },
    /// Publish the manifests of successive periods.
    PublishManifests {
        /// The region.
        region: RegionId,
        /// The cycle.
        cycle: CycleId,
        /// The first of the periods.
        first: PeriodIndex,
        /// A manifest for each.
        manifests: Vec<Manifest>,
    },
    /// Give a region other meters from a period on.
    ReviseCycle {
        /// The region.
        region: RegionId,
        /// The cycle.
        cycle: CycleId,
        /// From when on, and how many.
        revision: Revision,
        /// BF2 over the periods from there on.
        filter: Vec<u8>,
    },
    /// Open a period's mask sum.
    Open(PeriodKey, Opening),
    /// Leave a period's mask sum closed; the shares belong to no complete pair.
    Withhold(PeriodKey, Vec<Prid>),
    /// Set a period's price.
    SetPrice(PeriodKey, Price),
    /// Publish where the bills of users in a region are, and what they come to, hidden.
    PublishBills(RegionId, CycleId, Vec<(Bid, BillRecord)>),
    /// Open what a region's bills of a cycle add up to.
    Reconcile(RegionId, CycleId, BillOpening),
    /// Declare a cycle billed.
    FinishCycle(CycleId),
}

/// The newly finalised heads of a [`Grid`].
pub trait Follow: Send {
    /// Waits for the next head. After a passing error it may be called again.
    fn next(&mut self) -> impl Future<Output = Result<Head, Error>> + Send;
}

/// A chain that can be read, followed and given orders. Errors are those of [`gridveil_chain_client`].
pub trait Grid: Clone + Send + Sync + 'static {
    /// What [`Grid::heads`] gives.
    type Heads: Follow;

    /// The hash of the chain's first block.
    fn genesis(&self) -> [u8; 32];
    /// The account that orders are signed by; `None` where there is no key.
    fn account(&self) -> Option<[u8; 32]>;
    /// The latest finalised block.
    fn finalised(&self) -> impl Future<Output = Result<Head, Error>> + Send;
    /// Follows the finalised heads from the present one on.
    fn heads(&self) -> impl Future<Output = Result<Self::Heads, Error>> + Send;
    /// The chain's clock.
    fn now(&self, at: BlockHash) -> impl Future<Output = Result<Moment, Error>> + Send;
    /// The regions.
    fn regions(&self, at: BlockHash) -> impl Future<Output = Result<Vec<(RegionId, RegionInfo)>, Error>> + Send;
    /// An account's role.
    fn role(&self, account: [u8; 32], at: BlockHash) -> impl Future<Output = Result<Option<Role>, Error>> + Send;
    /// A cycle's schedule.
    fn cycle(&self, cycle: CycleId, at: BlockHash)
        -> impl Future<Output = Result<Option<CycleSchedule>, Error>> + Send;
    /// The latest cycle that is scheduled.
    fn latest_cycle(&self, at: BlockHash) -> impl Future<Output = Result<Option<CycleId>, Error>> + Send;
    /// How many meters the filter that a region's cycle began with was made for; `None` while it is not published.
    fn filter_meters(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> impl Future<Output = Result<Option<u32>, Error>> + Send;
    /// The changes of a region's meters within a cycle, by ascending first period.
    fn revisions(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> impl Future<Output = Result<Vec<Revision>, Error>> + Send;
    /// The periods of a region and cycle that have a manifest, by ascending index.
    fn cycle_view(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> impl Future<Output = Result<Vec<(PeriodIndex, PeriodView)>, Error>> + Send;
    /// A period; `None` while it has no manifest.
    fn period(&self, key: PeriodKey, at: BlockHash) -> impl Future<Output = Result<Option<PeriodView>, Error>> + Send;
    /// A period's shares, all in one request.
    fn shares(&self, key: PeriodKey, at: BlockHash) -> impl Future<Output = Result<Vec<Share>, Error>> + Send;
    /// The key that a user's bills are encrypted to.
    fn user(&self, bid: Bid, at: BlockHash) -> impl Future<Output = Result<Option<[u8; 32]>, Error>> + Send;
    /// Where a user's bill is.
    fn bill(
        &self,
        cycle: CycleId,
        bid: Bid,
        at: BlockHash,
    ) -> impl Future<Output = Result<Option<BillRecord>, Error>> + Send;
    /// What a region's bills of a cycle add up to; `None` while there are none.
    fn region_bills(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> impl Future<Output = Result<Option<RegionBills>, Error>> + Send;
    /// Gives an order and waits until it is finalised and done.
    fn submit(&self, order: &Order) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A [`Grid`] behind a node, with the key of a role where orders are to be given.
#[derive(Clone)]
pub struct Node {
    pub(crate) chain: Chain,
    pub(crate) key: Option<RoleKey>,
}

impl Node {
    /// The chain with the role's key.
    pub fn new(chain: Chain, key: Option<RoleKey>) -> Node {
        Node { chain, key }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("chain", &self.chain)
            .field("key", &self.key)
            .finish()
    }
}

impl Follow for Heads {
    async fn next(&mut self) -> Result<Head, Error> {
        Heads::next(self).await
    }
}

impl Grid for Node {
    type Heads = Heads;

    fn genesis(&self) -> [u8; 32] {
        self.chain.genesis_hash()
    }

    fn account(&self) -> Option<[u8; 32]> {
        self.key.as_ref().map(RoleKey::account)
    }

    async fn finalised(&self) -> Result<Head, Error> {
        self.chain.finalised().await
    }

    async fn heads(&self) -> Result<Heads, Error> {
        self.chain.heads().await
    }

    async fn now(&self, at: BlockHash) -> Result<Moment, Error> {
        self.chain.now_at(at).await
    }

    async fn regions(&self, at: BlockHash) -> Result<Vec<(RegionId, RegionInfo)>, Error> {
        self.chain.regions_at(at).await
    }

    async fn role(&self, account: [u8; 32], at: BlockHash) -> Result<Option<Role>, Error> {
        self.chain.role_at(account, at).await
    }

    async fn cycle(&self, cycle: CycleId, at: BlockHash) -> Result<Option<CycleSchedule>, Error> {
        self.chain.cycle_at(cycle, at).await
    }

    async fn latest_cycle(&self, at: BlockHash) -> Result<Option<CycleId>, Error> {
        self.chain.latest_cycle_at(at).await
    }

    async fn filter_meters(&self, region: RegionId, cycle: CycleId, at: BlockHash) -> Result<Option<u32>, Error> {
        Ok(self
            .chain
            .cycle_filter_at(region, cycle, at)
            .await?
            .map(|(meters, _)| meters))
    }

    async fn revisions(&self, region: RegionId, cycle: CycleId, at: BlockHash) -> Result<Vec<Revision>, Error> {
        self.chain.revisions_at(region, cycle, at).await
    }

    async fn cycle_view(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> Result<Vec<(PeriodIndex, PeriodView)>, Error> {
        self.chain.cycle_view_at(region, cycle, at).await
    }

    async fn period(&self, key: PeriodKey, at: BlockHash) -> Result<Option<PeriodView>, Error> {
        self.chain.period_at(&key, at).await
    }

    async fn shares(&self, key: PeriodKey, at: BlockHash) -> Result<Vec<Share>, Error> {
        self.chain.shares_at(&key, at).await
    }

    async fn user(&self, bid: Bid, at: BlockHash) -> Result<Option<[u8; 32]>, Error> {
        self.chain.user_at(&bid, at).await
    }

    async fn bill(&self, cycle: CycleId, bid: Bid, at: BlockHash) -> Result<Option<BillRecord>, Error> {
        self.chain.bill_at(cycle, &bid, at).await
    }

    async fn region_bills(
        &self,
        region: RegionId,
        cycle: CycleId,
        at: BlockHash,
    ) -> Result<Option<RegionBills>, Error> {
        self.chain.region_bills_at(region, cycle, at).await
    }

    async fn submit(&self, order: &Order) -> Result<(), Error> {
        let call = match order {
            Order::RegisterUsers(users) => calls::register_users(users),
            Order::ScheduleCycle(cycle, schedule) => calls::schedule_cycle(*cycle, *schedule),
            Order::PublishCycleFilter {
                region,
                cycle,
                meters,
                filter,
            } => calls::publish_cycle_filter(*region, *cycle, *meters, filter),
            Order::PublishManifests {
                region,
                cycle,
                first,
                manifests,
            } => calls::publish_manifests(*region, *cycle, *first, manifests),
            Order::ReviseCycle {
                region,
                cycle,
                revision,
                filter,
            } => calls::revise_cycle(*region, *cycle, *revision, filter),
            Order::Open(key, opening) => calls::open(key, opening),
            Order::Withhold(key, excluded) => calls::withhold(key, excluded),
            Order::SetPrice(key, price) => calls::set_price(key, *price),
            Order::PublishBills(region, cycle, bills) => {
                let bills: Vec<_> = bills
                    .iter()
                    .map(|(bid, bill)| (*bid, bill.cid.clone(), bill.hash, bill.commitments))
                    .collect();
                calls::publish_bills(*region, *cycle, &bills)
            }
            Order::Reconcile(region, cycle, opening) => calls::reconcile(*region, *cycle, opening),
            Order::FinishCycle(cycle) => calls::finish_cycle(*cycle),
        };
        let Some(key) = &self.key else {
            let cause = "it needs the key of a role, and none was given".into();
            return Err(Error::Encode {
                call: call.to_string(),
                cause,
            });
        };
        self.chain.submit(key, call).await.map(|_| ())
    }
}

/// How often an order is given before its failure is believed.
const ATTEMPTS: u32 = 3;

/// Gives an order until the chain has it: after a failure the chain is asked, by `done`, whether it was carried out all
/// the same, and the order is given again where the failure may pass.
pub async fn carry_out<G, F, Fut>(grid: &G, order: &Order, done: F) -> Result<(), Error>
where
    G: Grid,
    F: Fn(BlockHash) -> Fut,
    Fut: Future<Output = Result<bool, Error>>,
{
    let mut attempt: u32 = 1;
    loop {
        let Err(failure) = grid.submit(order).await else {
            return Ok(());
        };
        if done(grid.finalised().await?.hash).await? {
            tracing::debug!(%failure, "an order failed, but the chain has what it asks for");
            return Ok(());
        }
        if !is_passing(&failure) || attempt >= ATTEMPTS {
            return Err(failure);
        }
        tracing::warn!(%failure, attempt, "giving an order again");
        attempt = attempt.saturating_add(1);
    }
}
