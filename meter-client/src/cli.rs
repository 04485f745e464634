//! The command line: what can be asked of `meter-client`, and nothing about how it is done.
//!
//! **Privacy.** No secret can be given as an argument, where other users of the machine would see it.

use clap::{Parser, Subcommand};
use gridveil_meter_client::config::{By, SourceConfig};
use gridveil_primitives::{CycleId, PeriodIndex};
use std::path::PathBuf;

/// A smart meter of gridveil, and its owner
#[derive(Debug, Parser)]
#[command(name = "meter-client", version)]
pub struct Cli {
    /// The state directory of the meter
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "GRIDVEIL_METER_DIR",
        default_value = "gridveil-meter"
    )]
    pub dir: PathBuf,
    /// The configuration file; meter.toml in the state directory, if it is there, where none is named
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    pub json: bool,
    /// Write the log as JSON, one object a line
    #[arg(long, global = true)]
    pub json_log: bool,
    /// The WebSocket addresses of the nodes, the region's aggregator first
    #[arg(
        long,
        global = true,
        value_name = "URL,URL...",
        env = "GRIDVEIL_NODES",
        value_delimiter = ','
    )]
    pub nodes: Vec<String>,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Enrol the meter with the key centre
    #[command(subcommand)]
    Enrol(Enrol),
    /// Take readings and send them, period by period
    Run(Run),
    /// Show how far the meter has come
    Status,
    /// List, fetch, check and open bills
    Bill {
        /// Where bills are: the http:// address of a Kubo RPC, or a directory
        #[arg(long, global = true, value_name = "SPEC")]
        store: Option<String>,
        /// What to do
        #[command(subcommand)]
        command: Bill,
    },
    /// Write what lets an auditor read some periods of this meter from the chain, and no others
    Disclose {
        /// The cycle
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// The first period, counted from 0
        #[arg(long, value_name = "K")]
        from: PeriodIndex,
        /// The last period
        #[arg(long, value_name = "K")]
        to: PeriodIndex,
        /// The file to write it to; it is as secret as the readings
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The age identity file that the cycle's seeds are sealed to; the meter's own if not given
        #[arg(long, value_name = "FILE")]
        identity: Option<PathBuf>,
    },
    /// Read the periods that a meter's owner disclosed, from the chain
    Auditor {
        /// What `disclose` wrote
        file: PathBuf,
    },
    /// Check a receipt, without a node
    #[command(subcommand)]
    Receipt(Receipt),
}

/// The two steps of enrolment.
#[derive(Debug, Subcommand)]
pub enum Enrol {
    /// Make the meter's keys, and the request for the key centre
    Request {
        /// The meter's name in the key centre's ledger
        #[arg(long)]
        label: String,
        /// The file to write the request to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Accept the key centre's response
    Accept {
        /// The response
        file: PathBuf,
    },
}

/// How to run.
#[derive(Debug, clap::Args)]
pub struct Run {
    /// Where readings come from
    #[command(flatten)]
    pub source: SourceConfig,
    /// How shares are sent; directly, where neither this nor the configuration file says
    #[arg(long, value_name = "WAY")]
    pub by: Option<By>,
    /// Run this cycle and end; without it, the meter's present cycle and then those that follow
    #[arg(long, value_name = "C")]
    pub cycle: Option<CycleId>,
    /// End when the first cycle is done
    #[arg(long)]
    pub until_cycle_end: bool,
}

/// What to do with bills.
#[derive(Debug, Subcommand)]
pub enum Bill {
    /// List the bills that the chain has for this meter's user
    List,
    /// Fetch a bill and keep it, encrypted
    Fetch {
        /// The bill's cycle
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// The file to keep it in; in the state directory if not given
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Check a bill against the chain and the meter
    Verify {
        /// Which bill
        #[command(flatten)]
        bill: Which,
    },
    /// Write a receipt: proof that the consortium finalised this bill, for whoever knows the consortium and asks no node
    Receipt {
        /// The bill's cycle
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// The file to write the receipt to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Decrypt a bill to an HTML page, without checking it
    Open {
        /// Which bill
        #[command(flatten)]
        bill: Which,
        /// The file to write the page to
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

/// What to do with receipts.
#[derive(Debug, Subcommand)]
pub enum Receipt {
    /// Check that a receipt proves what it says, from files alone
    Check {
        /// The receipt
        file: PathBuf,
        /// The genesis hash of the chain, in hexadecimal
        #[arg(long, value_name = "HASH", value_parser = hash)]
        genesis: [u8; 32],
        /// Who finalises: the file that `grid-operator consortium authorities` printed, from a member whom you believe
        #[arg(long, value_name = "FILE")]
        authorities: PathBuf,
        /// The encrypted bill, to be compared as well
        #[arg(long, value_name = "FILE")]
        bill: Option<PathBuf>,
    },
}

/// A hash in hexadecimal, with or without 0x.
fn hash(text: &str) -> Result<[u8; 32], hex::FromHexError> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text.trim_start_matches("0x"), &mut bytes)?;
    Ok(bytes)
}

/// Which bill, and the key to it.
#[derive(Debug, clap::Args)]
pub struct Which {
    /// The bill's cycle
    #[arg(long, value_name = "C")]
    pub cycle: CycleId,
    /// Take the encrypted bill from this file, not from the state directory or the store
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// An age identity file to decrypt with; the meter's own if not given
    #[arg(long, value_name = "FILE")]
    pub identity: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_flags_may_stand_before_and_after_the_command() {
        for line in [
            "meter-client --dir d --json --nodes a,b bill --store s verify --cycle 3 --file f",
            "meter-client bill verify --cycle 3 --file f --store s --dir d --json --nodes a,b",
        ] {
            let cli = Cli::parse_from(line.split(' '));
            assert!(cli.json && cli.dir.ends_with("d") && cli.nodes == ["a", "b"]);
            let Command::Bill {
                store: Some(store),
                command: Bill::Verify { bill },
            } = cli.command
            else {
                panic!("another command")
            };
            assert!(store == "s" && bill.cycle == 3 && bill.file.is_some());
        }
    }

    #[test]
    fn a_day_and_a_start_exclude_each_other() {
        let line = "meter-client run --source csv --csv f --meter M --day 2013-01-18";
        assert!(Cli::try_parse_from(line.split(' ')).is_ok());
        let both = format!("{line} --start 2013-01-18T08:00:00Z");
        assert!(Cli::try_parse_from(both.split(' ')).is_err());
    }
}
