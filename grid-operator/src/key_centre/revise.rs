//! Taking meters out of a cycle, and putting a new one in the place of one that is lost.
//!
//! Within a cycle meters change at a day's start only, and never become more; the chain insists on it. What is decided is
//! in the ledger before the chain is told, and a command that was broken off carries on when it is given again. A change
//! whose day began before the chain had it is taken back from the ledger. What the chain then lacks are the manifests from
//! that day on: `publish` makes them.
//!
//! A meter that takes another's place is enrolled like any other: under a bill identifier of its own, from which its
//! secret follows, so that whoever has the lost one reads nothing of it. Each of the two gets a bill for its own days.
//!
//! **Privacy.** The chain learns how many meters a region has from which day on. Of periods whose manifests were published
//! before, it also learns which pseudonyms are a new meter's: these are in the new filter and not in the old one.

use std::{collections::BTreeSet, path::Path, sync::Arc};

use gridveil_primitives::{CycleId, CycleSchedule, PeriodIndex, RegionId, Revision, PERIODS_PER_DAY};
use indicatif::ProgressBar;
use serde::Serialize;

use super::{
    enrol::{self, Enrolled},
    publish::Job,
    roster::Roster,
    KeyCentre,
};
use crate::{
    error::Error,
    grid::{BlockHash, Grid},
    ledger::{LedgerError, Meter, Since},
};

/// Who left, and who came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Revised {
    /// The region.
    pub region: RegionId,
    /// The cycle.
    pub cycle: CycleId,
    /// The first period of the change; `None` where it is the whole cycle's, which is not published yet.
    pub from: Option<PeriodIndex>,
    /// The region's meters from then on.
    pub meters: u32,
    /// Those who left.
    pub left: Vec<String>,
    /// Who came in another's place.
    pub joined: Option<Enrolled>,
    /// Whether this was decided now.
    pub new: bool,
}

/// What is asked for.
struct Change<'a> {
    region: RegionId,
    since: Since,
    labels: &'a [String],
    joining: Option<&'a Meter>,
}

impl<G: Grid> KeyCentre<G> {
    /// The meters of these names, which are all in one region.
    fn named(&self, labels: &[String]) -> Result<(RegionId, Vec<Meter>), Error> {
        let mut meters = Vec::with_capacity(labels.len());
        for label in labels {
            let meter = self.ledger.meter_called(label)?;
            meters.push(meter.ok_or_else(|| Error::UnknownMeter(label.clone()))?);
        }
        let regions: BTreeSet<_> = meters.iter().map(|meter| meter.region).collect();
        match regions.first() {
            Some(&region) if regions.len() == 1 => Ok((region, meters)),
            _ => Err(Error::Flag {
                flag: "--meter",
                problem: "must name meters of one region; give a command for each region".into(),
            }),
        }
    }

    /// Enters a change, unless just this one was entered before; whether it is new.
    fn decide_change(&self, change: &Change<'_>) -> Result<bool, Error> {
        let Change {
            region, since, joining, ..
        } = *change;
        let (_, meters) = self.named(change.labels)?;
        let known = match joining {
            Some(meter) => self.ledger.meter(&meter.bid)?.is_some(),
            None => true,
        };
        if known && meters.iter().all(|meter| meter.left == Some(since)) {
            return Ok(false);
        }
        let bids: Vec<_> = meters.iter().map(|meter| meter.bid).collect();
        self.ledger.enter_change(region, since, &bids, joining)?;
        Ok(true)
    }

    /// How many meters a region has then.
    fn remaining(&self, region: RegionId, (cycle, from): Since) -> Result<u32, Error> {
        let meters = self.ledger.meters(region, cycle)?;
        let there = meters.iter().filter(|meter| meter.takes_part(cycle, from));
        Ok(number(there.count()))
    }

    /// The revision that was decided on and is still to reach the chain. One that can't any more, because its day has
    /// begun, is taken back.
    fn pending(
        &self,
        region: RegionId,
        cycle: CycleId,
        revisions: &[Revision],
        is_late: impl Fn(PeriodIndex) -> bool,
    ) -> Result<Option<PeriodIndex>, Error> {
        let mut pending = None;
        for from in self.ledger.changes(region, cycle)? {
            if revisions.iter().any(|revision| revision.from == from) {
                continue;
            }
            if is_late(from) {
                tracing::warn!(
                    region,
                    cycle,
                    from,
                    "a change never reached the chain and is taken back"
                );
                self.ledger.withdraw_change(region, cycle, from)?;
            } else {
                pending = Some(from);
            }
        }
        Ok(pending)
    }

    /// Decides on a revision and tells the chain; whether it was decided now.
    async fn revise(
        &self,
        change: &Change<'_>,
        from: PeriodIndex,
        schedule: CycleSchedule,
        at: BlockHash,
        bar: &ProgressBar,
    ) -> Result<bool, Error> {
        let (region, (cycle, _)) = (change.region, change.since);
        if self.grid.filter_meters(region, cycle, at).await?.is_none() {
            return Err(Error::Flag {
                flag: "--from-day",
                problem: format!("is for a cycle that is published; run `key-centre publish --cycle {cycle}` first"),
            });
        }
        let revisions = self.grid.revisions(region, cycle, at).await?;
        let now = self.grid.now(at).await?;
        let is_late = |period| schedule.opens(period).is_none_or(|opens| opens <= now);
        let pending = self.pending(region, cycle, &revisions, is_late)?;
        let is_on_chain = revisions.iter().any(|revision| revision.from == from);

        let (_, leaving) = self.named(change.labels)?;
        if leaving.iter().any(|meter| meter.left != Some(change.since)) {
            let latest = revisions.last().map(|revision| revision.from);
            if let Some(from) = pending.or(latest.filter(|latest| *latest >= from)) {
                return Err(Error::Revised { region, cycle, from });
            }
            if leaving.iter().any(|meter| !meter.takes_part(cycle, latest)) {
                return Err(LedgerError::Gone.into());
            }
            if change.joining.is_none() && self.remaining(region, (cycle, latest))? <= number(leaving.len()) {
                return Err(Error::Flag {
                    flag: "--meter",
                    problem: "names every meter of the region, and one has to remain".into(),
                });
            }
        }
        if is_late(from) && !is_on_chain {
            return Err(Error::TooLate { cycle, from });
        }
        let new = self.decide_change(change)?;
        if is_on_chain {
            return Ok(new);
        }
        let view = self.grid.cycle_view(region, cycle, at).await?;
        // What is published of those periods is made at once, since it has to be published anew.
        let last = view.last().map_or(from, |(period, _)| period.saturating_add(1));
        if change.joining.is_some() && last > from {
            tracing::warn!(
                region,
                cycle,
                "periods up to {last} are published already: in these, anyone can tell which shares are the new meter's; \
                 publish fewer days ahead"
            );
        }
        let roster = Roster::load(&self.ledger, &self.root, region, cycle, Some(from))?;
        let job = Job {
            centre: self.clone(),
            roster: Arc::new(roster),
            schedule,
            revision: Some(from),
            revisions,
            wanted: from..last.max(from),
            bar: bar.clone(),
        };
        job.publish_filter().await?;
        Ok(new)
    }
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// The first period of a day of a cycle.
fn day(from_day: PeriodIndex, schedule: &CycleSchedule) -> Result<PeriodIndex, Error> {
    let from = from_day
        .checked_mul(PERIODS_PER_DAY)
        .filter(|from| *from < schedule.periods);
    from.ok_or_else(|| Error::Flag {
        flag: "--from-day",
        problem: format!(
            "must be one of the cycle's {} days, the first of which is 0; a day has {PERIODS_PER_DAY} periods",
            schedule.periods.div_ceil(PERIODS_PER_DAY)
        ),
    })
}

/// Takes meters of a region out, from a day of a cycle on; without a day from the cycle's beginning, which must not be
/// published yet. From then on they get no bill.
///
/// Errors: [`Error::UnknownMeter`], [`Error::Revised`], [`Error::TooLate`], [`crate::ledger::LedgerError::NotTheLatest`],
/// [`crate::ledger::LedgerError::Gone`].
pub async fn eliminate<G: Grid>(
    centre: &KeyCentre<G>,
    labels: &[String],
    cycle: CycleId,
    from_day: Option<PeriodIndex>,
    bar: &ProgressBar,
) -> Result<Revised, Error> {
    let at = centre.grid.finalised().await?.hash;
    centre.authorised(at).await?;
    let (region, _) = centre.named(labels)?;
    let mut change = Change {
        region,
        since: (cycle, None),
        labels,
        joining: None,
    };
    let new = match from_day {
        None => centre.decide_change(&change)?,
        Some(from_day) => {
            let schedule = centre.known_cycle(cycle, at).await?;
            let from = day(from_day, &schedule)?;
            change.since = (cycle, Some(from));
            centre.revise(&change, from, schedule, at, bar).await?
        }
    };
    Ok(Revised {
        region,
        cycle,
        from: change.since.1,
        meters: centre.remaining(region, change.since)?,
        left: labels.to_vec(),
        joined: None,
        new,
    })
}

/// Puts the meter of a request in the place of another from a day of a cycle on, and writes its response into `responses`.
///
/// Errors: those of [`eliminate`] and [`Error::Requests`].
pub async fn replace<G: Grid>(
    centre: &KeyCentre<G>,
    label: &str,
    request: &Path,
    cycle: CycleId,
    from_day: PeriodIndex,
    responses: &Path,
    bar: &ProgressBar,
) -> Result<Revised, Error> {
    let at = centre.grid.finalised().await?.hash;
    centre.authorised(at).await?;
    let labels = [label.to_owned()];
    let (region, _) = centre.named(&labels)?;
    let schedule = centre.known_cycle(cycle, at).await?;
    let from = day(from_day, &schedule)?;
    let refuse = |problem| Error::Requests(vec![problem]);
    let mut meter = enrol::read(request, region, cycle).map_err(refuse)?;
    meter.first_period = Some(from);
    centre.is_new(&meter, &mut BTreeSet::new())?.map_err(refuse)?;
    let change = Change {
        region,
        since: (cycle, Some(from)),
        labels: &labels,
        joining: Some(&meter),
    };
    let new = centre.revise(&change, from, schedule, at, bar).await?;
    centre.register().await?;
    let meters = centre.remaining(region, change.since)?;
    let response = centre.respond(&meter, responses)?;
    Ok(Revised {
        region,
        cycle,
        from: Some(from),
        meters,
        left: labels.to_vec(),
        joined: Some(Enrolled::of(meter, response, new)),
        new,
    })
}
