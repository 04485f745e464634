//! The command line.
//!
//! **Privacy.** Takes names of files, never a key.

use std::{ops::Range, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use gridveil_primitives::{CycleId, PeriodIndex, RegionId, PERIODS_PER_CYCLE};

use crate::{consortium::cli::ConsortiumArgs, key_centre::schedule::Start};

/// The key centre and the control centre of a gridveil grid, the members of its consortium, and its auditors.
///
/// Each command can be stopped at any moment and given again: it carries on where it was. Messages go to the standard
/// error; set RUST_LOG for more of them.
#[derive(Parser, Debug)]
#[command(version)]
pub struct Cli {
    /// A TOML file with settings; flags win over it.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Write results as JSON, one object a line, to the standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// Write messages as JSON, one object a line.
    #[arg(long, global = true)]
    pub json_log: bool,
    /// The nodes to use, most preferred first [default: ws://127.0.0.1:9944].
    #[arg(long, global = true, value_name = "URL", value_delimiter = ',')]
    pub nodes: Vec<String>,
    /// Who is at work.
    #[command(subcommand)]
    pub role: Role,
}

/// Those who work on a grid.
#[derive(Subcommand, Debug)]
pub enum Role {
    /// Enrols meters, publishes filters and mask commitments, finds faulty meters, bills.
    KeyCentre(KeyCentreArgs),
    /// Sets prices.
    ControlCentre(ControlCentreArgs),
    /// Forms and finalises blocks, and decides by vote on members, roles, regions and upgrades.
    Consortium(ConsortiumArgs),
    /// Compares what a cycle's bills add up to with the totals at their prices. Needs no key; ends with 1 where they differ.
    Audit {
        /// The cycle.
        #[arg(long, value_name = "C")]
        cycle: CycleId,
    },
}

/// The key centre's part of the command line.
#[derive(Args, Debug)]
pub struct KeyCentreArgs {
    /// The directory of the root key and the ledger.
    #[arg(long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The file with the secret URI of the key centre's account; only its owner may read it.
    #[arg(long, global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// The file with the age identity that unlocks the root key, best kept on another medium; `init` makes it.
    #[arg(long, global = true, value_name = "FILE")]
    pub unlock_key: Option<PathBuf>,
    /// The file with the passphrase that unlocks the root key instead; - asks for it, or reads the standard input.
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: KeyCentreCommand,
}

/// The key centre's commands.
#[derive(Subcommand, Debug)]
pub enum KeyCentreCommand {
    /// Make the root key, encrypted, and the ledger.
    Init,
    /// Encrypt a root key that an older version of this program made.
    Protect,
    /// Copy root key and ledger into a new directory, while other commands are at work, too.
    Backup {
        /// The directory; it must not be there yet, or be empty.
        #[arg(value_name = "BACKUP")]
        to: PathBuf,
    },
    /// Make --dir from a backup.
    Restore {
        /// The backup.
        #[arg(value_name = "BACKUP")]
        from: PathBuf,
    },
    /// Enrol meters from their requests, register their users on chain, and write sealed responses.
    Enrol {
        /// One request.
        #[arg(
            long,
            value_name = "FILE",
            conflicts_with = "request_dir",
            required_unless_present = "request_dir"
        )]
        request: Option<PathBuf>,
        /// A directory of requests; those that end in .json are read.
        #[arg(long, value_name = "DIR")]
        request_dir: Option<PathBuf>,
        /// The region that the meters count in.
        #[arg(long, value_name = "R")]
        region: RegionId,
        /// The first cycle in which they take part.
        #[arg(long, value_name = "C")]
        first_cycle: CycleId,
        /// Where to write a response for each, as BID.response.age.
        #[arg(long, value_name = "DIR")]
        response_dir: PathBuf,
    },
    /// Schedule the next cycle.
    Schedule {
        /// The cycle's number.
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// When it starts: +SECONDS from the chain's clock, or milliseconds since the Unix epoch.
        #[arg(long, value_name = "WHEN", allow_hyphen_values = true)]
        start: Start,
        /// The length of a period, in milliseconds.
        #[arg(long, value_name = "MS", default_value_t = 1_800_000)]
        period_ms: u64,
        /// How long after a period's end its shares are taken, in milliseconds.
        #[arg(long, value_name = "MS", default_value_t = 1_800_000)]
        window_ms: u64,
        /// How many periods it has.
        #[arg(long, value_name = "N", default_value_t = PERIODS_PER_CYCLE)]
        periods: PeriodIndex,
    },
    /// Publish a cycle's filters and manifests, before its periods open.
    Publish {
        /// The cycle.
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// A region; may be given several times [default: all that have meters].
        #[arg(long, value_name = "R")]
        region: Vec<RegionId>,
        /// The periods whose manifests to publish, up to and without the last [default: all].
        #[arg(long, value_name = "A..B", value_parser = span)]
        periods: Option<Range<PeriodIndex>>,
    },
    /// Take meters out, from a day of a cycle on; then `publish` what follows anew, before that day begins.
    Eliminate {
        /// A meter's label; may be given several times.
        #[arg(long, value_name = "LABEL", required = true)]
        meter: Vec<String>,
        /// The cycle.
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// The day, counted from 0, each of 48 periods [default: the whole cycle, which must not be published yet].
        #[arg(long, value_name = "D")]
        from_day: Option<PeriodIndex>,
    },
    /// Put a new meter in the place of a lost one, from a day of a cycle on; then `publish` what follows anew, before that
    /// day begins. Either meter gets a bill for its days.
    Replace {
        /// The lost meter's label.
        #[arg(long, value_name = "LABEL")]
        meter: String,
        /// The new meter's request.
        #[arg(long, value_name = "FILE")]
        request: PathBuf,
        /// The cycle.
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// The day, counted from 0, each of 48 periods.
        #[arg(long, value_name = "D")]
        from_day: PeriodIndex,
        /// Where to write the response, as BID.response.age.
        #[arg(long, value_name = "DIR")]
        response_dir: PathBuf,
    },
    /// Follow a cycle: find faulty meters, open or withhold the mask sum of each period that has closed.
    Watch {
        /// The cycle.
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// A region; may be given several times [default: all that have meters].
        #[arg(long, value_name = "R")]
        region: Vec<RegionId>,
        /// End once every period of the cycle is opened or withheld.
        #[arg(long)]
        until_closed: bool,
    },
    /// Bill a cycle that has closed and is priced.
    Bill {
        /// The cycle.
        #[arg(long, value_name = "C")]
        cycle: CycleId,
        /// Where bills are kept: a directory, or the http:// address of an IPFS daemon's RPC.
        #[arg(long, value_name = "SPEC")]
        store: Option<String>,
        /// The currency of the prices.
        #[arg(long, value_name = "CODE")]
        currency: Option<String>,
    },
    /// List the faults found, by meter.
    Faults {
        /// The cycle [default: all].
        #[arg(long, value_name = "C")]
        cycle: Option<CycleId>,
    },
    /// Show how far the ledger and the chain are.
    Status {
        /// The cycle [default: the latest].
        #[arg(long, value_name = "C")]
        cycle: Option<CycleId>,
    },
}

/// The control centre's part of the command line.
#[derive(Args, Debug)]
pub struct ControlCentreArgs {
    /// A directory in which decided prices are kept [default: none are].
    #[arg(long, global = true, value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// The file with the secret URI of the control centre's account; only its owner may read it.
    #[arg(long, global = true, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: ControlCentreCommand,
}

/// The control centre's commands.
#[derive(Subcommand, Debug)]
pub enum ControlCentreCommand {
    /// Follow the chain and price each period whose total was opened.
    Run {
        /// The tariff.
        #[arg(long, value_name = "FILE")]
        tariff: Option<PathBuf>,
        /// The cycle [default: all].
        #[arg(long, value_name = "C")]
        cycle: Option<CycleId>,
        /// End once every period of the cycle has a price.
        #[arg(long, requires = "cycle")]
        until_priced: bool,
    },
}

impl Cli {
    /// Whether the command ends only when it is stopped.
    pub fn is_endless(&self) -> bool {
        match &self.role {
            Role::KeyCentre(args) => matches!(
                args.command,
                KeyCentreCommand::Watch {
                    until_closed: false,
                    ..
                }
            ),
            Role::ControlCentre(args) => {
                matches!(
                    args.command,
                    ControlCentreCommand::Run {
                        until_priced: false,
                        ..
                    }
                )
            }
            Role::Consortium(_) | Role::Audit { .. } => false,
        }
    }
}

fn span(text: &str) -> Result<Range<PeriodIndex>, String> {
    let parsed = text
        .split_once("..")
        .and_then(|(from, to)| Some(from.parse().ok()?..to.parse().ok()?));
    parsed
        .filter(|span| !span.is_empty())
        .ok_or_else(|| "write two periods as 0..48, the second one larger".into())
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
    fn flags_may_stand_before_and_after_the_command() {
        let line = "grid-operator --json key-centre --dir d watch --cycle 3 --key-file k --nodes ws://a,ws://b";
        let cli = Cli::parse_from(line.split(' '));
        assert_eq!(cli.nodes, ["ws://a", "ws://b"]);
        assert!(cli.json && cli.is_endless());
        let Role::KeyCentre(args) = cli.role else {
            panic!("another role")
        };
        assert_eq!((args.dir, args.key_file), (Some("d".into()), Some("k".into())));
    }

    #[test]
    fn spans_and_starts_are_understood_or_refused() {
        assert_eq!(span("0..48"), Ok(0..48));
        for text in ["", "48", "5..5", "9..5", "a..b", "0..70000", "..4"] {
            assert!(span(text).is_err(), "{text}");
        }
        assert_eq!("+30".parse(), Ok(Start::In(30)));
        assert_eq!("1358467200000".parse(), Ok(Start::At(1_358_467_200_000)));
        for text in ["", "+", "soon", "-5", "+-5"] {
            assert!(text.parse::<Start>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_enrolment_needs_either_a_file_or_a_directory() {
        let enrol = |given: &str| {
            let rest = "--region 1 --first-cycle 0 --response-dir r";
            Cli::try_parse_from(format!("grid-operator key-centre enrol {given} {rest}").split_whitespace())
        };
        assert!(enrol("--request a").is_ok());
        assert!(enrol("--request-dir a").is_ok());
        assert!(enrol("").is_err());
        assert!(enrol("--request a --request-dir b").is_err());
    }

    #[test]
    fn only_whole_months_are_left_without_a_day() {
        let parse = |rest: &str| Cli::try_parse_from(format!("grid-operator key-centre {rest}").split_whitespace());
        assert!(parse("eliminate --meter a --meter b --cycle 3").is_ok());
        assert!(parse("eliminate --meter a --cycle 3 --from-day 12").is_ok());
        assert!(parse("eliminate --cycle 3").is_err());
        assert!(parse("replace --meter a --request r --cycle 3 --from-day 12 --response-dir d").is_ok());
        assert!(parse("replace --meter a --request r --cycle 3 --response-dir d").is_err());
    }

    #[test]
    fn a_run_that_is_to_end_needs_its_cycle() {
        let run =
            |rest: &str| Cli::try_parse_from(format!("grid-operator control-centre run {rest}").split_whitespace());
        assert!(run("--tariff t").unwrap().is_endless());
        assert!(run("--tariff t --until-priced").is_err());
        assert!(!run("--tariff t --until-priced --cycle 0").unwrap().is_endless());
    }
}
