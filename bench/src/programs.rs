//! What other programs measure: the meter on a microcontroller, and the month replay.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use gridveil_demo::process::program;
use serde::Deserialize;

use crate::figure::{BenchError, Figure, Goal};

/// The board's flash and RAM, in bytes.
const BOARD: (f64, f64) = (1_048_576.0, 131_072.0);
/// How long a month may take, in seconds.
const MONTH: f64 = 600.0;
/// The most memory of the node, in bytes.
const NODE: f64 = 2_147_483_648.0;
/// The most of the database for each share, in bytes.
const PER_SHARE: f64 = 250.0;

#[derive(Deserialize)]
struct OnDevice {
    period_instructions: f64,
    multiplication_instructions: f64,
    signature_instructions: f64,
    flash_bytes: f64,
    variables_bytes: f64,
    stack_bytes: f64,
    heap_bytes: f64,
}

/// One period on a Cortex-M4.
pub fn cortex_m4(script: &Path) -> Result<Vec<Figure>, BenchError> {
    let output = Command::new(script).arg("--json").stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(BenchError::Wrong(format!(
            "{} ended with {}",
            script.display(),
            output.status
        )));
    }
    let found: OnDevice = serde_json::from_slice(&output.stdout)?;
    Ok(vec![
        Figure {
            name: "Cortex-M4: one period, against two multiplications and two signatures",
            value: found.period_instructions,
            unit: "instructions",
            limit: 2.0 * (found.multiplication_instructions + found.signature_instructions),
            goal: Goal::AtMost(1.1),
        },
        Figure {
            name: "Cortex-M4: flash, against an STM32F405's",
            value: found.flash_bytes,
            unit: "bytes",
            limit: BOARD.0,
            goal: Goal::AtMost(0.25),
        },
        Figure {
            name: "Cortex-M4: RAM, against an STM32F405's",
            value: found.variables_bytes + found.stack_bytes + found.heap_bytes,
            unit: "bytes",
            limit: BOARD.1,
            goal: Goal::AtMost(0.25),
        },
    ])
}

#[derive(Deserialize)]
struct Month {
    seconds: f64,
    node_memory: f64,
    shares: f64,
    database: f64,
    database_indexes: f64,
}

/// All homes of a file through a month.
pub fn month(readings: &Path) -> Result<Vec<Figure>, BenchError> {
    let file = tempfile::NamedTempFile::new()?;
    let status = Command::new(program("replay-month")?)
        .arg("--readings")
        .arg(readings)
        .arg("--json")
        .arg(file.path())
        .status()?;
    if !status.success() {
        return Err(BenchError::Wrong(format!("the month replay ended with {status}")));
    }
    let found: Month = serde_json::from_slice(&std::fs::read(file.path())?)?;
    Ok(vec![
        Figure {
            name: "month replay, against ten minutes",
            value: found.seconds,
            unit: "s",
            limit: MONTH,
            goal: Goal::AtMost(1.0),
        },
        Figure {
            name: "month replay: the node's memory, against 2 GiB",
            value: found.node_memory,
            unit: "bytes",
            limit: NODE,
            goal: Goal::AtMost(1.0),
        },
        Figure {
            name: "month replay: the database for each share",
            value: found.database / found.shares,
            unit: "bytes",
            limit: PER_SHARE,
            goal: Goal::AtMost(1.0),
        },
        Figure {
            name: "month replay: the same without the database's indexes",
            value: (found.database - found.database_indexes) / found.shares,
            unit: "bytes",
            limit: PER_SHARE,
            goal: Goal::AtMost(1.0),
        },
    ])
}
