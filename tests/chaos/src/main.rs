//! `gridveil-chaos`: what a consortium of gridveil survives, shown on real nodes.
//!
//! Starts networks of node processes with meters that submit all the while, breaks one thing at a time, and checks what the
//! chain promises ([`scenarios::SCENARIOS`] is the list, `docs/consensus.md` what an operator makes of it). Promises that the
//! last line counts the checks, that nothing it started outlives it, whatever ends it, and that the nodes' logs are kept and
//! named when something failed. Asks nothing of the machine but what scripts/chaos installs, and says what it could not do.
//!
//! **Privacy.** Development keys and made-up readings, on a network that ends at this machine.

mod chains;
mod cli;
mod compiled;
mod error;
mod faults;
mod grid;
mod ground;
mod load;
mod measure;
mod members;
mod mesh;
mod nest;
mod observer;
mod proxy;
mod report;
mod rpc;
mod scenarios;
mod short;
mod verdict;
mod votes;

use std::{
    io::IsTerminal,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Parser;
use gridveil_demo::process::Invocation;
use tokio::signal::unix::{signal, SignalKind};
use tracing_subscriber::EnvFilter;

use crate::{
    cli::Arguments,
    error::ChaosError,
    ground::{Ground, Run},
    report::Report,
    scenarios::{SCENARIOS, SHORT},
};

/// Runs what was asked for, one after the other; each report is entered in `reports` when its scenario has ended.
async fn run_all(arguments: &Arguments, nested: bool, dir: &Path, reports: &mut Vec<Report>) -> Result<(), ChaosError> {
    if nested {
        // libfaketime leaves files here, which are to go with the run.
        let mount = Invocation::new("mount", Path::new("mount"), dir).option("-t", "tmpfs");
        mount
            .arg("tmpfs")
            .arg("/dev/shm")
            .run(std::time::Duration::from_secs(10))
            .await?;
    }
    let ground = Ground::new(nested, dir)?;
    if arguments.short {
        return short::run_all(&ground, arguments, reports).await;
    }
    for (scenario, members) in arguments.selection() {
        println!("{}, {members} members: {}", scenario.name, scenario.about);
        let mut run = Run::new(&ground, scenario.name, members, arguments.seed)?;
        if let Err(error) = scenario.run(&mut run).await {
            run.report.check("the scenario runs to its end", Err(error.to_string()));
        }
        run.report.close();
        reports.push(run.report);
    }
    Ok(())
}

/// Runs everything until it ends or is ended; dropping it ends its processes.
async fn run(arguments: &Arguments, nested: bool, dir: &Path) -> ExitCode {
    let mut reports = Vec::new();
    let outcome = async {
        let mut terminate = signal(SignalKind::terminate())?;
        let outside = async {
            match nested.then(nest::outside_is_gone) {
                Some(told) => {
                    // The sender goes away only after it has sent.
                    let _ = told.await;
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            outcome = run_all(arguments, nested, dir, &mut reports) => outcome,
            _ = tokio::signal::ctrl_c() => Err(ChaosError::Stopped("Ctrl-C")),
            _ = terminate.recv() => Err(ChaosError::Stopped("SIGTERM")),
            () = outside => Err(ChaosError::Stopped("a signal to the process outside")),
        }
    };
    let outcome = outcome.await;
    let (passed, mut failed) = report::total(&reports);
    if let Err(error) = &outcome {
        eprintln!("error: {error}");
        failed += 1;
    }
    let skipped = reports.iter().filter(|report| report.is_skipped()).count();
    if skipped > 0 {
        println!("{skipped} scenarios were skipped, for the reasons above");
    }
    if let Some(file) = &arguments.json {
        let written = serde_json::to_vec_pretty(&reports).map_err(std::io::Error::other);
        if let Err(error) = written.and_then(|json| std::fs::write(file, json)) {
            eprintln!("error: can't write {}: {error}", file.display());
            failed += 1;
        }
    }
    if failed > 0 {
        eprintln!("the nodes' logs are below {}", dir.display());
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs everything in namespaces where the machine allows it, else without.
async fn run_outside(arguments: &Arguments) -> ExitCode {
    let dir = match tempfile::Builder::new().prefix("gridveil-chaos-").tempdir() {
        Ok(dir) => dir,
        Err(error) => {
            eprintln!("error: no folder for the run: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = match nest::options().await {
        Ok(options) => match nest::run(&options, dir.path()).await {
            Ok(status) if status.success() => ExitCode::SUCCESS,
            Ok(status) if status.code().is_some() => ExitCode::FAILURE,
            Ok(status) => {
                eprintln!("error: the run was ended by {status}");
                ExitCode::FAILURE
            }
            Err(error) => {
                eprintln!("error: the run can't be started in its namespaces: {error}");
                ExitCode::FAILURE
            }
        },
        Err(cause) => {
            println!("No namespaces can be made here ({cause}): all nodes share this machine's loopback.");
            run(arguments, false, dir.path()).await
        }
    };
    if code != ExitCode::SUCCESS {
        // What went wrong is in the logs, so they outlive the run; it has said where they are.
        let _kept: PathBuf = dir.keep();
    }
    code
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error")))
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    if arguments.list {
        for scenario in SCENARIOS {
            let sizes: Vec<String> = scenario.sizes.iter().map(ToString::to_string).collect();
            let short = if SHORT.contains(&scenario.name) { " (short)" } else { "" };
            println!("{:<20} {:<4} {}{short}", scenario.name, sizes.join(","), scenario.about);
        }
        return ExitCode::SUCCESS;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: no runtime: {error}");
            return ExitCode::FAILURE;
        }
    };
    runtime.block_on(async {
        match &arguments.nested {
            Some(dir) => run(&arguments, true, dir).await,
            None => run_outside(&arguments).await,
        }
    })
}
