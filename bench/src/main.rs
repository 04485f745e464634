//! What gridveil costs, each figure beside its limit: what the same machine does, in the same run, of the bare arithmetic that
//! the work cannot do without.
//!
//! Promises medians of several rounds in which figure and limit take turns, so that a machine that is busy for a while is busy
//! for both. With `--quick` a part of the figures is measured on smaller inputs, and the run fails where a ratio is worse by a
//! quarter than the one checked in; without it a figure that misses its goal is shown and is no failure of the run. Where something can't be measured, the rest is.
//!
//! **Privacy.** Works on made-up meters and published readings.

mod figure;
mod latency;
mod local;
mod meters;
mod node;
mod opening;
mod programs;
mod stage;
mod transactions;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand, ValueEnum};

use crate::figure::{Baseline, BenchError, Figure};

/// The ratios that `--quick` compares with.
const BASELINE: &str = include_str!("../baseline.json");

/// Measures gridveil and writes target/bench.json.
#[derive(Debug, Parser)]
#[command(name = "gridveil-bench", version)]
struct Arguments {
    /// Measure what takes a minute or two, and compare the ratios with those checked in.
    #[arg(long)]
    quick: bool,

    /// With --quick: write the ratios as the new ones to compare with, into this file.
    #[arg(long, value_name = "FILE", requires = "quick")]
    write_baseline: Option<PathBuf>,

    /// Where the figures go, as JSON.
    #[arg(long, value_name = "FILE", default_value = "target/bench.json")]
    json: PathBuf,

    /// The readings of the month replay.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "../shared/data/readings-halfhourly.csv.gz"
    )]
    readings: PathBuf,

    /// The program that measures the meter on a microcontroller.
    #[arg(long, value_name = "FILE", default_value = "scripts/cortex-m4")]
    cortex_m4: PathBuf,

    /// Measure only this; may be given several times.
    #[arg(long, value_enum, conflicts_with = "quick")]
    only: Vec<Topic>,

    #[command(subcommand)]
    part: Option<Part>,
}

/// What the bench runs in processes of their own.
#[derive(Debug, Subcommand)]
enum Part {
    /// Makes filters for so many meters, and prints the most memory that this took, in bytes.
    #[command(hide = true)]
    FilterMemory {
        /// How many meters.
        meters: u32,
    },
}

/// What can be measured by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Topic {
    /// The meter, batches, the key centre's filters, bills.
    Local,
    /// Blocks on a node with a driven clock, and openings.
    Node,
    /// Shares on four nodes.
    Latency,
    /// The meter on a Cortex-M4.
    Microcontroller,
    /// The month replay.
    Month,
}

/// The figures, and what kept others from being taken.
fn measure(arguments: &Arguments) -> (Vec<Figure>, Vec<BenchError>) {
    let topics: &[Topic] = match (arguments.quick, arguments.only.is_empty()) {
        (true, _) => &[Topic::Local, Topic::Node],
        (false, true) => Topic::value_variants(),
        (false, false) => &arguments.only,
    };
    let (mut figures, mut errors) = (Vec::new(), Vec::new());
    for topic in topics {
        eprintln!("» {topic:?}");
        let taken = match topic {
            Topic::Local => local::measure(arguments.quick),
            Topic::Node => node::measure(arguments.quick),
            Topic::Latency => latency::measure(),
            Topic::Microcontroller => programs::cortex_m4(&arguments.cortex_m4),
            Topic::Month => programs::month(&arguments.readings),
        };
        match taken {
            Ok(taken) => figures.extend(taken),
            Err(error) => errors.push(error),
        }
    }
    (figures, errors)
}

fn write(path: &Path, text: &str) -> Result<(), BenchError> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    Ok(fs::write(path, text)?)
}

fn run(arguments: &Arguments) -> Result<bool, BenchError> {
    if let Some(Part::FilterMemory { meters }) = arguments.part {
        println!("{}", local::filter_memory(meters)?);
        return Ok(true);
    }
    let (figures, errors) = measure(arguments);
    println!("{}", figure::table(&figures));
    write(&arguments.json, &(serde_json::to_string_pretty(&figures)? + "\n"))?;
    for error in &errors {
        eprintln!("error: {error}");
    }
    if !errors.is_empty() {
        return Ok(false);
    }
    if !arguments.quick {
        let missed = figures.iter().filter(|figure| !figure.met()).count();
        println!("{} figures, {missed} of which miss their goals", figures.len());
        return Ok(true);
    }
    if let Some(path) = &arguments.write_baseline {
        write(path, &(serde_json::to_string_pretty(&Baseline::of(&figures))? + "\n"))?;
        return Ok(true);
    }
    let worse = serde_json::from_str::<Baseline>(BASELINE)?.worse(&figures);
    for told in &worse {
        eprintln!("worse: {told}");
    }
    println!(
        "{} figures, {} of which are worse than before",
        figures.len(),
        worse.len()
    );
    Ok(worse.is_empty())
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
