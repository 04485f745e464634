//! The period loop: from readings to shares on the finalised chain.
//!
//! For every period of a cycle, after its end: the reading is taken, both masked shares are fixed on disk, and each is
//! sent at a random time of its own in the first part of the window. A share that is not finalised by half of the window
//! is sent again by another route, the same value under the same pseudonym; at the window's end what happened is
//! recorded. Promises that no pseudonym ever signs two different values, however often the process is killed: only what
//! [`Records::fix`] returned is sent, and what stands there is never replaced. Keys of periods that are settled are erased. A
//! period that the process did not live through while its window was open is recorded as missed.
//!
//! The loop holds no runtime of its own: time is [`Clock`], the chain is [`Node`]. It returns when its cycles are done; it
//! may be dropped at any await. How a share is sent is the module `deliver`'s part.
//!
//! **Privacy.** A silent meter sends nothing at all. What is reported holds no reading, share or pseudonym.

use crate::{
    clock::Clock,
    config::By,
    deliver::job,
    event::Event,
    keys::{Enrolment, KeysError, MeterKeys},
    node::{Node, NodeError},
    records::{PeriodState, Records, RecordsError},
    source::Source,
    state::{StateDir, StateError},
    witness::words,
};
use futures::{future::LocalBoxFuture, stream::FuturesUnordered, StreamExt};
use gridveil_primitives::{CycleId, CycleSchedule, Moment, PeriodIndex};
use rand::rngs::StdRng;
use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many periods may be on their way at once. Windows of a day and more overlap no further than this.
const MAX_OPEN: usize = 64;
/// How often the chain is asked for a schedule, in milliseconds.
const SCHEDULE_PAUSE: u64 = 2_000;
/// Which cycles to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The one cycle to run; without it, the meter's present one and then those that follow.
    pub cycle: Option<CycleId>,
    /// Return after the first cycle.
    pub until_cycle_end: bool,
}

/// Why the loop had to end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The meter was not enrolled.
    #[error("this meter is not enrolled; hand its request to the key centre and accept the response with `meter-client enrol accept`")]
    NotEnrolled,
    /// The cycle's keys are gone.
    #[error(transparent)]
    Keys(#[from] KeysError),
    /// The state directory could not be used.
    #[error(transparent)]
    State(#[from] StateError),
    /// The nodes are of another chain.
    #[error("{0}")]
    WrongChain(String),
    /// The recorded shares are not of the meter's keys.
    #[error("period {period} of cycle {cycle} was recorded with other keys than this meter's; restore keys and records of one backup")]
    OtherKeys {
        /// The cycle.
        cycle: CycleId,
        /// The period.
        period: PeriodIndex,
    },
}

impl From<RecordsError> for RunError {
    fn from(error: RecordsError) -> Self {
        Self::State(error.into())
    }
}

/// The periods on their way; each resolves to its cycle.
type Work<'a> = FuturesUnordered<LocalBoxFuture<'a, Result<CycleId, RunError>>>;

/// What one run goes by.
struct Course {
    keys: MeterKeys,
    /// The cycles that were taken whole and are not settled.
    taken: BTreeSet<CycleId>,
}

impl Course {
    fn enrolment(&self) -> Result<&Enrolment, RunError> {
        self.keys.enrolment.as_ref().ok_or(RunError::NotEnrolled)
    }

    fn enrolment_mut(&mut self) -> Result<&mut Enrolment, RunError> {
        self.keys.enrolment.as_mut().ok_or(RunError::NotEnrolled)
    }
}

/// A meter at work.
pub struct Meter<'a, N, C> {
    state: &'a StateDir,
    pub(crate) node: &'a N,
    pub(crate) clock: &'a C,
    pub(crate) report: &'a dyn Fn(Event),
    records: Mutex<Records>,
    pub(crate) rng: Mutex<StdRng>,
    pub(crate) by: By,
}

impl<'a, N: Node, C: Clock> Meter<'a, N, C> {
    /// A meter with its state, its chain, its clock and its randomness, which sends directly; `report` is told what happens.
    ///
    /// # Errors
    ///
    /// [`RunError::State`] where the record cannot be opened.
    pub fn new(
        state: &'a StateDir,
        node: &'a N,
        clock: &'a C,
        rng: StdRng,
        report: &'a dyn Fn(Event),
    ) -> Result<Self, RunError> {
        Ok(Self {
            state,
            node,
            clock,
            report,
            records: Mutex::new(state.records()?),
            rng: Mutex::new(rng),
            by: By::Direct,
        })
    }

    /// The same meter, sending in this way.
    pub fn by(self, by: By) -> Self {
        Self { by, ..self }
    }

    /// Runs the cycles that `options` name. The caller holds the lock of the state directory.
    ///
    /// # Errors
    ///
    /// [`RunError`]; nothing of it is passing.
    pub async fn run(&self, source: &mut dyn Source, options: Options) -> Result<(), RunError> {
        let mut course = Course {
            keys: self.state.keys()?,
            taken: BTreeSet::new(),
        };
        let present = course.enrolment()?.cycle();
        let mut cycle = options.cycle.unwrap_or(present);
        if cycle < present {
            return Err(KeysError::Erased {
                asked: cycle,
                now: present,
            }
            .into());
        }
        let mut work = Work::new();
        let pending = self.records().pending()?;
        for (cycle, period) in pending {
            self.resume(&course, cycle, period, &mut work)?;
            if cycle < present {
                course.taken.insert(cycle);
            }
        }
        loop {
            let schedule = self.driving(&mut work, &mut course, self.schedule(cycle)).await??;
            if course.enrolment_mut()?.move_to(cycle)? {
                self.state.save_keys(&mut course.keys)?;
            }
            // After every move, and once more where the process died between the move and this.
            self.records().forget_before(cycle.saturating_sub(1))?;
            self.state.forget_seeds_before(cycle.saturating_sub(1))?;
            self.cycle(&mut course, cycle, schedule, source, &mut work).await?;
            course.taken.insert(cycle);
            self.tidy(&mut course)?;
            if options.cycle.is_some() || options.until_cycle_end {
                break;
            }
            cycle = cycle.saturating_add(1);
        }
        while let Some(done) = work.next().await {
            done?;
            self.tidy(&mut course)?;
        }
        Ok(())
    }

    /// Takes every period of a cycle that is not recorded, each after its end.
    async fn cycle<'w>(
        &'w self,
        course: &mut Course,
        cycle: CycleId,
        schedule: CycleSchedule,
        source: &mut dyn Source,
        work: &mut Work<'w>,
    ) -> Result<(), RunError> {
        let recorded = self.records().counts(cycle)?.total();
        (self.report)(Event::Cycle {
            cycle,
            start: schedule.start,
            periods: schedule.periods,
            recorded,
        });
        source.begin(&schedule);
        for period in 0..schedule.periods {
            // A valid schedule has both for each of its periods.
            let (Some(ends), Some(closes)) = (schedule.ends(period), schedule.closes(period)) else {
                continue;
            };
            if self.records().period(cycle, period)?.is_some() {
                continue;
            }
            if self.clock.now() < ends {
                self.tidy(course)?;
            }
            self.driving(work, course, self.clock.sleep_until(ends)).await?;
            while work.len() >= MAX_OPEN {
                if let Some(done) = work.next().await {
                    done?;
                    self.tidy(course)?;
                }
            }
            let now = self.clock.now();
            if now >= closes {
                self.pass(
                    cycle,
                    period,
                    PeriodState::Missed,
                    "the meter was not running in the window",
                    now,
                )?;
                continue;
            }
            let reading = match source.reading(period) {
                Ok(Some(reading)) => reading,
                Ok(None) => {
                    self.pass(cycle, period, PeriodState::Silent, "there was no reading", now)?;
                    continue;
                }
                Err(error) => {
                    tracing::warn!(%error, "the meter stays silent");
                    self.pass(cycle, period, PeriodState::Silent, &error.to_string(), now)?;
                    continue;
                }
            };
            let (keys, enrolment) = (&course.keys, course.enrolment()?);
            let tail = enrolment.tail_of(cycle);
            let signers = tail.and_then(|tail| tail.signers(&keys.spend, period));
            let pair = tail.and_then(|tail| tail.shares(reading, &keys.split, cycle, period));
            let (Some(signers), Some(pair)) = (signers, pair) else {
                // The record is of an earlier day than the keys, from a backup perhaps.
                self.pass(cycle, period, PeriodState::Missed, "its keys are erased", now)?;
                continue;
            };
            let [first, second] = &signers;
            let shares = [(first.prid(), pair.first), (second.prid(), pair.second)];
            let stored = self.records().fix(cycle, period, reading, shares, now)?;
            (self.report)(Event::Recorded {
                cycle,
                period,
                state: stored.state.word(),
            });
            if let Some(job) = job(enrolment, cycle, period, &schedule, signers, stored)? {
                work.push(Box::pin(self.deliver(job)));
            }
        }
        Ok(())
    }

    /// Takes up a period that was fixed before a restart.
    fn resume<'w>(
        &'w self,
        course: &Course,
        cycle: CycleId,
        period: PeriodIndex,
        work: &mut Work<'w>,
    ) -> Result<(), RunError> {
        let enrolment = course.enrolment()?;
        let stored = self.records().period(cycle, period)?;
        let schedule = self.records().schedule(cycle)?;
        let tail = enrolment.tail_of(cycle);
        let signers = tail.and_then(|tail| tail.signers(&course.keys.spend, period));
        let (Some(stored), Some(schedule), Some(signers)) = (stored, schedule, signers) else {
            self.settle(cycle, period, "its keys are erased")?;
            return Ok(());
        };
        if let Some(job) = job(enrolment, cycle, period, &schedule, signers, stored)? {
            work.push(Box::pin(self.deliver(job)));
        }
        Ok(())
    }

    /// Waits until the chain has a cycle's schedule, and records it.
    async fn schedule(&self, cycle: CycleId) -> Result<CycleSchedule, RunError> {
        if let Some(schedule) = self.records().schedule(cycle)? {
            return Ok(schedule);
        }
        let mut told = String::new();
        loop {
            let reason = match self.agreed_schedule(cycle).await? {
                Ok(schedule) => {
                    self.records().remember_cycle(cycle, &schedule)?;
                    return Ok(schedule);
                }
                Err(reason) => reason,
            };
            if told != reason {
                (self.report)(Event::Waiting {
                    cycle,
                    reason: reason.clone(),
                });
                told = reason;
            }
            self.clock
                .sleep_until(self.clock.now().saturating_add(SCHEDULE_PAUSE))
                .await;
        }
    }

    /// The schedule that enough of the routes name (see [`crate::witness`]), or why there is none: it is recorded for good,
    /// and a meter with a wrong one sends nothing.
    async fn agreed_schedule(&self, cycle: CycleId) -> Result<Result<CycleSchedule, String>, RunError> {
        let routes = self.node.routes();
        let (mut named, mut failure) = (Vec::new(), None);
        let mut is_unscheduled = false;
        for route in 0..routes.max(1) {
            match self.node.schedule(route, cycle).await {
                Ok(Some(schedule)) if schedule.is_valid() => {
                    named.push(schedule);
                    if named.iter().filter(|other| **other == schedule).count() >= words(routes) {
                        return Ok(Ok(schedule));
                    }
                }
                Ok(_) => is_unscheduled = true,
                Err(NodeError::WrongChain(error)) => return Err(RunError::WrongChain(error)),
                Err(error) => failure = Some(error.to_string()),
            }
        }
        let differ = named.windows(2).any(|pair| pair[0] != pair[1]);
        Ok(Err(match failure {
            _ if differ => {
                "its nodes name different schedules; give it more nodes, so that a wrong one is outvoted".into()
            }
            _ if is_unscheduled => "the key centre has not scheduled it".into(),
            Some(failure) => failure,
            None => "too few nodes name its schedule".into(),
        }))
    }

    /// Waits for `wait` while the periods on their way go on.
    async fn driving<T>(
        &self,
        work: &mut Work<'_>,
        course: &mut Course,
        wait: impl Future<Output = T>,
    ) -> Result<T, RunError> {
        let mut wait = pin!(wait);
        loop {
            tokio::select! {
                biased;
                done = &mut wait => return Ok(done),
                Some(done) = work.next() => {
                    done?;
                    self.tidy(course)?;
                },
            }
        }
    }

    /// Erases the keys of the periods that are settled, and tells of the cycles that were taken whole and are settled now.
    fn tidy(&self, course: &mut Course) -> Result<(), RunError> {
        let cycle = course.enrolment()?.cycle();
        let (first, pending) = {
            let records = self.records();
            let next = records.next(cycle)?;
            let before = cycle.checked_sub(1).map(|before| records.first_pending(before));
            (
                records.first_pending(cycle)?.unwrap_or(next),
                before.transpose()?.flatten(),
            )
        };
        if course.enrolment_mut()?.forget_before(first, pending) {
            self.state.save_keys(&mut course.keys)?;
        }
        for cycle in course.taken.clone() {
            let counts = self.records().counts(cycle)?;
            if counts.pending == 0 {
                course.taken.remove(&cycle);
                (self.report)(Event::Summary { cycle, counts });
            }
        }
        Ok(())
    }

    fn pass(
        &self,
        cycle: CycleId,
        period: PeriodIndex,
        state: PeriodState,
        note: &str,
        now: Moment,
    ) -> Result<(), RunError> {
        self.records().pass(cycle, period, state, note, now)?;
        (self.report)(Event::Recorded {
            cycle,
            period,
            state: state.word(),
        });
        Ok(())
    }

    /// Settles a period by what landed of it.
    pub(crate) fn settle(&self, cycle: CycleId, period: PeriodIndex, reason: &str) -> Result<(), RunError> {
        let state = self.records().settle(cycle, period, reason)?;
        (self.report)(Event::Period {
            cycle,
            period,
            state: state.word(),
            reason: reason.to_owned(),
        });
        Ok(())
    }

    /// The record. Held for one statement at a time, never across an await.
    pub(crate) fn records(&self) -> MutexGuard<'_, Records> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
