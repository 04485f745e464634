//! The month replay as a program. Its last line counts the checks.
//!
//! **Privacy.** See [`gridveil_replay`].

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use gridveil_demo::folder;
use gridveil_primitives::PeriodIndex;
use tokio::signal::unix::{signal, SignalKind};
use tracing_subscriber::EnvFilter;

use gridveil_replay::{
    error::ReplayError,
    month::Extract,
    story::{self, Told, Wanted},
};

/// Replays a month of readings on one node and checks every bill.
#[derive(Debug, Parser)]
#[command(name = "replay-month", version)]
struct Arguments {
    /// The readings: a CSV of meter,timestamp_utc,wh in half hours, plain or compressed with gzip. Gaps are silent meters.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "../shared/data/readings-halfhourly.csv.gz"
    )]
    readings: PathBuf,

    /// How many regions the meters are spread over.
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    regions: u32,

    /// Replay only so many of the meters, the first by name.
    #[arg(long)]
    meters: Option<usize>,

    /// Replay only so many half hours, the first ones.
    #[arg(long)]
    periods: Option<PeriodIndex>,

    /// Which meters fail beside those with gaps, and when.
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Write what was measured to a file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Keep the run's files in this folder, which must be empty.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

async fn run(arguments: &Arguments, dir: &std::path::Path) -> Result<Told, ReplayError> {
    let wanted = Wanted {
        readings: arguments.readings.clone(),
        extract: Extract {
            regions: arguments.regions,
            meters: arguments.meters,
            periods: arguments.periods,
            seed: arguments.seed,
        },
    };
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        told = story::run(&wanted, dir) => told,
        _ = tokio::signal::ctrl_c() => Err(ReplayError::Stopped),
        _ = terminate.recv() => Err(ReplayError::Stopped),
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error")))
        .with_writer(std::io::stderr)
        .init();
    let (passed, failed) = match folder::of_run(arguments.dir.as_deref(), "gridveil-replay-") {
        Err(error) => {
            eprintln!("error: no folder for the run: {error}");
            (0, 1)
        }
        Ok((dir, temporary)) => {
            let counted = match run(&arguments, &dir).await {
                Ok(told) => {
                    println!("{}", told.measured.table());
                    println!("{}", told.checks.table());
                    let (passed, failed) = told.checks.count();
                    match arguments.json.as_ref().map_or(Ok(()), |file| told.measured.write(file)) {
                        Ok(()) => (passed, failed),
                        Err(error) => {
                            eprintln!("error: {error}");
                            (passed, failed + 1)
                        }
                    }
                }
                Err(error) => {
                    eprintln!("error: {error}");
                    (0, 1)
                }
            };
            if counted.1 > 0 {
                // What went wrong is in the logs, so they outlive a failed run.
                if let Some(dir) = temporary {
                    eprintln!("the run's files are kept in {}", dir.keep().display());
                }
            }
            counted
        }
    };
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
