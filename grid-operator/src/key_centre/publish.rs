//! Publishing: BF2 of a cycle, then the manifests of its periods, before each of them opens.
//!
//! The paper's phase 3; DESIGN section 4, step 2. What was computed stays in the ledger until the chain has it, so a
//! rerun computes nothing twice and sends only what is missing. Periods are worked on in spans, one at a time, and sent in
//! batches, so the memory used grows neither with the cycle nor with the regions. Periods that have opened in the meantime are
//! passed over and reported. Where the chain has revisions of the cycle, each stretch between two of them is published for
//! the meters that it has.
//!
//! **Privacy.** Everything published is meant for everyone: filters, commitments, counts of meters.

use std::{collections::VecDeque, iter, mem, ops::Range, sync::Arc};

use codec::Encode;
use gridveil_primitives::{
    filter::Builder, CycleId, CycleSchedule, Manifest, PeriodIndex, PeriodKey, RegionId, Revision,
};
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::task::JoinSet;

use super::{
    prepare::{prepare, span},
    roster::Roster,
    KeyCentre,
};
use crate::{
    error::Error,
    grid::{carry_out, Grid, Order},
    limits,
    work::aside,
};

/// How many calls with manifests are under way at a time, for each region.
const IN_FLIGHT: usize = 4;

/// What was published of a region's cycle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The region's meters in the last of the periods.
    pub meters: u32,
    /// Whether BF2 was published now.
    pub filter: bool,
    /// How many manifests were published now.
    pub manifests: usize,
    /// How many were on chain before.
    pub present: usize,
    /// Periods that opened without a manifest and take no shares.
    pub missed: Vec<PeriodIndex>,
}

/// Publishes BF2 and the manifests of `periods` (all where `None`) of a cycle, for the regions asked for or all that
/// have meters.
pub async fn publish<G: Grid>(
    centre: &KeyCentre<G>,
    cycle: CycleId,
    regions: &[RegionId],
    periods: Option<Range<PeriodIndex>>,
    bar: &ProgressBar,
) -> Result<Vec<Published>, Error> {
    let at = centre.grid.finalised().await?.hash;
    centre.authorised(at).await?;
    let schedule = centre.known_cycle(cycle, at).await?;
    let wanted = periods.unwrap_or(0..schedule.periods);
    if wanted.is_empty() || wanted.end > schedule.periods {
        let problem = format!(
            "must be a span within the cycle's 0..{}, such as 0..48",
            schedule.periods
        );
        return Err(Error::Flag {
            flag: "--periods",
            problem,
        });
    }
    let known = centre.grid.regions(at).await?;
    let mut tasks = JoinSet::new();
    for region in centre.regions(cycle, regions)? {
        if !known.iter().any(|(registered, _)| *registered == region) {
            return Err(Error::UnknownRegion(region));
        }
        let (centre, wanted, bar) = (centre.clone(), wanted.clone(), bar.clone());
        tasks.spawn(async move { publish_region(&centre, region, cycle, schedule, wanted, &bar).await });
    }
    let mut published = Vec::new();
    while let Some(done) = tasks.join_next().await {
        published.push(done.map_err(|failure| Error::Worker(failure.to_string()))??);
    }
    published.sort_by_key(|one| one.region);
    Ok(published)
}

/// Publishes a region's part, from one revision to the next.
async fn publish_region<G: Grid>(
    centre: &KeyCentre<G>,
    region: RegionId,
    cycle: CycleId,
    schedule: CycleSchedule,
    wanted: Range<PeriodIndex>,
    bar: &ProgressBar,
) -> Result<Published, Error> {
    let fixed = centre.ledger.fix_meters(region, cycle)?;
    let at = centre.grid.finalised().await?.hash;
    let revisions = centre.grid.revisions(region, cycle, at).await?;
    let ends = revisions.iter().map(|revision| revision.from).chain([schedule.periods]);
    let revised = revisions.iter().map(|one| (Some(one.from), one.meters));
    let mut whole: Option<Published> = None;
    for ((revision, meters), end) in iter::once((None, fixed)).chain(revised).zip(ends) {
        let span = revision.unwrap_or(0)..end;
        let part = wanted.start.max(span.start)..wanted.end.min(span.end);
        if part.is_empty() {
            continue;
        }
        let roster = Roster::load(&centre.ledger, &centre.root, region, cycle, revision)?;
        roster.agree(revision, meters)?;
        let job = Job {
            centre: centre.clone(),
            roster: Arc::new(roster),
            schedule,
            revision,
            revisions: revisions.clone(),
            wanted: part,
            bar: bar.clone(),
        };
        let done = job.run().await?;
        whole = Some(match whole {
            None => done,
            Some(before) => Published {
                filter: before.filter || done.filter,
                manifests: before.manifests.saturating_add(done.manifests),
                present: before.present.saturating_add(done.present),
                missed: [before.missed, done.missed].concat(),
                ..done
            },
        });
    }
    whole.ok_or_else(|| Error::Worker("no part of the cycle was asked for".into()))
}

/// The publishing for one region's meters of a cycle's beginning or of a revision.
pub(super) struct Job<G> {
    pub centre: KeyCentre<G>,
    pub roster: Arc<Roster>,
    pub schedule: CycleSchedule,
    /// The first period of the revision.
    pub revision: Option<PeriodIndex>,
    /// The revisions that the chain has.
    pub revisions: Vec<Revision>,
    /// The periods whose manifests are to be published, or at least made.
    pub wanted: Range<PeriodIndex>,
    pub bar: ProgressBar,
}

/// Manifests of successive periods, for one call.
struct Batch {
    first: PeriodIndex,
    manifests: Vec<Manifest>,
}

impl<G: Grid> Job<G> {
    fn key(&self, period: PeriodIndex) -> PeriodKey {
        PeriodKey {
            region: self.roster.region,
            cycle: self.roster.cycle,
            period,
        }
    }

    async fn run(self) -> Result<Published, Error> {
        let (region, cycle, meters) = (self.roster.region, self.roster.cycle, self.roster.meters());
        let at = self.centre.grid.finalised().await?.hash;
        let filter = match self.centre.grid.filter_meters(region, cycle, at).await? {
            // A revision that is known is on chain with its filter.
            _ if self.revision.is_some() => false,
            Some(published) => self.roster.agree(None, published).map(|()| false)?,
            None => self.publish_filter().await.map(|()| true)?,
        };
        let at = self.centre.grid.finalised().await?.hash;
        let view = self.centre.grid.cycle_view(region, cycle, at).await?;
        let mut missing: VecDeque<_> = self.wanted.clone().collect();
        missing.retain(|period| !view.iter().any(|(there, _)| there == period));
        let present = self.wanted.len().saturating_sub(missing.len());
        let missed = self.publish_manifests(&mut missing).await?;
        let manifests = self.wanted.len().saturating_sub(present).saturating_sub(missed.len());
        Ok(Published {
            region,
            cycle,
            meters,
            filter,
            manifests,
            present,
            missed,
        })
    }

    /// Makes what the ledger lacks of the span from `first` on, at most up to `end`.
    async fn make(&self, first: PeriodIndex, end: PeriodIndex) -> Result<PeriodIndex, Error> {
        let count = end.saturating_sub(first).min(span(self.roster.meters()));
        // One region's span at a time: all cores are at work on it, and the memory is that of one.
        let _turn = self.centre.making.lock().await;
        let (centre, roster, wanted) = (self.centre.clone(), self.roster.clone(), self.wanted.clone());
        let revision = self.revision;
        aside(move || {
            let prepared = prepare(&centre.root, &roster, first, count)?;
            let kept = centre
                .ledger
                .keep_prepared(roster.region, roster.cycle, revision, &prepared, |period| {
                    wanted.contains(&period)
                });
            Ok(kept?)
        })
        .await?;
        Ok(count)
    }

    /// Makes BF2 over the periods from the first on that these meters are for, to the cycle's end, and publishes it: as
    /// that of the cycle's beginning, or as a revision.
    pub(super) async fn publish_filter(&self) -> Result<(), Error> {
        let (region, cycle, periods) = (self.roster.region, self.roster.cycle, self.schedule.periods);
        let (ledger, first) = (&self.centre.ledger, self.revision.unwrap_or(0));
        let known = ledger.tallies(region, cycle, self.revision)?;
        let count = periods.saturating_sub(first);
        self.bar.inc_length(u64::from(count));
        let mut next = first;
        while next < periods {
            let done = if known.contains_key(&next) {
                1
            } else {
                self.make(next, periods).await?
            };
            self.bar.inc(u64::from(done));
            next = next.saturating_add(done);
        }
        let mut builder = Builder::cycle(region, cycle, count);
        for (period, tally) in ledger.tallies(region, cycle, self.revision)? {
            builder.insert_tally(period, &tally);
        }
        let (meters, filter, grid) = (self.roster.meters(), builder.finish(), &self.centre.grid);
        let Some(from) = self.revision else {
            let order = Order::PublishCycleFilter {
                region,
                cycle,
                meters,
                filter,
            };
            let done = |at| async move { Ok(grid.filter_meters(region, cycle, at).await? == Some(meters)) };
            return Ok(carry_out(grid, &order, done).await?);
        };
        let revision = Revision { from, meters };
        let order = Order::ReviseCycle {
            region,
            cycle,
            revision,
            filter,
        };
        let done = |at| async move { Ok(grid.revisions(region, cycle, at).await?.contains(&revision)) };
        Ok(carry_out(grid, &order, done).await?)
    }

    /// Refuses to go on with these meters once the chain has a revision that was not known.
    async fn is_up_to_date(&self) -> Result<(), Error> {
        let (region, cycle) = (self.roster.region, self.roster.cycle);
        let at = self.centre.grid.finalised().await?.hash;
        if self.centre.grid.revisions(region, cycle, at).await? == self.revisions {
            return Ok(());
        }
        Err(Error::Outdated { region, cycle })
    }

    /// The next batch of those missing, made now where the ledger lacks it.
    async fn batch(&self, missing: &mut VecDeque<PeriodIndex>) -> Result<Option<Batch>, Error> {
        let (mut first, mut manifests, mut bytes) = (None, Vec::new(), 0usize);
        while let Some(&period) = missing.front() {
            let start = *first.get_or_insert(period);
            if usize::from(period) != usize::from(start).saturating_add(manifests.len()) {
                break;
            }
            let key = self.key(period);
            let manifest = match self.centre.ledger.manifest(&key, self.revision)? {
                Some(manifest) => manifest,
                None => {
                    self.make(period, self.wanted.end).await?;
                    let made = self.centre.ledger.manifest(&key, self.revision)?;
                    made.ok_or_else(|| Error::Worker("a manifest that was just made is gone".into()))?
                }
            };
            let more = bytes.saturating_add(manifest.encoded_size());
            if !manifests.is_empty() && (more > limits::MANIFEST_BYTES || manifests.len() >= limits::MANIFESTS) {
                break;
            }
            bytes = more;
            manifests.push(manifest);
            missing.pop_front();
        }
        Ok(first.map(|first| Batch { first, manifests }))
    }

    /// Publishes the manifests of the periods that are missing; gives those that opened before it could.
    async fn publish_manifests(&self, missing: &mut VecDeque<PeriodIndex>) -> Result<Vec<PeriodIndex>, Error> {
        self.bar.inc_length(u64::try_from(missing.len()).unwrap_or(0));
        let mut missed = Vec::new();
        let mut under_way: JoinSet<(PeriodIndex, PeriodIndex, Result<(), Error>)> = JoinSet::new();
        self.pass_over(missing, &mut missed).await?;
        loop {
            while under_way.len() < IN_FLIGHT {
                let Some(batch) = self.batch(missing).await? else { break };
                self.is_up_to_date().await?;
                under_way.spawn(send(self.centre.grid.clone(), self.key(batch.first), batch));
            }
            let Some(done) = under_way.join_next().await else { break };
            let (first, count, sent) = done.map_err(|failure| Error::Worker(failure.to_string()))?;
            match sent {
                Ok(()) => {
                    self.centre
                        .ledger
                        .drop_manifests(self.roster.region, self.roster.cycle, first, count)?;
                    self.bar.inc(u64::from(count));
                }
                Err(failure) => {
                    // The first periods of the batch may have opened while it was under way; the rest can still go.
                    let mut rest: VecDeque<_> = (first..first.saturating_add(count)).collect();
                    let before = missed.len();
                    self.pass_over(&mut rest, &mut missed).await?;
                    if missed.len() == before {
                        return Err(failure);
                    }
                    rest.append(missing);
                    *missing = mem::take(&mut rest);
                }
            }
        }
        missed.sort_unstable();
        Ok(missed)
    }

    /// Moves periods that have opened from `missing` to `missed`.
    async fn pass_over(&self, missing: &mut VecDeque<PeriodIndex>, missed: &mut Vec<PeriodIndex>) -> Result<(), Error> {
        let at = self.centre.grid.finalised().await?.hash;
        let now = self.centre.grid.now(at).await?;
        missing.retain(|&period| {
            let ahead = self.schedule.opens(period).is_some_and(|opens| now < opens);
            if !ahead {
                tracing::warn!(
                    region = self.roster.region,
                    period,
                    "the period opened without a manifest"
                );
                missed.push(period);
                self.bar.inc(1);
            }
            ahead
        });
        Ok(())
    }
}

/// Sends a batch; gives its first period, how many it has, and what became of it.
async fn send<G: Grid>(grid: G, key: PeriodKey, batch: Batch) -> (PeriodIndex, PeriodIndex, Result<(), Error>) {
    let count = PeriodIndex::try_from(batch.manifests.len()).unwrap_or(PeriodIndex::MAX);
    let order = Order::PublishManifests {
        region: key.region,
        cycle: key.cycle,
        first: batch.first,
        manifests: batch.manifests,
    };
    let asked = &grid;
    let sent = carry_out(
        &grid,
        &order,
        |at| async move { Ok(asked.period(key, at).await?.is_some()) },
    )
    .await;
    (batch.first, count, sent.map_err(Error::from))
}
