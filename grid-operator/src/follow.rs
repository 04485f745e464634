//! Following the chain: what has to be done about each closed period, as soon as it is final, once, several at a time.
//!
//! A [`Job`] says what a period needs and does it; [`follow`] finds the periods, at every finalised head, and keeps
//! going when a node fails. It keeps no state of its own: after a restart it finds again on chain what is left to do. A
//! period whose job fails for good is reported and set aside, so that it does not hold up the others.
//!
//! **Privacy.** Reads what is public.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    time::Duration,
};

use futures::future::try_join_all;
use gridveil_chain_client::Head;
use gridveil_primitives::{CycleId, CycleSchedule, PeriodKey, PeriodView, RegionId};
use indicatif::ProgressBar;
use tokio::{sync::watch, task::JoinSet, time::sleep};

use crate::{
    error::{show, Error},
    grid::{BlockHash, Follow, Grid},
};

/// How many periods are worked on at a time.
const IN_FLIGHT: usize = 24;
/// Up to how many periods of a region are asked for one by one. Where more are due, as after a long absence, the whole cycle is
/// read at once: a thousand and more periods in one answer.
const FEW: usize = 32;
/// The pause after the heads failed, before they are asked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// What a period whose window has ended needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing yet; look again at the next head.
    Wait,
    /// [`Job::act`].
    Act,
    /// Nothing any more.
    Settled,
}

/// What is done about each period.
pub trait Job: Clone + Send + Sync + 'static {
    /// What is said about a period that was settled.
    type Done: Send + 'static;

    /// What the period needs.
    fn judge(&self, key: &PeriodKey, view: &PeriodView) -> Step;

    /// Does it; `view` is the period at the block `at`. Returns when the chain has it, finalised.
    fn act(
        &self,
        key: PeriodKey,
        view: PeriodView,
        at: BlockHash,
    ) -> impl Future<Output = Result<Self::Done, Error>> + Send;
}

/// Which periods are followed.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The cycle; `None` for all there are and will be.
    pub cycle: Option<CycleId>,
    /// The regions; `None` for all there are and will be.
    pub regions: Option<Vec<RegionId>>,
    /// Whether to end when every period that can ever take shares is settled. Needs a cycle.
    pub until_settled: bool,
}

/// Errors after which going on makes no sense; after any other lasting one, a period is set aside.
fn ends_everything(error: &Error) -> bool {
    matches!(
        error,
        Error::Ledger(_) | Error::File(_) | Error::MetersDiffer { .. } | Error::SpendKey { .. } | Error::Worker(_)
    )
}

struct Follower<'a, G, J> {
    grid: &'a G,
    scope: &'a Scope,
    job: &'a J,
    bar: &'a ProgressBar,
    schedules: BTreeMap<CycleId, CycleSchedule>,
    known: BTreeSet<(RegionId, CycleId)>,
    pending: BTreeSet<PeriodKey>,
    busy: BTreeSet<PeriodKey>,
    set_aside: BTreeMap<PeriodKey, String>,
    ready: VecDeque<(PeriodKey, PeriodView, BlockHash)>,
}

/// Follows the chain and does a job, telling `said` of each period settled. Ends only where the scope says so.
///
/// Errors: [`Error::UnknownCycle`], [`Error::Unsettled`] at the end if periods were set aside, and what makes going on
/// pointless, such as a ledger that fails.
pub async fn follow<G: Grid, J: Job>(
    grid: &G,
    scope: &Scope,
    job: &J,
    bar: &ProgressBar,
    mut said: impl FnMut(J::Done),
) -> Result<(), Error> {
    let mut follower = Follower {
        grid,
        scope,
        job,
        bar,
        schedules: BTreeMap::new(),
        known: BTreeSet::new(),
        pending: BTreeSet::new(),
        busy: BTreeSet::new(),
        set_aside: BTreeMap::new(),
        ready: VecDeque::new(),
    };
    if let Some(cycle) = scope.cycle {
        let at = grid.finalised().await?.hash;
        grid.cycle(cycle, at).await?.ok_or(Error::UnknownCycle(cycle))?;
    }
    let mut source = JoinSet::new();
    let mut heads = spawn_heads(grid.heads().await?, &mut source);
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < IN_FLIGHT {
            let Some((key, view, at)) = follower.ready.pop_front() else {
                break;
            };
            follower.busy.insert(key);
            let job = job.clone();
            tasks.spawn(async move { (key, job.act(key, view, at).await) });
        }
        if follower.is_done() {
            return follower.verdict();
        }
        tokio::select! {
            // What a look finds while there is no hand free for it is out of date by the time that there is.
            Ok(()) = heads.changed(), if tasks.len() < IN_FLIGHT => {
                let Some(head) = *heads.borrow_and_update() else { continue };
                match follower.look(head).await {
                    Err(error) if error.is_transient() => tracing::warn!(%error, "looking again at the next head"),
                    other => other?,
                }
            }
            Some(ended) = source.join_next() => {
                return Err(ended.map_or_else(|failure| Error::Worker(failure.to_string()), Error::from));
            }
            Some(done) = tasks.join_next() => {
                let (key, result) = done.map_err(|failure| Error::Worker(failure.to_string()))?;
                follower.busy.remove(&key);
                match result {
                    Ok(done) => {
                        follower.settled(&key);
                        said(done);
                    }
                    Err(error) if error.is_transient() => {
                        tracing::warn!(%error, period = %show(&key), "trying again at the next head");
                    }
                    Err(error) if ends_everything(&error) => return Err(error),
                    Err(error) => {
                        tracing::error!(%error, period = %show(&key), "set aside until the next start");
                        follower.set_aside.insert(key, error.to_string());
                    }
                }
            }
        }
    }
}

/// Keeps waiting for heads on a task of its own, so that no wait is ever broken off half way, until it fails for good. Only the
/// newest is kept: one that came while the last look took long is past.
fn spawn_heads<F: Follow + 'static>(
    mut heads: F,
    on: &mut JoinSet<gridveil_chain_client::Error>,
) -> watch::Receiver<Option<Head>> {
    let (send, receive) = watch::channel(None);
    on.spawn(async move {
        loop {
            match heads.next().await {
                Ok(head) => {
                    send.send_replace(Some(head));
                }
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "waiting for a node that finalises");
                    sleep(PAUSE).await;
                }
                Err(error) => return error,
            }
        }
    });
    receive
}

impl<G: Grid, J: Job> Follower<'_, G, J> {
    fn settled(&mut self, key: &PeriodKey) {
        if self.pending.remove(key) {
            self.bar.inc(1);
        }
    }

    fn is_done(&self) -> bool {
        self.scope.until_settled
            && self.busy.is_empty()
            && self.ready.is_empty()
            && !self.schedules.is_empty()
            && self.pending.iter().all(|key| self.set_aside.contains_key(key))
    }

    fn verdict(&self) -> Result<(), Error> {
        match self.set_aside.first_key_value() {
            None => Ok(()),
            Some((first, problem)) => Err(Error::Unsettled {
                count: self.set_aside.len(),
                first: *first,
                problem: problem.clone(),
            }),
        }
    }

    /// Finds what is to be done at a head.
    async fn look(&mut self, head: Head) -> Result<(), Error> {
        let now = self.grid.now(head.hash).await?;
        self.learn(head.hash).await?;
        let mut due: BTreeMap<(RegionId, CycleId), Vec<PeriodKey>> = BTreeMap::new();
        for key in &self.pending {
            let schedule = self.schedules.get(&key.cycle);
            let over = schedule
                .and_then(|schedule| schedule.closes(key.period))
                .is_some_and(|closes| closes <= now);
            if over && !self.busy.contains(key) && !self.set_aside.contains_key(key) {
                due.entry((key.region, key.cycle)).or_default().push(*key);
            }
        }
        self.ready.clear();
        for ((region, cycle), keys) in due {
            let mut view = BTreeMap::new();
            if keys.len() <= FEW {
                let periods = keys.iter().map(|key| self.grid.period(*key, head.hash));
                for (key, period) in keys.iter().zip(try_join_all(periods).await?) {
                    view.extend(period.map(|period| (key.period, period)));
                }
            } else {
                view.extend(self.grid.cycle_view(region, cycle, head.hash).await?);
            }
            for key in keys {
                match view.get(&key.period) {
                    // It is over and never had a manifest: it took no shares, and has nothing to settle.
                    None => self.settled(&key),
                    Some(view) => match self.job.judge(&key, view) {
                        Step::Wait => {}
                        Step::Act => self.ready.push_back((key, *view, head.hash)),
                        Step::Settled => self.settled(&key),
                    },
                }
            }
        }
        // The oldest periods first, whatever their region.
        self.ready
            .make_contiguous()
            .sort_by_key(|(key, _, _)| (key.cycle, key.period, key.region));
        Ok(())
    }

    /// Takes up cycles and regions that are new.
    async fn learn(&mut self, at: BlockHash) -> Result<(), Error> {
        let cycles = match self.scope.cycle {
            Some(cycle) => cycle..=cycle,
            None => match self.grid.latest_cycle(at).await? {
                Some(latest) => 0..=latest,
                None => return Ok(()),
            },
        };
        for cycle in cycles {
            if !self.schedules.contains_key(&cycle) {
                if let Some(schedule) = self.grid.cycle(cycle, at).await? {
                    self.schedules.insert(cycle, schedule);
                }
            }
        }
        let regions = match &self.scope.regions {
            Some(regions) => regions.clone(),
            None => self
                .grid
                .regions(at)
                .await?
                .into_iter()
                .map(|(region, _)| region)
                .collect(),
        };
        for (&cycle, schedule) in &self.schedules {
            for &region in &regions {
                if self.known.insert((region, cycle)) {
                    self.bar.inc_length(u64::from(schedule.periods));
                    self.pending
                        .extend((0..schedule.periods).map(|period| PeriodKey { region, cycle, period }));
                }
            }
        }
        Ok(())
    }
}
