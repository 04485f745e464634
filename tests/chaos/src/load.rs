//! The meters that submit all the while: how many, how often, what they read.
//!
//! The readings are made up from the seed, since only that they arrive matters here; the demo uses real ones. A period is
//! four slots long and its window twelve, so that a share which one aggregator does not bring can come by another, and be
//! final, before its window closes.
//!
//! **Privacy.** Readings of nobody.

use std::{fmt::Write, path::Path, time::Duration};

use chrono::{DateTime, SecondsFormat, Utc};
use gridveil_demo::data::Home;
use gridveil_primitives::{CycleId, PeriodIndex, RegionId};

use crate::faults::Chance;

/// The cycle that all scenarios run.
pub const CYCLE: CycleId = 0;
/// The regions, whose aggregators are the first members in turn.
pub const REGIONS: &[RegionId] = &[1, 2];
/// The meters of a region: as many as a total needs to be opened.
const METERS: usize = 3;
/// The length of a period.
pub const PERIOD: Duration = Duration::from_secs(12);
/// How long shares of a period are taken after its end.
pub const WINDOW: Duration = Duration::from_secs(36);
/// How long before its first period a cycle is scheduled, so that all that comes before can be published.
pub const LEAD: Duration = Duration::from_secs(45);
/// How long after it was scheduled a cycle's first period closes.
pub const FIRST_CLOSE: Duration = LEAD.saturating_add(PERIOD).saturating_add(WINDOW);
/// The half hour that period 0 replays.
const FIRST_LABEL: i64 = 1_767_225_600;
/// The seconds between two labels.
const STEP: i64 = 1_800;
/// No reading is this high, in watt-hours.
const HIGHEST: u32 = 2_000;

/// How many periods begin and close within a time, and some more.
pub fn periods(time: Duration) -> PeriodIndex {
    let periods = (time + WINDOW).as_secs() / PERIOD.as_secs() + 2;
    PeriodIndex::try_from(periods).unwrap_or(PeriodIndex::MAX)
}

/// The label of the first half hour.
pub fn start() -> DateTime<Utc> {
    DateTime::from_timestamp(FIRST_LABEL, 0).unwrap_or_default()
}

/// Makes the meters, and writes their readings to a file.
///
/// # Errors
///
/// If the file can't be written.
pub fn homes(file: &Path, periods: PeriodIndex, chance: Chance) -> std::io::Result<Vec<Home>> {
    let meters = REGIONS.iter().flat_map(|region| std::iter::repeat_n(*region, METERS));
    let homes: Vec<Home> = (0..)
        .zip(meters)
        .map(|(index, region)| {
            let meter = format!("METER{index:02}");
            let readings = chance.numbers(&meter, usize::from(periods), HIGHEST);
            Home {
                meter,
                file: file.into(),
                region,
                readings: readings.into_iter().map(|wh| Some(i64::from(wh))).collect(),
            }
        })
        .collect();
    std::fs::write(file, csv(&homes))?;
    Ok(homes)
}

/// The readings in the form that a meter replays.
fn csv(homes: &[Home]) -> String {
    let mut text = String::from("meter,timestamp_utc,wh\n");
    for home in homes {
        for (period, reading) in (0..).zip(&home.readings) {
            let label = DateTime::from_timestamp(FIRST_LABEL + period * STEP, 0).unwrap_or_default();
            let label = label.to_rfc3339_opts(SecondsFormat::Secs, true);
            // Writing to a string does not fail.
            let _ = writeln!(text, "{},{label},{}", home.meter, reading.unwrap_or_default());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use gridveil_meter_client::{replay::CsvReplay, source::Source};

    #[test]
    fn a_meter_reads_back_what_was_made_up_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("readings.csv");
        let homes = homes(&file, 40, Chance::new(1)).unwrap();
        assert_eq!(homes.len(), METERS * REGIONS.len());
        for home in &homes {
            let mut replay = CsvReplay::open(&file, &home.meter, Some(start())).unwrap();
            for (period, reading) in (0..).zip(&home.readings) {
                assert_eq!(replay.reading(period).unwrap(), *reading);
            }
        }
    }

    #[test]
    fn the_cycle_outlasts_the_scenario() {
        let scenario = Duration::from_secs(300);
        assert!(PERIOD * u32::from(periods(scenario)) > scenario + WINDOW);
    }
}
