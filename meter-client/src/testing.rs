//! A clock that a test drives, a chain in memory, and a way to kill the program at any step. The attacks of tests/attacks
//! use it too, from a module in which all of this crate is.

use super::{
    bill::Ledger,
    clock::Clock,
    keys::{Enrolment, MeterKeys},
    node::{Node, NodeError},
    source::{Source, SourceError},
    state::StateDir,
};
use gridveil_bills::envelope::Identity;
use gridveil_chain_client::Error as ChainError;
use gridveil_primitives::{
    batch::Receipt, keys::MeterSecret, pseudonym::OneTimeKey, Bid, BillRecord, CycleId, CycleSchedule, Moment,
    PeriodIndex, PeriodKey, PeriodView, Prid, Refusal, RegionId, Share,
};
use rand::{rngs::StdRng, RngCore, SeedableRng};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    future::{pending, Future},
    pin::{pin, Pin},
    sync::{
        atomic::{AtomicBool, Ordering},
        Arc, Mutex, MutexGuard,
    },
    task::{Context, Poll, Wake, Waker},
};
use tempfile::TempDir;

/// The region of the meter under test.
pub const REGION: u32 = 2;

/// A meter enrolled from cycle 0 on, in a directory of its own.
pub fn enrolled() -> (TempDir, StateDir) {
    let dir = tempfile::tempdir().unwrap();
    let state = StateDir::new(&dir.path().join("meter"));
    state.create().unwrap();
    let mut keys = MeterKeys::generate("MAC1", &mut StdRng::seed_from_u64(7));
    keys.enrolment = Some(Enrolment::new(REGION, [9; 32], 0, secret()));
    state.save_identity(&Identity::generate()).unwrap();
    state.save_keys(&mut keys).unwrap();
    (dir, state)
}

/// The secret of its first cycle.
pub fn secret() -> MeterSecret {
    MeterSecret::from_bytes([4; 32])
}

/// Everything that a test controls, shared by its clock, its chain and its driver.
#[derive(Clone, Default)]
pub struct World(Arc<Mutex<Inner>>);

/// What a node does with a share that is sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conduct {
    /// Includes it, and finalises it after this many milliseconds.
    Honest(u64),
    /// Includes it at once and never answers.
    Mute,
    /// Neither includes it nor answers.
    Deaf,
    /// Cannot be reached.
    Down,
    /// Says something untrue and includes nothing.
    Lying(Refusal),
    /// Says at once that the share is final and includes nothing; of the chain it shows what it was sent itself, and of a
    /// cycle a schedule of its own.
    Pretending,
    /// Belongs to another chain.
    Foreign,
}

#[derive(Default)]
struct Inner {
    now: Moment,
    next_sleeper: u64,
    sleepers: BTreeMap<(Moment, u64), Waker>,
    steps: u64,
    kill_at: Option<u64>,
    killed: bool,
    schedules: HashMap<CycleId, CycleSchedule>,
    routes: Vec<Conduct>,
    on_chain: HashMap<PeriodKey, BTreeMap<Prid, Included>>,
    sent: Vec<Sent>,
    behind: HashSet<usize>,
}

/// A share on the chain.
#[derive(Clone, Copy)]
struct Included {
    value: u64,
    at: Moment,
    finalised: Moment,
}

/// A share that a node was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// When.
    pub at: Moment,
    /// By which route.
    pub route: usize,
    /// For which period.
    pub key: PeriodKey,
    /// Under which pseudonym.
    pub prid: Prid,
    /// What.
    pub value: u64,
    /// Whether it was handed in for a batch.
    pub batch: bool,
}

impl Inner {
    /// The moment whose state a node knows.
    fn seen(&self, route: usize) -> Moment {
        if self.behind.contains(&route) {
            self.now.saturating_sub(10_000)
        } else {
            self.now
        }
    }

    /// The finalised chain's time, as a node knows it: what is included and not finalised holds it up.
    fn finalised(&self, route: usize) -> Moment {
        let seen = self.seen(route);
        let shares = self.on_chain.values().flat_map(BTreeMap::values);
        shares
            .filter(|found| found.finalised > seen)
            .map(|found| found.at)
            .fold(seen, Moment::min)
    }
}

impl World {
    /// A world with these nodes and cycles, at moment 0.
    pub fn new(routes: &[Conduct], schedules: &[(CycleId, CycleSchedule)]) -> Self {
        let world = Self::default();
        world.inner().routes = routes.to_vec();
        world.inner().schedules = schedules.iter().copied().collect();
        world
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// Kills the program at its `step`-th step from now on.
    pub fn kill_in(&self, step: u64) {
        let mut inner = self.inner();
        inner.killed = false;
        inner.kill_at = inner.steps.checked_add(step);
    }

    /// Lets the program live.
    pub fn spare(&self) {
        let mut inner = self.inner();
        inner.killed = false;
        inner.kill_at = None;
    }

    /// How many steps were made.
    pub fn steps(&self) -> u64 {
        self.inner().steps
    }

    /// Lets time pass while nothing runs.
    pub fn pass(&self, time: u64) {
        self.inner().now += time;
    }

    /// Adds a cycle.
    pub fn schedule(&self, cycle: CycleId, schedule: CycleSchedule) {
        self.inner().schedules.insert(cycle, schedule);
    }

    /// Replaces the nodes.
    pub fn set_routes(&self, routes: &[Conduct]) {
        self.inner().routes = routes.to_vec();
    }

    /// Makes a node answer questions with what was true 10 seconds ago.
    pub fn set_behind(&self, route: usize) {
        self.inner().behind.insert(route);
    }

    /// Everything that was sent, in order.
    pub fn sent(&self) -> Vec<Sent> {
        self.inner().sent.clone()
    }

    /// The shares of a period that are included by now.
    pub fn included(&self, key: &PeriodKey) -> Vec<Share> {
        let inner = self.inner();
        let shares = inner.on_chain.get(key).into_iter().flatten();
        shares
            .map(|(prid, found)| Share {
                prid: *prid,
                value: found.value,
            })
            .collect()
    }

    /// One step; the program dies at the one that was chosen.
    async fn step(&self) {
        if self.counted() {
            pending::<()>().await;
        }
    }

    fn counted(&self) -> bool {
        let mut inner = self.inner();
        inner.steps += 1;
        if inner.kill_at.is_some_and(|step| inner.steps >= step) {
            inner.killed = true;
        }
        inner.killed
    }

    /// Runs `program`, with time going on whenever it waits; `None` where it was killed or `stop` says so.
    pub fn run<T>(&self, program: impl Future<Output = T>, stop: impl Fn() -> bool) -> Option<T> {
        let mut program = pin!(program);
        let alarm = Arc::new(Alarm::default());
        let waker = Waker::from(alarm.clone());
        loop {
            if let Poll::Ready(done) = program.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(done);
            }
            if self.inner().killed || stop() {
                return None;
            }
            if alarm.0.swap(false, Ordering::SeqCst) {
                continue;
            }
            let next = {
                let mut inner = self.inner();
                let ((at, _), waker) = inner.sleepers.pop_first().expect("the program waits for nothing");
                inner.now = inner.now.max(at);
                waker
            };
            next.wake();
            if self.counted() {
                return None;
            }
        }
    }
}

#[derive(Default)]
struct Alarm(AtomicBool);

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// A sleeper; forgotten when dropped.
struct Sleep {
    world: World,
    at: Moment,
    id: u64,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.world.inner();
        if inner.now >= self.at {
            return Poll::Ready(());
        }
        inner.sleepers.insert((self.at, self.id), context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.world.inner().sleepers.remove(&(self.at, self.id));
    }
}

impl Clock for World {
    fn now(&self) -> Moment {
        self.inner().now
    }

    fn sleep_until(&self, at: Moment) -> impl Future<Output = ()> + Send {
        let mut inner = self.inner();
        inner.next_sleeper += 1;
        Sleep {
            world: self.clone(),
            at,
            id: inner.next_sleeper,
        }
    }
}

impl Node for World {
    fn routes(&self) -> usize {
        self.inner().routes.len()
    }

    async fn schedule(&self, route: usize, cycle: CycleId) -> Result<Option<CycleSchedule>, NodeError> {
        self.step().await;
        let inner = self.inner();
        let known = inner.schedules.get(&cycle).copied();
        match inner.routes.get(route) {
            Some(Conduct::Down) => Err(NodeError::Failed("no node can be reached".into())),
            Some(Conduct::Foreign) => Err(foreign()),
            Some(Conduct::Pretending) => Ok(known.map(|schedule| CycleSchedule {
                start: schedule.start + 3_600_000,
                ..schedule
            })),
            _ => Ok(known),
        }
    }

    async fn now(&self, route: usize) -> Result<Moment, NodeError> {
        self.step().await;
        let inner = self.inner();
        match inner.routes[route] {
            Conduct::Down => Err(NodeError::Failed("the node cannot be reached".into())),
            Conduct::Foreign => Err(foreign()),
            _ => Ok(inner.finalised(route)),
        }
    }

    async fn shares(&self, route: usize, key: &PeriodKey) -> Result<Vec<Share>, NodeError> {
        self.step().await;
        let inner = self.inner();
        let seen = inner.seen(route);
        match inner.routes[route] {
            Conduct::Down => Err(NodeError::Failed("the node cannot be reached".into())),
            Conduct::Foreign => Err(foreign()),
            Conduct::Pretending => {
                let told = inner.sent.iter().filter(|sent| (sent.route, sent.key) == (route, *key));
                Ok(told
                    .map(|sent| Share {
                        prid: sent.prid,
                        value: sent.value,
                    })
                    .collect())
            }
            _ => {
                let shares = inner.on_chain.get(key).into_iter().flatten();
                let finalised = shares.filter(|(_, found)| found.finalised <= seen);
                Ok(finalised
                    .map(|(prid, found)| Share {
                        prid: *prid,
                        value: found.value,
                    })
                    .collect())
            }
        }
    }

    async fn submit(&self, route: usize, key: &PeriodKey, value: u64, signer: &OneTimeKey) -> Result<u32, NodeError> {
        let conduct = self.take(route, key, value, signer.prid(), false).await?;
        match conduct {
            Conduct::Honest(delay) => {
                let finalised = Clock::now(self) + delay;
                self.sleep_until(finalised).await;
                Ok(1)
            }
            Conduct::Mute | Conduct::Deaf => pending().await,
            Conduct::Down => Err(NodeError::Failed("the node cannot be reached".into())),
            Conduct::Lying(refusal) => Err(NodeError::Refused(refusal)),
            Conduct::Pretending => Ok(1),
            Conduct::Foreign => Err(foreign()),
        }
    }

    async fn hand_in(
        &self,
        route: usize,
        key: &PeriodKey,
        value: u64,
        signer: &OneTimeKey,
    ) -> Result<Receipt, NodeError> {
        let prid = signer.prid();
        match self.take(route, key, value, prid, true).await? {
            Conduct::Honest(_) | Conduct::Pretending => Ok(Receipt {
                aggregator: [1; 32],
                key: *key,
                prid,
                value,
                closes: self.inner().schedules[&key.cycle].closes(key.period).unwrap(),
                signature: [0; 64],
            }),
            Conduct::Mute | Conduct::Deaf => pending().await,
            Conduct::Down => Err(NodeError::Failed("the node cannot be reached".into())),
            Conduct::Lying(refusal) => Err(NodeError::Refused(refusal)),
            Conduct::Foreign => Err(foreign()),
        }
    }
}

impl World {
    /// Gives a share to a node, which includes it or does not; how the node goes on.
    async fn take(
        &self,
        route: usize,
        key: &PeriodKey,
        value: u64,
        prid: Prid,
        batch: bool,
    ) -> Result<Conduct, NodeError> {
        self.step().await;
        let conduct = {
            let mut inner = self.inner();
            let at = inner.now;
            inner.sent.push(Sent {
                at,
                route,
                key: *key,
                prid,
                value,
                batch,
            });
            let schedule = inner.schedules[&key.cycle];
            let conduct = inner.routes[route];
            let delay = match conduct {
                Conduct::Honest(delay) => delay,
                _ => 0,
            };
            if matches!(conduct, Conduct::Honest(_) | Conduct::Mute) {
                if at < schedule.ends(key.period).unwrap() {
                    return Err(NodeError::Refused(Refusal::TooEarly));
                }
                if at >= schedule.closes(key.period).unwrap() {
                    return Err(NodeError::Refused(Refusal::TooLate));
                }
                let shares = inner.on_chain.entry(*key).or_default();
                if shares.contains_key(&prid) {
                    return Err(NodeError::Refused(Refusal::AlreadyUsed));
                }
                shares.insert(
                    prid,
                    Included {
                        value,
                        at,
                        finalised: at + delay,
                    },
                );
            }
            conduct
        };
        // The program may die after the chain took the share and before it hears of that.
        self.step().await;
        Ok(conduct)
    }
}

/// What a client says of a node of another chain.
fn foreign() -> NodeError {
    NodeError::WrongChain("the node serves another chain".into())
}

/// A source that gives another reading each time it is asked, so that only what was fixed on disk can be sent twice.
pub struct Fickle {
    rng: StdRng,
    silent: HashSet<PeriodIndex>,
    /// What was given for each period.
    pub given: HashMap<PeriodIndex, Vec<i64>>,
}

impl Fickle {
    /// A source that is silent for some periods.
    pub fn new(silent: &[PeriodIndex]) -> Self {
        Self {
            rng: StdRng::seed_from_u64(3),
            silent: silent.iter().copied().collect(),
            given: HashMap::new(),
        }
    }
}

impl Source for Fickle {
    fn reading(&mut self, period: PeriodIndex) -> Result<Option<i64>, SourceError> {
        if self.silent.contains(&period) {
            return Ok(None);
        }
        let reading = self.rng.next_u64().cast_signed();
        self.given.entry(period).or_default().push(reading);
        Ok(Some(reading))
    }
}

/// What a chain in memory says about bills.
#[derive(Default)]
pub struct FakeLedger {
    /// Bills by cycle; those of the one user that asks.
    pub bills: BTreeMap<CycleId, BillRecord>,
    /// The schedules.
    pub schedules: BTreeMap<CycleId, CycleSchedule>,
    /// What is known of the periods.
    pub views: Vec<(PeriodIndex, PeriodView)>,
    /// The shares.
    pub shares: HashMap<PeriodKey, Vec<Share>>,
}

impl Ledger for FakeLedger {
    async fn bill_of(&self, cycle: CycleId, _: &Bid) -> Result<Option<BillRecord>, ChainError> {
        Ok(self.bills.get(&cycle).cloned())
    }

    async fn bills_of(&self, _: &Bid) -> Result<Vec<(CycleId, BillRecord)>, ChainError> {
        Ok(self.bills.clone().into_iter().collect())
    }

    async fn schedule_of(&self, cycle: CycleId) -> Result<Option<CycleSchedule>, ChainError> {
        Ok(self.schedules.get(&cycle).copied())
    }

    async fn views_of(&self, _: RegionId, _: CycleId) -> Result<Vec<(PeriodIndex, PeriodView)>, ChainError> {
        Ok(self.views.clone())
    }

    async fn shares_of(&self, key: &PeriodKey) -> Result<Vec<Share>, ChainError> {
        Ok(self.shares.get(key).cloned().unwrap_or_default())
    }
}
