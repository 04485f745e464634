//! How far the meter has come: counts, and two times.
//!
//! Read from the state directory alone, so that it answers without a node and while `run` is at work.
//!
//! **Privacy.** No reading, no share and no pseudonym is shown.

use crate::{
    records::Counts,
    state::{StateDir, StateError},
};
use chrono::{DateTime, SecondsFormat};
use gridveil_primitives::{CycleId, Moment, PeriodIndex, RegionId};
use serde::Serialize;
use std::fmt;

/// The status of a meter.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Its label.
    pub label: String,
    /// Its bill identifier, in hexadecimal.
    pub bid: String,
    /// Whether it is enrolled.
    pub enrolled: bool,
    /// Its region.
    pub region: Option<RegionId>,
    /// The cycle that it has reached.
    pub cycle: Option<CycleId>,
    /// The cycles on record: that one and the one before, where they were begun.
    pub cycles: Vec<CycleStatus>,
    /// When a share was last sent, in milliseconds since the Unix epoch.
    pub last_sent: Option<Moment>,
    /// The next period to end in the present cycle.
    pub next_period: Option<NextPeriod>,
}

/// How far a cycle has come.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CycleStatus {
    /// The cycle.
    pub cycle: CycleId,
    /// How many periods it has.
    pub periods: PeriodIndex,
    /// How many of them are in each state.
    pub counts: Counts,
}

/// The period that will be taken next.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct NextPeriod {
    /// Its index.
    pub period: PeriodIndex,
    /// When it ends, in milliseconds since the Unix epoch.
    pub ends: Moment,
}

/// The status of the meter in `state` at the moment `now`.
///
/// # Errors
///
/// [`StateError`].
pub fn status(state: &StateDir, now: Moment) -> Result<Status, StateError> {
    let keys = state.keys()?;
    let records = state.records()?;
    let cycle = keys.enrolment.as_ref().map(|enrolment| enrolment.cycle());
    let mut cycles = Vec::new();
    let mut next_period = None;
    for recorded in cycle
        .into_iter()
        .flat_map(|cycle| [cycle.checked_sub(1), Some(cycle)])
        .flatten()
    {
        let Some(schedule) = records.schedule(recorded)? else {
            continue;
        };
        cycles.push(CycleStatus {
            cycle: recorded,
            periods: schedule.periods,
            counts: records.counts(recorded)?,
        });
        next_period = (0..schedule.periods)
            .filter_map(|period| {
                Some(NextPeriod {
                    period,
                    ends: schedule.ends(period)?,
                })
            })
            .find(|next| next.ends > now);
    }
    Ok(Status {
        label: keys.label,
        bid: hex::encode(keys.bid),
        enrolled: keys.enrolment.is_some(),
        region: keys.enrolment.as_ref().map(|enrolment| enrolment.region),
        cycle,
        cycles,
        last_sent: records.last_sent()?,
        next_period,
    })
}

/// A moment as a person reads it.
pub fn readable(moment: Moment) -> String {
    i64::try_from(moment)
        .ok()
        .and_then(DateTime::from_timestamp_millis)
        .map_or_else(
            || format!("{moment} ms"),
            |time| time.to_rfc3339_opts(SecondsFormat::Millis, true),
        )
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "meter {}, BID {}", self.label, self.bid)?;
        match (self.region, self.cycle) {
            (Some(region), Some(cycle)) => writeln!(f, "region {region}, cycle {cycle}")?,
            _ => writeln!(f, "not enrolled")?,
        }
        for CycleStatus { cycle, periods, counts } in &self.cycles {
            writeln!(
                f,
                "cycle {cycle}: {periods} periods; {} finalised, {} pending, {} partial, {} lost, {} silent, {} missed",
                counts.finalised, counts.pending, counts.partial, counts.lost, counts.silent, counts.missed
            )?;
        }
        writeln!(
            f,
            "last sent: {}",
            self.last_sent.map_or_else(|| "never".into(), readable)
        )?;
        match &self.next_period {
            Some(next) => write!(f, "next period: {}, ends {}", next.period, readable(next.ends)),
            None => write!(f, "next period: none is scheduled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{records::PeriodState, testing::enrolled};
    use gridveil_primitives::CycleSchedule;

    #[test]
    fn counts_last_sent_and_next_period_are_read_from_the_record() {
        let (_dir, state) = enrolled();
        let schedule = CycleSchedule {
            start: 1_000,
            period_ms: 10,
            window_ms: 20,
            periods: 3,
        };
        let mut records = state.records().unwrap();
        records.remember_cycle(0, &schedule).unwrap();
        records.pass(0, 0, PeriodState::Silent, "", 1_010).unwrap();
        records.fix(0, 1, 5, [([1; 32], 1), ([2; 32], 2)], 1_020).unwrap();
        records.attempt(0, 1, gridveil_primitives::Half::First, 1_021).unwrap();
        let status = status(&state, 1_025).unwrap();
        let counts = Counts {
            silent: 1,
            pending: 1,
            ..Counts::default()
        };
        assert_eq!(
            status.cycles,
            [CycleStatus {
                cycle: 0,
                periods: 3,
                counts
            }]
        );
        assert_eq!(status.last_sent, Some(1_021));
        assert_eq!(status.next_period, Some(NextPeriod { period: 2, ends: 1_030 }));
        assert!(status
            .to_string()
            .contains("next period: 2, ends 1970-01-01T00:00:01.030Z"));
    }

    #[test]
    fn a_meter_that_has_not_begun_has_no_cycles() {
        let (_dir, state) = enrolled();
        let status = status(&state, 0).unwrap();
        assert!(status.enrolled && status.cycles.is_empty() && status.next_period.is_none());
        assert!(status.to_string().contains("last sent: never"));
    }
}
