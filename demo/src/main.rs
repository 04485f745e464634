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
mod dashboard;
mod logs;
mod proofs;
mod story;
mod tariff;
mod verdict;

use std::{path::Path, process::ExitCode, time::Duration};

use clap::Parser;
use tempfile::TempDir;
use tokio::signal::unix::{signal, Signal, SignalKind};
use tracing_subscriber::EnvFilter;

use gridveil_demo::folder;

use crate::{
    cli::Arguments,
    story::{End, StoryError},
};

/// The signals that end the program; listened to from its start on, so that none ends it before its processes.
struct Signals([(Signal, &'static str); 3]);

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self([
            (signal(SignalKind::interrupt())?, "Ctrl-C"),
            (signal(SignalKind::terminate())?, "SIGTERM"),
            (signal(SignalKind::hangup())?, "SIGHUP"),
        ]))
    }

    /// The next one's name.
    async fn next(&mut self) -> &'static str {
        let [interrupt, terminate, hang_up] = &mut self.0;
        tokio::select! {
            _ = interrupt.0.recv() => interrupt.1,
            _ = terminate.0.recv() => terminate.1,
            _ = hang_up.0.recv() => hang_up.1,
        }
    }
}

/// Runs the story until it ends or is stopped; dropping it ends its processes.
async fn run(arguments: &Arguments, dir: &Path, signals: &mut Signals) -> Result<End, StoryError> {
    tokio::select! {
        outcome = story::run(arguments, dir) => outcome,
        name = signals.next() => Err(StoryError::Stopped(name)),
    }
}

/// Shows what was checked, and what stays up until a signal ends it; returns how many checks hold and how many don't.
async fn end(end: End, signals: &mut Signals) -> (usize, usize) {
    println!("{}", end.checks.table());
    let (passed, failed) = end.checks.count();
    let Some(kept) = end.kept else {
        println!("./scripts/demo --keep leaves the network up, with the dashboard over it");
        return (passed, failed);
    };
    println!("{kept}");
    println!("Stopped by {}", signals.next().await);
    match kept.stop().await {
        Ok(()) => (passed, failed),
        Err(error) => {
            eprintln!("error: {error}");
            (passed, failed + 1)
        }
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
    let told = match Signals::listen() {
        Ok(mut signals) => match run(&arguments, &dir, &mut signals).await {
            Ok(told) => Ok(end(told, &mut signals).await),
            Err(error) => Err(error),
        },
        Err(error) => Err(error.into()),
    };
    // What went wrong is in the logs, so they outlive a run that failed.
    let (passed, failed, keep) = match told {
        Ok((passed, failed)) => (passed, failed, failed > 0),
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
