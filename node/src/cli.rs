//! The command line: the standard Substrate one, with defaults where meters need other ones.
//!
//! **Privacy.** Secrets go in files (`--node-key-file`, the keystore under `--base-path`); the standard flags that take
//! one on the command line (`--node-key`, `key insert --suri`) are for tests.

use crate::{chain_spec, compile::CompileRuntimeCmd, vote::LeaderChoice};
use sc_cli::SubstrateCli;
use sc_storage_monitor::StorageMonitorParams;

/// `gridveil-node [FLAGS]` runs a node, `gridveil-node COMMAND` looks after its chain and keys.
///
/// Three defaults differ from the stock ones:
///
/// - `--tx-ban-seconds 3` instead of half an hour. The pool refuses the same bytes again for that long, and a share
///   that a fast clock sent too early is, after a moment, the same share and right.
/// - `--pool-limit 32768` instead of 8192: at 1,111 shares a second (a million meters) that is half a minute of them,
///   about 5 MB.
/// - `--rpc-max-connections 4096` instead of 100: a region of a thousand meters keeps as many connections to its aggregator,
///   and each of its meters asks a second node, or a third, whether its shares are final.
#[derive(Debug, clap::Parser)]
#[command(
    mut_arg("tx_ban_seconds", |arg| arg.default_value("3")),
    mut_arg("pool_limit", |arg| arg.default_value("32768")),
    mut_arg("rpc_max_connections", |arg| arg.default_value("4096"))
)]
pub struct Cli {
    /// What to do instead of running a node.
    #[command(subcommand)]
    pub subcommand: Option<Subcommand>,

    /// How to run the node.
    #[command(flatten)]
    pub run: sc_cli::RunCmd,

    /// What is gridveil's own in running it.
    #[command(flatten)]
    pub settings: Settings,
}

/// What a gridveil node can be told beside what every Substrate node can.
#[derive(Clone, Debug, clap::Args)]
pub struct Settings {
    /// Whom this node's member votes for as the next leader: an account (SS58, or 0x and hexadecimal), `best` for the
    /// authority with the best record on chain, `off` for nobody.
    #[arg(long, value_name = "ACCOUNT|best|off", default_value_t)]
    pub leader_vote: LeaderChoice,

    /// Make a block whenever `driven_seal` asks for one, at the moment that it names, and never by itself: for replays and
    /// measurements on a development chain.
    #[arg(long)]
    pub driven_clock: bool,

    /// When to stop for want of disk space: before the database can't be written any more.
    #[command(flatten)]
    pub storage_monitor: StorageMonitorParams,
}

/// The commands beside running a node.
#[derive(Debug, clap::Subcommand)]
pub enum Subcommand {
    /// Makes and shows keys, and puts them into the node's keystore.
    #[command(subcommand)]
    Key(sc_cli::KeySubcommand),

    /// Compiles a runtime ahead of the upgrade that brings it, and prints its version and hash.
    CompileRuntime(CompileRuntimeCmd),

    /// Writes a chain spec as JSON, in plain or in raw form.
    ExportChainSpec(sc_cli::ExportChainSpecCmd),

    /// Prints the best and the last finalised block of the database.
    ChainInfo(sc_cli::ChainInfoCmd),

    /// Executes a block of the database again and compares the result.
    CheckBlock(sc_cli::CheckBlockCmd),

    /// Writes blocks to a file.
    ExportBlocks(sc_cli::ExportBlocksCmd),

    /// Writes the state at a block as a raw chain spec.
    ExportState(sc_cli::ExportStateCmd),

    /// Reads blocks from a file, executing each.
    ImportBlocks(sc_cli::ImportBlocksCmd),

    /// Removes the chain's database; keys and the node's identity stay.
    PurgeChain(sc_cli::PurgeChainCmd),

    /// Takes the chain back by some blocks, at most to the last finalised one.
    Revert(sc_cli::RevertCmd),
}

impl SubstrateCli for Cli {
    fn impl_name() -> String {
        "gridveil node".into()
    }

    fn impl_version() -> String {
        env!("SUBSTRATE_CLI_IMPL_VERSION").into()
    }

    fn description() -> String {
        "Runs one aggregator of a gridveil consortium, or a full node that follows it".into()
    }

    fn author() -> String {
        "the gridveil authors".into()
    }

    fn support_url() -> String {
        concat!(env!("CARGO_PKG_REPOSITORY"), "/issues").into()
    }

    fn copyright_start_year() -> i32 {
        2026
    }

    fn load_spec(&self, id: &str) -> Result<Box<dyn sc_cli::ChainSpec>, String> {
        chain_spec::load(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{CommandFactory, Parser};

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_refused_share_may_come_back_after_three_seconds() {
        let cli = Cli::parse_from(["gridveil-node"]);
        assert_eq!(cli.run.pool_config.tx_ban_seconds, Some(3));
        assert_eq!(cli.run.pool_config.pool_limit, 32_768);
    }

    #[test]
    fn a_region_of_a_thousand_meters_finds_room() {
        let cli = Cli::parse_from(["gridveil-node"]);
        assert_eq!(cli.run.rpc_params.rpc_max_connections, 4_096);
        let fewer = Cli::parse_from(["gridveil-node", "--rpc-max-connections", "7"]);
        assert_eq!(fewer.run.rpc_params.rpc_max_connections, 7);
    }

    #[test]
    fn the_vote_goes_to_the_best_record_unless_the_operator_says_otherwise() {
        let vote = |args: &[&str]| {
            Cli::parse_from([&["gridveil-node"][..], args].concat())
                .settings
                .leader_vote
        };
        assert_eq!(vote(&[]), LeaderChoice::Best);
        assert_eq!(vote(&["--leader-vote", "off"]), LeaderChoice::Off);
        let account = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY";
        let chosen = vote(&["--leader-vote", account]);
        assert_eq!(chosen, LeaderChoice::Account(account.parse().unwrap()));
    }

    #[test]
    fn a_vote_for_something_that_is_no_account_is_refused_with_the_choices() {
        let error = Cli::try_parse_from(["gridveil-node", "--leader-vote", "alice"]).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("`alice` is neither an account (an SS58 address"),
            "{error}"
        );
    }

    #[test]
    fn the_operator_can_say_otherwise() {
        let cli = Cli::parse_from(["gridveil-node", "--tx-ban-seconds", "60", "--pool-limit", "100"]);
        assert_eq!(cli.run.pool_config.tx_ban_seconds, Some(60));
        assert_eq!(cli.run.pool_config.pool_limit, 100);
    }
}
