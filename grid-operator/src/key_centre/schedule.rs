//! Scheduling the next cycle.
//!
//! DESIGN section 4. A cycle that is scheduled just so already is left alone, so that the command can be given again
//! after a crash.
//!
//! **Privacy.** Nothing but times.

use std::str::FromStr;

use gridveil_primitives::{CycleId, CycleSchedule, Moment, PeriodIndex};
use serde::Serialize;

use super::KeyCentre;
use crate::{
    error::Error,
    grid::{carry_out, Grid, Order},
};

/// When a cycle starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this moment, in milliseconds since the Unix epoch.
    At(Moment),
    /// So many seconds after the chain's clock.
    In(u64),
}

impl FromStr for Start {
    type Err = String;

    fn from_str(text: &str) -> Result<Start, String> {
        let parsed = match text.strip_prefix('+') {
            Some(seconds) => seconds.parse().map(Start::In),
            None => text.parse().map(Start::At),
        };
        parsed.map_err(|_| "write +SECONDS from the chain's clock, or milliseconds since the Unix epoch".into())
    }
}

/// A cycle as scheduled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Scheduled {
    /// The cycle.
    pub cycle: CycleId,
    /// When its first period opens, in milliseconds since the Unix epoch.
    pub start: Moment,
    /// When its last period ends.
    pub end: Moment,
    /// When the submission window of its last period ends.
    pub closes: Moment,
    /// The length of a period, in milliseconds.
    pub period_ms: u64,
    /// How long after a period's end its shares are taken, in milliseconds.
    pub window_ms: u64,
    /// How many periods it has.
    pub periods: PeriodIndex,
    /// Whether it was scheduled now.
    pub new: bool,
}

fn scheduled(cycle: CycleId, schedule: &CycleSchedule, new: bool) -> Scheduled {
    let CycleSchedule {
        start,
        period_ms,
        window_ms,
        periods,
    } = *schedule;
    let end = schedule.end().unwrap_or(Moment::MAX);
    let closes = schedule.closes(periods.saturating_sub(1)).unwrap_or(Moment::MAX);
    Scheduled {
        cycle,
        start,
        end,
        closes,
        period_ms,
        window_ms,
        periods,
        new,
    }
}

/// Schedules a cycle, which must be the next one.
pub async fn schedule<G: Grid>(
    centre: &KeyCentre<G>,
    cycle: CycleId,
    start: Start,
    period_ms: u64,
    window_ms: u64,
    periods: PeriodIndex,
) -> Result<Scheduled, Error> {
    let refuse = |problem: String| Error::Schedule { cycle, problem };
    let at = centre.grid.finalised().await?.hash;
    let now = centre.grid.now(at).await?;
    let moment = match start {
        Start::At(moment) => moment,
        Start::In(seconds) => now.saturating_add(seconds.saturating_mul(1_000)),
    };
    let wanted = CycleSchedule {
        start: moment,
        period_ms,
        window_ms,
        periods,
    };
    if let Some(known) = centre.grid.cycle(cycle, at).await? {
        let as_wanted = CycleSchedule {
            start: known.start,
            ..wanted
        } == known;
        if as_wanted && (known.start == moment || matches!(start, Start::In(_))) {
            return Ok(scheduled(cycle, &known, false));
        }
        return Err(refuse(format!(
            "it is scheduled already, from {} on with {} periods of {} ms and windows of {} ms",
            known.start, known.periods, known.period_ms, known.window_ms
        )));
    }
    centre.authorised(at).await?;
    let latest = centre.grid.latest_cycle(at).await?;
    let next = latest.map_or(0, |latest| latest.saturating_add(1));
    if cycle != next {
        return Err(refuse(format!("the next cycle is {next}")));
    }
    if !wanted.is_valid() {
        return Err(refuse(format!(
            "it needs 1 to {} periods, and periods and windows of at least a millisecond",
            gridveil_primitives::MAX_PERIODS
        )));
    }
    if moment <= now {
        return Err(refuse(format!(
            "it would start at {moment}, and the chain's clock is at {now} already"
        )));
    }
    if let Some(latest) = latest {
        let end = centre.known_cycle(latest, at).await?.end().unwrap_or(Moment::MAX);
        if moment < end {
            return Err(refuse(format!(
                "it would start at {moment}, before cycle {latest} ends at {end}"
            )));
        }
    }
    let (grid, order) = (&centre.grid, Order::ScheduleCycle(cycle, wanted));
    carry_out(grid, &order, |at| async move {
        Ok(grid.cycle(cycle, at).await? == Some(wanted))
    })
    .await?;
    Ok(scheduled(cycle, &wanted, true))
}
