//! `gridveil-fuzz`: runs the targets over mutants of their corpora for as long as it is told.
//!
//! Ends with a line for each target. A panic ends it with an error; the input that did it is in the file that was named before.
//!
//! **Privacy.** Keys, readings and bills are made up.

use clap::Parser;
use gridveil_fuzz::{explore, write_seeds, Until, TARGETS};
use std::{io, path::PathBuf, time::Duration};

/// Runs what reads bytes from outside under bytes that nobody meant
#[derive(Debug, Parser)]
#[command(name = "gridveil-fuzz", version)]
struct Arguments {
    /// The targets; all where none is named
    targets: Vec<String>,
    /// How long each runs
    #[arg(long, value_name = "N", default_value_t = 600)]
    seconds: u64,
    /// What the mutants follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Write the inputs that the corpora begin with, where they are missing, and end
    #[arg(long)]
    write_seeds: bool,
    /// The file in which the last input is
    #[arg(long, value_name = "FILE", default_value = "fuzz-last-input")]
    last: PathBuf,
}

fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let named = |name: &str| arguments.targets.is_empty() || arguments.targets.iter().any(|target| target == name);
    let until = Until::After(Duration::from_secs(arguments.seconds));
    for target in TARGETS.iter().filter(|target| named(target.name)) {
        if arguments.write_seeds {
            write_seeds(target)?;
            continue;
        }
        println!("{}: the last input is in {}", target.name, arguments.last.display());
        let tried = explore(target, arguments.seed, until, &arguments.last)?;
        println!(
            "{}: {tried} inputs in {} s and no fault",
            target.name, arguments.seconds
        );
    }
    Ok(())
}
