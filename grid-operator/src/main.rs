//! `grid-operator`: the command line of the key centre, the control centre, the consortium's members, and auditors.
//!
//! Ends with 0 when the command is done (or, where it has no end of its own, when it is stopped), with 1 when it
//! failed, and with 130 when a signal stopped it half way; given again, it then carries on.
//!
//! **Privacy.** Prints no secret, whatever fails.

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
};

use clap::Parser;
use gridveil_grid_operator::{cli::Cli, commands, error::Error, output::Output};
use tokio::signal::unix::{signal, SignalKind};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr);
    if cli.json_log {
        log.json().init();
    } else {
        log.with_ansi(io::stderr().is_terminal()).init();
    }
    let (json, endless) = (cli.json, cli.is_endless());
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        tokio::select! {
            result = commands::run(cli) => result,
            () = stopped() => Err(Error::Stopped),
        }
    });
    // A thread that still computes must not hold up the end: what counts is on disk.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Error::Stopped) if endless => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            if json {
                Output { json }.result(&serde_json::json!({ "error": error.to_string() }), String::new);
            }
            if matches!(error, Error::Stopped) {
                ExitCode::from(130)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

/// Waits for Ctrl-C or SIGTERM; for ever, if the system does not let us listen.
async fn stopped() {
    match (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}
