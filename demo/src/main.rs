//! gridveil's main job as one command: real half-hourly readings go from meters through four aggregators into a finalised
//! chain, are priced, billed and checked.
//!
//! Promises that whatever happens, Ctrl-C included, no process of its own is left behind, and that its last line counts
//! the checks. Leaves everything that the system does to the system's own programs.
//!
//! **Privacy.** Shows one home's bill, because a demo must show one; it is from published, anonymous readings.

mod cli;
mod story;
mod verdict;

use std::{path::Path, process::ExitCode};

use clap::Parser;
use tokio::signal::unix::{signal, SignalKind};
use tracing_subscriber::EnvFilter;

use gridveil_demo::checks::Checks;

use crate::{cli::Arguments, story::StoryError};

/// Runs the story until it ends or the user ends it; dropping it ends its processes.
async fn run(arguments: &Arguments, dir: &Path) -> Result<Checks, StoryError> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = story::run(arguments, dir) => outcome,
        _ = tokio::signal::ctrl_c() => Err(StoryError::Missing("stopped by Ctrl-C".into())),
        _ = terminate.recv() => Err(StoryError::Missing("stopped by SIGTERM".into())),
    }
}

/// The folder of the run: the one asked for, if it is empty, or one that goes with the value returned beside it.
fn folder(arguments: &Arguments) -> std::io::Result<(std::path::PathBuf, Option<tempfile::TempDir>)> {
    match &arguments.dir {
        None => {
            let dir = tempfile::Builder::new().prefix("gridveil-demo-").tempdir()?;
            Ok((dir.path().into(), Some(dir)))
        }
        Some(dir) => {
            std::fs::create_dir_all(dir)?;
            if std::fs::read_dir(dir)?.next().is_some() {
                return Err(std::io::Error::other(format!(
                    "{} is not empty; give --dir an empty folder",
                    dir.display()
                )));
            }
            Ok((dir.canonicalize()?, None))
        }
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error")))
        .with_writer(std::io::stderr)
        .init();
    let (dir, temporary) = match folder(&arguments) {
        Ok(folder) => folder,
        Err(error) => {
            eprintln!("error: no folder for the run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (passed, failed) = match run(&arguments, &dir).await {
        Ok(checks) => {
            println!("{}", checks.table());
            checks.count()
        }
        Err(error) => {
            eprintln!("error: {error}");
            (0, 1)
        }
    };
    if failed > 0 {
        // What went wrong is in the logs, so they outlive a failed run.
        if let Some(dir) = temporary {
            eprintln!("the run's files are kept in {}", dir.keep().display());
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
