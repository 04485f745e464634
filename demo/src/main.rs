//! gridveil's main job as one command: real half-hourly readings go from meters through four aggregators into a finalised
//! chain, are priced, billed and checked.
//!
//! Promises that whatever happens, Ctrl-C included, no process of its own is left behind and no file either, except where
//! a run failed and its logs say why; and that its last line counts the checks. Leaves everything that the system does to
//! the system's own programs.
//!
//! **Privacy.** Shows one home's bill, because a demo must show one; it is from published, anonymous readings.

mod claims;
mod cli;
mod proofs;
mod story;
mod tariff;
mod verdict;

use std::{path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use tempfile::TempDir;
use tokio::signal::unix::{signal, SignalKind};
use tracing_subscriber::EnvFilter;

use gridveil_demo::{checks::Checks, folder};

use crate::{cli::Arguments, story::StoryError};

/// Runs the story until it ends or is stopped; dropping it ends its processes.
async fn run(arguments: &Arguments, dir: &Path) -> Result<Checks, StoryError> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    tokio::select! {
        outcome = story::run(arguments, dir) => outcome,
        _ = interrupt.recv() => Err(StoryError::Stopped("Ctrl-C")),
        _ = terminate.recv() => Err(StoryError::Stopped("SIGTERM")),
        _ = hang_up.recv() => Err(StoryError::Stopped("SIGHUP")),
    }
}

/// Whether something in the run's folder says more about a failure than its message.
fn has_logs(dir: &Path) -> bool {
    std::fs::read_dir(dir.join("logs")).is_ok_and(|mut logs| logs.next().is_some())
}

/// Deletes the run's folder. Processes that were killed a moment ago may not have let go of it.
async fn delete(dir: TempDir) {
    let path = dir.keep();
    for _ in 0..50 {
        match std::fs::remove_dir_all(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                tokio::time::sleep(Duration::from_millis(100)).await
            }
            _ => return,
        }
    }
    eprintln!("{} could not be deleted", path.display());
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error")))
        .with_writer(std::io::stderr)
        .init();
    let (dir, temporary) = match folder::of_run(arguments.dir.as_deref(), "gridveil-demo-") {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("error: no folder for the run: {error}");
            println!("0 passed, 1 failed");
            return ExitCode::FAILURE;
        }
    };
    // What went wrong is in the logs, so they outlive a run that failed.
    let (passed, failed, keep) = match run(&arguments, &dir).await {
        Ok(checks) => {
            println!("{}", checks.table());
            let (passed, failed) = checks.count();
            (passed, failed, failed > 0)
        }
        Err(error) => {
            eprintln!("error: {error}");
            (0, 1, !matches!(error, StoryError::Stopped(_)) && has_logs(&dir))
        }
    };
    match temporary {
        Some(dir) if keep => eprintln!("the run's files are kept in {}", dir.keep().display()),
        Some(dir) => delete(dir).await,
        None => {}
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
