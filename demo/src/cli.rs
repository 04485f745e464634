//! The demo's command line.
//!
//! **Privacy.** Takes paths and numbers only.

use std::{path::PathBuf, time::Duration};

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::Parser;
use gridveil_primitives::PeriodIndex;

use gridveil_demo::data::PERIODS_PER_DAY;

/// Replays a real day of electricity readings through four aggregators, bills every home, and checks all of it.
///
/// Starts its own network of node processes on this machine and ends them all, whatever happens. Ends with the line
/// "N passed, M failed"; the exit status is 0 only if nothing failed.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Arguments {
    /// Readings without gaps: a CSV of meter,timestamp_utc,wh, plain or gzipped; 21 packaged London homes by default.
    #[arg(long, value_name = "FILE")]
    pub readings: Option<PathBuf>,
    /// Readings with gaps, of the same form; 3 packaged London homes by default.
    #[arg(long, value_name = "FILE")]
    pub gaps: Option<PathBuf>,
    /// The day to replay.
    #[arg(long, value_name = "YYYY-MM-DD", default_value = "2013-01-18")]
    pub day: NaiveDate,
    /// How many meters to enrol.
    #[arg(long, value_name = "N", default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub meters: u16,
    /// How many regions to spread them over.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=16))]
    pub regions: u32,
    /// Spreads the meters and chooses the aggregator that is killed; the same seed does the same.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
    /// Six periods of the day, 08:00 to 11:00, instead of all 48.
    #[arg(long)]
    pub short: bool,
    /// The length of a period on the demo's shortened clock, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 3_000, value_parser = clap::value_parser!(u64).range(1_000..=1_800_000))]
    pub period_ms: u64,
    /// How long after a period's end its shares are taken, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 15_000, value_parser = clap::value_parser!(u64).range(4_000..=1_800_000))]
    pub window_ms: u64,
    /// The length of a slot, in milliseconds.
    #[arg(long, value_name = "MS", default_value_t = 2_000, value_parser = clap::value_parser!(u64).range(500..=60_000))]
    pub slot_ms: u64,
    /// Keeps the bills in the IPFS daemon with this RPC address (http://…) instead of the embedded store.
    #[arg(long, value_name = "URL", value_parser = kubo_address)]
    pub kubo: Option<String>,
    /// Keeps the run's files (states, logs, bills) in this folder, which must be empty; else they are deleted.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Leaves the network up at the end, until Ctrl-C or SIGTERM; ./scripts/demo serves the dashboard with it.
    #[arg(long, conflicts_with = "kubo")]
    pub keep: bool,
    /// The dashboard's folder, where it is built: serves it, with Node.js, from the network's start to its end.
    #[arg(long, value_name = "DIR", requires = "keep")]
    pub dashboard: Option<PathBuf>,
}

/// Whatever does not begin so would be taken for a folder.
fn kubo_address(text: &str) -> Result<String, String> {
    if text.starts_with("http://") {
        Ok(text.into())
    } else {
        Err("give the http:// address of a Kubo RPC, such as http://127.0.0.1:5001".into())
    }
}

impl Arguments {
    /// The half hour of the day at which a short run begins; the packaged gaps of half an hour are in it.
    const SHORT_FROM_HOUR: u32 = 8;
    const SHORT_PERIODS: PeriodIndex = 6;

    /// How many periods are replayed.
    pub fn periods(&self) -> PeriodIndex {
        if self.short {
            Self::SHORT_PERIODS
        } else {
            PERIODS_PER_DAY
        }
    }

    /// The label of the first half hour.
    pub fn start(&self) -> DateTime<Utc> {
        let hour = if self.short { Self::SHORT_FROM_HOUR } else { 0 };
        self.day
            .and_time(NaiveTime::from_hms_opt(hour, 0, 0).unwrap_or_default())
            .and_utc()
    }

    /// The length of a period.
    pub fn period(&self) -> Duration {
        Duration::from_millis(self.period_ms)
    }

    /// How long a period's shares are taken.
    pub fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }

    /// The length of a slot.
    pub fn slot(&self) -> Duration {
        Duration::from_millis(self.slot_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_dashboard_is_served_over_a_network_that_stays_and_a_store_that_it_reads() {
        for refused in [
            &["demo", "--dashboard", "dashboard"][..],
            &["demo", "--keep", "--kubo", "http://127.0.0.1:5001"],
        ] {
            assert!(Arguments::try_parse_from(refused).is_err(), "{refused:?}");
        }
        let taken = Arguments::try_parse_from(["demo", "--keep", "--dashboard", "dashboard"]).unwrap();
        assert!(taken.keep && taken.dashboard.is_some());
    }

    #[test]
    fn an_ipfs_daemon_is_named_by_its_http_address() {
        let kubo = |address| Arguments::try_parse_from(["demo", "--kubo", address]).map(|arguments| arguments.kubo);
        assert_eq!(kubo("http://127.0.0.1:5001").unwrap().unwrap(), "http://127.0.0.1:5001");
        for address in [
            "127.0.0.1:5001",
            "/ip4/127.0.0.1/tcp/5001",
            "https://127.0.0.1:5001",
            "",
        ] {
            assert!(
                kubo(address).unwrap_err().to_string().contains("http:// address"),
                "{address}"
            );
        }
    }

    #[test]
    fn a_short_run_covers_the_half_hour_that_two_meters_miss() {
        let short = Arguments::parse_from(["demo", "--short"]);
        let missed: DateTime<Utc> = "2013-01-18T09:30:00Z".parse().unwrap();
        assert!(short.start() <= missed);
        assert!(missed < short.start() + chrono::Duration::minutes(30 * i64::from(short.periods())));
    }
}
