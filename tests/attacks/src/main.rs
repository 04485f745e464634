//! `gridveil-attacks`: known attacks, which work on the paper's scheme and must fail on gridveil.
//!
//! Runs each attack ([`attacks::ATTACKS`] is the list, `docs/security.md` explains them) against a small rendering of the
//! paper's scheme ([`paper`]) and against gridveil's own code: its protocol, its runtime, its bills, its clients' checks.
//! Promises that the last line counts the checks and that a seed gives the same run each time, but for the times measured.
//!
//! **Privacy.** Keys are made up, readings are made up or public.

mod attacks;
mod bounds;
mod cli;
mod forge;
mod meter;
mod paper;
mod report;
mod scene;

// The chain in memory and the homes on it are those of the runtime's own tests.
#[allow(dead_code)]
#[path = "../../../runtime/tests/chain/grid.rs"]
mod grid;
#[allow(dead_code)]
#[path = "../../../runtime/tests/chain/harness.rs"]
mod harness;
#[allow(dead_code)]
#[path = "../../../runtime/tests/chain/keys.rs"]
mod keys;

use std::{path::Path, process::ExitCode, time::Instant};

use clap::Parser;
use gridveil_primitives::hash::blake2b_256;
use rand::{rngs::StdRng, SeedableRng};

use crate::{
    attacks::{Attack, ATTACKS},
    cli::Arguments,
    report::Row,
};

/// An attack's row; what it draws does not depend on which others run.
fn run(attack: &Attack, seed: u64) -> Row {
    let seed = blake2b_256(&[attack.name.as_bytes(), &seed.to_le_bytes()]);
    (attack.run)(&mut StdRng::from_seed(seed))
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if arguments.list {
        for attack in ATTACKS {
            println!("{:<16} {}", attack.name, attack.about);
        }
        return ExitCode::SUCCESS;
    }
    // Meters wait for each write to be on the disk. Where there is a file system in memory, that takes no time.
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        let _ = tempfile::env::override_temp_dir(memory);
    }
    let mut rows = Vec::new();
    for attack in arguments.selection() {
        println!("{}: {}", attack.name, attack.about);
        let began = Instant::now();
        let row = run(attack, arguments.seed);
        row.print();
        println!("  {:.1} s\n", began.elapsed().as_secs_f64());
        rows.push((attack, row));
    }
    println!("{}", report::table(&rows));
    let counts = rows.iter().map(|(_, row)| row.count());
    let (passed, failed) = counts.fold((0, 0), |(passed, failed), (more, worse)| {
        (passed + more, failed + worse)
    });
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
