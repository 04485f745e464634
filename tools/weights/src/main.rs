//! Runs the benchmarks of the runtime's pallets, and writes their weights: `scripts/benchmark-weights` builds and starts it.
//!
//! It is to this runtime what `frame-omni-bencher` is to others, which cannot run it: the runtime imports a function of our
//! own. How a benchmark is run and what follows from its times is left to `frame_benchmarking` and to the state that
//! `sc_client_db` has for the purpose. Each benchmark starts from the genesis of a development chain, in memory, and is run
//! once with its own checks before it counts; the time is the thread's (see [`clock`]).
//!
//! **Privacy.** It has no one's data.

mod chain;
mod clock;
mod measure;
mod text;

use chain::{Chain, Failure};
use clap::Parser;
use measure::{measure, Effort};
use std::{fs, path::PathBuf, process::ExitCode};

#[derive(Parser)]
#[command(about = "Measures what the calls, hooks and extensions of the runtime's pallets cost")]
struct Arguments {
    /// The pallets; all if none is named.
    pallets: Vec<String>,
    /// See that each benchmark runs at its least and greatest sizes, and write nothing.
    #[arg(long)]
    quick: bool,
    /// At how many sizes of each component to measure.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..))]
    steps: u32,
    /// How many times at each size.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(3..))]
    repeat: u32,
    /// The folder of the pallets, each with its `src/weights.rs`.
    #[arg(long)]
    folder: PathBuf,
    /// Where and when this runs, for the head of the files.
    #[arg(long)]
    machine: String,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// How many benchmarks failed.
fn run(arguments: &Arguments) -> Result<usize, Failure> {
    let effort = match arguments.quick {
        true => Effort { steps: 2, repeat: 0 },
        false => Effort {
            steps: arguments.steps,
            repeat: arguments.repeat,
        },
    };
    let chain = Chain::new("development")?;
    let (mut lists, storage) = chain.benchmarks()?;
    let name = |pallet: &[u8]| String::from_utf8_lossy(pallet).into_owned();
    for wanted in &arguments.pallets {
        if !lists.iter().any(|list| is_called(&name(&list.pallet), wanted)) {
            return Err(format!("no pallet {wanted} with benchmarks").into());
        }
    }
    lists.retain(|list| {
        let wanted = &arguments.pallets;
        wanted.is_empty() || wanted.iter().any(|wanted| is_called(&name(&list.pallet), wanted))
    });
    let (mut passed, mut failed) = (0usize, 0usize);
    for list in lists {
        let pallet = name(&list.pallet);
        let mut measured = Vec::new();
        let before = failed;
        for benchmark in &list.benchmarks {
            let title = format!("{pallet}::{}", name(&benchmark.name));
            match measure(&chain, effort, &pallet, &list.instance, benchmark, &storage) {
                Ok(result) => {
                    passed += 1;
                    println!("ok      {title}");
                    measured.extend(result);
                }
                Err(failure) => {
                    failed += 1;
                    println!("FAILED  {title}: {failure}");
                }
            }
        }
        if !measured.is_empty() && failed == before {
            let path = arguments.folder.join(short(&pallet)).join("src/weights.rs");
            fs::write(&path, text::weights(&pallet, &measured, effort, &arguments.machine))
                .map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    println!("{passed} passed, {failed} failed");
    Ok(failed)
}

/// The name of a pallet's folder.
fn short(pallet: &str) -> &str {
    pallet.trim_start_matches("pallet_")
}

fn is_called(pallet: &str, wanted: &str) -> bool {
    short(pallet) == short(wanted)
}
